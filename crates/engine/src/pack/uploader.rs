//! Storing finished packs, and the index files that name them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use backstay_core::{FileKind, Handle};
use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TrySendError, bounded};
use parking_lot::Mutex;

use super::{FinishedPack, PackBuffer};
use crate::format::index::PackIndex;
use crate::format::{BlobKind, IndexFile};
use crate::index::Index;
use crate::journal::Journal;
use crate::repository::{Lock, Repository};
use crate::{Error, Result};

/// Blobs in an index file, about.
const INDEX_BLOBS: usize = 50_000;
/// Packs after which an index file is written all the same, so that interrupted work has less to do again.
const INDEX_PACKS: usize = 64;

/// How long writing the index may take once the work was given up. What is lost by that is stored again, or found by its
/// journal.
const PARTING: Duration = Duration::from_secs(10);

/// How often who waits for an uploader looks whether it still should.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How busy a repository is and how many threads wait for it, for whoever judges whether it holds up others.
#[derive(Default)]
pub struct Gauge {
    slots: usize,
    busy: AtomicUsize,
    waiting: AtomicUsize,
    given_up: AtomicBool,
}

impl Gauge {
    /// Runs something that may have to wait for the repository to answer.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        self.busy.fetch_add(1, Ordering::Relaxed);
        let result = self.wait(work);
        self.busy.fetch_sub(1, Ordering::Relaxed);
        result
    }

    fn wait<T>(&self, work: impl FnOnce() -> T) -> T {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let result = work();
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        result
    }

    /// How many threads wait right now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How much of what it can do at once it does right now, up to 1.
    #[must_use]
    pub fn busy(&self) -> f64 {
        (self.busy.load(Ordering::Relaxed) as f64 / self.slots.max(1) as f64).min(1.0)
    }

    /// Nobody is to wait any more.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }
}

/// Stores packs on threads of its own.
pub struct Uploader {
    shared: Arc<Shared>,
    packs: Option<Sender<FinishedPack>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    gauge: Arc<Gauge>,
    repository: Repository,
    index: Arc<Index>,
    lock: Option<Arc<Lock>>,
    journal: Option<Arc<Journal>>,
    buffers: Mutex<Vec<PackBuffer>>,
    /// Packs that were not stored because the work was cancelled.
    left: Mutex<Vec<FinishedPack>>,
    pending: Mutex<Vec<PackIndex>>,
    failed: AtomicBool,
    failure: Mutex<Option<Error>>,
    stored_bytes: AtomicU64,
}

impl Uploader {
    /// Starts the threads. Nothing is stored before `lock`, if given, is confirmed. Stored packs are noted in `journal`.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        repository: &Repository,
        index: Arc<Index>,
        lock: Option<Arc<Lock>>,
        journal: Option<Arc<Journal>>,
    ) -> Result<Self> {
        // Where two calls at once serve best, writing is a copy: one thread keeps up, and each holds a pack in memory.
        let count = repository.storage().connections().clamp(2, 9) - 1;
        let shared = Arc::new(Shared {
            gauge: Arc::new(Gauge { slots: count, ..Gauge::default() }),
            repository: repository.clone(),
            index,
            lock,
            journal,
            buffers: Mutex::default(),
            left: Mutex::default(),
            pending: Mutex::default(),
            failed: AtomicBool::new(false),
            failure: Mutex::new(None),
            stored_bytes: AtomicU64::new(0),
        });
        // No queue: a pack waits in its builder's hands, so that memory is bounded by builders and threads.
        let (sender, receiver) = bounded(0);
        let mut threads = Vec::new();
        for number in 0..count {
            let (shared, receiver) = (Arc::clone(&shared), receiver.clone());
            let thread = std::thread::Builder::new()
                .name(format!("upload {number}"))
                .spawn(move || shared.run(&receiver))
                .map_err(|error| Error::Invalid(format!("cannot start a thread: {error}")))?;
            threads.push(thread);
        }
        Ok(Self { shared, packs: Some(sender), threads })
    }

    /// How busy it is.
    #[must_use]
    pub fn gauge(&self) -> Arc<Gauge> {
        Arc::clone(&self.shared.gauge)
    }

    /// Memory for a new pack.
    #[must_use]
    pub fn buffer(&self) -> PackBuffer {
        let used = self.shared.buffers.lock().pop();
        used.unwrap_or_else(|| PackBuffer::for_packs_of(self.shared.repository.settings().pack_size))
    }

    /// Gives memory back.
    pub fn recycle(&self, buffer: PackBuffer) {
        self.shared.buffers.lock().push(buffer);
    }

    /// Hands over a pack; waits until a thread takes it.
    ///
    /// # Errors
    /// When storing an earlier pack failed: the reason why.
    pub fn submit(&self, pack: FinishedPack) -> Result<()> {
        self.check()?;
        let Some(packs) = &self.packs else { return Err(self.failure()) };
        let is_taken = match packs.try_send(pack) {
            Ok(()) => true,
            Err(TrySendError::Disconnected(_)) => false,
            Err(TrySendError::Full(pack)) => self.shared.gauge.wait(|| self.send(packs, pack)),
        };
        if is_taken { Ok(()) } else { Err(self.failure()) }
    }

    /// Waits until a thread takes a pack, or nobody is to wait any more.
    fn send(&self, packs: &Sender<FinishedPack>, mut pack: FinishedPack) -> bool {
        loop {
            match packs.send_timeout(pack, LOOK_EVERY) {
                Ok(()) => return true,
                Err(SendTimeoutError::Timeout(back)) if !self.shared.gauge.is_given_up() => pack = back,
                Err(SendTimeoutError::Timeout(back) | SendTimeoutError::Disconnected(back)) => {
                    self.shared.left.lock().push(back);
                    return false;
                }
            }
        }
    }

    /// Whether all is well so far.
    ///
    /// # Errors
    /// The first failure.
    pub fn check(&self) -> Result<()> {
        if self.shared.failed.load(Ordering::Relaxed) { Err(self.failure()) } else { Ok(()) }
    }

    fn failure(&self) -> Error {
        let first = self.shared.failure.lock();
        first.as_ref().map_or_else(|| Error::Invalid("storing packs failed".into()), Error::again)
    }

    /// Waits until all packs are stored, and writes the rest of the index; returns the bytes of the packs.
    ///
    /// # Errors
    /// The first failure.
    pub fn finish(mut self) -> Result<u64> {
        self.stop();
        self.check()?;
        self.shared.flush_index(&self.shared.repository, 0)?;
        Ok(self.stored_bytes())
    }

    /// Stores these packs too, and writes the index, when the work was cancelled: as far as that goes quickly. What fails is stored again
    /// another time.
    pub(super) fn part(mut self, packs: impl Iterator<Item = FinishedPack>) {
        self.stop();
        let was_cancelled = self.shared.failure.lock().as_ref().is_none_or(Error::is_interrupted);
        let repository = self.shared.repository.at_parting(PARTING);
        let left = std::mem::take(&mut *self.shared.left.lock());
        for mut pack in left.into_iter().chain(packs).take_while(|_| was_cancelled) {
            if self.shared.store(&repository, &mut pack).is_err() {
                break;
            }
        }
        let _ = self.shared.salvage(&repository);
    }

    fn stop(&mut self) {
        self.packs = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                self.shared.fail(Error::Invalid("a thread that stores packs ended unexpectedly".into()));
            }
        }
    }

    /// Bytes of packs stored so far.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.shared.stored_bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Uploader {
    /// Work that was given up: what is stored gets into the index if that is still possible, so that it need not be stored again.
    fn drop(&mut self) {
        if self.packs.is_some() {
            self.stop();
            let _ = self.shared.salvage(&self.shared.repository.at_parting(PARTING));
        }
    }
}

