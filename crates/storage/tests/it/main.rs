//! Every back end and wrapper through the conformance suite, and what is particular to each.

#![allow(clippy::panic, clippy::unwrap_used)]

mod archives;
mod drive;
mod local;
mod memory;
mod open;
mod pinned;
mod proxy;
mod receiver;
mod rest;
mod s3;
mod wrappers;

use s3::server as s3_server;
