//! Reading tar archives, from their beginning to their end.

use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;
use std::sync::Arc;

use backstay_core::{EntryKind, Meta, Timestamp, Xattr};
use tar::{Entries, Entry, EntryType, Header};

use super::input::{Cursor, ReadAt};
use super::visit::{Each, MANIFEST_EXPECTED, Stored, missing, other};
use super::{Archive, Kind, path};
use crate::ArchiveError;
use crate::create::{TRAILER, TRAILER_MAGIC, TRAILER_TAG};
use crate::error::is_damage;
use crate::manifest::{self, INSIDE, Item, ItemKind, Manifest};

/// The most bytes of headers before an entry. More is no header, and would fill the memory.
const MOST_HEADERS: u64 = 8 << 20;

/// The bytes of a tar archive, with a limit on what is read as headers.
struct Source {
    reader: Box<dyn Read>,
    left: Rc<Cell<u64>>,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        let left = self.left.get().checked_sub(read as u64);
        let too_long = || io::Error::new(io::ErrorKind::InvalidData, "a header in it is too long");
        self.left.set(left.ok_or_else(too_long)?);
        Ok(read)
    }
}

fn decoded(archive: &Archive, from: u64) -> Result<Box<dyn Read>, ArchiveError> {
    let cursor = Cursor::range(Arc::clone(&archive.plain), from, u64::MAX);
    let cursor = BufReader::with_capacity(256 << 10, cursor);
    Ok(match archive.kind {
        Kind::TarZst => {
            let decoder = zstd::stream::read::Decoder::with_buffer(cursor);
            Box::new(decoder.map_err(ArchiveError::io("read", archive.label()))?)
        }
        _ => Box::new(cursor),
    })
}

/// Where the manifest's frame begins, as the last frame tells it.
pub(super) fn find_manifest(input: &Arc<dyn ReadAt>, what: &str) -> Result<Option<u64>, ArchiveError> {
    let Some(from) = input.size().checked_sub(TRAILER as u64) else { return Ok(None) };
    let mut trailer = Vec::with_capacity(TRAILER);
    let mut cursor = Cursor::range(Arc::clone(input), from, u64::MAX);
    cursor.read_to_end(&mut trailer).map_err(ArchiveError::io("read", what))?;
    let mut expected = TRAILER_MAGIC.to_le_bytes().to_vec();
    expected.extend_from_slice(&16_u32.to_le_bytes());
    expected.extend_from_slice(TRAILER_TAG);
    let place = trailer.strip_prefix(expected.as_slice()).and_then(|place| place.try_into().ok());
    Ok(place.map(u64::from_le_bytes))
}

/// The text of the manifest, from the frame that it begins.
pub(super) fn manifest_text(archive: &Archive, from: u64) -> Result<Box<dyn Read>, ArchiveError> {
    let what = archive.label();
    let mut reader = decoded(archive, from)?;
    let mut header = Header::new_ustar();
    reader.read_exact(header.as_mut_bytes()).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => ArchiveError::damaged(what, MANIFEST_EXPECTED),
        _ => ArchiveError::io("read", what)(error),
    })?;
    if &*header.path_bytes() != INSIDE.as_bytes() {
        return Err(ArchiveError::damaged(what, MANIFEST_EXPECTED));
    }
    let size = header.entry_size().map_err(|error| ArchiveError::damaged(what, error.to_string()))?;
    Ok(Box::new(ToTheEnd { left: size, reader }))
}

/// Gives so many bytes, and reads all behind them too, as a checksum comes last.
struct ToTheEnd {
    left: u64,
    reader: Box<dyn Read>,
}

impl Read for ToTheEnd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return io::copy(&mut self.reader, &mut io::sink()).map(|_| 0);
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.reader.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.left -= count as u64;
        if count == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(count)
    }
}

/// One entry after the other.
struct Reader<'a> {
    entries: Entries<'a, Source>,
    left: Rc<Cell<u64>>,
    what: &'a str,
}

impl<'a> Reader<'a> {
    /// The next entry, once the one before was read to its end.
    fn next(&mut self) -> Result<Option<Entry<'a, Source>>, ArchiveError> {
        self.left.set(MOST_HEADERS);
        let next = self.entries.next().transpose();
        self.left.set(u64::MAX);
        next.map_err(|error| failed(error, self.what))
    }
}

fn failed(error: io::Error, what: &str) -> ArchiveError {
    match is_damage(&error) {
        true => ArchiveError::damaged(what, error.to_string()),
        false => ArchiveError::io("read", what)(error),
    }
}

fn drain(entry: &mut Entry<'_, Source>, what: &str) -> Result<(), ArchiveError> {
    io::copy(entry, &mut io::sink()).map(drop).map_err(|error| failed(error, what))
}

