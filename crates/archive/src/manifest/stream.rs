//! Manifests as streams: a backup of millions of files is written and read without its list ever being in memory.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;
use std::rc::Rc;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{FORMAT, Item, Manifest};
use crate::ArchiveError;
use crate::error::is_damage;

/// The most bytes of JSON between two items, and before the first. More is no manifest, and would fill the memory.
const MOST_AT_ONCE: u64 = 16 << 20;

/// The items of a backup that is being made, in a file without a name.
pub(crate) struct ItemSpool {
    file: BufWriter<File>,
    count: u64,
    length: u64,
}

impl ItemSpool {
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let file = BufWriter::with_capacity(256 << 10, tempfile::tempfile_in(folder)?);
        Ok(Self { file, count: 0, length: 0 })
    }

    pub(crate) fn push(&mut self, item: &Item) -> io::Result<()> {
        let mut line = serde_json::to_vec(item)?;
        let before: &[u8] = if self.count == 0 { b"\n" } else { b",\n" };
        line.splice(0..0, before.iter().copied());
        self.count += 1;
        self.length += line.len() as u64;
        self.file.write_all(&line)
    }

    /// The whole manifest, to be read from its beginning, and its length in bytes.
    pub(crate) fn finish(self, manifest: &Manifest) -> io::Result<Spooled> {
        let mut head = serde_json::to_vec(manifest)?;
        // The closing brace goes behind the items.
        head.pop();
        head.extend_from_slice(b",\"entries\":[");
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        let tail: &[u8] = b"\n]}\n";
        let length = head.len() as u64 + self.length + tail.len() as u64;
        let items = BufReader::with_capacity(256 << 10, file).take(self.length);
        Ok(Spooled { length, reader: Box::new(io::Cursor::new(head).chain(items).chain(tail)) })
    }
}

/// A manifest with its items, ready to be read once.
pub(crate) struct Spooled {
    pub(crate) length: u64,
    pub(crate) reader: Box<dyn Read + Send>,
}

/// Reads a manifest, and hands its items on one by one.
///
/// # Errors
/// When it is no manifest of a format that is known, or cannot be read; and whatever `each` fails with.
pub fn read(
    reader: impl Read,
    what: &str,
    each: &mut dyn FnMut(Item) -> Result<(), ArchiveError>,
) -> Result<Manifest, ArchiveError> {
    let left = Rc::new(Cell::new(MOST_AT_ONCE));
    let bounded = Bounded { reader: BufReader::with_capacity(64 << 10, reader), left: Rc::clone(&left) };
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(8 << 10, bounded));
    let mut failed = None;
    let walk = Walk { each, failed: &mut failed, left: &left };
    let outcome = json.deserialize_map(walk).and_then(|head| json.end().map(|()| head));
    if let Some(error) = failed {
        return Err(error);
    }
    let head = outcome.map_err(|error| unreadable(what, error))?;
    let format = head.get("format").and_then(Value::as_u64).unwrap_or(0);
    if format > u64::from(FORMAT) {
        let found = u32::try_from(format).unwrap_or(u32::MAX);
        return Err(ArchiveError::Newer { what: what.to_owned(), found, known: FORMAT });
    }
    serde_json::from_value(Value::Object(head)).map_err(|error| unreadable(what, error))
}

fn unreadable(what: &str, error: serde_json::Error) -> ArchiveError {
    let why = format!("its manifest cannot be read: {error}");
    if error.is_io() {
        let cause = io::Error::from(error);
        if !is_damage(&cause) {
            return ArchiveError::io("read the manifest of", what)(cause);
        }
    }
    ArchiveError::damaged(what, why)
}

/// Gives up when too much comes at once.
struct Bounded<R> {
    reader: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        let left = self.left.get().checked_sub(read as u64);
        let too_much = || io::Error::new(io::ErrorKind::InvalidData, "a part of it is too long");
        self.left.set(left.ok_or_else(too_much)?);
        Ok(read)
    }
}

/// Collects the fields of a manifest, all but its items.
struct Walk<'a> {
    each: &'a mut dyn FnMut(Item) -> Result<(), ArchiveError>,
    failed: &'a mut Option<ArchiveError>,
    left: &'a Cell<u64>,
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a manifest")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut head = Map::new();
        let mut has_items = false;
        while let Some(key) = map.next_key::<String>()? {
            if key != "entries" {
                head.insert(key, map.next_value()?);
                continue;
            }
            if std::mem::replace(&mut has_items, true) {
                return Err(A::Error::custom("there are two lists of entries"));
            }
            map.next_value_seed(Items(&mut self))?;
        }
        Ok(head)
    }
}

struct Items<'a, 'b>(&'a mut Walk<'b>);

impl<'de> DeserializeSeed<'de> for Items<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        loop {
            self.0.left.set(MOST_AT_ONCE);
            let Some(item) = list.next_element::<Item>()? else { break };
            if let Err(error) = (self.0.each)(item) {
                *self.0.failed = Some(error);
                return Err(A::Error::custom("the reader has seen enough"));
            }
        }
        self.0.left.set(MOST_AT_ONCE);
        Ok(())
    }
}
