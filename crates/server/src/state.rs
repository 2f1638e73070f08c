//! What all handlers share.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use backstay_catalog::ServerStore;
use backstay_core::{Clock, Random};
use backstay_model::Time;
use backstay_vault::Vault;

use crate::access::password::{PasswordCost, Passwords};
use crate::access::throttle::Throttle;
use crate::hosts::Hosts;
use crate::in_hand::InHand;
use crate::link::hub::LinkHub;
use crate::proxies::TrustedProxy;
use crate::streams::Streams;
use crate::tls::authority::Authority;

/// How a server is set up.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The data folder: authority and certificates lie in `tls` in it.
    pub data_dir: PathBuf,
    /// Where people find it, as `https://backup.example.org`: for links in mails, and behind a proxy that ends TLS.
    pub public_url: Option<String>,
    /// Whether and how it speaks TLS.
    pub tls: TlsChoice,
    /// Further host names it is called by. Requests for other names are refused.
    pub hosts: Vec<String>,
    /// The proxies that are believed when they say who asks.
    pub trusted_proxies: Vec<TrustedProxy>,
    /// What hashing a password costs.
    pub password_cost: PasswordCost,
    /// The folder and limits of a receiver that answers below `/archives` and `/repo`; none if none.
    pub receiver: Option<backstay_receiver::Settings>,
}

/// Whether and how a server speaks TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TlsChoice {
    /// Not on loopback, self-signed elsewhere.
    #[default]
    Automatic,
    /// With a self-signed certificate, on loopback too.
    SelfSigned,
    /// With the user's certificate chain and key, both PEM.
    Given {
        /// The chain, the server's own certificate first.
        certificates: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// Never: a proxy in front does it, or nobody does. Agents cannot join then.
    Off,
}

/// What a server is built of.
#[derive(Clone)]
pub struct Parts {
    /// What is remembered.
    pub store: ServerStore,
    /// Seals secrets.
    pub vault: Arc<Vault>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes keys and ids.
    pub random: Arc<dyn Random>,
}

/// What all handlers share. It is cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// The shared things themselves.
pub struct Shared {
    /// What is remembered.
    pub store: ServerStore,
    /// Seals secrets.
    pub vault: Arc<Vault>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes keys and ids.
    pub random: Arc<dyn Random>,
    /// How the server is set up.
    pub config: ServerConfig,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Slows guessing down.
    pub throttle: Throttle,
    /// The names the server answers to.
    pub hosts: Hosts,
    /// Signs agents' certificates.
    pub authority: Authority,
    /// The way to nodes.
    pub hub: Arc<LinkHub>,
    /// Whether agents can come in, which they do over the server's own TLS only.
    pub takes_agents: bool,
    /// Counts open streams of events.
    pub(crate) streams: Arc<Streams>,
    /// What was read out of late.
    pub(crate) read_outs: crate::read_outs::ReadOuts,
    /// Counts changes in hand.
    pub(crate) in_hand: InHand,
    /// What the provider that vouches for people said last of itself.
    #[cfg(feature = "oidc")]
    pub(crate) provider: crate::oidc::provider::LastSaid,
    /// Whether browsers speak TLS to the server or to a proxy before it.
    pub secure: bool,
    /// Where people find the server: for links that it prints and mails.
    pub url: String,
    /// The port that it listens on.
    pub port: u16,
    /// The receiver that it hosts, if it does.
    pub receiver: Option<backstay_receiver::Receiver>,
    /// Becomes true when the server ends: streams end then.
    pub ending: tokio::sync::watch::Receiver<bool>,
}

impl AppState {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }
}

impl Shared {
    /// Now.
    #[must_use]
    pub fn now(&self) -> Time {
        now_of(&*self.clock)
    }

    /// Returns when the server ends.
    pub(crate) async fn ended(&self) {
        // A sender that is gone is an end too.
        let _ = self.ending.clone().wait_for(|ending| *ending).await;
    }
}

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Now, as records have it.
pub(crate) fn now_of(clock: &dyn Clock) -> Time {
    let now = clock.now();
    let nanos = i32::try_from(now.nanos).unwrap_or(0);
    Time::new(now.seconds, nanos).unwrap_or(Time::UNIX_EPOCH)
}

/// A moment later; the end of time where there is none.
pub(crate) fn later(now: Time, time: Duration) -> Time {
    let time = jiff::SignedDuration::try_from(time).unwrap_or(jiff::SignedDuration::MAX);
    now.saturating_add(time).unwrap_or(Time::MAX)
}
