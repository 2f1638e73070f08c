//! A private server that speaks MongoDB's protocol: its files in a folder, on a free port of the loopback interface.
//!
//! It is SecantusDB. Of the servers that can be had it lies least: it has an oplog that can be read, transactions, capped collections,
//! views, validators, collations, users with roles, TLS, and it keeps options and indexes as they were given. FerretDB 1.24 refuses views,
//! validators and collations, has no transactions, and its module does not start without a file that its own build makes. What SecantusDB
//! lacks is not shown by any test: text and hashed indexes, sharding, merging users, `applyOps`, and updates in the oplog as MongoDB
//! writes them.
//!
//! `BACKSTAY_PEER_SECANTUSDB` names the Python that has it. Without it the tests that need a server are passed over, on a CI machine
//! (`CI=true`) they fail. `BACKSTAY_PEER_MONGO_TOOLS` names the folder of `mongodump` and `mongorestore`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, Credential};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::mongodb::{Access, Connection};

/// A private server that ends with the test.
pub struct MongoServer {
    python: PathBuf,
    folder: TempDir,
    port: u16,
    arguments: Vec<String>,
    child: Option<Child>,
    runtime: Runtime,
    signed_in: Option<Credential>,
}

impl MongoServer {
    /// Makes a server and starts it; `None` when there is none and need be none. It says that it is a replica set of its own.
    #[must_use]
    pub fn start_new() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with arguments of its command line, as `--standalone`.
    #[must_use]
    pub fn start_with(arguments: &[&str]) -> Option<Self> {
        let python = peer("BACKSTAY_PEER_SECANTUSDB", "the Python that has SecantusDB", true)?;
        let folder = tempfile::Builder::new().prefix("backstay-mongodb-").tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut server = Self { python, folder, port, arguments, child: None, runtime, signed_in: None };
        server.start();
        Some(server)
    }

    /// Starts it, and waits until it answers.
    pub fn start(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(&self.python);
        command.args(["-m", "secantus", "--host", "127.0.0.1", "--cache-size", "128M", "--port"]);
        command.arg(self.port.to_string()).arg("--storage-path").arg(self.folder.path().join("data"));
        command.args(&self.arguments).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut child = command.spawn().unwrap();
        // It ends with the tests, however they end.
        let watch = format!(
            "while kill -0 {} && kill -0 {pid}; do sleep 0.5; done; kill -9 {pid}",
            std::process::id(),
            pid = child.id()
        );
        let mut watchdog = Command::new("setsid");
        watchdog.args(["sh", "-c", &watch]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        drop(watchdog.spawn().unwrap());
        let begin = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none() && begin.elapsed() < Duration::from_secs(120), "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child = Some(child);
    }

    /// Ends it at once, as a power cut does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Has it stop answering, with all its connections open.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Has it answer again.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    }

    /// Lets it end by itself. Now and then it does not, when it is asked to in the midst of writes: then it is killed.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let begin = Instant::now();
            while child.try_wait().unwrap().is_none() && begin.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Adds arguments for when it is started again.
    pub fn with(&mut self, arguments: &[&str]) {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    }

    /// Has what the test asks for done as this user of `admin`, once it lets nobody else in.
    pub fn sign_in(&mut self, user: &str, password: &str) {
        let credential = Credential::builder().username(user.to_owned()).password(password.to_owned());
        self.signed_in = Some(credential.build());
    }

    /// What it wrote.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its connection string.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port)
    }

    /// The way to it, as nobody.
    #[must_use]
    pub fn access(&self) -> Access {
        Access { uri: self.uri(), patience: Duration::from_secs(10), ..Access::default() }
    }

    /// A connection as nobody.
    #[must_use]
    pub fn connect(&self) -> Connection {
        Connection::open(&self.access()).unwrap()
    }

    /// Has a command carried out.
    pub fn run(&self, database: &str, command: Document) -> Document {
        self.client(|client| async move { client.database(database).run_command(command).await.unwrap() })
    }

    /// Inserts documents. This server now and then drops a connection that it has just taken, so a lost one is tried again; what the
    /// first try has written is there then.
    pub fn insert(&self, database: &str, collection: &str, documents: &[Document]) {
        for is_last in [false, false, false, false, true] {
            let inserted = self.client(|client| async move {
                let handle = client.database(database).collection::<Document>(collection);
                handle.insert_many(documents).ordered(false).await
            });
            let Err(error) = inserted else { return };
            let is_there = error.to_string().contains("E11000");
            let is_lost = matches!(*error.kind, mongodb::error::ErrorKind::Io(_));
            assert!(is_there || (is_lost && !is_last), "{error}: {}", self.log());
            std::thread::sleep(Duration::from_secs(1));
            if is_there {
                return;
            }
        }
    }

    /// All documents, in their order.
    #[must_use]
    pub fn documents(&self, database: &str, collection: &str) -> Vec<Document> {
        self.client(|client| async move {
            use futures_util::TryStreamExt;
            let handle = client.database(database).collection::<Document>(collection);
            handle.find(doc! {}).await.unwrap().try_collect().await.unwrap()
        })
    }

    /// Lets a client of the driver do something.
    pub fn client<T, F: Future<Output = T>>(&self, work: impl FnOnce(Client) -> F) -> T {
        self.runtime.block_on(async {
            let mut options = ClientOptions::parse(self.uri()).await.unwrap();
            options.credential.clone_from(&self.signed_in);
            work(Client::with_options(options).unwrap()).await
        })
    }
}

impl Drop for MongoServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A program of MongoDB's own tools; `None` when there is none. They can be had only as their authors' sources, so that no machine needs
/// them: what they judge is passed over without them.
#[must_use]
pub fn mongo_tool(name: &str) -> Option<Command> {
    let folder = peer("BACKSTAY_PEER_MONGO_TOOLS", "the folder of mongodump and mongorestore", false)?;
    Some(Command::new(Path::new(&folder).join(name)))
}

fn peer(variable: &str, what: &str, is_mandatory: bool) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    if named.is_none() {
        let on_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!(on_ci && is_mandatory), "{variable} must name {what}");
        eprintln!("passed over: {variable} does not name {what}");
    }
    named
}
