//! A backup to all destinations of a run: the source is read once for all that can be reached, and who comes late is caught up from
//! another destination.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_core::Control;
use backstay_model::link::SealedRepository;
use backstay_model::{Holds, Level, Limits, RepositoryId, RunState, SourceSpec};
use parking_lot::Mutex;

use super::{Ending, Execution, Verdict, incomplete};
use crate::gentle::gently;
use crate::seals::Opened;
use crate::work::archives::{Labels, Made};
use crate::work::backup::{Backup, BackupDone, Content};
use crate::work::failure::Class;
use crate::work::service::ServiceSource;
use crate::work::together::{Course, Named};
use crate::work::{Job, Report, WorkError};

/// Whoever was out of reach is tried again in the same run when reading for the others took so long.
const LATER: Duration = Duration::from_secs(10);

/// Verdicts on destinations as they come in.
pub(super) struct Round<'a> {
    execution: &'a Execution<'a>,
    verdicts: Mutex<Vec<(RepositoryId, Verdict)>>,
    /// The repositories that have the snapshot, and its id there.
    whole: Mutex<Vec<(&'a SealedRepository, String)>>,
    repositories: &'a [SealedRepository],
    several: bool,
    begun: Instant,
}

impl Execution<'_> {
    /// Backs the source up to all destinations that do not have it.
    pub(super) fn everywhere(&self, repositories: &[SealedRepository]) -> Ending {
        let round = Round::new(self, repositories);
        let done = round.begin().and_then(|rest| round.go_on(&rest));
        round.end(done)
    }

    fn with_backup<T>(
        &self,
        repositories: &[SealedRepository],
        work: impl FnOnce(&Backup<'_>, Labels<'_>) -> T,
    ) -> Result<T, WorkError> {
        let (Some(plan), Some(source)) = (&self.order.plan, &self.order.source) else {
            return Err(incomplete());
        };
        let leave_out = self.repository_folders(repositories);
        let copy = self.copy.lock().clone();
        let content = match (&source.spec, &copy) {
            (SourceSpec::Files(files), _) => Content::Files(files),
            (SourceSpec::Mysql(_), Some(copy)) => Content::Instance(copy),
            (SourceSpec::S3(_) | SourceSpec::Mongodb(_) | SourceSpec::Sqlite(_), _) => {
                match self.service.get() {
                    Some(ServiceSource::Bucket(bucket)) => Content::Bucket(bucket),
                    Some(ServiceSource::Mongodb(mongo)) => Content::Mongodb(mongo),
                    Some(ServiceSource::Sqlite(copy)) => Content::Sqlite(copy),
                    None => return Err(incomplete()),
                }
            }
            (SourceSpec::Mysql(_), None) => return Err(incomplete()),
        };
        let backup = Backup {
            plan: plan.id,
            source: source.named.id,
            content,
            tags: &plan.spec.tags,
            leave_out: &leave_out,
        };
        let (plan, source) = (plan.spec.name.as_str(), source.named.name.as_str());
        Ok(work(&backup, Labels { run: self.run.id, plan, source, spool: self.spool() }))
    }
}

/// The run was told to stop.
pub(super) struct Stopped;

impl<'a> Round<'a> {
    /// Nothing is known yet.
    pub(super) fn new(execution: &'a Execution<'a>, repositories: &'a [SealedRepository]) -> Self {
        Self {
            execution,
            verdicts: Mutex::default(),
            whole: Mutex::default(),
            repositories,
            several: repositories.len() > 1,
            begun: Instant::now(),
        }
    }

