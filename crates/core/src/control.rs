//! Pause, resume, cancel and slow down work that is under way.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

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
    /// Work that this is a part of.
    whole: Option<Control>,
}

/// How often a part of some work that is paused looks whether the whole goes on.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Control {
    /// Work that runs freely until somebody says otherwise.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The reins of a part of this work: what is asked of the whole is asked of the part, and a part can be cancelled alone.
    #[must_use]
    pub fn part(&self) -> Self {
        Self(Arc::new(Inner { whole: Some(self.clone()), ..Inner::default() }))
    }

    /// Asks the work to stop after the item in hand. It cannot be taken back.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        self.notify();
    }

    /// Whether [`Control::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed) || self.0.whole.as_ref().is_some_and(Self::is_cancelled)
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
        self.0.paused.load(Ordering::Relaxed) || self.0.whole.as_ref().is_some_and(Self::is_paused)
    }

    /// Limits reading from the source to this many bytes per second; `None` lifts the limit.
    pub fn set_read_rate(&self, bytes_per_second: Option<u64>) {
        self.0.read_rate.store(bytes_per_second.unwrap_or(0), Ordering::Relaxed);
    }

    /// The limit set by [`Control::set_read_rate`].
    #[must_use]
    pub fn read_rate(&self) -> Option<u64> {
        match self.0.read_rate.load(Ordering::Relaxed) {
            0 => self.0.whole.as_ref().and_then(Self::read_rate),
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
                gate = match self.0.whole {
                    None => self.0.wake.wait(gate).unwrap_or_else(PoisonError::into_inner),
                    // Nobody rings here when the whole is resumed or cancelled.
                    Some(_) => {
                        self.0.wake.wait_timeout(gate, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner).0
                    }
                };
            }
        }
        if self.is_cancelled() { Err(Interrupted) } else { Ok(()) }
    }

    fn notify(&self) {
        let _gate = self.0.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.wake.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_steered_by_the_whole_and_can_be_cancelled_alone() {
        let whole = Control::new();
        let (one, other) = (whole.part(), whole.part());
        whole.set_read_rate(Some(7));
        assert_eq!(one.read_rate(), Some(7));
        one.cancel();
        assert!(one.checkpoint().is_err() && other.checkpoint().is_ok() && !whole.is_cancelled());
        whole.pause();
        assert!(other.is_paused());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| other.checkpoint());
            std::thread::sleep(Duration::from_millis(20));
            whole.resume();
            assert!(waiting.join().unwrap().is_ok());
        });
        whole.cancel();
        assert!(other.checkpoint().is_err());
    }
}
