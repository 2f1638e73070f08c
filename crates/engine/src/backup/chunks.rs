//! Chunks of big files on their way from the thread that cuts to whichever is free.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use backstay_core::{FileId, Meta, SinkError};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use parking_lot::Mutex;

use super::buffers::{Buffer, Buffers};
use super::crew::{Crew, Hands, Taker};
use super::segments::Search;
use crate::format::BlobKind;

/// What is to be done for big files, and the memory they are read into.
pub(super) struct ChunkQueue {
    sender: Sender<Task>,
    pub(super) receiver: Receiver<Task>,
    pub(super) buffers: Arc<Buffers>,
}

/// A piece of work on a big file that any thread can do.
pub(super) enum Task {
    /// Store a chunk.
    Store(Chunk),
    /// Find out where chunks may end.
    Search(Search),
}

/// A chunk that is to be stored.
pub(super) struct Chunk {
    file: Arc<ChunkedFile>,
    position: usize,
    buffer: Arc<Buffer>,
    range: Range<usize>,
}

/// The content of a big file while its chunks are being stored.
pub(super) struct ChunkedFile {
    /// Who it is stored for.
    takers: Vec<Taker>,
    /// For each of them, how many bytes were stored that it did not have.
    stored: Vec<AtomicU64>,
    content: Mutex<Vec<FileId>>,
    /// Chunks that are not stored, and one until the last is cut.
    open: AtomicUsize,
    /// Its name and what else is known of it, once it is cut.
    end: Mutex<Option<(Vec<u8>, Meta)>>,
}

impl ChunkQueue {
    /// A queue for so many workers, of chunks up to `longest` bytes. One may wait for each: waiting chunks hold memory.
    pub(super) fn new(workers: usize, longest: usize) -> Self {
        let (sender, receiver) = bounded(workers);
        Self { sender, receiver, buffers: Buffers::new(longest) }
    }
}

impl Chunk {
    fn content(&self) -> &[u8] {
        self.buffer.get(self.range.clone()).unwrap_or_default()
    }
}

impl ChunkedFile {
    pub(super) fn new(takers: Vec<Taker>) -> Arc<Self> {
        Arc::new(Self {
            stored: takers.iter().map(|_| AtomicU64::new(0)).collect(),
            takers,
            content: Mutex::default(),
            open: AtomicUsize::new(1),
            end: Mutex::new(None),
        })
    }

    pub(super) fn takers(&self) -> &[Taker] {
        &self.takers
    }

    /// Makes room for one more chunk; returns its position.
    fn announce(&self) -> usize {
        self.open.fetch_add(1, Ordering::AcqRel);
        let mut content = self.content.lock();
        content.push(FileId::default());
        content.len() - 1
    }

    /// All chunks are cut: the file is done once all are stored.
    pub(super) fn end(&self, name: Vec<u8>, meta: Meta) {
        *self.end.lock() = Some((name, meta));
        self.release();
    }

    fn settle(&self, position: usize, id: FileId) {
        if let Some(slot) = self.content.lock().get_mut(position) {
            *slot = id;
        }
        self.release();
    }

    fn release(&self) {
        if self.open.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let Some((name, meta)) = self.end.lock().take() else { return };
        let content = std::mem::take(&mut *self.content.lock());
        let stored = |place: usize| self.stored.get(place).map_or(0, |stored| stored.load(Ordering::Relaxed));
        complete(&self.takers, name, meta, content, stored);
    }
}

/// Ends a file whose content is stored, at each who takes it.
pub(super) fn complete(
    takers: &[Taker],
    name: Vec<u8>,
    meta: Meta,
    content: Vec<FileId>,
    stored: impl Fn(usize) -> u64,
) {
    let Some((last, others)) = takers.split_last() else { return };
    for (place, Taker { shared, folder }) in others.iter().enumerate() {
        let (name, meta, content) = (name.clone(), meta.clone(), content.clone());
        shared.attempt(|shared| shared.complete_file(folder, name, meta, content, stored(place)));
    }
    let Taker { shared, folder } = last;
    shared.attempt(|shared| shared.complete_file(folder, name, meta, content, stored(others.len())));
}

impl Crew {
    /// Hands a chunk to whoever is free, or stores it here when everybody is busy.
    pub(super) fn submit_chunk(
        &self,
        file: &Arc<ChunkedFile>,
        buffer: Arc<Buffer>,
        range: Range<usize>,
        hands: Option<&mut Hands>,
    ) -> Result<(), SinkError> {
        let position = file.announce();
        self.submit(Task::Store(Chunk { file: Arc::clone(file), position, buffer, range }), hands)
    }

    /// Hands a task to whoever is free, or does it here when everybody is busy.
    pub(super) fn submit(&self, task: Task, hands: Option<&mut Hands>) -> Result<(), SinkError> {
        match (self.chunks.sender.try_send(task), hands) {
            (Ok(()), _) => {}
            (Err(TrySendError::Full(task) | TrySendError::Disconnected(task)), Some(hands)) => {
                self.run_one(task, hands);
            }
            (Err(TrySendError::Full(task) | TrySendError::Disconnected(task)), None) => {
                let mut hands = self.lend();
                self.run_one(task, &mut hands);
                self.give_back(hands);
            }
        }
        self.check_failed()
    }

    fn run_one(&self, task: Task, hands: &mut Hands) {
        match task {
            Task::Search(search) => search.run(),
            Task::Store(chunk) => {
                let stored = &chunk.file.stored;
                let id = self.store(
                    hands,
                    &chunk.file.takers,
                    BlobKind::Data,
                    chunk.content(),
                    |place, length| {
                        if let Some(stored) = stored.get(place) {
                            stored.fetch_add(u64::from(length), Ordering::Relaxed);
                        }
                    },
                );
                self.end_chunk(&chunk, id);
            }
        }
    }

    /// Does a task from the queue. Where there is one destination, a second chunk is taken along with a first: two are hashed at once.
    pub(super) fn run(&self, task: Task, hands: &mut Hands) -> Result<(), SinkError> {
        let (first, shared) = match (task, self.destinations.as_slice()) {
            (Task::Store(first), [shared]) => (first, shared),
            (task, _) => {
                self.run_one(task, hands);
                return Ok(());
            }
        };
        match self.chunks.receiver.try_recv() {
            Ok(Task::Store(second)) => {
                let contents = [first.content(), second.content()];
                let stored = self.store_both(hands, shared, contents)?;
                for (chunk, (id, length)) in [first, second].iter().zip(stored) {
                    if let Some(stored) = chunk.file.stored.first() {
                        stored.fetch_add(u64::from(length), Ordering::Relaxed);
                    }
                    self.end_chunk(chunk, id);
                }
            }
            Ok(search) => {
                self.run_one(search, hands);
                self.run_one(Task::Store(first), hands);
            }
            Err(_) => self.run_one(Task::Store(first), hands),
        }
        Ok(())
    }

    /// Notes that a chunk is stored, and ends its file if it was the last.
    fn end_chunk(&self, chunk: &Chunk, id: FileId) {
        if self.is_told(&chunk.file.takers) {
            self.events.bytes_done(chunk.range.len() as u64);
        }
        chunk.file.settle(chunk.position, id);
    }
}

impl ChunkedFile {
    /// Takes over a blob that the repository has already.
    pub(super) fn add_known(&self, id: FileId) {
        let position = self.announce();
        self.settle(position, id);
    }
}
