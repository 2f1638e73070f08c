//! What tests of this and other crates use: real servers, each in a folder of its own.
//!
//! Test code: here a broken expectation panics, as an assertion does.

#[allow(clippy::unwrap_used, clippy::panic)]
mod mariadb;
#[cfg(feature = "mongodb")]
#[allow(clippy::unwrap_used, clippy::panic)]
mod mongodb;

#[cfg(feature = "sqlite")]
#[allow(clippy::unwrap_used, clippy::panic)]
mod sqlite;

pub use mariadb::Instance;
#[cfg(feature = "mongodb")]
pub use mongodb::{MongoServer, mongo_tool};

#[cfg(feature = "sqlite")]
pub use sqlite::{Bank, kept};

/// Documents, for tests that fill a server.
#[cfg(feature = "mongodb")]
pub use ::mongodb::bson;
