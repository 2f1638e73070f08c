//! Chunks of big files on their way from the thread that cuts to whichever is free.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use backstay_core::{FileId, SinkError};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use parking_lot::Mutex;

use super::sink::Shared;
use crate::format::BlobKind;
use crate::pack::Packer;

/// A bounded queue of chunks, and the memory they lie in.
pub(super) struct ChunkQueue {
    sender: Sender<Chunk>,
    pub(super) receiver: Receiver<Chunk>,
    buffers: Mutex<Vec<Vec<u8>>>,
}

/// A chunk that is to be stored.
pub(super) struct Chunk {
    pub(super) file: Arc<ChunkedFile>,
    pub(super) position: usize,
    pub(super) buffer: Vec<u8>,
    pub(super) length: usize,
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
    pub(super) fn new(capacity: usize) -> Self {
        let (sender, receiver) = bounded(capacity);
        Self { sender, receiver, buffers: Mutex::default() }
    }

    /// Memory for a chunk of up to `length` bytes.
    pub(super) fn buffer(&self, length: usize) -> Vec<u8> {
        let buffer = self.buffers.lock().pop();
        buffer.filter(|buffer| buffer.len() >= length).unwrap_or_else(|| vec![0; length])
    }

    pub(super) fn recycle(&self, buffer: Vec<u8>) {
        self.buffers.lock().push(buffer);
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
        buffer: Vec<u8>,
        length: usize,
        packer: Option<&mut Packer>,
    ) -> Result<(), SinkError> {
        let position = file.announce();
        let chunk = Chunk { file: Arc::clone(file), position, buffer, length };
        match self.chunks.sender.try_send(chunk) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(chunk) | TrySendError::Disconnected(chunk)) => match packer {
                Some(packer) => self.store_chunk(chunk, packer),
                None => self.packers()?.with(|packer| self.store_chunk(chunk, packer)),
            },
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

    /// Stores a chunk, and ends its file if it was the last.
    pub(super) fn store_chunk(&self, chunk: Chunk, packer: &mut Packer) -> Result<(), SinkError> {
        let Chunk { file, position, buffer, length } = chunk;
        let content = buffer.get(..length).unwrap_or_default();
        let (id, stored) = self.store(packer, BlobKind::Data, content)?;
        self.chunks.recycle(buffer);
        self.events.bytes_done(length as u64);
        file.stored.fetch_add(u64::from(stored), Ordering::Relaxed);
        if let Some(slot) = file.content.lock().get_mut(position) {
            *slot = id;
        }
        file.release(self)
    }
}
