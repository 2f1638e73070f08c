//! A node, and a server that is its store alone: what it tells is taken in as a server does, what it should do is queued here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_catalog::{Happening, ServerStore};
use backstay_core::{Clock, Random, Timestamp};
use backstay_engine::repository::{Environment, Identity as Who};
use backstay_model::command::{Answer, Ask, Command, CommandError, CommandResult};
use backstay_model::connection::LocalSettings;
use backstay_model::destination::Layout;
use backstay_model::link::{
    NodeConfiguration, NodePlan, NodeSource, SealedRepository, SyncRequest, SyncResponse,
};
use backstay_model::plan::PlanSpec;
use backstay_model::run::Named;
use backstay_model::source::FilesSpec;
use backstay_model::{
    CommandId, ConnectionSettings, DestinationId, Node as NodeRecord, NodeId, PlanId, Project, ProjectId,
    RepositoryId, Run, RunId, RunKind, RunState, SourceId, SourceSpec, Time, TransferId,
};
use backstay_node::local_policy::{LocalPolicy, Mode};
use backstay_node::{Chunk, Identity, Node, NodeOptions, Sent, Uplink, UplinkAnswer, UplinkError, seals};
use backstay_policy::Schedule;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;

#[derive(Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = jiff::Timestamp::now();
        Timestamp {
            seconds: now.as_second(),
            nanos: now.subsec_nanosecond().unsigned_abs(),
            ..Timestamp::default()
        }
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// A clock that can be set: so many seconds away from the system's.
#[derive(Debug, Default)]
pub(crate) struct SetClock(std::sync::atomic::AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now();
        Timestamp { seconds: now.seconds + self.0.load(std::sync::atomic::Ordering::SeqCst), ..now }
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

#[derive(Debug, Default)]
pub(crate) struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).unwrap();
    }
}

/// The server's end of the uplink.
pub(crate) struct Hub {
    store: Mutex<ServerStore>,
    commands: Mutex<Vec<Command>>,
    results: Mutex<Vec<CommandResult>>,
    pub(crate) configuration: Mutex<NodeConfiguration>,
    /// What was handed over, or why it is torn.
    pub(crate) brought: Mutex<HashMap<TransferId, Result<Vec<u8>, String>>>,
    /// While set, nobody answers.
    pub(crate) away: Mutex<bool>,
}

impl Hub {
    /// Changes the plan.
    pub(crate) fn change(&self, edit: impl Fn(&mut PlanSpec)) {
        self.arrange(|configuration| configuration.plans.iter_mut().for_each(|plan| edit(&mut plan.spec)));
    }

    /// Changes what the node has to do.
    pub(crate) fn arrange(&self, edit: impl FnOnce(&mut NodeConfiguration)) {
        let mut configuration = self.configuration.lock();
        configuration.version += 1;
        edit(&mut configuration);
    }
}

impl Uplink for Hub {
    fn send(&self, _: NodeId, transfer: TransferId, mut content: Receiver<Chunk>) -> Sent<'_> {
        Box::pin(async move {
            let mut whole = Ok(Vec::new());
            while let Some(part) = content.recv().await {
                match (&mut whole, part) {
                    (Ok(_), Ok(end)) if end.is_empty() => break,
                    (Ok(bytes), Ok(part)) => bytes.extend_from_slice(&part),
                    (_, Err(why)) => whole = Err(why),
                    (Err(_), _) => {}
                }
            }
            self.brought.lock().insert(transfer, whole);
            Ok(())
        })
    }

    fn sync(&self, request: SyncRequest) -> UplinkAnswer<'_> {
        Box::pin(async move {
            if *self.away.lock() {
                return Err(UplinkError::Unreachable("nobody answers".to_owned()));
            }
            let failed = |error: backstay_catalog::CatalogError| UplinkError::Unreachable(error.to_string());
            let (store, incarnation) = (self.store.lock().clone(), request.incarnation);
            store.node_seen(request.node, incarnation, &request.host, request.now).await.map_err(failed)?;
            let taken = store.ingest(request.node, incarnation, &request.entries).await.map_err(failed)?;
            if request.patience_ms > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            self.results.lock().extend(request.results);
            // Commands first: the configuration is then the one that they were asked under, or a later one.
            let commands = std::mem::take(&mut *self.commands.lock());
            let configuration = self.configuration.lock().clone();
            Ok(SyncResponse {
                acknowledged: taken.acknowledged,
                commands,
                configuration: (configuration.version != request.configuration).then_some(configuration),
            })
        })
    }
}

