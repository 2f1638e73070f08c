//! Changes to single snapshots: their tags, and their removal by hand.

use std::collections::BTreeSet;
use std::sync::Arc;

use backstay_core::Control;
use backstay_engine::forget::remove_snapshots;
use backstay_engine::rewrite::replace_snapshot;
use backstay_model::Limits;
use backstay_model::link::SealedRepository;

use super::meter::Meter;
use super::prune::HOLD;
use super::repository::{Access, Open};
use super::restore::find_snapshot;
use super::{Class, Job, Report, Result, Unheard, WorkError, Workshop};
use crate::seals::Opened;

impl Workshop {
    /// Gives a snapshot tags and takes some from it; gives its id, which changes with them.
    ///
    /// # Errors
    /// When there is no such snapshot, or the repository cannot be changed.
    pub fn tag(
        &self,
        repository: &SealedRepository,
        secrets: &Opened,
        snapshot: &str,
        (add, remove): (&[String], &[String]),
    ) -> Result<String> {
        if repository.holds.is_archives() {
            return Err(WorkError::new(Class::Other, "an archive keeps the tags that it was made with")
                .hint("give tags in the plan: its next archives have them; to keep one for good, copy its file elsewhere"));
        }
        let open = self.change(repository, secrets)?;
        let entry = find_snapshot(&open, snapshot)?;
        let mut changed = entry.snapshot.clone();
        changed.tags.retain(|tag| !remove.contains(tag));
        let new = add.iter().filter(|tag| !entry.snapshot.tags.contains(tag) || remove.contains(tag));
        changed.tags.extend(new.cloned());
        if changed.tags == entry.snapshot.tags {
            return Ok(entry.id.to_hex());
        }
        if let Some(lock) = open.lock() {
            lock.confirm().map_err(|error| open.explain(error))?;
        }
        let id =
            replace_snapshot(&open.engine, &entry, changed, true).map_err(|error| open.explain(error))?;
        Ok(id.to_hex())
    }

    /// Removes a snapshot that is not held. What only it needs goes with the next clean-up.
    ///
    /// # Errors
    /// When there is no such snapshot, it is held, or the repository cannot be changed.
    pub fn forget(&self, repository: &SealedRepository, secrets: &Opened, snapshot: &str) -> Result<()> {
        if repository.holds.is_archives() {
            return self.with_look(repository, secrets, |job| self.forget_archive(job, snapshot));
        }
        let open = self.change(repository, secrets)?;
        let entry = find_snapshot(&open, snapshot)?;
        if entry.snapshot.tags.iter().any(|tag| tag == HOLD) {
            let text = format!("snapshot {} is held, so it is not removed", entry.id.short());
            return Err(WorkError::new(Class::Locked, text).hint("take the hold off it first"));
        }
        let Some(lock) = open.lock() else {
            return Err(WorkError::new(Class::Other, "the repository is not locked"));
        };
        let report: Arc<dyn Report> = Arc::new(Unheard);
        let meter = Meter::new(&report, "forgetting");
        let removed = remove_snapshots(&open.engine, lock, &BTreeSet::from([entry.id]), &meter);
        match removed.map_err(|error| open.explain(error))?.failed.pop() {
            Some((_, error)) => Err(open.explain(error)),
            None => Ok(()),
        }
    }

    fn change(&self, repository: &SealedRepository, secrets: &Opened) -> Result<Open> {
        let (limits, control) = (Limits::default(), Control::new());
        let job = Job { repository, secrets, limits: &limits, control: &control, report: Arc::new(Unheard) };
        self.open(&job, Access::Exclusive, true)
    }
}
