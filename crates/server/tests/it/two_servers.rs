//! Two servers over one PostgreSQL: what one is asked the other's nodes answer, and what has to be done once is.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use backstay_catalog::ServerStore;
use backstay_core::{Clock, Timestamp};
use backstay_model::command::{Answer, Ask, CommandResult};
use backstay_model::{Health, Role, RunState, Time};
use backstay_node::agent::{Https, join};
use backstay_node::{Identity, Uplink};
use backstay_server::link::join::fingerprint_in;
use backstay_server::state::TlsChoice;
use backstay_server::{Server, StartError};
use parking_lot::{Condvar, Mutex};
use serde_json::json;
use tempfile::TempDir;

use crate::agents::{go_to_work, host, word};
use crate::events::Stream;
use crate::nodes::away;
use crate::receiver::{Receiver, SECRET};
use crate::records_in_store::{Setup, silent_node};
use crate::world::{SystemClock, SystemRandom, World};

const ANYWHERE: &str = "127.0.0.1:0";
const KEPT: Duration = Duration::from_secs(600);

fn anywhere() -> SocketAddr {
    ANYWHERE.parse().unwrap()
}

/// A data folder of a further server: of another's it has what opens the vault, and nothing else.
fn beside(folder: &Path) -> TempDir {
    let own = tempfile::tempdir().unwrap();
    for name in ["master.key", "vault.json"] {
        std::fs::copy(folder.join(name), own.path().join(name)).unwrap();
    }
    own
}

/// A server over this catalog that agents can join.
async fn open(folder: TempDir, address: &str) -> World {
    let store = ServerStore::open(address).await.unwrap();
    let server = World::serve(&folder, &store, TlsChoice::SelfSigned).await;
    let home = store.projects().await.unwrap().first().unwrap().id;
    World { folder, store, server, home, node: None }
}

