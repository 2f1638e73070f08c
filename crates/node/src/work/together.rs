//! One backup to all that a run goes to: the source is read once, and each destination succeeds by itself.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use backstay_core::{Control, Events, Sink};
use backstay_engine::backup::{BackupOutcome, BackupSink, PATIENCE, Party, Together};
use backstay_engine::chunker::Polynomial;
use backstay_model::run::Progress;
use backstay_model::{Holds, Level};
use parking_lot::Mutex;

use super::archives::{Begun, Labels, Made};
use super::backup::{Backup, Read, Reading, Ready, take};
use super::meter::Meter;
use super::{Class, Job, Report, Result, WorkError, Workshop};

/// Once one destination is open, the others have so long.
const OPENING: Duration = Duration::from_secs(30);

/// Hears of each destination of a backup, from many threads.
pub trait Course: Sync {
    /// What has to be done at a destination before anything is read for it. True when nothing is left to do there then.
    ///
    /// # Errors
    /// When the destination is left aside.
    fn before(&self, number: usize, job: &Job<'_>) -> Result<bool>;

    /// The repository at a destination cuts files elsewhere than the one at `like`, so what is read is cut apart for it.
    fn cut_apart(&self, job: &Job<'_>, like: &str);

    /// What came of a destination, as soon as that is known.
    fn after(&self, number: usize, job: &Job<'_>, result: Result<Made>);
}

/// Says which destination it is about, and leaves telling the progress to the whole.
pub struct Named {
    /// Who is told.
    pub report: Arc<dyn Report>,
    /// The destination's name.
    pub name: String,
}

impl Report for Named {
    fn log(&self, level: Level, step: &str, text: &str) {
        if text.contains(&self.name) {
            self.report.log(level, step, text);
        } else {
            self.report.log(level, step, &format!("{}: {text}", self.name));
        }
    }

    fn progress(&self, _: Progress) {}

    fn moved(&self) {
        self.report.moved();
    }
}

/// A destination that waits for what is read.
enum Goal {
    Repository(Box<Ready>),
    Archive(Box<Begun>, Arc<Meter>),
}

/// Destinations and how they are told of.
struct Trip<'a> {
    workshop: &'a Workshop,
    backup: &'a Backup<'a>,
    reading: &'a Reading,
    labels: Labels<'a>,
    jobs: &'a [Job<'a>],
    course: &'a dyn Course,
    /// The reins of the whole.
    control: &'a Control,
    meter: Arc<Meter>,
}

impl Workshop {
    /// Backs a source up to several destinations, or one. Repositories are made where they may be, and such as cut like the first.
    ///
    /// The control of each job is a part of `control`: it is cancelled when the destination is left aside. What came of each is told to
    /// `course`. When the work is cancelled, what is stored stays and is taken up by the next backup of the same plan, source and repository. The
    /// locks are given back, and nothing temporary is left but the journals.
    pub fn back_up(
        &self,
        backup: &Backup<'_>,
        labels: Labels<'_>,
        jobs: &[Job<'_>],
        control: &Control,
        report: &Arc<dyn Report>,
        course: &dyn Course,
    ) {
        let Some(first) = jobs.first() else { return };
        let reading = match self.reading(first, backup) {
            Ok(reading) => reading,
            Err(error) => {
                return jobs
                    .iter()
                    .enumerate()
                    .for_each(|(number, job)| course.after(number, job, Err(error.again())));
            }
        };
        control.set_read_rate(first.limits.read);
        let meter = Arc::new(Meter::new(report, "reading"));
        let trip = Trip { workshop: self, backup, reading: &reading, labels, jobs, course, control, meter };
        trip.take(report);
    }
}

impl Trip<'_> {
    fn take(&self, report: &Arc<dyn Report>) {
        let started = self.workshop.environment.clock.now();
        let goals = self.open();
        if goals.is_empty() {
            return;
        }
        self.tell_of_cuts(&goals);
        let (mut destinations, mut sinks): (Vec<_>, Vec<Arc<dyn Sink>>) = (Vec::new(), Vec::new());
        let (mut repositories, mut archives) = (Vec::new(), Vec::new());
        for (number, goal) in goals {
            match goal {
                Goal::Repository(ready) => {
                    destinations.push(ready.destination(self.reading));
                    repositories.push(Mutex::new(Some((number, ready))));
                }
                Goal::Archive(begun, meter) => {
                    let sink = Arc::clone(&begun.sink);
                    sinks.push(sink);
                    archives.push(Mutex::new(Some((number, begun, meter))));
                }
            }
        }
        let Some(first) = self.jobs.first() else { return };
        let together = Together {
            control: self.control.clone(),
            clock: Arc::clone(&self.workshop.environment.clock),
            threads: self.workshop.settings(first.limits).threads,
            patience: PATIENCE,
        };
        let events: Arc<dyn Events> = self.meter.clone();
        let whole = Job { control: self.control, report: Arc::clone(report), ..first.clone() };
        if !destinations.is_empty() {
            report.log(Level::Info, "read", &format!("reading {}", self.reading.paths.join(", ")));
        }
        let begun =
            BackupSink::start_together(destinations, sinks, together, events).map_err(WorkError::from);
        let taken = begun.and_then(|sink| match take(&whole, self.reading, &sink, &self.meter) {
            Ok(report) => Ok((sink, report)),
            // Each has a reason of its own.
            Err(_) if sink.has_failed() => Ok((sink, Default::default())),
            Err(error) => Err(error),
        });
        let (sink, captured) = match taken {
            Ok(taken) => taken,
            Err(error) => {
                for (number, ready) in repositories.into_iter().filter_map(Mutex::into_inner) {
                    self.tell(number, Err(ready.open.explain(error.again())));
                }
                for (number, ..) in archives.into_iter().filter_map(Mutex::into_inner) {
                    self.tell(number, Err(error.again()));
                }
                return;
            }
        };
        self.meter.enter("storing");
        let read = Read { reading: self.reading, report: &captured, started, meter: &self.meter };
        sink.finish_each(&|party, outcome| match party {
            Party::Repository(at) => {
                let Some((number, ready)) = repositories.get(at).and_then(|slot| slot.lock().take()) else {
                    return;
                };
                self.tell(number, self.save(number, *ready, outcome.map_err(WorkError::from), &read));
            }
            Party::Sink(at) => {
                let Some((number, begun, meter)) = archives.get(at).and_then(|slot| slot.lock().take())
                else {
                    return;
                };
                let made = outcome.map_err(WorkError::from).and_then(|_| {
                    let job = self.job(number)?;
                    self.workshop.finish_archive(job, *begun, &read, &meter)
                });
                meter.finish();
                self.tell(number, made);
            }
        });
        self.meter.finish();
    }

