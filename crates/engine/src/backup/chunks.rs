//! Chunks of big files on their way from the thread that cuts to whichever is free.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use backstay_core::{FileId, SinkError};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use parking_lot::Mutex;

use super::buffers::{Buffer, Buffers};
use super::segments::Search;
use super::sink::Shared;
use crate::format::BlobKind;
use crate::pack::Packer;

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
#[derive(Default)]
pub(super) struct ChunkedFile {
    content: Mutex<Vec<FileId>>,
    /// Chunks that are not stored, and one until the last is cut.
    open: AtomicUsize,
    pub(super) stored: AtomicU64,
    end: Mutex<Option<Finish>>,
}

/// What to do with the content when all is stored.
type Finish = Box<dyn FnOnce(&Shared, Vec<FileId>, u64) -> Result<(), SinkError> + Send>;

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
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { open: AtomicUsize::new(1), ..Self::default() })
    }

    /// Makes room for one more chunk; returns its position.
    fn announce(&self) -> usize {
        self.open.fetch_add(1, Ordering::AcqRel);
        let mut content = self.content.lock();
        content.push(FileId::default());
        content.len() - 1
    }

    /// All chunks are cut: `finish` runs once all are stored.
    pub(super) fn end(&self, shared: &Shared, finish: Finish) -> Result<(), SinkError> {
        *self.end.lock() = Some(finish);
        self.release(shared)
    }

    fn release(&self, shared: &Shared) -> Result<(), SinkError> {
        if self.open.fetch_sub(1, Ordering::AcqRel) > 1 {
            return Ok(());
        }
        let Some(finish) = self.end.lock().take() else { return Ok(()) };
        let content = std::mem::take(&mut *self.content.lock());
        finish(shared, content, self.stored.load(Ordering::Relaxed))
    }
}

impl Shared {
    /// Hands a chunk to whoever is free, or stores it here when everybody is busy.
    pub(super) fn submit_chunk(
        &self,
        file: &Arc<ChunkedFile>,
        buffer: Arc<Buffer>,
        range: Range<usize>,
        packer: Option<&mut Packer>,
    ) -> Result<(), SinkError> {
        let position = file.announce();
        self.submit(Task::Store(Chunk { file: Arc::clone(file), position, buffer, range }), packer)
    }

    /// Hands a task to whoever is free, or does it here when everybody is busy.
    pub(super) fn submit(&self, task: Task, packer: Option<&mut Packer>) -> Result<(), SinkError> {
        match self.chunks.sender.try_send(task) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(task) | TrySendError::Disconnected(task)) => match packer {
                Some(packer) => self.run_one(task, packer),
                None => self.packers()?.with(|packer| self.run_one(task, packer)),
            },
        }
    }

    fn run_one(&self, task: Task, packer: &mut Packer) -> Result<(), SinkError> {
        match task {
            Task::Search(search) => search.run(&self.chunker),
            Task::Store(chunk) => {
                let stored = self.store(packer, BlobKind::Data, chunk.content())?;
                self.end_chunk(chunk, stored)?;
            }
        }
        Ok(())
    }

    /// Does a task from the queue, and takes a second chunk along with a first: two are hashed at once.
    pub(super) fn run(&self, task: Task, packer: &mut Packer) -> Result<(), SinkError> {
        let Task::Store(first) = task else { return self.run_one(task, packer) };
        match self.chunks.receiver.try_recv() {
            Ok(Task::Store(second)) => {
                let contents = [first.content(), second.content()];
                let [one, two] = self.store_both(packer, BlobKind::Data, contents)?;
                self.end_chunk(first, one)?;
                self.end_chunk(second, two)
            }
            Ok(search) => {
                self.run_one(search, packer)?;
                self.run_one(Task::Store(first), packer)
            }
            Err(_) => self.run_one(Task::Store(first), packer),
        }
    }

    /// Takes over a blob that the repository has already.
    pub(super) fn known_chunk(&self, file: &Arc<ChunkedFile>, id: FileId) -> Result<(), SinkError> {
        let position = file.announce();
        if let Some(slot) = file.content.lock().get_mut(position) {
            *slot = id;
        }
        file.release(self)
    }

    /// Notes that a chunk is stored, and ends its file if it was the last.
    fn end_chunk(&self, chunk: Chunk, (id, stored): (FileId, u32)) -> Result<(), SinkError> {
        self.events.bytes_done(chunk.range.len() as u64);
        let Chunk { file, position, .. } = chunk;
        file.stored.fetch_add(u64::from(stored), Ordering::Relaxed);
        if let Some(slot) = file.content.lock().get_mut(position) {
            *slot = id;
        }
        file.release(self)
    }
}
