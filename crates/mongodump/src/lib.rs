//! The format of `mongodump --archive`, written and read.
//!
//! All numbers are little-endian.
//! 1. The magic number `0x8199e26d`.
//! 2. The prelude: a header document, a document for each namespace with its metadata, and the terminator `ff ff ff ff`.
//! 3. Blocks: a document that names a namespace, whole documents of it, and the terminator. Blocks of several namespaces mix.
//! 4. Each namespace ends with a block of its own, whose header says so and has the CRC-64 (XZ) over all its documents.
//!
//! With gzip the whole is compressed; a stream of several members is one stream. [`names`] has what `mongodump` calls the files of a
//! dump in a folder.

#![forbid(unsafe_code)]

mod boundaries;
mod crc;
pub mod names;
mod read;
mod write;

pub use boundaries::Boundaries;
pub use crc::Crc;
pub use read::{Event, FormatError, Header, Namespace, Reader, check, open};
pub use write::{Begin, begin, end, prelude};

/// The bytes that an archive begins with.
pub const MAGIC: [u8; 4] = 0x8199_e26d_u32.to_le_bytes();
/// The namespace of the oplog: no database, and this collection.
pub const OPLOG: &str = "oplog";
/// The type of a namespace that is a view and has no documents.
pub const VIEW: &str = "view";
/// The type of a namespace that is a time series.
pub const TIME_SERIES: &str = "timeseries";
/// A document has at least its length and its end, in bytes.
pub const SMALLEST: usize = 5;
/// Documents may have 16 MiB; entries of an oplog and stored pre-images a little more.
pub const LARGEST: usize = (16 << 20) + (16 << 10);

/// Namespaces that an archive may announce, and bytes of their names and metadata together: all of it is in memory at once.
pub const MOST_NAMESPACES: usize = 100_000;
const LARGEST_PRELUDE: usize = 128 << 20;
const TOO_MANY: &str = "announces more than an archive may: 100000 collections, and 128 MiB of what they are";

/// What the collection behind a time series has before its name.
const BUCKETS: &str = "system.buckets.";
const TERMINATOR: u32 = 0xffff_ffff;
const VERSION: &str = "0.1";

#[cfg(test)]
mod recorded_tests;
#[cfg(test)]
mod tests;
