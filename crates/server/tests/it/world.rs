//! A server on a free port of loopback, with a node beside it in this process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_catalog::{Credentials, ServerStore};
use backstay_core::{Clock, Random, Timestamp};
use backstay_engine::repository::{Environment, Identity as Who};
use backstay_model::{Grant, NodeId, Person, PersonId, Project, ProjectId, Role, Time};
use backstay_node::local_policy::{LocalPolicy, Mode};
use backstay_node::{Node, NodeOptions};
use backstay_server::access::password::{PasswordCost, Passwords};
use backstay_server::state::{Parts, ServerConfig, TlsChoice};
use backstay_server::{Server, StartError};
use backstay_vault::{MasterKey, Vault};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "correct horse battery";

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

/// Everything that a test needs.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) store: ServerStore,
    pub(crate) server: Server,
    /// The project that is there from the start; its owners own the server.
    pub(crate) home: ProjectId,
    /// The node in this process, once there is one.
    pub(crate) node: Option<(NodeId, Node)>,
}

/// Somebody who speaks with the server.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl World {
    /// A server that nobody has set up, on a catalog in a file.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("sqlite:{}", folder.path().join("server.db").display());
        Self::over(folder, &address).await
    }

    /// A server that nobody has set up, which hosts a receiver that leaves so many bytes free.
    pub(crate) async fn with_receiver(min_free: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = ServerStore::open(&format!("sqlite:{}", folder.path().join("server.db").display()))
            .await
            .unwrap();
        let place = folder.path().join("receiver");
        std::fs::create_dir(&place).unwrap();
        let settings = backstay_receiver::Settings::new(place);
        let receiver = Some(backstay_receiver::Settings { min_free, ..settings });
        let config = ServerConfig { receiver, ..Self::configuration(&folder) };
        let server = Self::start_server(config, &folder, &store, Arc::new(SystemClock)).await.unwrap();
        let home = store.projects().await.unwrap().first().unwrap().id;
        Self { folder, store, server, home, node: None }
    }

    /// A server over this catalog.
    pub(crate) async fn over(folder: TempDir, address: &str) -> Self {
        let store = ServerStore::open(address).await.unwrap();
        let server = Self::serve(&folder, &store, TlsChoice::Automatic).await;
        let home = store.projects().await.unwrap().first().unwrap().id;
        Self { folder, store, server, home, node: None }
    }

    pub(crate) async fn serve(folder: &TempDir, store: &ServerStore, tls: TlsChoice) -> Server {
        Self::serve_at("127.0.0.1:0".parse().unwrap(), folder, store, tls).await
    }

    pub(crate) async fn serve_at(
        listen: std::net::SocketAddr,
        folder: &TempDir,
        store: &ServerStore,
        tls: TlsChoice,
    ) -> Server {
        Self::try_serve(listen, folder, store, tls, Arc::new(SystemClock)).await.unwrap()
    }

    /// Starts a server that may not start, by this clock.
    pub(crate) async fn try_serve(
        listen: std::net::SocketAddr,
        folder: &TempDir,
        store: &ServerStore,
        tls: TlsChoice,
        clock: Arc<dyn Clock>,
    ) -> Result<Server, StartError> {
        let config = ServerConfig { listen, tls, ..Self::configuration(folder) };
        Self::start_server(config, folder, store, clock).await
    }

    /// How a server in a folder is set up, unless it is told otherwise.
    pub(crate) fn configuration(folder: &TempDir) -> ServerConfig {
        ServerConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            data_dir: folder.path().to_owned(),
            public_url: None,
            tls: TlsChoice::Automatic,
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            password_cost: CHEAP,
            receiver: None,
        }
    }

    /// Starts a server with the vault of a folder.
    pub(crate) async fn start_server(
        config: ServerConfig,
        folder: &TempDir,
        store: &ServerStore,
        clock: Arc<dyn Clock>,
    ) -> Result<Server, StartError> {
        let random = Arc::new(SystemRandom);
        let master = MasterKey::from_file_or_new(&folder.path().join("master.key"), &*random).unwrap();
        let vault = Vault::open_or_make(&folder.path().join("vault.json"), master, &*random).unwrap();
        std::fs::create_dir_all(folder.path().join("tls")).unwrap();
        let parts = Parts { store: store.clone(), vault: Arc::new(vault), clock, random };
        Server::start(config, parts).await
    }

    /// Starts a node in this process.
    pub(crate) async fn start_node(&mut self) -> NodeId {
        let data_dir = self.path("node");
        std::fs::create_dir_all(&data_dir).unwrap();
        let identity =
            backstay_node::Identity::open_or_make(&data_dir, "here", &SystemClock, &SystemRandom).unwrap();
        self.server.adopt_node(identity.id, "here", identity.key.public().to_string()).await.unwrap();
        let options = NodeOptions {
            data_dir,
            name: "here".to_owned(),
            pool: 2,
            policy: LocalPolicy::without_file(Mode::Local, std::path::Path::new("/etc/backstay/agent.toml")),
            environment: Environment {
                clock: Arc::new(SystemClock),
                random: Arc::new(SystemRandom),
                identity: Who { host: "here".to_owned(), ..Who::default() },
            },
            guarded: Vec::new(),
            keep: Duration::from_secs(86_400),
        };
        let node = Node::start(options, self.server.hub()).await.unwrap();
        self.node = Some((identity.id, node));
        identity.id
    }

    /// Ends the node and the server.
    pub(crate) async fn stop(self) {
        if let Some((_, node)) = self.node {
            node.stop(Duration::from_secs(30)).await;
        }
        self.server.stop(Duration::from_secs(5)).await;
        self.store.close().await;
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Another project.
    pub(crate) async fn project(&self, name: &str) -> ProjectId {
        let id = ProjectId::new(&SystemClock, &SystemRandom);
        let project = Project { id, name: name.to_owned(), created: Time::now() };
        self.store.create_project(&project).await.unwrap();
        id
    }

    /// Somebody with these roles, signed in by nothing yet.
    pub(crate) async fn person(&self, email: &str, grants: &[(ProjectId, Role)]) -> Person {
        let passwords = Passwords::new(CHEAP, &SystemRandom).unwrap();
        let person = Person {
            id: PersonId::new(&SystemClock, &SystemRandom),
            name: email.split('@').next().unwrap().to_owned(),
            email: email.to_owned(),
            grants: grants.iter().map(|(project, role)| Grant { project: *project, role: *role }).collect(),
            disabled: false,
            totp: false,
            created: Time::now(),
            last_sign_in: None,
        };
        let password_hash = Some(passwords.hash_now(PASSWORD, &SystemRandom).unwrap());
        let credentials = Credentials { password_hash, ..Credentials::default() };
        self.store.create_person(&person, &credentials).await.unwrap();
        person
    }

    /// A program with a token of a new person who has this role in this project.
    pub(crate) async fn program(&self, role: Role, project: ProjectId) -> Client {
        let number = PersonId::new(&SystemClock, &SystemRandom);
        let person = self.person(&format!("{number}@example.org"), &[(project, role)]).await;
        let key = format!("bst_{number}");
        let token = backstay_model::people::ApiToken {
            id: backstay_model::TokenId::new(&SystemClock, &SystemRandom),
            person: person.id,
            name: "test".to_owned(),
            role: Role::Owner,
            project: None,
            created: Time::now(),
            expires: None,
            last_used: None,
        };
        self.store.create_token(&token, &sha256(&key)).await.unwrap();
        self.nobody().header("authorization", &format!("Bearer {key}"))
    }

    /// The owner of the server, as a program.
    pub(crate) async fn owner(&self) -> Client {
        self.program(Role::Owner, self.home).await
    }

    /// Somebody who is not known.
    pub(crate) fn nobody(&self) -> Client {
        // Another test of this process may have done it before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tls_danger_accept_invalid_certs(true)
            .timeout(Duration::from_secs(120))
            .build()
            .unwrap();
        Client { http, base: self.server.url().to_owned(), headers: Vec::new() }
    }
}

