//! The entry stream: the one contract between sources and sinks.
//!
//! A source walks what it backs up and hands each entry to the [`Folder`] it belongs to. Entries may
//! come in any order, from many threads, in many folders at once; a folder is complete when it is
//! [closed](Folder::close), and the sink puts its names in order then. Content comes either *lazily*, as an
//! [`Opener`] that the sink calls from its own threads and only if it wants the bytes, or
//! *pushed*, by a producer that receives interleaved data and cannot wait.
//!
//! # Names
//! A name is any bytes but NUL and `/`, not empty, not `.` or `..`. A source whose names allow
//! more (object keys) escapes them with [`escape_name`]: `%` becomes `%25`, `/` becomes `%2F`, NUL `%00`, a name that is empty becomes
//! `%`, `.` becomes `%2E` and `..` becomes `%2E%2E`. An object that has the name of a folder beside it (`a` beside `a/b`) gets `%` appended,
//! which no escaped name ends with otherwise.

use std::io::Read;
use std::ops::Range;

use crate::{Interrupted, Meta};

/// How a sink may cut the content of an entry into blobs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CutHint {
    /// By content, as restic does. The default for files.
    #[default]
    ByContent,
    /// In pieces of this many bytes: for files made of pages.
    Fixed(u32),
    /// Right before each of these ascending offsets: the source knows where its records begin.
    Marks(Vec<u64>),
}

/// Opens the content of an entry, from any thread, at most once.
pub trait Opener: Send {
    /// Opens the content for reading.
    ///
    /// # Errors
    /// Whatever keeps the content from being opened; the sink reports it and leaves the entry out.
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn Read + Send>>;

    /// A second opener of the same content, for sinks that read apart. `None` when the content can be read only once.
    fn duplicate(&self) -> Option<Box<dyn Opener>> {
        None
    }

    /// It is certain now that the content will be opened: what is far away may be fetched from here on.
    fn prepare(&mut self) {}

    /// Whether some of the metadata is known only once the content is [opened](Self::open_with) or [asked for](Self::describe). Content
    /// that is as it was keeps the extended attributes that the parent has.
    fn amends(&self) -> bool {
        false
    }

    /// Opens the content, and puts into `meta` what was not known of it before.
    ///
    /// # Errors
    /// As [`Opener::open`]. Where metadata [comes with the content](Self::amends), an entry that is
    /// [not found](std::io::ErrorKind::NotFound) is gone, and left out without counting as a failure.
    fn open_with(self: Box<Self>, _meta: &mut Meta) -> std::io::Result<Box<dyn Read + Send>> {
        self.open()
    }

    /// Puts into `meta` what was not known of it before, without opening the content.
    ///
    /// # Errors
    /// Whatever keeps it from being asked for.
    fn describe(&self, _meta: &mut Meta) -> std::io::Result<()> {
        Ok(())
    }
}

/// Where the content of an entry comes from.
pub enum Content {
    /// There is none: folders, links, devices.
    None,
    /// Read when the sink wants it.
    Lazy(Box<dyn Opener>, CutHint),
    /// The parent's content still holds, as the source knows by its own means.
    SameAsParent,
    /// The parent's content with these ascending byte ranges replaced. The opener's reader gives the
    /// bytes of the ranges one after the other; the entry's new length is `size`.
    Patched {
        /// Gives the new bytes of all ranges.
        opener: Box<dyn Opener>,
        /// What is replaced; the last range may reach beyond the parent's end.
        ranges: Vec<Range<u64>>,
    },
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Lazy(..) => "Lazy",
            Self::SameAsParent => "SameAsParent",
            Self::Patched { .. } => "Patched",
        })
    }
}

/// One entry on its way from a source to a sink.
#[derive(Debug)]
pub struct Entry {
    /// Its name in the folder. See the [module](self) for what a name may hold.
    pub name: Vec<u8>,
    /// Everything else about it.
    pub meta: Meta,
    /// Its content.
    pub content: Content,
}

/// Why a sink cannot go on. Trouble with a single entry is not one of these: it is reported as an event.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The owner of the work cancelled it.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The sink failed for good: a full disk, a lost repository.
    #[error("{0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SinkError {
    /// Wraps any error.
    pub fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed(error.into())
    }
}

