//! S3 services for tests: one in this process, over HTTP, in memory; and SeaweedFS, which others wrote. A test that takes [`AnyService`]
//! runs with both.
//!
//! Of the service in memory the protocol and the signatures are those of the crate `s3s`; buckets, versions, locks, classes and parts are kept here as
//! Amazon documents them. What a test wants to go wrong it says with [`Behaviour`], [`S3Server::refuse`] and [`S3Server::hook`].
//!
//! Test code: here a broken expectation panics, as an assertion does.

#[allow(clippy::unwrap_used, clippy::panic)]
mod answers;
#[allow(clippy::unwrap_used, clippy::panic)]
mod any_service;
mod behaviour;
#[allow(clippy::unwrap_used, clippy::panic)]
mod listing;
mod locks;
#[allow(clippy::unwrap_used, clippy::panic)]
mod over_http;
#[allow(clippy::unwrap_used, clippy::panic)]
mod parts;
#[allow(clippy::unwrap_used, clippy::panic)]
mod seaweed;
#[allow(clippy::unwrap_used, clippy::panic)]
mod server;
#[allow(clippy::unwrap_used, clippy::panic)]
mod service;
#[allow(clippy::unwrap_used, clippy::panic)]
mod store;

pub use any_service::{AnyService, Keeps};
pub use behaviour::{Asked, Behaviour, Cut};
pub use over_http::{ListedVersion, OverHttp, Versions};
pub use seaweed::Seaweed;
pub use server::{Buckets, KEY, S3Server, SECRET};
pub use store::{Attributes, Encryption, Object, Retention};
