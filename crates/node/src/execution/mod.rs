//! What a run does, step by step: each kind of run over the work that it needs.
//!
//! This is blocking code on the run's own thread. What it finds out about single destinations is stored as it goes, so that
//! a run that is interrupted, or has to wait for one destination, does not do the others again.

mod archived;
mod cold;
mod comeback;
mod copies;
mod everywhere;
mod hooks;
mod services;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use backstay_model::link::SealedRepository;
use backstay_model::run::{Outcome, RunDestination, RunError};
use backstay_model::{ConnectionSettings, Level, RepositoryId, Run, RunKind, RunState, SourceSpec};
use parking_lot::Mutex;

use crate::active::{Active, Stop};
use crate::gentle::gently;
use crate::node::Inner;
use crate::orders::{Order, PlanPart};
use crate::seals::Opened;
use crate::work::backup::BackupDone;
use crate::work::cold::InstanceCopy;
use crate::work::failure::Class;
use crate::work::prune::Rule;
use crate::work::service::ServiceSource;
use crate::work::{Job, Report, WorkError};

/// How the work of a run came to an end.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    /// It did all it was asked to.
    Done(Outcome),
    /// It was told to stop, and has.
    Stopped,
    /// What it needs is out of reach, for this reason.
    Wait(String),
    /// It could not.
    Failed(RunError),
}

/// One run being executed.
pub(crate) struct Execution<'a> {
    pub(crate) inner: &'a Arc<Inner>,
    pub(crate) run: &'a Run,
    pub(crate) order: &'a Order,
    pub(crate) active: &'a Active,
    pub(crate) report: Arc<dyn Report>,
    pub(crate) handle: tokio::runtime::Handle,
    /// What it has done so far.
    pub(crate) total: Mutex<Outcome>,
    /// The files of the instance that it backs up, once it is known which.
    pub(crate) copy: Mutex<Option<InstanceCopy>>,
    /// The service that it backs up, once it has answered.
    pub(crate) service: OnceLock<ServiceSource>,
}

/// What came of one destination.
enum Verdict {
    Done,
    Wait(String),
    Failed(WorkError),
}

