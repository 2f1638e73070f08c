//! Into which chunks a file is cut.

use std::ops::RangeInclusive;

/// How files are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunking {
    /// Files beyond this many bytes are split into large chunks. Up to it, chunks are small and only the unit in which an interrupted
    /// transfer goes on.
    pub threshold: u64,
    /// Bytes of a chunk up to the threshold.
    pub unit: u64,
    /// Bytes of a chunk beyond the threshold.
    pub split: u64,
}

/// The most chunks of a file, as S3 has it for its parts.
pub const MOST_CHUNKS: u64 = 10_000;

/// Chunks that have to be larger than asked for, to be no more than [`MOST_CHUNKS`], are a multiple of this.
const STEP: u64 = 1 << 20;

impl Default for Chunking {
    /// Split beyond 100 GB, into chunks of 256 MiB; below that the unit is 64 MiB.
    fn default() -> Self {
        Self { threshold: 100_000_000_000, unit: 64 << 20, split: 256 << 20 }
    }
}

impl Chunking {
    /// The same, splitting files beyond this many bytes. Chunks are not longer than that.
    #[must_use]
    pub fn beyond(self, threshold: u64) -> Self {
        let most = threshold.max(1);
        Self { threshold, unit: self.unit.min(most), split: self.split.min(most) }
    }

    /// Whether a file of this size is split.
    #[must_use]
    pub const fn splits(&self, size: u64) -> bool {
        size > self.threshold
    }

    /// The bytes of each chunk but the last of a file of this size.
    #[must_use]
    pub fn chunk_size(&self, size: u64) -> u64 {
        let wanted = if self.splits(size) { self.split } else { self.unit }.max(1);
        if size.div_ceil(wanted) <= MOST_CHUNKS {
            return wanted;
        }
        let least = size.div_ceil(MOST_CHUNKS);
        least.checked_next_multiple_of(STEP).unwrap_or(least)
    }

    /// The same at a store that takes chunks of these sizes, in multiples of a unit.
    #[must_use]
    pub fn chunk_size_within(&self, size: u64, sizes: &RangeInclusive<u64>, unit: u64) -> u64 {
        let unit = unit.max(1);
        let wanted = self.chunk_size(size).min(*sizes.end());
        (wanted - wanted % unit).max(unit).max(*sizes.start()).max(1)
    }
}

#[cfg(test)]
mod tests {
    use backstay_core::{FileId, NewFile};
    use proptest::prelude::*;

    use super::*;

    fn file(size: u64, chunking: Chunking) -> NewFile {
        let chunk_size = chunking.chunk_size(size);
        NewFile { name: "x".into(), size, sha256: FileId([0; 32]), chunk_size }
    }

    #[test]
    fn files_beyond_100_gb_are_split() {
        let chunking = Chunking::default();
        let threshold = 100_000_000_000;
        assert!(!chunking.splits(threshold) && chunking.splits(threshold + 1));
        assert_eq!((chunking.chunk_size(threshold), file(threshold, chunking).chunks()), (64 << 20, 1_491));
        assert_eq!(
            (chunking.chunk_size(threshold + 1), file(threshold + 1, chunking).chunks()),
            (256 << 20, 373)
        );
        assert_eq!(chunking.chunk_size(10_000 * (256 << 20)), 256 << 20);
        assert_eq!(chunking.chunk_size(10_000 * (256 << 20) + 1), 257 << 20);
        assert_eq!(file(0, chunking).chunks(), 0);
    }

    #[test]
    fn a_store_says_which_chunks_it_takes() {
        let chunking = Chunking { unit: 10, ..Chunking::default() };
        assert_eq!(chunking.chunk_size_within(1000, &(1..=u64::MAX), 1), 10);
        assert_eq!(chunking.chunk_size_within(1000, &(5 << 20..=5 << 30), 1), 5 << 20);
        let odd = Chunking { unit: 10_000_000, ..Chunking::default() };
        assert_eq!(odd.chunk_size_within(1 << 30, &(1 << 18..=64 << 20), 1 << 18), 38 << 18);
        assert_eq!(chunking.chunk_size_within(1000, &(1 << 18..=64 << 20), 1 << 18), 1 << 18);
        let huge = Chunking { unit: 1 << 40, ..chunking };
        assert_eq!(huge.chunk_size_within(1000, &(5 << 20..=5 << 30), 1), 5 << 30);
        // What S3 takes at the most still goes in.
        assert_eq!(
            Chunking::default().chunk_size_within(5 << 40, &(5 << 20..=5 << 30), 1).div_ceil(1 << 20),
            525
        );
    }

    proptest! {
        #[test]
        fn chunks_are_all_of_the_file_and_no_more_than_10_000(
            size: u64, shift in 0_u32..64, threshold: u64, unit: u64, split: u64, pick: u64,
        ) {
            let size = size >> shift;
            let file = file(size, Chunking { threshold, unit, split });
            let count = file.chunks();
            prop_assert!(count <= MOST_CHUNKS);
            prop_assert_eq!(file.place(count), None);
            if count > 0 {
                let (offset, last) = file.place(count - 1).unwrap();
                prop_assert_eq!(offset + last, size);
                prop_assert!(last > 0 && last <= file.chunk_size);
                let index = pick % count;
                let (offset, length) = file.place(index).unwrap();
                prop_assert_eq!(u128::from(offset), u128::from(index) * u128::from(file.chunk_size));
                prop_assert!(index == count - 1 || length == file.chunk_size);
            } else {
                prop_assert_eq!(size, 0);
            }
        }
    }
}
