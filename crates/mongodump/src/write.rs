//! The parts that an archive is written of.

use std::io;

use bson::{Document, doc};

use crate::crc::Crc;
use crate::read::{Header, Namespace};
use crate::{LARGEST_PRELUDE, MAGIC, MOST_NAMESPACES, TERMINATOR, TOO_MANY, VERSION};

/// The beginning of an archive: how it was made, and what is in it.
///
/// # Errors
/// When something in it is too long for a document, or all of it is more than can be read again.
pub fn prelude<'a>(
    header: &Header,
    namespaces: impl IntoIterator<Item = &'a Namespace>,
) -> io::Result<Vec<u8>> {
    let mut bytes = MAGIC.to_vec();
    let first = doc! {
        "concurrent_collections": header.concurrent, "version": VERSION, "server_version": &header.server_version,
        "tool_version": &header.tool_version,
    };
    write(&mut bytes, &first)?;
    let begin = bytes.len();
    for (number, Namespace { database, collection, metadata, kind }) in namespaces.into_iter().enumerate() {
        let announced =
            doc! { "db": database, "collection": collection, "metadata": metadata, "size": 0, "type": kind };
        write(&mut bytes, &announced)?;
        if number == MOST_NAMESPACES || bytes.len() - begin > LARGEST_PRELUDE {
            return Err(io::Error::other(format!("the archive {TOO_MANY}")));
        }
    }
    bytes.extend_from_slice(&TERMINATOR.to_le_bytes());
    Ok(bytes)
}

/// The namespace that a block is of.
#[derive(Debug, Clone, Copy)]
pub struct Begin<'a> {
    /// Its database; empty for the oplog.
    pub database: &'a str,
    /// The collection that has the documents.
    pub collection: &'a str,
}

/// The beginning of a block. Whole documents of the namespace follow it, then an [`end`].
///
/// # Errors
/// When the names are too long for a document.
pub fn begin(of: Begin<'_>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write(&mut bytes, &header(of, false, 0))?;
    Ok(bytes)
}

/// The end of a block with documents, if there is one open, and of its namespace.
///
/// # Errors
/// When the names are too long for a document.
pub fn end(of: Begin<'_>, is_open: bool, sum: Crc) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if is_open {
        bytes.extend_from_slice(&TERMINATOR.to_le_bytes());
    }
    write(&mut bytes, &header(of, true, sum.signed()))?;
    bytes.extend_from_slice(&TERMINATOR.to_le_bytes());
    Ok(bytes)
}

fn header(of: Begin<'_>, is_end: bool, crc: i64) -> Document {
    doc! { "db": of.database, "collection": of.collection, "EOF": is_end, "CRC": crc }
}

fn write(out: &mut Vec<u8>, document: &Document) -> io::Result<()> {
    document.to_writer(out).map_err(io::Error::other)
}
