//! A real receiver over a folder, behind TLS that can be cut and closed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use backstay_model::SecretText;
use backstay_model::connection::ReceiverSettings;
use backstay_receiver::{NewClient, Receiver, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::world::{SystemClock, SystemRandom};

/// A receiver that runs; it ends when dropped.
pub(crate) struct Host {
    folder: tempfile::TempDir,
    receiver: Receiver,
    port: u16,
    certificate: String,
    /// How it can be reached.
    pub(crate) way: Arc<Way>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// The way to a receiver.
#[derive(Default)]
pub(crate) struct Way {
    /// Whether nobody gets through.
    pub(crate) closed: AtomicBool,
    /// Bytes of clients after which every connection breaks once; 0 for never.
    pub(crate) cut_after: AtomicU64,
    /// How often it was cut.
    pub(crate) cuts: AtomicU64,
    /// Bytes of clients that came through.
    pub(crate) passed: AtomicU64,
}

impl Host {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { min_free: 0, ..Settings::new(folder.path()) };
        let receiver = Receiver::open(settings, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap();
        let behind = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = behind.local_addr().unwrap();
        let router = receiver.router();
        let serving = tokio::spawn(async move { axum::serve(behind, router).await.unwrap() });
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let acceptor = acceptor(&made);
        let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = front.local_addr().unwrap().port();
        let way = Arc::<Way>::default();
        let fronting = tokio::spawn(serve_front(front, acceptor, address, Arc::clone(&way)));
        Self { folder, receiver, port, certificate: made.cert.pem(), way, tasks: vec![serving, fronting] }
    }

    /// A client of it, as a node is told of it, and its token.
    pub(crate) fn client(&self, name: &str, quota: Option<u64>) -> (ReceiverSettings, String) {
        let new = NewClient { name: name.to_owned(), quota, ..NewClient::default() };
        let (_, token) = self.receiver.clients().add(new, jiff::Timestamp::now(), &SystemRandom).unwrap();
        let settings = ReceiverSettings {
            host: "localhost".to_owned(),
            port: self.port,
            token: SecretText::default(),
            authority: Some(self.certificate.clone()),
            fingerprint: None,
            allow_private: true,
        };
        (settings, token.unwrap())
    }

    /// Whole files of all clients, sorted.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(&self.folder.path().join("archives"), &mut found);
        found.sort();
        found
    }

    /// Where a client's files are.
    pub(crate) fn folder(&self, client: &str) -> PathBuf {
        self.folder.path().join("archives").join(client)
    }

    /// How many uploads were begun and are not over.
    pub(crate) fn uploads(&self) -> usize {
        std::fs::read_dir(self.folder.path().join(".receiver/uploads")).map_or(0, Iterator::count)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn acceptor(made: &rcgen::CertifiedKey<rcgen::KeyPair>) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve_front(front: TcpListener, acceptor: TlsAcceptor, to: SocketAddr, way: Arc<Way>) {
    while let Ok((socket, _)) = front.accept().await {
        let (acceptor, way) = (acceptor.clone(), Arc::clone(&way));
        tokio::spawn(async move {
            if way.closed.load(Ordering::SeqCst) {
                return;
            }
            if let (Ok(front), Ok(back)) = (acceptor.accept(socket).await, TcpStream::connect(to).await) {
                pass(front, back, &way).await;
            }
        });
    }
}

async fn pass(front: tokio_rustls::server::TlsStream<TcpStream>, back: TcpStream, way: &Way) {
    let (mut from_client, mut to_client) = tokio::io::split(front);
    let (mut from_server, mut to_server) = back.into_split();
    let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let (mut passed, mut buffer) = (0_u64, vec![0; 16 << 10]);
    while let Ok(count) = from_client.read(&mut buffer).await {
        let limit = way.cut_after.load(Ordering::SeqCst);
        passed += count as u64;
        way.passed.fetch_add(count as u64, Ordering::SeqCst);
        let cut = limit > 0 && passed > limit;
        if count == 0 || cut || way.closed.load(Ordering::SeqCst) {
            way.cuts.fetch_add(u64::from(cut), Ordering::SeqCst);
            break;
        }
        if to_server.write_all(buffer.get(..count).unwrap()).await.is_err() {
            break;
        }
    }
    answers.abort();
}
