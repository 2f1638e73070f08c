//! What plans say about retention: limits, the minimum, holds and forged times.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use backstay_policy::plan_retention::PlanRetentionError;
use backstay_policy::{Keep, Moment, PlanRetention, SnapshotFacts, Span, TagList};
use proptest::prelude::*;

const DAY: i64 = 86_400;
const NOW: Moment = Moment { seconds: 20_000 * DAY, nanos: 0, offset: 0 };

/// Snapshots by their age in days; below zero lies the future. The id is the place in the list.
fn aged(days: &[i64]) -> Vec<SnapshotFacts<usize>> {
    (days.iter().enumerate())
        .map(|(id, days)| SnapshotFacts {
            id,
            time: Moment { seconds: NOW.seconds - days * DAY, ..NOW },
            ..Default::default()
        })
        .collect()
}

/// The ids that stay, with a gigabyte for each snapshot.
fn kept(plan: &PlanRetention, days: &[i64], held: &[usize]) -> BTreeSet<usize> {
    let all = aged(days);
    let verdict = plan.apply(all, |_| 1 << 30, |snapshot| held.contains(&snapshot.id), NOW);
    assert_eq!(verdict.keep.len() + verdict.remove.len(), days.len());
    assert!(verdict.keep.iter().all(|kept| !kept.matches.is_empty()));
    verdict.keep.into_iter().map(|kept| kept.snapshot.id).collect()
}

fn read(yaml: &str) -> PlanRetention {
    let plan: PlanRetention = serde_saphyr::from_str(yaml).unwrap();
    plan.validate().unwrap();
    plan
}

#[track_caller]
fn expect(yaml: &str, days: &[i64], held: &[usize], expected: &[usize]) {
    assert_eq!(kept(&read(yaml), days, held), expected.iter().copied().collect(), "{yaml}");
}

#[test]
fn a_plan_that_says_nothing_keeps_everything() {
    expect("{}", &[0, 1, 400, 9_000], &[], &[0, 1, 2, 3]);
    expect("keep_at_least: 2", &[0, 1, 400, 9_000], &[], &[0, 1, 2, 3]);
    assert!(read("{}").is_empty());
}

#[test]
fn rules_keep_and_limits_take() {
    let days = [0, 1, 2, 10, 40, 400];
    expect("last: 2", &days, &[], &[0, 1]);
    expect("within: 3d", &days, &[], &[0, 1, 2]);
    expect("last: unlimited", &days, &[], &[0, 1, 2, 3, 4, 5]);
    expect("max_age: 30d", &days, &[], &[0, 1, 2, 3]);
    expect("{last: unlimited, max_age: 1m}", &days, &[], &[0, 1, 2, 3]);
    expect("max_count: 3", &days, &[], &[0, 1, 2]);
    expect("max_total_bytes: 2147483648", &days, &[], &[0, 1]);
    expect("{yearly: 2, max_count: 1}", &days, &[], &[0]);
}

#[test]
fn the_newest_stay_whatever_is_said() {
    let old = [900, 901, 902];
    expect("max_age: 1d", &old, &[], &[0]);
    expect("{max_age: 1d, keep_at_least: 2}", &old, &[], &[0, 1]);
    expect("max_total_bytes: 1", &old, &[], &[0]);
    expect("{last: 1, max_count: 1, keep_at_least: 3}", &old, &[], &[0, 1, 2]);
    let zero = PlanRetention { keep_at_least: 0, max_total_bytes: Some(0), ..Default::default() };
    assert_eq!(kept(&zero, &old, &[]), BTreeSet::from([0]));
}

#[test]
fn holds_stay_and_take_no_place_in_the_count() {
    let days = [0, 1, 2, 3, 4];
    expect("max_count: 2", &days, &[2, 4], &[0, 1, 2, 4]);
    expect("max_age: 1d", &days, &[4], &[0, 1, 4]);
    expect("last: 1", &days, &[3], &[0, 3]);
    // But in the room.
    expect("max_total_bytes: 3221225472", &days, &[3, 4], &[0, 3, 4]);
}

#[test]
fn forged_times_push_nothing_out() {
    let days = [-1, -2, -3, 0, 1, 2];
    expect("last: 2", &days, &[], &[0, 1, 2, 3, 4]);
    expect("max_count: 2", &days, &[], &[0, 1, 2, 3, 4]);
    expect("max_total_bytes: 2147483648", &days, &[], &[0, 1, 2, 3, 4]);
    expect("{last: 1, keep_at_least: 2}", &days, &[], &[0, 1, 2, 3, 4]);
}