/// What hashing a password costs in tests: next to nothing.
pub(crate) const CHEAP: PasswordCost = PasswordCost { memory_kib: 64, passes: 1 };

/// What the server keeps of a key.
pub(crate) fn sha256(text: &str) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Client {
    /// The same, sending one more header with each request.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends a request; `path` begins with `/`.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Reply { status, headers, body }
    }

    /// Asks for a stream, and gives it without having read it.
    pub(crate) async fn open(&self, path: &str) -> reqwest::Response {
        let mut request = self.http.get(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap()
    }

    /// The value of a header that it sends.
    pub(crate) fn header_of(&self, name: &str) -> String {
        self.headers.iter().find(|(known, _)| known == name).unwrap().1.clone()
    }

    /// Sends a body as it is.
    pub(crate) async fn bytes(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> reqwest::Response {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.header("content-type", kind).body(body).send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None).await
    }

    /// Asks again and again until the answer is as it should be.
    pub(crate) async fn until(&self, path: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let reply = self.get(path).await;
            if reply.status == StatusCode::OK && is_so(&reply.body) {
                return reply.body;
            }
            assert!(Instant::now() < end, "{path} does not get {what}: {reply:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Reply {
    /// The body of an answer that must have this status.
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:#?}");
        self.body
    }

    /// The kind of a problem that must have this status.
    pub(crate) fn problem(self, status: u16) -> String {
        assert_eq!(self.headers.get("content-type").unwrap(), "application/problem+json", "{self:#?}");
        let body = self.expect(status);
        assert_eq!(body.get("status"), Some(&json!(status)));
        body["type"].as_str().unwrap().trim_start_matches("urn:backstay:problem:").to_owned()
    }
}
