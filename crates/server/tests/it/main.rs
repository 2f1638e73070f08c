//! The server as its users meet it: real HTTP, a real store, a real node in this process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
mod audit;
mod mail;
mod pages;
mod people;
mod projects;
mod reset;
mod setup;
mod sign_in;
mod smtp;
mod totp;
mod visitor;
mod world;
