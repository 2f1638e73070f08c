//! A run of a copy plan: from one repository to each destination of the plan, each of which succeeds by itself. And what a mirror's
//! clean-up has to know before it removes anything.

use backstay_model::link::SealedRepository;
use backstay_model::run::{Outcome, RunDestination, RunError};
use backstay_model::{CopySpec, Level};
use serde::{Deserialize, Serialize};

use super::{Ending, Execution, incomplete};
use crate::orders::PlanPart;
use crate::work::copy::{CopyDone, CopyWork, Originals};
use crate::work::failure::Class;
use crate::work::{Job, WorkError};

/// What a mirror copies from, as it was last found to be in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// The version of the plan then: who saves the plan again says that what there is then is right. A run that began with an older
    /// version says nothing of the kind.
    revision: i64,
    /// The repository, in hexadecimal digits.
    repository: String,
    /// Snapshots that the plan is for.
    snapshots: u64,
}

impl Known {
    /// Why a mirror must not follow this, after what was known before; `None` where it may.
    fn doubt(&self, before: Option<&Self>) -> Option<String> {
        if self.snapshots == 0 {
            return Some("it has no snapshot any more that the plan copies".to_owned());
        }
        let before = before.filter(|before| before.revision >= self.revision)?;
        if before.repository != self.repository {
            return Some("another repository is in its place".to_owned());
        }
        (self.snapshots < before.snapshots.div_ceil(2)).then(|| {
            format!(
                "it has lost more than half of its snapshots: {} of {} are left",
                self.snapshots, before.snapshots
            )
        })
    }
}

impl Execution<'_> {
    /// Hooks before, each destination, hooks after.
    pub(super) fn copies(&self, repositories: &[SealedRepository]) -> Ending {
        let Some(plan) = &self.order.plan else {
            return Ending::Failed(RunError {
                message: "the run does not say what to copy".to_owned(),
                hint: Some("start it again".to_owned()),
                ..RunError::default()
            });
        };
        let hooks = &plan.spec.hooks;
        if !hooks.before.is_empty()
            && let Some(reason) = self.nothing_in_reach(repositories)
        {
            return Ending::Wait(reason);
        }
        let begun =
            self.owe_hooks(hooks).and_then(|()| self.hooks(&hooks.before, "before", &self.active.control));
        let ending = match begun {
            Ok(()) => self.each(repositories),
            Err(error) => self.failed(&error),
        };
        self.wind_up(self.blame_watchdog(ending))
    }

    /// Copies to one destination.
    pub(super) fn copy_to(&self, job: &Job<'_>) -> Result<(), WorkError> {
        let (plan, spec) = self.copy_spec()?;
        let mut done = CopyDone::default();
        let copied = self.with_origin(job, |job, from| {
            let work = CopyWork { plan: plan.id, spec, retention: &plan.spec.retention };
            self.inner.workshop.copy(job, from, &work, &mut done)
        });
        if spec.mirror && !done.source.is_empty() {
            self.look_at_origin(plan, job, &done.source, done.found);
        }
        let outcome = Outcome {
            bytes: done.bytes,
            bytes_added: done.bytes,
            snapshots_copied: done.copied,
            ..Outcome::default()
        };
        let note = |destination: &mut RunDestination| {
            destination.copied += done.copied;
            destination.cut_apart_from.clone_from(&done.cut_apart_from);
            destination.bytes_added += done.bytes;
            if done.newest.is_some() {
                destination.snapshot.clone_from(&done.newest);
            }
        };
        match copied {
            Ok(()) => self.complete(job, &outcome, note),
            // What was copied until then is.
            Err(_) => {
                let total = self.count(&outcome);
                self.amend(|run| {
                    run.outcome = Some(total.clone());
                    run.destinations
                        .iter_mut()
                        .filter(|it| it.repository == job.repository.id)
                        .for_each(&note);
                });
            }
        }
        copied
    }

    /// What a mirror copies from, for a clean-up; `None` where the plan is none.
    ///
    /// # Errors
    /// When it cannot be read whole, or looks as if it had been lost: then nothing is removed.
    pub(super) fn originals(&self, job: &Job<'_>) -> Result<Option<Originals>, WorkError> {
        let Some(spec) = self.plan()?.spec.copy.as_ref().filter(|copy| copy.mirror) else { return Ok(None) };
        let plan = self.plan()?;
        let originals = self.with_origin(job, |_, from| self.inner.workshop.read_origin(from, spec))?;
        match self.look_at_origin(plan, job, &originals.repository, originals.count()) {
            None => Ok(Some(originals)),
            Some(why) => {
                let from = self.order.from.as_ref().map_or("", |from| from.destination.name.as_str());
                let text = format!("nothing is removed from the mirror of {from}: {why}");
                Err(WorkError::new(Class::Other, text).hint(
                    "if that is meant, save the plan again: from then on the mirror follows what there is. If it is not, the mirror \
                     has what was lost",
                ))
            }
        }
    }

    /// Why what is copied from must not be followed, if so. Else it is what later looks are compared with.
    fn look_at_origin(
        &self,
        plan: &PlanPart,
        job: &Job<'_>,
        repository: &str,
        snapshots: u64,
    ) -> Option<String> {
        let key = format!("mirrored:{}:{}", plan.id, job.repository.id);
        let store = &self.inner.store;
        let before = self.handle.block_on(store.meta_get(&key)).ok().flatten();
        let before: Option<Known> = before.and_then(|text| serde_json::from_str(&text).ok());
        let found = Known { revision: plan.revision, repository: repository.to_owned(), snapshots };
        let doubt = found.doubt(before.as_ref());
        let is_outdated = before.is_some_and(|before| before.revision > found.revision);
        match &doubt {
            Some(why) => {
                let text = format!("the mirror removes nothing for now: of what it copies from, {why}");
                job.report.log(Level::Warning, "mirror", &text);
            }
            None if is_outdated => {}
            None => {
                let text = serde_json::to_string(&found).unwrap_or_default();
                if let Err(error) = self.handle.block_on(store.meta_set(&key, &text)) {
                    let text = format!("it cannot be noted what there is to mirror: {error}");
                    job.report.log(Level::Warning, "mirror", &text);
                }
            }
        }
        doubt
    }

    fn copy_spec(&self) -> Result<(&PlanPart, &CopySpec), WorkError> {
        let plan = self.plan()?;
        Ok((plan, plan.spec.copy.as_ref().ok_or_else(incomplete)?))
    }

    /// Does something with what is copied from as well, each on reins of its own: a lock that one of them loses ends the work alone.
    fn with_origin<T>(
        &self,
        job: &Job<'_>,
        work: impl FnOnce(&Job<'_>, &Job<'_>) -> Result<T, WorkError>,
    ) -> Result<T, WorkError> {
        let from = self.order.from.as_ref().ok_or_else(|| {
            WorkError::new(Class::Other, "there is no repository to copy from")
                .hint("look at the plan: what it copies from may have been removed, or nothing was backed up there yet")
        })?;
        let from = self.inner.today(from);
        let secrets = self.secrets(&from)?;
        let controls = [self.active.control.part(), self.active.control.part()];
        let own = Job { control: &controls[0], ..job.clone() };
        let other = Job { repository: &from, secrets: &secrets, control: &controls[1], ..job.clone() };
        work(&own, &other)
    }
}
