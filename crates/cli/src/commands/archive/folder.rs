//! The archives in a folder of this machine, by the manifests beside them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstay_archive::crypt::Identities;
use backstay_archive::local::read_beside;
use backstay_archive::manifest::{BESIDE, Manifest};
use backstay_archive::read::{FileInput, ReadAt};
use backstay_archive::{Archive, ArchiveError};

use crate::app::App;
use crate::failure::{Explain, Outcome};

/// Folders below are looked into this deep.
const DEPTH: usize = 12;

/// An archive by what stands beside it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) path: PathBuf,
    pub(super) manifest: Manifest,
}

/// All archives in a folder and below it, by their names. What cannot be read is told and passed over; so is a manifest whose
/// archive is not there.
pub(super) fn archives(app: &App, folder: &Path) -> Outcome<Vec<Known>> {
    let mut found = Vec::new();
    collect(app, folder, DEPTH, &mut found)?;
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn collect(app: &App, folder: &Path, depth: usize, found: &mut Vec<Known>) -> Outcome {
    let entries = std::fs::read_dir(folder).explain(format!("cannot list {}", folder.display()))?;
    for entry in entries {
        app.control.checkpoint()?;
        let entry = entry.explain(format!("cannot list {}", folder.display()))?;
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth > 0 {
                collect(app, &path, depth - 1, found)?;
            }
            continue;
        }
        let name = entry.file_name();
        let Some(archive) = name.to_str().and_then(|name| name.strip_suffix(BESIDE)) else { continue };
        if archive.starts_with('.') {
            continue;
        }
        let archive = folder.join(archive);
        match read_beside(&archive) {
            Ok(Some(manifest)) if archive.is_file() => found.push(Known { path: archive, manifest }),
            Ok(Some(_)) => app.console.complain(format!("{}: its archive is not there", path.display())),
            Ok(None) => {}
            Err(error) => app.console.complain(format!("warning: {error}")),
        }
    }
    Ok(())
}

/// The folder that a file lies in.
pub(super) fn of(path: &Path) -> &Path {
    or_here(path.parent().unwrap_or(Path::new("")))
}

/// A folder whose path may be empty, which stands for the current one.
pub(super) fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// The bytes of an archive of this machine.
pub(super) fn input(path: &Path) -> Result<Arc<dyn ReadAt>, ArchiveError> {
    let what = path.display().to_string();
    let file = std::fs::File::open(path).and_then(FileInput::new);
    Ok(Arc::new(file.map_err(|cause| ArchiveError::Io { action: "open", what, cause })?))
}

/// Opens an archive of this machine.
pub(super) fn open(path: &Path, identities: &Identities) -> Result<Archive, ArchiveError> {
    Archive::open(input(path)?, path.display().to_string(), identities)
}
