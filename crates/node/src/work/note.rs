//! What is known of a backup's source, kept in the backup itself: a small file beside what was read.

use std::io::{Cursor, Read};

use backstay_core::{
    Content, CutHint, Entry, EntryKind, FileId, Folder, Meta, Opener, Sink, SinkError, Timestamp,
};
use backstay_engine::Repository;
use backstay_engine::repository::{TreeCache, read_content};
use backstay_model::Time;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bucket::BucketFacts;
use super::cold::InstanceFacts;
use super::excludes::lies_in;
use super::restore::find;
use super::sqlite::SqliteFacts;
use super::{Class, Result, WorkError};

/// The folder of such files, at the root of a snapshot.
pub(super) const FOLDER: &str = ".backstay";
/// The file with what is known of an instance.
pub(super) const INSTANCE: &str = "instance.json";
/// The file with what is known of a bucket.
pub(super) const BUCKET: &str = "bucket.json";
/// The file with what is known of databases of SQLite.
pub(super) const SQLITE: &str = "sqlite.json";
/// A note is no longer than this.
pub(super) const LONGEST: u64 = 1 << 20;

/// A file that is added to a backup.
pub(super) struct Note {
    name: &'static str,
    content: Vec<u8>,
    time: Timestamp,
}

impl Note {
    /// What is known of an instance.
    pub(super) fn of_instance(facts: &InstanceFacts) -> Result<Self> {
        Self::of(INSTANCE, facts, facts.taken)
    }

    /// What is known of a bucket.
    pub(super) fn of_bucket(facts: &BucketFacts) -> Result<Self> {
        Self::of(BUCKET, facts, facts.taken)
    }

    /// What is known of databases of SQLite.
    pub(super) fn of_sqlite(facts: &SqliteFacts) -> Result<Self> {
        Self::of(SQLITE, facts, facts.taken)
    }

    fn of(name: &'static str, facts: &impl Serialize, taken: Time) -> Result<Self> {
        let content = serde_json::to_vec_pretty(facts).map_err(|error| {
            WorkError::new(Class::Other, "what is known of the source cannot be written down").because(&error)
        })?;
        let time = Timestamp { seconds: taken.as_second(), ..Timestamp::default() };
        Ok(Self { name, content, time })
    }

    /// A sink that takes this in beside what is handed to it.
    pub(super) const fn beside<'a>(&'a self, sink: &'a dyn Sink) -> Beside<'a> {
        Beside { note: self, sink }
    }

    fn meta(&self, kind: EntryKind, permissions: u32, size: u64) -> Meta {
        let time = self.time;
        Meta {
            kind,
            permissions,
            size,
            modified: time,
            accessed: time,
            changed: time,
            links: 1,
            ..Meta::default()
        }
    }
}

/// Whether a path is that of a note, or leads to one.
pub(super) fn is_of_notes(path: &[u8]) -> bool {
    lies_in(path, FOLDER.as_bytes())
}

/// The note of this name in a snapshot, if there is one.
pub(super) fn read<T: DeserializeOwned>(
    engine: &Repository,
    trees: &TreeCache,
    root: &FileId,
    name: &str,
) -> Result<Option<T>> {
    let node = match find(trees, root, format!("{FOLDER}/{name}").as_bytes()) {
        Ok(Some(node)) if node.meta.kind == EntryKind::File && node.meta.size <= LONGEST => node,
        Ok(_) => return Ok(None),
        Err(error) if error.class() == Class::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut content = Vec::new();
    read_content(engine, trees.index(), node.blobs(), &mut |bytes| {
        content.extend_from_slice(bytes);
        if content.len() as u64 > LONGEST { Err(unreadable(&"it is too long")) } else { Ok(()) }
    })?;
    parse(&content).map(Some)
}

/// What a note says.
pub(super) fn parse<T: DeserializeOwned>(content: &[u8]) -> Result<T> {
    serde_json::from_slice(content).map_err(|error| unreadable(&error))
}

fn unreadable(error: &dyn std::fmt::Display) -> WorkError {
    WorkError::new(Class::Damaged, format!("what the backup says of its source cannot be read: {error}"))
        .hint("a newer version of Backstay may have made it; its files can be restored to a folder")
}

/// A sink that takes in a note beside what is handed to it.
pub(super) struct Beside<'a> {
    note: &'a Note,
    sink: &'a dyn Sink,
}

impl Sink for Beside<'_> {
    fn root(&self) -> Result<Box<dyn Folder>, SinkError> {
        let root = self.sink.root()?;
        let folder = root.folder(FOLDER.as_bytes())?;
        let size = self.note.content.len() as u64;
        folder.add(Entry {
            name: self.note.name.as_bytes().to_vec(),
            meta: self.note.meta(EntryKind::File, 0o600, size),
            content: Content::Lazy(Box::new(Bytes(self.note.content.clone())), CutHint::ByContent),
        })?;
        folder.close(self.note.meta(EntryKind::Folder, 0o700, 0))?;
        Ok(root)
    }

    fn open_limit(&self) -> usize {
        self.sink.open_limit()
    }
}

struct Bytes(Vec<u8>);

impl Opener for Bytes {
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.0)))
    }

    fn duplicate(&self) -> Option<Box<dyn Opener>> {
        Some(Box::new(Self(self.0.clone())))
    }
}
