//! Pushed content, which waits in an unnamed temporary file until its length is known.

use std::fs::File;
use std::io::{Seek, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use backstay_core::{EntryKind, Meta, Pushed, SinkError};

use super::writer::Writer;

pub(super) struct TarPushed<W: Write + Send + 'static> {
    writer: Arc<Writer<W>>,
    path: Vec<u8>,
    /// Taken when the content is whole.
    content: Option<File>,
    length: u64,
}

impl<W: Write + Send + 'static> TarPushed<W> {
    pub(super) fn new(writer: Arc<Writer<W>>, path: Vec<u8>, file: File) -> Self {
        Self { writer, path, content: Some(file), length: 0 }
    }
}

impl<W: Write + Send + 'static> Pushed for TarPushed<W> {
    fn write(&mut self, data: &[u8]) -> Result<(), SinkError> {
        if let Some(content) = &mut self.content {
            content.write_all(data).map_err(SinkError::failed)?;
            self.length += data.len() as u64;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, meta: Meta) -> Result<(), SinkError> {
        let Some(mut content) = self.content.take() else {
            return Ok(());
        };
        let meta = Meta { kind: EntryKind::File, size: self.length, ..meta };
        self.writer.file(&self.path, &meta, || {
            content.rewind()?;
            Ok(Box::new(content))
        })
    }
}

impl<W: Write + Send + 'static> Drop for TarPushed<W> {
    fn drop(&mut self) {
        self.writer.pushing.fetch_sub(1, Ordering::Relaxed);
    }
}
