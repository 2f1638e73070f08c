//! Reading archives: our own, and those of other programs.
//!
//! What an archive is shows by how it begins, not by its name. Nothing in it is believed: paths that lead elsewhere, contents that
//! are longer than they say or lie over one another, headers without end, and names that come twice are refused, and memory does
//! not grow with what an archive says of itself, but for some bytes for each item.

mod dump;
mod extract;
mod input;
mod path;
mod tar;
mod verify;
mod visit;
mod zip;

use std::io::Read;
use std::sync::Arc;

use backstay_core::Control;

pub use self::extract::{ExtractOptions, ExtractReport, Limits, extract};
pub use self::input::{FileInput, ReadAt, StoreInput};
pub use self::verify::{Problem, VerifyReport, verify, verify_file};
pub use self::visit::{Each, Stored};
use crate::carrier::Places;
use crate::crypt::{self, Identities};
use crate::manifest::{self, Item, Link, Manifest};
use crate::{ArchiveError, hashing};

/// An archive that is open for reading.
pub struct Archive {
    label: String,
    /// The file as it is.
    raw: Arc<dyn ReadAt>,
    /// The same, decrypted if it is encrypted.
    plain: Arc<dyn ReadAt>,
    kind: Kind,
    is_encrypted: bool,
    place: Option<Place>,
}

/// What an archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A zip archive.
    Zip,
    /// A tar archive, compressed by zstd.
    TarZst,
    /// A tar archive as it is.
    Tar,
    /// An archive of `mongodump`, compressed by gzip or not.
    Mongodump,
}

/// Where the manifest lies.
#[derive(Debug, Clone, Copy)]
enum Place {
    Zip(zip::Place),
    Tar(u64),
    Dump(Places),
}

/// Opens the archives that another one needs.
pub trait Neighbours {
    /// The archive of this id; its name may have changed since.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    fn open(&self, link: &Link) -> Result<Archive, ArchiveError>;
}

