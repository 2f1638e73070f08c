//! Reading archives of `mongodump`: our own, which have a manifest where other programs do not look, and others.
//!
//! In our own, each namespace lies by itself, in the order of the manifest. In those of other programs the blocks of namespaces mix, so
//! what is wanted and not whole yet waits in memory or, where it is large, in a file without a name.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufReader, Read, Seek, Write};
use std::sync::Arc;

use backstay_core::sink::escape_name;
use backstay_core::{Control, EntryKind, Meta};
use backstay_mongodump::names::{BSON, Entry, METADATA, with_ending};
use backstay_mongodump::{Event, FormatError, MAGIC, Namespace, OPLOG, VIEW};
use tempfile::SpooledTempFile;

use super::input::{Cursor, ReadAt};
use super::visit::{Each, Stored, missing};
use super::{Archive, begins_with};
use crate::ArchiveError;
use crate::carrier::{Carried, Places, TRAILER};
use crate::error::is_damage;
use crate::manifest::{self, Item, ItemKind, Manifest};

/// Namespaces of other programs' archives that may be begun and not ended at once. `mongodump` has four.
const MOST_OPEN: usize = 256;
/// Bytes of such a namespace that wait in memory.
const IN_MEMORY: usize = 64 << 10;
/// The bytes that a stream of gzip begins with.
const GZIP: &[u8] = &[0x1f, 0x8b];

type Reader = backstay_mongodump::Reader<Box<dyn Read + Send>>;

/// Whether it begins as an archive of mongodump, compressed or not.
pub(super) fn is_dump(input: &Arc<dyn ReadAt>, what: &str) -> Result<bool, ArchiveError> {
    if !begins_with(input, 0, GZIP, what)? {
        return begins_with(input, 0, &MAGIC, what);
    }
    let mut begin = Vec::with_capacity(MAGIC.len());
    let cursor = BufReader::new(Cursor::new(Arc::clone(input)));
    match flate2::bufread::GzDecoder::new(cursor).take(MAGIC.len() as u64).read_to_end(&mut begin) {
        Ok(_) => Ok(begin == MAGIC),
        Err(error) if is_damage(&error) => Ok(false),
        Err(error) => Err(ArchiveError::io("read", what)(error)),
    }
}

/// Where our own archive has what other programs do not see.
pub(super) fn find_manifest(input: &Arc<dyn ReadAt>, what: &str) -> Result<Option<Places>, ArchiveError> {
    let Some(from) = input.size().checked_sub(TRAILER as u64) else { return Ok(None) };
    let mut trailer = Vec::with_capacity(TRAILER);
    let mut cursor = Cursor::range(Arc::clone(input), from, u64::MAX);
    cursor.read_to_end(&mut trailer).map_err(ArchiveError::io("read", what))?;
    Ok(Places::from_bytes(&trailer)
        .filter(|places| places.others <= places.manifest && places.manifest <= from))
}

/// The text of the manifest.
pub(super) fn manifest_text(archive: &Archive, places: Places) -> Result<Box<dyn Read>, ArchiveError> {
    let end = archive.plain.size().saturating_sub(TRAILER as u64);
    hidden(archive, places.manifest, end)
}

fn hidden(archive: &Archive, from: u64, to: u64) -> Result<Box<dyn Read>, ArchiveError> {
    let cursor = BufReader::with_capacity(64 << 10, Cursor::range(Arc::clone(&archive.plain), from, to));
    let decoder = zstd::stream::read::Decoder::new(Carried::new(cursor));
    Ok(Box::new(decoder.map_err(ArchiveError::io("read", archive.label()))?))
}

/// What `mongorestore` reads.
pub(super) fn stream(archive: &Archive, to: u64) -> impl Read + Send + use<> {
    Cursor::range(Arc::clone(&archive.plain), 0, to)
}

fn open(archive: &Archive, to: u64) -> Result<Reader, ArchiveError> {
    backstay_mongodump::open(stream(archive, to)).map_err(|error| failed(error, archive.label()))
}

fn failed(error: FormatError, what: &str) -> ArchiveError {
    match error {
        FormatError::Io(error) if !is_damage(&error) => ArchiveError::io("read", what)(error),
        other => ArchiveError::damaged(what, other.to_string()),
    }
}

