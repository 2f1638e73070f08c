//! Where archives lie that somebody names: in a folder of this machine, or on the network.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstay_archive::crypt::Identities;
use backstay_archive::local;
use backstay_archive::manifest::{BESIDE, LONGEST_BESIDE, Link, Manifest, beside_name};
use backstay_archive::read::{Neighbours, ReadAt, StoreInput};
use backstay_archive::{Archive, ArchiveError};
use backstay_core::{ArchiveStore, CallContext, Control, ErrorKind, StorageError, StoredFile};

use super::{folder, store};
use crate::app::App;
use crate::args::AtReceiver;
use crate::failure::Outcome;

/// A folder that archives lie in.
pub(super) enum Place {
    /// Of this machine; the empty path is the current one.
    Here(PathBuf),
    /// Of a store; the empty name is its uppermost.
    There { store: Arc<dyn ArchiveStore>, folder: String, control: Control },
}

/// What somebody named: an archive in a folder, or a folder.
pub(super) struct Named {
    pub(super) place: Place,
    /// The archive's name there; none for the folder itself.
    pub(super) name: Option<String>,
}

/// An archive by what stands beside it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// Its name from the folder on.
    pub(super) name: String,
    pub(super) manifest: Manifest,
}

/// Finds out what somebody means. What does not exist is taken for an archive of this machine, or a folder on the network.
pub(super) fn named(app: &App, text: &Path, at: &AtReceiver) -> Outcome<Named> {
    let Some(remote) = store::remote(text)? else {
        let Some(name) = text.file_name().and_then(|name| name.to_str()).filter(|_| !text.is_dir()) else {
            return Ok(Named { place: Place::Here(text.to_owned()), name: None });
        };
        let folder = text.parent().unwrap_or(Path::new("")).to_owned();
        return Ok(Named { place: Place::Here(folder), name: Some(name.to_owned()) });
    };
    let there = |(store, folder)| Place::There { store, folder, control: app.control.clone() };
    if let Some((parent, name)) = remote.parent() {
        let place = there(parent.open(app, at)?);
        if place.stat(&name)?.is_some() {
            return Ok(Named { place, name: Some(name) });
        }
    }
    Ok(Named { place: there(remote.open(app, at)?), name: None })
}

impl Place {
    /// An archive, as people are told of it.
    pub(super) fn label(&self, name: &str) -> String {
        match self {
            Self::Here(folder) => folder.join(name).display().to_string(),
            Self::There { store, folder, .. } => {
                let location = store.location();
                let location = location.trim_end_matches('/');
                match folder.as_str() {
                    "" => format!("{location}/{name}"),
                    folder => format!("{location}/{folder}/{name}"),
                }
            }
        }
    }

    /// Whether a path that somebody named is one of this machine and leads nowhere.
    pub(super) fn lacks(&self, text: &Path) -> bool {
        matches!(self, Self::Here(_)) && !text.exists()
    }

    /// The file in the store; none where there is no such.
    fn stat(&self, name: &str) -> Result<Option<StoredFile>, StorageError> {
        let Self::There { store, control, .. } = self else { return Ok(None) };
        match store.stat(&self.full(name), CallContext::with(control)) {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            found => found.map(Some),
        }
    }

    /// Whether there is an archive of this name.
    pub(super) fn has(&self, name: &str) -> Outcome<bool> {
        match self {
            Self::Here(folder) => Ok(folder.join(name).is_file()),
            Self::There { .. } => Ok(self.stat(name)?.is_some()),
        }
    }

    /// The name in the store of what has this name in the folder.
    fn full(&self, name: &str) -> String {
        match self {
            Self::There { folder, .. } if !folder.is_empty() => format!("{folder}/{name}"),
            _ => name.to_owned(),
        }
    }

