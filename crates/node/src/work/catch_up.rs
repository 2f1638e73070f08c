//! Catching a destination up from another one that has the snapshot already.

use std::sync::Arc;

use backstay_core::{Events, FileId};
use backstay_engine::copy::{Copied, CopyOptions, copy};
use backstay_engine::repository::SnapshotEntry;
use backstay_model::{Level, PlanId, SourceId};

use super::backup::BackupDone;
use super::meter::Meter;
use super::repository::Access;
use super::{Class, Job, Result, WorkError, Workshop};

impl Workshop {
    /// Copies a snapshot of a plan's source from a repository that has it. `None` when what is read has to be cut anew for this one.
    ///
    /// # Errors
    /// When either repository cannot be opened, or the snapshot cannot be copied whole.
    pub fn catch_up(
        &self,
        job: &Job<'_>,
        from: &Job<'_>,
        snapshot: &str,
        (plan, source): (PlanId, SourceId),
    ) -> Result<Option<BackupDone>> {
        let name = &from.repository.destination.name;
        let no_copy = |error: &WorkError| {
            let text = format!(
                "nothing can be copied from {name}, so the source is read again: {}",
                error.message()
            );
            job.report.log(Level::Warning, "copy", &text);
        };
        let whole = match self.open(from, Access::Shared, true) {
            Ok(whole) => whole,
            Err(error) if error.class() == Class::Interrupted => return Err(error),
            Err(error) => {
                no_copy(&error);
                return Ok(None);
            }
        };
        let alike = whole.engine.config().polynomial;
        let target = self.open_alike(job, Access::Shared, true, Some(alike))?;
        if target.engine.config().polynomial != alike {
            let text =
                format!("its repository cuts files elsewhere than {name} does, so the source is read again");
            job.report.log(Level::Info, "copy", &text);
            return Ok(None);
        }
        let id = FileId::from_hex(snapshot)
            .ok_or_else(|| WorkError::new(Class::NotFound, format!("{snapshot} is no id of a snapshot")))?;
        let entry = match whole.engine.load_snapshot(id).map_err(|error| whole.explain(error)) {
            Ok(entry) => entry,
            Err(error) if error.class() == Class::Interrupted => return Err(error),
            Err(error) => {
                no_copy(&error);
                return Ok(None);
            }
        };
        let Some(lock) = target.lock() else { return Ok(None) };
        let text = format!("copying snapshot {} from {name}; the source is not read again", id.short());
        job.report.log(Level::Info, "copy", &text);
        let meter = Arc::new(Meter::new(&job.report, "copying"));
        let events: Arc<dyn Events> = meter.clone();
        let (mut made, mut damaged) = (None, None);
        let (entries, options) = ([entry], CopyOptions::default());
        let mut tell = |_: &SnapshotEntry, copied| match copied {
            Copied::As(id) | Copied::Before(id) => made = Some(id),
            Copied::Not(error) => damaged = Some(whole.explain(error)),
        };
        let outcome = copy(&whole.engine, &target.engine, lock, &entries, &options, &*events, &mut tell);
        meter.finish();
        let (made, bytes_added) = match (outcome.map_err(|error| target.explain(whole.explain(error))), made)
        {
            (Ok(bytes), Some(made)) => (made, bytes),
            (Err(error), _) if !matches!(error.class(), Class::Damaged | Class::NotFound) => {
                return Err(error);
            }
            (outcome, _) => {
                if let Some(error) = outcome.err().or(damaged) {
                    no_copy(&error);
                }
                return Ok(None);
            }
        };
        let [entry] = entries;
        let summary = entry.snapshot.summary.unwrap_or_default();
        let done = BackupDone {
            snapshot: made.to_hex(),
            files_new: summary.files_new,
            files_changed: summary.files_changed,
            files_unmodified: summary.files_unmodified,
            bytes: summary.total_bytes_processed,
            bytes_added,
            failures: 0,
            resumed: false,
        };
        if let Err(error) = self.discard_journal(plan, source, job.repository.id) {
            let text = format!("the journal of the backup that was begun cannot be removed: {error}");
            job.report.log(Level::Warning, "save", &text);
        }
        job.report.log(Level::Info, "save", &done.to_string());
        Ok(Some(done))
    }
}
