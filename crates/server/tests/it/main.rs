//! The server as its users meet it: real HTTP, a real store, a real node in this process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
mod audit;
mod connections;
mod mail;
mod nodes;
mod pages;
mod people;
mod plans;
mod projects;
mod records;
mod reset;
#[allow(dead_code)]
#[path = "../../../storage/tests/it/s3/server.rs"]
mod s3_server;
mod setting;
mod setup;
mod sign_in;
mod smtp;
mod totp;
mod visitor;
mod world;
