//! Every back end and wrapper through the conformance suite, and what is particular to each.

#![allow(clippy::panic, clippy::unwrap_used)]

mod local;
mod memory;
mod open;
mod s3;
mod wrappers;
