//! The server as its users meet it: real HTTP, a real store, a real node in this process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alerts;
mod events;
mod metrics;
mod projects;
mod receiver;
mod records_in_store;
mod runs;
mod upkeep;
mod watch;
mod world;
