//! The receiver's protocols, asked in this process.

#![allow(clippy::unwrap_used, clippy::panic)]

mod access;
mod hostile;
mod parts;
mod repo;
mod restart;
mod tus;
mod upkeep;
mod world;