/// Takes in a tree of entries.
pub trait Sink: Send + Sync {
    /// The root folder. Called once.
    ///
    /// # Errors
    /// When the sink cannot take anything.
    fn root(&self) -> Result<Box<dyn Folder>, SinkError>;

    /// How many pushed contents may be open at once. A producer that needs more spools the rest.
    fn open_limit(&self) -> usize;
}

/// A folder that is being filled.
pub trait Folder: Send + Sync {
    /// Starts a folder in this one.
    ///
    /// # Errors
    /// When the sink cannot go on.
    fn folder(&self, name: &[u8]) -> Result<Box<dyn Folder>, SinkError>;

    /// Adds anything but a folder. May block while the sink is busy.
    ///
    /// # Errors
    /// When the sink cannot go on.
    fn add(&self, entry: Entry) -> Result<(), SinkError>;

    /// Starts an entry whose content is pushed.
    ///
    /// # Errors
    /// When the sink cannot go on, or [`Sink::open_limit`] contents are open.
    fn begin(&self, name: &[u8], cut: CutHint) -> Result<Box<dyn Pushed>, SinkError>;

    /// Tells the sink that an item of this folder could not be read. It stays out of the backup and
    /// the backup counts as incomplete.
    fn failed(&self, name: &[u8], error: &str);

    /// Nothing more comes into this folder; `meta` is its own. The folder is complete when all folders in it are closed too.
    ///
    /// # Errors
    /// When the sink cannot go on.
    fn close(self: Box<Self>, meta: Meta) -> Result<(), SinkError>;
}

/// The content of an entry that is being pushed.
pub trait Pushed: Send {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// When the sink cannot go on.
    fn write(&mut self, data: &[u8]) -> Result<(), SinkError>;

    /// The content is whole. Dropping without this leaves the entry out.
    ///
    /// # Errors
    /// When the sink cannot go on.
    fn finish(self: Box<Self>, meta: Meta) -> Result<(), SinkError>;
}

/// Turns any bytes into a name that every sink takes. See the [module](self).
#[must_use]
pub fn escape_name(raw: &[u8]) -> Vec<u8> {
    match raw {
        b"" => return b"%".to_vec(),
        b"." => return b"%2E".to_vec(),
        b".." => return b"%2E%2E".to_vec(),
        _ => {}
    }
    let mut name = Vec::with_capacity(raw.len());
    for &byte in raw {
        match byte {
            b'%' => name.extend_from_slice(b"%25"),
            b'/' => name.extend_from_slice(b"%2F"),
            0 => name.extend_from_slice(b"%00"),
            other => name.push(other),
        }
    }
    name
}

/// Undoes [`escape_name`], with the `%` of an object beside a folder of its name taken off.
#[must_use]
pub fn unescape_name(name: &[u8]) -> Vec<u8> {
    let body = name.strip_suffix(b"%").unwrap_or(name);
    if body == b"%" {
        // An empty name beside a folder of an empty name.
        return Vec::new();
    }
    let mut raw = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((&first, tail)) = rest.split_first() {
        let decoded = match (first, tail) {
            (b'%', [b'2', b'5', ..]) => Some(b'%'),
            (b'%', [b'2', b'F', ..]) => Some(b'/'),
            (b'%', [b'2', b'E', ..]) => Some(b'.'),
            (b'%', [b'0', b'0', ..]) => Some(0),
            _ => None,
        };
        if let Some(byte) = decoded {
            raw.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            raw.push(first);
            rest = tail;
        }
    }
    raw
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_they_went_in() {
        for raw in [&b""[..], b".", b"..", b"a/b", b"100%", b"%25", b"\0x", b"plain", b"...", b"a%2Fb"] {
            let name = escape_name(raw);
            assert!(!name.contains(&b'/') && !name.contains(&0) && !name.is_empty());
            assert_eq!(unescape_name(&name), raw, "{raw:?} became {name:?}");
        }
    }

    #[test]
    fn an_object_beside_a_folder_of_its_name_is_told_apart() {
        let mut object = escape_name(b"a");
        object.push(b'%');
        assert_eq!(unescape_name(&object), b"a");
        assert_eq!(unescape_name(b"%%"), b"");
    }
}
