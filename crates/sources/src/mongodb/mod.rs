//! MongoDB: captured over its own protocol, and brought back.
//!
//! - [`Access`] and [`Connection`] are the way to a server; [`probe`] says what it holds and what the user may not read.
//! - [`capture`] streams a server into a sink: a folder for each database, and in it for each collection `NAME.bson` and
//!   `NAME.metadata.json`, as `mongodump` lays them out, with [`MANIFEST`] over all.
//! - [`restore()`] brings a [`Dump`] (an archive of `mongodump`, as [`ArchiveDump`], or entries of a repository) to a server.
//! - [`Shipper`] follows the oplog for restores to a point in time.
//!
//! Everything here blocks and must not be called from within an asynchronous runtime: each connection has a small runtime of its own.
//! Nothing here was shown against time series collections, text indexes or sharded clusters, since no server of the tests has them.

mod access;
mod archive;
mod capture;
mod connection;
mod digest;
mod dump;
mod error;
mod gate;
mod inventory;
mod json;
mod listing;
mod manifest;
mod names;
mod nesting;
mod oplog;
mod probe;
mod reader;
mod replay;
mod restore;
mod selection;
mod ship;
mod users;

pub use access::{Access, Guard, Tls};
pub use archive::ArchiveDump;
pub use capture::{CaptureOptions, capture};
pub use connection::Connection;
pub use digest::Digest;
pub use dump::{Dump, EntriesDump, OpenEntry, Place, Take};
pub use error::{MongoError, Trouble};
pub use listing::{Collection, Kind};
pub use manifest::{Counted, MANIFEST, Manifest, OplogSpan, Position};
pub use probe::{Database, Facts, Missing, probe};
pub use restore::{Existing, RestoreOptions, RestoreReport, Restored, Verify, restorable, restore};
pub use selection::Selection;
pub use ship::{Segment, Shipper};
