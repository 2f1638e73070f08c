//! A node at work: it looks at its plans, starts what may start, watches what runs, and keeps its server informed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_catalog::{CatalogError, NodeStore};
use backstay_core::{Clock, Random};
use backstay_model::command::{CommandError, Refusal};
use backstay_model::link::{News, NodeConfiguration, NodeSource, SealedConnection, SealedRepository};
use backstay_model::{HostState, Level, NodeId, Run, RunId, RunState, Time};
use backstay_vault::RecordId;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::active::ActiveRuns;
use crate::desk::Desk;
use crate::followers::Followers;
use crate::identity::{Identity, IdentityError};
use crate::local_policy::LocalPolicy;
use crate::orders::{Clerk, Order};
use crate::outbox::{self, Results};
use crate::seals::{self, Opened};
use crate::sender::Sender;
use crate::steward::{SteerError, Steward};
use crate::uplink::Uplink;
use crate::work::Workshop;
use crate::{asks, clock, host, rounds, runner};

/// The longest pause between two tries of something that the store refuses.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How a node is set up.
pub struct NodeOptions {
    /// Where it keeps its store, journals and caches.
    pub data_dir: PathBuf,
    /// Its name, when it has none yet.
    pub name: String,
    /// How many runs are executed at once.
    pub pool: usize,
    /// What its owner lets it do.
    pub policy: LocalPolicy,
    /// Who it is to the repositories that it writes.
    pub environment: backstay_engine::Environment,
    /// Folders of the program that it is part of, beside its own: no restore touches them.
    pub guarded: Vec<PathBuf>,
    /// For how long log lines and ended runs are kept here; the server keeps its own.
    pub keep: Duration,
}

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It does not know who it is.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Its store cannot be opened.
    #[error("the node's store: {0}")]
    Store(#[from] CatalogError),
}

/// A node at work. Dropping it does not stop it; [`Node::stop`] does.
pub struct Node {
    inner: Arc<Inner>,
    tasks: Vec<JoinHandle<()>>,
}

/// What all parts of a node share.
pub(crate) struct Inner {
    pub(crate) identity: Identity,
    /// Tells this process from others with the same identity.
    pub(crate) incarnation: u64,
    pub(crate) store: NodeStore,
    pub(crate) steward: Steward,
    pub(crate) workshop: Arc<Workshop>,
    pub(crate) active: ActiveRuns,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) options: NodeOptions,
    pub(crate) results: Results,
    pub(crate) desk: Desk,
    pub(crate) sender: Sender,
    pub(crate) followers: Followers,
    pub(crate) host: Mutex<HostState>,
    configuration: RwLock<Arc<NodeConfiguration>>,
    /// Why the server refuses this node, as it was told to the host; nothing while it does not.
    pub(crate) refused: Mutex<Option<String>>,
    /// How often everything was told to the server again. Whoever takes an answer of the server home holds it meanwhile.
    pub(crate) retold: tokio::sync::Mutex<u64>,
    /// Rung when something may start or has to be looked at.
    pub(crate) wake: Notify,
    /// Rung when there is something to tell the server.
    pub(crate) news: Arc<Notify>,
    /// Set once the node is to end.
    pub(crate) ending: tokio::sync::watch::Sender<bool>,
}