    /// All archives in it and below, by their names. What cannot be read is told and passed over; so is a manifest whose archive is not there.
    pub(super) fn archives(&self, app: &App) -> Outcome<Vec<Known>> {
        let (store, folder) = match self {
            Self::Here(place) => {
                let listed = folder::archives(app, folder::or_here(place))?;
                let known = listed.into_iter().map(|known| {
                    let name = known.path.strip_prefix(folder::or_here(place)).unwrap_or(&known.path);
                    Known { name: name.display().to_string(), manifest: known.manifest }
                });
                return Ok(known.collect());
            }
            Self::There { store, folder, .. } => (store, folder),
        };
        let mut names = std::collections::BTreeSet::new();
        store.list(CallContext::with(&app.control), &mut |file| {
            let below = match folder.as_str() {
                "" => Some(file.name.as_str()),
                folder => file.name.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')),
            };
            names.extend(below.map(str::to_owned));
        })?;
        let mut found = Vec::new();
        for archive in names.iter().filter_map(|name| name.strip_suffix(BESIDE)) {
            app.control.checkpoint()?;
            match self.beside(archive) {
                Ok(Some(manifest)) if names.contains(archive) => {
                    found.push(Known { name: archive.to_owned(), manifest });
                }
                Ok(Some(_)) => app
                    .console
                    .complain(format!("{}: its archive is not there", self.label(&beside_name(archive)))),
                Ok(None) => {}
                Err(error) => app.console.complain(format!("warning: {error}")),
            }
        }
        Ok(found)
    }

    /// The manifest beside an archive; `None` where there is none.
    pub(super) fn beside(&self, name: &str) -> Result<Option<Manifest>, ArchiveError> {
        let Self::There { store, control, .. } = self else {
            return local::read_beside(&self.path(name));
        };
        let beside = beside_name(name);
        let label = self.label(&beside);
        let Some(file) = self.stat(&beside).map_err(failed)? else { return Ok(None) };
        let mut text = vec![0; usize::try_from(file.size.min(LONGEST_BESIDE)).unwrap_or_default()];
        let read = store.read_at(&file.name, 0, &mut text, CallContext::with(control));
        read.map_err(failed)?;
        Manifest::from_json(&text, &label).map(Some)
    }

    /// The bytes of an archive.
    pub(super) fn input(&self, name: &str) -> Result<Arc<dyn ReadAt>, ArchiveError> {
        let Self::There { store, control, .. } = self else { return folder::input(&self.path(name)) };
        let missing = || {
            let cause = std::io::ErrorKind::NotFound.into();
            ArchiveError::Io { action: "open", what: self.label(name), cause }
        };
        let file = self.stat(name).map_err(failed)?.ok_or_else(missing)?;
        Ok(Arc::new(StoreInput::new(Arc::clone(store), &file, control.clone())))
    }

    /// Opens an archive.
    pub(super) fn open(&self, name: &str, identities: &Identities) -> Result<Archive, ArchiveError> {
        Archive::open(self.input(name)?, self.label(name), identities)
    }

    /// Removes an archive: its manifest first, so that what is left of it after a failure counts as no archive.
    pub(super) fn remove(&self, name: &str) -> Outcome {
        let Self::There { store, control, .. } = self else {
            return Ok(local::remove(&self.path(name))?);
        };
        let context = CallContext::with(control);
        match store.remove(&self.full(&beside_name(name)), context) {
            Err(error) if error.kind == ErrorKind::NotFound => {}
            removed => removed?,
        }
        Ok(store.remove(&self.full(name), context)?)
    }

    fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::Here(folder) => folder.join(name),
            Self::There { .. } => PathBuf::from(name),
        }
    }
}

fn failed(error: StorageError) -> ArchiveError {
    match error.kind {
        ErrorKind::Cancelled => ArchiveError::Interrupted(backstay_core::Interrupted),
        _ => error.into(),
    }
}

/// Opens the archives that one needs: in its folder, by their names, or by their ids where they were renamed.
pub(super) struct Beside<'a> {
    pub(super) app: &'a App,
    pub(super) place: &'a Place,
    /// The archive that needs them.
    pub(super) name: &'a str,
    pub(super) identities: &'a Identities,
}

impl Neighbours for Beside<'_> {
    fn open(&self, link: &Link) -> Result<Archive, ArchiveError> {
        let folder = self.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let within =
            |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        // The name comes from a manifest: it stays in this folder.
        let is_plain = Path::new(&link.name).file_name().is_some_and(|name| name == link.name.as_str());
        let named = within(&link.name);
        let is_there = is_plain && self.place.has(&named).unwrap_or(false);
        let name = if is_there { Some(named) } else { self.by_id(link) };
        let name = name.ok_or_else(|| ArchiveError::Parent("it is not in the folder".to_owned()))?;
        self.place.open(&name, self.identities)
    }
}

impl Beside<'_> {
    fn by_id(&self, link: &Link) -> Option<String> {
        let known = self.place.archives(self.app).ok()?;
        known.into_iter().find(|one| one.manifest.id == link.id).map(|one| one.name)
    }
}
