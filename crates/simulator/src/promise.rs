//! What a repository owes its user: the snapshots that were reported complete and not asked to be forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstay_core::{FileId, Silent};
use backstay_engine::Repository;
use backstay_engine::index::Index;
use backstay_engine::repository::SnapshotEntry;
use backstay_engine::restore::{RestoreOptions, Selected, restore};

use crate::target::{Collector, Image, difference};
use crate::tree::Version;

/// How a snapshot has to come back.
#[derive(Debug, Clone)]
pub(crate) enum Promise {
    /// Exactly as it was.
    Whole(Arc<Version>),
    /// At least these items: the others were damaged by what no backup program can help.
    Undamaged(Arc<Image>),
    /// Nothing but what was there: the snapshot was reported incomplete.
    Part(Arc<Version>),
}

/// By the id that a snapshot had first: some operations write it anew under another.
pub(crate) type Promises = BTreeMap<FileId, Promise>;

impl Promise {
    fn broken_by(&self, found: &Image) -> Option<String> {
        match self {
            Self::Whole(version) => difference(&version.image, found, true),
            Self::Undamaged(image) => difference(image, found, false),
            Self::Part(version) => difference(found, &version.image, false),
        }
    }

    /// Whether nothing at all is owed.
    pub(crate) fn is_void(&self) -> bool {
        matches!(self, Self::Undamaged(image) if image.is_empty())
    }

    /// The version, if it can be built upon.
    pub(crate) fn version(&self) -> Option<&Arc<Version>> {
        match self {
            Self::Whole(version) => Some(version),
            Self::Undamaged(_) | Self::Part(_) => None,
        }
    }
}

/// What came out of a restore.
pub(crate) struct Restored {
    /// The items that came back, as the engine says, whole.
    pub(crate) image: Image,
    /// Items that it said it could not restore.
    pub(crate) failures: u64,
}

/// Restores a snapshot into memory.
pub(crate) fn restored(
    repository: &Repository,
    index: &Arc<Index>,
    entry: &SnapshotEntry,
) -> Result<Restored, String> {
    let target = Collector::default();
    let select = |_: &[u8], _: bool| Selected::ALL;
    let options = RestoreOptions::default();
    let report = restore(repository, index, entry.snapshot.tree, &target, &select, options, &Silent)
        .map_err(|error| format!("restore of {}: {error}", entry.id.short()))?;
    Ok(Restored { image: target.image(), failures: report.failures })
}

/// Restores a snapshot and compares.
pub(crate) fn keep(
    repository: &Repository,
    index: &Arc<Index>,
    entry: &SnapshotEntry,
    promise: &Promise,
) -> Result<(), String> {
    let Restored { image, failures } = restored(repository, index, entry)?;
    let id = entry.id.short();
    if let Some(why) = promise.broken_by(&image) {
        return Err(format!("snapshot {id}: {why} ({failures} failures reported)"));
    }
    if failures > 0 {
        return Err(format!("snapshot {id}: {failures} failures reported, though all is there"));
    }
    Ok(())
}

/// Restores a snapshot of a repository that lost data. What comes back has to be right; whether all did is returned.
pub(crate) fn is_whole(
    repository: &Repository,
    index: &Arc<Index>,
    entry: &SnapshotEntry,
    promise: &Promise,
) -> Result<bool, String> {
    let Restored { image, failures } = restored(repository, index, entry)?;
    let Some(version) = promise.version() else { return Ok(failures == 0) };
    match difference(&version.image, &image, true) {
        None => Ok(true),
        Some(why) if failures == 0 => {
            Err(format!("snapshot {}: {why}, and nobody said so", entry.id.short()))
        }
        Some(_) => {
            let wrong = image.iter().find(|(path, thing)| version.image.get(*path) != Some(*thing));
            match wrong {
                Some((path, _)) => Err(format!(
                    "snapshot {}: {:?} came back wrong beside files that were said to fail",
                    entry.id.short(),
                    String::from_utf8_lossy(path)
                )),
                None => Ok(false),
            }
        }
    }
}
