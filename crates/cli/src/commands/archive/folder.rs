//! The archives in a folder, by the manifests beside them.

use std::path::{Path, PathBuf};

use backstay_archive::crypt::Identities;
use backstay_archive::local::read_beside;
use backstay_archive::manifest::{BESIDE, Link, Manifest};
use backstay_archive::read::Neighbours;
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
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Opens the archives that one needs: in its folder, by their names, or by their ids where they were renamed.
pub(super) struct InFolder<'a> {
    pub(super) app: &'a App,
    pub(super) folder: &'a Path,
    pub(super) identities: &'a Identities,
}

impl Neighbours for InFolder<'_> {
    fn open(&self, link: &Link) -> Result<Archive, ArchiveError> {
        // The name comes from a manifest: it stays in this folder.
        let is_plain = Path::new(&link.name).file_name().is_some_and(|name| name == link.name.as_str());
        let named = self.folder.join(&link.name);
        let path = if is_plain && named.is_file() { Some(named) } else { self.by_id(link) };
        let path = path.ok_or_else(|| ArchiveError::Parent("it is not in the folder".to_owned()))?;
        open(&path, self.identities)
    }
}

impl InFolder<'_> {
    fn by_id(&self, link: &Link) -> Option<PathBuf> {
        let known = archives(self.app, self.folder).ok()?;
        known.into_iter().find(|one| one.manifest.id == link.id).map(|one| one.path)
    }
}

/// Opens an archive of this machine.
pub(super) fn open(path: &Path, identities: &Identities) -> Result<Archive, ArchiveError> {
    let label = path.display().to_string();
    let input = super::input(path).map_err(|failure| ArchiveError::Parent(strip(&failure.to_string())))?;
    Archive::open(input, label, identities)
}

fn strip(message: &str) -> String {
    message.strip_prefix("Fatal: ").unwrap_or(message).to_owned()
}
