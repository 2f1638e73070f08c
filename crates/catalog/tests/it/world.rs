//! Stores to test on, and records to put into them.

use std::sync::atomic::{AtomicU64, Ordering};

use backstay_catalog::{OutboxLimits, ServerStore};
use backstay_model::connection::{ConnectionSettings, LocalSettings};
use backstay_model::link::{News, OutboxEntry};
use backstay_model::plan::PlanSpec;
use backstay_model::run::{Named, Progress, RunDestination, Trigger};
use backstay_model::source::FilesSpec;
use backstay_model::*;
use uuid::Uuid;

/// A moment, so many seconds after an ordinary one.
pub(crate) fn at(seconds: i64) -> Time {
    Time::from_second(1_790_000_000 + seconds).unwrap()
}

/// An id that no other record of this test program has; later ones sort after earlier ones.
pub(crate) fn id() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u128(u128::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}

pub(crate) const ENOUGH: OutboxLimits = OutboxLimits { entries: 10_000, bytes: usize::MAX };

/// A project with everything that a backup needs.
pub(crate) struct World {
    pub(crate) project: Project,
    pub(crate) node: Node,
    pub(crate) connection: Connection,
    pub(crate) source: Source,
    pub(crate) destination: Destination,
    pub(crate) repository: Repository,
    pub(crate) plan: Plan,
}

impl World {
    /// Records that belong together, in no store yet.
    pub(crate) fn new() -> Self {
        let project = Project { id: ProjectId(id()), name: format!("project {}", id()), created: at(0) };
        let node = node(project.id, "node");
        let connection = Connection {
            id: ConnectionId(id()),
            project: project.id,
            name: "disk".into(),
            node: node.id,
            settings: ConnectionSettings::Local(LocalSettings { path: "/srv/backup".into() }),
            status: ConnectionStatus::default(),
            created: at(1),
            changed: at(1),
            revision: 1,
        };
        let source = source(project.id, node.id, "home");
        let destination = Destination {
            id: DestinationId(id()),
            project: project.id,
            name: "disk".into(),
            connection: connection.id,
            path: String::new(),
            layout: Layout::PerNode,
            holds: backstay_model::Holds::Repository,
            created: at(1),
            changed: at(1),
            revision: 1,
        };
        let repository = Repository {
            id: RepositoryId(id()),
            destination: destination.id,
            node: Some(node.id),
            path: node.id.to_string(),
            password: SecretText::default(),
            adopted: false,
            created: at(2),
        };
        let plan = plan(project.id, "nightly", &[source.id], &[destination.id]);
        Self { project, node, connection, source, destination, repository, plan }
    }

    /// Such records in a store.
    pub(crate) async fn stored(store: &ServerStore) -> Self {
        let world = Self::new();
        store.create_project(&world.project).await.unwrap();
        store.create_node(&world.node, None).await.unwrap();
        store.create_connection(&world.connection, Some("sealed")).await.unwrap();
        store.create_source(&world.source).await.unwrap();
        store.create_destination(&world.destination).await.unwrap();
        store.create_repository(&world.repository, Some("sealed too")).await.unwrap();
        store.create_plan(&world.plan, "Ada").await.unwrap();
        world
    }

    /// A backup that waits, asked for at a moment.
    pub(crate) fn run(&self, created: Time) -> Run {
        Run {
            id: RunId(id()),
            project: self.project.id,
            node: self.node.id,
            kind: RunKind::Backup,
            plan: Some(Named { id: self.plan.id, name: self.plan.spec.name.clone() }),
            source: Some(Named { id: self.source.id, name: self.source.name.clone() }),
            destinations: vec![RunDestination {
                id: self.destination.id,
                name: self.destination.name.clone(),
                repository: self.repository.id,
                state: RunState::Pending,
                snapshot: None,
                copied: 0,
                bytes_added: 0,
                stored: None,
                free: None,
                cut_apart_from: None,
                error: None,
            }],
            from: None,
            restore: None,
            trigger: Trigger::Schedule,
            requested_by: None,
            state: RunState::Pending,
            intent: None,
            waiting: None,
            priority: limits::Priority::Normal,
            attempt: 0,
            due: Some(created),
            created,
            started: None,
            ended: None,
            progress: Progress::default(),
            outcome: None,
            error: None,
            revision: 1,
        }
    }
}

pub(crate) fn node(project: ProjectId, name: &str) -> Node {
    Node {
        id: NodeId(id()),
        project,
        name: name.into(),
        local: false,
        public_key: "key".into(),
        last_seen: None,
        host: HostState::default(),
        revoked: false,
        trouble: None,
        created: at(0),
    }
}

pub(crate) fn source(project: ProjectId, node: NodeId, name: &str) -> Source {
    let files = FilesSpec {
        paths: vec!["/home".into()],
        excludes: Vec::new(),
        exclude_if_present: Vec::new(),
        exclude_caches: false,
        exclude_larger_than: None,
        one_file_system: false,
    };
    Source {
        id: SourceId(id()),
        project,
        name: name.into(),
        node,
        spec: SourceSpec::Files(files),
        created: at(1),
        changed: at(1),
        revision: 1,
    }
}

pub(crate) fn plan(
    project: ProjectId,
    name: &str,
    sources: &[SourceId],
    destinations: &[DestinationId],
) -> Plan {
    let spec = serde_json::json!({ "name": name, "sources": sources, "destinations": destinations });
    let spec: PlanSpec = serde_json::from_value(spec).unwrap();
    Plan { id: PlanId(id()), project, spec, created: at(2), changed: at(2), revision: 1 }
}

pub(crate) fn person(email: &str) -> Person {
    Person {
        id: PersonId(id()),
        name: "Ada".into(),
        email: email.into(),
        grants: Vec::new(),
        disabled: false,
        totp: false,
        created: at(0),
        last_sign_in: None,
    }
}

/// The run in a later state.
pub(crate) fn then(run: &Run, state: RunState) -> Run {
    let mut run = run.clone();
    run.state = state;
    run.revision += 1;
    if state.is_final() {
        run.ended = Some(run.created + jiff::SignedDuration::from_secs(60));
    }
    run
}

/// Entries of an outbox that tell of runs, from a number on.
pub(crate) fn entries(first: i64, runs: &[Run]) -> Vec<OutboxEntry> {
    let news = runs.iter().map(|run| News::Run { run: Box::new(run.clone()) });
    (first..).zip(news).map(|(number, news)| OutboxEntry { number, news }).collect()
}

/// Defines each test twice: on SQLite, and on PostgreSQL where there is one. A test is a function of a new store.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                let address = format!("sqlite:{}", folder.path().join("server.db").display());
                let store = backstay_catalog::ServerStore::open(&address).await.unwrap();
                super::$name(store.clone()).await;
                store.close().await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let Some(address) = crate::postgres::database() else { return };
                let store = backstay_catalog::ServerStore::open(&address).await.unwrap();
                super::$name(store.clone()).await;
                store.close().await;
            })*
        }
    };
}
pub(crate) use on_both;

/// Whether a call failed for such a clash.
pub(crate) fn clashes<T: std::fmt::Debug>(
    result: Result<T, backstay_catalog::CatalogError>,
    expected: backstay_catalog::Clash,
) -> bool {
    match result {
        Err(backstay_catalog::CatalogError::Conflict { clash, .. }) => clash == expected,
        other => panic!("expected a conflict and got {other:?}"),
    }
}
