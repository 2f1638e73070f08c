//! What is known of a backup's source, kept in the backup itself: a small file beside what was read.

use std::io::{Cursor, Read};

use backstay_core::{Content, CutHint, Entry, EntryKind, Folder, Meta, Opener, Sink, SinkError, Timestamp};

use super::cold::InstanceFacts;
use super::{Class, Result, WorkError};

/// The folder of such files, at the root of a snapshot.
pub(super) const FOLDER: &str = ".backstay";
/// The file with what is known of an instance.
pub(super) const INSTANCE: &str = "instance.json";

/// A file that is added to a backup.
pub(super) struct Note {
    name: &'static str,
    content: Vec<u8>,
    time: Timestamp,
}

impl Note {
    /// What is known of an instance.
    pub(super) fn of_instance(facts: &InstanceFacts) -> Result<Self> {
        let content = serde_json::to_vec_pretty(facts).map_err(|error| {
            WorkError::new(Class::Other, "what is known of the instance cannot be written down")
                .because(&error)
        })?;
        let seconds = facts.taken.as_second();
        Ok(Self { name: INSTANCE, content, time: Timestamp { seconds, ..Timestamp::default() } })
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