/// No other archives.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Neighbours for Alone {
    fn open(&self, link: &Link) -> Result<Archive, ArchiveError> {
        Err(ArchiveError::Parent(format!("where {} lies is not known", link.name)))
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive")
            .field("label", &self.label)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Archive {
    /// Opens an archive; `label` is what messages call it.
    ///
    /// # Errors
    /// When it is no archive, is damaged, or is encrypted and no identity opens it.
    pub fn open(
        raw: Arc<dyn ReadAt>,
        label: impl Into<String>,
        identities: &Identities,
    ) -> Result<Self, ArchiveError> {
        let label = label.into();
        let is_encrypted = begins_with(&raw, 0, crypt::MAGIC, &label)?;
        let plain: Arc<dyn ReadAt> = match is_encrypted {
            true => Arc::new(input::Decrypted::open(Arc::clone(&raw), identities, &label)?),
            false => Arc::clone(&raw),
        };
        let kind = kind(&plain, &label)?.ok_or_else(|| ArchiveError::Unknown(label.clone()))?;
        let place = match kind {
            Kind::Zip => zip::find_manifest(&plain, &label)?.map(Place::Zip),
            Kind::TarZst => tar::find_manifest(&plain, &label)?.map(Place::Tar),
            Kind::Mongodump => dump::find_manifest(&plain, &label)?.map(Place::Dump),
            Kind::Tar => None,
        };
        Ok(Self { label, raw, plain, kind, is_encrypted, place })
    }

    /// What messages call it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it is encrypted.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Whether there is a manifest in it. Without one it was made by another program.
    #[must_use]
    pub const fn has_manifest(&self) -> bool {
        self.place.is_some()
    }

    /// Whether listing it reads all of it and compares it with the format's own checksums.
    const fn is_compared_by_listing(&self) -> bool {
        self.place.is_none() && matches!(self.kind, Kind::Mongodump)
    }

    /// The length of its file in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.raw.size()
    }

    /// The manifest inside, without its items; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn manifest(&self) -> Result<Option<Manifest>, ArchiveError> {
        match self.place {
            None => Ok(None),
            Some(_) => manifest::read(self.manifest_text()?, &self.label, &mut |_| Ok(())).map(Some),
        }
    }

    /// Hands on each item without reading contents, where there is a manifest.
    ///
    /// # Errors
    /// When it cannot be read, and whatever `each` fails with.
    pub fn list(
        &self,
        each: &mut dyn FnMut(&Item) -> Result<(), ArchiveError>,
    ) -> Result<Option<Manifest>, ArchiveError> {
        self.list_under(&Control::new(), each)
    }

    /// The same, paused and cancelled also where much is read between two items.
    ///
    /// # Errors
    /// As [`Archive::list`], and when it is cancelled.
    pub fn list_under(
        &self,
        control: &Control,
        each: &mut dyn FnMut(&Item) -> Result<(), ArchiveError>,
    ) -> Result<Option<Manifest>, ArchiveError> {
        match self.place {
            Some(_) => manifest::read(self.manifest_text()?, &self.label, &mut |item| each(&item)).map(Some),
            None => self.visit(&|_| false, control, &mut |item, _| each(item)),
        }
    }

    /// Hands on each item, with the contents that lie in this archive, in the order in which they lie there. What is not read of a
    /// content is passed over. `wants` tells by the path of a file whether its content is wanted: contents that lie in pieces are kept
    /// until they are whole, and those that nobody wants are not.
    ///
    /// # Errors
    /// When it is damaged or cannot be read, is cancelled, and whatever `each` fails with.
    pub fn visit(
        &self,
        wants: &dyn Fn(&[u8]) -> bool,
        control: &Control,
        each: Each<'_>,
    ) -> Result<Option<Manifest>, ArchiveError> {
        match (self.kind, self.place) {
            (_, Some(Place::Dump(places))) => dump::visit_by_manifest(self, places, control, each).map(Some),
            (Kind::Mongodump, _) => dump::visit_entries(self, wants, control, each).map(|()| None),
            (Kind::Zip, Some(_)) => zip::visit_by_manifest(self, each).map(Some),
            (Kind::Zip, None) => zip::visit_entries(self, each).map(|()| None),
            (_, Some(_)) => tar::visit_by_manifest(self, each).map(Some),
            (_, None) => tar::visit_entries(self, each).map(|()| None),
        }
    }

    /// The bytes of an archive of `mongodump`, decrypted, for who reads that format.
    #[must_use]
    pub fn dump(&self) -> Option<impl Read + Send + use<>> {
        (self.kind == Kind::Mongodump).then(|| dump::stream(self, u64::MAX))
    }

    fn manifest_text(&self) -> Result<Box<dyn Read>, ArchiveError> {
        match self.place {
            Some(Place::Zip(place)) => Ok(zip::content(&self.plain, place, &self.label)?),
            Some(Place::Tar(from)) => tar::manifest_text(self, from),
            Some(Place::Dump(places)) => dump::manifest_text(self, places),
            None => Err(ArchiveError::damaged(&self.label, "there is no manifest in it")),
        }
    }
}

/// The first bytes tell what it is; those of tar come later.
fn kind(input: &Arc<dyn ReadAt>, what: &str) -> Result<Option<Kind>, ArchiveError> {
    const ZIP: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
    const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
    for magic in ZIP {
        if begins_with(input, 0, magic, what)? {
            return Ok(Some(Kind::Zip));
        }
    }
    if begins_with(input, 0, ZSTD, what)? {
        return Ok(Some(Kind::TarZst));
    }
    if dump::is_dump(input, what)? {
        return Ok(Some(Kind::Mongodump));
    }
    Ok(begins_with(input, 257, b"ustar", what)?.then_some(Kind::Tar))
}

fn begins_with(input: &Arc<dyn ReadAt>, at: u64, magic: &[u8], what: &str) -> Result<bool, ArchiveError> {
    let mut begin = Vec::with_capacity(magic.len());
    let end = at + magic.len() as u64;
    let mut cursor = input::Cursor::range(Arc::clone(input), at, end);
    cursor.read_to_end(&mut begin).map_err(ArchiveError::io("read", what))?;
    Ok(begin == magic)
}

/// Whether a path came before.
#[derive(Default)]
struct Paths(std::collections::HashSet<u128>);

impl Paths {
    fn is_new(&mut self, path: &[u8]) -> bool {
        self.0.insert(hashing::path_key(path))
    }

    fn has(&self, path: &[u8]) -> bool {
        self.0.contains(&hashing::path_key(path))
    }
}

#[cfg(test)]
mod tests;
