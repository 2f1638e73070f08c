//! Sources against the real servers that they are of.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "mongodb")]
#[allow(clippy::unwrap_used, clippy::panic)]
mod mongodb;
mod mysql;
mod s3;
#[cfg(feature = "sqlite")]
mod sqlite;
