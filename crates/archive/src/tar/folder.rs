//! A folder on its way into a tar archive: no more than its path.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use backstay_core::{Content, CutHint, Entry, EntryKind, Folder, Meta, Pushed, SinkError};

use super::OPEN_LIMIT;
use super::pushed::TarPushed;
use super::writer::Writer;

#[derive(Debug)]
pub(super) struct TarFolder<W: Write + Send + 'static> {
    writer: Arc<Writer<W>>,
    /// Relative to the root, whose own path is empty.
    path: Vec<u8>,
}

impl<W: Write + Send + 'static> TarFolder<W> {
    pub(super) fn root(writer: Arc<Writer<W>>) -> Self {
        Self { writer, path: Vec::new() }
    }

    fn path_of(&self, name: &[u8]) -> Vec<u8> {
        if self.path.is_empty() { name.to_vec() } else { [&self.path, &b"/"[..], name].concat() }
    }
}

impl<W: Write + Send + 'static> Folder for TarFolder<W> {
    fn folder(&self, name: &[u8]) -> Result<Box<dyn Folder>, SinkError> {
        Ok(Box::new(Self { writer: Arc::clone(&self.writer), path: self.path_of(name) }))
    }

    fn add(&self, entry: Entry) -> Result<(), SinkError> {
        let path = self.path_of(&entry.name);
        match entry.content {
            Content::Lazy(opener, _) => self.writer.file(&path, &entry.meta, || opener.open()),
            Content::None if entry.meta.kind == EntryKind::File => {
                let meta = Meta { size: 0, ..entry.meta };
                self.writer.file(&path, &meta, || Ok(Box::new(std::io::empty())))
            }
            Content::None => self.writer.plain(&path, &entry.meta),
            Content::SameAsParent | Content::Patched { .. } => {
                self.writer.fail(&path, "an archive has no backup before it to take the content from");
                Ok(())
            }
        }
    }

    fn begin(&self, name: &[u8], _cut: CutHint) -> Result<Box<dyn Pushed>, SinkError> {
        let open = &self.writer.pushing;
        if open.fetch_add(1, Ordering::Relaxed) >= OPEN_LIMIT {
            open.fetch_sub(1, Ordering::Relaxed);
            return Err(SinkError::failed("too many contents are pushed at once"));
        }
        match tempfile::tempfile() {
            Ok(file) => Ok(Box::new(TarPushed::new(Arc::clone(&self.writer), self.path_of(name), file))),
            Err(error) => {
                open.fetch_sub(1, Ordering::Relaxed);
                Err(SinkError::failed(error))
            }
        }
    }

    fn failed(&self, name: &[u8], error: &str) {
        self.writer.fail(&self.path_of(name), error);
    }

    fn close(self: Box<Self>, meta: Meta) -> Result<(), SinkError> {
        if self.path.is_empty() {
            // The root stands for the place where the archive is unpacked.
            return Ok(());
        }
        self.writer.plain(&self.path, &Meta { kind: EntryKind::Folder, ..meta })
    }
}