#[test]
fn people_write_retention_in_yaml() {
    let plan = read(
        "last: 3\ndaily: 7\nmonthly: unlimited\nwithin_weekly: 1y6m\ntags: [release, 'db,nightly', 2024]\nmax_age: 5y",
    );
    let list = |text: &str| text.parse::<TagList>().unwrap();
    assert_eq!(plan.daily, Keep::Count(7));
    assert_eq!(plan.monthly, Keep::Unlimited);
    assert_eq!(plan.within_weekly, Span { years: 1, months: 6, ..Span::default() });
    assert_eq!(plan.tags, [list("release"), list("db,nightly"), list("2024")]);
    assert_eq!(plan.keep_at_least, 1);
    assert_eq!(
        serde_json::to_string(&plan).unwrap(),
        r#"{"last":3,"daily":7,"monthly":"unlimited","within_weekly":"1y6m","tags":["release","db,nightly","2024"],"max_age":"5y","keep_at_least":1}"#
    );
    for (yaml, hint) in [
        ("dayly: 7", "dayly"),
        ("daily: -1", "number"),
        ("daily: many", "unlimited"),
        ("within: 3w", "units"),
    ] {
        let error = serde_saphyr::from_str::<PlanRetention>(yaml).unwrap_err().to_string();
        assert!(error.contains(hint), "{error}");
    }
}

#[test]
fn nonsense_is_refused() {
    for (yaml, expected) in [
        ("keep_at_least: 0", PlanRetentionError::NoMinimum),
        ("max_count: 0", PlanRetentionError::ZeroLimit("max_count")),
        ("max_age: ''", PlanRetentionError::ZeroLimit("max_age")),
        ("max_total_bytes: 0", PlanRetentionError::ZeroLimit("max_total_bytes")),
        ("within: -3d", PlanRetentionError::NegativeSpan),
        ("max_age: -3d", PlanRetentionError::NegativeSpan),
    ] {
        let plan: PlanRetention = serde_saphyr::from_str(yaml).unwrap();
        assert_eq!(plan.validate(), Err(expected), "{yaml}");
    }
    let plan = PlanRetention { tags: vec![TagList(vec![])], ..Default::default() };
    assert_eq!(plan.validate(), Err(PlanRetentionError::EmptyTags));
}

fn keep() -> impl Strategy<Value = Keep> {
    prop_oneof![3 => Just(Keep::None), 3 => (1_u64..9).prop_map(Keep::Count), 1 => Just(Keep::Unlimited)]
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        2 => Just(Span::default()),
        1 => (0..3, 0..9, 0..40, 0..50).prop_map(|(years, months, days, hours)| Span { years, months, days, hours }),
    ]
}

fn tag() -> impl Strategy<Value = String> {
    "[a-c]{1,2}"
}

prop_compose! {
    fn rules()(
        counts in [keep(), keep(), keep(), keep(), keep(), keep()],
        spans in [span(), span(), span(), span(), span(), span()],
        tags in prop::collection::vec(prop::collection::vec(tag(), 1..3).prop_map(TagList), 0..3),
        keep_at_least in 1_u64..5,
    ) -> PlanRetention {
        let [last, hourly, daily, weekly, monthly, yearly] = counts;
        let [within, within_hourly, within_daily, within_weekly, within_monthly, within_yearly] = spans;
        PlanRetention {
            last, hourly, daily, weekly, monthly, yearly, within, within_hourly, within_daily, within_weekly,
            within_monthly, within_yearly, tags, keep_at_least, ..Default::default()
        }
    }
}

prop_compose! {
    fn plan()(
        rules in prop_oneof![rules(), Just(PlanRetention::default())],
        max_age in prop::option::of((1..500).prop_map(|days| Span { days, ..Span::default() })),
        max_count in prop::option::of(1_u64..20),
        max_total_bytes in prop::option::of(1_u64..5_000),
    ) -> PlanRetention {
        PlanRetention { max_age, max_count, max_total_bytes, ..rules }
    }
}

type Facts = SnapshotFacts<(usize, u64, bool)>;

