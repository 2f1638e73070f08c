//! The folder in which everything happens: sources, repository, target, and the engines' private folders.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use rustix::fs::FallocateFlags;

use super::machine;
use crate::workspace::{self, Workspace};

/// The memory that the largest corpus needs: two versions, a repository, a target and the engine itself.
const NEEDED: u64 = 12 << 30;

/// Removed when it is dropped.
pub(crate) struct Place {
    root: PathBuf,
    on_disk: bool,
}

impl Place {
    /// Makes an empty place, in memory or on disk.
    pub(crate) fn make(workspace: &Workspace, on_disk: bool) -> Result<Self> {
        let root = if on_disk {
            workspace.root().join("target/bench/work")
        } else {
            let available = machine::memory("MemAvailable")?;
            ensure!(available >= NEEDED, "12 GiB of free memory are needed; use --on-disk instead");
            PathBuf::from("/dev/shm/backstay-bench")
        };
        let place = Self { root, on_disk };
        empty(&place.root)?;
        place.clear()?;
        if !on_disk {
            touch(&place.root, NEEDED)?;
        }
        Ok(place)
    }

    /// What is backed up.
    pub(crate) fn source(&self) -> PathBuf {
        self.root.join("sources/data")
    }

    /// The version that comes into its place.
    pub(crate) fn next(&self) -> PathBuf {
        self.root.join("sources/next")
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.root.join("repository")
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// The engine's home, caches, settings and temporary files.
    pub(crate) fn private(&self, name: &str) -> PathBuf {
        self.root.join("private").join(name)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// A command that sees nothing of the user's settings.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env_clear().env("LANG", "C.UTF-8");
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.env("HOME", self.private("home")).env("XDG_CACHE_HOME", self.private("cache"));
        // Engines put packs that are not full yet into temporary files: these belong into memory too.
        command.env("TMPDIR", self.private("temporary"));
        command
    }

    /// Exchanges the source and its next version.
    pub(crate) fn swap_source(&self) -> Result<()> {
        let aside = self.root.join("sources/aside");
        fs::rename(self.source(), &aside).context("cannot move the source aside")?;
        fs::rename(self.next(), self.source()).context("cannot put the next version in place")?;
        fs::rename(aside, self.next()).context("cannot put the first version aside")?;
        let marker = self.root.join("sources/swapped");
        if marker.exists() {
            fs::remove_file(marker).context("cannot note that the first version is back")
        } else {
            fs::write(marker, b"").context("cannot note that the next version is in place")
        }
    }

    /// Puts the first version back where it was, if it is not.
    pub(crate) fn reset_source(&self) -> Result<()> {
        if self.root.join("sources/swapped").exists() { self.swap_source() } else { Ok(()) }
    }

    /// Lets the disk finish what went before, so that no engine pays for another's writes.
    pub(crate) fn settle(&self) -> Result<()> {
        if self.on_disk { workspace::run(&mut Command::new("sync")) } else { Ok(()) }
    }

    /// The sum of the lengths of all files in the repository.
    pub(crate) fn repository_bytes(&self) -> Result<u64> {
        size(&self.repository()).map(|(_, bytes)| bytes)
    }

    pub(crate) fn clear_target(&self) -> Result<()> {
        empty(&self.target())
    }

    /// Removes all that an engine has made.
    pub(crate) fn clear_engine(&self) -> Result<()> {
        empty(&self.target())?;
        empty(&self.repository())?;
        for name in ["home", "cache", "temporary"] {
            empty(&self.private(name))?;
        }
        Ok(())
    }

    /// Removes the sources and all that an engine has made.
    pub(crate) fn clear(&self) -> Result<()> {
        empty(&self.root.join("sources"))?;
        self.clear_engine()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be removed now is removed when the next run starts.
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Touches `bytes` of memory, and keeps it touched as long as `folder/held` is there, which has to lie in memory.
///
/// A virtual machine gets memory from its host when it first touches it, which takes several times as long as using it
/// again, and may give what is free back in whole blocks of some MiB: the engine that needs much memory soonest would
/// pay for all. Here all of it is touched once, and a page in each MiB is held, so that no block is ever free as a whole.
pub(crate) fn touch(folder: &Path, bytes: u64) -> Result<()> {
    const BLOCK: u64 = 1 << 20;
    const PAGE: u64 = 4 << 10;
    let mut file = fs::File::create(folder.join("held")).context("cannot write to memory")?;
    let block = vec![1u8; BLOCK as usize];
    for _ in 0..bytes / BLOCK {
        file.write_all(&block).context("cannot fill the memory")?;
    }
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    for number in 0..bytes / BLOCK {
        rustix::fs::fallocate(&file, flags, number * BLOCK + PAGE, BLOCK - PAGE)
            .context("cannot empty the memory")?;
    }
    Ok(())
}

/// Makes `folder` exist and be empty.
pub(crate) fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// The number and the total length of the files below `folder`.
pub(crate) fn size(folder: &Path) -> Result<(u64, u64)> {
    let mut total = (0, 0);
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let (files, bytes) = if metadata.is_dir() { size(&entry.path())? } else { (1, metadata.len()) };
        total = (total.0 + files, total.1 + bytes);
    }
    Ok(total)
}
