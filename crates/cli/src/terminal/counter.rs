//! Progress of work that goes in steps, as checking packs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use backstay_core::Events;
use parking_lot::Mutex;

use super::ticker::Ticker;
use crate::console::Console;
use crate::format;
use crate::json::check;

/// Listens to work that reports its steps by name. [Finish](Self::finish) it before results are printed.
pub(crate) struct StepProgress {
    shared: Arc<Shared>,
    ticker: Mutex<Option<Ticker>>,
}

struct Shared {
    console: Arc<Console>,
    start: Instant,
    step: Mutex<Option<Step>>,
    bytes: AtomicU64,
}

struct Step {
    name: String,
    done: u64,
    total: u64,
    since: Instant,
}

impl StepProgress {
    /// Starts the display.
    pub(crate) fn start(console: &Arc<Console>) -> Self {
        let shared = Arc::new(Shared {
            console: Arc::clone(console),
            start: Instant::now(),
            step: Mutex::default(),
            bytes: AtomicU64::new(0),
        });
        let ticked = Arc::clone(&shared);
        let interval = console.progress_interval();
        Self { ticker: Mutex::new(Some(Ticker::start(console, interval, move || ticked.show()))), shared }
    }

    /// Takes the display away and says how far the last step came.
    pub(crate) fn finish(&self) {
        self.ticker.lock().take();
        self.shared.console.clear_status();
        if let Some(step) = self.shared.step.lock().take() {
            self.shared.console.say(step.line());
        }
    }
}

impl Drop for StepProgress {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Step {
    fn line(&self) -> String {
        let elapsed = format::duration(self.since.elapsed());
        match self.total {
            0 => format!("[{elapsed}]          {} {}", self.done, self.name),
            total => format!(
                "[{elapsed}] {}  {} / {total} {}",
                format::percent(self.done, total),
                self.done,
                self.name
            ),
        }
    }
}

impl Shared {
    fn show(&self) {
        // Steps have no JSON messages.
        if self.console.is_json() {
            return;
        }
        let line = match self.step.lock().as_ref() {
            Some(step) => step.line(),
            None => return,
        };
        let bytes = self.bytes.load(Relaxed);
        let line = match bytes {
            0 => line,
            bytes => {
                let speed = bytes as f64 / self.start.elapsed().as_secs_f64().max(0.001);
                format!("{line}, {} at {}/s", format::bytes(bytes), format::bytes(speed as u64))
            }
        };
        self.console.status(&[super::fit(&line)]);
    }
}

impl Events for StepProgress {
    fn bytes_done(&self, bytes: u64) {
        self.shared.bytes.fetch_add(bytes, Relaxed);
    }

    fn step(&self, name: &str, done: u64, total: u64) {
        let finished = {
            let mut step = self.shared.step.lock();
            match step.as_mut().filter(|step| step.name == name) {
                Some(step) => {
                    // Threads may report out of order.
                    step.done = step.done.max(done);
                    step.total = total;
                    None
                }
                None => step.replace(Step { name: name.to_owned(), done, total, since: Instant::now() }),
            }
        };
        if let Some(step) = finished {
            self.shared.console.clear_status();
            self.shared.console.say(step.line());
        }
    }

    fn item_failed(&self, path: &[u8], _during: &str, error: &str) {
        let text = match path {
            b"" => error.to_owned(),
            path => format!("{}: {error}", format::quote(path)),
        };
        if self.shared.console.is_json() {
            self.shared.console.error_message(&check::Error { message_type: "error", message: &text });
        } else {
            self.shared.console.complain(format!("error: {text}"));
        }
    }

    fn message(&self, text: &str) {
        self.shared.console.say(text);
    }

    fn warning(&self, text: &str) {
        if self.shared.console.is_json() {
            self.shared.console.error_message(&check::Error { message_type: "error", message: text });
        } else {
            self.shared.console.complain(format!("warning: {text}"));
        }
    }
}
