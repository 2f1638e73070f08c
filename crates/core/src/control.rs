//! Pause, resume, cancel and slow down work that is under way.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// The work was cancelled by its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Interrupted;

/// The reins of one piece of work. Clones steer the same work.
#[derive(Debug, Clone, Default)]
pub struct Control(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    cancelled: AtomicBool,
    paused: AtomicBool,
    gate: Mutex<()>,
    wake: Condvar,
    /// Bytes per second that may be read from the source; 0 is no limit.
    read_rate: AtomicU64,
}

impl Control {
    /// Work that runs freely until somebody says otherwise.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the work to stop after the item in hand. It cannot be taken back.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        self.notify();
    }

    /// Whether [`Control::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    /// Asks the work to wait after the item in hand.
    pub fn pause(&self) {
        self.0.paused.store(true, Ordering::SeqCst);
    }

    /// Lets paused work go on.
    pub fn resume(&self) {
        self.0.paused.store(false, Ordering::SeqCst);
        self.notify();
    }

    /// Whether the work is asked to wait.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.0.paused.load(Ordering::Relaxed)
    }

    /// Limits reading from the source to this many bytes per second; `None` lifts the limit.
    pub fn set_read_rate(&self, bytes_per_second: Option<u64>) {
        self.0.read_rate.store(bytes_per_second.unwrap_or(0), Ordering::Relaxed);
    }

    /// The limit set by [`Control::set_read_rate`].
    #[must_use]
    pub fn read_rate(&self) -> Option<u64> {
        match self.0.read_rate.load(Ordering::Relaxed) {
            0 => None,
            rate => Some(rate),
        }
    }

    /// Called by the work between items: waits while paused.
    ///
    /// # Errors
    /// [`Interrupted`] once the work is cancelled.
    pub fn checkpoint(&self) -> Result<(), Interrupted> {
        if self.is_paused() {
            let mut gate = self.0.gate.lock().unwrap_or_else(PoisonError::into_inner);
            while self.is_paused() && !self.is_cancelled() {
                gate = self.0.wake.wait(gate).unwrap_or_else(PoisonError::into_inner);
            }
        }
        if self.is_cancelled() { Err(Interrupted) } else { Ok(()) }
    }

    fn notify(&self) {
        let _gate = self.0.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.wake.notify_all();
    }
}
