//! Agents: how they join, what they are believed, and what becomes of them when their server is not there.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_catalog::{RunFilter, ServerStore};
use backstay_engine::repository::{Environment, Identity as Who};
use backstay_model::command::{Answer, Ask};
use backstay_model::connection::{ConnectionStatus, LocalSettings};
use backstay_model::link::SyncRequest;
use backstay_model::source::FilesSpec;
use backstay_model::{
    Connection, ConnectionId, ConnectionSettings, Destination, DestinationId, HostState, Layout, NodeId,
    Plan, PlanId, ProjectId, Repository, RepositoryId, RunState, Source, SourceId, SourceSpec, Time,
};
use backstay_node::agent::{Https, JoinError, Joined, join};
use backstay_node::local_policy::{LocalPolicy, Mode};
use backstay_node::{Identity, Node, NodeOptions, Uplink, UplinkError};
use backstay_server::Server;
use backstay_server::state::TlsChoice;
use backstay_server::tls::authority::Authority;
use backstay_vault::{MasterKey, RecordId, Vault};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use crate::world::{SystemClock, SystemRandom, World};

/// A server that agents can join, which can be stopped and started again at the same address.
struct Fleet {
    folder: TempDir,
    store: ServerStore,
    server: Option<Server>,
    address: SocketAddr,
    home: ProjectId,
}

impl Fleet {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        let server = World::serve(&folder, &store, TlsChoice::SelfSigned).await;
        let home = store.projects().await.unwrap().first().unwrap().id;
        Self { address: server.address(), folder, store, server: Some(server), home }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("server.db")
    }

    async fn token(&self) -> String {
        let lasts = Duration::from_secs(600);
        self.server().join_token(self.home, None, None, "anna", lasts).await.unwrap()
    }

    async fn join(&self, token: &str, host: &Path) -> Result<Joined, JoinError> {
        join(&self.url(), token, host, "web-1", &SystemClock, &SystemRandom).await
    }

    async fn stop(&mut self) {
        self.server.take().unwrap().stop(Duration::from_secs(5)).await;
        self.store.close().await;
    }

    /// Starts it anew where it was.
    async fn start(&mut self) {
        self.store = open(&self.folder).await;
        let server = World::serve_at(self.address, &self.folder, &self.store, TlsChoice::SelfSigned).await;
        self.server = Some(server);
    }

    /// A plan that backs a folder of the node up every other second.
    async fn plan(&self, node: NodeId, host: &Path) -> PlanId {
        let (random, now, revision, project) = (SystemRandom, Time::now(), 1, self.home);
        let status = ConnectionStatus::default();
        let settings = LocalSettings { path: host.join("disk").display().to_string() };
        let connection = Connection {
            id: ConnectionId::new(&SystemClock, &random),
            project,
            name: "disk".to_owned(),
            node,
            settings: ConnectionSettings::Local(settings),
            status,
            created: now,
            changed: now,
            revision,
        };
        self.store.create_connection(&connection, None).await.unwrap();
        let destination = Destination {
            id: DestinationId::new(&SystemClock, &random),
            project,
            name: "disk".to_owned(),
            connection: connection.id,
            path: String::new(),
            layout: Layout::PerNode,
            holds: backstay_model::Holds::Repository,
            created: now,
            changed: now,
            revision,
        };
        self.store.create_destination(&destination).await.unwrap();
        let id = RepositoryId::new(&SystemClock, &random);
        let repository: Repository = serde_json::from_value(serde_json::json!({
            "id": id, "destination": destination.id, "node": node, "path": "own", "created": now,
        }))
        .unwrap();
        let master = MasterKey::from_file_or_new(&self.folder.path().join("master.key"), &random).unwrap();
        let vault = Vault::open_or_make(&self.folder.path().join("vault.json"), master, &random).unwrap();
        let record = RecordId::new("repository", id.to_string(), "secrets");
        let sealed = vault.seal(&record, br#"{"password": "open sesame"}"#, &random).unwrap().to_text();
        self.store.create_repository(&repository, Some(&sealed)).await.unwrap();
        let spec = FilesSpec {
            paths: vec![host.join("source").display().to_string()],
            excludes: Vec::new(),
            exclude_if_present: Vec::new(),
            exclude_caches: false,
            exclude_larger_than: None,
            one_file_system: false,
        };
        let source = Source {
            id: SourceId::new(&SystemClock, &random),
            project,
            name: "source".to_owned(),
            node,
            spec: SourceSpec::Files(spec),
            created: now,
            changed: now,
            revision,
        };
        self.store.create_source(&source).await.unwrap();
        let spec = serde_json::json!({
            "name": "often", "sources": [source.id], "destinations": [destination.id],
            "schedule": {"when": {"every": "2s"}},
        });
        let id = PlanId::new(&SystemClock, &random);
        let spec = serde_json::from_value(spec).unwrap();
        let plan = Plan { id, project, spec, created: now, changed: now, revision };
        self.store.create_plan(&plan, "anna").await.unwrap();
        id
    }

    /// Waits until this many runs are known to be complete.
    async fn until_completed(&self, most: usize) -> Vec<backstay_model::Run> {
        let filter = RunFilter { states: vec![RunState::Completed], ..RunFilter::default() };
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let runs = self.store.list_runs(&filter, None, 1000).await.unwrap().items;
            if runs.len() >= most {
                return runs;
            }
            assert!(Instant::now() < end, "there are {} complete runs, not {most}", runs.len());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn open(folder: &TempDir) -> ServerStore {
    ServerStore::open(&format!("sqlite:{}", folder.path().join("server.db").display())).await.unwrap()
}

/// A host with something to back up.
pub(crate) fn host() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("source")).unwrap();
    std::fs::write(folder.path().join("source/letter"), "dear all").unwrap();
    folder
}

