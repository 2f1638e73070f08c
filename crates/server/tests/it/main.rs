//! The server as its users meet it: real HTTP, a real store, a real node in this process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod connections;
mod nodes;
mod plans;
mod projects;
mod records;
#[allow(dead_code)]
#[path = "../../../storage/tests/it/s3/server.rs"]
mod s3_server;
mod setting;
mod world;
