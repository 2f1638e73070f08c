//! The archives of a place, by the manifests beside them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use backstay_archive::manifest::{BESIDE, LONGEST_BESIDE, Link, Manifest, beside_name};
use backstay_archive::read::{Neighbours, StoreInput};
use backstay_archive::{Archive, ArchiveError};
use backstay_core::{StoredFile, Timestamp};
use backstay_model::{RepositoryId, Time};
use parking_lot::Mutex;

use super::Place;
use crate::work::{Class, Result, WorkError};

/// An archive, by what stands beside it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// Its file in the store.
    pub(super) file: StoredFile,
    /// When it was whole: when its manifest was put there.
    put: Timestamp,
    pub(super) manifest: Manifest,
}

/// What lies at a place.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// Archives of the length that their manifests tell, the newest first.
    pub(super) archives: Vec<Known>,
    /// Such whose file is not there or of another length, the newest first, with what is wrong with them.
    broken: Vec<(Known, &'static str)>,
    /// Manifests that cannot be read, and such that do not fit their archives, with why.
    pub(super) odd: Vec<String>,
    /// Names that are taken, of whatever.
    pub(super) names: Vec<String>,
}

/// Manifests that were read before: they never change, so one whose file is as it was is not read again.
#[derive(Default)]
pub(in crate::work) struct Manifests(Mutex<HashMap<RepositoryId, ByName>>);

/// Manifests with their files, by the names of these.
type ByName = BTreeMap<String, (StoredFile, Manifest)>;

