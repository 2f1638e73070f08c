//! Reading zip archives, by the list at their end.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use backstay_core::EntryKind;
use rawzip::time::ZipDateTimeKind;
use rawzip::{CompressionMethod, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ZipArchive, ZipArchiveEntryWayfinder};

use super::input::{At, Cursor, ReadAt};
use super::visit::{Each, MANIFEST_EXPECTED, Stored};
use super::{Archive, path};
use crate::ArchiveError;
use crate::manifest::{self, INSIDE, Item, ItemKind, Manifest};
use crate::zip::written_path;

/// Where symbolic links may point, in bytes.
const LONGEST_TARGET: u64 = 65_536;

/// Where the manifest lies in a zip archive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    from: u64,
    to: u64,
    method: CompressionMethod,
    /// The CRC-32 of the content, to be compared when it is read to its end.
    crc: Option<u32>,
}

/// Compares the CRC-32 of a content at its end.
struct Summed<R> {
    reader: R,
    sum: crc32fast::Hasher,
    expected: u32,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.sum.update(buffer.get(..count).unwrap_or_default());
        if count == 0 && !buffer.is_empty() && self.sum.clone().finalize() != self.expected {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its CRC-32 is not what it should be"));
        }
        Ok(count)
    }
}

fn open(input: &Arc<dyn ReadAt>, what: &str) -> Result<ZipArchive<At>, ArchiveError> {
    let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
    let size = input.size();
    let located = rawzip::ZipLocator::new().locate_in_reader(At(Arc::clone(input)), &mut buffer, size);
    located.map_err(|(_, error)| failed(error, what))
}

fn failed(error: rawzip::Error, what: &str) -> ArchiveError {
    match error.into_kind() {
        rawzip::ErrorKind::IO(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            ArchiveError::io("read", what)(error)
        }
        kind => ArchiveError::damaged(what, rawzip::Error::from(kind).to_string()),
    }
}

/// Looks for the manifest.
pub(super) fn find_manifest(input: &Arc<dyn ReadAt>, what: &str) -> Result<Option<Place>, ArchiveError> {
    let zip = open(input, what)?;
    let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let mut entries = zip.entries(&mut buffer);
    let mut found = None;
    while let Some(header) = entries.next_entry().map_err(|error| failed(error, what))? {
        if header.file_path().as_ref() == INSIDE.as_bytes() {
            found = Some((header.wayfinder(), header.compression_method(), header.crc32()));
        }
    }
    let manifest = |(way, method, crc)| Ok(Place { crc: Some(crc), ..place(&zip, way, method, what)? });
    found.map(manifest).transpose()
}

fn place(
    zip: &ZipArchive<At>,
    way: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
    what: &str,
) -> Result<Place, ArchiveError> {
    let (from, to) = zip.get_entry(way).map_err(|error| failed(error, what))?.compressed_data_range();
    Ok(Place { from, to, method, crc: None })
}

/// The content of an entry.
pub(super) fn content(
    input: &Arc<dyn ReadAt>,
    place: Place,
    what: &str,
) -> Result<Box<dyn Read + Send>, ArchiveError> {
    let packed = BufReader::with_capacity(64 << 10, Cursor::range(Arc::clone(input), place.from, place.to));
    let content: Box<dyn Read + Send> = match place.method {
        CompressionMethod::STORE => Box::new(packed),
        CompressionMethod::DEFLATE => Box::new(flate2::bufread::DeflateDecoder::new(packed)),
        CompressionMethod::ZSTD => {
            let decoder = zstd::stream::read::Decoder::with_buffer(packed);
            Box::new(decoder.map_err(ArchiveError::io("read", what))?)
        }
        other => {
            let name = other.name().unwrap_or("unknown");
            let number = other.as_u16();
            return Err(ArchiveError::damaged(
                what,
                format!("it has a content compressed by method {number} ({name}), which is not known here"),
            ));
        }
    };
    Ok(match place.crc {
        None => content,
        Some(expected) => Box::new(Summed { reader: content, sum: crc32fast::Hasher::new(), expected }),
    })
}

