//! Plain archives, as backup destinations and for taking data out: no repository, no deduplication, readable by tools that are
//! everywhere.
//!
//! - [`create::ArchiveSink`] makes an archive of a backup: zip or tar.zst, or of a dump of MongoDB as `mongodump` makes it; encrypted or
//!   not, with a [`manifest`] inside and one for beside it; full, differential or incremental.
//! - [`read::Archive`] reads one back, its own or a foreign one, from a file or from where it is stored: lists, verifies, extracts.
//! - [`transfer`] sends one to a place that holds archives, and goes on where it was interrupted.
//! - [`zip`] and [`tar`] write archives as streams, for downloads.

#![forbid(unsafe_code)]

mod carrier;
pub mod create;
pub mod crypt;
mod error;
mod hashing;
pub mod local;
pub mod manifest;
mod press;
pub mod read;
pub mod tar;
#[cfg(test)]
mod testing;
pub mod transfer;
pub mod zip;

pub use create::ArchiveSink;
pub use error::ArchiveError;
pub use manifest::Manifest;
pub use read::Archive;