impl Node {
    /// Opens the node's store, takes up what an earlier process left, and goes to work.
    ///
    /// # Errors
    /// [`StartError`] when the node's identity or store cannot be opened.
    pub async fn start(options: NodeOptions, uplink: Arc<dyn Uplink>) -> Result<Self, StartError> {
        let (clock, random) =
            (Arc::clone(&options.environment.clock), Arc::clone(&options.environment.random));
        let identity = Identity::open_or_make(&options.data_dir, &options.name, &*clock, &*random)?;
        let store = NodeStore::open(&options.data_dir.join("node.db")).await?;
        let mut incarnation = [0; 8];
        random.fill(&mut incarnation);
        let news = Arc::new(Notify::new());
        let workshop =
            Workshop::new(options.environment.clone(), options.data_dir.clone(), options.policy.clone())
                .guarding(options.guarded.clone())
                .keeping_tokens(identity.key.clone());
        let configuration = store.configuration().await?;
        let inner = Arc::new(Inner {
            identity,
            // SQL and JSON know signed numbers.
            incarnation: u64::from_le_bytes(incarnation) >> 1,
            steward: Steward::new(store.clone(), Arc::clone(&clock), Arc::clone(&news)),
            store,
            workshop: Arc::new(workshop),
            active: ActiveRuns::default(),
            clock,
            random,
            host: Mutex::new(host::host_state(&options.data_dir)),
            options,
            results: Results::default(),
            desk: Desk::default(),
            sender: Sender::new(Arc::clone(&uplink)),
            followers: Followers::default(),
            configuration: RwLock::new(Arc::new(configuration)),
            refused: Mutex::default(),
            retold: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            news,
            ending: tokio::sync::watch::channel(false).0,
        });
        runner::note_panics();
        rounds::recover(&inner).await?;
        let tasks = vec![
            tokio::spawn(rounds::go(Arc::clone(&inner))),
            tokio::spawn(outbox::tell(Arc::clone(&inner), Arc::clone(&uplink))),
            tokio::spawn(outbox::listen(Arc::clone(&inner), uplink)),
        ];
        Ok(Self { inner, tasks })
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// Stops the work in hand in good order, within this time, and ends. What was running is taken up again by the next
    /// process. Hooks that start again what a backup stopped take their own time beyond that; those that did not get to run are
    /// run by the next process.
    pub async fn stop(self, patience: Duration) {
        let _ = self.inner.ending.send(true);
        self.inner.active.close();
        self.inner.wake.notify_one();
        let end = Instant::now() + patience;
        let waits = || {
            let active = self.inner.active.all();
            !active.is_empty() && (Instant::now() < end || active.iter().any(|active| active.is_excused()))
        };
        while !self.inner.followers.stop() && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        while waits() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // The last changes of state want to be told; who does not listen hears them from the next process.
        let _ = tokio::time::timeout(Duration::from_secs(2), outbox::drained(&self.inner)).await;
        for task in self.tasks {
            task.abort();
        }
    }
}

impl Inner {
    pub(crate) fn now(&self) -> Time {
        clock::now(&*self.clock)
    }

    pub(crate) fn is_ending(&self) -> bool {
        *self.ending.borrow()
    }

    pub(crate) fn clerk(&self) -> Clerk<'_> {
        Clerk { node: self.identity.id, clock: &*self.clock, random: &*self.random }
    }

    pub(crate) fn configuration(&self) -> Arc<NodeConfiguration> {
        Arc::clone(&self.configuration.read())
    }

    /// Takes home what the server wants done from now on.
    pub(crate) async fn configure(&self, configuration: NodeConfiguration) -> Result<(), CatalogError> {
        self.store.set_configuration(&configuration).await?;
        let configuration = Arc::new(configuration);
        let before = std::mem::replace(&mut *self.configuration.write(), Arc::clone(&configuration));
        self.hurry(&before, &configuration).await?;
        self.wake.notify_one();
        Ok(())
    }

