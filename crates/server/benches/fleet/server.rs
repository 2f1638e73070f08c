//! The server, in a process of its own, with a node.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backstay_catalog::ServerStore;
use backstay_core::{Clock, Random, Timestamp};
use backstay_engine::repository::{Environment, Identity as Who};
use backstay_node::local_policy::{LocalPolicy, Mode};
use backstay_node::{Identity, Node, NodeOptions};
use backstay_server::Server;
use backstay_server::access::password::PasswordCost;
use backstay_server::state::{Parts, ServerConfig, TlsChoice};
use backstay_vault::{MasterKey, Vault};

#[derive(Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = jiff::Timestamp::now();
        let nanos = now.subsec_nanosecond().unsigned_abs();
        Timestamp { seconds: now.as_second(), nanos, ..Timestamp::default() }
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

pub(crate) async fn open(folder: &Path) -> ServerStore {
    ServerStore::open(&format!("sqlite:{}", folder.join("server.db").display())).await.unwrap()
}

pub(crate) fn vault(folder: &Path) -> Vault {
    let master = MasterKey::from_file_or_new(&folder.join("master.key"), &SystemRandom).unwrap();
    Vault::open_or_make(&folder.join("vault.json"), master, &SystemRandom).unwrap()
}

/// Who the server's own node is.
pub(crate) fn identity(folder: &Path) -> Identity {
    let folder = folder.join("node");
    std::fs::create_dir_all(&folder).unwrap();
    Identity::open_or_make(&folder, "here", &SystemClock, &SystemRandom).unwrap()
}

/// Says where it is, and serves until its input ends.
pub(crate) fn run(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (server, node) = runtime.block_on(start(folder));
    println!("{}", server.url());
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read(&mut [0]);
    runtime.block_on(async {
        node.stop(Duration::from_secs(10)).await;
        server.stop(Duration::from_secs(5)).await;
    });
}

async fn start(folder: &Path) -> (Server, Node) {
    let config = ServerConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: folder.to_owned(),
        public_url: None,
        tls: TlsChoice::SelfSigned,
        hosts: Vec::new(),
        trusted_proxies: Vec::new(),
        password_cost: PasswordCost { memory_kib: 64, passes: 1 },
        receiver: None,
    };
    let parts = Parts {
        store: open(folder).await,
        vault: Arc::new(vault(folder)),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    };
    let server = Server::start(config, parts).await.unwrap();
    let options = NodeOptions {
        data_dir: folder.join("node"),
        name: "here".to_owned(),
        pool: 2,
        policy: LocalPolicy::without_file(Mode::Local, Path::new("/etc/backstay/agent-policy.toml")),
        environment: Environment {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            identity: Who { host: "here".to_owned(), ..Who::default() },
        },
        guarded: Vec::new(),
        keep: Duration::from_secs(86_400),
    };
    let node = Node::start(options, server.hub()).await.unwrap();
    (server, node)
}
