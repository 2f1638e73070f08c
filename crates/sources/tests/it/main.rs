//! Sources against the real servers that they are of.

#[cfg(feature = "mongodb")]
#[allow(clippy::unwrap_used, clippy::panic)]
mod mongodb;
mod mysql;
mod s3;
