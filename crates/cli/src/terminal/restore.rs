//! Progress of a restore.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use backstay_core::{Events, ItemAction};
use parking_lot::Mutex;

use super::rate::Rate;
use super::ticker::Ticker;
use crate::console::{Console, Level};
use crate::format;
use crate::json::message::{ErrorText, ItemError};
use crate::json::restore::{Figures, Status, VerboseStatus};

/// Listens to a restore and shows how far it is. [Finish](Self::finish) it before the summary is printed.
pub(crate) struct RestoreProgress {
    shared: Arc<Shared>,
    ticker: Mutex<Option<Ticker>>,
}

struct Shared {
    console: Arc<Console>,
    start: Instant,
    /// What is deleted is named with the folder that is restored to.
    target: PathBuf,
    total_files: AtomicU64,
    total_bytes: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
    deleted: AtomicU64,
    /// Packs that are back from an archive class, and all that were asked for.
    packs: Mutex<(u64, u64)>,
    rate: Mutex<Rate>,
}

impl RestoreProgress {
    /// Starts the display.
    pub(crate) fn start(console: &Arc<Console>, target: &Path) -> Self {
        let shared = Arc::new(Shared {
            console: Arc::clone(console),
            start: Instant::now(),
            target: std::path::absolute(target).unwrap_or_else(|_| target.to_owned()),
            total_files: AtomicU64::new(0),
            total_bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            deleted: AtomicU64::new(0),
            packs: Mutex::default(),
            rate: Mutex::default(),
        });
        let ticked = Arc::clone(&shared);
        Self {
            ticker: Mutex::new(Some(Ticker::start(console, console.progress_interval(), move || {
                ticked.show()
            }))),
            shared,
        }
    }

    /// How long it has been going on.
    pub(crate) fn elapsed(&self) -> Duration {
        self.shared.start.elapsed()
    }

    /// Takes the display away.
    pub(crate) fn finish(&self) {
        self.ticker.lock().take();
        self.shared.console.clear_status();
    }
}

impl Drop for RestoreProgress {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Shared {
    fn show(&self) {
        let figures = Figures {
            total_files: self.total_files.load(Relaxed),
            files_restored: self.files.load(Relaxed),
            files_deleted: self.deleted.load(Relaxed),
            total_bytes: self.total_bytes.load(Relaxed),
            bytes_restored: self.bytes.load(Relaxed),
            ..Figures::default()
        };
        if self.console.is_json() {
            let percent_done = match figures.total_bytes {
                0 => 0.0,
                total => figures.bytes_restored as f64 / total as f64,
            };
            let seconds_elapsed = self.start.elapsed().as_secs();
            self.console.message(&Status { message_type: "status", seconds_elapsed, percent_done, figures });
            return;
        }
        let (speed, remaining) = {
            let mut rate = self.rate.lock();
            rate.note(Instant::now(), figures.bytes_restored);
            (rate.per_second(), rate.seconds_for(figures.total_bytes.saturating_sub(figures.bytes_restored)))
        };
        let mut line = format!(
            "[{}] {}  {} files/dirs {}, total {} files/dirs {}",
            format::duration(self.start.elapsed()),
            format::percent(figures.bytes_restored, figures.total_bytes),
            figures.files_restored,
            format::bytes(figures.bytes_restored),
            figures.total_files,
            format::bytes(figures.total_bytes),
        );
        let (back, asked) = *self.packs.lock();
        if back < asked {
            line.push_str(&format!(", {back} / {asked} packs brought back"));
        }
        if figures.files_deleted > 0 {
            line.push_str(&format!(", deleted {} files/dirs", figures.files_deleted));
        }
        if speed > 0.0 {
            line.push_str(&format!(", {}/s", format::bytes(speed as u64)));
        }
        if remaining > 0 {
            line.push_str(&format!(" ETA {}", format::seconds(remaining)));
        }
        self.console.status(&[super::fit(&line)]);
    }

    fn item_done(&self, path: &[u8], action: ItemAction, size: Option<u64>) {
        let word = match action {
            ItemAction::New => "restored",
            ItemAction::Changed => "updated",
            ItemAction::Unchanged => "unchanged",
        };
        self.tell(&[b"/", path].concat(), word, size);
    }

    /// Tells with `-vv` what became of an item.
    fn tell(&self, path: &[u8], word: &str, size: Option<u64>) {
        if self.console.level() < Level::Debug {
            return;
        }
        if self.console.is_json() {
            let item = &String::from_utf8_lossy(path);
            let size = size.unwrap_or(0);
            self.console.message(&VerboseStatus { message_type: "verbose_status", action: word, item, size });
        } else {
            let path = format::quote(path);
            self.console.debug(match size {
                Some(size) => format!("{word:<9} {path} with size {}", format::bytes(size)),
                None => format!("{word:<9} {path}"),
            });
        }
    }
}

impl Events for RestoreProgress {
    fn totals(&self, files: u64, bytes: u64, _complete: bool) {
        self.shared.total_files.store(files, Relaxed);
        self.shared.total_bytes.store(bytes, Relaxed);
    }

    fn bytes_done(&self, bytes: u64) {
        self.shared.bytes.fetch_add(bytes, Relaxed);
    }

    fn file_done(&self, path: &[u8], action: ItemAction, size: u64, _stored: u64) {
        self.shared.files.fetch_add(1, Relaxed);
        self.shared.item_done(path, action, Some(size));
    }

    fn folder_done(&self, path: &[u8], action: ItemAction) {
        self.shared.files.fetch_add(1, Relaxed);
        self.shared.item_done(path, action, None);
    }

    fn item_deleted(&self, path: &[u8]) {
        self.shared.deleted.fetch_add(1, Relaxed);
        let path = self.shared.target.join(OsStr::from_bytes(path));
        self.shared.tell(path.as_os_str().as_bytes(), "deleted", None);
    }

    fn item_failed(&self, path: &[u8], _during: &str, error: &str) {
        if self.shared.console.is_json() {
            let item = &String::from_utf8_lossy(path);
            let error = ErrorText { message: error };
            self.shared.console.error_message(&ItemError {
                message_type: "error",
                error,
                during: "restore",
                item,
            });
        } else {
            self.shared.console.complain(format!("ignoring error for {}: {error}", format::quote(path)));
        }
    }

    fn step(&self, _name: &str, done: u64, total: u64) {
        *self.shared.packs.lock() = (done, total);
    }

    fn message(&self, text: &str) {
        self.shared.console.say(text);
    }

    fn warning(&self, text: &str) {
        self.shared.console.complain(format!("warning: {text}"));
    }
}
