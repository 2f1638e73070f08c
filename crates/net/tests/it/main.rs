//! The services that tests use, asked over HTTP.

mod s3_server;
