//! A node on a host of its own: how it becomes known to a server, and how it speaks with it.
//!
//! ```text
//!   token ──▶ join ──▶ kept.rs: `agent.json` in the data folder ──▶ Https, the uplink of the node
//! ```
//!
//! An agent dials out only. It trusts the authority whose fingerprint its token carried and nothing else: neither what the
//! system trusts, nor the name or the address under which it finds its server.

mod client;
mod https;
mod join;
mod kept;
mod pin;

pub use https::Https;
pub use join::{JoinError, Joined, join};
pub use kept::KeptError;
