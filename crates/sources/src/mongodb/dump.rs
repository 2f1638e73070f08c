//! Dumps that can be restored: archives, and the entries that a capture made.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use backstay_core::sink::unescape_name;
use backstay_mongodump::{Event, OPLOG, names};
use mongodb::bson::raw::RawDocumentBuf;
use parking_lot::Mutex;

use super::error::{MongoError, Result};
use super::{ArchiveDump, Collection, Kind, MANIFEST, Manifest};

/// Opens an entry by its path in the dump (`database/name.bson`, escaped as it is).
pub type OpenEntry = Arc<dyn Fn(&[u8]) -> io::Result<Box<dyn Read + Send>> + Send + Sync>;

/// A document of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Of a collection, by its number in [`Dump::collections`].
    Collection(usize),
    /// Of the oplog.
    Oplog,
}

/// Takes documents. Called from several threads; those of one place from one at a time, in their order.
pub type Take<'a> = dyn Fn(Place, Vec<RawDocumentBuf>) -> Result<()> + Sync + 'a;

/// A dump that can be restored, once.
pub trait Dump: Send {
    /// What is in it.
    fn collections(&self) -> &[Collection];

    /// What it says about itself, when it was made by a capture.
    fn manifest(&self) -> Option<&Manifest>;

    /// Whether it has an oplog.
    fn has_oplog(&self) -> bool;

    /// Its oplog, where that can be read before all else; none where it comes with the rest.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn open_oplog(&self) -> Result<Option<Box<dyn Read + Send>>> {
        Ok(None)
    }

    /// Reads the wanted places, several at once where that is possible.
    ///
    /// # Errors
    /// When the dump is damaged or cannot be read, and whatever `take` gives.
    fn read(
        self: Box<Self>,
        parallel: usize,
        wanted: &(dyn Fn(Place) -> bool + Sync),
        take: &Take<'_>,
    ) -> Result<()>;
}

/// How many documents are handed on at once, and about how many bytes.
const DOCUMENTS: usize = 1000;
const BYTES: usize = 2 << 20;

/// Documents that are handed on together.
#[derive(Default)]
struct Batch {
    documents: Vec<RawDocumentBuf>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, document: &[u8]) -> Result<()> {
        self.bytes += document.len();
        self.documents.push(RawDocumentBuf::from_bytes(document.to_vec())?);
        Ok(())
    }

    const fn is_full(&self) -> bool {
        self.documents.len() >= DOCUMENTS || self.bytes >= BYTES
    }

    fn hand_on(&mut self, place: Place, take: &Take<'_>) -> Result<()> {
        let batch = std::mem::take(self);
        if batch.documents.is_empty() { Ok(()) } else { take(place, batch.documents) }
    }
}

/// The entries of one collection.
#[derive(Default)]
struct Paths {
    documents: Option<Vec<u8>>,
    metadata: Option<Vec<u8>>,
}

/// Entries by database, and by their names without the endings.
type ByName = BTreeMap<(String, Vec<u8>), Paths>;

/// Brings together what earlier versions gave names that do not tell that it belongs together.
fn pair_former(by_name: &mut ByName, open: &OpenEntry) -> Result<()> {
    let alone = by_name.iter().filter(|((_, stem), paths)| paths.documents.is_none() && names::is_cut(stem));
    let alone: Vec<_> =
        alone.filter_map(|(key, paths)| Some((key.clone(), paths.metadata.clone()?))).collect();
    for (key, metadata) in alone {
        let collection = Collection::from_metadata(&key.0, "", &read_text(open, &metadata)?)?;
        let former = (key.0.clone(), names::former_stem(&collection.name));
        if collection.kind == Kind::TimeSeries
            && by_name.get(&former).is_some_and(|paths| paths.metadata.is_none())
        {
            let documents = by_name.remove(&former).and_then(|paths| paths.documents);
            by_name.entry(key).or_default().documents = documents;
        }
    }
    Ok(())
}

/// The entries of a dump, wherever they are: as [`capture`](super::capture) made them, or as `mongodump` does without `--archive`.
pub struct EntriesDump {
    open: OpenEntry,
    collections: Vec<Collection>,
    /// The path of each collection's documents; none for a view.
    documents: Vec<Option<Vec<u8>>>,
    manifest: Option<Manifest>,
    oplog: Option<Vec<u8>>,
}

