//! Entries out of memory.

use std::io::{Cursor, Error, Read};

use backstay_core::{Content, CutHint, Entry, EntryKind, Folder, Meta, Opener, Timestamp};

/// Content that can be read as often as one likes.
#[derive(Clone)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Opener for Bytes {
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.0)))
    }

    fn duplicate(&self) -> Option<Box<dyn Opener>> {
        Some(Box::new(self.clone()))
    }
}

/// Content that is whatever this gives when it is opened, and only once.
pub(crate) struct When<F>(pub(crate) F);

impl<F, R> Opener for When<F>
where
    F: FnOnce() -> std::io::Result<R> + Send,
    R: Read + Send + 'static,
{
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(Box::new((self.0)()?))
    }
}

/// Gives these bytes and fails then.
pub(crate) struct BreaksAfter(pub(crate) Cursor<Vec<u8>>);

impl Read for BreaksAfter {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(Error::other("the disk has a bad sector")),
            count => Ok(count),
        }
    }
}

pub(crate) fn own_uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// Metadata of a plain file of this length.
pub(crate) fn file_meta(size: usize) -> Meta {
    Meta {
        size: size as u64,
        permissions: 0o640,
        modified: Timestamp::utc(1_700_000_000, 123_456_789),
        accessed: Timestamp::utc(1_700_000_000, 123_456_789),
        changed: Timestamp::utc(1_700_000_001, 5),
        uid: own_uid(),
        gid: rustix::process::getgid().as_raw(),
        links: 1,
        ..Meta::default()
    }
}

pub(crate) fn folder_meta() -> Meta {
    Meta { kind: EntryKind::Folder, permissions: 0o750, ..file_meta(0) }
}

pub(crate) fn lazy(bytes: &[u8]) -> Content {
    hinted(bytes, CutHint::ByContent)
}

pub(crate) fn hinted(bytes: &[u8], hint: CutHint) -> Content {
    Content::Lazy(Box::new(Bytes(bytes.to_vec())), hint)
}

pub(crate) fn entry(name: &str, meta: Meta, content: Content) -> Entry {
    Entry { name: name.as_bytes().to_vec(), meta, content }
}

/// Adds a plain file.
#[track_caller]
pub(crate) fn add_file(folder: &dyn Folder, name: &str, bytes: &[u8]) {
    folder.add(entry(name, file_meta(bytes.len()), lazy(bytes))).unwrap();
}

/// Adds a file whose content is whatever this gives when it is opened.
#[track_caller]
pub(crate) fn add_when<R: Read + Send + 'static>(
    folder: &dyn Folder,
    name: &str,
    size: usize,
    open: impl FnOnce() -> std::io::Result<R> + Send + 'static,
) {
    let content = Content::Lazy(Box::new(When(open)), CutHint::ByContent);
    folder.add(entry(name, file_meta(size), content)).unwrap();
}
