//! The end of a backup: the last packs, the index, the snapshot.

use std::sync::Arc;

use backstay_core::{FileId, FileKind, Interrupted, SinkError, Timestamp};

use super::crew::Crew;
use super::destination::Shared;
use super::sink::BackupSink;
use super::worker::Work;
use crate::format::{Snapshot, Summary};
use crate::repository::Repository;
use crate::{Error, Result};

/// What a backup stored.
#[derive(Debug, Clone, Copy)]
pub struct BackupOutcome {
    /// The root tree.
    pub tree: FileId,
    /// Its figures, without start and end.
    pub summary: Summary,
    /// Items that could not be read. When there are any, the snapshot is incomplete.
    pub failures: u64,
}

/// What of a backup came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    /// The repository of this number, as they were given.
    Repository(usize),
    /// The other sink of this number. Whoever owns it finishes it.
    Sink(usize),
}

impl BackupSink {
    /// Waits until everything is stored, and writes the index. The source has closed the root folder.
    ///
    /// # Errors
    /// Whatever kept the backup from being completed. What is stored stays, and need not be stored again.
    pub fn finish(mut self) -> Result<BackupOutcome> {
        self.crew.standing.wait(|| {
            let is_over = self.crew.has_settled() || self.crew.control.is_cancelled();
            is_over.then_some(())
        });
        let Some(shared) = self.crew.destinations.first().cloned() else {
            return Err(Error::Invalid("the backup has no repository".into()));
        };
        if !shared.has_failed() && shared.root_tree.lock().is_none() {
            self.crew.control.checkpoint()?;
        }
        self.stop();
        shared.finish()
    }

    /// Waits until everything is stored, and ends all that the backup goes to, each on a thread of its own, so that a slow one holds
    /// nobody. What came of each is told on its thread as soon as it is known. The source has closed the root folder, or all has failed.
    pub fn finish_each(mut self, told: &(dyn Fn(Party, Result<Option<BackupOutcome>, SinkError>) + Sync)) {
        let crew = Arc::clone(&self.crew);
        let is_whole = crew.standing.wait(|| match (crew.has_settled(), crew.control.is_cancelled()) {
            (true, _) => Some(true),
            (false, cancelled) => cancelled.then_some(false),
        });
        self.stop();
        if !is_whole {
            crew.fail(&SinkError::Interrupted(Interrupted));
        }
        std::thread::scope(|scope| {
            for (number, guest) in crew.guests.iter().enumerate() {
                scope.spawn(move || {
                    let outcome = if guest.has_failed() { Err(guest.take_failure()) } else { Ok(None) };
                    told(Party::Sink(number), outcome);
                });
            }
            for shared in &crew.destinations {
                scope.spawn(move || {
                    told(Party::Repository(shared.number), shared.finish().map(Some).map_err(Into::into))
                });
            }
        });
    }

    /// Whether everything that the backup goes to has failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.crew.has_failed()
    }

    /// Lets the workers end.
    fn stop(&mut self) {
        self.watch = None;
        // A source may still hold folders, and with them the queue, so the end is sent and not left to the last sender.
        for _ in &self.workers {
            let _ = self.jobs.send(Work::End);
        }
        for worker in self.workers.drain(..) {
            if worker.join().is_err() {
                self.crew.fail(&SinkError::failed("a worker ended unexpectedly"));
            }
        }
    }
}

impl Crew {
    /// Whether everything has all it needs, or has failed.
    fn has_settled(&self) -> bool {
        self.destinations.iter().all(|shared| !self.takes_part(shared) || shared.root_tree.lock().is_some())
            && self.guests.iter().all(|guest| guest.has_failed() || guest.has_all())
    }
}

impl Shared {
    /// Stores what is left, and the index. The workers have ended.
    fn finish(&self) -> Result<BackupOutcome> {
        let tree = *self.root_tree.lock();
        let packers = self.take_packers().map(Arc::try_unwrap);
        match (packers, tree) {
            (Some(Ok(packers)), _) if self.has_failed() => {
                packers.part();
                Err(self.failure().into())
            }
            (_, _) if self.has_failed() => Err(self.failure().into()),
            (Some(Ok(packers)), Some(tree)) => {
                packers.finish()?;
                Ok(BackupOutcome { tree, summary: self.stats.summary(), failures: self.stats.failures() })
            }
            _ => Err(Error::Invalid("the backup is still being used".into())),
        }
    }
}

impl Drop for BackupSink {
    fn drop(&mut self) {
        if !self.workers.is_empty() {
            self.crew.fail(&SinkError::Interrupted(Interrupted));
            self.stop();
            std::thread::scope(|scope| {
                for shared in &self.crew.destinations {
                    // Where a source still holds it, what is in hand goes with it.
                    if let Some(Ok(packers)) = shared.take_packers().map(Arc::try_unwrap) {
                        scope.spawn(move || packers.part());
                    }
                }
            });
        }
    }
}

/// What a snapshot says besides its tree.
#[derive(Debug, Clone, Default)]
pub struct SnapshotDetails {
    /// The backup's time; now when `None`.
    pub time: Option<Timestamp>,
    /// When the backup began.
    pub started: Timestamp,
    /// The snapshot it was compared with.
    pub parent: Option<FileId>,
    /// What was backed up, absolute.
    pub paths: Vec<String>,
    /// The host; this one when `None`.
    pub host: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Patterns that were left out.
    pub excludes: Vec<String>,
    /// Name and version of the program.
    pub program: String,
}

/// Stores the snapshot of a finished backup.
///
/// # Errors
/// When the storage cannot take it.
pub fn save_snapshot(
    repository: &Repository,
    outcome: &BackupOutcome,
    details: SnapshotDetails,
) -> Result<(FileId, Snapshot)> {
    let identity = &repository.environment().identity;
    let now = repository.environment().clock.now();
    let summary = Summary { backup_start: details.started, backup_end: now, ..outcome.summary };
    let snapshot = Snapshot {
        time: details.time.unwrap_or(details.started),
        parent: details.parent,
        tree: outcome.tree,
        paths: details.paths,
        hostname: details.host.unwrap_or_else(|| identity.host.clone()),
        username: identity.user.clone(),
        uid: identity.uid,
        gid: identity.gid,
        excludes: details.excludes,
        tags: details.tags,
        original: None,
        program_version: details.program,
        summary: Some(summary),
    };
    let id = repository.save_unpacked(FileKind::Snapshot, &snapshot.to_json())?;
    Ok((id, snapshot))
}
