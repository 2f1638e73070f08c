//! A backup to a destination that holds archives: one is made, and sent if it has to be.

use std::path::Path;

use backstay_model::link::SealedRepository;
use backstay_model::{ArchiveSettings, Holds, Level, PlanId, RepositoryId, SourceId};

use super::Execution;
use crate::tokens::StoredTokens;
use crate::work::archives::Waiting;
use crate::work::backup::BackupDone;
use crate::work::{Job, WorkError};

impl Execution<'_> {
    /// Sends archives that wait for this destination: those that earlier runs made and could not send, and the run's own, if it was
    /// interrupted after that was made. Tells what the run's own backup did.
    pub(super) fn send_waiting(
        &self,
        job: &Job<'_>,
        settings: &ArchiveSettings,
    ) -> Result<Option<BackupDone>, WorkError> {
        let mut own = None;
        for waiting in self.waiting(job.repository) {
            let is_own = waiting.run == self.run.id;
            if !is_own && !waiting.is_sent() {
                let text = format!("{} of an earlier run was not sent yet", waiting.name());
                self.report.log(Level::Info, "send", &text);
            }
            match self.send(job, settings, &waiting) {
                Ok(()) if is_own => own = Some(waiting.done()),
                Ok(()) => self.discard(&waiting),
                // What was made is damaged and gone; this run makes another one.
                Err(error) if !waiting.path().exists() => {
                    self.report.log(Level::Warning, "send", error.message())
                }
                Err(error) if is_own => return Err(error),
                Err(error) => {
                    let place = waiting.path();
                    let doing = format!(
                        "{} of an earlier run, which waits in {}, cannot be sent",
                        waiting.name(),
                        place.display()
                    );
                    return Err(error.context(doing));
                }
            }
        }
        Ok(own)
    }

    /// Whether there is nothing to do any more for these but to send what this run has made.
    pub(super) fn has_made_all(&self, repositories: &[&SealedRepository]) -> bool {
        repositories.iter().all(|repository| {
            repository.holds.is_archives()
                && self.waiting(repository).iter().any(|waiting| waiting.run == self.run.id)
        })
    }

    /// Removes archives of this run from this host that arrived, once nothing is stopped for it any more.
    pub(super) fn drop_archives(&self, repositories: &[SealedRepository]) {
        if self.active.debts().stopped.is_some() {
            return;
        }
        for repository in repositories {
            let own = self.waiting(repository).into_iter().filter(|waiting| waiting.run == self.run.id);
            own.filter(Waiting::is_sent).for_each(|waiting| self.discard(&waiting));
        }
    }

    pub(super) fn send(
        &self,
        job: &Job<'_>,
        settings: &ArchiveSettings,
        waiting: &Waiting,
    ) -> Result<(), WorkError> {
        let tokens = StoredTokens::of(self.inner, self.handle.clone());
        self.inner.workshop.send(job, settings, waiting, tokens)
    }

    fn waiting(&self, repository: &SealedRepository) -> Vec<Waiting> {
        match (&repository.holds, self.key(repository.id)) {
            (Holds::Archives(_), Some(key)) => self.inner.workshop.waiting(self.spool(), key),
            _ => Vec::new(),
        }
    }

    fn key(&self, repository: RepositoryId) -> Option<(PlanId, SourceId, RepositoryId)> {
        Some((self.order.plan.as_ref()?.id, self.order.source.as_ref()?.named.id, repository))
    }

    pub(super) fn spool(&self) -> Option<&Path> {
        self.order.spool()
    }

    fn discard(&self, waiting: &Waiting) {
        match waiting.discard() {
            Ok(()) => {
                let text =
                    format!("{} is removed from this host: it lies at its destination", waiting.name());
                self.report.log(Level::Info, "clean-up", &text);
            }
            Err(error) => {
                let text = format!("{} cannot be removed: {error}", waiting.path().display());
                self.report.log(Level::Warning, "clean-up", &text);
            }
        }
    }
}
