//! The server as its users meet it: real HTTP, a real store, a real node in this process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
mod agents;
mod alerts;
mod audit;
mod connections;
mod events;
mod mail;
mod metrics;
mod nodes;
#[cfg(feature = "oidc")]
mod oidc;
mod pages;
mod people;
mod plans;
mod projects;
mod receiver;
mod records;
mod records_in_store;
mod reset;
mod rotation;
mod runs;
#[allow(dead_code)]
#[path = "../../../storage/tests/it/s3/server.rs"]
mod s3_server;
mod setting;
mod setup;
mod sign_in;
mod smtp;
mod totp;
mod upkeep;
mod visitor;
mod watch;
mod world;
