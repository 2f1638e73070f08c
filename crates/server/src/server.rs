//! Brings a server up and down.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use backstay_catalog::CatalogError;
use backstay_core::Random;
use backstay_model::{HostState, Node, NodeId, ProjectId, Time};
use backstay_vault::VaultError;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tower_http::catch_panic::CatchPanicLayer;

use crate::access::password::{CannotHash, Passwords};
use crate::access::setup;
use crate::access::throttle::Throttle;
use crate::first_start::{self, FirstRepository};
use crate::hosts::{self, Hosts};
use crate::in_hand::InHand;
use crate::link::hub::LinkHub;
use crate::link::join::{self, JoinGrant};
use crate::problem::{self, Problem};
use crate::state::{AppState, Parts, ServerConfig, Shared, TlsChoice, now_of};
use crate::tls::browser::{self, BrowserTls};
use crate::tls::listener::{Listener, TlsSides};
use crate::tls::{TlsError, kept};
use crate::{
    alerts, api, checks, dashboard, in_hand, link, pages, proxies, receiving, room, serving, upkeep,
};

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its address is taken, or is none of this host.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
    /// Its certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The catalog failed.
    #[error("the catalog: {0}")]
    Catalog(#[from] CatalogError),
    /// A secret of the server itself cannot be sealed or opened.
    #[error("the vault: {0}")]
    Vault(#[from] VaultError),
    /// Passwords cannot be hashed.
    #[error(transparent)]
    Passwords(#[from] CannotHash),
    /// The folder of its receiver cannot be used.
    #[error(transparent)]
    Receiver(#[from] backstay_receiver::CannotOpen),
    /// Something else failed.
    #[error("{0}")]
    Other(Problem),
}

impl StartError {
    /// What to do about it, where there is something.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Listen { .. } => {
                Some("see whether Backstay runs already, or choose another address with --listen")
            }
            Self::Catalog(error) => error.hint(),
            Self::Vault(_) => {
                Some("servers that share a catalog need the same vault.json and the same master key")
            }
            Self::Receiver(error) => Some(error.hint()),
            Self::Tls(_) | Self::Passwords(_) | Self::Other(_) => None,
        }
    }
}

/// A server that runs.
pub struct Server {
    state: AppState,
    address: SocketAddr,
    fingerprint: Option<[u8; 32]>,
    ending: watch::Sender<bool>,
    serving: JoinHandle<()>,
    /// What is done without being asked for.
    tasks: JoinSet<()>,
}

