//! Forgetting: what the retention rules need to know of a snapshot, and the removal of those that go.
//!
//! Between the two stands the caller: it groups the facts, applies its policy to each group, and asks or shows before anything
//! is removed. Only the small snapshot files go here. What they referred to stays until a [prune](crate::prune), so a snapshot
//! that was forgotten by mistake costs nothing but its own file.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use backstay_core::{Events, FileId, FileKind, Handle, Timestamp};
use backstay_policy::{Moment, SnapshotFacts};
use parking_lot::Mutex;

use crate::repository::{Lock, Repository, SnapshotEntry};
use crate::side_by_side::try_for_each;
use crate::{Error, Result};

/// A moment in the form that the rules read.
#[must_use]
pub const fn moment(time: &Timestamp) -> Moment {
    Moment { seconds: time.seconds, nanos: time.nanos, offset: time.offset }
}

/// What the retention rules need to know of a snapshot. Paths are put in order, as restic shows them.
#[must_use]
pub fn facts(mut entry: SnapshotEntry) -> SnapshotFacts<SnapshotEntry> {
    entry.snapshot.paths.sort_unstable();
    SnapshotFacts {
        time: moment(&entry.snapshot.time),
        host: entry.snapshot.hostname.clone(),
        paths: entry.snapshot.paths.clone(),
        tags: entry.snapshot.tags.clone(),
        id: entry,
    }
}

/// What became of snapshots that were to be removed, each list in the order of the ids.
#[derive(Debug, Default)]
pub struct RemoveReport {
    /// The snapshots that are gone.
    pub removed: Vec<FileId>,
    /// The snapshots that could not be removed, and why.
    pub failed: Vec<(FileId, Error)>,
}

/// Removes snapshots, several at once. One that cannot be removed does not keep the others: it is told to `events` at
/// once (`item_failed` with its handle, during `forget`) and stands in the report.
///
/// `lock` has to be an exclusive one on this repository. It is confirmed before each removal, which costs nothing while it
/// holds. Progress is the step `files deleted`.
///
/// # Errors
/// [`Error::LockLost`] and [`Error::Locked`] when the repository is not ours to change, [`Error::Interrupted`] when the work is
/// cancelled. What was removed until then stays removed.
pub fn remove_snapshots(
    repository: &Repository,
    lock: &Lock,
    ids: &BTreeSet<FileId>,
    events: &dyn Events,
) -> Result<RemoveReport> {
    let ids: Vec<FileId> = ids.iter().copied().collect();
    let (done, report) = (AtomicU64::new(0), Mutex::new(RemoveReport::default()));
    try_for_each(&ids, repository.storage().small_calls(), |id| {
        // Losing the lock cancels the work, so the lock is asked first: it knows the better reason.
        lock.confirm()?;
        repository.control().checkpoint()?;
        let handle = Handle::new(FileKind::Snapshot, *id);
        match repository.storage().remove(&handle, repository.context()) {
            Ok(()) => report.lock().removed.push(*id),
            Err(error) => {
                let error = Error::from(error);
                if error.is_interrupted() {
                    return Err(error);
                }
                events.item_failed(handle.to_string().as_bytes(), "forget", &error.to_string());
                report.lock().failed.push((*id, error));
            }
        }
        events.step("files deleted", done.fetch_add(1, Ordering::Relaxed) + 1, ids.len() as u64);
        Ok::<_, Error>(())
    })?;
    let mut report = report.into_inner();
    report.removed.sort_unstable();
    report.failed.sort_unstable_by_key(|(id, _)| *id);
    Ok(report)
}
