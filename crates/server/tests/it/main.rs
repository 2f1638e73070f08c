//! The server as its users meet it: real HTTP, a real store, a real node in this process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
mod agents;
mod alerts;
mod archives;
mod audit;
mod connections;
mod copies;
mod dashboard;
#[allow(dead_code)]
#[path = "../../../storage/tests/it/drive/server/mod.rs"]
mod drive_server;
mod events;
mod faults;
mod google_drive;
mod hosted_receiver;
mod hostile;
mod hosts;
mod mail;
mod metrics;
mod mongodb;
mod mysql;
mod nodes;
#[cfg(feature = "oidc")]
mod oidc;
mod openapi;
mod overview;
mod pages;
#[cfg(feature = "passkeys")]
mod passkeys;
mod people;
mod plans;
#[path = "../../../catalog/tests/it/postgres.rs"]
mod postgres;
mod projects;
mod proxies;
mod receiver;
mod records;
mod records_in_store;
mod recovery_kit;
mod reports;
mod reset;
mod restores;
mod rotation;
mod runs;
#[allow(dead_code)]
#[path = "../../../storage/tests/it/s3/server.rs"]
mod s3_server;
mod schemathesis;
mod setting;
mod setup;
mod sign_in;
mod smtp;
mod snapshots;
mod totp;
mod trouble;
mod two_servers;
mod upkeep;
mod visitor;
mod walk;
mod watch;
mod world;