/// Everything that a test needs.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) hub: Arc<Hub>,
    pub(crate) store: ServerStore,
    pub(crate) project: ProjectId,
    pub(crate) plan: PlanId,
    pub(crate) clock: Arc<SetClock>,
    /// What the host's owner allows; it counts from the next start on.
    pub(crate) policy: LocalPolicy,
    node: Option<Node>,
}

impl World {
    /// A node with one plan, which backs up the folder `source` into the folder `repository`.
    pub(crate) async fn new(schedule: Schedule) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, random) = (SystemClock, SystemRandom);
        std::fs::create_dir(folder.path().join("source")).unwrap();
        std::fs::create_dir(folder.path().join("node 0")).unwrap();
        std::os::unix::fs::symlink("node 0", folder.path().join("node")).unwrap();
        let store = ServerStore::open(&format!("sqlite:{}", folder.path().join("server.db").display()))
            .await
            .unwrap();
        let identity = Identity::open_or_make(&folder.path().join("node"), "test", &clock, &random).unwrap();
        let project = ProjectId::new(&clock, &random);
        let now = Time::now();
        store
            .create_project(&Project { id: project, name: "Default".to_owned(), created: now })
            .await
            .unwrap();
        let record = NodeRecord {
            id: identity.id,
            project,
            name: "test".to_owned(),
            local: true,
            public_key: identity.key.public().to_string(),
            last_seen: None,
            host: backstay_model::HostState::default(),
            revoked: false,
            trouble: None,
            created: now,
        };
        store.create_node(&record, None).await.unwrap();
        store.close().await;
        let file = folder.path().join("server.db");
        std::fs::copy(&file, folder.path().join("old.db")).unwrap();
        let store = ServerStore::open(&format!("sqlite:{}", file.display())).await.unwrap();

        let (plan, repository) = (PlanId::new(&clock, &random), RepositoryId::new(&clock, &random));
        let destination = DestinationId::new(&clock, &random);
        let source = SourceId::new(&clock, &random);
        let secrets = [("password".to_owned(), "open sesame".to_owned())].into();
        let sealed =
            seals::seal(identity.key.public(), &seals::of_repository(repository), &secrets, &random).unwrap();
        let spec: PlanSpec = serde_json::from_value(serde_json::json!({
            "name": "home", "sources": [source], "destinations": [destination], "schedule": schedule,
        }))
        .unwrap();
        let configuration = NodeConfiguration {
            version: 1,
            plans: vec![NodePlan {
                id: plan,
                project,
                revision: 1,
                since: now,
                spec,
                sources: vec![NodeSource {
                    named: Named { id: source, name: "source".to_owned() },
                    spec: SourceSpec::Files(FilesSpec {
                        paths: vec![folder.path().join("source").display().to_string()],
                        excludes: Vec::new(),
                        exclude_if_present: Vec::new(),
                        exclude_caches: false,
                        exclude_larger_than: None,
                        one_file_system: false,
                    }),
                    connection: None,
                }],
                from: None,
                repositories: vec![repository],
            }],
            repositories: vec![SealedRepository {
                id: repository,
                destination: Named { id: destination, name: "disk".to_owned() },
                layout: Layout::Shared,
                settings: ConnectionSettings::Local(LocalSettings {
                    path: folder.path().display().to_string(),
                }),
                path: "repository".to_owned(),
                holds: backstay_model::Holds::Repository,
                may_create: true,
                secrets: sealed,
            }],
        };
        let hub = Arc::new(Hub {
            store: Mutex::new(store.clone()),
            commands: Mutex::default(),
            results: Mutex::default(),
            configuration: Mutex::new(configuration),
            brought: Mutex::default(),
            away: Mutex::new(false),
        });
        let mut world = Self {
            folder,
            hub,
            store,
            project,
            plan,
            clock: Arc::default(),
            policy: LocalPolicy::without_file(Mode::Local, Path::new("/etc/backstay/agent-policy.toml")),
            node: None,
        };
        world.start().await;
        world
    }

    pub(crate) async fn start(&mut self) {
        let options = NodeOptions {
            data_dir: self.path("node"),
            name: "test".to_owned(),
            pool: 2,
            policy: self.policy.clone(),
            environment: Environment {
                clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
                random: Arc::new(SystemRandom),
                identity: Who { host: "here".to_owned(), ..Who::default() },
            },
            guarded: Vec::new(),
            keep: Duration::from_secs(86_400),
        };
        self.node = Some(Node::start(options, Arc::clone(&self.hub) as Arc<dyn Uplink>).await.unwrap());
    }

    pub(crate) async fn stop(&mut self) {
        self.stop_within(Duration::from_secs(30)).await;
    }

    pub(crate) async fn stop_within(&mut self, patience: Duration) {
        if let Some(node) = self.node.take() {
            node.stop(patience).await;
        }
    }

    /// Sets the node's clock so much later, or earlier.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, std::sync::atomic::Ordering::SeqCst);
    }

    /// Now, by the node's clock.
    pub(crate) fn now(&self) -> Time {
        let now = self.clock.now();
        Time::new(now.seconds, i32::try_from(now.nanos).unwrap()).unwrap()
    }

    /// Waits until there is a run as it should be.
    pub(crate) async fn until_any(&self, what: &str, is_so: impl Fn(&Run) -> bool) -> Run {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let runs = self.store.list_runs(&Default::default(), None, 100).await.unwrap().items;
            if let Some(run) = runs.iter().find(|run| is_so(run)) {
                return run.clone();
            }
            assert!(Instant::now() < end, "there is no {what}: {runs:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the node as if its process had been killed: the next one finds what lay on the disk at this moment. Says whether the
    /// file `service` said "stopped" then.
    pub(crate) async fn kill(&mut self) -> bool {
        let service = self.path("service");
        let is_stopped = || std::fs::read_to_string(&service).is_ok_and(|text| text.trim() == "stopped");
        *self.hub.away.lock() = true;
        let before = is_stopped();
        // What the killed one still does, as removing a log of its database by name, must not hit the next one.
        let next =
            (1..).map(|number| format!("node {number}")).find(|name| !self.path(name).exists()).unwrap();
        let killed = self.path(&next);
        std::fs::create_dir_all(killed.join("journals")).unwrap();
        self.sql(&format!("VACUUM INTO '{}'", killed.join("node.db").display())).await;
        let is_stopped = before && is_stopped();
        for name in ["node.json", "node.key"] {
            std::fs::copy(self.path("node").join(name), killed.join(name)).unwrap();
        }
        for entry in std::fs::read_dir(self.path("node/journals")).into_iter().flatten() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, killed.join("journals").join(path.file_name().unwrap())).unwrap();
        }
        copy_all(&self.path("node/archives"), &killed.join("archives"));
        self.stop().await;
        std::fs::remove_file(self.path("node")).unwrap();
        std::os::unix::fs::symlink(next, self.path("node")).unwrap();
        *self.hub.away.lock() = false;
        is_stopped
    }

    /// Does something to the node's store behind its back.
    pub(crate) async fn sql(&self, text: &str) {
        let mut pool = self.node_db().await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(text.to_owned())).execute(&mut pool).await.unwrap();
        sqlx::Connection::close(pool).await.unwrap();
    }

    /// A small value of the node's store.
    pub(crate) async fn meta(&self, key: &str) -> Option<String> {
        let store = backstay_catalog::NodeStore::open(&self.path("node/node.db")).await.unwrap();
        let value = store.meta_get(key).await.unwrap();
        store.close().await;
        value
    }

    async fn node_db(&self) -> sqlx::AnyConnection {
        sqlx::any::install_default_drivers();
        let address = format!("sqlite://{}", self.path("node/node.db").display());
        <sqlx::AnyConnection as sqlx::Connection>::connect(&address).await.unwrap()
    }

    /// What people were told to see to.
    pub(crate) async fn troubles(&self) -> Vec<String> {
        let events = self.store.events(1000).await.unwrap().into_iter();
        let text = |event: backstay_catalog::Event| match event.happening {
            Happening::Trouble { text, .. } => Some(text),
            _ => None,
        };
        events.filter_map(text).collect()
    }

    /// Waits until people were told of something.
    pub(crate) async fn until_told(&self, part: &str) -> String {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let troubles = self.troubles().await;
            if let Some(text) = troubles.iter().find(|text| text.contains(part)) {
                return text.clone();
            }
            assert!(Instant::now() < end, "nobody is told of {part:?}: {troubles:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Puts the server's store back as it was before the node said anything.
    pub(crate) async fn set_server_back(&mut self) {
        self.store.close().await;
        self.store = ServerStore::open(&format!("sqlite:{}", self.path("old.db").display())).await.unwrap();
        *self.hub.store.lock() = self.store.clone();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn repository(&self) -> SealedRepository {
        self.hub.configuration.lock().repositories.first().unwrap().clone()
    }

    pub(crate) fn run_id(&self) -> RunId {
        RunId::new(&SystemClock, &SystemRandom)
    }

    /// Has the server ask for something, and waits for the answer.
    pub(crate) async fn answer(&self, ask: Ask) -> Result<Answer, CommandError> {
        let id = self.ask(ask);
        let end = Instant::now() + Duration::from_secs(90);
        loop {
            if let Some(result) = self.hub.results.lock().iter().find(|result| result.id == id) {
                return result.answer.clone();
            }
            assert!(Instant::now() < end, "the node does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Has the plan run by hand.
    pub(crate) fn run_plan(&self, kind: RunKind) -> RunId {
        let run = self.run_id();
        self.ask(Ask::RunPlan { plan: self.plan, kind, guard: false, runs: vec![run] });
        run
    }

    /// Files to back up, of 200 kB each.
    pub(crate) fn fill(&self, files: usize) {
        for number in 0..files {
            let content: Vec<u8> =
                (0..200_000_usize).map(|at| (at * 31 + number * 7 + at / 251) as u8).collect();
            std::fs::write(self.path(&format!("source/{number}")), content).unwrap();
        }
    }

    /// How many files lie in a folder.
    pub(crate) fn count(&self, folder: &str) -> usize {
        std::fs::read_dir(self.path(folder)).map_or(0, |entries| entries.count())
    }

    /// The identity of the node.
    pub(crate) fn identity(&self) -> Identity {
        Identity::open_or_make(&self.path("node"), "test", &SystemClock, &SystemRandom).unwrap()
    }

    /// Has the server ask for something.
    pub(crate) fn ask(&self, ask: Ask) -> CommandId {
        let id = CommandId::new(&SystemClock, &SystemRandom);
        let expires = self.now() + jiff::SignedDuration::from_secs(60);
        self.hub.commands.lock().push(Command { id, requested_by: "anna".to_owned(), expires, ask });
        id
    }

    /// Waits until the server knows a run to be as it should be.
    pub(crate) async fn until(&self, run: RunId, what: &str, is_so: impl Fn(&Run) -> bool) -> Run {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let found = self.store.run(run).await.unwrap();
            match found {
                Some(found) if is_so(&found) => return found,
                found if Instant::now() > end => {
                    panic!("the run does not get {what}: {found:#?}\n{}", self.log(run).await)
                }
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// A run's log as the server knows it, for who looks into a test that failed.
    pub(crate) async fn log(&self, run: RunId) -> String {
        let lines = self.store.log(run, 0, 1000).await.unwrap();
        let lines = lines
            .iter()
            .map(|line| format!("{} {} {}: {}", line.time, line.level.name(), line.step, line.text));
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(crate) async fn until_state(&self, run: RunId, state: RunState) -> Run {
        self.until(run, state.name(), |run| run.state == state).await
    }
}

fn copy_all(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
