//! The receiver: takes archives and repositories in for many clients, over one folder.
//!
//! ```text
//!  FOLDER/archives/CLIENT/…   whole files, put there by tus 1.0 under /archives/
//!  FOLDER/repo/CLIENT/…       repositories in restic's layout, by restic's REST protocol under /repo/
//!  FOLDER/.receiver/          clients, uploads under way, sums
//! ```
//!
//! [`Receiver::router`] answers requests, [`Receiver::upkeep`] does what is done without being asked for. TLS and listening are the host's,
//! who puts a [`Peer`] into each request. Whatever fails at whatever point, nothing half-written is ever visible below `archives` and
//! `repo`: files are written below `.receiver` and get their names when they are whole and durable, and never another's.

#![forbid(unsafe_code)]

mod access;
mod archives;
pub mod clients;
mod folder;
mod intake;
mod ledger;
mod looks;
mod names;
mod outflow;
mod problem;
mod receiver;
mod refusal;
mod repo;
pub mod retention;
mod text;
mod throttle;
mod upkeep;
mod uploads;

pub use access::Peer;
pub use clients::{Client, ClientChange, Clients, ClientsError, NewClient};
pub use looks::{ArchiveFile, FilesPage, Room, RunningUpload};
pub use receiver::{CannotOpen, Receiver, Settings, state_folder};
pub use retention::Retention;
