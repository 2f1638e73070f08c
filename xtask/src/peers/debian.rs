//! Taking a program out of a Debian package without installing it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace;

/// Fetches `package` (`name` or `name=version`) and unpacks its files under `folder`.
pub(crate) fn unpack(package: &str, folder: &Path) -> Result<()> {
    let partial = folder.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("cannot remove {}", partial.display()))?;
    }
    fs::create_dir_all(&partial).with_context(|| format!("cannot make {}", partial.display()))?;

    if let Err(error) = download(package, &partial) {
        // A machine fresh from its image has no package lists yet; only root can fetch them.
        workspace::run(Command::new("apt-get").args(["update", "--quiet"])).map_err(|_| error)?;
        download(package, &partial)?;
    }
    let archive = archive(&partial)?;
    workspace::run(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(&partial))?;
    fs::remove_file(&archive).with_context(|| format!("cannot remove {}", archive.display()))?;
    fs::rename(&partial, folder).with_context(|| format!("cannot put {} in place", folder.display()))
}

fn download(package: &str, folder: &Path) -> Result<()> {
    // Root would have the download done by a user who may not write here.
    let mut command = Command::new("apt-get");
    command.current_dir(folder).args(["download", "--quiet", "--option", "APT::Sandbox::User=root", package]);
    workspace::read(&mut command).map(drop)
}

/// The one package file in `folder`.
fn archive(folder: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("apt-get fetched no package file")
}
