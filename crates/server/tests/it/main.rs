//! The server as its users meet it: real HTTP, a real store, a real node in this process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agents;
mod projects;
mod world;
