//! What came of a capture.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use backstay_core::{EntryKind, Meta};

/// What a capture handed to its sink.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaptureReport {
    /// Regular files.
    pub files: u64,
    /// Folders, those on the way to the targets included.
    pub folders: u64,
    /// Links, devices and pipes.
    pub others: u64,
    /// Content bytes of the files, as their metadata gives them.
    pub bytes: u64,
    /// Items that could not be read; each was told to the sink's folder.
    pub failed: u64,
    /// Targets that are not there, or cannot be reached.
    pub missing: Vec<PathBuf>,
}

impl CaptureReport {
    /// Whether nothing at all was captured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files + self.folders + self.others == 0
    }
}

/// The running counts of a walk.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    files: AtomicU64,
    folders: AtomicU64,
    others: AtomicU64,
    bytes: AtomicU64,
    failed: AtomicU64,
}

impl Tally {
    pub(crate) fn count(&self, meta: &Meta) {
        let counter = match meta.kind {
            EntryKind::File => &self.files,
            EntryKind::Folder => &self.folders,
            _ => &self.others,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(meta.size, Ordering::Relaxed);
    }

    pub(crate) fn count_failure(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn report(&self, missing: Vec<PathBuf>) -> CaptureReport {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CaptureReport {
            files: read(&self.files),
            folders: read(&self.folders),
            others: read(&self.others),
            bytes: read(&self.bytes),
            failed: read(&self.failed),
            missing,
        }
    }
}
