//! What all threads of a backup share, whatever it goes to, and the blobs that they store.
//!
//! A backup has *destinations*: repositories, each with an index, a parent, a journal, packers and failures of its own. What one of them
//! needs is read once, cut once for all that cut alike, hashed once and compressed once; each seals it with its own key. One that
//! fails is left aside, and the others go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use backstay_core::{Control, Events, FileId, Interrupted, SinkError};
use parking_lot::{Condvar, Mutex};

use super::chunks::ChunkQueue;
use super::destination::Shared;
use super::folder::FolderState;
use super::guests::Guest;
use super::pace::Pace;
use crate::crypto::hash;
use crate::format::BlobKind;
use crate::pack::{Packer, Squeezed};

/// What all threads of a backup share.
pub(super) struct Crew {
    pub(super) control: Control,
    pub(super) events: Arc<dyn Events>,
    pub(super) threads: usize,
    pub(super) destinations: Vec<Arc<Shared>>,
    pub(super) guests: Vec<Arc<Guest>>,
    pub(super) standing: Arc<Standing>,
    pub(super) chunks: ChunkQueue,
    pub(super) pace: Pace,
    pub(super) open_pushes: AtomicUsize,
}

/// Who still takes part.
pub(super) struct Standing {
    /// For each destination, whether it is out.
    out: Vec<AtomicBool>,
    /// Whether anybody else takes part: then whoever fails is left aside.
    pub(super) is_shared: bool,
    /// How often it rang.
    bell: Mutex<u64>,
    rung: Condvar,
}

/// A destination that an entry has to be stored at, and the folder that it belongs to there.
#[derive(Clone)]
pub(super) struct Taker {
    pub(super) shared: Arc<Shared>,
    pub(super) folder: Arc<FolderState>,
}

/// A packer for each destination, and memory, for one thread.
pub(super) struct Hands {
    packers: Vec<Option<Packer>>,
    squeezed: Squeezed,
}

impl Standing {
    pub(super) fn new(destinations: usize, guests: usize) -> Self {
        Self {
            out: (0..destinations).map(|_| AtomicBool::new(false)).collect(),
            is_shared: destinations + guests > 1,
            bell: Mutex::new(0),
            rung: Condvar::new(),
        }
    }

    pub(super) fn leave(&self, number: usize) {
        if let Some(out) = self.out.get(number) {
            out.store(true, Ordering::SeqCst);
        }
    }

    /// The destination whose progress is told: the first that still takes part.
    pub(super) fn speaker(&self) -> Option<usize> {
        self.out.iter().position(|out| !out.load(Ordering::Relaxed))
    }

    /// Tells who waits for the end that something has changed.
    pub(super) fn ring(&self) {
        *self.bell.lock() += 1;
        self.rung.notify_all();
    }

    /// Waits until `done` gives something. Cancelling does not ring, so it is looked now and then as well.
    pub(super) fn wait<T>(&self, mut done: impl FnMut() -> Option<T>) -> T {
        loop {
            let before = *self.bell.lock();
            if let Some(value) = done() {
                return value;
            }
            let mut bell = self.bell.lock();
            if *bell == before {
                self.rung.wait_for(&mut bell, Duration::from_millis(100));
            }
        }
    }
}

impl Crew {
    /// A packer for each destination. They have to be [given back](Crew::give_back).
    pub(super) fn lend(&self) -> Hands {
        let packers = self.destinations.iter().map(|shared| Some(shared.packers().ok()?.lend())).collect();
        Hands { packers, squeezed: Squeezed::default() }
    }

    pub(super) fn give_back(&self, hands: Hands) {
        for (shared, packer) in self.destinations.iter().zip(hands.packers) {
            if let (Ok(packers), Some(packer)) = (shared.packers(), packer) {
                packers.give_back(packer);
            }
        }
    }

    /// Whether a destination still takes part. Its own reins may have been drawn, as when its lock is lost.
    pub(super) fn takes_part(&self, shared: &Shared) -> bool {
        if shared.has_failed() {
            return false;
        }
        if shared.control().is_cancelled() && !self.control.is_cancelled() {
            shared.fail(SinkError::Interrupted(Interrupted));
            return false;
        }
        true
    }