impl EntriesDump {
    /// Reads what the entries say about themselves. `paths` are those of all entries in the dump, folders or not, in any order.
    ///
    /// # Errors
    /// When an entry of metadata cannot be read.
    pub fn open(paths: &[Vec<u8>], open: OpenEntry) -> Result<Self> {
        let mut manifest = None;
        let mut oplog = None;
        let mut by_name = ByName::new();
        for path in paths {
            let mut parts = path.splitn(2, |&byte| byte == b'/');
            let (first, second) = (parts.next().unwrap_or_default(), parts.next());
            let Some(name) = second else {
                if first == MANIFEST.as_bytes() {
                    let text = read_text(&open, path)?;
                    let read = serde_json::from_str::<Manifest>(&text);
                    manifest =
                        Some(read.map_err(|error| {
                            MongoError::damaged(format!("cannot read {MANIFEST}"), error)
                        })?);
                } else if first == format!("{OPLOG}{}", names::BSON).as_bytes() {
                    oplog = Some(path.clone());
                }
                continue;
            };
            let not_text = |_| MongoError::damaged("reading the names of databases", "one is not UTF-8");
            let database = String::from_utf8(unescape_name(first)).map_err(not_text)?;
            if let Some(stem) = name.strip_suffix(names::METADATA.as_bytes()) {
                by_name.entry((database, stem.to_vec())).or_default().metadata = Some(path.clone());
            } else if let Some(stem) = name.strip_suffix(names::BSON.as_bytes()) {
                // The documents of a time series go by another name than it does.
                let stem = stem.strip_prefix(b"system.buckets.").unwrap_or(stem);
                by_name.entry((database, stem.to_vec())).or_default().documents = Some(path.clone());
            }
        }
        pair_former(&mut by_name, &open)?;
        let (mut collections, mut documents) = (Vec::new(), Vec::new());
        for ((database, stem), paths) in by_name {
            let content = paths.documents;
            let text = paths.metadata.map_or(Ok(String::new()), |path| read_text(&open, &path))?;
            let name = String::from_utf8_lossy(&unescape_name(&stem)).into_owned();
            let collection = Collection::from_metadata(&database, &name, &text)?;
            if content.is_none() && collection.kind != Kind::View {
                let what = format!("reading {}", collection.full_name());
                return Err(MongoError::damaged(
                    what,
                    "it has metadata and no documents: it was not captured whole",
                ));
            }
            collections.push(collection);
            documents.push(content);
        }
        Ok(Self { open, collections, documents, manifest, oplog })
    }

    /// A dump in a folder of this host.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        use std::os::unix::ffi::{OsStrExt, OsStringExt};
        let failed = |error: io::Error| MongoError::storage(format!("reading {}", folder.display()), &error);
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().into_vec();
            if !entry.file_type().map_err(failed)?.is_dir() {
                paths.push(name);
                continue;
            }
            for inner in std::fs::read_dir(entry.path()).map_err(failed)? {
                let mut path = name.clone();
                path.push(b'/');
                path.extend(inner.map_err(failed)?.file_name().into_vec());
                paths.push(path);
            }
        }
        let folder = folder.to_owned();
        let open: OpenEntry = Arc::new(move |path| {
            let file = File::open(folder.join(std::ffi::OsStr::from_bytes(path)))?;
            Ok(Box::new(file) as Box<dyn Read + Send>)
        });
        Self::open(&paths, open)
    }

    fn read_entry(&self, path: &[u8], place: Place, stop: &AtomicBool, take: &Take<'_>) -> Result<()> {
        let what = || format!("reading {}", String::from_utf8_lossy(path));
        let input = (self.open)(path).map_err(|error| MongoError::storage(what(), &error))?;
        each_document(input, &what(), |batch, is_last| {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            if is_last || batch.is_full() {
                batch.hand_on(place, take)?;
            }
            Ok(true)
        })
    }
}

impl Dump for EntriesDump {
    fn collections(&self) -> &[Collection] {
        &self.collections
    }

    fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    fn has_oplog(&self) -> bool {
        self.oplog.is_some()
    }

    fn open_oplog(&self) -> Result<Option<Box<dyn Read + Send>>> {
        let opened = self.oplog.as_ref().map(|path| (self.open)(path)).transpose();
        opened.map_err(|error| MongoError::storage("reading the oplog", &error))
    }

    fn read(
        self: Box<Self>,
        parallel: usize,
        wanted: &(dyn Fn(Place) -> bool + Sync),
        take: &Take<'_>,
    ) -> Result<()> {
        let next = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        let first_error = Mutex::new(None);
        let worker = || {
            while !stop.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(path) = self.documents.get(index) else { return };
                let place = Place::Collection(index);
                let Some(path) = path.as_ref().filter(|_| wanted(place)) else { continue };
                if let Err(error) = self.read_entry(path, place, &stop, take) {
                    stop.store(true, Ordering::Relaxed);
                    let _ = first_error.lock().get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..parallel.clamp(1, self.documents.len().max(1)) {
                let _ = scope.spawn(worker);
            }
        });
        if let Some(error) = first_error.into_inner() {
            return Err(error);
        }
        match self.oplog.as_ref().filter(|_| wanted(Place::Oplog)) {
            Some(path) => self.read_entry(path, Place::Oplog, &stop, take),
            None => Ok(()),
        }
    }
}

impl Dump for ArchiveDump {
    fn collections(&self) -> &[Collection] {
        &self.collections
    }

    fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    fn has_oplog(&self) -> bool {
        self.oplog.is_some()
    }

