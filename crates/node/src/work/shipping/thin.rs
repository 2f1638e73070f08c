//! What of a log goes with a clean-up, and which backups have to stay for it.

use std::collections::{BTreeSet, HashSet};

use backstay_core::FileId;
use backstay_engine::repository::SnapshotEntry;
use backstay_model::PlanId;
use backstay_policy::point_in_time::{Base, needed_bases};

use super::{Kept, is_piece};

/// The backups of a plan that have to stay for one to go back to any moment since then: of each source the newest before it, or the first
/// where there is none, and those that begin again after a gap.
pub(in crate::work) fn bases_for(
    snapshots: &[SnapshotEntry],
    plan: PlanId,
    since: Option<i64>,
) -> HashSet<FileId> {
    let Some(since) = since else { return HashSet::new() };
    let mut needed = HashSet::new();
    for kept in each_source(snapshots, plan).filter(|kept| !kept.pieces.is_empty()) {
        let bases: Vec<Base> = kept.bases.iter().map(|(_, base)| *base).collect();
        let places = needed_bases(&bases, &kept.chains(), since);
        needed.extend(places.iter().filter_map(|place| kept.bases.get(*place)).map(|(entry, _)| entry.id));
    }
    needed
}

/// The pieces of logs that nothing needs once these are gone: those that follow on no backup that stays, and those that only lead to moments
/// before `since`.
pub(in crate::work) fn pieces_in_vain(
    mut snapshots: Vec<SnapshotEntry>,
    plan: PlanId,
    since: Option<i64>,
    gone: &BTreeSet<FileId>,
) -> Vec<FileId> {
    snapshots.retain(|entry| !gone.contains(&entry.id));
    let (tag, mut used) = (plan.log_tag(), HashSet::new());
    for kept in each_source(&snapshots, plan) {
        // From the newest backup before it on: what leads from older ones to that is not asked for any more.
        let first = since
            .and_then(|since| kept.bases.iter().rposition(|(_, base)| base.moment <= since))
            .unwrap_or(0);
        let chains = kept.chains();
        let places = chains.iter().skip(first).flat_map(|chain| &chain.pieces);
        used.extend(places.filter_map(|place| kept.pieces.get(*place)).map(|(entry, _)| entry.id));
    }
    let pieces =
        snapshots.iter().filter(|entry| is_piece(&entry.snapshot) && entry.snapshot.tags.contains(&tag));
    pieces.map(|entry| entry.id).filter(|id| !used.contains(id)).collect()
}

fn each_source(snapshots: &[SnapshotEntry], plan: PlanId) -> impl Iterator<Item = Kept> {
    let tag = plan.tag();
    let own = snapshots
        .iter()
        .filter(|entry| entry.snapshot.tags.contains(&tag) && Base::of(&entry.snapshot.tags).is_some());
    let paths: BTreeSet<&Vec<String>> = own.map(|entry| &entry.snapshot.paths).collect();
    paths.into_iter().map(move |paths| Kept::of(snapshots.to_vec(), plan, paths))
}
