//! A file system whose files share blocks, in a file of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::peers::debian;
use crate::workspace;

/// A mounted XFS. It is unmounted when it is dropped.
pub(super) struct Xfs {
    mount: PathBuf,
}

impl Xfs {
    /// Makes one of `bytes` in `folder` and mounts it, which only root may. `program` is `mkfs.xfs` in its packages' folder.
    pub(super) fn make(folder: &Path, bytes: u64, program: &Path) -> Result<Self> {
        let (image, mount) = (folder.join("image"), folder.join("mounted"));
        fs::create_dir_all(&mount).with_context(|| format!("cannot make {}", mount.display()))?;
        File::create(&image).and_then(|file| file.set_len(bytes)).context("cannot make the image")?;
        let mut make = Command::new(program);
        let packages = program.ancestors().nth(2);
        make.envs(packages.and_then(debian::libraries).map(|libraries| ("LD_LIBRARY_PATH", libraries)));
        workspace::read(make.args(["-q", "-m", "reflink=1"]).arg(&image))?;
        workspace::read(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&mount))?;
        Ok(Self { mount })
    }

    pub(super) fn mount(&self) -> &Path {
        &self.mount
    }
}

impl Drop for Xfs {
    fn drop(&mut self) {
        // What is still at work there keeps it; then the folder stays, and says so.
        let _ = Command::new("umount").arg(&self.mount).status();
    }
}