    /// Stores a blob at each destination that takes it and does not have it; returns its id. How many bytes it takes where it is new
    /// is told for each.
    pub(super) fn store(
        &self,
        hands: &mut Hands,
        takers: &[Taker],
        kind: BlobKind,
        content: &[u8],
        mut told: impl FnMut(usize, u32),
    ) -> FileId {
        let Hands { packers, squeezed } = hands;
        if let [taker] = takers {
            let Some(Some(packer)) = packers.get_mut(taker.shared.number) else { return FileId::default() };
            return match taker.shared.store(packer, kind, content) {
                Ok((id, length)) => {
                    told(0, length);
                    id
                }
                Err(error) => {
                    taker.shared.fail(error);
                    FileId::default()
                }
            };
        }
        squeezed.clear();
        let mut known = None;
        for (place, taker) in takers.iter().enumerate() {
            let shared = &taker.shared;
            if !self.takes_part(shared) {
                continue;
            }
            let Some(Some(packer)) = packers.get_mut(shared.number) else { continue };
            let stored = shared.packers().and_then(|all| {
                let id = *known.get_or_insert_with(|| all.hash(packer, kind, content));
                Ok(all.store_shared(packer, kind, id, content, squeezed)?)
            });
            match stored {
                Ok(stored) => told(place, shared.count(kind, content, stored).1),
                Err(error) => shared.fail(error),
            }
        }
        known.unwrap_or_else(|| hash(content))
    }

    /// Stores two blobs of the same only destination; returns their ids and how many bytes they take.
    pub(super) fn store_both(
        &self,
        hands: &mut Hands,
        shared: &Shared,
        contents: [&[u8]; 2],
    ) -> Result<[(FileId, u32); 2], SinkError> {
        match hands.packers.get_mut(shared.number) {
            Some(Some(packer)) => shared.store_both(packer, BlobKind::Data, contents),
            _ => Err(SinkError::failed("the backup is over")),
        }
    }

    /// Whether the backup can go on; waits while it is paused.
    pub(super) fn check(&self) -> Result<(), SinkError> {
        self.check_failed()?;
        Ok(self.control.checkpoint()?)
    }

    /// Whether all of it failed, as an error.
    pub(super) fn check_failed(&self) -> Result<(), SinkError> {
        if self.has_failed() { Err(self.failure()) } else { Ok(()) }
    }

    /// Notes that nothing of the backup can go on.
    pub(super) fn fail(&self, error: &SinkError) {
        self.destinations.iter().for_each(|shared| shared.fail(again(Some(error))));
        self.guests.iter().for_each(|guest| guest.fail(again(Some(error))));
    }

    /// Whether all of it failed.
    pub(super) fn has_failed(&self) -> bool {
        self.destinations.iter().all(|shared| shared.has_failed())
            && self.guests.iter().all(|guest| guest.has_failed())
    }

    /// Why the first of it failed.
    pub(super) fn failure(&self) -> SinkError {
        match (self.destinations.first(), self.guests.first()) {
            (Some(shared), _) => shared.failure(),
            (None, Some(guest)) => guest.failure(),
            (None, None) => SinkError::failed("the backup has no destination"),
        }
    }

    /// Whether the progress of what these take is told: that of one destination is.
    pub(super) fn is_told(&self, takers: &[Taker]) -> bool {
        match self.standing.speaker() {
            Some(speaker) => takers.iter().any(|taker| taker.shared.number == speaker),
            None => true,
        }
    }

    /// Counts an item that could not be read at all who want it, and tells it once.
    pub(super) fn item_failed(&self, takers: &[Taker], name: &[u8], error: &str) {
        takers.iter().for_each(|taker| taker.shared.stats.failure());
        self.events.item_failed(&self.path_of(takers, name), "archival", error);
    }

    /// An announced entry stays out everywhere.
    pub(super) fn leave_out(&self, takers: &[Taker], name: &[u8], error: &str) {
        self.item_failed(takers, name, error);
        for taker in takers {
            taker.shared.attempt(|shared| shared.settle(&taker.folder, None));
        }
    }

    pub(super) fn path_of(&self, takers: &[Taker], name: &[u8]) -> Vec<u8> {
        takers.first().map_or_else(|| name.to_vec(), |taker| taker.folder.path_of(name))
    }
}

/// The same failure once more, for each who asks.
pub(super) fn again(failure: Option<&SinkError>) -> SinkError {
    match failure {
        Some(SinkError::Failed(cause)) => match cause.downcast_ref::<crate::Error>() {
            Some(error) => SinkError::failed(error.again()),
            None => SinkError::failed(cause.to_string()),
        },
        Some(SinkError::Interrupted(_)) | None => SinkError::Interrupted(Interrupted),
    }
}
