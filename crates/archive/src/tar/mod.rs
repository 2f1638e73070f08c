//! Tar archives in the POSIX (pax) format.
//!
//! Entries come in any order from many threads and are written one at a time, each when its content
//! is at hand. Content that is pushed bit by bit waits in an unnamed temporary file, as a header tells the size before
//! the content comes. A folder's own entry comes when the folder is closed, behind what is in it: tar
//! makes folders as it needs them and this way sets their times when nothing changes them any more.
//!
//! What a plain header cannot hold goes into extended records: long and very large values, times
//! to the nanosecond, extended attributes. Further names of a file become links to the first. Holes in
//! files are written out as zeros.

mod folder;
pub(crate) mod header;
mod pushed;
mod writer;

use std::io::Write;
use std::sync::Arc;

use backstay_core::{Events, Folder, Sink, SinkError};

use self::folder::TarFolder;
use self::writer::Writer;

/// Pushed contents that may be open at once; each is an open file.
const OPEN_LIMIT: usize = 64;

/// Writes what it is given as a tar archive.
#[derive(Debug)]
pub struct TarSink<W: Write + Send + 'static> {
    writer: Arc<Writer<W>>,
}

/// What came of an archive.
#[derive(Debug)]
pub struct Finished<W> {
    /// What was written to.
    pub output: W,
    /// Entries that are in the archive.
    pub entries: u64,
    /// Entries that are missing from it or not whole. Each was reported.
    pub failed: u64,
}

impl<W: Write + Send + 'static> TarSink<W> {
    /// An archive that begins at the output's present place. Troubles with single entries are told to `events`.
    pub fn new(output: W, events: Arc<dyn Events>) -> Self {
        Self { writer: Arc::new(Writer::new(output, events)) }
    }

    /// Writes the end of the archive and gives the output back, for its owner to flush and make durable.
    ///
    /// # Errors
    /// When the output failed, now or before.
    pub fn finish(self) -> Result<Finished<W>, SinkError> {
        self.writer.finish()
    }
}

impl<W: Write + Send + 'static> Sink for TarSink<W> {
    fn root(&self) -> Result<Box<dyn Folder>, SinkError> {
        Ok(Box::new(TarFolder::root(Arc::clone(&self.writer))))
    }

    fn open_limit(&self) -> usize {
        OPEN_LIMIT
    }
}

#[cfg(test)]
mod tests;
