//! A listener that remembers what it heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use backstay_core::{Events, ItemAction};
use parking_lot::Mutex;

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) bytes: AtomicU64,
    pub(crate) files: [AtomicU64; 3],
    pub(crate) folders: [AtomicU64; 3],
    pub(crate) file_bytes: AtomicU64,
    pub(crate) started: AtomicU64,
    failures: Mutex<Vec<(String, String)>>,
    pub(crate) warnings: Mutex<Vec<String>>,
    pub(crate) messages: Mutex<Vec<String>>,
    pub(crate) steps: Mutex<Vec<(String, u64, u64)>>,
}

fn slot(action: ItemAction) -> usize {
    match action {
        ItemAction::New => 0,
        ItemAction::Changed => 1,
        ItemAction::Unchanged => 2,
    }
}

impl Recorder {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The items that failed, each once for each failure, in order.
    pub(crate) fn failed_paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.failures.lock().iter().map(|(path, _)| path.clone()).collect();
        paths.sort();
        paths
    }

    /// Why an item failed.
    #[track_caller]
    pub(crate) fn failure_of(&self, path: &str) -> String {
        let failures = self.failures.lock();
        let found = failures.iter().find(|(failed, _)| failed == path);
        found.unwrap_or_else(|| panic!("{path} did not fail, only {failures:?}")).1.clone()
    }

    pub(crate) fn bytes_done(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }
}

impl Events for Recorder {
    fn message(&self, text: &str) {
        self.messages.lock().push(text.to_owned());
    }

    fn step(&self, name: &str, done: u64, total: u64) {
        self.steps.lock().push((name.to_owned(), done, total));
    }

    fn file_started(&self, _: &[u8]) {
        self.started.fetch_add(1, Ordering::SeqCst);
    }

    fn bytes_done(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    fn file_done(&self, _: &[u8], action: ItemAction, size: u64, _: u64) {
        self.files[slot(action)].fetch_add(1, Ordering::SeqCst);
        self.file_bytes.fetch_add(size, Ordering::SeqCst);
    }

    fn folder_done(&self, _: &[u8], action: ItemAction) {
        self.folders[slot(action)].fetch_add(1, Ordering::SeqCst);
    }

    fn item_failed(&self, path: &[u8], _: &str, error: &str) {
        let path = String::from_utf8_lossy(path).into_owned();
        self.failures.lock().push((path, error.to_owned()));
    }

    fn warning(&self, text: &str) {
        self.warnings.lock().push(text.to_owned());
    }
}
