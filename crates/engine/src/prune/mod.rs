//! Pruning: removing what no snapshot needs.
//!
//! The order makes a crash harmless at every step: blobs to keep are stored and indexed anew before the old index files
//! go, and packs are removed only when no index file names them any more. Needs an exclusive lock.

mod plan;
mod select;
mod stats;

pub use plan::{PrunePlan, prune_plan};
pub use stats::PruneStats;

/// How much unused data may stay, so that fewer packs have to be written anew.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxUnused {
    /// So many percent of what is there afterwards.
    Percent(f64),
    /// So many bytes.
    Bytes(u64),
    /// Any amount: no pack is written anew for its unused blobs.
    Unlimited,
}

impl MaxUnused {
    /// The bytes that may stay unused beside `used` bytes.
    #[must_use]
    pub fn bytes(self, used: u64) -> u64 {
        match self {
            Self::Percent(percent) if percent < 100.0 => (percent / (100.0 - percent) * used as f64) as u64,
            Self::Percent(_) | Self::Unlimited => u64::MAX,
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// How to prune.
///
/// ```
/// use backstay_engine::prune::{MaxUnused, PruneOptions};
///
/// // Give back every byte, but write no more than 10 GB anew in one go.
/// let options = PruneOptions {
///     max_unused: MaxUnused::Bytes(0),
///     max_repack: Some(10_000_000_000),
///     ..PruneOptions::default()
/// };
/// assert_eq!(options.max_unused.bytes(1_000_000), 0);
/// assert_eq!(PruneOptions::default().max_unused.bytes(95_000), 5_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PruneOptions {
    /// How much may stay.
    pub max_unused: MaxUnused,
    /// Write at most so many bytes of packs anew; `None` is no limit.
    pub max_repack: Option<u64>,
    /// Write only packs of trees anew.
    pub repack_cacheable_only: bool,
    /// Write packs smaller than this anew; `None` chooses by the packs that are there.
    pub repack_smaller_than: Option<u64>,
    /// Write all uncompressed data anew, compressed even where that does not make it smaller, so that it is done once.
    pub repack_uncompressed: bool,
    /// The storage has no room left, not even for a new index: write no pack anew, and remove the old index files and the
    /// packs before the new index is written. When this is interrupted, the index has to be repaired.
    pub no_free_space: bool,
}

impl Default for PruneOptions {
    fn default() -> Self {
        Self {
            max_unused: MaxUnused::Percent(5.0),
            max_repack: None,
            repack_cacheable_only: false,
            repack_smaller_than: None,
            repack_uncompressed: false,
            no_free_space: false,
        }
    }
}
