//! Captured collections as blocks of an archive.

use std::io::Write;

use super::super::Collection;
use super::super::archive::{ArchiveWriter, Block, OPLOG};
use super::super::error::{MongoError, Result};
use super::{Output, Stream};

pub(super) struct ArchiveOutput<W> {
    pub(super) writer: ArchiveWriter<W>,
}

impl<W: Write + Send> Output for ArchiveOutput<W> {
    fn begin(&self, collection: &Collection) -> Result<Box<dyn Stream + '_>> {
        let (database, collection) = (collection.database.clone(), collection.stored_as());
        Ok(Box::new(ArchiveStream { writer: &self.writer, database, collection, is_empty: true }))
    }

    fn begin_oplog(&self) -> Result<Box<dyn Stream + '_>> {
        let (database, collection) = (String::new(), OPLOG.to_owned());
        Ok(Box::new(ArchiveStream { writer: &self.writer, database, collection, is_empty: true }))
    }

    fn failed(&self, _: &Collection, _: &MongoError) -> bool {
        false
    }
}

struct ArchiveStream<'a, W> {
    writer: &'a ArchiveWriter<W>,
    database: String,
    collection: String,
    is_empty: bool,
}

impl<W> ArchiveStream<'_, W> {
    fn block(&self) -> Block<'_> {
        Block { database: &self.database, collection: &self.collection }
    }
}

impl<W: Write> Stream for ArchiveStream<'_, W> {
    fn write(&mut self, documents: &[u8]) -> Result<()> {
        self.is_empty = false;
        let written = self.writer.documents(self.block(), documents);
        written.map_err(|error| MongoError::storage("writing the archive", &error))
    }

    fn restart(&mut self) -> Result<bool> {
        Ok(self.is_empty)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.writer.end(self.block()).map_err(|error| MongoError::storage("writing the archive", &error))
    }
}