impl Shared {
    fn run(&self, packs: &Receiver<FinishedPack>) {
        for mut pack in packs {
            if self.failed.load(Ordering::Relaxed) {
                self.left.lock().push(pack);
                continue;
            }
            self.gauge.busy.fetch_add(1, Ordering::Relaxed);
            let stored = self.store(&self.repository, &mut pack);
            self.gauge.busy.fetch_sub(1, Ordering::Relaxed);
            match stored {
                Ok(()) => self.buffers.lock().push(pack.buffer),
                Err(error) => {
                    // Without its blobs it was the index that could not be written.
                    if !pack.blobs.is_empty() {
                        self.left.lock().push(pack);
                    }
                    self.fail(error);
                }
            }
        }
    }

    /// Stores a pack, and takes what is known of its blobs.
    fn store(&self, repository: &Repository, pack: &mut FinishedPack) -> Result<()> {
        if let Some(lock) = &self.lock {
            lock.confirm_through(repository)?;
        }
        let bytes = pack.buffer.filled();
        if pack.blobs.first().is_some_and(|blob| blob.kind == BlobKind::Tree) {
            repository.storage().note_tree_pack(&pack.id);
        }
        repository.write_file(Handle::new(FileKind::Pack, pack.id), bytes)?;
        self.stored_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.index.add(pack.id, &pack.blobs);
        let stored = PackIndex { id: pack.id, blobs: std::mem::take(&mut pack.blobs) };
        if let Some(journal) = &self.journal {
            journal.note_pack(&stored);
        }
        self.pending.lock().push(stored);
        self.flush_index(repository, INDEX_BLOBS)
    }

    /// Writes an index file when at least this many blobs wait for one.
    fn flush_index(&self, repository: &Repository, least: usize) -> Result<()> {
        let packs = {
            let mut pending = self.pending.lock();
            let blobs: usize = pending.iter().map(|pack| pack.blobs.len()).sum();
            if pending.is_empty() || (blobs < least && pending.len() < INDEX_PACKS) {
                return Ok(());
            }
            std::mem::take(&mut *pending)
        };
        let file = IndexFile { supersedes: Vec::new(), packs };
        repository.save_unpacked(FileKind::Index, &file.to_json())?;
        Ok(())
    }

    /// Writes the index of what was stored although the work was cancelled.
    fn salvage(&self, repository: &Repository) -> Result<()> {
        if self.pending.lock().is_empty() {
            return Ok(());
        }
        if let Some(lock) = &self.lock {
            lock.confirm_through(repository)?;
        }
        self.flush_index(repository, 0)
    }

    fn fail(&self, error: Error) {
        let mut failure = self.failure.lock();
        if !self.failed.swap(true, Ordering::SeqCst) {
            *failure = Some(error);
        }
    }
}
