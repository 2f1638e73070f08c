//! Finding snapshots: by id, by `latest`, by host, path and tag.

use backstay_core::{FileId, FileKind, Timestamp};
use parking_lot::Mutex;

use super::Repository;
use crate::format::Snapshot;
use crate::side_by_side::for_each;
use crate::{Error, Result};

/// A snapshot with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotEntry {
    /// The id.
    pub id: FileId,
    /// The snapshot.
    pub snapshot: Snapshot,
}

/// Files that could not be read, and why.
pub type Unreadable = Vec<(FileId, Error)>;

/// Which snapshots are meant. Empty lists leave a property open.
#[derive(Debug, Clone, Default)]
pub struct SnapshotSelector {
    /// Any of these hosts.
    pub hosts: Vec<String>,
    /// All of these absolute paths.
    pub paths: Vec<String>,
    /// Any of these lists of tags, each wholly; an empty list means snapshots without tags.
    pub tags: Vec<Vec<String>>,
    /// Taken at this moment or before.
    pub not_after: Option<Timestamp>,
}

impl SnapshotSelector {
    /// Whether a snapshot is among those meant.
    #[must_use]
    pub fn matches(&self, snapshot: &Snapshot) -> bool {
        let has_tags = |tags: &Vec<String>| match tags.as_slice() {
            [] => snapshot.tags.is_empty(),
            [only] if only.is_empty() => snapshot.tags.is_empty(),
            tags => tags.iter().all(|tag| snapshot.tags.contains(tag)),
        };
        (self.hosts.is_empty() || self.hosts.contains(&snapshot.hostname))
            && self.paths.iter().all(|path| snapshot.paths.contains(path))
            && (self.tags.is_empty() || self.tags.iter().any(has_tags))
            && self.not_after.is_none_or(|limit| {
                (snapshot.time.seconds, snapshot.time.nanos) <= (limit.seconds, limit.nanos)
            })
    }
}

impl Repository {
    /// Loads one snapshot.
    ///
    /// # Errors
    /// When it is not there or damaged.
    pub fn load_snapshot(&self, id: FileId) -> Result<SnapshotEntry> {
        let json = self.load_unpacked(FileKind::Snapshot, id)?;
        Ok(SnapshotEntry { id, snapshot: Snapshot::parse(&json)? })
    }

    /// Loads all snapshots, oldest first; those that cannot be read come as errors.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn load_snapshots(&self) -> Result<(Vec<SnapshotEntry>, Unreadable)> {
        let files = self.list(FileKind::Snapshot)?;
        let (loaded, damaged) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        for_each(&files, self.storage().small_calls(), |(id, _)| match self.load_snapshot(*id) {
            Ok(entry) => loaded.lock().push(entry),
            Err(error) => damaged.lock().push((*id, error)),
        });
        let mut loaded = loaded.into_inner();
        loaded.sort_by_key(|entry| (entry.snapshot.time.seconds, entry.snapshot.time.nanos, entry.id));
        Ok((loaded, damaged.into_inner()))
    }

    /// Loads the snapshots that are meant, oldest first.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn select_snapshots(&self, selector: &SnapshotSelector) -> Result<Vec<SnapshotEntry>> {
        let (mut loaded, mut damaged) = self.load_snapshots()?;
        if let Some((_, error)) = damaged.pop() {
            return Err(error);
        }
        loaded.retain(|entry| selector.matches(&entry.snapshot));
        Ok(loaded)
    }

    /// The snapshot that a name means: an id, the beginning of one, or `latest`, with `:folder` after it if it names a folder in the snapshot.
    /// Returns the folder too, empty for the root.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, [`Error::Invalid`] when the name is not clear.
    pub fn find_snapshot(&self, name: &str, selector: &SnapshotSelector) -> Result<(SnapshotEntry, String)> {
        let (name, folder) = name.split_once(':').unwrap_or((name, ""));
        let entry = if name == "latest" {
            let newest = self.select_snapshots(selector)?.pop();
            newest.ok_or_else(|| Error::NotFound("no snapshot matches: there is no latest one".into()))?
        } else {
            self.load_snapshot(self.find_file(FileKind::Snapshot, name)?)?
        };
        Ok((entry, folder.to_owned()))
    }
}
