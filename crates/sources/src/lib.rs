//! Where backups come from and where restores go.
//!
//! - [`files`]: folders of this machine, as source and as restore target.
//! - [`mysql`]: what an instance of MySQL or MariaDB consists of.
//! - [`mongodb`]: a server of MongoDB, as source and as restore target.
//! - [`mbstream`]: the stream that MariaDB's and Percona's hot backup tools write, as a source of files.
//! - [`s3`]: a bucket of an S3 service, as source and as restore target.
//! - [`sqlite`]: copies of databases of SQLite, and bringing them back.

#![forbid(unsafe_code)]

pub mod files;
mod filling;
pub mod mbstream;
#[cfg(feature = "mongodb")]
pub mod mongodb;
pub mod mysql;
mod queue;
mod report;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(feature = "testing")]
pub mod testing;

pub use report::CaptureReport;
