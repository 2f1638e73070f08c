//! Zip archives, written as a stream: folders as people know them, on every system.
//!
//! The format is that of PKWARE's APPNOTE 6.3.10, with the extra fields of Info-ZIP for times and numeric owners, and sizes of 64
//! bits where they are needed. A zip archive has no devices, pipes or attributes, and times to the second; for all of these there is
//! [`tar`](crate::tar).

use std::io::{self, Write};

use backstay_core::{EntryKind, Meta};
use rawzip::extra_fields::ExtraFieldId;
use rawzip::path::{EntryPath, ZipFilePath};
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, DataDescriptorOutput, ErrorKind, Header, ZipArchiveWriter, ZipFileBuilder};

use crate::press::{Codec, DEFLATE_LEVEL, Press, Pressing};

/// The type of a file in its mode, as `st_mode` has it.
const FILE: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const FOLDER: u32 = 0o040_000;

/// How the contents of files are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Not at all.
    Store,
    /// By deflate, at a level from 0 to 9.
    Deflate(u32),
    /// By zstd, at a level from 1 to 22. Method 93 of APPNOTE 6.3.10; each content is one frame.
    Zstd(i32),
}

impl Default for Method {
    fn default() -> Self {
        Self::Deflate(DEFLATE_LEVEL)
    }
}

/// An archive that is being written. Content is compressed on all cores.
pub struct Zip<W: Write> {
    archive: ZipArchiveWriter<W>,
    packer: Packer,
}

enum Packer {
    Store,
    Deflate(Press),
    Zstd { level: i32, threads: u32 },
}

/// The content of a file that is compressed already.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) method: CompressionMethod,
    pub(crate) bytes: Vec<u8>,
    pub(crate) crc: u32,
    /// Bytes before compression.
    pub(crate) size: u64,
}

impl<W: Write> Zip<W> {
    /// An archive that goes to `out`, from its beginning to its end.
    pub fn new(out: W) -> Self {
        Self::with(out, Method::default())
    }

    /// The same with contents that are compressed in this way.
    pub fn with(out: W, method: Method) -> Self {
        let packer = match method {
            Method::Store => Packer::Store,
            Method::Deflate(level) => Packer::Deflate(Press::new(Codec::Deflate(level))),
            Method::Zstd(level) => {
                let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
                // Each takes some eight MiB at a time.
                Packer::Zstd { level, threads: u32::try_from(cores.min(6)).unwrap_or(1) }
            }
        };
        Self { archive: ZipArchiveWriter::new(out), packer }
    }

    /// Adds a folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn folder(&mut self, path: &[u8], meta: &Meta) -> io::Result<()> {
        let path = [path, b"/"].concat();
        let mut folder = self
            .archive
            .new_dir(entry_path(&path))
            .last_modified(time(meta))
            .unix_permissions(FOLDER | permissions(meta));
        for (id, data, place) in extras(meta) {
            folder = folder.extra_field(id, &data, place).map_err(failed)?;
        }
        folder.create().map(drop).map_err(failed)
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn symlink(&mut self, path: &[u8], target: &[u8], meta: &Meta) -> io::Result<()> {
        let link = begin(&mut self.archive, path, meta, SYMLINK | 0o777)?;
        let (mut entry, config) = link.start().map_err(failed)?;
        let mut content = config.wrap(&mut entry);
        content.write_all(target)?;
        let (_, told) = content.finish().map_err(failed)?;
        entry.finish(told).map(drop).map_err(failed)
    }

