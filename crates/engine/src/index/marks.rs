//! A set of blobs at one bit each.

use std::sync::atomic::{AtomicU64, Ordering};

use backstay_core::FileId;

use super::{Index, slot};
use crate::format::BlobKind;

/// Marks on the blobs that an index was loaded with. Set from many threads.
pub struct Marks<'a> {
    index: &'a Index,
    bits: [Vec<AtomicU64>; 2],
}

/// What came of marking a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It was not marked before.
    New,
    /// It was.
    Again,
    /// The index does not have it.
    Unknown,
}

impl<'a> Marks<'a> {
    /// No blob of this index is marked.
    #[must_use]
    pub fn new(index: &'a Index) -> Self {
        let words = |kind| (0..index.blob_count(kind).div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Self { index, bits: [words(BlobKind::Data), words(BlobKind::Tree)] }
    }

    fn place(&self, kind: BlobKind, id: &FileId) -> Option<(&AtomicU64, u64)> {
        let ordinal = self.index.loaded[slot(kind)].ordinal(id)?;
        Some((self.bits[slot(kind)].get(ordinal / 64)?, 1 << (ordinal % 64)))
    }

    /// Marks a blob.
    pub fn mark(&self, kind: BlobKind, id: &FileId) -> Mark {
        match self.place(kind, id) {
            None => Mark::Unknown,
            Some((word, bit)) if word.fetch_or(bit, Ordering::Relaxed) & bit == 0 => Mark::New,
            Some(_) => Mark::Again,
        }
    }

    /// Takes a mark off; whether there was one.
    pub fn unmark(&self, kind: BlobKind, id: &FileId) -> bool {
        self.place(kind, id).is_some_and(|(word, bit)| word.fetch_and(!bit, Ordering::Relaxed) & bit != 0)
    }

    /// Whether a blob is marked.
    #[must_use]
    pub fn has(&self, kind: BlobKind, id: &FileId) -> bool {
        self.place(kind, id).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }
}
