//! What node, server and their users talk about.
//!
//! A [`Connection`] is the stored way to reach a service. A [`Source`] is what is backed up, a
//! [`Destination`] is where backups go. A [`Plan`] joins them with a schedule, retention, verification, hooks and limits,
//! or copies one destination to others.
//! Each execution is a [`Run`]. A [`Node`] is a host that executes runs; [`link`] is what it exchanges with its server.
//! [`people`] says who may do what.
//!
//! These are plain data with one form everywhere: in `apply` files, in the API, in the stores and on the wire between node
//! and server. The only logic is what makes a value valid. Secrets are [`SecretText`]: they are read from input, and written to
//! no output.

#![forbid(unsafe_code)]

pub mod archives;
pub mod audit;
pub mod bucket;
pub mod command;
pub mod connection;
pub mod copies;
pub mod destination;
pub mod hook;
pub mod id;
pub mod invalid;
pub mod limits;
pub mod link;
pub mod log;
pub mod mongodb;
pub mod mysql;
pub mod node;
pub mod people;
pub mod plan;
mod restore;
pub mod run;
pub mod secret;
pub mod source;
pub mod sqlite;

pub use archives::{ArchiveSettings, Holds};
pub use audit::AuditEntry;
pub use connection::{Connection, ConnectionSettings, ConnectionStatus, Health};
pub use copies::CopySpec;
pub use destination::{Destination, Layout, Repository};
pub use hook::{Action, Hook, Hooks};
pub use id::{
    CommandId, ConnectionId, DestinationId, NodeId, PasskeyId, PersonId, PlanId, ProjectId, RepositoryId,
    RunId, SourceId, TokenId, TransferId,
};
pub use invalid::Invalid;
pub use limits::Limits;
pub use log::{Level, LogLine};
pub use node::{FollowedLog, HostState, Moments, Node};
pub use people::{Grant, Person, Project, Role};
pub use plan::{Continuous, Plan, Verification};
pub use run::{Run, RunKind, RunState};
pub use secret::SecretText;
pub use source::{Source, SourceSpec};

/// A moment, told to people and machines as RFC 3339 in UTC.
pub type Time = jiff::Timestamp;
