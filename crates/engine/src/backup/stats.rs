//! Counters of a backup, updated from all threads.

use std::sync::atomic::{AtomicU64, Ordering};

use backstay_core::ItemAction;

use crate::format::{BlobKind, Summary};

/// What was done so far.
#[derive(Default)]
pub(super) struct Stats {
    files: [AtomicU64; 3],
    folders: [AtomicU64; 3],
    blobs: [AtomicU64; 2],
    added: AtomicU64,
    stored: AtomicU64,
    bytes: AtomicU64,
    failures: AtomicU64,
}

fn slot(action: ItemAction) -> usize {
    match action {
        ItemAction::New => 0,
        ItemAction::Changed => 1,
        ItemAction::Unchanged => 2,
    }
}

impl Stats {
    pub(super) fn file(&self, action: ItemAction, size: u64) {
        self.files[slot(action)].fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(size, Ordering::Relaxed);
    }

    pub(super) fn folder(&self, action: ItemAction) {
        self.folders[slot(action)].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn blob(&self, kind: BlobKind, length: usize, stored: u32) {
        self.blobs[usize::from(kind == BlobKind::Tree)].fetch_add(1, Ordering::Relaxed);
        self.added.fetch_add(length as u64, Ordering::Relaxed);
        self.stored.fetch_add(u64::from(stored), Ordering::Relaxed);
    }

    pub(super) fn failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub(super) fn summary(&self) -> Summary {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Summary {
            files_new: get(&self.files[0]),
            files_changed: get(&self.files[1]),
            files_unmodified: get(&self.files[2]),
            dirs_new: get(&self.folders[0]),
            dirs_changed: get(&self.folders[1]),
            dirs_unmodified: get(&self.folders[2]),
            data_blobs: get(&self.blobs[0]),
            tree_blobs: get(&self.blobs[1]),
            data_added: get(&self.added),
            data_added_packed: get(&self.stored),
            total_files_processed: self.files.iter().map(get).sum(),
            total_bytes_processed: get(&self.bytes),
            ..Summary::default()
        }
    }
}
