//! Retention over archives that lean on one another.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use backstay_policy::archive_retention::{ArchiveFacts, apply, needed_by};
use backstay_policy::{Keep, Moment, PlanRetention, SnapshotFacts, Verdict};
use proptest::prelude::*;

const DAY: i64 = 86_400;

fn archive(id: &str, day: i64, bytes: u64, needs: &[&str]) -> ArchiveFacts {
    ArchiveFacts {
        id: id.to_owned(),
        facts: SnapshotFacts {
            time: Moment { seconds: day * DAY, ..Moment::default() },
            ..SnapshotFacts::default()
        },
        bytes,
        is_held: false,
        needs: needs.iter().map(|&need| need.to_owned()).collect(),
    }
}

fn now() -> Moment {
    Moment { seconds: 1_000 * DAY, ..Moment::default() }
}

/// Two weeks: each a full archive and two that lean on it.
fn two_weeks() -> Vec<ArchiveFacts> {
    vec![
        archive("full-1", 900, 100, &[]),
        archive("inc-1a", 901, 10, &["full-1"]),
        archive("inc-1b", 902, 10, &["full-1", "inc-1a"]),
        archive("full-2", 907, 100, &[]),
        archive("dif-2a", 908, 20, &["full-2"]),
        archive("dif-2b", 909, 30, &["full-2"]),
    ]
}

fn kept(verdict: &Verdict<String>) -> BTreeSet<&str> {
    verdict.keep.iter().map(|kept| kept.snapshot.id.as_str()).collect()
}

fn keep(retention: PlanRetention, archives: Vec<ArchiveFacts>) -> Vec<String> {
    let verdict = apply(&retention, archives, now());
    let mut ids: Vec<_> = kept(&verdict).into_iter().map(str::to_owned).collect();
    ids.sort();
    ids
}

#[test]
fn what_stays_keeps_what_it_needs() {
    let last = |count| PlanRetention { last: Keep::count(count), ..PlanRetention::default() };
    assert_eq!(keep(last(1), two_weeks()), ["dif-2b", "full-2"]);
    assert_eq!(keep(last(2), two_weeks()), ["dif-2a", "dif-2b", "full-2"]);
    assert_eq!(
        keep(last(4), two_weeks()),
        ["dif-2a", "dif-2b", "full-1", "full-2", "inc-1a", "inc-1b"],
        "the newest of the first week needs all before it"
    );
    let verdict = apply(&last(1), two_weeks(), now());
    let full = verdict.keep.iter().find(|kept| kept.snapshot.id == "full-2").unwrap();
    assert_eq!(full.matches, ["needed by dif-2b"]);
}

#[test]
fn space_is_made_by_whole_chains_the_oldest_first() {
    let space = |bytes| PlanRetention { max_total_bytes: Some(bytes), ..PlanRetention::default() };
    assert_eq!(keep(space(270), two_weeks()).len(), 6);
    assert_eq!(keep(space(269), two_weeks()), ["dif-2a", "dif-2b", "full-2"]);
    // The newest stays with what it needs, however little room there is.
    assert_eq!(keep(space(140), two_weeks()), ["dif-2b", "full-2"]);
    assert_eq!(keep(space(1), two_weeks()), ["dif-2b", "full-2"]);
    let mut held = two_weeks();
    held[1].is_held = true;
    assert_eq!(keep(space(150), held), ["dif-2b", "full-1", "full-2", "inc-1a"]);
}

#[test]
fn age_and_count_break_no_chain() {
    let old = PlanRetention { max_age: Some("92d".parse().unwrap()), ..PlanRetention::default() };
    assert_eq!(keep(old, two_weeks()), ["dif-2a", "dif-2b", "full-2"]);
    let few = PlanRetention { max_count: Some(1), ..PlanRetention::default() };
    assert_eq!(keep(few, two_weeks()), ["dif-2b", "full-2"]);
    assert_eq!(needed_by("full-1", &two_weeks()), ["inc-1a", "inc-1b"]);
    assert!(needed_by("inc-1b", &two_weeks()).is_empty());
}

