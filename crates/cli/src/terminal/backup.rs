//! Progress of a backup.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use backstay_core::{Events, ItemAction};
use parking_lot::Mutex;

use super::rate::Rate;
use super::ticker::Ticker;
use crate::console::{Console, Level};
use crate::format;
use crate::json::backup::{Status, VerboseStatus};
use crate::json::message::{ErrorText, ItemError};

/// Listens to a backup and shows how far it is. [Finish](Self::finish) it before the summary is printed.
pub(crate) struct BackupProgress {
    shared: Arc<Shared>,
    ticker: Mutex<Option<Ticker>>,
}

struct Shared {
    console: Arc<Console>,
    start: Instant,
    /// Whether anybody is told of files in work, or how long one took.
    watches_files: bool,
    total_files: AtomicU64,
    total_bytes: AtomicU64,
    scan_complete: AtomicBool,
    files: AtomicU64,
    bytes: AtomicU64,
    errors: AtomicU64,
    /// Files in work, and since when.
    current: Mutex<BTreeMap<Vec<u8>, Instant>>,
    rate: Mutex<Rate>,
}

impl BackupProgress {
    /// Starts the display.
    pub(crate) fn start(console: &Arc<Console>) -> Self {
        let interval = console.progress_interval();
        let shared = Arc::new(Shared {
            console: Arc::clone(console),
            start: Instant::now(),
            watches_files: console.is_json() || (interval.is_some() && console.can_update_status()),
            total_files: AtomicU64::new(0),
            total_bytes: AtomicU64::new(0),
            scan_complete: AtomicBool::new(false),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            current: Mutex::default(),
            rate: Mutex::default(),
        });
        let ticked = Arc::clone(&shared);
        Self { ticker: Mutex::new(Some(Ticker::start(console, interval, move || ticked.show()))), shared }
    }

    /// How many items could not be read.
    pub(crate) fn errors(&self) -> u64 {
        self.shared.errors.load(Relaxed)
    }

    /// Takes the display away.
    pub(crate) fn finish(&self) {
        self.ticker.lock().take();
        self.shared.console.clear_status();
    }
}

impl Drop for BackupProgress {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Shared {
    fn show(&self) {
        let (files, bytes) = (self.files.load(Relaxed), self.bytes.load(Relaxed));
        let (total_files, total_bytes) = (self.total_files.load(Relaxed), self.total_bytes.load(Relaxed));
        if files == 0 && bytes == 0 && total_files == 0 {
            return;
        }
        let (speed, remaining) = {
            let mut rate = self.rate.lock();
            rate.note(Instant::now(), bytes);
            let remaining = match self.scan_complete.load(Relaxed) {
                true => rate.seconds_for(total_bytes.saturating_sub(bytes)),
                false => 0,
            };
            (rate.per_second(), remaining)
        };
        let current: Vec<String> = self
            .current
            .lock()
            .keys()
            .take(2)
            .map(|path| String::from_utf8_lossy(path).into_owned())
            .collect();
        let errors = self.errors.load(Relaxed);
        if self.console.is_json() {
            self.console.message(&Status {
                message_type: "status",
                seconds_elapsed: self.start.elapsed().as_secs(),
                seconds_remaining: remaining,
                percent_done: if total_bytes > 0 { bytes as f64 / total_bytes as f64 } else { 0.0 },
                total_files,
                files_done: files,
                total_bytes,
                bytes_done: bytes,
                error_count: errors,
                current_files: current,
            });
            return;
        }
        let elapsed = format::duration(self.start.elapsed());
        let done = format!("{files} files {}", format::bytes(bytes));
        let mut line = match total_files {
            0 => format!("[{elapsed}] {done}"),
            _ => {
                let percent = format::percent(bytes, total_bytes);
                format!(
                    "[{elapsed}] {percent}  {done}, total {total_files} files {}",
                    format::bytes(total_bytes)
                )
            }
        };
        if speed > 0.0 {
            line.push_str(&format!(", {}/s", format::bytes(speed as u64)));
        }
        line.push_str(&format!(", {errors} errors"));
        if remaining > 0 {
            line.push_str(&format!(" ETA {}", format::seconds(remaining)));
        }
        let mut lines = vec![super::fit(&line)];
        lines.extend(current.iter().map(|path| super::fit(&format::quote(path.as_bytes()))));
        self.console.status(&lines);
    }

