//! The format of `mongodump --archive`, written and read.
//!
//! All numbers are little-endian.
//! 1. The magic number `0x8199e26d`.
//! 2. The prelude: a header document, a document for each namespace with its metadata, and the terminator `ff ff ff ff`.
//! 3. Blocks: a document that names a namespace, whole documents of it, and the terminator. Blocks of several namespaces mix.
//! 4. Each namespace ends with a block of its own, whose header says so and has the CRC-64 (XZ) over all its documents.
//!
//! With gzip the whole is compressed; a stream of several members is one stream.

mod crc;
mod read;
mod write;

pub(crate) use read::check;
pub use read::{ArchiveDump, ArchiveError, Event, Header, Namespace, Reader};
pub use write::{ArchiveWriter, Block};

const MAGIC: u32 = 0x8199_e26d;
const TERMINATOR: u32 = 0xffff_ffff;
const VERSION: &str = "0.1";
/// The namespace of the oplog: no database, and this collection.
pub(crate) const OPLOG: &str = "oplog";
/// A document has at least its length and its end.
pub(super) const SMALLEST: usize = 5;
/// Documents may have 16 MiB; entries of an oplog and stored pre-images a little more.
pub(super) const LARGEST: usize = (16 << 20) + (16 << 10);