impl Execution<'_> {
    /// Does it all.
    pub(crate) fn execute(&self) -> Ending {
        let repositories = self.inner.repositories(self.order);
        if repositories.is_empty() {
            return Ending::Failed(RunError {
                message: "the run has no repository to work with".to_owned(),
                hint: Some("look at the plan's destinations; they may have been removed".to_owned()),
                ..RunError::default()
            });
        }
        match self.run.kind {
            RunKind::Backup => self.backup(&repositories),
            RunKind::Copy => self.copies(&repositories),
            RunKind::Restore | RunKind::Verify | RunKind::Prune => {
                self.wind_up(self.blame_watchdog(self.each(&repositories)))
            }
        }
    }

    /// Work that was stopped because it got nowhere has failed.
    fn blame_watchdog(&self, ending: Ending) -> Ending {
        match (ending, self.active.stopped()) {
            (Ending::Stopped | Ending::Wait(_), Some(Stop::Watchdog(why))) => Ending::Failed(RunError {
                message: format!("{}: {why}", self.run.kind.name()),
                hint: Some(
                    "see the last lines of the log for what it waited for; the limits are part of the plan"
                        .to_owned(),
                ),
                ..RunError::default()
            }),
            (ending, _) => ending,
        }
    }

    /// A backup: hooks before, each destination, hooks after.
    fn backup(&self, repositories: &[SealedRepository]) -> Ending {
        let (Some(plan), Some(source)) = (&self.order.plan, &self.order.source) else {
            return Ending::Failed(RunError {
                message: "the run does not say what to back up".to_owned(),
                hint: Some("start it again".to_owned()),
                ..RunError::default()
            });
        };
        let hooks = &plan.spec.hooks;
        let is_costly = matches!(source.spec, SourceSpec::Mysql(_) | SourceSpec::Sqlite(_));
        // Nothing is stopped or copied for a backup that has nowhere to go.
        if (!hooks.before.is_empty() || is_costly)
            && let Some(reason) = self.nothing_in_reach(repositories)
        {
            return Ending::Wait(reason);
        }
        let begun =
            self.owe_hooks(hooks).and_then(|()| self.hooks(&hooks.before, "before", &self.active.control));
        let ending = match (begun, &source.spec) {
            (Ok(()), SourceSpec::Files(_)) => self.everywhere(repositories),
            (Ok(()), SourceSpec::S3(_) | SourceSpec::Mongodb(_) | SourceSpec::Sqlite(_)) => {
                self.back_up_service(source, repositories)
            }
            (Ok(()), SourceSpec::Mysql(mysql)) => self.cold(mysql, source, repositories),
            (Err(error), _) => self.failed(&error),
        };
        let ending = self.wind_up(self.blame_watchdog(ending));
        self.drop_archives(repositories);
        self.drop_copy(&ending);
        ending
    }

    /// The same work for each destination that it has not been done for.
    fn each(&self, repositories: &[SealedRepository]) -> Ending {
        let mut verdicts = Vec::new();
        for repository in repositories {
            match self.destination(repository.id).map(|destination| destination.state) {
                Some(RunState::Completed) => {
                    verdicts.push(Verdict::Done);
                    continue;
                }
                Some(RunState::Failed | RunState::Cancelled) => continue,
                _ => {}
            }
            if self.active.control.is_cancelled() {
                return Ending::Stopped;
            }
            match self.judge(repository, self.one(repository)) {
                Some(verdict) => verdicts.push(verdict),
                None => return Ending::Stopped,
            }
        }
        self.conclude(repositories.len(), verdicts)
    }

    /// What the result at a destination means for the run, written down and told. `None` when the run was told to stop.
    fn judge(&self, repository: &SealedRepository, result: Result<(), WorkError>) -> Option<Verdict> {
        let error = match result {
            Ok(()) => return Some(Verdict::Done),
            Err(error) => error,
        };
        match error.class() {
            Class::Interrupted if self.active.stopped().is_some() => None,
            class if class.waits() => {
                let reason = at(repository, error.message());
                self.report.log(Level::Warning, "connect", &reason);
                Some(Verdict::Wait(reason))
            }
            _ => {
                self.tell(&error);
                let text = error.to_run_error().message;
                self.amend(|run| {
                    settle(run, repository.id, RunState::Failed, |destination| {
                        destination.error = Some(text.clone());
                    });
                });
                Some(Verdict::Failed(error))
            }
        }
    }

    /// What became of the run, by what became of its destinations.
    fn conclude(&self, of: usize, verdicts: Vec<Verdict>) -> Ending {
        let (mut wait, mut failure, mut done) = (None, None, 0_usize);
        for verdict in verdicts {
            match verdict {
                Verdict::Done => done += 1,
                Verdict::Wait(reason) => wait = wait.or(Some(reason)),
                Verdict::Failed(error) => failure = failure.or(Some(error)),
            }
        }
        match (wait, failure) {
            (Some(reason), _) => Ending::Wait(reason),
            (None, None) => Ending::Done(self.total.lock().clone()),
            (None, Some(error)) if of == 1 => Ending::Failed(error.to_run_error()),
            (None, Some(error)) => {
                let one = error.to_run_error();
                let message = format!("{} of {of} destinations failed: {}", of - done, one.message);
                Ending::Failed(RunError { message, ..one })
            }
        }
    }

    /// The work at one destination.
    fn one(&self, repository: &SealedRepository) -> Result<(), WorkError> {
        let secrets = self.secrets(repository)?;
        let limits = self.order.plan.as_ref().map(|plan| plan.spec.limits.clone()).unwrap_or_default();
        let job = Job {
            repository,
            secrets: &secrets,
            limits: &limits,
            control: &self.active.control,
            report: Arc::clone(&self.report),
        };
        match self.run.kind {
            // All destinations at once: see `everywhere`.
            RunKind::Backup => Err(incomplete()),
            RunKind::Copy => gently(|| self.copy_to(&job)),
            // Somebody waits for it.
            RunKind::Restore => self.restore(&job),
            RunKind::Verify => gently(|| self.verify(&job)),
            RunKind::Prune => gently(|| self.prune(&job)),
        }
    }

    fn complete_backup(&self, job: &Job<'_>, done: &BackupDone) {
        let outcome = Outcome {
            files_new: done.files_new,
            files_changed: done.files_changed,
            files_unmodified: done.files_unmodified,
            bytes: done.bytes,
            bytes_added: done.bytes_added,
            errors: done.failures,
            ..Outcome::default()
        };
        self.complete(job, &outcome, |destination| {
            destination.snapshot = Some(done.snapshot.clone());
            destination.bytes_added = done.bytes_added;
        });
    }

    fn restore(&self, job: &Job<'_>) -> Result<(), WorkError> {
        let Some(request) = &self.run.restore else { return Err(incomplete()) };
        if request.instance.is_some() {
            return self.restore_instance(job, request);
        }
        if let Some(into) = &request.into {
            return self.restore_into(job, request, into);
        }
        let done = self.inner.workshop.restore(job, request, &self.repository_folders(&[]))?;
        if done.failures > 0 {
            let first = done.trouble.map_or_else(String::new, |first| format!("; the first: {first}"));
            let text = format!(
                "{} items could not be restored, or are not as in the snapshot{first}",
                done.failures
            );
            let hint =
                done.hint.unwrap_or_else(|| "see the warnings in the log; all else was restored".to_owned());
            let class = match (done.damaged, done.without_room) {
                (0, 0) => Class::Other,
                (0, _) => Class::NoSpace,
                _ => Class::Damaged,
            };
            return Err(WorkError::new(class, text).hint(hint).offering(done.instead));
        }
        let more = [
            ("files", done.files),
            ("verified", done.verified),
            ("deleted", done.deleted),
            ("skipped", done.skipped),
        ];
        let outcome = Outcome {
            bytes: done.bytes,
            errors: done.failures,
            more: more.into_iter().map(|(name, number)| (name.to_owned(), number.to_string())).collect(),
            ..Outcome::default()
        };
        self.complete_restore(job, outcome, &done.snapshot);
        Ok(())
    }

    /// Writes down that a snapshot was restored, and whose backups that proves.
    fn complete_restore(&self, job: &Job<'_>, outcome: Outcome, snapshot: &str) {
        let plan = self.inner.workshop.plan_of(job, snapshot).unwrap_or_else(|error| {
            let text = format!("it cannot be told which plan made the snapshot: {}", error.message());
            self.report.log(Level::Warning, "state", &text);
            None
        });
        let outcome = Outcome { restored_plan: plan, ..outcome };
        self.complete(job, &outcome, |destination| destination.snapshot = Some(snapshot.to_owned()));
    }

    fn verify(&self, job: &Job<'_>) -> Result<(), WorkError> {
        let percent = self.plan()?.spec.verification.read_percent;
        let stored = self.inner.workshop.verify(job, self.run.id, percent)?;
        self.complete(job, &Outcome::default(), |destination| destination.stored = Some(stored.0));
        Ok(())
    }

    fn prune(&self, job: &Job<'_>) -> Result<(), WorkError> {
        let plan = self.plan()?;
        let count = |outcome: &Outcome| {
            let total = self.count(outcome);
            self.amend(|run| run.outcome = Some(total.clone()));
        };
        let originals = self.originals(job)?;
        let rule = match (&originals, &plan.spec.copy) {
            (Some(originals), _) => Rule::Mirror(originals),
            (None, Some(_)) => Rule::Copies(&plan.spec.retention),
            (None, None) => Rule::Backups(&plan.spec.retention, plan.spec.continuous.as_ref()),
        };
        let stored = self.inner.workshop.prune(job, plan.id, &rule, &count)?;
        self.complete(job, &Outcome::default(), |destination| destination.stored = Some(stored.0));
        Ok(())
    }

    fn plan(&self) -> Result<&PlanPart, WorkError> {
        self.order.plan.as_ref().ok_or_else(incomplete)
    }

    fn secrets(&self, repository: &SealedRepository) -> Result<Opened, WorkError> {
        self.inner.open_repository(repository).map_err(|error| {
            WorkError::new(Class::Other, error.message).hint("save the connection and the destination again")
        })
    }

    /// Why no destination can be reached, if none can.
    fn nothing_in_reach(&self, repositories: &[SealedRepository]) -> Option<String> {
        let mut first = None;
        for repository in repositories {
            let Ok(secrets) = self.secrets(repository) else { return None };
            match self.inner.workshop.open_or_create(repository, &secrets, false) {
                Err(error) if matches!(error.class(), Class::Unreachable | Class::SignedOut) => {
                    first.get_or_insert(at(repository, error.message()));
                }
                _ => return None,
            }
        }
        first
    }

    /// Folders of local repositories of this node, and of these: a backup does not take them in.
    fn repository_folders(&self, of_run: &[SealedRepository]) -> Vec<PathBuf> {
        let configuration = self.inner.configuration();
        configuration
            .repositories
            .iter()
            .chain(of_run)
            .filter_map(|other| match &other.settings {
                ConnectionSettings::Local(local) => Some(PathBuf::from(&local.path).join(&other.path)),
                ConnectionSettings::S3(_)
                | ConnectionSettings::Mysql(_)
                | ConnectionSettings::Receiver(_)
                | ConnectionSettings::GoogleDrive(_)
                | ConnectionSettings::Mongodb(_) => None,
            })
            .collect()
    }

    fn destination(&self, repository: RepositoryId) -> Option<&RunDestination> {
        self.run.destinations.iter().find(|destination| destination.repository == repository)
    }

    /// Adds to what the run has done, at all destinations and before interruptions too.
    fn count(&self, outcome: &Outcome) -> Outcome {
        let mut total = self.total.lock();
        add(&mut total, outcome);
        total.clone()
    }

    /// Writes down that a destination is done, and what that came to.
    fn complete(&self, job: &Job<'_>, outcome: &Outcome, edit: impl Fn(&mut RunDestination) + Send + Sync) {
        self.count(outcome);
        let free = self.inner.workshop.free(job.repository);
        self.amend(|run| {
            // As it is by now: another destination may have been counted meanwhile.
            run.outcome = Some(self.total.lock().clone());
            settle(run, job.repository.id, RunState::Completed, |destination| {
                destination.free = free;
                edit(destination);
            });
        });
    }

    /// Writes down that the repository at a destination cuts files elsewhere than the one at `like`.
    fn cut_apart(&self, job: &Job<'_>, like: &str) {
        self.amend(|run| {
            let here = run.destinations.iter_mut().filter(|one| one.repository == job.repository.id);
            here.for_each(|destination| destination.cut_apart_from = Some(like.to_owned()));
        });
    }

    fn amend(&self, edit: impl Fn(&mut Run) + Send + Sync) {
        if let Err(error) = self.handle.block_on(self.inner.steward.amend(self.run.id, edit)) {
            let text = format!("what came of a destination cannot be written down: {error}");
            self.report.log(Level::Warning, "state", &text);
        }
    }

    fn failed(&self, error: &WorkError) -> Ending {
        if error.class() == Class::Interrupted && self.active.stopped().is_some() {
            return Ending::Stopped;
        }
        self.tell(error);
        Ending::Failed(error.to_run_error())
    }

    /// Writes an error into the log: message, causes, hint, and where it arose.
    fn tell(&self, error: &WorkError) {
        let told = error.to_run_error();
        self.report.log(Level::Error, "failure", &told.message);
        for cause in &told.chain {
            self.report.log(Level::Error, "failure", &format!("because: {cause}"));
        }
        if let Some(hint) = &told.hint {
            self.report.log(Level::Info, "failure", &format!("hint: {hint}"));
        }
        let frames = error.backtrace();
        if !frames.is_empty() {
            self.report.log(Level::Debug, "failure", &format!("backtrace:\n{}", frames.join("\n")));
        }
    }
}

