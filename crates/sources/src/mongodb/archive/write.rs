//! Writing an archive.

use std::collections::BTreeMap;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use mongodb::bson::{Document, doc};
use parking_lot::Mutex;

use super::super::Collection;
use super::crc::Crc;
use super::{MAGIC, OPLOG, TERMINATOR, VERSION};

/// Writes an archive. Blocks come from several threads; those of one namespace from one at a time.
pub struct ArchiveWriter<W> {
    /// Each block is a gzip member of its own, so that threads compress side by side.
    is_gzip: bool,
    out: Mutex<Out<W>>,
}

struct Out<W> {
    out: W,
    /// Namespaces whose end is not written, with their sums.
    open: BTreeMap<(String, String), Crc>,
}

/// A namespace that blocks are written of.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// Its database; empty for the oplog.
    pub database: &'a str,
    /// Its collection.
    pub collection: &'a str,
}

impl<W: Write> ArchiveWriter<W> {
    /// Writes the prelude.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(
        mut out: W,
        is_gzip: bool,
        server_version: &str,
        concurrent: usize,
        collections: &[Collection],
        has_oplog: bool,
    ) -> io::Result<Self> {
        let concurrent = i32::try_from(concurrent).unwrap_or(i32::MAX);
        let tool = concat!("backstay ", env!("CARGO_PKG_VERSION"));
        let mut prelude = MAGIC.to_le_bytes().to_vec();
        let header = doc! {
            "concurrent_collections": concurrent, "version": VERSION, "server_version": server_version, "tool_version": tool,
        };
        write_document(&mut prelude, &header)?;
        let mut open = BTreeMap::new();
        if has_oplog {
            write_document(
                &mut prelude,
                &doc! { "db": "", "collection": OPLOG, "metadata": "", "size": 0, "type": "" },
            )?;
            open.insert((String::new(), OPLOG.to_owned()), Crc::default());
        }
        for collection in collections {
            let kind = match collection.kind {
                super::super::Kind::Collection => "",
                other => other.name(),
            };
            let namespace = doc! {
                "db": &collection.database, "collection": &collection.name, "metadata": collection.metadata(), "size": 0,
                "type": kind,
            };
            write_document(&mut prelude, &namespace)?;
            open.insert((collection.database.clone(), collection.stored_as()), Crc::default());
        }
        prelude.extend_from_slice(&TERMINATOR.to_le_bytes());
        out.write_all(&packed(prelude, is_gzip)?)?;
        Ok(Self { is_gzip, out: Mutex::new(Out { out, open }) })
    }

    /// Writes whole documents.
    ///
    /// # Errors
    /// When they cannot be written, or their namespace is not open.
    pub fn documents(&self, block: Block<'_>, documents: &[u8]) -> io::Result<()> {
        {
            let mut out = self.out.lock();
            out.open.get_mut(&block.key()).ok_or_else(|| block.unknown())?.add(documents);
        }
        let mut data = Vec::with_capacity(documents.len() + 200);
        write_document(&mut data, &block.header(false, 0))?;
        data.extend_from_slice(documents);
        data.extend_from_slice(&TERMINATOR.to_le_bytes());
        let data = packed(data, self.is_gzip)?;
        self.out.lock().out.write_all(&data)
    }

    /// Nothing more comes of a namespace.
    ///
    /// # Errors
    /// When its end cannot be written, or was already.
    pub fn end(&self, block: Block<'_>) -> io::Result<()> {
        let mut out = self.out.lock();
        let crc = out.open.remove(&block.key()).ok_or_else(|| block.unknown())?;
        let mut data = Vec::new();
        write_document(&mut data, &block.header(true, crc.signed()))?;
        data.extend_from_slice(&TERMINATOR.to_le_bytes());
        out.out.write_all(&packed(data, self.is_gzip)?)
    }

    /// Gives back what was written to.
    ///
    /// # Errors
    /// When a namespace has no end.
    pub fn finish(self) -> io::Result<W> {
        let Out { out, open } = self.out.into_inner();
        match open.keys().next() {
            None => Ok(out),
            Some((database, collection)) => {
                Err(io::Error::other(format!("{database}.{collection} has no end in the archive")))
            }
        }
    }
}

impl Block<'_> {
    fn key(&self) -> (String, String) {
        (self.database.to_owned(), self.collection.to_owned())
    }

    fn header(&self, is_end: bool, crc: i64) -> Document {
        doc! { "db": self.database, "collection": self.collection, "EOF": is_end, "CRC": crc }
    }

    fn unknown(&self) -> io::Error {
        io::Error::other(format!("{}.{} is not open in the archive", self.database, self.collection))
    }
}

/// As it goes out.
fn packed(data: Vec<u8>, is_gzip: bool) -> io::Result<Vec<u8>> {
    if !is_gzip {
        return Ok(data);
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(data.len() / 2), Compression::default());
    encoder.write_all(&data)?;
    encoder.finish()
}

fn write_document(out: &mut impl Write, document: &Document) -> io::Result<()> {
    document.to_writer(out).map_err(io::Error::other)
}