impl Manifests {
    /// All that lies at a place.
    pub(super) fn inventory(&self, place: &Place) -> Result<Inventory> {
        let mut files = BTreeMap::new();
        let listed = place.store.list(place.context(), &mut |file| {
            if file.name.starts_with(&place.prefix) {
                files.insert(file.name.clone(), file);
            }
        });
        listed.map_err(|error| WorkError::of_archive_store(&error))?;
        let mut before = self.0.lock().remove(&place.repository).unwrap_or_default();
        let mut known = BTreeMap::new();
        let mut found = Inventory::default();
        for (name, beside) in &files {
            let Some(archive) = name.strip_suffix(BESIDE) else { continue };
            place.control.checkpoint().map_err(|_| WorkError::interrupted())?;
            let manifest = match before.remove(name).filter(|(file, _)| file == beside) {
                Some((_, manifest)) => manifest,
                None => match read(place, beside) {
                    Ok(manifest) => manifest,
                    Err(error) if error.class() == Class::Damaged => {
                        let told = error.message();
                        let is_named = told.contains(name.as_str());
                        found.odd.push(if is_named { told.to_owned() } else { format!("{name}: {told}") });
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            let it = |file| Known { file, put: beside.modified, manifest: manifest.clone() };
            match files.get(archive) {
                None => {
                    found.odd.push(format!("{name}: its archive is not there"));
                    let gone = StoredFile { name: archive.to_owned(), size: 0, ..beside.clone() };
                    found.broken.push((it(gone), "is not there: all there is of it is its manifest"));
                }
                Some(file) if manifest.file.is_some_and(|facts| facts.size != file.size) => {
                    found.odd.push(format!("{archive}: it is not of the length that its manifest tells"));
                    found.broken.push((it(file.clone()), "is not of the length that its manifest tells"));
                }
                Some(file) => found.archives.push(it(file.clone())),
            }
            known.insert(name.clone(), (beside.clone(), manifest));
        }
        self.0.lock().insert(place.repository, known);
        found.archives.sort_by(Known::newest_first);
        found.broken.sort_by(|(one, _), (other, _)| one.newest_first(other));
        found.odd.extend(doubled(&found.archives));
        found.names = files.into_keys().collect();
        Ok(found)
    }
}

/// Archives that tell the id of another one: what one of them needs, or who needs it, is not known then.
fn doubled(archives: &[Known]) -> Vec<String> {
    let mut seen = HashMap::new();
    let mut doubled = Vec::new();
    for Known { file, manifest, .. } in archives {
        if let Some(other) = seen.insert(manifest.id.0, &file.name) {
            doubled.push(format!("{}: its manifest tells the id of {other}", file.name));
        }
    }
    doubled
}

/// Reads a manifest beside an archive.
fn read(place: &Place, beside: &StoredFile) -> Result<Manifest> {
    if beside.size > LONGEST_BESIDE {
        return Err(WorkError::new(Class::Damaged, "it is too long for a manifest"));
    }
    let mut text = vec![0; usize::try_from(beside.size).unwrap_or(0)];
    let read = place.store.read_at(&beside.name, 0, &mut text, place.context());
    read.map_err(|error| WorkError::of_archive_store(&error))?;
    Ok(Manifest::from_json(&text, &beside.name)?)
}

impl Inventory {
    /// The archive of an id, of the beginning of one, or the `latest`.
    ///
    /// # Errors
    /// When there is none, or it is broken: an older one is never taken for the one that was asked for.
    pub(super) fn find(&self, name: &str) -> Result<&Known> {
        let known = self.named(name)?;
        self.check(known)?;
        Ok(known)
    }

    /// The same, broken or not.
    pub(super) fn named(&self, name: &str) -> Result<&Known> {
        let missing = |text: String| {
            WorkError::new(Class::NotFound, text)
                .hint("list the archives of the destination and give the whole id; it may have been removed meanwhile")
        };
        if name == "latest" {
            let newest = self.all().min_by(|one, other| one.newest_first(other));
            return newest.ok_or_else(|| missing("there is no archive yet".to_owned()));
        }
        let fits = |known: &&Known| {
            let id = known.manifest.id.to_string();
            name.len() >= 4 && id.starts_with(name) || known.file.name == name
        };
        let mut found = self.all().filter(fits);
        match (found.next(), found.next()) {
            (Some(known), None) => Ok(known),
            (None, _) => Err(missing(format!("there is no archive {name}"))),
            (Some(_), Some(_)) => Err(missing(format!("there are several archives {name}"))),
        }
    }

    /// Refuses an archive that cannot be whole.
    pub(super) fn check(&self, known: &Known) -> Result<()> {
        match self.trouble(known) {
            None => Ok(()),
            Some(what) => Err(WorkError::new(Class::Damaged, format!("{} {what}", known.file.name))
                .hint("choose an older archive, or a copy at another destination")),
        }
    }

    /// Why an archive cannot be whole.
    pub(super) fn trouble(&self, known: &Known) -> Option<&'static str> {
        let found = self.broken.iter().find(|(broken, _)| broken.file.name == known.file.name);
        found.map(|(_, what)| *what)
    }

    /// All archives, broken or not.
    pub(super) fn all(&self) -> impl Iterator<Item = &Known> {
        self.archives.iter().chain(self.broken.iter().map(|(known, _)| known))
    }

    pub(super) fn is_taken(&self, name: &str) -> bool {
        let is_there = |name: &String| self.names.binary_search(name).is_ok();
        is_there(&name.to_owned()) || is_there(&beside_name(name))
    }
}

impl Known {
    /// Its id, as text.
    pub(super) fn id(&self) -> String {
        self.manifest.id.to_string()
    }

    /// Sorts the newest first. Of the same second, the one that was put there later is the later one.
    pub(super) fn newest_first(&self, other: &Self) -> Ordering {
        let key = |known: &Self| {
            let Self { put, manifest, .. } = known;
            (manifest.created.seconds, put.seconds, put.nanos, manifest.chain.len())
        };
        key(other).cmp(&key(self)).then_with(|| self.file.name.cmp(&other.file.name))
    }

    /// When it was made.
    pub(super) fn time(&self) -> Time {
        Time::from_second(self.manifest.created.seconds).unwrap_or(Time::UNIX_EPOCH)
    }

    /// What is said of its paths; bytes that are no text are replaced.
    pub(super) fn paths(&self) -> Vec<String> {
        let text = |path: &backstay_archive::manifest::RawText| String::from_utf8_lossy(&path.0).into_owned();
        self.manifest.source.paths.iter().map(text).collect()
    }

    /// Opens it.
    pub(super) fn open(&self, place: &Place) -> Result<Archive, ArchiveError> {
        let input = StoreInput::new(Arc::clone(&place.store), &self.file, place.control.clone());
        Archive::open(Arc::new(input), self.file.name.clone(), &place.identities)
    }
}

/// Opens the archives that another one needs, wherever at the place they lie.
pub(super) struct Chain<'a> {
    pub(super) place: &'a Place,
    pub(super) inventory: &'a Inventory,
}

impl Neighbours for Chain<'_> {
    fn open(&self, link: &Link) -> Result<Archive, ArchiveError> {
        let found = self.inventory.archives.iter().find(|known| known.manifest.id == link.id);
        found.ok_or_else(|| ArchiveError::Parent("it is not at the destination".to_owned()))?.open(self.place)
    }
}
