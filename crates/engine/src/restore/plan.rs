//! Which blobs a batch needs, in the order in which they lie in their packs.

use std::collections::HashMap;

use backstay_core::FileId;

use crate::format::{Blob, BlobKind};
use crate::index::Index;

/// A place that a blob goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Use {
    /// The file, by its number in the batch.
    pub(super) file: u32,
    /// Where in the file.
    pub(super) offset: u64,
}

/// A blob that is needed, and where.
#[derive(Debug, Clone, Copy)]
struct Need {
    pack: u32,
    blob: Blob,
    to: Use,
}

/// What is needed of all packs.
#[derive(Default)]
pub(super) struct Plan {
    packs: Vec<FileId>,
    numbers: HashMap<FileId, u32>,
    needs: Vec<Need>,
}

/// A stretch of one pack that is read at once.
pub(super) struct Stretch<'a> {
    pub(super) pack: FileId,
    pub(super) start: u32,
    pub(super) length: usize,
    needs: &'a [Need],
}

/// Most bytes that are read at once, but for a single blob.
const STRETCH: u32 = 4 << 20;
/// Bytes that are rather read than skipped.
const GAP: u32 = 64 << 10;

impl Plan {
    /// Notes that a blob is needed; `false` when the index does not have it.
    pub(super) fn need(&mut self, index: &Index, id: &FileId, to: Use) -> bool {
        let Some(location) = index.find(BlobKind::Data, id) else { return false };
        let next = self.packs.len() as u32;
        let pack = *self.numbers.entry(location.pack).or_insert(next);
        if pack == next {
            self.packs.push(location.pack);
        }
        self.needs.push(Need { pack, blob: location.blob, to });
        true
    }

    /// Puts the needs in order and cuts them into stretches.
    pub(super) fn stretches(&mut self) -> Vec<Stretch<'_>> {
        self.needs.sort_unstable_by_key(|need| {
            (need.pack, need.blob.offset, need.blob.id, need.to.file, need.to.offset)
        });
        let mut stretches = Vec::new();
        let mut rest = self.needs.as_slice();
        while let Some(first) = rest.first() {
            let start = first.blob.offset;
            let mut end = start + first.blob.length;
            let mut last = first.blob;
            let mut count = 1;
            for need in rest.iter().skip(1) {
                let need_end = need.blob.offset + need.blob.length;
                // Blobs that overlap are an index's lie: the one must not take the other along.
                let overlaps = need.blob != last && need.blob.offset < end;
                if need.pack != first.pack
                    || overlaps
                    || need.blob.offset > end.saturating_add(GAP)
                    || need_end - start > STRETCH.max(end - start)
                {
                    break;
                }
                (end, last) = (need_end, need.blob);
                count += 1;
            }
            let (needs, later) = rest.split_at(count);
            if let Some(pack) = self.packs.get(first.pack as usize) {
                stretches.push(Stretch { pack: *pack, start, length: (end - start) as usize, needs });
            }
            rest = later;
        }
        stretches
    }
}

impl Stretch<'_> {
    /// Each blob of the stretch once, with its place in the stretch and all its uses.
    pub(super) fn blobs(&self) -> impl Iterator<Item = (Blob, usize, impl Iterator<Item = Use>)> {
        self.needs.chunk_by(|a, b| a.blob == b.blob).filter_map(|uses| {
            let blob = uses.first()?.blob;
            Some((blob, (blob.offset - self.start) as usize, uses.iter().map(|need| need.to)))
        })
    }
}
