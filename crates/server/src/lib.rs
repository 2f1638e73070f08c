//! The server: one API for people, programs and agents, over a catalog, a vault and the nodes it is linked to.
//!
//! ```text
//!  browsers, programs ──▶ hosts ──▶ access (who asks?) ──▶ api ──▶ catalog
//!  agents ──mTLS──▶ link ──▶ hub ◀──── questions to nodes ──┘
//! ```
//!
//! [`access`] lets in and decides who may do what; [`api`] has one file for each resource; [`link`] speaks with nodes; [`tls`]
//! holds certificates. Every change is written into the audit. Every error leaves as a [`problem`].

#![forbid(unsafe_code)]

pub mod access;
mod alerts;
pub mod api;
mod audit;
mod checks;
mod dashboard;
mod first_start;
pub mod hosts;
mod in_hand;
pub mod link;
mod mail;
mod metrics;
#[cfg(feature = "oidc")]
mod oidc;
mod overview;
mod pages;
#[cfg(feature = "passkeys")]
mod passkeys;
mod places;
pub mod problem;
mod proxies;
mod read_outs;
mod receiving;
mod recovery_kit;
mod reports;
mod repositories;
mod room;
pub mod rotation;
mod secrets;
mod server;
mod serving;
mod settings;
pub mod state;
mod streams;
mod text;
pub mod tls;
mod upkeep;

pub use first_start::FirstRepository;
pub use proxies::{NoProxy, TrustedProxy};
pub use receiving::{ReceiverConfig, ReceiverServer, ReceiverStartError, ReceiverTls};
pub use server::{Server, StartError};
