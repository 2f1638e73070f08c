//! The stream in which MariaDB's and Percona's hot backup tools write all files of a server at once.
//!
//! The stream is a row of chunks. Each begins with `XBSTCK01`, flags (bit 0: a reader that does not know
//! the chunk may skip it), a type, and the length and bytes of a path. A payload chunk (`P`) goes on with
//! the length of its data, the offset of the data in the file, the CRC-32 of the data, and the data. An
//! end chunk (`E`) says that a file is whole. Numbers are little-endian. Chunks of several files come
//! mixed, those of one file in order.
//!
//! [`capture`] takes the stream apart again, so that a repository sees plain files, whose unchanged
//! parts it knows from the backup before.

mod capture;
mod chunk;
mod folders;
mod spool;

pub use capture::{StreamReport, Template, capture};
pub use chunk::{StreamError, StreamWriter};
