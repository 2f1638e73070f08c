//! Figures of a prune, by the names that restic's JSON gives them.

use serde::Serialize;

/// Figures of a prune.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PruneStats {
    /// Blobs.
    pub blobs: BlobStats,
    /// Bytes.
    pub bytes: ByteStats,
    /// Packs.
    pub packfiles: PackStats,
}

/// Counts of blobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct BlobStats {
    pub used: u64,
    pub duplicate: u64,
    pub unused: u64,
    pub total: u64,
    pub repack: u64,
    pub repack_remove: u64,
    pub remove: u64,
    pub remove_total: u64,
    pub remaining: u64,
}

/// Counts of bytes as stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct ByteStats {
    pub used: u64,
    pub duplicate: u64,
    pub unused: u64,
    pub unreferenced: u64,
    pub uncompressed: u64,
    pub total: u64,
    pub repack: u64,
    pub repack_remove: u64,
    pub remove: u64,
    pub remove_total: u64,
    pub remaining: u64,
    pub remaining_unused: u64,
}

/// Counts of packs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct PackStats {
    pub used: u64,
    pub unused: u64,
    pub partly_used: u64,
    pub unreferenced: u64,
    pub total: u64,
    pub keep: u64,
    pub repack: u64,
    pub remove: u64,
    pub remove_total: u64,
}

impl PruneStats {
    /// Fills in the sums.
    pub(super) fn sum(&mut self) {
        let blobs = &mut self.blobs;
        blobs.total = blobs.used + blobs.unused + blobs.duplicate;
        blobs.remove_total = blobs.remove + blobs.repack_remove;
        blobs.remaining = blobs.total.saturating_sub(blobs.remove_total);
        let bytes = &mut self.bytes;
        bytes.total = bytes.used + bytes.duplicate + bytes.unused + bytes.unreferenced;
        bytes.remove_total = bytes.remove + bytes.repack_remove + bytes.unreferenced;
        bytes.remaining = bytes.total.saturating_sub(bytes.remove_total);
        bytes.remaining_unused =
            (bytes.duplicate + bytes.unused).saturating_sub(bytes.remove + bytes.repack_remove);
        let packs = &mut self.packfiles;
        packs.total = packs.used + packs.partly_used + packs.unused + packs.unreferenced;
        packs.remove_total = packs.unreferenced + packs.remove;
    }
}