/// Goes through all items as the manifest tells them.
pub(super) fn visit_by_manifest(
    archive: &Archive,
    places: Places,
    control: &Control,
    each: Each<'_>,
) -> Result<Manifest, ArchiveError> {
    let what = archive.label();
    let reader = open(archive, places.others)?;
    let announced = Arc::clone(reader.namespaces());
    let mut metadata = announced.iter().filter(|of| !is_oplog(of)).map(|of| of.metadata.as_bytes());
    let mut others = hidden(archive, places.others, places.manifest)?;
    let mut documents =
        Documents { reader, control, passed: 0, current: None, document: io::Cursor::default() };
    let mut number = 0;
    let manifest = manifest::read(manifest_text(archive, places)?, what, &mut |item| {
        if item.kind != ItemKind::File {
            return each(&item, Stored::Here);
        }
        match Entry::at(&item.path.0) {
            Entry::Documents(_) => {
                let mut content = Content { documents: &mut documents, number };
                number += 1;
                each(&item, Stored::Content(&mut content))
            }
            Entry::Metadata(_) => {
                let text = metadata.next().ok_or_else(|| missing(what, &item))?;
                each(&item, Stored::Content(&mut &*text))
            }
            Entry::Other => {
                let mut content = (&mut others).take(item.size);
                each(&item, Stored::Content(&mut content))?;
                io::copy(&mut content, &mut io::sink()).map(drop).map_err(|error| failed(error.into(), what))
            }
        }
    })?;
    documents.end(number).map_err(|error| failed(error.into(), what))?;
    match io::copy(&mut others, &mut io::sink()) {
        Ok(0) if metadata.next().is_none() => Ok(manifest),
        Ok(_) => Err(ArchiveError::damaged(what, "it has more in it than its manifest tells")),
        Err(error) => Err(failed(error.into(), what)),
    }
}

fn is_oplog(of: &Namespace) -> bool {
    of.database.is_empty() && of.collection == OPLOG
}

/// The documents of an archive in which each namespace lies by itself.
struct Documents<'a> {
    reader: Reader,
    control: &'a Control,
    /// Namespaces that have ended.
    passed: usize,
    /// The namespace that has begun.
    current: Option<usize>,
    /// What is left of a document that was begun.
    document: io::Cursor<Vec<u8>>,
}

/// The documents of one namespace. Those before it that nobody wanted are passed over when it is read.
struct Content<'a, 'b> {
    documents: &'a mut Documents<'b>,
    number: usize,
}

impl Documents<'_> {
    /// Goes on to the next document, or to the end of the namespace; false at the end of all.
    fn next(&mut self) -> io::Result<bool> {
        let mix =
            || io::Error::new(io::ErrorKind::InvalidData, "its namespaces do not lie one behind the other");
        self.control.checkpoint().map_err(|_| crate::error::interrupted())?;
        let event = self.reader.next_event().map_err(|error| match error {
            FormatError::Io(error) => error,
            other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
        })?;
        match event {
            None => return Ok(false),
            Some(Event::Document(of, document)) => {
                if self.current.is_some_and(|current| current != of) {
                    return Err(mix());
                }
                self.current = Some(of);
                let mut held = std::mem::take(&mut self.document).into_inner();
                held.clear();
                held.extend_from_slice(document);
                self.document = io::Cursor::new(held);
            }
            Some(Event::End(of)) => {
                if self.current.take().is_some_and(|current| current != of) {
                    return Err(mix());
                }
                self.document = io::Cursor::default();
                self.passed += 1;
            }
        }
        Ok(true)
    }

    /// Reads to the end, where so many namespaces have files.
    fn end(&mut self, files: usize) -> io::Result<()> {
        let wrong = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why));
        while self.next()? {
            if self.passed >= files && self.current.is_some() {
                return wrong("it has documents that its manifest does not tell of");
            }
        }
        if self.passed < files { wrong("it has fewer namespaces than its manifest tells") } else { Ok(()) }
    }
}

