//! Hosts a receiver: alone, or below a server's own routes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use backstay_core::{Clock, Random};
use backstay_receiver::{CannotOpen, Receiver, Settings, state_folder};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tower_http::catch_panic::CatchPanicLayer;

use crate::serving;
use crate::state::now_of;
use crate::tls::browser;
use crate::tls::listener::{Listener, Peer, TlsSides};
use crate::tls::{TlsError, own};

/// How a receiver on an address of its own is set up.
#[derive(Debug, Clone)]
pub struct ReceiverConfig {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Its folder and its limits.
    pub settings: Settings,
    /// Whether and how it speaks TLS.
    pub tls: ReceiverTls,
    /// A file (PEM) of the authorities whose certificates clients may show.
    pub client_authorities: Option<PathBuf>,
    /// The names and addresses that it is called by.
    pub names: Vec<String>,
}

/// Whether and how a receiver speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiverTls {
    /// With a certificate that an authority of its own signs.
    Own,
    /// With the user's certificate chain and key, both PEM.
    Given {
        /// The chain, the server's own certificate first.
        certificates: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// Not at all, on loopback only: a proxy in front does it.
    Off,
}

/// Why a receiver does not start.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverStartError {
    /// Its address is taken, or is none of this host.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
    /// It was to speak without TLS where others could listen.
    #[error("without TLS it listens on a loopback address only, and {0} is none")]
    Plain(SocketAddr),
    /// Its certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Its folder cannot be used.
    #[error(transparent)]
    Folder(#[from] CannotOpen),
}

impl ReceiverStartError {
    /// What to do about it, where there is something.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Listen { .. } => {
                Some("see what listens there already, or choose another address with --listen")
            }
            Self::Plain(_) => {
                Some("leave --tls off away, or listen on 127.0.0.1 behind a proxy that speaks TLS")
            }
            Self::Folder(error) => Some(error.hint()),
            Self::Tls(_) => None,
        }
    }
}

/// A receiver that runs.
pub struct ReceiverServer {
    receiver: Receiver,
    address: SocketAddr,
    encrypted: bool,
    fingerprint: Option<[u8; 32]>,
    authority: Option<PathBuf>,
    ending: watch::Sender<bool>,
    serving: JoinHandle<()>,
    tasks: JoinSet<()>,
}

impl ReceiverServer {
    /// Starts listening. It has to be called within a runtime.
    ///
    /// # Errors
    /// [`ReceiverStartError`] says what is in the way.
    pub async fn start(
        config: ReceiverConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, ReceiverStartError> {
        if config.tls == ReceiverTls::Off && !config.listen.ip().is_loopback() {
            return Err(ReceiverStartError::Plain(config.listen));
        }
        let now = now_of(&*clock);
        let folder = state_folder(&config.settings.folder)?.join("tls");
        let (tls, authority) = tls(&config, &folder, now, &*random)?;
        let receiver = open(config.settings, clock, random).await?;
        let failed = |cause| ReceiverStartError::Listen { address: config.listen, cause };
        let socket = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let fingerprint = tls.as_ref().map(|tls| tls.fingerprint);
        let sides = tls.map(|tls| TlsSides { browsers: Arc::clone(&tls.config), agents: tls.config });
        let encrypted = sides.is_some();
        let (ending, end) = watch::channel(false);
        let router = routes(&receiver).layer(CatchPanicLayer::new());
        let serving = tokio::spawn(serving::serve(
            Listener::new(socket, sides),
            serving::places(),
            router,
            end.clone(),
        ));
        let mut tasks = JoinSet::new();
        tasks.spawn(receiver.clone().upkeep(end));
        Ok(Self { receiver, address, encrypted, fingerprint, authority, ending, serving, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it speaks TLS itself.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// SHA-256 of its authority's certificate, or of the one that it was given.
    #[must_use]
    pub const fn fingerprint(&self) -> Option<&[u8; 32]> {
        self.fingerprint.as_ref()
    }

    /// The file of its own authority, which clients trust, where it has one.
    #[must_use]
    pub fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// Takes no more requests, has uploads keep what came, and ends.
    pub async fn stop(self, patience: Duration) {
        // Everybody who listens may be gone already.
        let _ = self.ending.send(true);
        self.receiver.close();
        let (mut serving, mut tasks) = (self.serving, self.tasks);
        let all = async {
            // How they ended does not matter any more.
            let _ = (&mut serving).await;
            while tasks.join_next().await.is_some() {}
        };
        if tokio::time::timeout(patience, all).await.is_err() {
            serving.abort();
            tasks.shutdown().await;
        }
    }
}

/// Opens a receiver; what lies in its folder is looked through.
pub(crate) async fn open(
    settings: Settings,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Receiver, CannotOpen> {
    let folder = settings.folder.clone();
    let opened = tokio::task::spawn_blocking(move || Receiver::open(settings, clock, random)).await;
    opened.unwrap_or_else(|error| Err(CannotOpen::Folder { folder, cause: std::io::Error::other(error) }))
}

/// A receiver's routes, each request with who is at the other end of its connection.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(receiver: &Receiver) -> Router<S> {
    receiver.router().layer(from_fn(introduce)).with_state(())
}

async fn introduce(mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<Peer>>() {
        let peer =
            backstay_receiver::Peer { address: peer.address.ip(), certificate: peer.certificate.clone() };
        request.extensions_mut().insert(peer);
    }
    next.run(request).await
}

type Shown = (Option<browser::BrowserTls>, Option<PathBuf>);

fn tls(
    config: &ReceiverConfig,
    folder: &Path,
    now: backstay_model::Time,
    random: &dyn Random,
) -> Result<Shown, TlsError> {
    let clients = config.client_authorities.as_deref();
    match &config.tls {
        ReceiverTls::Off => Ok((None, None)),
        ReceiverTls::Given { certificates, key } => {
            Ok((Some(browser::given_with(certificates, key, clients)?), None))
        }
        ReceiverTls::Own => {
            let own = own::signed(folder, &config.names, clients, now, random)?;
            Ok((Some(own.tls), Some(own.authority)))
        }
    }
}