/// Goes through all items as the manifest tells them, with the contents that lie in this archive.
pub(super) fn visit_by_manifest(archive: &Archive, each: Each<'_>) -> Result<Manifest, ArchiveError> {
    let what = archive.label();
    let zip = open(&archive.plain, what)?;
    let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let mut entries = zip.entries(&mut buffer);
    let mut end = 0;
    let manifest = manifest::read(archive.manifest_text()?, what, &mut |item| {
        if !is_stored(&item) {
            return each(&item, Stored::Elsewhere);
        }
        let Some(header) = entries.next_entry().map_err(|error| failed(error, what))? else {
            return Err(super::visit::missing(what, &item));
        };
        let found = header.file_path();
        let found = found.as_ref().strip_suffix(b"/").unwrap_or(found.as_ref());
        if std::str::from_utf8(&item.path.0).is_ok() && found != written_path(&item.path.0) {
            return Err(super::visit::other(what, &item, found));
        }
        let (way, method) = (header.wayfinder(), header.compression_method());
        let place = place(&zip, way, method, what)?;
        // Contents that share bytes would make much out of little.
        if place.from < end {
            return Err(ArchiveError::damaged(what, "contents of its entries lie over one another"));
        }
        end = place.to;
        if item.kind != ItemKind::File {
            return each(&item, Stored::Here);
        }
        let mut content = content(&archive.plain, place, what)?;
        each(&item, Stored::Content(&mut content))
    })?;
    let last = entries.next_entry().map_err(|error| failed(error, what))?;
    if last.is_none_or(|header| header.file_path().as_ref() != INSIDE.as_bytes()) {
        return Err(ArchiveError::damaged(what, MANIFEST_EXPECTED));
    }
    if entries.next_entry().map_err(|error| failed(error, what))?.is_some() {
        return Err(ArchiveError::damaged(what, "it has an entry behind its manifest"));
    }
    Ok(manifest)
}

/// Whether an item of the manifest has an entry.
const fn is_stored(item: &Item) -> bool {
    match item.kind {
        ItemKind::File => item.archive.is_none(),
        ItemKind::Folder => true,
        ItemKind::Symlink => item.target.is_some(),
        _ => false,
    }
}

/// Goes through the entries of an archive without a manifest.
pub(super) fn visit_entries(archive: &Archive, each: Each<'_>) -> Result<(), ArchiveError> {
    let what = archive.label();
    let zip = open(&archive.plain, what)?;
    let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let mut entries = zip.entries(&mut buffer);
    let mut ranges = Vec::new();
    while let Some(header) = entries.next_entry().map_err(|error| failed(error, what))? {
        let raw = header.file_path();
        let is_folder = raw.is_dir();
        let path = path::relative(raw.as_ref()).to_vec();
        if path.is_empty() {
            continue;
        }
        let (way, method) = (header.wayfinder(), header.compression_method());
        let (mode, time) = (header.mode(), seconds(&header.last_modified()));
        if header.flags().is_encrypted() {
            return Err(ArchiveError::damaged(
                what,
                "it is encrypted by zip's own means, which is not read here",
            ));
        }
        let kind = match () {
            () if is_folder => EntryKind::Folder,
            () if mode.is_symlink() => EntryKind::Symlink,
            () => EntryKind::File,
        };
        let meta = backstay_core::Meta {
            kind,
            permissions: match mode.value() & 0o7777 {
                0 if is_folder => 0o755,
                0 => 0o644,
                bits => bits,
            },
            modified: backstay_core::Timestamp::utc(time, 0),
            size: way.uncompressed_size_hint(),
            ..backstay_core::Meta::default()
        };
        let mut item = Item { changed: None, ..Item::new(&path, &meta) };
        if kind == EntryKind::Folder {
            each(&item, Stored::Here)?;
            continue;
        }
        let place = place(&zip, way, method, what)?;
        ranges.push((place.from, place.to));
        let verify = |content| {
            let entry = zip.get_entry(way).map_err(|error| failed(error, what))?;
            Ok::<_, ArchiveError>(entry.verifying_reader(content))
        };
        let mut content = verify(content(&archive.plain, place, what)?)?;
        if kind == EntryKind::Symlink {
            let mut target = Vec::new();
            (&mut content)
                .take(LONGEST_TARGET)
                .read_to_end(&mut target)
                .map_err(|error| ArchiveError::damaged(what, error.to_string()))?;
            item.target = Some(target.as_slice().into());
            each(&item, Stored::Here)?;
        } else {
            each(&item, Stored::Content(&mut content))?;
        }
    }
    ranges.sort_unstable();
    let overlaps = |pair: &[(u64, u64)]| matches!(pair, [(_, end), (begin, _)] if begin < end);
    if ranges.windows(2).any(overlaps) {
        return Err(ArchiveError::damaged(what, "contents of its entries lie over one another"));
    }
    Ok(())
}

fn seconds(time: &ZipDateTimeKind) -> i64 {
    let small = |value: u8| i8::try_from(value).unwrap_or(1);
    let date = jiff::civil::DateTime::new(
        i16::try_from(time.year()).unwrap_or(1980),
        small(time.month()),
        small(time.day()),
        small(time.hour()),
        small(time.minute()),
        small(time.second()),
        0,
    );
    let zoned = date.ok().and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok());
    zoned.map_or(0, |zoned| zoned.timestamp().as_second())
}
