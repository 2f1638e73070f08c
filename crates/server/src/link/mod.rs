//! The server's end of the link to nodes.
//!
//! ```text
//!  API ──ask──▶ store: commands ──▶ hub ◀──sync── node      the node asks again and again; nothing dials a node
//!  API ◀─────── store: results ◀──┘
//! ```
//!
//! The [`hub`] answers nodes, in this process and far ones alike; [`configuration`] says what a node has to do by itself, with
//! secrets sealed to its key; [`http`] lets agents in by their certificates, and [`join`] lets new ones join. Content of
//! snapshots does not go through the store: the node brings it to whoever waits for it (`transfers`).

pub mod configuration;
pub mod http;
pub mod hub;
pub mod join;
mod transfers;
mod trouble;
