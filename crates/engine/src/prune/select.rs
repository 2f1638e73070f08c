//! Which packs stay, which go, and which are written anew.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use backstay_core::FileId;

use super::{PruneOptions, PruneStats};
use crate::check::pack_length;
use crate::format::index::PackIndex;
use crate::format::{Blob, BlobKind};
use crate::index::Marks;
use crate::{Error, Result};

/// A pack and what is used of it.
struct Pack {
    index: PackIndex,
    length: u64,
    used: u64,
    used_blobs: u64,
    unused: u64,
    unused_blobs: u64,
    /// Trees or mixed: small, read often, so written anew first.
    has_trees: bool,
    uncompressed: bool,
    /// Which of its blobs are kept, in order.
    keep: Vec<bool>,
}

/// What is to become of the packs.
#[derive(Default)]
pub(super) struct Selection {
    /// Packs that no index file names.
    pub(super) unreferenced: Vec<FileId>,
    /// Packs without a used blob, also those that are missing.
    pub(super) remove: HashSet<FileId>,
    /// Packs whose used blobs are stored anew, with just these blobs.
    pub(super) repack: Vec<PackIndex>,
    pub(super) stats: PruneStats,
}

/// Below this many small packs it is not worth writing them anew.
const SMALL_PACKS: usize = 10;

/// Decides about every pack. `used` marks the blobs that snapshots need; packs that are `frozen` cannot be read.
pub(super) fn select(
    packs: Vec<PackIndex>,
    mut stored: HashMap<FileId, u64>,
    frozen: &HashSet<FileId>,
    used: &Marks<'_>,
    version: u32,
    options: &PruneOptions,
) -> Result<Selection> {
    let mut selection = Selection::default();
    let stats = &mut selection.stats;
    let mut known = measure(packs, used, stats);
    let target = options.repack_smaller_than.unwrap_or_else(|| small_pack_length(&known));

    let mut candidates = Vec::new();
    let mut small = Vec::new();
    for pack in known.drain(..) {
        let Some(length) = stored.remove(&pack.index.id) else {
            if pack.used_blobs > 0 {
                return Err(Error::damaged(
                    format!("pack {}", pack.index.id),
                    "it is missing, and snapshots need it; nothing was removed",
                ));
            }
            stats.blobs.remove += pack.unused_blobs;
            stats.bytes.remove += pack.unused;
            selection.remove.insert(pack.index.id);
            continue;
        };
        if length != pack.length && pack.used_blobs > 0 {
            return Err(Error::damaged(
                format!("pack {}", pack.index.id),
                format!("it has {length} bytes instead of {}; nothing was removed", pack.length),
            ));
        }
        match (pack.used_blobs, pack.unused_blobs) {
            (0, _) => stats.packfiles.unused += 1,
            (_, 0) => stats.packfiles.used += 1,
            _ => stats.packfiles.partly_used += 1,
        }
        if pack.uncompressed && version >= 2 {
            stats.bytes.uncompressed += pack.length;
        }
        let must_compress =
            version >= 2 && pack.uncompressed && (pack.has_trees || options.repack_uncompressed);
        if pack.used_blobs == 0 {
            stats.blobs.remove += pack.unused_blobs;
            stats.bytes.remove += pack.unused;
            selection.remove.insert(pack.index.id);
        } else if options.repack_cacheable_only && !pack.has_trees || frozen.contains(&pack.index.id) {
            stats.packfiles.keep += 1;
        } else if pack.unused_blobs == 0 && !must_compress {
            if length >= target {
                stats.packfiles.keep += 1;
            } else {
                small.push((pack, must_compress));
            }
        } else {
            candidates.push((pack, must_compress));
        }
    }
    if small.len() < SMALL_PACKS {
        stats.packfiles.keep += small.len() as u64;
    } else {
        candidates.append(&mut small);
    }
    // Trees first, then small packs, then those with the largest share of waste.
    candidates.sort_by(|(a, _), (b, _)| {
        let waste = u128::from(b.unused) * u128::from(a.used.max(1));
        let other = u128::from(a.unused) * u128::from(b.used.max(1));
        (!a.has_trees, a.length >= target).cmp(&(!b.has_trees, b.length >= target)).then(waste.cmp(&other))
    });

    let tolerated = options.max_unused.bytes(stats.bytes.used);
    for (pack, must_compress) in candidates {
        let after = (stats.bytes.unused + stats.bytes.duplicate)
            .saturating_sub(stats.bytes.remove + stats.bytes.repack_remove);
        let too_much = options.max_repack.is_some_and(|limit| stats.bytes.repack + pack.length > limit);
        let needed = pack.has_trees || must_compress || after >= tolerated || pack.length < target;
        if too_much || !needed {
            stats.packfiles.keep += 1;
            continue;
        }
        stats.packfiles.repack += 1;
        stats.blobs.repack += pack.used_blobs + pack.unused_blobs;
        stats.blobs.repack_remove += pack.unused_blobs;
        stats.bytes.repack += pack.length;
        stats.bytes.repack_remove += pack.unused;
        let PackIndex { id, blobs } = pack.index;
        let blobs =
            blobs.into_iter().zip(pack.keep).filter(|(_, keep)| *keep).map(|(blob, _)| blob).collect();
        selection.repack.push(PackIndex { id, blobs });
    }
    stats.packfiles.remove = selection.remove.len() as u64;
    stats.packfiles.unreferenced = stored.len() as u64;
    stats.bytes.unreferenced = stored.values().sum();
    selection.unreferenced = stored.into_keys().collect();
    stats.sum();
    Ok(selection)
}

