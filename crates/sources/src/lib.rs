//! Where backups come from and where restores go.
//!
//! - [`files`]: folders of this machine, as source and as restore target.
//! - [`mysql`]: what an instance of MySQL or MariaDB consists of.
//! - [`mbstream`]: the stream that MariaDB's and Percona's hot backup tools write, as a source of files.

#![forbid(unsafe_code)]

pub mod files;
pub mod mbstream;
pub mod mysql;
#[cfg(feature = "testing")]
pub mod testing;