    /// Adds a file, whose content `fill` writes. What it fails with is given back within; the archive is torn then.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub fn file<E>(
        &mut self,
        path: &[u8],
        meta: &Meta,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> io::Result<Result<(), E>> {
        let file = begin(&mut self.archive, path, meta, FILE | permissions(meta))?;
        let file = file.compression_method(match &self.packer {
            Packer::Store => CompressionMethod::STORE,
            Packer::Deflate(_) => CompressionMethod::DEFLATE,
            Packer::Zstd { .. } => CompressionMethod::ZSTD,
        });
        let (mut entry, config) = file.start().map_err(failed)?;
        let told = match &mut self.packer {
            Packer::Store => {
                let mut content = config.wrap(&mut entry);
                if let Err(error) = fill(&mut content) {
                    return Ok(Err(error));
                }
                content.finish().map_err(failed)?.1
            }
            Packer::Deflate(press) => {
                let mut content = config.wrap(Pressing::new(press, &mut entry));
                if let Err(error) = fill(&mut content) {
                    return Ok(Err(error));
                }
                let (pressing, told) = content.finish().map_err(failed)?;
                pressing.finish()?;
                told
            }
            Packer::Zstd { level, threads } => {
                let mut encoder = zstd::stream::write::Encoder::new(&mut entry, *level)?;
                encoder.multithread(*threads)?;
                let mut content = config.wrap(encoder);
                if let Err(error) = fill(&mut content) {
                    return Ok(Err(error));
                }
                let (encoder, told) = content.finish().map_err(failed)?;
                encoder.finish()?;
                told
            }
        };
        entry.finish(told).map(drop).map_err(failed)?;
        Ok(Ok(()))
    }

    /// Adds a file whose content is compressed already.
    pub(crate) fn ready(&mut self, path: &[u8], meta: &Meta, content: &Ready) -> io::Result<()> {
        let file = begin(&mut self.archive, path, meta, FILE | permissions(meta))?;
        let (mut entry, _) = file.compression_method(content.method).start().map_err(failed)?;
        entry.write_all(&content.bytes)?;
        let told = DataDescriptorOutput::new(content.crc, content.size);
        entry.finish(told).map(drop).map_err(failed)
    }

    /// Writes the list of what is in it. An archive without it is torn.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> io::Result<()> {
        self.into_output()?.flush()
    }

    /// The same, giving the output back.
    pub(crate) fn into_output(self) -> io::Result<W> {
        self.archive.finish().map_err(failed)
    }
}

/// Whether an archive can hold an item.
#[must_use]
pub const fn holds(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Folder | EntryKind::Symlink | EntryKind::File)
}

/// Begins an entry with content.
fn begin<'a, W: Write>(
    archive: &'a mut ZipArchiveWriter<W>,
    path: &'a [u8],
    meta: &Meta,
    mode: u32,
) -> io::Result<ZipFileBuilder<'a, 'a, W>> {
    let entry = archive.new_file(entry_path(path)).last_modified(time(meta)).unix_permissions(mode);
    extras(meta)
        .into_iter()
        .try_fold(entry, |entry, (id, data, place)| entry.extra_field(id, &data, place).map_err(failed))
}

fn failed(error: rawzip::Error) -> io::Error {
    match error.into_kind() {
        ErrorKind::IO(error) => error,
        kind => io::Error::other(rawzip::Error::from(kind)),
    }
}

const fn permissions(meta: &Meta) -> u32 {
    meta.permissions & 0o7777
}

fn time(meta: &Meta) -> UtcDateTime {
    UtcDateTime::from_unix(meta.modified.seconds)
}

/// A path as it stands in an archive.
pub(crate) fn written_path(path: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(path) {
        Ok(_) => path.to_vec(),
        Err(_) => String::from_utf8_lossy(path).into_owned().into_bytes(),
    }
}

/// A path as it is, but for names that are no text: these cannot be told in every archive program's encoding.
fn entry_path(path: &[u8]) -> EntryPath<'_> {
    match std::str::from_utf8(path) {
        // One with a colon or a backslash would be written as another one, as if it were of Windows. It goes without the mark that it is
        // UTF-8, so that other programs may show it in another encoding.
        Ok(text) if ZipFilePath::from_str(text).as_str() != text => EntryPath::verbatim(path),
        Ok(text) => EntryPath::conformant(text),
        Err(_) => EntryPath::conformant(String::from_utf8_lossy(path)),
    }
}