    fn read(
        mut self: Box<Self>,
        _: usize,
        wanted: &(dyn Fn(Place) -> bool + Sync),
        take: &Take<'_>,
    ) -> Result<()> {
        let place_of =
            |number: usize| if self.oplog == Some(number) { Place::Oplog } else { Place::Collection(number) };
        let is_wanted: Vec<bool> =
            (0..self.collections.len()).map(|number| wanted(place_of(number))).collect();
        let mut batches: BTreeMap<usize, Batch> = BTreeMap::new();
        // Namespaces mix: all their batches together may have as much as a few full ones.
        let mut held = 0;
        while let Some(event) = self.reader.next_event()? {
            match event {
                Event::Document(number, document) => {
                    if !is_wanted.get(number).copied().unwrap_or_default() {
                        continue;
                    }
                    let batch = batches.entry(number).or_default();
                    batch.add(document)?;
                    held += document.len();
                    if batch.is_full() {
                        held -= batch.bytes;
                        batch.hand_on(place_of(number), take)?;
                    }
                    if held > 4 * BYTES {
                        held = 0;
                        for (number, batch) in &mut batches {
                            batch.hand_on(place_of(*number), take)?;
                        }
                    }
                }
                Event::End(number) => {
                    if let Some(mut batch) = batches.remove(&number) {
                        held -= batch.bytes;
                        batch.hand_on(place_of(number), take)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn read_text(open: &OpenEntry, path: &[u8]) -> Result<String> {
    /// An entry of metadata that is larger is none.
    const LARGEST: u64 = 64 << 20;
    let failed =
        |error: io::Error| MongoError::storage(format!("reading {}", String::from_utf8_lossy(path)), &error);
    let mut text = String::new();
    let read = open(path).map_err(failed)?.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    if read as u64 == LARGEST {
        return Err(MongoError::damaged(
            format!("reading {}", String::from_utf8_lossy(path)),
            "it is too long",
        ));
    }
    Ok(text)
}

/// Reads documents one after the other; `taken` is called after each and once at the end, and ends the reading with false.
fn each_document(
    input: impl Read,
    what: &str,
    mut taken: impl FnMut(&mut Batch, bool) -> Result<bool>,
) -> Result<()> {
    use backstay_mongodump::{LARGEST, SMALLEST, check};
    let mut input = BufReader::with_capacity(256 << 10, input);
    let mut batch = Batch::default();
    let mut document = Vec::new();
    let cut = || MongoError::damaged(what, "it ends in the middle of a document");
    loop {
        document.clear();
        let read = (&mut input)
            .take(4)
            .read_to_end(&mut document)
            .map_err(|error| MongoError::storage(what, &error))?;
        let Ok(length) = <[u8; 4]>::try_from(document.as_slice()) else {
            if read > 0 {
                return Err(cut());
            }
            return taken(&mut batch, true).map(drop);
        };
        let length = u32::from_le_bytes(length) as usize;
        if !(SMALLEST..=LARGEST).contains(&length) {
            return Err(MongoError::damaged(what, format!("a document of {length} bytes is said to follow")));
        }
        let rest = length as u64 - 4;
        let read = (&mut input)
            .take(rest)
            .read_to_end(&mut document)
            .map_err(|error| MongoError::storage(what, &error))?;
        if read as u64 != rest {
            return Err(cut());
        }
        check(&document, what)?;
        batch.add(&document)?;
        if !taken(&mut batch, false)? {
            return Ok(());
        }
    }
}

/// Reads the entries of an oplog one by one.
pub(super) fn each_entry(
    input: impl Read,
    what: &str,
    mut take: impl FnMut(RawDocumentBuf) -> Result<()>,
) -> Result<()> {
    each_document(input, what, |batch, _| {
        batch.bytes = 0;
        for entry in batch.documents.drain(..) {
            take(entry)?;
        }
        Ok(true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_series_with_a_long_name_is_found_as_it_is_named_and_as_it_was() {
        let long = "t".repeat(230);
        let series = Collection {
            database: "shop".to_owned(),
            name: long.clone(),
            kind: Kind::TimeSeries,
            options: mongodb::bson::Document::new(),
            indexes: Vec::new(),
            uuid: None,
        };
        let former = [&b"system.buckets."[..], &names::former_stem(&long), b".bson"].concat();
        for documents in [names::with_ending(&series.stored_as(), names::BSON), former] {
            let text = series.metadata();
            let metadata = [&b"shop/"[..], &names::with_ending(&long, names::METADATA)].concat();
            let documents = [&b"shop/"[..], &documents].concat();
            let paths = [metadata, documents.clone()];
            let open: OpenEntry = Arc::new(move |_| Ok(Box::new(io::Cursor::new(text.clone().into_bytes()))));
            let dump = EntriesDump::open(&paths, open).unwrap();
            assert_eq!(dump.collections.len(), 1);
            assert_eq!((&dump.collections[0].name, dump.collections[0].kind), (&long, Kind::TimeSeries));
            assert_eq!(dump.documents, [Some(documents)]);
        }
    }
}
