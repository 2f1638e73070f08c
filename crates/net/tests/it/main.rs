//! The services that tests use, asked over HTTP.

#![allow(clippy::unwrap_used, clippy::panic)]

mod s3_server;