    /// Has runs tried at once that wait for repositories which are reached in another way now: what they wait for may be mended.
    async fn hurry(&self, before: &NodeConfiguration, now: &NodeConfiguration) -> Result<(), CatalogError> {
        // Seals differ each time that something is sealed.
        let open = |it: &SealedRepository| self.open_repository(it).map(|it| it.all().clone()).ok();
        let is_same = |one: &SealedRepository, other: &SealedRepository| {
            one.settings == other.settings
                && (one.secrets == other.secrets || open(one).is_some_and(|one| Some(one) == open(other)))
        };
        let old = |new: &SealedRepository| before.repositories.iter().find(|old| old.id == new.id);
        let others = now.repositories.iter().filter(|new| old(new).is_some_and(|old| !is_same(old, new)));
        let others: Vec<_> = others.map(|repository| repository.id).collect();
        if others.is_empty() {
            return Ok(());
        }
        for (run, _) in self.store.open_runs().await? {
            let waits = run.waiting.as_ref().is_some_and(|waiting| waiting.next_try.is_some());
            let concerned = run.destinations.iter().any(|it| others.contains(&it.repository));
            if run.state == RunState::Pending && waits && concerned {
                let now = self.now();
                let sooner = |run: &mut Run| {
                    if let Some(waiting) = &mut run.waiting {
                        waiting.next_try = waiting.next_try.map(|_| now);
                    }
                };
                // One that has ended meanwhile needs nothing.
                if let Err(SteerError::Store(error)) = self.steward.amend(run.id, sooner).await {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Opens secrets that were sealed to this node.
    pub(crate) fn open(&self, record: &RecordId, sealed: &str) -> Result<Opened, CommandError> {
        seals::open(&self.identity.key, record, &sealed.to_owned())
            .map_err(|error| asks::refusal(Refusal::Invalid, &format!("secrets cannot be opened: {error}")))
    }

    /// Opens the secrets of a repository.
    pub(crate) fn open_repository(&self, repository: &SealedRepository) -> Result<Opened, CommandError> {
        self.open(&seals::of_repository(repository.id), &repository.secrets)
    }

    /// The repositories of an order as they are to be reached today: credentials may have changed since it was written.
    pub(crate) fn repositories(&self, order: &Order) -> Vec<SealedRepository> {
        order.repositories.iter().map(|repository| self.today(repository)).collect()
    }

    /// A repository as it is to be reached today.
    pub(crate) fn today(&self, old: &SealedRepository) -> SealedRepository {
        let configuration = self.configuration();
        configuration.repositories.iter().find(|new| new.id == old.id).unwrap_or(old).clone()
    }

    /// The connection of a source as it is today.
    pub(crate) fn connection_of(&self, source: &NodeSource) -> Option<SealedConnection> {
        let configuration = self.configuration();
        let mut sources = configuration.plans.iter().flat_map(|plan| &plan.sources);
        let today = sources.find(|today| today.named.id == source.named.id).unwrap_or(source);
        today.connection.clone()
    }

    /// Removes what a run that came to no good end has left on this host.
    pub(crate) async fn discard(self: &Arc<Self>, run: &Run) {
        let order = match self.store.run(run.id).await {
            Ok(Some((_, private))) => Order::of(&private),
            _ => None,
        };
        let Some(order) = order else { return };
        let (inner, ended) = (Arc::clone(self), run.clone());
        let cleaned = tokio::task::spawn_blocking(move || runner::discard(&inner, &ended, &order)).await;
        let left = cleaned.ok().flatten();
        if let Some(text) = left {
            self.log(run.id, Level::Warning, "clean-up", &text).await;
        }
    }

    /// Tries again what the store refuses, until it is done or there is no point in it any more: a store that is locked or full
    /// now may not be so in a moment.
    pub(crate) async fn insist<T, F: Future<Output = Result<T, CatalogError>>>(
        &self,
        attempt: impl Fn() -> F,
        is_vain: impl Fn() -> bool,
    ) -> Result<T, CatalogError> {
        let mut pause = Duration::from_millis(50);
        loop {
            match attempt().await {
                Err(_) if !is_vain() => tokio::time::sleep(pause).await,
                done => return done,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Tells people of something that they have to see to.
    pub(crate) async fn trouble(&self, text: &str) {
        let news = News::Trouble { text: text.to_owned() };
        if let Err(error) = self.insist(|| self.store.tell(&news), || self.is_ending()).await {
            eprintln!("backstay: {text}\nbackstay: the server cannot be told of it: {error}");
        }
        self.news.notify_waiters();
    }

    /// Adds a line to a run's log. A line that cannot be kept is no reason to end the run.
    pub(crate) async fn log(&self, run: RunId, level: Level, step: &str, text: &str) {
        let line = backstay_catalog::NewLine {
            time: self.now(),
            level,
            step: step.to_owned(),
            text: text.to_owned(),
        };
        if self.store.append_log(run, &[line]).await.is_ok() {
            self.news.notify_waiters();
        }
    }

    pub(crate) fn id(&self) -> NodeId {
        self.identity.id
    }
}