    fn item_done(&self, path: &[u8], action: ItemAction, size: u64, stored: u64, duration: Duration) {
        if self.console.level() < Level::Verbose
            || (!self.console.is_json() && self.console.level() < Level::Debug)
        {
            return;
        }
        let word = match action {
            ItemAction::New => "new",
            ItemAction::Changed => "modified",
            ItemAction::Unchanged => "unchanged",
        };
        if self.console.is_json() {
            let unchanged = action == ItemAction::Unchanged;
            let (size, duration) = match (unchanged, stored) {
                (true, _) => (0, 0.0),
                // Its content was stored before.
                (false, 0) => (0, duration.as_secs_f64()),
                (false, _) => (size, duration.as_secs_f64()),
            };
            self.console.message(&VerboseStatus {
                message_type: "verbose_status",
                action: word,
                item: &String::from_utf8_lossy(path),
                duration,
                data_size: size,
                data_size_in_repo: stored,
                ..VerboseStatus::default()
            });
        } else if action == ItemAction::Unchanged {
            self.console.debug(format!("{word} {}", format::quote(path)));
        } else {
            let (size, stored) = (format::bytes(size), format::bytes(stored));
            self.console.debug(format!("{word:<9} {} ({size} read, {stored} stored)", format::quote(path)));
        }
    }
}

impl Events for BackupProgress {
    fn totals(&self, files: u64, bytes: u64, complete: bool) {
        let shared = &self.shared;
        shared.total_files.store(files, Relaxed);
        shared.total_bytes.store(bytes, Relaxed);
        if complete && !shared.scan_complete.swap(true, Relaxed) {
            let elapsed = shared.start.elapsed().as_secs_f64();
            if !shared.console.is_json() {
                let size = format::bytes(bytes);
                shared.console.detail(format!("scan finished in {elapsed:.3}s: {files} files, {size}"));
            } else if shared.console.level() >= Level::Verbose {
                shared.console.message(&VerboseStatus {
                    message_type: "verbose_status",
                    action: "scan_finished",
                    duration: elapsed,
                    data_size: bytes,
                    total_files: files,
                    ..VerboseStatus::default()
                });
            }
        }
    }

    fn file_started(&self, path: &[u8]) {
        if self.shared.watches_files {
            self.shared.current.lock().insert(path.to_vec(), Instant::now());
        }
    }

    fn bytes_done(&self, bytes: u64) {
        self.shared.bytes.fetch_add(bytes, Relaxed);
    }

    fn file_done(&self, path: &[u8], action: ItemAction, size: u64, stored: u64) {
        self.shared.files.fetch_add(1, Relaxed);
        let since = self.shared.watches_files.then(|| self.shared.current.lock().remove(path)).flatten();
        let duration = since.map(|since| since.elapsed()).unwrap_or_default();
        self.shared.item_done(path, action, size, stored, duration);
    }

    fn folder_done(&self, path: &[u8], action: ItemAction) {
        self.shared.item_done(path, action, 0, 0, Duration::ZERO);
    }

    fn item_failed(&self, path: &[u8], during: &str, error: &str) {
        let shared = &self.shared;
        if shared.watches_files {
            shared.current.lock().remove(path);
        }
        if during != "scan" {
            shared.errors.fetch_add(1, Relaxed);
        }
        if shared.console.is_json() {
            let item = &String::from_utf8_lossy(path);
            shared.console.error_message(&ItemError {
                message_type: "error",
                error: ErrorText { message: error },
                during,
                item,
            });
        } else if during != "scan" {
            shared.console.complain(format!("error: {}: {error}", format::quote(path)));
        } else if shared.console.level() >= Level::Verbose {
            shared.console.complain(format!("scan: {}: {error}", format::quote(path)));
        }
    }

    fn message(&self, text: &str) {
        self.shared.console.say(text);
    }

    fn warning(&self, text: &str) {
        self.shared.console.complain(format!("warning: {text}"));
    }
}
