//! Catching a destination up from another one that has the snapshot already.

use std::sync::Arc;

use backstay_core::{Events, FileId};
use backstay_engine::copy::{Copied, copy};
use backstay_engine::index::Index;
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
        let before = stored(&*target.index()?);
        let meter = Arc::new(Meter::new(&job.report, "copying"));
        let events: Arc<dyn Events> = meter.clone();
        let mut made = None;
        let entries = [entry];
        let outcome = copy(&whole.engine, &target.engine, lock, &entries, &*events, &mut |_, copied| {
            made = Some(match copied {
                Copied::As(id) | Copied::Before(id) => id,
            });
        });
        meter.finish();
        let made = match (outcome.map_err(|error| target.explain(error)), made) {
            (Ok(()), Some(made)) => made,
            (Err(error), _) if matches!(error.class(), Class::Damaged | Class::NotFound) => {
                no_copy(&error);
                return Ok(None);
            }
            (Err(error), _) => return Err(error),
            (Ok(()), None) => return Ok(None),
        };
        let [entry] = entries;
        let summary = entry.snapshot.summary.unwrap_or_default();
        let done = BackupDone {
            snapshot: made.to_hex(),
            files_new: summary.files_new,
            files_changed: summary.files_changed,
            files_unmodified: summary.files_unmodified,
            bytes: summary.total_bytes_processed,
            bytes_added: stored(&*target.index()?).saturating_sub(before),
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

/// Bytes of all blobs.
fn stored(index: &Index) -> u64 {
    index.loaded().map(|(_, blob)| u64::from(blob.length)).sum()
}
