//! The real program, run as its users run it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "s3")]
mod account;
mod adversity;
#[cfg(feature = "s3")]
mod agents;
mod archive;
mod backup;
mod catalog;
mod compat;
mod copies;
mod damage;
#[cfg(feature = "s3")]
#[allow(dead_code)]
#[path = "../../../storage/tests/it/drive/server/mod.rs"]
mod drive_server;
mod dumps;
mod errors;
#[cfg(feature = "s3")]
mod export;
mod first_run;
#[cfg(feature = "s3")]
mod google_drive;
mod inspect;
mod keys;
mod locks;
mod maintenance;
#[cfg(feature = "s3")]
mod management;
#[cfg(feature = "s3")]
mod moments;
#[path = "../../../catalog/tests/it/postgres.rs"]
mod postgres_server;
#[cfg(any(feature = "rest", feature = "s3"))]
#[allow(dead_code)]
#[path = "../../../storage/tests/it/proxy.rs"]
mod proxy;
#[cfg(feature = "rest")]
mod receiver;
mod restore;
#[cfg(feature = "s3")]
mod roles;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "s3")]
mod s3_archives;
#[cfg(feature = "s3")]
mod s3_keeping;
#[cfg(feature = "s3")]
#[path = "../../../storage/tests/it/s3/multipart.rs"]
mod s3_multipart;
#[cfg(feature = "s3")]
mod s3_seaweed;
#[cfg(feature = "s3")]
#[allow(dead_code)]
#[path = "../../../storage/tests/it/s3/server.rs"]
mod s3_server;
#[cfg(feature = "s3")]
mod service;
#[cfg(feature = "s3")]
mod serving;
#[cfg(feature = "s3")]
mod session;
mod signals;
mod terminal;
mod up;
mod vault;
mod world;
