//! Captured collections as entries of a sink.

use std::collections::BTreeMap;

use backstay_core::{Content, CutHint, Entry, EntryKind, Events, Folder, Meta, Opener, Pushed, Timestamp};
use backstay_mongodump::{OPLOG, names};

use super::super::error::{MongoError, Result, Trouble};
use super::super::{Collection, Kind, MANIFEST, Manifest};

pub(super) struct SinkOutput<'a> {
    pub(super) root: Box<dyn Folder>,
    pub(super) folders: BTreeMap<String, Box<dyn Folder>>,
    pub(super) taken_at: Timestamp,
    pub(super) events: &'a dyn Events,
}

impl SinkOutput<'_> {
    fn folder(&self, database: &str) -> Result<&dyn Folder> {
        let missing =
            || MongoError::new(Trouble::Storage, format!("storing {database}"), "its folder was not begun");
        self.folders.get(database).map(AsRef::as_ref).ok_or_else(missing)
    }

    fn meta(&self, kind: EntryKind, size: u64) -> Meta {
        let permissions = if kind == EntryKind::Folder { 0o700 } else { 0o600 };
        let (modified, accessed, changed) = (self.taken_at, self.taken_at, self.taken_at);
        Meta { kind, permissions, modified, accessed, changed, size, links: 1, ..Meta::default() }
    }

    fn add_text(&self, folder: &dyn Folder, name: Vec<u8>, text: String) -> Result<()> {
        let meta = self.meta(EntryKind::File, text.len() as u64);
        let content = Content::Lazy(Box::new(Text(text)), CutHint::ByContent);
        Ok(folder.add(Entry { name, meta, content })?)
    }

    /// Begins a collection.
    pub(super) fn begin(&self, collection: &Collection) -> Result<SinkStream<'_>> {
        let folder = self.folder(&collection.database)?;
        let stored = collection.stored_as();
        let mut stream = SinkStream {
            output: self,
            folder,
            name: names::with_ending(&stored, names::BSON),
            metadata: Some((names::with_ending(&collection.name, names::METADATA), collection.metadata())),
            pushed: None,
            size: 0,
        };
        if collection.kind != Kind::View {
            stream.begin()?;
        }
        Ok(stream)
    }

    /// Begins the oplog.
    pub(super) fn begin_oplog(&self) -> Result<SinkStream<'_>> {
        let name = format!("{OPLOG}{}", names::BSON).into_bytes();
        let folder = self.root.as_ref();
        let mut stream = SinkStream { output: self, folder, name, metadata: None, pushed: None, size: 0 };
        stream.begin()?;
        Ok(stream)
    }

    /// A collection cannot be read; false when that cannot be told to the sink.
    pub(super) fn failed(&self, collection: &Collection, error: &MongoError) -> bool {
        let Ok(folder) = self.folder(&collection.database) else { return false };
        let name = names::with_ending(&collection.name, names::BSON);
        self.events.item_failed(collection.full_name().as_bytes(), "archival", &error.to_string());
        folder.failed(&name, &error.to_string());
        true
    }

    pub(super) fn close(self, manifest: &Manifest) -> Result<()> {
        let told = serde_json::to_string_pretty(manifest);
        let told = told.map_err(|error| MongoError::new(Trouble::Storage, "writing the manifest", error))?;
        self.add_text(self.root.as_ref(), MANIFEST.as_bytes().to_vec(), told)?;
        let meta = self.meta(EntryKind::Folder, 0);
        for folder in self.folders.into_values() {
            folder.close(meta.clone())?;
        }
        Ok(self.root.close(meta)?)
    }
}

/// The documents of a collection on their way.
pub(super) struct SinkStream<'a> {
    output: &'a SinkOutput<'a>,
    folder: &'a dyn Folder,
    name: Vec<u8>,
    /// The entry beside it, once it is whole.
    metadata: Option<(Vec<u8>, String)>,
    pushed: Option<Box<dyn Pushed>>,
    size: u64,
}

impl SinkStream<'_> {
    fn begin(&mut self) -> Result<()> {
        self.pushed = Some(self.folder.begin(&self.name, CutHint::ByContent)?);
        self.size = 0;
        Ok(())
    }

    pub(super) fn write(&mut self, documents: &[u8]) -> Result<()> {
        if let Some(pushed) = &mut self.pushed {
            pushed.write(documents)?;
            self.size += documents.len() as u64;
        }
        Ok(())
    }

    /// Forgets what was written.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.pushed = None;
        self.begin()
    }

    pub(super) fn finish(mut self) -> Result<()> {
        if let Some(pushed) = self.pushed.take() {
            pushed.finish(self.output.meta(EntryKind::File, self.size))?;
        }
        match self.metadata.take() {
            Some((name, text)) => self.output.add_text(self.folder, name, text),
            None => Ok(()),
        }
    }
}

struct Text(String);

impl Opener for Text {
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn std::io::Read + Send>> {
        Ok(Box::new(std::io::Cursor::new(self.0.into_bytes())))
    }

    fn duplicate(&self) -> Option<Box<dyn Opener>> {
        Some(Box::new(Self(self.0.clone())))
    }
}
