//! The formats, as an archive is written in them.

use std::borrow::Cow;
use std::io::{self, BufReader, Read, Write};

use backstay_core::{EntryKind, FileId, Meta};
use rawzip::CompressionMethod;
use tar::Builder;

use super::dump::Dump;
use super::outer::Outer;
use super::packer::Packed;
use super::{Intake, Settings};
use crate::manifest::{Format, INSIDE, Manifest, Spooled};
use crate::press::{Codec, Press, Pressing, State};
use crate::tar::header::{Form, Head};
use crate::zip::{Method, Ready, Zip};

/// The last frame of a tar.zst archive: a frame that decompressors skip (RFC 8878, section 3.1.2), with this tag and the place of the
/// frame that the manifest's entry begins with.
pub(crate) const TRAILER_MAGIC: u32 = 0x184D_2A5B;
pub(crate) const TRAILER_TAG: &[u8; 8] = b"BACKSTAY";
/// The trailer's length in bytes.
pub(crate) const TRAILER: usize = 24;

/// Copies go in pieces of this size.
const PIECE: usize = 256 << 10;

pub(super) enum Body {
    Zip(Box<Zip<Outer>>),
    Tar(Box<Builder<Pressing<Press, Outer>>>),
    Dump(Box<Dump>),
}

/// The content of a small file, read already.
pub(super) struct Small {
    pub(super) bytes: Vec<u8>,
    pub(super) packed: Option<Ready>,
}

impl Body {
    pub(super) fn new(outer: Outer, settings: &Settings, manifest: &Manifest) -> io::Result<Self> {
        Ok(match settings.format {
            Format::Zip => Self::Zip(Box::new(Zip::with(outer, settings.method()))),
            Format::TarZst => {
                let press = Press::new(Codec::Zstd(settings.zstd_level()));
                Self::Tar(Box::new(Builder::new(Pressing::new(press, outer))))
            }
            Format::Mongodump => Self::Dump(Box::new(Dump::new(outer, settings, manifest)?)),
        })
    }

    /// Writes an item without content.
    pub(super) fn plain(&mut self, path: &[u8], meta: &Meta) -> io::Result<()> {
        match self {
            Self::Zip(zip) => match (meta.kind, &meta.link_target) {
                (EntryKind::Folder, _) => zip.folder(path, meta),
                (EntryKind::Symlink, Some(target)) => zip.symlink(path, target, meta),
                _ => Ok(()),
            },
            Self::Tar(tar) => append(tar, path, meta, Form::Plain { size: 0 }, io::empty()),
            // Its folders are the databases of its namespaces.
            Self::Dump(_) => Ok(()),
        }
    }

    /// Writes another name of a file that is in the archive. Only for tar.
    pub(super) fn hard_link(&mut self, path: &[u8], meta: &Meta, original: &[u8]) -> io::Result<()> {
        match self {
            Self::Zip(_) | Self::Dump(_) => Err(io::Error::other("the archive's format has no hard links")),
            Self::Tar(tar) => append(tar, path, meta, Form::HardLink(original), io::empty()),
        }
    }

    /// Writes a file whose content is at hand.
    pub(super) fn small(&mut self, path: &[u8], meta: &Meta, content: &Small) -> io::Result<()> {
        match (self, &content.packed) {
            (Self::Zip(zip), Some(packed)) => zip.ready(path, meta, packed),
            (Self::Zip(zip), None) => zip.file(path, meta, |out| out.write_all(&content.bytes))?,
            (Self::Tar(tar), _) => {
                let size = content.bytes.len() as u64;
                append(tar, path, meta, Form::Plain { size }, &content.bytes[..])
            }
            (Self::Dump(dump), _) => dump.file(path, &mut &content.bytes[..]),
        }
    }

    /// Writes a file as it is read.
    pub(super) fn large(&mut self, path: &[u8], meta: &Meta, intake: &mut Intake<'_>) -> io::Result<()> {
        match self {
            Self::Zip(zip) => zip.file(path, meta, |out| copy(intake, out))?,
            Self::Tar(tar) => {
                let content = BufReader::with_capacity(PIECE, intake);
                append(tar, path, meta, Form::Plain { size: meta.size }, content)
            }
            Self::Dump(dump) => dump.file(path, intake),
        }
    }

    /// Writes documents of MongoDB that are compressed already. Only for dumps.
    pub(super) fn packed(&mut self, path: &[u8], packed: Packed) -> io::Result<()> {
        match self {
            Self::Zip(_) | Self::Tar(_) => Err(io::Error::other("the archive's format holds no documents")),
            Self::Dump(dump) => dump.packed(path, packed),
        }
    }

    /// Writes the manifest and the archive's end.
    pub(super) fn finish(self, manifest: Spooled, meta: &Meta) -> io::Result<(u64, FileId)> {
        let Spooled { length, mut reader } = manifest;
        let path = INSIDE.as_bytes();
        match self {
            Self::Zip(mut zip) => {
                zip.file(path, meta, |out| copy(&mut reader, out))??;
                zip.into_output()?.finish()
            }
            Self::Tar(mut tar) => {
                let place = tar.get_mut().cut()?.count();
                let meta = Meta { size: length, ..meta.clone() };
                append(&mut tar, path, &meta, Form::Plain { size: length }, reader)?;
                let mut outer = tar.into_inner()?.finish()?;
                let mut trailer = Vec::with_capacity(TRAILER);
                trailer.extend_from_slice(&TRAILER_MAGIC.to_le_bytes());
                trailer.extend_from_slice(&16_u32.to_le_bytes());
                trailer.extend_from_slice(TRAILER_TAG);
                trailer.extend_from_slice(&place.to_le_bytes());
                outer.write_all(&trailer)?;
                outer.finish()
            }
            Self::Dump(dump) => dump.finish(&mut reader),
        }
    }
}

fn append(
    tar: &mut Builder<impl Write>,
    path: &[u8],
    meta: &Meta,
    form: Form<'_>,
    content: impl Read,
) -> io::Result<()> {
    let head = Head::new(path, meta, form)
        .ok_or_else(|| io::Error::other("a tar archive cannot hold an item of this kind"))?;
    tar.append_pax_extensions(head.records.iter().map(|(key, value)| (key.as_str(), value.as_slice())))?;
    tar.append(&head.header, content)
}

fn copy(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(buffer.get(..count).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Compresses a small content for a zip archive; what does not get smaller stays as it is.
pub(super) fn pack(method: Method, packer: &mut Option<State>, bytes: &[u8]) -> io::Result<Ready> {
    let crc = crc32fast::hash(bytes);
    let size = bytes.len() as u64;
    let (codec, zip_method) = match method {
        Method::Store => (None, CompressionMethod::STORE),
        Method::Deflate(level) => (Some(Codec::Deflate(level)), CompressionMethod::DEFLATE),
        Method::Zstd(level) => (Some(Codec::Zstd(level)), CompressionMethod::ZSTD),
    };
    let packed = match codec.filter(|_| !bytes.is_empty()) {
        None => Cow::Borrowed(bytes),
        Some(codec) => {
            let state = match packer {
                Some(state) => state,
                none => none.insert(State::new(codec)?),
            };
            Cow::Owned(state.press(bytes, true)?)
        }
    };
    if packed.len() >= bytes.len() {
        return Ok(Ready { method: CompressionMethod::STORE, bytes: bytes.to_vec(), crc, size });
    }
    Ok(Ready { method: zip_method, bytes: packed.into_owned(), crc, size })
}
