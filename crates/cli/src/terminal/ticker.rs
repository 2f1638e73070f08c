//! A thread that does something again and again, and whenever it is asked to, until told to stop.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::console::Console;

/// Calls a function at an interval, and when `SIGUSR1` asks for progress. Stops when dropped.
pub(super) struct Ticker {
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

/// What wakes a ticker.
#[derive(Default)]
pub(crate) struct Bell {
    rung: Mutex<Rung>,
    changed: Condvar,
}

#[derive(Default)]
struct Rung {
    asked: bool,
    stop: bool,
}

impl Bell {
    /// Has the ticker call its function now.
    pub(crate) fn ask(&self) {
        self.rung.lock().asked = true;
        self.changed.notify_all();
    }

    fn stop(&self) {
        self.rung.lock().stop = true;
        self.changed.notify_all();
    }

    /// Calls the function until the bell says stop.
    fn serve(&self, interval: Option<Duration>, mut tick: impl FnMut()) {
        let mut rung = self.rung.lock();
        while !rung.stop {
            let timed_out = match interval {
                // It may have rung while the function ran.
                _ if rung.asked => false,
                Some(interval) => self.changed.wait_for(&mut rung, interval).timed_out(),
                None => {
                    self.changed.wait(&mut rung);
                    false
                }
            };
            if std::mem::take(&mut rung.asked) || timed_out {
                MutexGuard::unlocked(&mut rung, &mut tick);
            }
        }
    }
}

impl Ticker {
    /// Starts; without an interval it only answers the signal.
    pub(super) fn start(
        console: &Console,
        interval: Option<Duration>,
        tick: impl FnMut() + Send + 'static,
    ) -> Self {
        let bell = Arc::new(Bell::default());
        console.answer_with(&bell);
        let run = {
            let bell = Arc::clone(&bell);
            move || bell.serve(interval, tick)
        };
        // Work goes on without a progress display if there can be no thread for it.
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(run).ok();
        Self { bell, thread }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.bell.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
