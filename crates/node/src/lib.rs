//! What a server and an agent both are: a host that executes runs.
//!
//! ```text
//!   server ◀── uplink ──▶ node ──▶ steward ──▶ catalog (node store)
//!   (or none)              │         ▲
//!               plans ──▶ queue ──▶ runner ──▶ work (engine, sources, storage)
//! ```
//!
//! A [`Node`] keeps its plans, its queue and its logs in a store of its own, so that it goes on without its server.
//! [`plans`] tells what is due, [`queue`] what may start, [`machine`] what a run may become; these are pure. The [`steward`]
//! alone writes the state of a run. [`work`] is what runs do, as blocking code over the engine.

#![forbid(unsafe_code)]

mod active;
pub mod agent;
mod asks;
mod clock;
mod content;
mod debts;
mod desk;
mod execution;
mod followers;
mod gentle;
pub mod host;
mod identity;
mod journalist;
pub mod local_policy;
pub mod machine;
mod node;
mod orders;
mod outbox;
pub mod plans;
pub mod queue;
mod rounds;
mod runner;
pub mod seals;
mod sender;
pub mod steward;
mod tokens;
mod uplink;
pub mod work;

pub use content::Content;
pub use identity::{Identity, IdentityError};
pub use node::{Node, NodeOptions, StartError};
pub use uplink::{Answer as UplinkAnswer, Chunk, Sent, Uplink, UplinkError};
