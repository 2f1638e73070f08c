//! A dump of MongoDB, written as `mongodump --archive --gzip` does.
//!
//! An archive of mongodump begins with the metadata of all that is in it, and a source hands that over last. So documents wait,
//! compressed, in a file without a name, and go to the archive when all is there: each namespace in one block, in the order in which its
//! file was handed over. Files that the format has no place for, and the manifest, follow [where `mongorestore` does not see
//! them](crate::carrier).

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;

use backstay_core::FileId;
use backstay_core::sink::unescape_name;
use backstay_mongodump::names::{Entry, Named};
use backstay_mongodump::{Begin, Crc, Header, Namespace, OPLOG, begin, end, prelude};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;

use super::Settings;
use super::outer::Outer;
use super::packer::{Packed, Packer};
use crate::carrier::{Carrier, Places};
use crate::manifest::Manifest;

/// Contents that are not compressed yet are read in pieces of this size.
const PIECE: usize = 256 << 10;
/// The most bytes of files that are no documents; they are in memory until the archive ends.
const MOST_BESIDE: usize = 256 << 20;
/// The level of zstd for what no other program reads.
const HIDDEN_LEVEL: i32 = 3;

pub(super) struct Dump {
    outer: Outer,
    header: Header,
    level: Compression,
    /// A folder for files without names.
    spool: PathBuf,
    /// Compressed documents, those of a namespace behind those of the one before.
    waiting: File,
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
        Ok(Self {
            outer,
            header,
            level: Compression::new(settings.deflate_level()),
            spool: settings.spool.clone(),
            waiting: tempfile::tempfile_in(&settings.spool)?,
            documents: Vec::new(),
            metadata: Vec::new(),
            others: Vec::new(),
            beside: 0,
        })
    }

    /// Takes a file of the dump.
    pub(super) fn file(&mut self, path: &[u8], content: &mut dyn Read) -> io::Result<()> {
        match Entry::at(path) {
            Entry::Documents(_) => self.documents(path, content),
            Entry::Metadata(named) => {
                let text = String::from_utf8(self.short(path, content)?);
                let text = text.map_err(|_| unfit(path, io::Error::other("its metadata is no text")))?;
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

    fn documents(&mut self, path: &[u8], content: &mut dyn Read) -> io::Result<()> {
        let mut packer = Packer::new(&self.spool, self.level.level())?;
        let mut buffer = vec![0; PIECE];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    packer.add(buffer.get(..count).unwrap_or_default()).map_err(|error| unfit(path, error))?
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.packed(path, packer.finish().map_err(|error| unfit(path, error))?)
    }

    /// Takes documents that are compressed already.
    pub(super) fn packed(&mut self, path: &[u8], packed: Packed) -> io::Result<()> {
        let Entry::Documents(named) = Entry::at(path) else {
            return Err(unfit(path, io::Error::other("it is no file of documents")));
        };
        let Packed { mut file, length, sum, .. } = packed;
        if io::copy(&mut file, &mut self.waiting)? != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.documents.push(Documents { named, length, sum });
        Ok(())
    }

    /// Reads a content that is held in memory.
    fn short(&mut self, path: &[u8], content: &mut dyn Read) -> io::Result<Vec<u8>> {
        let room = MOST_BESIDE - self.beside;
        let mut bytes = Vec::new();
        content.take(room as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > room {
            return Err(unfit(
                path,
                io::Error::other("it holds documents of MongoDB and little beside them"),
            ));
        }
        self.beside += bytes.len();
        Ok(bytes)
    }

    /// Writes the archive, with this manifest.
    pub(super) fn finish(self, manifest: &mut dyn Read) -> io::Result<(u64, FileId)> {
        let Self { mut outer, header, level, mut waiting, documents, metadata, others, .. } = self;
        let has_oplog = documents.iter().any(|of| of.named.database.is_empty());
        let (namespaces, mut numbers) = namespaces(metadata, has_oplog)?;
        pack(&mut outer, level, &prelude(&header, &namespaces)?)?;

        waiting.rewind()?;
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
                let copied = io::copy(&mut (&mut waiting).take(length), &mut outer)?;
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

/// Why a file cannot be in such an archive, and which one.
pub(super) fn unfit(path: &[u8], why: io::Error) -> io::Error {
    let path = String::from_utf8_lossy(path);
    io::Error::new(why.kind(), format!("{path} cannot be in an archive of mongodump: {why}"))
}