/// Snapshots with their place, size and hold.
fn snapshots() -> impl Strategy<Value = Vec<Facts>> {
    let one = (-20_i64..20_000, 0_u64..900, prop::bool::weighted(0.15), prop::collection::vec(tag(), 0..3));
    prop::collection::vec(one, 0..40).prop_map(|all| {
        (all.into_iter().enumerate())
            .map(|(place, (hours, bytes, is_held, tags))| SnapshotFacts {
                id: (place, bytes, is_held),
                time: Moment { seconds: NOW.seconds - hours * 3_600, ..NOW },
                tags,
                ..Default::default()
            })
            .collect()
    })
}

fn apply(plan: &PlanRetention, all: &[Facts]) -> BTreeSet<usize> {
    let verdict = plan.apply(all.to_vec(), |facts| facts.id.1, |facts| facts.id.2, NOW);
    verdict.keep.into_iter().map(|kept| kept.snapshot.id.0).collect()
}

fn more(keep: Keep) -> Keep {
    match keep {
        Keep::Count(count) => Keep::Count(count + 1),
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_newest_the_held_and_the_future_always_stay(plan in plan(), all in snapshots()) {
        let kept = apply(&plan, &all);
        let mut present: Vec<&Facts> = all.iter().filter(|facts| facts.time.seconds <= NOW.seconds).collect();
        present.sort_by_key(|facts| std::cmp::Reverse(facts.time.seconds));
        for facts in present.iter().take(plan.keep_at_least as usize) {
            prop_assert!(kept.contains(&facts.id.0));
        }
        for facts in all.iter().filter(|facts| facts.id.2 || facts.time.seconds > NOW.seconds) {
            prop_assert!(kept.contains(&facts.id.0));
        }
    }

    #[test]
    fn the_future_changes_nothing_for_the_present(plan in plan(), all in snapshots()) {
        let present: Vec<Facts> = all.iter().filter(|facts| facts.time.seconds <= NOW.seconds).cloned().collect();
        let mut kept = apply(&plan, &all);
        kept.retain(|place| all[*place].time.seconds <= NOW.seconds);
        prop_assert_eq!(kept, apply(&plan, &present));
    }

    #[test]
    fn limits_hold_but_for_what_must_stay(plan in plan(), all in snapshots()) {
        let kept = apply(&plan, &all);
        let stays: Vec<&Facts> =
            all.iter().filter(|facts| kept.contains(&facts.id.0) && facts.time.seconds <= NOW.seconds).collect();
        let free = stays.iter().filter(|facts| !facts.id.2).count() as u64;
        if let Some(most) = plan.max_count {
            prop_assert!(free <= most.max(plan.keep_at_least));
        }
        let total: u64 = stays.iter().map(|facts| facts.id.1).sum();
        if plan.max_total_bytes.is_some_and(|most| total > most) {
            prop_assert!(free <= plan.keep_at_least);
        }
    }

    #[test]
    fn greater_counts_keep_no_less(plan in rules(), all in snapshots(), which in 0_usize..7) {
        let mut greater = plan.clone();
        match which {
            0 => greater.last = more(plan.last),
            1 => greater.hourly = more(plan.hourly),
            2 => greater.daily = more(plan.daily),
            3 => greater.weekly = more(plan.weekly),
            4 => greater.monthly = more(plan.monthly),
            5 => greater.yearly = more(plan.yearly),
            _ => greater.keep_at_least += 1,
        }
        prop_assert!(apply(&plan, &all).is_subset(&apply(&greater, &all)));
    }

    #[test]
    fn wider_limits_keep_no_less(plan in plan(), all in snapshots(), by in 1_u64..50) {
        let kept = apply(&plan, &all);
        let bytes = PlanRetention { max_total_bytes: plan.max_total_bytes.map(|most| most + by * 20), ..plan.clone() };
        prop_assert!(kept.is_subset(&apply(&bytes, &all)));
        let alone = PlanRetention { max_total_bytes: None, ..plan };
        let count = PlanRetention { max_count: alone.max_count.map(|most| most + by), ..alone.clone() };
        prop_assert!(apply(&alone, &all).is_subset(&apply(&count, &all)));
    }

    #[test]
    fn plans_survive_files_and_messages(plan in plan()) {
        let json = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(&serde_json::from_str::<PlanRetention>(&json).unwrap(), &plan);
        let yaml = serde_saphyr::to_string(&plan).unwrap();
        prop_assert_eq!(&serde_saphyr::from_str::<PlanRetention>(&yaml).unwrap(), &plan, "{}", yaml);
        prop_assert_eq!(plan.validate(), Ok(()));
    }
}
