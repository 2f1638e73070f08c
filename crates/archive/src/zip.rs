//! Zip archives, written as a stream: folders as people know them, on every system.
//!
//! A zip archive has no devices, pipes, owners or attributes; its times are local and to two seconds. For all of these there is
//! [`tar`](crate::tar).

use std::io::Write;

use ::zip::result::ZipError;
use ::zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};
use backstay_core::{EntryKind, Meta};

/// An archive that is being written.
pub struct Zip<W: Write> {
    writer: ZipWriter<StreamWriter<W>>,
}

impl<W: Write> Zip<W> {
    /// An archive that goes to `out`, from its beginning to its end.
    pub fn new(out: W) -> Self {
        Self { writer: ZipWriter::new_stream(out) }
    }

    /// Adds a folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn folder(&mut self, path: &[u8], meta: &Meta) -> std::io::Result<()> {
        let name = String::from_utf8_lossy(path);
        self.writer.add_directory(name, options(meta)).map_err(failed)
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn symlink(&mut self, path: &[u8], target: &[u8], meta: &Meta) -> std::io::Result<()> {
        let (name, target) = (String::from_utf8_lossy(path), String::from_utf8_lossy(target));
        self.writer.add_symlink(name, target, options(meta)).map_err(failed)
    }

    /// Begins a file; what is written to the writer that this gives is its content.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn file(&mut self, path: &[u8], meta: &Meta) -> std::io::Result<&mut dyn Write> {
        self.writer.start_file(String::from_utf8_lossy(path), options(meta)).map_err(failed)?;
        Ok(&mut self.writer)
    }

    /// Writes the list of what is in it. An archive without it is torn.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> std::io::Result<()> {
        self.writer.finish().map(drop).map_err(failed)
    }
}

/// Whether an archive can hold an item.
#[must_use]
pub const fn holds(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Folder | EntryKind::Symlink | EntryKind::File)
}

fn failed(error: ZipError) -> std::io::Error {
    match error {
        ZipError::Io(error) => error,
        error => std::io::Error::other(error),
    }
}

fn options(meta: &Meta) -> SimpleFileOptions {
    let options = SimpleFileOptions::default()
        .compression_method(::zip::CompressionMethod::Deflated)
        .unix_permissions(meta.permissions & 0o777)
        .large_file(meta.size >= u64::from(u32::MAX));
    match time(meta) {
        Some(time) => options.last_modified_time(time),
        None => options,
    }
}

/// The local time, which is all that zip knows. `None` outside of the years 1980 to 2107.
fn time(meta: &Meta) -> Option<::zip::DateTime> {
    let local = meta.modified.seconds.checked_add(i64::from(meta.modified.offset))?;
    let time = jiff::Timestamp::from_second(local).ok()?.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let part = |number: i8| u8::try_from(number).ok();
    ::zip::DateTime::from_date_and_time(
        u16::try_from(time.year()).ok()?,
        part(time.month())?,
        part(time.day())?,
        part(time.hour())?,
        part(time.minute())?,
        part(time.second())?,
    )
    .ok()
}
