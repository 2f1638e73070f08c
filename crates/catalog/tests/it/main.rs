//! Tests of both stores, on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod adversity;
mod audit;
mod changes;
mod commands;
mod ingest;
mod lasts;
mod leases;
mod migrations;
mod node_store;
mod postgres;
mod proofs;
mod records;
mod reports;
mod runs;
mod sealed;
mod sign_in;
mod world;