/// Further fields of an entry: its time where programs look for it that read the archive as a stream, and its owner.
fn extras(meta: &Meta) -> [(ExtraFieldId, Vec<u8>, Header); 2] {
    let seconds = u32::try_from(meta.modified.seconds.max(0)).unwrap_or(u32::MAX);
    // Info-ZIP's "extended timestamp": only the last change is told.
    let time = [&[1][..], &seconds.to_le_bytes()].concat();
    // Info-ZIP's "new Unix": version 1, then each id behind its length.
    let owner = [&[1, 4][..], &meta.uid.to_le_bytes(), &[4], &meta.gid.to_le_bytes()].concat();
    [
        (ExtraFieldId::EXTENDED_TIMESTAMP, time, Header::LOCAL),
        (ExtraFieldId::new(0x7875), owner, Header::default()),
    ]
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use backstay_core::Timestamp;

    use super::*;

    fn meta(permissions: u32) -> Meta {
        Meta {
            permissions,
            modified: Timestamp::utc(1_700_000_001, 5),
            uid: 1234,
            gid: 5678,
            ..Meta::default()
        }
    }

    fn archive() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut zip = Zip::new(&mut bytes);
        zip.folder("früh".as_bytes(), &meta(0o750)).unwrap();
        let content = b"many lines of text\n".repeat(200_000);
        let write = |out: &mut dyn Write| out.write_all(&content);
        zip.file("früh/long.txt".as_bytes(), &meta(0o640), write).unwrap().unwrap();
        zip.file(b"empty", &meta(0o600), |_| Ok::<_, io::Error>(())).unwrap().unwrap();
        zip.file(b"no \xff text", &meta(0o600), |out| out.write_all(b"x")).unwrap().unwrap();
        for name in ["back\\slash", "cur/17:2,S", "12:30 früh", "a..b/.c"] {
            zip.file(name.as_bytes(), &meta(0o600), |out| out.write_all(b"y")).unwrap().unwrap();
        }
        zip.symlink(b"link", b"../else/where", &meta(0o777)).unwrap();
        zip.finish().unwrap();
        bytes
    }

    #[test]
    fn another_program_finds_what_was_put_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.zip");
        std::fs::write(&path, archive()).unwrap();
        let script = r#"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    for item in archive.infolist():
        content = archive.read(item)
        print(ascii(item.filename), oct(item.external_attr >> 16), item.date_time, len(content), content[:13].decode())
"#;
        let told = Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
        let lines = String::from_utf8(told.stdout).unwrap();
        let time = "(2023, 11, 14, 22, 13, 20)";
        let expected = [
            format!(r"'fr\xfch/' 0o40750 {time} 0 "),
            format!(r"'fr\xfch/long.txt' 0o100640 {time} 3800000 many lines of"),
            format!("'empty' 0o100600 {time} 0 "),
            format!(r"'no \ufffd text' 0o100600 {time} 1 x"),
            format!(r"'back\\slash' 0o100600 {time} 1 y"),
            format!("'cur/17:2,S' 0o100600 {time} 1 y"),
            // Python takes it for code page 437.
            format!(r"'12:30 fr\u251c\u255dh' 0o100600 {time} 1 y"),
            format!("'a..b/.c' 0o100600 {time} 1 y"),
            format!("'link' 0o120777 {time} 13 ../else/where"),
        ];
        assert_eq!(lines.lines().collect::<Vec<_>>(), expected, "{}", String::from_utf8_lossy(&told.stderr));
    }

    #[test]
    fn a_file_that_fails_gives_its_reason_back() {
        let mut zip = Zip::new(Vec::new());
        let failed = zip.file(b"damaged", &meta(0o600), |_| Err("it is damaged")).unwrap();
        assert_eq!(failed, Err("it is damaged"));
    }
}