/// What came of a destination.
fn settle(run: &mut Run, repository: RepositoryId, state: RunState, edit: impl Fn(&mut RunDestination)) {
    for destination in run.destinations.iter_mut().filter(|it| it.repository == repository) {
        destination.state = state;
        destination.error = None;
        edit(destination);
    }
}

/// Why a run waits, with the destination that it waits for.
fn at(repository: &SealedRepository, why: &str) -> String {
    let name = &repository.destination.name;
    if why.contains(name.as_str()) { why.to_owned() } else { format!("{name}: {why}") }
}

fn incomplete() -> WorkError {
    WorkError::new(Class::Other, "the run does not say what to do").hint("start it again")
}

fn add(total: &mut Outcome, one: &Outcome) {
    total.files_new = total.files_new.max(one.files_new);
    total.files_changed = total.files_changed.max(one.files_changed);
    total.files_unmodified = total.files_unmodified.max(one.files_unmodified);
    total.bytes = total.bytes.max(one.bytes);
    total.bytes_added += one.bytes_added;
    total.bytes_freed += one.bytes_freed;
    total.snapshots_forgotten += one.snapshots_forgotten;
    total.snapshots_copied += one.snapshots_copied;
    total.errors = total.errors.max(one.errors);
    total.restored_plan = total.restored_plan.or(one.restored_plan);
    total.more.extend(one.more.clone());
}
