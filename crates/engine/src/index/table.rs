//! A sorted table of blobs: 48 bytes each and nothing else.

use backstay_core::FileId;

use crate::format::{Blob, BlobKind};

/// One blob's place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    id: [u8; 32],
    pub(super) pack: u32,
    offset: u32,
    length: u32,
    raw_length: u32,
}

impl Entry {
    pub(super) fn new(pack: u32, blob: &Blob) -> Self {
        Self { id: blob.id.0, pack, offset: blob.offset, length: blob.length, raw_length: blob.raw_length }
    }

    pub(super) fn blob(&self, kind: BlobKind) -> Blob {
        Blob {
            id: FileId(self.id),
            kind,
            offset: self.offset,
            length: self.length,
            raw_length: self.raw_length,
        }
    }
}

/// Entries in 256 buckets by the first byte of their ids, so that growing never copies them all.
#[derive(Default)]
pub(super) struct Table {
    buckets: Buckets,
    /// How many entries lie before each bucket.
    before: Vec<usize>,
}

struct Buckets(Box<[Vec<Entry>; 256]>);

impl Default for Buckets {
    fn default() -> Self {
        Self(Box::new([const { Vec::new() }; 256]))
    }
}

impl Table {
    pub(super) fn push(&mut self, entry: Entry) {
        self.buckets.0[usize::from(entry.id[0])].push(entry);
    }

    pub(super) fn seal(&mut self) {
        self.before.clear();
        let mut before = 0;
        for bucket in self.buckets.0.iter_mut() {
            bucket.sort_unstable_by_key(|entry| (entry.id, entry.pack, entry.offset));
            bucket.shrink_to_fit();
            self.before.push(before);
            before += bucket.len();
        }
    }

    pub(super) fn find(&self, id: &FileId) -> Option<&Entry> {
        self.find_all(id).first()
    }

    pub(super) fn find_all(&self, id: &FileId) -> &[Entry] {
        let bucket = &self.buckets.0[usize::from(id.0[0])];
        let start = bucket.partition_point(|entry| entry.id < id.0);
        let tail = bucket.get(start..).unwrap_or_default();
        let count = tail.iter().take_while(|entry| entry.id == id.0).count();
        tail.get(..count).unwrap_or_default()
    }

    /// The number of the first entry of this id, counted over all entries in order.
    pub(super) fn ordinal(&self, id: &FileId) -> Option<usize> {
        let bucket = &self.buckets.0[usize::from(id.0[0])];
        let start = bucket.partition_point(|entry| entry.id < id.0);
        bucket.get(start).filter(|entry| entry.id == id.0)?;
        Some(self.before.get(usize::from(id.0[0]))? + start)
    }

    pub(super) fn len(&self) -> usize {
        self.buckets.0.iter().map(Vec::len).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.buckets.0.iter().flatten()
    }
}
