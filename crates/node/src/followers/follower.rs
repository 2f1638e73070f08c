//! One log, followed into one repository.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_catalog::{CatalogError, Handled};
use backstay_core::{Control, Interrupted};
use backstay_model::link::{NodePlan, NodeSource, SealedRepository};
use backstay_model::run::Trigger;
use backstay_model::{ConnectionSettings, Continuous, FollowedLog, RunKind, SourceSpec, Time};
use backstay_policy::duration_text::print;
use backstay_policy::point_in_time::Mark;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::clock;
use crate::node::Inner;
use crate::orders::Occasion;
use crate::seals::{self, Opened};
use crate::work::failure::Class;
use crate::work::mongo::MongoSource;
use crate::work::shipping::{Kept, LogError, LogOf};
use crate::work::{Job, Unheard, WorkError};

/// What a repository has is looked at anew this often, even if nothing here has changed it.
const LOOK_EVERY: Duration = Duration::from_secs(600);
/// After trouble it is tried again after this time at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// People are told of trouble that lasts for longer.
const LONG: Duration = Duration::from_secs(3600);
/// A backup that was queued for the log to follow on and has not come is queued again after this time.
const AGAIN: Duration = Duration::from_secs(3600);
/// One that has come and was soon of no use is followed by another no sooner than this.
const SOONEST: Duration = Duration::from_secs(600);

/// Why a backup is asked for, and the key that it is noted under when.
type Reason = (&'static str, &'static str);
const NONE: Reason = ("there is no backup yet that the log can follow on", "log-first");
const GAP: Reason = ("the log has a gap, and goes on after the next backup", "log-again");

pub(super) struct Follower {
    inner: Arc<Inner>,
    handle: Handle,
    plan: NodePlan,
    source: NodeSource,
    repository: SealedRepository,
    control: Control,
    told: Arc<Mutex<FollowedLog>>,
    continuous: Continuous,
    /// What the repository has, with the changes that it was looked at after, and when.
    kept: Option<(Kept, u64, Instant)>,
    server: Option<MongoSource>,
    /// The place that the source does not go on from.
    gap: Option<Mark>,
    troubled_since: Option<Time>,
    has_told: bool,
}

/// What came of a step.
enum Step {
    /// There is more to be had at once.
    More,
    /// All that there is was stored.
    Done,
    /// A backup has to come first.
    Waits(String),
}

impl Follower {
    pub(super) fn new(
        inner: &Arc<Inner>,
        (plan, source, repository): (&NodePlan, &NodeSource, &SealedRepository),
        control: Control,
        told: Arc<Mutex<FollowedLog>>,
    ) -> Self {
        Self {
            inner: Arc::clone(inner),
            handle: Handle::current(),
            continuous: plan.spec.continuous.clone().unwrap_or_default(),
            plan: plan.clone(),
            source: source.clone(),
            repository: repository.clone(),
            control,
            told,
            kept: None,
            server: None,
            gap: None,
            troubled_since: None,
            has_told: false,
        }
    }

    /// Follows until it is told to stop.
    pub(super) fn go(mut self) {
        let mut failures: u32 = 0;
        loop {
            let begun = Instant::now();
            let pause = match self.step() {
                Ok(Step::More) => {
                    self.is_well();
                    failures = 0;
                    Duration::ZERO
                }
                Ok(Step::Done) => {
                    self.is_well();
                    failures = 0;
                    self.continuous.every.saturating_sub(begun.elapsed())
                }
                Ok(Step::Waits(why)) => {
                    self.told.lock().trouble = Some(why);
                    failures = 0;
                    self.continuous.every.min(LONGEST_PAUSE)
                }
                Err(_) if self.control.is_cancelled() => return,
                Err(error) => {
                    // What was open may be what is in the way.
                    (self.server, self.kept) = (None, None);
                    self.has_trouble(&error);
                    failures = failures.saturating_add(1);
                    Duration::from_secs(1 << failures.min(6)).min(LONGEST_PAUSE)
                }
            };
            if self.rest(pause).is_err() {
                return;
            }
        }
    }

