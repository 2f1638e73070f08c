//! A dump of MongoDB, written as `mongodump --archive --gzip` does.
//!
//! An archive of mongodump begins with the metadata of all that is in it, and a source hands that over last. So documents wait,
//! compressed, in a file without a name, and go to the archive when all is there: each namespace in one block, in the order in which its
//! file was handed over. Files that the format has no place for, and the manifest, follow [where `mongorestore` does not see
//! them](crate::carrier).

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use backstay_core::FileId;
use backstay_core::sink::unescape_name;
use backstay_mongodump::names::{Entry, Named};
use backstay_mongodump::{Begin, Boundaries, Crc, Header, Namespace, OPLOG, begin, end, prelude};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;

use super::Settings;
use super::outer::Outer;
use crate::carrier::{Carrier, Places};
use crate::manifest::Manifest;
use crate::press::{Codec, Press, Pressing};

/// Contents are read in pieces of this size.
const PIECE: usize = 256 << 10;
/// The most bytes of files that are no documents; they are in memory until the archive ends.
const MOST_BESIDE: usize = 256 << 20;
/// The level of zstd for what no other program reads.
const HIDDEN_LEVEL: i32 = 3;

pub(super) struct Dump {
    outer: Outer,
    header: Header,
    press: Press,
    level: Compression,
    /// Compressed documents, those of a namespace behind those of the one before.
    spool: BufWriter<File>,
    documents: Vec<Documents>,
    /// Metadata in the order in which it came.
    metadata: Vec<(Named, String)>,
    /// The other files' contents, one behind the other.
    others: Vec<u8>,
    beside: usize,
}

/// The documents of a namespace.
struct Documents {
    named: Named,
    /// Their bytes in the spool.
    length: u64,
    sum: Crc,
}

