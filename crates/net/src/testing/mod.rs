//! An S3 service for tests: in this process, over HTTP, in memory.
//!
//! The protocol and the signatures are those of the crate `s3s`; buckets, versions, locks, classes and parts are kept here as Amazon
//! documents them. What a test wants to go wrong it says with [`Behaviour`], [`S3Server::refuse`] and [`S3Server::hook`].
//!
//! Test code: here a broken expectation panics, as an assertion does.

#[allow(clippy::unwrap_used, clippy::panic)]
mod answers;
mod behaviour;
#[allow(clippy::unwrap_used, clippy::panic)]
mod listing;
mod locks;
#[allow(clippy::unwrap_used, clippy::panic)]
mod parts;
#[allow(clippy::unwrap_used, clippy::panic)]
mod server;
#[allow(clippy::unwrap_used, clippy::panic)]
mod service;
#[allow(clippy::unwrap_used, clippy::panic)]
mod store;

pub use behaviour::{Asked, Behaviour, Cut};
pub use server::{Buckets, KEY, S3Server, SECRET};
pub use store::{Attributes, Encryption, Object, Retention};