/// Goes through all items as the manifest tells them, with the contents that lie in this archive.
pub(super) fn visit_by_manifest(archive: &Archive, each: Each<'_>) -> Result<Manifest, ArchiveError> {
    let what = archive.label();
    let left = Rc::new(Cell::new(MOST_HEADERS));
    let source = Source { reader: decoded(archive, 0)?, left: Rc::clone(&left) };
    let mut tar = tar::Archive::new(source);
    let entries = tar.entries().map_err(|error| failed(error, what))?;
    let mut reader = Reader { entries, left, what };
    let manifest = manifest::read(archive.manifest_text()?, what, &mut |item| {
        let is_elsewhere = item.kind == ItemKind::File && item.archive.is_some();
        if is_elsewhere || matches!(item.kind, ItemKind::Socket | ItemKind::Irregular) {
            return each(&item, Stored::Elsewhere);
        }
        let Some(mut entry) = reader.next()? else { return Err(missing(what, &item)) };
        let found = entry.path_bytes().into_owned();
        if found.strip_suffix(b"/").unwrap_or(&found) != item.path.0 {
            return Err(other(what, &item, &found));
        }
        let has_content = item.kind == ItemKind::File && entry.header().entry_type() != EntryType::Link;
        let outcome = match has_content {
            true => each(&item, Stored::Content(&mut entry)),
            false => each(&item, Stored::Here),
        };
        outcome.and_then(|()| drain(&mut entry, what))
    })?;
    match reader.next()? {
        Some(mut entry) if &*entry.path_bytes() == INSIDE.as_bytes() => drain(&mut entry, what)?,
        _ => return Err(ArchiveError::damaged(what, MANIFEST_EXPECTED)),
    }
    if reader.next()?.is_some() {
        return Err(ArchiveError::damaged(what, "it has an entry behind its manifest"));
    }
    drop(reader);
    io::copy(&mut tar.into_inner(), &mut io::sink()).map_err(|error| failed(error, what))?;
    Ok(manifest)
}

/// Goes through the entries of an archive without a manifest.
pub(super) fn visit_entries(archive: &Archive, each: Each<'_>) -> Result<(), ArchiveError> {
    let what = archive.label();
    let left = Rc::new(Cell::new(MOST_HEADERS));
    let source = Source { reader: decoded(archive, 0)?, left: Rc::clone(&left) };
    let mut tar = tar::Archive::new(source);
    let entries = tar.entries().map_err(|error| failed(error, what))?;
    let mut reader = Reader { entries, left, what };
    while let Some(mut entry) = reader.next()? {
        if let Some(item) = described(&mut entry, what)? {
            let has_content = item.kind == ItemKind::File && item.hard_link.is_none();
            match has_content {
                true => each(&item, Stored::Content(&mut entry))?,
                false => each(&item, Stored::Here)?,
            }
        }
        drain(&mut entry, what)?;
    }
    Ok(())
}

/// An entry's header as an item; `None` for the root and for what is no item.
fn described(entry: &mut Entry<'_, Source>, what: &str) -> Result<Option<Item>, ArchiveError> {
    let kind = match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse | EntryType::Link => {
            EntryKind::File
        }
        EntryType::Directory => EntryKind::Folder,
        EntryType::Symlink => EntryKind::Symlink,
        EntryType::Char => EntryKind::CharDevice,
        EntryType::Block => EntryKind::BlockDevice,
        EntryType::Fifo => EntryKind::Fifo,
        _ => return Ok(None),
    };
    let path = path::relative(&entry.path_bytes()).to_vec();
    if path.is_empty() {
        return Ok(None);
    }
    let link = entry.link_name_bytes().map(std::borrow::Cow::into_owned);
    let mut modified = None;
    let mut xattrs = Vec::new();
    if let Some(records) = entry.pax_extensions().map_err(|error| failed(error, what))? {
        for record in records.flatten() {
            match (record.key(), record.value_bytes()) {
                (Ok("mtime"), value) => modified = std::str::from_utf8(value).ok().and_then(decimal),
                (Ok(key), value) => {
                    if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
                        xattrs.push(Xattr { name: name.to_owned(), value: value.to_vec() });
                    }
                }
                (Err(_), _) => {}
            }
        }
    }
    let header = entry.header();
    let number = |value: io::Result<u64>| value.ok().and_then(|value| u32::try_from(value).ok()).unwrap_or(0);
    let text = |value: Option<&[u8]>| value.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let (major, minor) = (header.device_major().ok().flatten(), header.device_minor().ok().flatten());
    let seconds = header.mtime().ok().and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(0);
    let is_link = header.entry_type() == EntryType::Link;
    let meta = Meta {
        kind,
        permissions: header.mode().unwrap_or(0o600) & 0o7777,
        modified: modified.unwrap_or(Timestamp::utc(seconds, 0)),
        uid: number(header.uid()),
        gid: number(header.gid()),
        user: text(header.username_bytes()).unwrap_or_default().into(),
        group: text(header.groupname_bytes()).unwrap_or_default().into(),
        size: if is_link { 0 } else { entry.size() },
        link_target: link.clone().filter(|_| kind == EntryKind::Symlink),
        device: match (major, minor) {
            (Some(major), Some(minor)) => rustix::fs::makedev(major, minor),
            _ => 0,
        },
        xattrs,
        ..Meta::default()
    };
    let mut item = Item { changed: None, ..Item::new(&path, &meta) };
    if is_link {
        let target = link.unwrap_or_default();
        item.hard_link = Some(path::relative(&target).into());
    }
    Ok(Some(item))
}

/// A time of an extended record: seconds, with or without a fraction, negative as a whole before 1970.
fn decimal(text: &str) -> Option<Timestamp> {
    let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let nanos: u32 = digits.parse().ok()?;
    Some(match (is_negative, nanos) {
        (false, nanos) => Timestamp::utc(seconds, nanos),
        (true, 0) => Timestamp::utc(seconds.checked_neg()?, 0),
        (true, nanos) => Timestamp::utc(seconds.checked_neg()?.checked_sub(1)?, 1_000_000_000 - nanos),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_times_are_read() {
        for (text, seconds, nanos) in [
            ("12", 12, 0),
            ("12.5", 12, 500_000_000),
            ("-5.000000000", -5, 0),
            ("-4.999999999", -5, 1),
            ("-0.5", -1, 500_000_000),
            ("1.1234567899", 1, 123_456_789),
        ] {
            assert_eq!(decimal(text), Some(Timestamp::utc(seconds, nanos)), "{text}");
        }
        assert_eq!((decimal("x"), decimal("1.x"), decimal("")), (None, None, None));
    }
}
