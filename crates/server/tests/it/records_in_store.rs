//! Records and news of nodes, put into the store past the API.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use backstay_catalog::ServerStore;
use backstay_model::connection::{ConnectionSettings, LocalSettings};
use backstay_model::link::{News, OutboxEntry};
use backstay_model::plan::PlanSpec;
use backstay_model::run::{Named, Outcome, Progress, RunError, Trigger};
use backstay_model::source::FilesSpec;
use backstay_model::*;
use backstay_vault::{MasterKey, RecordId, Vault};

use crate::world::{SystemClock, SystemRandom, World};

macro_rules! new_id {
    ($kind:ident) => {
        $kind::new(&SystemClock, &SystemRandom)
    };
}

/// A node with what it takes to back one folder up to another.
pub(crate) struct Setup {
    pub(crate) project: ProjectId,
    pub(crate) node: NodeId,
    pub(crate) source: Source,
    pub(crate) destination: Destination,
    pub(crate) repository: RepositoryId,
    pub(crate) plan: Plan,
    told: Arc<AtomicI64>,
}

/// A node that nobody runs.
pub(crate) async fn silent_node(store: &ServerStore, project: ProjectId, name: &str) -> NodeId {
    let node = Node {
        id: new_id!(NodeId),
        project,
        name: name.to_owned(),
        local: false,
        public_key: String::new(),
        last_seen: None,
        host: HostState::default(),
        revoked: false,
        trouble: None,
        created: Time::now(),
    };
    store.create_node(&node, None).await.unwrap();
    node.id
}

impl Setup {
    /// Makes them for a node, with `edit` for the plan.
    pub(crate) async fn new(world: &World, node: NodeId, edit: impl FnOnce(&mut Plan)) -> Self {
        let (store, now) = (&world.store, Time::now());
        let project = store.node(node).await.unwrap().unwrap().project;
        let connection = Connection {
            id: new_id!(ConnectionId),
            project,
            name: format!("disk of {node}"),
            node,
            settings: ConnectionSettings::Local(LocalSettings { path: text(&world.path("disk")) }),
            status: ConnectionStatus::default(),
            created: now,
            changed: now,
            revision: 1,
        };
        store.create_connection(&connection, None).await.unwrap();
        let files = FilesSpec {
            paths: vec![text(&world.path("data"))],
            excludes: Vec::new(),
            exclude_if_present: Vec::new(),
            exclude_caches: false,
            exclude_larger_than: None,
            one_file_system: false,
        };
        let source = Source {
            id: new_id!(SourceId),
            project,
            name: format!("data of {node}"),
            node,
            spec: SourceSpec::Files(files),
            created: now,
            changed: now,
            revision: 1,
        };
        store.create_source(&source).await.unwrap();
        let destination = Destination {
            id: new_id!(DestinationId),
            project,
            name: format!("shelf of {node}"),
            connection: connection.id,
            path: String::new(),
            layout: Layout::PerNode,
            holds: backstay_model::Holds::Repository,
            created: now,
            changed: now,
            revision: 1,
        };
        store.create_destination(&destination).await.unwrap();
        let repository = Self::repository(world, node, &destination).await;
        let spec: PlanSpec = serde_json::from_value(serde_json::json!({
            "name": format!("plan of {node}"), "sources": [source.id], "destinations": [destination.id],
        }))
        .unwrap();
        let mut plan = Plan { id: new_id!(PlanId), project, spec, created: now, changed: now, revision: 1 };
        edit(&mut plan);
        store.create_plan(&plan, "test").await.unwrap();
        Self { project, node, source, destination, repository, plan, told: Arc::default() }
    }

    /// A repository of a node's own at a destination.
    pub(crate) async fn repository(world: &World, node: NodeId, destination: &Destination) -> RepositoryId {
        let id = new_id!(RepositoryId);
        let repository = Repository {
            id,
            destination: destination.id,
            node: Some(node),
            path: node.to_string(),
            password: SecretText::default(),
            adopted: false,
            created: Time::now(),
        };
        let master = MasterKey::from_file_or_new(&world.path("master.key"), &SystemRandom).unwrap();
        let vault = Vault::open_or_make(&world.path("vault.json"), master, &SystemRandom).unwrap();
        let record = RecordId::new("repository", id.to_string(), "secrets");
        let sealed = vault.seal(&record, br#"{"password": "open sesame"}"#, &SystemRandom).unwrap().to_text();
        world.store.create_repository(&repository, Some(&sealed)).await.unwrap();
        id
    }

    /// A run of the plan's, in no store.
    pub(crate) fn run(&self, state: RunState, created: Time) -> Run {
        let error = || RunError {
            message: "the disk is full".to_owned(),
            chain: vec!["no space left on device".to_owned()],
            hint: Some("free some space".to_owned()),
            ..RunError::default()
        };
        Run {
            id: new_id!(RunId),
            project: self.project,
            node: self.node,
            kind: RunKind::Backup,
            plan: Some(Named { id: self.plan.id, name: self.plan.spec.name.clone() }),
            source: Some(Named { id: self.source.id, name: self.source.name.clone() }),
            destinations: Vec::new(),
            from: None,
            restore: None,
            trigger: Trigger::Schedule,
            requested_by: None,
            state,
            intent: None,
            waiting: None,
            priority: limits::Priority::Normal,
            attempt: 1,
            due: None,
            created,
            started: None,
            ended: state.is_final().then_some(created),
            progress: Progress::default(),
            outcome: (state == RunState::Completed).then(Outcome::default),
            error: (state == RunState::Failed).then(error),
            revision: 1,
        }
    }

    /// Tells the server something as the node, which nobody else may run then.
    pub(crate) async fn tell(&self, store: &ServerStore, news: News) {
        let number = self.told.fetch_add(1, Ordering::SeqCst) + 1;
        let taken = store.ingest(self.node, 1, &[OutboxEntry { number, news }]).await.unwrap();
        assert_eq!((taken.acknowledged, taken.taken), (number, 1));
    }

    /// Tells of a run in this state, begun so many seconds ago.
    pub(crate) async fn ran(&self, store: &ServerStore, state: RunState, seconds_ago: i64) -> Run {
        let created = Time::from_second(Time::now().as_second() - seconds_ago).unwrap();
        let run = self.run(state, created);
        self.tell(store, News::Run { run: Box::new(run.clone()) }).await;
        run
    }

    /// Tells of lines of a run's log.
    pub(crate) async fn logged(&self, store: &ServerStore, run: RunId, lines: &[(Level, &str)]) {
        let lines = (1..).zip(lines).map(|(number, (level, text))| LogLine {
            run,
            number,
            time: Time::now(),
            level: *level,
            step: "read".to_owned(),
            text: (*text).to_owned(),
        });
        self.tell(store, News::Log { lines: lines.collect() }).await;
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