pub(crate) async fn go_to_work(data_dir: &Path) -> Node {
    let uplink = Https::open(data_dir).unwrap();
    let options = NodeOptions {
        data_dir: data_dir.to_owned(),
        name: "web-1".to_owned(),
        pool: 2,
        policy: LocalPolicy::without_file(Mode::Local, Path::new("/etc/backstay/agent-policy.toml")),
        environment: Environment {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            identity: Who { host: "web-1".to_owned(), ..Who::default() },
        },
        guarded: Vec::new(),
        keep: Duration::from_secs(86_400),
    };
    Node::start(options, Arc::new(uplink)).await.unwrap()
}

/// A word from a process with this number.
pub(crate) fn word(node: NodeId, incarnation: u64) -> SyncRequest {
    SyncRequest {
        node,
        incarnation,
        now: Time::now(),
        host: HostState::default(),
        acknowledged: 0,
        entries: Vec::new(),
        results: Vec::new(),
        configuration: 0,
        patience_ms: 0,
    }
}

fn refusal(joined: Result<Joined, JoinError>) -> String {
    match joined {
        Err(error @ JoinError::Refused { .. }) => {
            assert!(error.hint().is_some(), "{error}");
            error.to_string()
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_joins_with_a_token_that_works_once_and_does_what_it_is_asked() {
    let fleet = Fleet::new().await;
    let host = host();
    let data = host.path().join("data");
    let token = fleet.token().await;
    let joined = fleet.join(&token, &data).await.unwrap();
    assert_eq!((joined.name.as_str(), joined.server), ("web-1", fleet.url()));
    let mode = |path: &Path| {
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
    };
    assert_eq!((mode(&data), mode(&data.join("agent.json"))), (0o700, 0o600));

    let node = go_to_work(&data).await;
    let ask =
        Ask::BrowseHost { path: host.path().join("source").display().to_string(), page: Default::default() };
    let answer = fleet.server().hub().ask(joined.node, "anna", ask, Duration::from_secs(30)).await.unwrap();
    let Answer::Folder { items, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(items.len(), 1);
    let known = fleet.store.node(joined.node).await.unwrap().unwrap();
    assert!(!known.local && known.last_seen.is_some() && known.host.cores > 0, "{known:?}");

    let another = tempfile::tempdir().unwrap();
    assert!(refusal(fleet.join(&token, &another.path().join("data")).await).contains("it was used"));
    // Two hosts of one name are told apart.
    let second = fleet.join(&fleet.token().await, &another.path().join("data")).await.unwrap();
    assert_eq!(second.name, "web-1-2");
    node.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_joins_from_one_address_and_guesses_are_slowed_down() {
    let fleet = Fleet::new().await;
    let hosts = tempfile::tempdir().unwrap();
    for number in 0..40 {
        fleet.join(&fleet.token().await, &hosts.path().join(number.to_string())).await.unwrap();
    }
    assert_eq!(fleet.store.nodes(None).await.unwrap().len(), 40);
    let used = fleet.token().await;
    fleet.join(&used, &hosts.path().join("last")).await.unwrap();
    let mut told = String::new();
    for number in 0..7 {
        let refused = fleet.join(&used, &hosts.path().join(format!("guess {number}"))).await;
        told = refused.unwrap_err().to_string();
    }
    assert!(told.contains("too many attempts"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_joins_anew_only_with_a_token_for_that() {
    let fleet = Fleet::new().await;
    let data = tempfile::tempdir().unwrap();
    let kept = || std::fs::read(data.path().join("agent.json")).unwrap();
    let joined = fleet.join(&fleet.token().await, data.path()).await.unwrap();
    let identity = Identity::open_or_make(data.path(), "another name", &SystemClock, &SystemRandom).unwrap();
    assert_eq!(
        (identity.id, &identity.name),
        (joined.node, &joined.name),
        "it does not know what it is called"
    );
    let (first, before) = (Https::open(data.path()).unwrap(), kept());
    first.sync(word(joined.node, 1)).await.unwrap();

    assert!(refusal(fleet.join(&fleet.token().await, data.path()).await).contains("has joined before"));
    assert_eq!(kept(), before);
    first.sync(word(joined.node, 1)).await.unwrap();

    let lasts = Duration::from_secs(600);
    let token = fleet.server().join_token(fleet.home, None, Some(joined.node), "anna", lasts).await.unwrap();
    let again = fleet.join(&token, data.path()).await.unwrap();
    assert_eq!(again.node, joined.node);
    assert_ne!(kept(), before);
    Https::open(data.path()).unwrap().sync(word(joined.node, 2)).await.unwrap();
    let old = first.sync(word(joined.node, 1)).await.unwrap_err();
    assert!(matches!(&old, UplinkError::Refused(why) if why.contains("certificate")), "{old}");

    // It is for that very node: another one does not become it, and the token is used up by the attempt.
    let token = fleet.server().join_token(fleet.home, None, Some(joined.node), "anna", lasts).await.unwrap();
    let empty = tempfile::tempdir().unwrap();
    assert!(refusal(fleet.join(&token, empty.path()).await).contains("this is another one"));
    assert_eq!(fleet.store.nodes(None).await.unwrap().len(), 1, "a node was made");

    // A token of another server does not move it there.
    let other = Fleet::new().await;
    let moved = other.join(&other.token().await, data.path()).await.unwrap_err();
    assert!(matches!(&moved, JoinError::Elsewhere(server) if *server == fleet.url()), "{moved}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_the_tokens_is_sent_nothing() {
    let fleet = Fleet::new().await;
    let token = fleet.token().await;
    let authority = Authority::make(Time::now()).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(authority.server_config(Time::now()).unwrap());
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", socket.local_addr().unwrap());
    let heard = tokio::spawn(async move {
        let (stream, _) = socket.accept().await.unwrap();
        let mut heard = Vec::new();
        if let Ok(mut stream) = acceptor.accept(stream).await {
            // It ends with the alert of the client.
            let _ = stream.read_to_end(&mut heard).await;
        }
        heard
    });
    let data = tempfile::tempdir().unwrap();
    let refused = join(&url, &token, data.path(), "web-1", &SystemClock, &SystemRandom).await.unwrap_err();
    assert!(matches!(refused, JoinError::Stranger(_)), "{refused:?}");
    assert!(refused.hint().is_some());
    assert_eq!(heard.await.unwrap(), Vec::<u8>::new());
    // The token was not used up.
    fleet.join(&token, data.path()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_joined_is_told_with_a_reason() {
    let fleet = Fleet::new().await;
    let data = tempfile::tempdir().unwrap();
    let token = fleet.token().await;
    let attempt = async |url: &str, token: &str| {
        join(url, token, data.path(), "web-1", &SystemClock, &SystemRandom).await.unwrap_err()
    };
    assert!(matches!(attempt(&fleet.url(), "bsj_AAAA").await, JoinError::Token));
    assert!(matches!(attempt("http://localhost", &token).await, JoinError::Address { .. }));
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = attempt(&format!("https://{closed}"), &token).await;
    assert!(matches!(error, JoinError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().to_lowercase().contains("refused"), "{error}");
    assert!(!format!("{error:?} {error}").contains(&token));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_agent_is_refused_and_its_plans_go_on() {
    let fleet = Fleet::new().await;
    let host = host();
    let data = host.path().join("data");
    let joined = fleet.join(&fleet.token().await, &data).await.unwrap();
    fleet.plan(joined.node, host.path()).await;
    let node = go_to_work(&data).await;
    fleet.until_completed(1).await;
    let known = fleet.store.node(joined.node).await.unwrap().unwrap();
    fleet.store.update_node(&backstay_model::Node { revoked: true, ..known }).await.unwrap();
    let refused = Https::open(&data).unwrap().sync(word(joined.node, 1)).await.unwrap_err();
    assert!(matches!(&refused, UplinkError::Refused(why) if why.contains("join again")), "{refused}");

    let snapshots = || std::fs::read_dir(host.path().join("disk/own/snapshots")).unwrap().count();
    let (before, end) = (snapshots(), Instant::now() + Duration::from_secs(60));
    while snapshots() < before + 2 {
        assert!(Instant::now() < end, "the plan does not go on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    node.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_comes_twice_is_told_of_and_turned_away() {
    let fleet = Fleet::new().await;
    let data = tempfile::tempdir().unwrap();
    let joined = fleet.join(&fleet.token().await, data.path()).await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    for name in ["agent.json", "node.json", "node.key"] {
        std::fs::copy(data.path().join(name), copy.path().join(name)).unwrap();
    }
    let (one, other) = (Https::open(data.path()).unwrap(), Https::open(copy.path()).unwrap());
    one.sync(word(joined.node, 1)).await.unwrap();
    other.sync(word(joined.node, 2)).await.unwrap();
    let trouble = || async { fleet.store.node(joined.node).await.unwrap().unwrap().trouble };
    assert_eq!(trouble().await, None, "a process may be followed by another");
    let refused = one.sync(word(joined.node, 1)).await.unwrap_err();
    assert!(matches!(&refused, UplinkError::Refused(why) if why.contains("two processes")), "{refused}");
    assert!(trouble().await.unwrap().contains("two processes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_goes_on_without_its_server_and_tells_an_older_one_everything_again() {
    let mut fleet = Fleet::new().await;
    let host = host();
    let data = host.path().join("data");
    let joined = fleet.join(&fleet.token().await, &data).await.unwrap();
    fleet.plan(joined.node, host.path()).await;
    fleet.stop().await;
    let older = fleet.folder.path().join("older.db");
    std::fs::copy(fleet.database(), &older).unwrap();
    fleet.start().await;
    let node = go_to_work(&data).await;
    let told = fleet.until_completed(2).await;
    fleet.stop().await;

    let snapshots = || std::fs::read_dir(host.path().join("disk/own/snapshots")).unwrap().count();
    let (before, end) = (snapshots(), Instant::now() + Duration::from_secs(60));
    while snapshots() < before + 2 {
        assert!(Instant::now() < end, "the plan does not go on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", fleet.database().display()));
    }
    std::fs::copy(&older, fleet.database()).unwrap();
    fleet.start().await;
    let heard = fleet.until_completed(told.len() + 2).await;
    for run in &told {
        assert!(heard.iter().any(|again| again.id == run.id), "{}", run.id);
        assert!(!fleet.store.log(run.id, 0, 10).await.unwrap().is_empty());
    }
    node.stop(Duration::from_secs(10)).await;
}