/// Two servers over one catalog; `None` where there is no PostgreSQL.
async fn two() -> Option<(World, World)> {
    let address = crate::postgres::database()?;
    let one = open(tempfile::tempdir().unwrap(), &address).await;
    let other = open(beside(one.folder.path()), &address).await;
    assert_eq!(one.home, other.home);
    Some((one, other))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_asked_at_one_server_reaches_a_node_of_the_other() {
    let Some((one, other)) = two().await else { return };
    let host = host();
    let data = host.path().join("data");
    // Whichever server made the token, the agent joins at the other and trusts both.
    let token = one.server.join_token(one.home, None, None, "anna", KEPT).await.unwrap();
    let joined = join(other.server.url(), &token, &data, "web-1", &SystemClock, &SystemRandom).await.unwrap();
    let node = go_to_work(&data).await;
    for server in [&one.server, &other.server] {
        let ask = Ask::BrowseHost {
            path: host.path().join("source").display().to_string(),
            page: Default::default(),
        };
        let asked = Instant::now();
        let answer = server.hub().ask(joined.node, "anna", ask, Duration::from_secs(30)).await.unwrap();
        let Answer::Folder { items, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(items.len(), 1);
        assert!(asked.elapsed() < Duration::from_secs(10), "word of it did not come by itself");
    }
    node.stop(Duration::from_secs(10)).await;

    // The certificate that one server has signed is good at the other, as soon as the agent looks there.
    let kept = std::fs::read_to_string(data.join("agent.json")).unwrap();
    let moved = kept.replace(other.server.url(), one.server.url());
    assert_ne!(moved, kept);
    std::fs::write(data.join("agent.json"), moved).unwrap();
    Https::open(&data).unwrap().sync(word(joined.node, 99)).await.unwrap();
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_at_one_server_is_seen_at_the_other() {
    let Some((one, other)) = two().await else { return };
    let far = away(&one, "far", one.home).await;
    let mut stream = Stream::open(&other.program(Role::Viewer, one.home).await).await;
    let admin = one.program(Role::Admin, one.home).await;
    admin.put(&format!("/api/v1/nodes/{far}"), json!({"name": "attic"})).await.expect(200);
    let seen = async {
        loop {
            let (name, event) = stream.next().await.unwrap();
            if name == "node" && event["id"] == far.to_string() {
                return event;
            }
        }
    };
    let event = tokio::time::timeout(Duration::from_secs(30), seen).await.expect("an event");
    assert_eq!(event["project"], one.home.to_string());
    let at_other = other.program(Role::Viewer, one.home).await;
    assert_eq!(at_other.get(&format!("/api/v1/nodes/{far}")).await.expect(200)["name"], "attic");
    drop(stream);
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_have_one_authority_and_need_one_vault() {
    let Some(address) = crate::postgres::database() else { return };
    // A server of before has it in files.
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    let certificate = params.self_signed(&key).unwrap();
    let tls = folder.path().join("tls");
    std::fs::create_dir_all(&tls).unwrap();
    std::fs::write(tls.join("authority.pem"), certificate.pem()).unwrap();
    std::fs::write(tls.join("authority.key"), key.serialize_pem()).unwrap();
    let store = ServerStore::open(&address).await.unwrap();
    let start = |folder| World::try_serve(anywhere(), folder, &store, TlsChoice::Off, Arc::new(SystemClock));
    let refused = start(&folder).await.err().unwrap();
    assert!(refused.to_string().contains("others may read it"), "{refused}");
    std::fs::set_permissions(tls.join("authority.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();

    let trusted = async |server: &Server| {
        let home = store.projects().await.unwrap().first().unwrap().id;
        let token = server.join_token(home, None, None, "anna", KEPT).await.unwrap();
        fingerprint_in(&token).unwrap()
    };
    let one = start(&folder).await.unwrap();
    let expected: [u8; 32] = {
        use sha2::Digest;
        sha2::Sha256::digest(certificate.der()).into()
    };
    assert_eq!(trusted(&one).await, expected);
    assert_eq!(std::fs::read_dir(&tls).unwrap().count(), 0, "the catalog has it now");
    let neighbour = beside(folder.path());
    let other = start(&neighbour).await.unwrap();
    assert_eq!(trusted(&other).await, expected);
    let text = store.setting("agents_authority").await.unwrap().unwrap().to_string();
    let sealed = store.setting_sealed("agents_authority").await.unwrap().unwrap();
    assert!(!text.contains("PRIVATE") && !sealed.contains("PRIVATE"));

    let stranger = tempfile::tempdir().unwrap();
    let refused = start(&stranger).await.err().unwrap();
    assert!(matches!(refused, StartError::Vault(_)), "{refused:?}");
    assert!(refused.hint().unwrap().contains("vault.json"));
    for server in [one, other] {
        server.stop(Duration::from_secs(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_servers_that_start_at_once_one_makes_the_authority() {
    let Some(address) = crate::postgres::database() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = ServerStore::open(&address).await.unwrap();
    // The vault is made by whoever is first; that is not what is looked at here.
    World::serve(
        &folder,
        &ServerStore::open(&crate::postgres::database().unwrap()).await.unwrap(),
        TlsChoice::Off,
    )
    .await
    .stop(Duration::from_secs(5))
    .await;
    let folders = [beside(folder.path()), beside(folder.path()), beside(folder.path())];
    let start = |folder| World::try_serve(anywhere(), folder, &store, TlsChoice::Off, Arc::new(SystemClock));
    let (one, two, three) = tokio::join!(start(&folders[0]), start(&folders[1]), start(&folders[2]));
    let mut seen = Vec::new();
    let home = store.projects().await.unwrap().first().unwrap().id;
    for server in [one.unwrap(), two.unwrap(), three.unwrap()] {
        let token = server.join_token(home, None, None, "anna", KEPT).await.unwrap();
        seen.push(fingerprint_in(&token).unwrap());
        server.stop(Duration::from_secs(5)).await;
    }
    assert!(seen.iter().all(|fingerprint| *fingerprint == seen[0]), "{seen:?}");
    assert_eq!(store.projects().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_tried_and_history_is_cleared_by_one_of_them() {
    let Some(address) = crate::postgres::database() else { return };
    let first = open(tempfile::tempdir().unwrap(), &address).await;
    let identity = Identity::open_or_make(first.folder.path(), "nas", &SystemClock, &SystemRandom).unwrap();
    first.server.adopt_node(identity.id, "nas", identity.key.public().to_string()).await.unwrap();
    Setup::new(&first, identity.id, |_| {}).await;
    first.server.hub().sync(word(identity.id, 1)).await.unwrap();
    let World { folder, store, server, .. } = first;
    server.stop(Duration::from_secs(5)).await;
    let before = store.claim("upkeep", "test", later(7200), Duration::from_secs(1)).await.unwrap().unwrap();
    store.release("upkeep", before).await.unwrap();

    let (one, other) =
        tokio::join!(open(beside(folder.path()), &address), open(beside(folder.path()), &address));
    let (mut probes, mut results) = (0, Vec::new());
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        let mut request = word(identity.id, 1);
        (request.results, request.patience_ms) = (std::mem::take(&mut results), 200);
        for command in other.server.hub().sync(request).await.unwrap().commands {
            assert!(matches!(command.ask, Ask::Probe { .. }), "{command:?}");
            probes += 1;
            let answer = Ok(Answer::Probed { health: Health::Valid, reason: None });
            results.push(CommandResult { id: command.id, answer });
        }
    }
    assert_eq!(probes, 1);
    let connections = store.connections(None).await.unwrap();
    assert_eq!(connections[0].status.health, Health::Valid);
    let after = store.claim("upkeep", "test", later(7200), Duration::from_secs(1)).await.unwrap().unwrap();
    assert_eq!(after.0, before.0 + 2, "one of them has cleared away");
    one.stop().await;
    other.stop().await;
}

/// So many seconds from now.
fn later(seconds: i64) -> Time {
    Time::from_second(Time::now().as_second() + seconds).unwrap()
}

/// A clock that several servers go by, and at which one of them can be made to stand still: it then does nothing at all, as a
/// process whose host is suspended.
struct Gate {
    ahead: Arc<AtomicI64>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// It stops when it has looked at the clock so many times more.
    StopsAfter(u32),
    Stopped,
}

impl Gate {
    fn new(ahead: &Arc<AtomicI64>) -> Arc<Self> {
        let (state, changed) = (Mutex::new(State::Running), Condvar::new());
        Arc::new(Self { ahead: Arc::clone(ahead), state, changed })
    }

    fn set(&self, state: State) {
        *self.state.lock() = state;
        self.changed.notify_all();
    }

    async fn until_stopped(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        while *self.state.lock() != State::Stopped {
            assert!(Instant::now() < end, "it does not look at the clock");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("state", &*self.state.lock()).finish_non_exhaustive()
    }
}

impl Clock for Gate {
    fn now(&self) -> Timestamp {
        let mut state = self.state.lock();
        *state = match *state {
            State::StopsAfter(0) => State::Stopped,
            State::StopsAfter(times) => State::StopsAfter(times - 1),
            other => other,
        };
        while *state == State::Stopped {
            self.changed.wait(&mut state);
        }
        let now = SystemClock.now();
        Timestamp { seconds: now.seconds + self.ahead.load(Ordering::SeqCst), ..now }
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// A server with threads of its own, as another process has them.
struct Apart {
    gate: Arc<Gate>,
    server: Option<Server>,
    threads: Option<tokio::runtime::Runtime>,
}

impl Apart {
    async fn start(folder: TempDir, address: &str, ahead: &Arc<AtomicI64>) -> Self {
        let mut threads = tokio::runtime::Builder::new_multi_thread();
        let threads = threads.worker_threads(2).enable_all().build().unwrap();
        let (gate, address) = (Gate::new(ahead), address.to_owned());
        let clock: Arc<dyn Clock> = Arc::<Gate>::clone(&gate);
        let server = threads.spawn(async move {
            let store = ServerStore::open(&address).await.unwrap();
            World::try_serve(anywhere(), &folder, &store, TlsChoice::Off, clock).await.unwrap()
        });
        let server = Some(server.await.unwrap());
        Self { gate, server, threads: Some(threads) }
    }

    async fn stop(mut self) {
        let (threads, server) = (self.threads.take().unwrap(), self.server.take().unwrap());
        threads.spawn(server.stop(Duration::from_secs(5))).await.unwrap();
        threads.shutdown_background();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_in_mid_work_and_comes_back_late_tells_nobody_twice() {
    let Some(address) = crate::postgres::database() else { return };
    let world = open(tempfile::tempdir().unwrap(), &address).await;
    let receiver = Receiver::new(0).await;
    let form = json!({"name": "hook", "on": ["failed"], "channel": {
        "type": "webhook", "url": format!("{}/hook", receiver.url), "secret": SECRET, "allow_private": true}});
    world.owner().await.post("/api/v1/notifiers", form).await.expect(201);
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    let World { folder, store, server, .. } = world;
    server.stop(Duration::from_secs(5)).await;

    let ahead = Arc::new(AtomicI64::new(0));
    let mut holder = Apart::start(beside(folder.path()), &address, &ahead).await;
    setup.ran(&store, RunState::Failed, 0).await;
    receiver.until(1).await;
    let mut other = Apart::start(beside(folder.path()), &address, &ahead).await;
    // Looking at the clock is what it does between any two steps: before it claims, takes, sends, notes.
    for (told, looks) in (2..).zip([2, 4, 5, 6, 7, 8]) {
        holder.gate.set(State::StopsAfter(looks));
        setup.ran(&store, RunState::Failed, 0).await;
        holder.gate.until_stopped().await;
        // Its lease runs out, and what it has taken is free again.
        ahead.fetch_add(90, Ordering::SeqCst);
        receiver.until(told).await;
        holder.gate.set(State::Running);
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert_eq!(receiver.got().len(), told, "stopped after {looks} looks at the clock, it told again");
        assert_eq!(store.events(9).await.unwrap(), []);
        let end = Instant::now() + Duration::from_secs(10);
        while !store.due_notifications(Time::MAX, 9).await.unwrap().is_empty() {
            assert!(Instant::now() < end, "what was sent waits still");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        std::mem::swap(&mut holder, &mut other);
    }
    let mut keys: Vec<String> = receiver.got().iter().map(|received| received.key().to_owned()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 7);
    holder.stop().await;
    other.stop().await;
    assert_eq!(store.verify_audit().await.unwrap().first_bad, None);
}