    fn step(&mut self) -> Result<Step, WorkError> {
        let (connection, secrets) = self.connection()?;
        let (SourceSpec::Mongodb(spec), ConnectionSettings::Mongodb(mongodb)) =
            (&self.source.spec, &connection)
        else {
            return Err(unknown());
        };
        let workshop = Arc::clone(&self.inner.workshop);
        let of = LogOf { plan: self.plan.id, paths: workshop.mongo_paths(spec, mongodb) };
        let opened = self.inner.open_repository(&self.repository).map_err(|error| {
            WorkError::new(Class::Other, error.message).hint("save the connection and the destination again")
        })?;

        let changes = self.inner.followers.changes();
        let is_old = |(_, then, at): &(Kept, u64, Instant)| *then != changes || at.elapsed() > LOOK_EVERY;
        if self.kept.as_ref().is_none_or(is_old) {
            let kept = match workshop.kept(&self.repository, &opened, &of, &self.control) {
                Ok(kept) => kept,
                // The first backup makes it.
                Err(error) if error.class() == Class::NoRepository && self.repository.may_create => {
                    Kept::default()
                }
                Err(error) => return Err(error),
            };
            self.told.lock().moments = kept.moments();
            self.kept = Some((kept, changes, Instant::now()));
        }
        let Some((kept, ..)) = &mut self.kept else { return Err(unknown()) };
        let Some(at) = kept.chains().last().map(|chain| chain.to) else {
            let newest = kept.newest;
            return self.ask_for_base(NONE, newest);
        };
        if self.gap == Some(at) {
            let newest = kept.newest;
            return self.ask_for_base(GAP, newest);
        }
        self.gap = None;
        let server = match &self.server {
            Some(server) => server,
            None => self.server.insert(workshop.mongo_source(spec, &connection, &secrets)?),
        };
        let mut log = server.log_after(at);
        let job = Job {
            repository: &self.repository,
            secrets: &opened,
            limits: &self.plan.spec.limits,
            control: &self.control,
            report: Arc::new(Unheard),
        };
        match workshop.ship(&job, &of, kept, &mut log) {
            Ok(more) => {
                self.told.lock().moments = kept.moments();
                let newest = kept.newest;
                if let Some((since, why)) = log.cannot_replay() {
                    self.tell_of_what_cannot_be_replayed(since, why, newest)?;
                }
                Ok(if more { Step::More } else { Step::Done })
            }
            Err(LogError::Failed(error)) => Err(error),
            Err(LogError::Gap(error)) => {
                let (until, newest) = (kept.moments().last().map(|moments| moments.until), kept.newest);
                self.gap = Some(at);
                self.tell_of_gap(at, &error, until)?;
                self.ask_for_base(GAP, newest)
            }
        }
    }

    fn connection(&self) -> Result<(ConnectionSettings, Opened), WorkError> {
        let connection = self.source.connection.as_ref().ok_or_else(unknown)?;
        let secrets = self.inner.open(&seals::of_connection(connection.id), &connection.secrets);
        let secrets = secrets
            .map_err(|error| WorkError::new(Class::Other, error.message).hint("save the connection again"))?;
        Ok((connection.settings.clone(), secrets))
    }

    /// Tells people of a gap, once: a process that starts anew finds it again.
    fn tell_of_gap(&self, at: Mark, error: &WorkError, until: Option<Time>) -> Result<(), WorkError> {
        let key = format!("log-gap:{}:{}:{}", self.plan.id, self.source.named.id, self.repository.id);
        let place = at.to_string();
        if self.wait(self.inner.store.meta_get(&key))?.as_deref() == Some(&*place) {
            return Ok(());
        }
        let until = until.map_or_else(String::new, |until| {
            format!(" One can go back to moments until {until:.0}, and to later ones only after that backup.")
        });
        let text = format!(
            "plan {}: the log of {} has a gap at {}: {error}. A new backup is taken by itself, and the log goes on after it.{until} Let the server \
             keep its oplog for longer (replSetResizeOplog), or see why nothing could be stored for so long",
            self.plan.spec.name, self.source.named.name, self.repository.destination.name
        );
        self.handle.block_on(self.inner.trouble(&text));
        self.wait(self.inner.store.meta_set(&key, &place))
    }

    /// Tells people that moments from one on cannot be gone back to, once for each backup that is there.
    fn tell_of_what_cannot_be_replayed(
        &self,
        since: Time,
        why: &str,
        newest: Option<(Time, bool)>,
    ) -> Result<(), WorkError> {
        let key = format!("log-cannot:{}:{}:{}", self.plan.id, self.source.named.id, self.repository.id);
        let place = newest.map_or_else(String::new, |(made, _)| made.to_string());
        if self.wait(self.inner.store.meta_get(&key))?.as_deref() == Some(&*place) {
            return Ok(());
        }
        let text = format!(
            "plan {}: the log of {} at {} has what a restore cannot replay: {why}. No moment from {since:.0} on can be gone back to, until after the next \
             backup: take one now",
            self.plan.spec.name, self.source.named.name, self.repository.destination.name
        );
        self.handle.block_on(self.inner.trouble(&text));
        self.wait(self.inner.store.meta_set(&key, &place))
    }

