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
        let start = position(bucket, &id.0);
        let tail = bucket.get(start..).unwrap_or_default();
        let count = tail.iter().take_while(|entry| entry.id == id.0).count();
        tail.get(..count).unwrap_or_default()
    }

    /// The number of the first entry of this id, counted over all entries in order.
    pub(super) fn ordinal(&self, id: &FileId) -> Option<usize> {
        let bucket = &self.buckets.0[usize::from(id.0[0])];
        let start = position(bucket, &id.0);
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

/// Where the first entry that is not less than `id` lies in a sorted bucket, or would lie.
///
/// Ids are hashes, so the share of the bucket that lies before one can be told from its next bytes. From there steps of
/// doubled length find the place: a few looks at memory instead of one for each halving, and no more than twice as many if
/// somebody has chosen the ids to be unlike hashes.
fn position(bucket: &[Entry], id: &[u8; 32]) -> usize {
    let [_, a, b, c, d, ..] = *id;
    let share = u64::from(u32::from_be_bytes([a, b, c, d]));
    let guess = ((share * bucket.len() as u64) >> 32) as usize;
    let is_less = |at: usize| bucket.get(at).is_some_and(|entry| entry.id < *id);
    let (mut low, mut high, mut step) = (guess, guess, 1);
    if is_less(guess) {
        while is_less(high) {
            low = high + 1;
            high += step;
            step *= 2;
        }
    } else {
        while low > 0 && !is_less(low - 1) {
            high = low - 1;
            low = low.saturating_sub(step);
            step *= 2;
        }
    }
    let high = high.min(bucket.len());
    low + bucket.get(low..high).unwrap_or_default().partition_point(|entry| entry.id < *id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(bytes: [u8; 3]) -> Entry {
        let mut id = [0; 32];
        id[1..4].copy_from_slice(&bytes);
        Entry { id, pack: 0, offset: 0, length: 0, raw_length: 0 }
    }

    proptest! {
        #[test]
        fn the_place_is_that_of_a_binary_search(
            ids in prop::collection::vec(any::<[u8; 3]>(), 0..300),
            low in prop::collection::vec(0_u8..4, 0..60),
            wanted in any::<[u8; 3]>(),
        ) {
            // Hashes, and beside them a heap of ids that no hash would give.
            let mut bucket: Vec<_> = ids.iter().copied().chain(low.iter().map(|last| [0, 0, *last])).map(entry).collect();
            bucket.sort_unstable_by_key(|entry| entry.id);
            let each = bucket.iter().map(|entry| entry.id).chain([entry(wanted).id, [0; 32], [255; 32]]);
            for id in each {
                prop_assert_eq!(position(&bucket, &id), bucket.partition_point(|entry| entry.id < id));
            }
        }
    }
}
