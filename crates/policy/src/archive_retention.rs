//! Which archives stay: the rules and limits of a [`PlanRetention`], and above them the chains.
//!
//! An archive that leans on others is worth nothing without them. So whatever stays keeps all that it needs, whatever rules and
//! limits say of that; and what goes to make room goes together with all that needs it, so that no chain is ever broken. To
//! make room the oldest archive goes first, and with it its chain, unless something in that is bound to stay.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Counters, Kept, Moment, PlanRetention, SnapshotFacts, Verdict};

/// What the rules need to know about an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveFacts {
    /// Its id.
    pub id: String,
    /// When it was made, and where, for calendar rules.
    pub facts: SnapshotFacts<()>,
    /// The bytes that go with it: the archive and what lies beside it.
    pub bytes: u64,
    /// Whether it is under a hold.
    pub is_held: bool,
    /// The ids of all archives that it needs.
    pub needs: Vec<String>,
}

/// An archive's place in the list, which is what it is told apart by here.
type Place = usize;

/// Decides over the archives of one group. What it needs of another group stays by that group's rules alone: give archives that
/// lean on one another together.
#[must_use]
pub fn apply(retention: &PlanRetention, archives: Vec<ArchiveFacts>, now: Moment) -> Verdict<String> {
    let chains = Chains::of(&archives);
    let snapshots = archives
        .iter()
        .enumerate()
        .map(|(place, archive)| archive.facts.clone().map_id(|()| place))
        .collect();
    // The limit of space comes last, when it is known what chains keep.
    let rules = PlanRetention { max_total_bytes: None, ..retention.clone() };
    let is_held = |place: Place| archives.get(place).is_some_and(|archive| archive.is_held);
    let judged = rules.apply(snapshots, |_| 0, |snapshot| is_held(snapshot.id), now);

    let mut why = BTreeMap::<Place, (Vec<String>, Counters)>::new();
    let mut bound = BTreeSet::<Place>::new();
    let newest = newest(&archives, retention, now);
    for Kept { snapshot, matches, counters } in judged.keep {
        let place = snapshot.id;
        let is_ahead = snapshot.time.instant() > now.instant();
        if is_ahead || is_held(place) || newest.contains(&place) {
            bound.insert(place);
        }
        why.insert(place, (matches, counters));
    }
    bound.extend(bound.clone().into_iter().flat_map(|place| chains.below(place)));
    let needed: Vec<(Place, Place)> = (why.keys())
        .flat_map(|place| chains.below(*place).into_iter().map(|below| (below, *place)))
        .filter(|(below, _)| !why.contains_key(below))
        .collect();
    for (below, above) in needed {
        let by = archives.get(above).map_or("another", |archive| &archive.id);
        let reason = || (vec![format!("needed by {by}")], Counters::default());
        why.entry(below).or_insert_with(reason);
    }
    if let Some(most) = retention.max_total_bytes {
        make_room(&archives, &chains, &bound, u128::from(most), &mut why);
    }

    let mut verdict = Verdict { keep: Vec::new(), remove: Vec::new() };
    let mut order: Vec<_> = archives.into_iter().enumerate().collect();
    order.sort_by_key(|(_, archive)| std::cmp::Reverse(archive.facts.time.instant()));
    for (place, archive) in order {
        let snapshot = archive.facts.map_id(|()| archive.id);
        match why.remove(&place) {
            Some((matches, counters)) => verdict.keep.push(Kept { snapshot, matches, counters }),
            None => verdict.remove.push(snapshot),
        }
    }
    verdict
}

/// What would be broken if an archive went: the ids of those that need it.
#[must_use]
pub fn needed_by<'a>(id: &str, archives: impl IntoIterator<Item = &'a ArchiveFacts>) -> Vec<&'a str> {
    let needs_it = |archive: &&ArchiveFacts| archive.id != id && archive.needs.iter().any(|need| need == id);
    archives.into_iter().filter(needs_it).map(|archive| archive.id.as_str()).collect()
}

/// The newest archives, which no limit takes.
fn newest(archives: &[ArchiveFacts], retention: &PlanRetention, now: Moment) -> BTreeSet<Place> {
    let mut present: Vec<_> = (archives.iter().enumerate())
        .filter(|(_, archive)| archive.facts.time.instant() <= now.instant())
        .map(|(place, archive)| (std::cmp::Reverse(archive.facts.time.instant()), place))
        .collect();
    present.sort_unstable();
    let minimum = usize::try_from(retention.keep_at_least.max(1)).unwrap_or(usize::MAX);
    present.into_iter().take(minimum).map(|(_, place)| place).collect()
}

/// Takes the oldest archives away, each with all that needs it, until the rest has no more bytes than this.
fn make_room(
    archives: &[ArchiveFacts],
    chains: &Chains,
    bound: &BTreeSet<Place>,
    most: u128,
    kept: &mut BTreeMap<Place, (Vec<String>, Counters)>,
) {
    let bytes = |place: &Place| archives.get(*place).map_or(0, |archive| u128::from(archive.bytes));
    let time = |place: &Place| archives.get(*place).map(|archive| archive.facts.time.instant());
    let mut total: u128 = kept.keys().map(bytes).sum();
    let mut oldest_first: Vec<_> = kept.keys().copied().collect();
    oldest_first.sort_by_key(|place| (time(place), *place));
    for place in oldest_first {
        if total <= most {
            return;
        }
        if !kept.contains_key(&place) {
            continue;
        }
        let mut unit: Vec<_> =
            chains.above(place).into_iter().filter(|above| kept.contains_key(above)).collect();
        unit.push(place);
        if unit.iter().any(|one| bound.contains(one)) {
            continue;
        }
        for one in unit {
            total -= bytes(&one);
            kept.remove(&one);
        }
    }
}

/// Which archive needs which, in both directions and to the end.
struct Chains {
    needs: Vec<Vec<Place>>,
    needed: Vec<Vec<Place>>,
}

impl Chains {
    fn of(archives: &[ArchiveFacts]) -> Self {
        let mut places = BTreeMap::<&str, Vec<Place>>::new();
        for (place, archive) in archives.iter().enumerate() {
            places.entry(&archive.id).or_default().push(place);
        }
        let mut chains =
            Self { needs: vec![Vec::new(); archives.len()], needed: vec![Vec::new(); archives.len()] };
        for (place, archive) in archives.iter().enumerate() {
            for below in archive.needs.iter().filter_map(|id| places.get(id.as_str())).flatten() {
                if let Some(needs) = chains.needs.get_mut(place) {
                    needs.push(*below);
                }
                if let Some(needed) = chains.needed.get_mut(*below) {
                    needed.push(place);
                }
            }
        }
        chains
    }

    /// All that an archive needs, itself left out.
    fn below(&self, place: Place) -> Vec<Place> {
        reach(&self.needs, place)
    }

    /// All that need an archive, itself left out.
    fn above(&self, place: Place) -> Vec<Place> {
        reach(&self.needed, place)
    }
}

fn reach(edges: &[Vec<Place>], from: Place) -> Vec<Place> {
    let mut seen = BTreeSet::from([from]);
    let mut next = vec![from];
    while let Some(place) = next.pop() {
        for to in edges.get(place).into_iter().flatten() {
            if seen.insert(*to) {
                next.push(*to);
            }
        }
    }
    seen.remove(&from);
    seen.into_iter().collect()
}
