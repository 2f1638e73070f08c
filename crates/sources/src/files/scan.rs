//! Counts what a capture is going to take, for a progress bar that knows its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use backstay_core::{
    Control, CutHint, Entry, EntryKind, Events, Folder, Meta, Pushed, Silent, Sink, SinkError,
};

use super::capture::{Capture, CaptureError};

/// How often the totals so far are told.
const PACE: Duration = Duration::from_millis(100);

/// Walks like the capture, reads nothing, and tells the totals: now and then, and when they are complete.
/// What cannot be looked at is passed over; the capture itself reports it.
///
/// # Errors
/// As for [`Capture::run`].
pub fn scan(capture: &Capture, control: &Control, events: &dyn Events) -> Result<(), CaptureError> {
    let mut capture = capture.clone();
    capture.options.with_attributes = false;
    let counter = Counter::default();
    std::thread::scope(|scope| {
        let (done, finished) = channel::<()>();
        let walk = scope.spawn(|| {
            // Dropped at the end, which wakes the waiter.
            let _done = done;
            capture.run(&counter, control, &Silent)
        });
        while finished.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
            counter.tell(events, false);
        }
        let outcome = walk.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        outcome.map(|_| counter.tell(events, true))
    })
}

/// A sink that only counts.
#[derive(Debug, Clone, Default)]
struct Counter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Counter {
    fn tell(&self, events: &dyn Events, complete: bool) {
        let (files, bytes) = (self.0.files.load(Ordering::Relaxed), self.0.bytes.load(Ordering::Relaxed));
        events.totals(files, bytes, complete);
    }
}

impl Sink for Counter {
    fn root(&self) -> Result<Box<dyn Folder>, SinkError> {
        Ok(Box::new(self.clone()))
    }

    fn open_limit(&self) -> usize {
        0
    }
}

impl Folder for Counter {
    fn folder(&self, _: &[u8]) -> Result<Box<dyn Folder>, SinkError> {
        Ok(Box::new(self.clone()))
    }

    fn add(&self, entry: Entry) -> Result<(), SinkError> {
        if entry.meta.kind == EntryKind::File {
            self.0.files.fetch_add(1, Ordering::Relaxed);
            self.0.bytes.fetch_add(entry.meta.size, Ordering::Relaxed);
        }
        Ok(())
    }

    fn begin(&self, _: &[u8], _: CutHint) -> Result<Box<dyn Pushed>, SinkError> {
        Err(SinkError::failed("a counter takes no pushed content"))
    }

    fn failed(&self, _: &[u8], _: &str) {}

    fn close(self: Box<Self>, _: Meta) -> Result<(), SinkError> {
        Ok(())
    }
}
