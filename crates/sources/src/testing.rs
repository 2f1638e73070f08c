//! What tests of this and other crates use: a real instance of MariaDB in a folder of its own.
//!
//! Test code: here a broken expectation panics, as an assertion does.

#[allow(clippy::unwrap_used, clippy::panic)]
mod mariadb;

pub use mariadb::Instance;
