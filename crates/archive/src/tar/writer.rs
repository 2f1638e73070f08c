//! The one place where the archive is written, one entry at a time.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use backstay_core::{EntryKind, Events, ItemAction, Meta, SinkError};
use parking_lot::Mutex;
use tar::Builder;

use super::Finished;
use super::header::{Form, Head};

pub(super) struct Writer<W: Write> {
    state: Mutex<State<W>>,
    pub(super) events: Arc<dyn Events>,
    entries: AtomicU64,
    failed: AtomicU64,
    pub(super) pushing: AtomicUsize,
}

struct State<W: Write> {
    /// Gone once the archive is finished or its output failed.
    archive: Option<Builder<W>>,
    /// The path under which a file with several names was written, by inode and device.
    originals: HashMap<(u64, u64), Vec<u8>>,
}

impl<W: Write> State<W> {
    /// The path under which the file was written already, by another name.
    fn original(&self, meta: &Meta) -> Option<Vec<u8>> {
        let group = meta.is_hard_linked().then_some((meta.inode, meta.device_id))?;
        self.originals.get(&group).cloned()
    }

    fn write(&mut self, head: &Head, content: &mut Exact<'_>) -> Result<(), SinkError> {
        let archive = self.archive.as_mut().ok_or_else(ended)?;
        let records = head.records.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        let outcome =
            archive.append_pax_extensions(records).and_then(|()| archive.append(&head.header, content));
        outcome.map_err(|error| {
            // Half an entry is in the output: nothing sound can follow it.
            self.archive = None;
            SinkError::failed(error)
        })
    }
}

impl<W: Write> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("entries", &self.entries)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl<W: Write> Writer<W> {
    pub(super) fn new(output: W, events: Arc<dyn Events>) -> Self {
        Self {
            state: Mutex::new(State { archive: Some(Builder::new(output)), originals: HashMap::new() }),
            events,
            entries: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            pushing: AtomicUsize::new(0),
        }
    }

    /// Reports an entry that is missing or not whole.
    pub(super) fn fail(&self, path: &[u8], error: &str) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.events.item_failed(path, "archival", error);
    }

    /// Writes an entry without content.
    pub(super) fn plain(&self, path: &[u8], meta: &Meta) -> Result<(), SinkError> {
        self.entry(path, meta, 0, &mut io::empty())
    }

    /// Writes a file's entry. Another name of a file that is in the archive becomes a link; its content is not opened then.
    pub(super) fn file(
        &self,
        path: &[u8],
        meta: &Meta,
        open: impl FnOnce() -> io::Result<Box<dyn Read + Send>>,
    ) -> Result<(), SinkError> {
        if self.state.lock().original(meta).is_some() {
            return self.entry(path, meta, 0, &mut io::empty());
        }
        self.events.file_started(path);
        match open() {
            Ok(mut content) => self.entry(path, meta, meta.size, &mut *content),
            Err(error) => {
                self.fail(path, &format!("cannot open it: {error}"));
                Ok(())
            }
        }
    }

    fn entry(&self, path: &[u8], meta: &Meta, size: u64, content: &mut dyn Read) -> Result<(), SinkError> {
        let mut state = self.state.lock();
        // Asked again under the lock: the first name may have been written since.
        let original = state.original(meta);
        let (form, size) = match &original {
            Some(original) => (Form::HardLink(original), 0),
            None => (Form::Plain { size }, size),
        };
        let Some(head) = Head::new(path, meta, form) else {
            drop(state);
            self.fail(path, "a tar archive cannot hold an item of this kind");
            return Ok(());
        };
        let mut exact = Exact { content, left: size, trouble: None };
        state.write(&head, &mut exact)?;
        if original.is_none() && meta.is_hard_linked() {
            state.originals.insert((meta.inode, meta.device_id), path.to_vec());
        }
        drop(state);
        self.entries.fetch_add(1, Ordering::Relaxed);
        self.report(path, meta, size);
        if let Some(trouble) = exact.trouble {
            self.fail(path, &trouble);
        }
        Ok(())
    }

    fn report(&self, path: &[u8], meta: &Meta, stored: u64) {
        match meta.kind {
            EntryKind::Folder => self.events.folder_done(path, ItemAction::New),
            EntryKind::File => {
                self.events.bytes_done(stored);
                self.events.file_done(path, ItemAction::New, meta.size, stored);
            }
            _ => {}
        }
    }

    pub(super) fn finish(&self) -> Result<Finished<W>, SinkError> {
        let archive = self.state.lock().archive.take().ok_or_else(ended)?;
        let output = archive.into_inner().map_err(SinkError::failed)?;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Ok(Finished { output, entries: read(&self.entries), failed: read(&self.failed) })
    }
}

fn ended() -> SinkError {
    SinkError::failed("the archive is finished, or its output failed before")
}

/// Content of exactly the length that the header tells: a file that grew is cut, one that shrank or
/// cannot be read on is filled up with zeros, and the trouble is kept.
struct Exact<'a> {
    content: &'a mut dyn Read,
    left: u64,
    trouble: Option<String>,
}

impl Read for Exact<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let room = buffer.get_mut(..most).unwrap_or_default();
        if room.is_empty() {
            return Ok(0);
        }
        let mut count = 0;
        if self.trouble.is_none() {
            match self.content.read(room) {
                Ok(0) => self.trouble = Some("it shrank while it was read; zeros stand for the rest".into()),
                Ok(read) => count = read.min(most),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => {
                    self.trouble = Some(format!("cannot read it: {error}; zeros stand for the rest"))
                }
            }
        }
        if count == 0 {
            room.fill(0);
            count = most;
        }
        self.left -= count as u64;
        Ok(count)
    }
}
