//! A folder on its way into an archive, and contents that are pushed into it.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use backstay_core::{Content, CutHint, Entry, EntryKind, Folder, Meta, Opener, Pushed, SinkError};

use super::OPEN_LIMIT;
use super::packer::Packer;
use super::writer::Writer;

pub(super) struct ArchiveFolder {
    writer: Arc<Writer>,
    /// Relative to the root, whose own path is empty.
    path: Vec<u8>,
}

impl ArchiveFolder {
    pub(super) const fn root(writer: Arc<Writer>) -> Self {
        Self { writer, path: Vec::new() }
    }

    fn path_of(&self, name: &[u8]) -> Vec<u8> {
        if self.path.is_empty() { name.to_vec() } else { [&self.path, &b"/"[..], name].concat() }
    }
}

impl Folder for ArchiveFolder {
    fn folder(&self, name: &[u8]) -> Result<Box<dyn Folder>, SinkError> {
        Ok(Box::new(Self { writer: Arc::clone(&self.writer), path: self.path_of(name) }))
    }

    fn add(&self, entry: Entry) -> Result<(), SinkError> {
        let path = self.path_of(&entry.name);
        match entry.content {
            Content::Lazy(opener, _) => self.writer.file(&path, &entry.meta, opener),
            Content::None if entry.meta.kind == EntryKind::File => {
                self.writer.file(&path, &Meta { size: 0, ..entry.meta }, Box::new(Nothing))
            }
            Content::None => self.writer.plain(&path, &entry.meta),
            Content::SameAsParent => self.writer.same_as_parent(&path, &entry.meta),
            Content::Patched { .. } => {
                self.writer
                    .fail(&path, "an archive holds whole files, and of this one only changes are known");
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
        let path = self.path_of(name);
        let waiting = self.writer.packer(&path).and_then(|packer| match packer {
            Some(packer) => Ok(Waiting::Packed(Box::new(packer))),
            None => {
                let file = BufWriter::new(tempfile::tempfile_in(&self.writer.spool)?);
                Ok(Waiting::Spooled { file, length: 0 })
            }
        });
        match waiting {
            Ok(waiting) => {
                Ok(Box::new(ArchivePushed { writer: Arc::clone(&self.writer), path, content: Some(waiting) }))
            }
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

/// Pushed content, which waits in a file without a name until its length is known.
struct ArchivePushed {
    writer: Arc<Writer>,
    path: Vec<u8>,
    /// Taken when the content is whole.
    content: Option<Waiting>,
}

enum Waiting {
    /// As it is.
    Spooled { file: BufWriter<File>, length: u64 },
    /// Compressed.
    Packed(Box<Packer>),
}

impl Pushed for ArchivePushed {
    fn write(&mut self, data: &[u8]) -> Result<(), SinkError> {
        self.writer.control.checkpoint()?;
        match &mut self.content {
            None => {}
            Some(Waiting::Spooled { file, length }) => {
                file.write_all(data).map_err(SinkError::failed)?;
                *length += data.len() as u64;
            }
            Some(Waiting::Packed(packer)) => {
                packer.add(data).map_err(|error| self.writer.unfit(&self.path, error))?;
            }
        }
        self.writer.events.bytes_done(data.len() as u64);
        Ok(())
    }

    fn finish(mut self: Box<Self>, meta: Meta) -> Result<(), SinkError> {
        match self.content.take() {
            None => Ok(()),
            Some(Waiting::Spooled { file, length }) => {
                let mut file = file.into_inner().map_err(|error| SinkError::failed(error.into_error()))?;
                file.rewind().map_err(SinkError::failed)?;
                let meta = Meta { kind: EntryKind::File, size: length, ..meta };
                self.writer.spooled(&self.path, &meta, Box::new(Spooled(file)))
            }
            Some(Waiting::Packed(packer)) => {
                let packed = packer.finish().map_err(|error| self.writer.unfit(&self.path, error))?;
                self.writer.packed(&self.path, &Meta { kind: EntryKind::File, ..meta }, packed)
            }
        }
    }
}

impl Drop for ArchivePushed {
    fn drop(&mut self) {
        self.writer.pushing.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Content that was put aside.
struct Spooled(File);

impl Opener for Spooled {
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn std::io::Read + Send>> {
        Ok(Box::new(self.0))
    }
}

/// Content of nothing.
struct Nothing;

impl Opener for Nothing {
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn std::io::Read + Send>> {
        Ok(Box::new(std::io::empty()))
    }
}