    fn save(
        &self,
        number: usize,
        ready: Ready,
        outcome: Result<Option<BackupOutcome>>,
        read: &Read<'_>,
    ) -> Result<Made> {
        let outcome = outcome.map_err(|error| ready.open.explain(error))?;
        let Some(outcome) = outcome else { return Err(unknown()) };
        self.workshop.save(self.job(number)?, self.backup, ready, &outcome, read).map(Made::There)
    }

    fn job(&self, number: usize) -> Result<&Job<'_>> {
        self.jobs.get(number).ok_or_else(unknown)
    }

    fn tell(&self, number: usize, result: Result<Made>) {
        let Some(job) = self.jobs.get(number) else { return };
        let result = result.map_err(|error| match error.class() {
            Class::Interrupted if !self.control.is_cancelled() => {
                let text = "it did not answer in time, so the other destinations went on without it";
                WorkError::new(Class::Unreachable, text).hint(
                    "check the network between this host and the storage, and whether the storage is up",
                )
            }
            _ => error,
        });
        self.course.after(number, job, result);
    }

    /// Opens what can be opened, and tells of the others. New repositories are made last, so that they cut as those that are there.
    fn open(&self) -> Vec<(usize, Goal)> {
        let is_new = |job: &Job<'_>| {
            !job.repository.holds.is_archives() && !self.workshop.known_path(job.repository).exists()
        };
        let (later, now): (Vec<_>, Vec<_>) = self.jobs.iter().enumerate().partition(|(_, job)| is_new(job));
        let mut goals = self.open_at_once(&now);
        goals.sort_by_key(|(number, _)| *number);
        for (number, job) in later {
            let alike = goals.iter().find_map(|(_, goal)| polynomial(goal));
            match self.open_one(number, job, alike) {
                Ok(goal) => goals.extend(goal.map(|goal| (number, goal))),
                Err(error) => self.tell(number, Err(error)),
            }
        }
        goals.sort_by_key(|(number, _)| *number);
        goals
    }

    /// Opens these side by side. When one is open, the others are not waited for without end.
    fn open_at_once(&self, jobs: &[(usize, &Job<'_>)]) -> Vec<(usize, Goal)> {
        let mut goals = Vec::new();
        std::thread::scope(|scope| {
            let (sender, opened) = channel();
            for &(number, job) in jobs {
                let sender = sender.clone();
                scope.spawn(move || {
                    // Nobody stops listening before all have told.
                    let _ = sender.send((number, self.open_one(number, job, None)));
                });
            }
            drop(sender);
            let mut end = None;
            let mut left: Vec<usize> = jobs.iter().map(|(number, _)| *number).collect();
            loop {
                let patience =
                    end.map_or(OPENING, |end: Instant| end.saturating_duration_since(Instant::now()));
                match opened.recv_timeout(patience) {
                    Ok((number, goal)) => {
                        left.retain(|other| *other != number);
                        match goal {
                            Ok(goal) => {
                                end = end.or_else(|| Instant::now().checked_add(OPENING));
                                goals.extend(goal.map(|goal| (number, goal)));
                            }
                            Err(error) => self.tell(number, Err(error)),
                        }
                    }
                    Err(RecvTimeoutError::Timeout) if end.is_some() => {
                        left.iter()
                            .filter_map(|number| self.jobs.get(*number))
                            .for_each(|job| job.control.cancel());
                        end = None;
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
        });
        goals
    }

    /// Opens a destination. `None` when nothing is left to do there.
    fn open_one(&self, number: usize, job: &Job<'_>, alike: Option<Polynomial>) -> Result<Option<Goal>> {
        if self.course.before(number, job)? {
            return Ok(None);
        }
        let Self { workshop, backup, reading, .. } = self;
        Ok(Some(match &job.repository.holds {
            Holds::Repository => Goal::Repository(Box::new(workshop.ready(job, backup, reading, alike)?)),
            Holds::Archives(settings) => {
                let meter = Arc::new(Meter::new(&job.report, "archiving"));
                let events: Arc<dyn Events> = meter.clone();
                let begun = workshop.begin_archive(job, settings, backup, reading, self.labels, events)?;
                Goal::Archive(Box::new(begun), meter)
            }
        }))
    }

    /// Tells of repositories that do not cut as the first one does.
    fn tell_of_cuts(&self, goals: &[(usize, Goal)]) {
        let mut first: Option<(&str, Polynomial)> = None;
        for (number, goal) in goals {
            let (Some(job), Some(polynomial)) = (self.jobs.get(*number), polynomial(goal)) else { continue };
            let name = job.repository.destination.name.as_str();
            match first {
                None => first = Some((name, polynomial)),
                Some((like, other)) if other != polynomial => {
                    let text = format!(
                        "{name} cuts files elsewhere than {like} does (its repository was made with another chunker polynomial), so what is \
                         read is cut apart for it: that takes more work, and no copy from {like} can stand in for a backup"
                    );
                    job.report.log(Level::Warning, "read", &text);
                    self.course.cut_apart(job, like);
                }
                Some(_) => {}
            }
        }
    }
}

fn polynomial(goal: &Goal) -> Option<Polynomial> {
    match goal {
        Goal::Repository(ready) => Some(ready.open.engine.config().polynomial),
        Goal::Archive(..) => None,
    }
}

fn unknown() -> WorkError {
    WorkError::new(Class::Other, "the run has lost track of a destination").hint("start it again")
}
