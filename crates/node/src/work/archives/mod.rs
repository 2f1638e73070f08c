//! Plain archives at a destination, in place of a repository: made and sent, looked into, checked, thinned out and brought back.
//!
//! A snapshot here is an archive, and its id is the archive's. What is there is known by the manifests beside the archives; one without
//! a manifest was not sent to its end and does not count.

mod browse;
mod careful;
mod content;
mod distrusted;
mod failure;
mod known;
mod make;
mod names;
mod older;
mod outbox;
mod place;
mod restore;
mod send;
mod upkeep;

pub(super) use content::Taking;
pub(super) use known::Manifests;
pub(super) use make::Begun;
pub use make::{Labels, Made};
pub use outbox::Waiting;
use place::Place;
pub(super) use restore::Source;