impl Read for Content<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self { documents, number } = self;
        loop {
            if documents.passed > *number || buffer.is_empty() {
                return Ok(0);
            }
            if documents.passed == *number {
                let count = documents.document.read(buffer)?;
                if count > 0 {
                    return Ok(count);
                }
            }
            if !documents.next()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Goes through the files that `mongodump` would have made of an archive without a manifest. Documents of those that are wanted wait until
/// they are whole, in half of what is free where files without names lie.
pub(super) fn visit_entries(
    archive: &Archive,
    wants: &dyn Fn(&[u8]) -> bool,
    control: &Control,
    each: Each<'_>,
) -> Result<(), ArchiveError> {
    let free = rustix::fs::statvfs(std::env::temp_dir()).ok();
    let free = free.map_or(u64::MAX, |free| free.f_bavail.saturating_mul(free.f_frsize));
    walk(archive, &Keep { wants, room: free / 2 }, control, each)
}

/// What waits until it is whole.
struct Keep<'a> {
    wants: &'a dyn Fn(&[u8]) -> bool,
    /// Bytes that may wait at once.
    room: u64,
}

/// A namespace that has begun.
struct Begun {
    size: u64,
    /// Its documents, if they are wanted.
    kept: Option<SpooledTempFile>,
}

fn walk(archive: &Archive, keep: &Keep<'_>, control: &Control, each: Each<'_>) -> Result<(), ArchiveError> {
    let what = archive.label();
    let mut reader = open(archive, u64::MAX)?;
    let namespaces = Arc::clone(reader.namespaces());
    let databases: BTreeSet<&str> = namespaces.iter().map(|of| of.database.as_str()).collect();
    for database in databases.into_iter().filter(|name| !name.is_empty()) {
        each(&item(escape_name(database.as_bytes()), EntryKind::Folder, 0), Stored::Here)?;
    }
    for of in namespaces.iter().filter(|of| !of.metadata.is_empty()) {
        let text = of.metadata.as_bytes();
        let path = path_of(of, &of.collection, METADATA);
        each(&item(path, EntryKind::File, text.len() as u64), Stored::Content(&mut &*text))?;
    }
    let of = |number: usize| namespaces.get(number).filter(|of| of.kind != VIEW);
    let begin = |number: usize| {
        let wanted = of(number).is_some_and(|of| (keep.wants)(&path_of(of, &of.stored_as(), BSON)));
        Begun { size: 0, kept: wanted.then(|| SpooledTempFile::new(IN_MEMORY)) }
    };
    let mut open: HashMap<usize, Begun> = HashMap::new();
    let mut room = keep.room;
    loop {
        control.checkpoint()?;
        let event = match reader.next_event().map_err(|error| failed(error, what))? {
            None => return Ok(()),
            Some(event) => event,
        };
        match event {
            Event::Document(number, document) => {
                if open.len() >= MOST_OPEN && !open.contains_key(&number) {
                    let why = format!("the documents of more than {MOST_OPEN} namespaces mix in it");
                    return Err(ArchiveError::damaged(what, why));
                }
                let begun = open.entry(number).or_insert_with(|| begin(number));
                let length = document.len() as u64;
                begun.size += length;
                if let Some(kept) = &mut begun.kept {
                    room = room.checked_sub(length).ok_or_else(|| no_room(what, keep.room))?;
                    kept.write_all(document).map_err(ArchiveError::io("keep content of", what))?;
                }
            }
            Event::End(number) => {
                let Begun { size, kept } = open.remove(&number).unwrap_or_else(|| begin(number));
                let Some(of) = of(number) else { continue };
                let item = item(path_of(of, &of.stored_as(), BSON), EntryKind::File, size);
                let Some(mut kept) = kept else {
                    each(&item, Stored::Passed)?;
                    continue;
                };
                kept.rewind().map_err(ArchiveError::io("keep content of", what))?;
                each(&item, Stored::Content(&mut kept))?;
                room += size;
            }
        }
    }
}

fn no_room(what: &str, room: u64) -> ArchiveError {
    let why = format!(
        "its collections mix, and more than {room} bytes of them would have to wait in {}",
        std::env::temp_dir().display()
    );
    ArchiveError::io("keep content of", what)(io::Error::new(io::ErrorKind::StorageFull, why))
}

fn path_of(of: &Namespace, collection: &str, ending: &str) -> Vec<u8> {
    let name = with_ending(collection, ending);
    if of.database.is_empty() {
        name
    } else {
        [&escape_name(of.database.as_bytes()), &b"/"[..], &name].concat()
    }
}

fn item(path: Vec<u8>, kind: EntryKind, size: u64) -> Item {
    let permissions = if kind == EntryKind::Folder { 0o700 } else { 0o600 };
    let meta = Meta { kind, permissions, size, ..Meta::default() };
    Item { changed: None, ..Item::new(&path, &meta) }
}

#[cfg(test)]
mod tests;
