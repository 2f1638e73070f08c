//! A thread that does something again and again until told to stop.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Calls a function at an interval. Stops when dropped.
pub(super) struct Ticker {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts; `None` as interval never calls.
    pub(super) fn start(interval: Option<Duration>, mut tick: impl FnMut() + Send + 'static) -> Self {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let thread = interval.and_then(|interval| {
            let stop = Arc::clone(&stop);
            let run = move || {
                let mut stopped = stop.0.lock();
                while !*stopped {
                    if stop.1.wait_for(&mut stopped, interval).timed_out() {
                        parking_lot::MutexGuard::unlocked(&mut stopped, &mut tick);
                    }
                }
            };
            // Work goes on without a progress display if there can be no thread for it.
            std::thread::Builder::new().name("progress".to_owned()).spawn(run).ok()
        });
        Self { stop, thread }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
