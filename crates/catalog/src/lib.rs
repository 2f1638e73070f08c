//! What is remembered: the store of a node and the store of a server.
//!
//! A [`NodeStore`] is a SQLite file on each node: its plans as last received, its runs with their log lines, when each plan was
//! last due, and an outbox numbered without gaps. A [`ServerStore`] is a SQLite file or a PostgreSQL database: people, projects,
//! what they have set up, what nodes told, and the audit. It takes each entry of a node's outbox in exactly once.
//!
//! Both stores keep whole records as JSON in a column `doc`, beside the columns that are searched. Times are microseconds since
//! 1970, ids are text. One text of SQL serves both databases; what reads before it writes first updates a row, which locks it
//! in both. On SQLite one connection writes, each transaction from its beginning as a writer (`BEGIN IMMEDIATE`), and a few
//! others read. Every commit is synced to the disk, so that nothing that was acknowledged is lost with the power.
//!
//! No secret comes in here but sealed, or as a hash. The stores read no clock: moments come from outside.

#![forbid(unsafe_code)]

mod database;
mod error;
mod migration;
mod node;
mod row;
mod server;

pub use error::{CatalogError, Clash, Result};
pub use node::*;
pub use server::*;
