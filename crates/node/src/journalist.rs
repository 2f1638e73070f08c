//! Writes down what a run tells: lines for its log, and how far it is.
//!
//! The work tells from its own threads, as often as it likes. What it tells is kept here and written to the store a few times a
//! second, so that no file waits for a disk.

use std::sync::Arc;

use backstay_catalog::{CatalogError, NewLine, NodeStore};
use backstay_core::Clock;
use backstay_model::run::Progress;
use backstay_model::{Level, RunId};
use parking_lot::Mutex;

use crate::active::Active;
use crate::clock::now;
use crate::work::Report;

/// Lines that wait at most; a run that tells more faster than the disk takes them loses the middle, which is said.
const WAITING_LINES: usize = 10_000;

/// Takes down what one run tells.
pub(crate) struct Journalist {
    run: RunId,
    clock: Arc<dyn Clock>,
    active: Arc<Active>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<NewLine>,
    lost: u64,
    progress: Option<Progress>,
}

impl Journalist {
    pub(crate) fn new(run: RunId, clock: Arc<dyn Clock>, active: Arc<Active>) -> Self {
        Self { run, clock, active, waiting: Mutex::default() }
    }

    /// Writes what waits to the store. `tell` says whether progress goes to the server as well.
    pub(crate) async fn flush(&self, store: &NodeStore, tell: bool) -> Result<(), CatalogError> {
        let Waiting { mut lines, lost, progress } = std::mem::take(&mut *self.waiting.lock());
        if lost > 0 {
            lines.push(self.line(Level::Warning, "log", &format!("{lost} lines came too fast to be kept")));
        }
        if !lines.is_empty() {
            store.append_log(self.run, &lines).await?;
        }
        match progress {
            Some(progress) => store.update_progress(self.run, &progress, tell).await,
            None => Ok(()),
        }
    }

    fn line(&self, level: Level, step: &str, text: &str) -> NewLine {
        NewLine { time: now(&*self.clock), level, step: step.to_owned(), text: text.to_owned() }
    }
}

impl Report for Journalist {
    fn log(&self, level: Level, step: &str, text: &str) {
        let line = self.line(level, step, text);
        let mut waiting = self.waiting.lock();
        match waiting.lines.len() {
            0..WAITING_LINES => waiting.lines.push(line),
            _ => waiting.lost += 1,
        }
    }

    fn progress(&self, progress: Progress) {
        self.waiting.lock().progress = Some(progress);
    }

    fn moved(&self) {
        self.active.touch();
    }
}
