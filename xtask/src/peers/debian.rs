//! Taking programs out of Debian packages without installing them.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace;

/// Fetches packages (`name` or `name=version`) and unpacks their files under `folder`.
pub(crate) fn unpack(packages: &[&str], folder: &Path) -> Result<()> {
    let partial = folder.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("cannot remove {}", partial.display()))?;
    }
    fs::create_dir_all(&partial).with_context(|| format!("cannot make {}", partial.display()))?;

    if let Err(error) = download(packages, &partial) {
        // A machine fresh from its image has no package lists yet; only root can fetch them.
        workspace::run(Command::new("apt-get").args(["update", "--quiet"])).map_err(|_| error)?;
        download(packages, &partial)?;
    }
    let archives = archives(&partial)?;
    anyhow::ensure!(
        archives.len() == packages.len(),
        "apt-get fetched {} of {} packages",
        archives.len(),
        packages.len()
    );
    for archive in archives {
        workspace::run(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(&partial))?;
        fs::remove_file(&archive).with_context(|| format!("cannot remove {}", archive.display()))?;
    }
    fs::rename(&partial, folder).with_context(|| format!("cannot put {} in place", folder.display()))
}

/// Where the libraries lie that were unpacked into this folder, as `LD_LIBRARY_PATH` has them.
pub(crate) fn libraries(folder: &Path) -> Option<OsString> {
    let of_machine = |folder: &Path| {
        let mut entries = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        entries.find(|path| path.to_string_lossy().ends_with("-linux-gnu"))
    };
    let own = of_machine(&folder.join("usr/lib"));
    let apart = ["pulseaudio", "systemd"].map(|name| own.as_ref().map(|folder| folder.join(name)));
    let all = [own.clone(), of_machine(&folder.join("lib"))].into_iter().chain(apart);
    std::env::join_paths(all.flatten()).ok()
}

fn download(packages: &[&str], folder: &Path) -> Result<()> {
    // Root would have the download done by a user who may not write here.
    let mut command = Command::new("apt-get");
    command
        .current_dir(folder)
        .args(["download", "--quiet", "--option", "APT::Sandbox::User=root"])
        .args(packages);
    workspace::read(&mut command).map(drop)
}

/// The package files in `folder`.
fn archives(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths.filter(|path| path.extension().is_some_and(|extension| extension == "deb")).collect())
}