#[test]
fn what_has_a_time_in_the_future_pushes_nothing_out() {
    let mut archives = two_weeks();
    archives.push(archive("forged", 2_000, 1 << 40, &[]));
    let last = PlanRetention { last: Keep::count(1), max_total_bytes: Some(500), ..PlanRetention::default() };
    assert_eq!(keep(last, archives), ["dif-2b", "forged", "full-2"]);
}

/// Archives of which each leans on some of those before it.
fn any_archives() -> impl Strategy<Value = Vec<ArchiveFacts>> {
    let one = (
        0_i64..1_100,
        1_u64..1_000,
        any::<bool>(),
        proptest::collection::vec(any::<prop::sample::Index>(), 0..3),
    );
    proptest::collection::vec(one, 1..25).prop_map(|rows| {
        let mut archives = Vec::<ArchiveFacts>::new();
        for (place, (day, bytes, is_held, picks)) in rows.into_iter().enumerate() {
            let mut needs = BTreeSet::new();
            for pick in picks.iter().filter(|_| place > 0) {
                let below = &archives[pick.index(place)];
                needs.insert(below.id.clone());
                needs.extend(below.needs.iter().cloned());
            }
            let needs: Vec<_> = needs.iter().map(String::as_str).collect();
            let mut made = archive(&format!("a{place}"), day, bytes, &needs);
            made.is_held = is_held && place % 7 == 0;
            archives.push(made);
        }
        archives
    })
}

proptest! {
    #[test]
    fn no_chain_is_ever_broken(
        archives in any_archives(), last in 0_u64..6, count in prop::option::of(1_u64..9),
        bytes in prop::option::of(1_u64..9_000), least in 1_u64..4,
    ) {
        let retention = PlanRetention {
            last: if last == 0 { Keep::None } else { Keep::count(last) }, max_count: count, max_total_bytes: bytes,
            keep_at_least: least, ..PlanRetention::default()
        };
        let verdict = apply(&retention, archives.clone(), now());
        prop_assert_eq!(verdict.keep.len() + verdict.remove.len(), archives.len());
        let kept = kept(&verdict);
        let by_id: BTreeMap<_, _> = archives.iter().map(|archive| (archive.id.as_str(), archive)).collect();
        for id in &kept {
            for need in &by_id[id].needs {
                prop_assert!(kept.contains(need.as_str()), "{} needs {}", id, need);
            }
        }
        for archive in archives.iter().filter(|archive| archive.is_held || archive.facts.time.seconds > now().seconds) {
            prop_assert!(kept.contains(archive.id.as_str()), "{} is bound to stay", archive.id);
        }
        // What could still go is there only because nothing has to go.
        if let Some(most) = bytes {
            let total: u64 = kept.iter().map(|id| by_id[id].bytes).sum();
            let without_limit = PlanRetention { max_total_bytes: None, ..retention.clone() };
            let before = apply(&without_limit, archives.clone(), now());
            prop_assert!(total <= most || kept.len() <= before.keep.len());
            if total > most {
                let newest = archives.iter().filter(|a| a.facts.time.seconds <= now().seconds);
                let oldest_kept = kept.iter().map(|id| by_id[id]).min_by_key(|a| a.facts.time.seconds);
                // The oldest that stays is bound, or something bound needs it.
                let oldest = oldest_kept.unwrap();
                let bound = |a: &ArchiveFacts| {
                    let place = newest.clone().filter(|b| b.facts.time.seconds > a.facts.time.seconds).count();
                    a.is_held || a.facts.time.seconds > now().seconds || (place as u64) < least
                };
                prop_assert!(
                    bound(oldest) || archives.iter().any(|a| bound(a) && a.needs.contains(&oldest.id)),
                    "{} could go", oldest.id
                );
            }
        }
    }
}