    /// Looks what earlier tries have done, and copies from one destination to another what one of them has; gives those that have to
    /// be read for.
    pub(super) fn begin(&self) -> Result<Vec<&'a SealedRepository>, Stopped> {
        let mut open = Vec::new();
        for repository in self.repositories {
            let destination = self.execution.destination(repository.id);
            match destination.map(|destination| (destination.state, &destination.snapshot)) {
                Some((RunState::Completed, snapshot)) => {
                    self.note(repository, Verdict::Done);
                    if let Some(snapshot) = snapshot.as_ref().filter(|_| !repository.holds.is_archives()) {
                        self.whole.lock().push((repository, snapshot.clone()));
                    }
                }
                Some((RunState::Failed | RunState::Cancelled, _)) => {}
                _ => open.push(repository),
            }
        }
        self.catch_up(open)
    }

    /// Reads for these, and then does once more what can be done for those that were out of reach.
    pub(super) fn go_on(&self, rest: &[&'a SealedRepository]) -> Result<(), Stopped> {
        self.read(rest)?;
        let rest = self.catch_up(self.late())?;
        self.read(&rest)
    }

    /// What became of the run.
    pub(super) fn end(self, done: Result<(), Stopped>) -> Ending {
        if done.is_err() || self.execution.active.control.is_cancelled() {
            return Ending::Stopped;
        }
        let verdicts = self.verdicts.into_inner().into_iter().map(|(_, verdict)| verdict).collect();
        self.execution.conclude(self.repositories.len(), verdicts)
    }

    /// Catches these up from a destination that has the snapshot; gives those that have to be read for.
    pub(super) fn catch_up(
        &self,
        late: Vec<&'a SealedRepository>,
    ) -> Result<Vec<&'a SealedRepository>, Stopped> {
        let mut rest = Vec::new();
        for repository in late {
            if self.execution.active.control.is_cancelled() {
                return Err(Stopped);
            }
            let whole = self.whole.lock().first().cloned();
            match whole.filter(|_| !repository.holds.is_archives()) {
                None => rest.push(repository),
                Some((from, snapshot)) => match self.copy(repository, from, &snapshot) {
                    Ok(true) => self.settle(repository, Ok(())).ok_or(Stopped)?,
                    Ok(false) => rest.push(repository),
                    Err(error) => self.settle(repository, Err(error)).ok_or(Stopped)?,
                },
            }
        }
        Ok(rest)
    }

    /// Copies the snapshot from one repository into another. False where that is not how it can be done.
    fn copy(
        &self,
        repository: &SealedRepository,
        from: &SealedRepository,
        snapshot: &str,
    ) -> Result<bool, WorkError> {
        let run = self.execution;
        let limits = self.limits();
        let secrets = [run.secrets(repository)?, run.secrets(from)?];
        let controls = [run.active.control.part(), run.active.control.part()];
        let job = |repository, secrets, control| Job {
            repository,
            secrets,
            limits: &limits,
            control,
            report: self.report(repository),
        };
        let (own, other) = (job(repository, &secrets[0], &controls[0]), job(from, &secrets[1], &controls[1]));
        let of = match (&run.order.plan, &run.order.source) {
            (Some(plan), Some(source)) => (plan.id, source.named.id),
            _ => return Err(incomplete()),
        };
        let done = gently(|| run.inner.workshop.catch_up(&own, &other, snapshot, of))?;
        let Some(done) = done else { return Ok(false) };
        let failures = run.total.lock().errors;
        self.is_whole(&own, &BackupDone { failures, ..done });
        Ok(true)
    }

    /// Reads the source for these.
    pub(super) fn read(&self, repositories: &[&'a SealedRepository]) -> Result<(), Stopped> {
        let run = self.execution;
        let limits = self.limits();
        let mut opened: Vec<(&SealedRepository, Opened, Control)> = Vec::new();
        for repository in repositories {
            match run.secrets(repository) {
                Ok(secrets) => opened.push((repository, secrets, run.active.control.part())),
                Err(error) => self.settle(repository, Err(error)).ok_or(Stopped)?,
            }
        }
        let jobs: Vec<Job<'_>> = opened
            .iter()
            .map(|(repository, secrets, control)| Job {
                repository,
                secrets,
                limits: &limits,
                control,
                report: self.report(repository),
            })
            .collect();
        if jobs.is_empty() {
            return Ok(());
        }
        let control = &run.active.control;
        let begun = run.with_backup(self.repositories, |backup, labels| {
            gently(|| run.inner.workshop.back_up(backup, labels, &jobs, control, &run.report, self));
        });
        if begun.is_err() {
            // There is nothing to read any more, only something to send.
            for (number, job) in jobs.iter().enumerate() {
                match self.before(number, job) {
                    Ok(true) => {}
                    Ok(false) => self.settle(job.repository, Err(incomplete())).ok_or(Stopped)?,
                    Err(error) => self.settle(job.repository, Err(error)).ok_or(Stopped)?,
                }
            }
        }
        if control.is_cancelled() { Err(Stopped) } else { Ok(()) }
    }

    /// Those that were out of reach, if that was long enough ago and some other has all.
    pub(super) fn late(&self) -> Vec<&'a SealedRepository> {
        if self.begun.elapsed() < LATER {
            return Vec::new();
        }
        let verdicts = self.verdicts.lock();
        let waits = |repository: &&SealedRepository| {
            verdicts.iter().any(|(id, verdict)| *id == repository.id && matches!(verdict, Verdict::Wait(_)))
        };
        let has_any = verdicts.iter().any(|(_, verdict)| matches!(verdict, Verdict::Done));
        self.repositories.iter().filter(waits).filter(|_| has_any).collect()
    }

    fn limits(&self) -> Limits {
        self.execution.order.plan.as_ref().map(|plan| plan.spec.limits.clone()).unwrap_or_default()
    }

    /// Who is told of a destination: where there are several, its name goes with what is told.
    fn report(&self, repository: &SealedRepository) -> Arc<dyn Report> {
        let report = Arc::clone(&self.execution.report);
        if self.several {
            Arc::new(Named { report, name: repository.destination.name.clone() })
        } else {
            report
        }
    }

    fn note(&self, repository: &SealedRepository, verdict: Verdict) {
        let mut verdicts = self.verdicts.lock();
        verdicts.retain(|(id, _)| *id != repository.id);
        verdicts.push((repository.id, verdict));
    }

    /// Takes down what came of a destination; `None` when the run was told to stop.
    fn settle(&self, repository: &SealedRepository, result: Result<(), WorkError>) -> Option<()> {
        let verdict = self.execution.judge(repository, result)?;
        self.note(repository, verdict);
        Some(())
    }

    fn is_whole(&self, job: &Job<'_>, done: &BackupDone) {
        self.execution.complete_backup(job, done);
        let of_run = self.repositories.iter().find(|repository| repository.id == job.repository.id);
        if let Some(repository) = of_run.filter(|repository| !repository.holds.is_archives()) {
            self.whole.lock().push((repository, done.snapshot.clone()));
        }
    }
}