/// What is read of a namespace's metadata.
#[derive(Deserialize)]
struct Known {
    #[serde(rename = "collectionName")]
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Dump {
    pub(super) fn new(outer: Outer, settings: &Settings, manifest: &Manifest) -> io::Result<Self> {
        let header = Header {
            concurrent: 1,
            server_version: manifest.source.server_version.clone().unwrap_or_default(),
            tool_version: manifest.program.clone(),
        };
        let level = settings.deflate_level();
        let spool = BufWriter::with_capacity(PIECE, tempfile::tempfile_in(&settings.spool)?);
        Ok(Self {
            outer,
            header,
            press: Press::new(Codec::Gzip(level)),
            level: Compression::new(level),
            spool,
            documents: Vec::new(),
            metadata: Vec::new(),
            others: Vec::new(),
            beside: 0,
        })
    }

    /// Takes a file of the dump.
    pub(super) fn file(&mut self, path: &[u8], content: &mut dyn Read) -> io::Result<()> {
        match Entry::at(path) {
            Entry::Documents(named) => self.documents(named, path, content),
            Entry::Metadata(named) => {
                let text = String::from_utf8(self.short(path, content)?);
                let text = text.map_err(|_| unfit(path, "its metadata is no text"))?;
                self.metadata.push((named, text));
                Ok(())
            }
            Entry::Other => {
                let bytes = self.short(path, content)?;
                self.others.extend_from_slice(&bytes);
                Ok(())
            }
        }
    }

    fn documents(&mut self, named: Named, path: &[u8], content: &mut dyn Read) -> io::Result<()> {
        let mut counted = Counted { out: &mut self.spool, count: 0 };
        let mut pressing = Pressing::new(&mut self.press, &mut counted);
        let (mut sum, mut boundaries) = (Crc::default(), Boundaries::default());
        let mut buffer = vec![0; PIECE];
        loop {
            let count = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let piece = buffer.get(..count).unwrap_or_default();
            boundaries.pass(piece).map_err(|why| unfit(path, &why))?;
            sum.add(piece);
            pressing.write_all(piece)?;
        }
        if !boundaries.is_between() {
            return Err(unfit(path, "it ends in the middle of a document"));
        }
        pressing.finish()?;
        let length = counted.count;
        self.documents.push(Documents { named, length, sum });
        Ok(())
    }

    /// Reads a content that is held in memory.
    fn short(&mut self, path: &[u8], content: &mut dyn Read) -> io::Result<Vec<u8>> {
        let room = MOST_BESIDE - self.beside;
        let mut bytes = Vec::new();
        content.take(room as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > room {
            return Err(unfit(path, "it holds documents of MongoDB and little beside them"));
        }
        self.beside += bytes.len();
        Ok(bytes)
    }

    /// Writes the archive, with this manifest.
    pub(super) fn finish(self, manifest: &mut dyn Read) -> io::Result<(u64, FileId)> {
        let Self { mut outer, header, level, spool, documents, metadata, others, .. } = self;
        let has_oplog = documents.iter().any(|of| of.named.database.is_empty());
        let (namespaces, mut numbers) = namespaces(metadata, has_oplog)?;
        pack(&mut outer, level, &prelude(&header, &namespaces)?)?;

        let mut spool = spool.into_inner().map_err(io::IntoInnerError::into_error)?;
        spool.rewind()?;
        let mut spool = BufReader::with_capacity(PIECE, spool);
        for Documents { named, length, sum } in documents {
            let namespace = numbers.remove(&named).and_then(|number| namespaces.get(number));
            let namespace = namespace.ok_or_else(|| {
                let text = String::from_utf8_lossy(&named.stem);
                io::Error::other(format!("the dump has documents of {text} twice, or no metadata of it"))
            })?;
            let stored = namespace.stored_as();
            let of = Begin { database: &namespace.database, collection: &stored };
            if length > 0 {
                pack(&mut outer, level, &begin(of)?)?;
                let copied = io::copy(&mut (&mut spool).take(length), &mut outer)?;
                if copied != length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            pack(&mut outer, level, &end(of, length > 0, sum)?)?;
        }
        // Views, in their order.
        let mut left: Vec<_> = numbers.into_values().collect();
        left.sort_unstable();
        for namespace in left.into_iter().filter_map(|number| namespaces.get(number)) {
            let stored = namespace.stored_as();
            let of = Begin { database: &namespace.database, collection: &stored };
            pack(&mut outer, level, &end(of, false, Crc::default())?)?;
        }
        let others_at = outer.count();
        hide(&mut outer, &mut &others[..])?;
        let places = Places { others: others_at, manifest: outer.count() };
        hide(&mut outer, manifest)?;
        outer.write_all(&places.to_bytes())?;
        outer.finish()
    }
}

/// All namespaces as the archive announces them, and their places in that list.
fn namespaces(
    metadata: Vec<(Named, String)>,
    has_oplog: bool,
) -> io::Result<(Vec<Namespace>, HashMap<Named, usize>)> {
    let mut all = Vec::with_capacity(metadata.len() + 1);
    let mut numbers = HashMap::new();
    if has_oplog {
        numbers.insert(Named { database: Vec::new(), stem: OPLOG.as_bytes().to_vec() }, 0);
        let (database, metadata, kind) = Default::default();
        all.push(Namespace { database, collection: OPLOG.to_owned(), metadata, kind });
    }
    for (named, metadata) in metadata {
        let known: Known = serde_json::from_str(&metadata)?;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(io::Error::other);
        let collection = known.name.map_or_else(|| text(unescape_name(&named.stem)), Ok)?;
        let database = text(named.database.clone())?;
        let kind = known.kind.filter(|kind| kind != "collection").unwrap_or_default();
        numbers.insert(named, all.len());
        all.push(Namespace { database, collection, metadata, kind });
    }
    Ok((all, numbers))
}

/// Writes bytes as a member of gzip.
fn pack(out: &mut Outer, level: Compression, bytes: &[u8]) -> io::Result<()> {
    let mut encoder = GzEncoder::new(out, level);
    encoder.write_all(bytes)?;
    encoder.finish().map(drop)
}

/// Writes bytes where who reads the dump does not see them.
fn hide(out: &mut Outer, bytes: &mut dyn Read) -> io::Result<()> {
    let mut encoder = zstd::stream::write::Encoder::new(Carrier::new(out), HIDDEN_LEVEL)?;
    encoder.include_checksum(true)?;
    io::copy(bytes, &mut encoder)?;
    encoder.finish()?.finish()
}

fn unfit(path: &[u8], why: &str) -> io::Error {
    let path = String::from_utf8_lossy(path);
    io::Error::other(format!("{path} cannot be in an archive of mongodump: {why}"))
}

/// Counts what is written.
struct Counted<W> {
    out: W,
    count: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
