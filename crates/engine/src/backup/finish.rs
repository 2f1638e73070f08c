//! The end of a backup: the last packs, the index, the snapshot.

use std::sync::Arc;
use std::time::Duration;

use backstay_core::{FileId, FileKind, Timestamp};

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

impl BackupSink {
    /// Waits until everything is stored, and writes the index. The source has closed the root folder.
    ///
    /// # Errors
    /// Whatever kept the backup from being completed. What is stored stays, and need not be stored again.
    pub fn finish(mut self) -> Result<BackupOutcome> {
        let shared = Arc::clone(&self.shared);
        let tree = loop {
            let mut root = shared.root_tree.lock();
            if let Some(tree) = *root {
                break tree;
            }
            if shared.has_failed() {
                return Err(shared.failure().into());
            }
            // Cancelling does not notify, hence the time-out.
            shared.root_done.wait_for(&mut root, Duration::from_millis(100));
            shared.control().checkpoint()?;
        };
        self.stop();
        if shared.has_failed() {
            return Err(shared.failure().into());
        }
        match shared.take_packers().map(Arc::try_unwrap) {
            Some(Ok(packers)) => packers.finish()?,
            _ => return Err(Error::Invalid("the backup is still being used".into())),
        }
        Ok(BackupOutcome { tree, summary: shared.stats.summary(), failures: shared.stats.failures() })
    }

    /// Lets the workers end.
    fn stop(&mut self) {
        // A source may still hold folders, and with them the queue, so the end is sent and not left to the last sender.
        for _ in &self.workers {
            let _ = self.jobs.send(Work::End);
        }
        for worker in self.workers.drain(..) {
            if worker.join().is_err() {
                self.shared.fail(backstay_core::SinkError::failed("a worker ended unexpectedly"));
            }
        }
    }
}

impl Drop for BackupSink {
    fn drop(&mut self) {
        if !self.workers.is_empty() {
            self.shared.fail(backstay_core::SinkError::Interrupted(backstay_core::Interrupted));
            self.stop();
            // Where a source still holds it, what is in hand goes with it.
            if let Some(Ok(packers)) = self.shared.take_packers().map(Arc::try_unwrap) {
                packers.part();
            }
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