impl Course for Round<'_> {
    fn before(&self, _: usize, job: &Job<'_>) -> Result<bool, WorkError> {
        let Holds::Archives(settings) = &job.repository.holds else { return Ok(false) };
        let Some(done) = self.execution.send_waiting(job, settings)? else { return Ok(false) };
        self.is_whole(job, &done);
        self.note(job.repository, Verdict::Done);
        Ok(true)
    }

    fn cut_apart(&self, job: &Job<'_>, like: &str) {
        self.execution.cut_apart(job, like);
    }

    fn after(&self, _: usize, job: &Job<'_>, result: Result<Made, WorkError>) {
        let done = result.and_then(|made| match (made, &job.repository.holds) {
            (Made::There(done), _) => Ok(done),
            (Made::Here(waiting), Holds::Archives(settings)) => {
                self.execution.send(job, settings, &waiting).map(|()| waiting.done())
            }
            (Made::Here(_), Holds::Repository) => Err(incomplete()),
        });
        let result = done.map(|done| self.is_whole(job, &done));
        if let Err(error) = &result
            && self.several
            && error.class() != Class::Interrupted
        {
            let text = format!("{} is left aside: {error}", job.repository.destination.name);
            self.execution.report.log(Level::Warning, "left-aside", &text);
        }
        // Where the run was told to stop, the whole says so.
        let _ = self.settle(job.repository, result);
    }
}