impl Server {
    /// Starts listening. It has to be called within a runtime.
    ///
    /// # Errors
    /// [`StartError`] says what is in the way.
    pub async fn start(config: ServerConfig, parts: Parts) -> Result<Self, StartError> {
        let listen = config.listen;
        let failed = |cause| StartError::Listen { address: listen, cause };
        let socket = TcpListener::bind(listen).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let hosts = Hosts::new(address, config.public_url.as_deref(), &config.hosts);
        let now = now_of(&*parts.clock);
        let folder = config.data_dir.join("tls");
        let authority = kept::authority(&parts.store, &parts.vault, &folder, now, &*parts.random).await?;
        let browsers = browsers(&config, &folder, address, &hosts, now, &*parts.random)?;
        let sides = match &browsers {
            None => None,
            Some(found) => {
                Some(TlsSides { browsers: Arc::clone(&found.config), agents: authority.server_config(now)? })
            }
        };
        let listener = Listener::new(socket, sides);
        let url = match &config.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                let scheme = if browsers.is_some() { "https" } else { "http" };
                // Who listens everywhere is reached by the name that was given sooner than by an address.
                match config.hosts.first() {
                    Some(name) if address.ip().is_unspecified() => {
                        format!("{scheme}://{name}:{}", address.port())
                    }
                    _ => format!("{scheme}://{}", reachable(address)),
                }
            }
        };
        let (ending, end) = watch::channel(false);
        let hub = LinkHub::new(
            parts.store.clone(),
            Arc::clone(&parts.vault),
            Arc::clone(&parts.clock),
            Arc::clone(&parts.random),
        );
        let receiver = match config.receiver.clone() {
            None => None,
            Some(settings) => {
                let (clock, random) = (Arc::clone(&parts.clock), Arc::clone(&parts.random));
                Some(receiving::open(settings, clock, random).await?)
            }
        };
        let state = AppState::new(Shared {
            passwords: Passwords::new(config.password_cost, &*parts.random)?,
            throttle: Throttle::default(),
            hosts,
            authority,
            hub: Arc::new(hub),
            takes_agents: browsers.is_some(),
            streams: Arc::default(),
            read_outs: crate::read_outs::ReadOuts::default(),
            in_hand: InHand::default(),
            #[cfg(feature = "oidc")]
            provider: crate::oidc::provider::LastSaid::default(),
            secure: url.starts_with("https://"),
            url,
            port: address.port(),
            receiver,
            ending: end.clone(),
            store: parts.store,
            vault: parts.vault,
            clock: parts.clock,
            random: parts.random,
            config,
        });
        setup::ensure_home(&state).await.map_err(StartError::Other)?;
        let router = router(state.clone());
        let serving = tokio::spawn(serving::serve(listener, serving::places(), router, end.clone()));
        let mut tasks = JoinSet::new();
        tasks.spawn(alerts::run(state.clone()));
        tasks.spawn(checks::run(state.clone()));
        tasks.spawn(upkeep::run(state.clone()));
        if let Some(receiver) = state.receiver.clone() {
            tasks.spawn(receiver.upkeep(end));
        }
        let fingerprint = browsers.map(|found| found.fingerprint);
        Ok(Self { state, address, fingerprint, ending, serving, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where people find it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.state.url
    }

    /// SHA-256 of the certificate that browsers see, if there is one.
    #[must_use]
    pub const fn fingerprint(&self) -> Option<&[u8; 32]> {
        self.fingerprint.as_ref()
    }

    /// The way to nodes, for the one in this process.
    #[must_use]
    pub fn hub(&self) -> Arc<LinkHub> {
        Arc::clone(&self.state.hub)
    }

    /// A link that lets somebody set the server up; `None` when that was done.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn setup_link(&self) -> Result<Option<String>, Problem> {
        if !setup::is_open(&self.state).await? {
            return Ok(None);
        }
        // After `#`: browsers keep that part to themselves, so it is in no log and no referrer.
        let token = setup::new_token(&self.state).await?;
        Ok(Some(format!("{}/setup#{token}", self.state.url)))
    }

    /// A token with which a host joins a project as an agent, once and within this time; `rejoin` lets it take the place of a
    /// node that joined before.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn join_token(
        &self,
        project: ProjectId,
        name: Option<String>,
        rejoin: Option<NodeId>,
        by: &str,
        lasts: Duration,
    ) -> Result<String, Problem> {
        let grant = JoinGrant { project, name, by: by.to_owned(), rejoin };
        Ok(join::new_token(&self.state, &grant, lasts).await?.0)
    }

    /// Makes the node in this process known.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn adopt_node(&self, id: NodeId, name: &str, public_key: String) -> Result<(), Problem> {
        let store = &self.state.store;
        if let Some(known) = store.node(id).await? {
            if known.public_key != public_key {
                store.update_node(&Node { public_key, ..known }).await?;
                store.renew_configuration(id, 0).await?;
            }
            return Ok(());
        }
        let project = setup::ensure_home(&self.state).await?;
        let node = Node {
            id,
            project,
            name: join::free_name(&self.state, project, name).await?,
            local: true,
            public_key,
            last_seen: None,
            host: HostState::default(),
            revoked: false,
            trouble: None,
            created: self.state.now(),
        };
        Ok(store.create_node(&node, None).await?)
    }

    /// Makes a repository on this host's disk known, once; the node has to be at work. False when that was done before.
    ///
    /// # Errors
    /// When the node cannot use the folder, or the catalog fails.
    pub async fn offer_repository(&self, node: NodeId, first: FirstRepository) -> Result<bool, Problem> {
        first_start::make_known(&self.state, node, first).await
    }

    /// Takes no more requests, waits for those in hand for a while, and ends.
    pub async fn stop(self, patience: Duration) {
        // Everybody who listens may be gone already.
        let _ = self.ending.send(true);
        self.state.hub.close();
        if let Some(receiver) = &self.state.receiver {
            receiver.close();
        }
        let (mut serving, mut tasks) = (self.serving, self.tasks);
        let all = async {
            // How they ended does not matter any more.
            let _ = (&mut serving).await;
            self.state.in_hand.done().await;
            while tasks.join_next().await.is_some() {}
        };
        if tokio::time::timeout(patience, all).await.is_err() {
            serving.abort();
            tasks.shutdown().await;
        }
    }
}

/// All routes in their layers, from the outermost in: errors and request ids, tasks for what changes something, panics, the name of the server, headers.
fn router(state: AppState) -> Router {
    let received = state.receiver.as_ref().map(receiving::routes).unwrap_or_default();
    Router::new()
        .merge(received)
        .merge(api::routes())
        .merge(link::http::routes())
        .merge(pages::routes())
        .merge(dashboard::routes())
        .fallback(dashboard::elsewhere)
        .layer(from_fn_with_state(state.clone(), room::check_room))
        .layer(from_fn_with_state(state.clone(), hosts::headers))
        .layer(from_fn_with_state(state.clone(), hosts::check_host))
        .layer(from_fn_with_state(state.clone(), proxies::look_through))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn_with_state(state.clone(), in_hand::to_the_end))
        .layer(from_fn_with_state(state.clone(), problem::render))
        .with_state(state)
}

fn browsers(
    config: &ServerConfig,
    folder: &Path,
    address: SocketAddr,
    hosts: &Hosts,
    now: Time,
    random: &dyn Random,
) -> Result<Option<BrowserTls>, TlsError> {
    let self_signed = || {
        let mut names = hosts.names().to_vec();
        match address.ip() {
            ip if ip.is_unspecified() => names.push("127.0.0.1".to_owned()),
            ip => names.push(ip.to_string()),
        }
        browser::self_signed(folder, &names, now, random).map(Some)
    };
    match &config.tls {
        TlsChoice::Off => Ok(None),
        TlsChoice::Automatic if address.ip().is_loopback() => Ok(None),
        TlsChoice::Automatic | TlsChoice::SelfSigned => self_signed(),
        TlsChoice::Given { certificates, key } => browser::given(certificates, key).map(Some),
    }
}

/// The address as somebody on this host can use it.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
