//! The node, with real folders and a real store on the other end of its uplink.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod runs;
mod world;