/// Counts what is used of each pack. Of a blob that lies in several packs one copy counts as used: in the pack where most is used
/// anyhow, then in the one with the least waste. So what an interrupted prune has written anew is not written again.
fn measure(packs: Vec<PackIndex>, used: &Marks<'_>, stats: &mut PruneStats) -> Vec<Pack> {
    let mut copies: HashMap<(BlobKind, FileId), u32> = HashMap::new();
    for blob in packs.iter().flat_map(|pack| &pack.blobs).filter(|blob| used.has(blob.kind, &blob.id)) {
        *copies.entry((blob.kind, blob.id)).or_default() += 1;
    }
    let is_single = |blob: &Blob| copies.get(&(blob.kind, blob.id)) == Some(&1);
    let is_waste = |blob: &Blob| !copies.contains_key(&(blob.kind, blob.id));
    let sum = |pack: &PackIndex, counts: &dyn Fn(&Blob) -> bool| -> u64 {
        pack.blobs.iter().filter(|blob| counts(blob)).map(|blob| u64::from(blob.length)).sum()
    };
    let mut order: Vec<(Reverse<u64>, u64, usize)> = packs
        .iter()
        .enumerate()
        .map(|(number, pack)| (Reverse(sum(pack, &is_single)), sum(pack, &is_waste), number))
        .collect();
    order.sort_unstable();
    let mut taken: HashSet<(BlobKind, FileId)> = HashSet::new();
    let mut measured: Vec<Option<Pack>> = packs.into_iter().map(|index| Some(Pack::new(index))).collect();
    for (_, _, number) in order {
        let Some(Some(pack)) = measured.get_mut(number) else { continue };
        for position in 0..pack.index.blobs.len() {
            let Some(blob) = pack.index.blobs.get(position).copied() else { continue };
            let length = u64::from(blob.length);
            let needed = copies.contains_key(&(blob.kind, blob.id));
            let keep = needed && (is_single(&blob) || taken.insert((blob.kind, blob.id)));
            pack.keep.push(keep);
            if keep {
                pack.used += length;
                pack.used_blobs += 1;
                stats.blobs.used += 1;
                stats.bytes.used += length;
            } else {
                pack.unused += length;
                pack.unused_blobs += 1;
                if needed {
                    stats.blobs.duplicate += 1;
                    stats.bytes.duplicate += length;
                } else {
                    stats.blobs.unused += 1;
                    stats.bytes.unused += length;
                }
            }
        }
        // The header counts as used.
        let header = pack.length - pack.used - pack.unused;
        pack.used += header;
        stats.bytes.used += header;
    }
    measured.into_iter().flatten().collect()
}

impl Pack {
    fn new(index: PackIndex) -> Self {
        Self {
            length: pack_length(&index),
            has_trees: index.blobs.iter().any(|blob| blob.kind == BlobKind::Tree),
            uncompressed: index.blobs.iter().any(|blob| blob.raw_length == 0),
            keep: Vec::with_capacity(index.blobs.len()),
            index,
            used: 0,
            used_blobs: 0,
            unused: 0,
            unused_blobs: 0,
        }
    }
}

/// Packs below this length are small: 80 % of the third percentile, but at least of the least pack size.
fn small_pack_length(packs: &[Pack]) -> u64 {
    let mut lengths: Vec<u64> = packs.iter().map(|pack| pack.length).collect();
    lengths.sort_unstable();
    let percentile = lengths.get(lengths.len() * 3 / 100).copied().unwrap_or_default();
    percentile.max(crate::pack::MIN_PACK_SIZE as u64) * 4 / 5
}
