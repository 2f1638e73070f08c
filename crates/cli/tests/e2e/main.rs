//! The real program, run as its users run it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backup;
mod compat;
mod errors;
mod first_run;
mod inspect;
mod keys;
mod maintenance;
mod restore;
mod world;