    /// Has a backup taken that the log can follow on, unless one is on its way.
    fn ask_for_base(&self, (why, key): Reason, newest: Option<(Time, bool)>) -> Result<Step, WorkError> {
        let (plan, source) = (self.plan.id, self.source.named.id);
        let waits = |more: &str| Ok(Step::Waits(format!("{why}{more}")));
        let _asking = self.inner.followers.asking.lock();
        let open = self.wait(self.inner.store.open_runs())?;
        let is_it = |run: &backstay_model::Run| {
            run.kind == RunKind::Backup
                && run.plan.as_ref().is_some_and(|named| named.id == plan)
                && run.source.as_ref().is_some_and(|named| named.id == source)
        };
        if open.iter().any(|(run, _)| is_it(run)) {
            return waits(", which is queued");
        }
        let (key, now) = (format!("{key}:{plan}:{source}"), self.inner.now());
        let asked = self.wait(self.inner.store.meta_get(&key))?.and_then(|asked| asked.parse::<Time>().ok());
        if let Some(asked) = asked.filter(|asked| *asked <= now) {
            let came = newest.filter(|(made, _)| *made >= asked);
            if let Some((_, false)) = came {
                return Err(WorkError::new(
                    Class::Other,
                    "the log cannot be followed, since the last backup does not say where in it it is",
                )
                .hint("see the warnings in that run's log: only a replica set has an oplog, and the user has to be allowed to read it and every collection of the source"));
            }
            let pause = if came.is_some() { SOONEST } else { AGAIN };
            if clock::later(asked, pause) > now {
                return waits("");
            }
        }
        let configuration = self.inner.configuration();
        let Some(today) = configuration.plans.iter().find(|it| it.id == plan) else { return waits("") };
        let occasion = Occasion { trigger: Trigger::Maintenance, requested_by: None, due: Some(now) };
        let clerk = self.inner.clerk();
        let (run, order) = clerk.backup(clerk.run_id(), today, &self.source, &configuration, &occasion);
        let new = clerk.queued(run, &order, &format!("queued: {why}"));
        let now = now.to_string();
        self.wait(self.inner.store.queue(&[new], Handled::Meta(&key, &now)))?;
        self.inner.news.notify_waiters();
        self.inner.wake.notify_one();
        waits(", which is queued")
    }

    fn is_well(&mut self) {
        self.told.lock().trouble = None;
        (self.troubled_since, self.has_told) = (None, false);
    }

    /// What is in the way is shown at once; people are told when it stays.
    fn has_trouble(&mut self, error: &WorkError) {
        let text = match error.advice() {
            Some(hint) => format!("{error}. {hint}"),
            None => error.to_string(),
        };
        self.told.lock().trouble = Some(text.clone());
        let now = self.inner.now();
        let since = *self.troubled_since.get_or_insert(now);
        let is_final = !error.class().waits();
        if self.has_told || (!is_final && clock::later(since, LONG) > now) {
            return;
        }
        self.has_told = true;
        let text = format!(
            "plan {}: what is written to {} between backups has not been stored at {} since {since:.0}, though it should be every {}: {text}",
            self.plan.spec.name,
            self.source.named.name,
            self.repository.destination.name,
            print(self.continuous.every)
        );
        self.handle.block_on(self.inner.trouble(&text));
    }

    fn wait<T>(&self, asked: impl Future<Output = Result<T, CatalogError>>) -> Result<T, WorkError> {
        let failed = |error| WorkError::new(Class::Other, format!("the node's store fails: {error}"));
        self.handle.block_on(asked).map_err(failed)
    }

    fn rest(&self, pause: Duration) -> Result<(), Interrupted> {
        let end = Instant::now() + pause;
        loop {
            self.control.checkpoint()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
    }
}

/// The configuration does not have what it needs.
fn unknown() -> WorkError {
    WorkError::new(Class::Other, "the source and its connection do not fit together")
        .hint("save the source again, with a connection of its type")
}
