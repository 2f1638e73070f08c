//! The retention rules on tables of moments, and what must hold for any snapshots and any rules.

#![allow(clippy::unwrap_used)]

use backstay_policy::{Counters, Keep, Moment, Retention, SnapshotFacts, Span, Verdict};
use proptest::prelude::*;

fn at(text: &str) -> Moment {
    let zoned = if text.contains('[') { text.to_owned() } else { format!("{text}[UTC]") };
    let stamp = jiff::fmt::temporal::DateTimeParser::new().parse_zoned(zoned).unwrap();
    Moment {
        seconds: stamp.timestamp().as_second(),
        nanos: stamp.timestamp().subsec_nanosecond() as u32,
        offset: stamp.offset().seconds(),
    }
}

fn now() -> Moment {
    at("2030-01-01T00:00:00")
}

fn made_at(times: &[&str]) -> Vec<SnapshotFacts<usize>> {
    (times.iter().enumerate())
        .map(|(id, time)| SnapshotFacts { id, time: at(time), ..Default::default() })
        .collect()
}

fn reasons(verdict: &Verdict<usize>) -> Vec<(usize, String)> {
    verdict.keep.iter().map(|kept| (kept.snapshot.id, kept.matches.join("; "))).collect()
}

const SOME: [&str; 8] = [
    "2016-01-18T12:02:03",
    "2016-01-12T21:08:03",
    "2016-01-12T21:02:03",
    "2016-01-09T21:02:03",
    "2016-01-08T20:02:03",
    "2016-01-07T10:02:03",
    "2015-11-22T10:20:30",
    "2014-11-22T10:20:30",
];

#[track_caller]
fn expect(rules: &Retention, times: &[&str], expected: &[(usize, &str)]) {
    let verdict = rules.apply(made_at(times), now());
    let expected: Vec<_> = expected.iter().map(|(id, why)| (*id, (*why).to_owned())).collect();
    assert_eq!(reasons(&verdict), expected);
    assert_eq!(verdict.keep.len() + verdict.remove.len(), times.len());
}

#[test]
fn last_keeps_the_newest() {
    let rules = Retention { last: Keep::Count(2), ..Default::default() };
    expect(&rules, &SOME, &[(0, "last snapshot"), (1, "last snapshot")]);
}

#[test]
fn daily_keeps_the_newest_of_each_day() {
    let rules = Retention { daily: Keep::Count(3), ..Default::default() };
    expect(&rules, &SOME, &[(0, "daily snapshot"), (1, "daily snapshot"), (3, "daily snapshot")]);
}

#[test]
fn a_rule_with_something_left_keeps_the_oldest() {
    let rules = Retention { yearly: Keep::Count(3), ..Default::default() };
    let times = ["2016-03-01T00:00:00", "2016-02-01T00:00:00", "2016-01-01T00:00:00"];
    expect(&rules, &times, &[(0, "yearly snapshot"), (2, "oldest yearly snapshot")]);
    let used_up = Retention { yearly: Keep::Count(1), ..Default::default() };
    expect(&used_up, &times, &[(0, "yearly snapshot")]);
}

#[test]
fn weeks_are_iso_weeks() {
    let rules = Retention { weekly: Keep::Count(2), ..Default::default() };
    // 2015-12-31 and 2016-01-03 lie in one week, 2016-01-04 begins the next.
    let times = ["2016-01-04T00:00:00", "2016-01-03T00:00:00", "2015-12-31T00:00:00", "2015-01-01T00:00:00"];
    expect(&rules, &times, &[(0, "weekly snapshot"), (1, "weekly snapshot")]);
}

#[test]
fn days_are_counted_where_the_snapshot_was_made() {
    let rules = Retention { daily: Keep::Count(5), ..Default::default() };
    let times = [
        "2024-05-02T01:00:00+02:00[+02:00]",
        "2024-05-01T23:30:00+02:00[+02:00]",
        "2024-05-01T22:00:00+02:00[+02:00]",
    ];
    expect(&rules, &times, &[(0, "daily snapshot"), (1, "daily snapshot"), (2, "oldest daily snapshot")]);
}

#[test]
fn within_measures_from_the_newest() {
    let rules = Retention { within: "10d".parse().unwrap(), ..Default::default() };
    let why = "within 10d";
    expect(&rules, &SOME, &[(0, why), (1, why), (2, why), (3, why), (4, why)]);
}

#[test]
fn within_ignores_what_lies_in_the_future_as_its_start_but_keeps_it() {
    let rules = Retention { within: "1d".parse().unwrap(), ..Default::default() };
    let times = ["2031-01-01T00:00:00", "2016-01-02T00:00:00", "2016-01-01T12:00:00", "2015-01-01T00:00:00"];
    expect(&rules, &times, &[(0, "within 1d"), (1, "within 1d"), (2, "within 1d")]);
}

#[test]
fn spans_of_periods_name_rule_and_span() {
    let rules = Retention { within_daily: "6d".parse().unwrap(), ..Default::default() };
    expect(&rules, &SOME, &[(0, "daily within 6d"), (1, "daily within 6d")]);
}

#[test]
fn tags_keep_whatever_the_time() {
    let mut snapshots = made_at(&SOME);
    snapshots[6].tags = vec!["foo".into(), "bar".into()];
    let rules = Retention { tags: vec!["bar,foo".parse().unwrap()], ..Default::default() };
    assert_eq!(reasons(&rules.apply(snapshots, now())), [(6, "has tags [bar, foo]".to_owned())]);
}

#[test]
fn counters_tell_what_is_left() {
    let rules = Retention {
        last: Keep::Count(1),
        daily: Keep::Unlimited,
        monthly: Keep::Count(5),
        ..Default::default()
    };
    let verdict = rules.apply(made_at(&SOME), now());
    let first = verdict.keep.first().unwrap();
    assert_eq!(first.matches, ["last snapshot", "daily snapshot", "monthly snapshot"]);
    let expected = Counters { daily: Keep::Unlimited, monthly: Keep::Count(4), ..Default::default() };
    assert_eq!(first.counters, expected);
}

#[test]
fn the_sentence_names_every_rule() {
    let rules = Retention {
        last: Keep::Count(2),
        daily: Keep::Unlimited,
        within_weekly: "3m".parse().unwrap(),
        within: "2d".parse().unwrap(),
        tags: vec!["a,b".parse().unwrap(), "c".parse().unwrap()],
        ..Default::default()
    };
    assert_eq!(
        rules.to_string(),
        "keep 2 latest, all daily snapshots, weekly snapshots within 3m and all snapshots with tags \
         [[a, b] [c]] and all snapshots within 2d of the newest"
    );
    assert_eq!(Retention::default().to_string(), "remove");
}

fn any_keep() -> impl Strategy<Value = Keep> {
    prop_oneof![3 => Just(Keep::None), 3 => (1..6u64).prop_map(Keep::Count), 1 => Just(Keep::Unlimited)]
}

fn any_span() -> impl Strategy<Value = Span> {
    prop_oneof![
        2 => Just(Span::default()),
        1 => (0..2, 0..12, 0..40, 0..30).prop_map(|(years, months, days, hours)| Span { years, months, days, hours }),
    ]
}

fn any_retention() -> impl Strategy<Value = Retention> {
    let counts = (any_keep(), any_keep(), any_keep(), any_keep(), any_keep(), any_keep());
    let spans = (any_span(), any_span(), any_span(), any_span(), any_span(), any_span());
    let tags = proptest::sample::subsequence(vec!["a", "b", "a,b"], 0..2);
    (counts, spans, tags).prop_map(|(counts, spans, tags)| Retention {
        last: counts.0,
        hourly: counts.1,
        daily: counts.2,
        weekly: counts.3,
        monthly: counts.4,
        yearly: counts.5,
        within: spans.0,
        within_hourly: spans.1,
        within_daily: spans.2,
        within_weekly: spans.3,
        within_monthly: spans.4,
        within_yearly: spans.5,
        tags: tags.into_iter().map(|list| list.parse().unwrap()).collect(),
    })
}

fn any_snapshots() -> impl Strategy<Value = Vec<SnapshotFacts<usize>>> {
    let one = (0..90_000_000i64, -12..=12i32, proptest::sample::subsequence(vec!["a", "b", "c"], 0..3));
    proptest::collection::vec(one, 1..40).prop_map(|all| {
        (all.into_iter().enumerate())
            .map(|(id, (age, hours, tags))| SnapshotFacts {
                id,
                time: Moment { seconds: now().seconds - 1 - age, nanos: 0, offset: hours * 3600 },
                tags: tags.into_iter().map(str::to_owned).collect(),
                ..Default::default()
            })
            .collect()
    })
}

fn kept_ids(rules: &Retention, snapshots: &[SnapshotFacts<usize>]) -> std::collections::BTreeSet<usize> {
    rules.apply(snapshots.to_vec(), now()).keep.iter().map(|kept| kept.snapshot.id).collect()
}

proptest! {
    #[test]
    fn every_snapshot_is_either_kept_or_removed_and_the_newest_come_first(
        rules in any_retention(), snapshots in any_snapshots()
    ) {
        let verdict = rules.apply(snapshots.clone(), now());
        let mut ids: Vec<_> = verdict.keep.iter().map(|kept| kept.snapshot.id).collect();
        ids.extend(verdict.remove.iter().map(|snapshot| snapshot.id));
        ids.sort_unstable();
        prop_assert_eq!(ids, (0..snapshots.len()).collect::<Vec<_>>());
        prop_assert!(verdict.keep.is_sorted_by_key(|kept| std::cmp::Reverse(kept.snapshot.time.instant())));
        prop_assert!(verdict.keep.iter().all(|kept| !kept.matches.is_empty()));
    }

    #[test]
    fn one_more_rule_never_loses_a_snapshot(
        rules in any_retention(), last in 0..6u64, span in any_span(), snapshots in any_snapshots()
    ) {
        let before = kept_ids(&rules, &snapshots);
        let mut more = rules.clone();
        if more.last == Keep::None {
            more.last = Keep::count(last);
        }
        if more.within.is_zero() {
            more.within = span;
        }
        more.tags.push("c".parse().unwrap());
        prop_assert!(before.is_subset(&kept_ids(&more, &snapshots)));
    }

    #[test]
    fn rules_together_keep_the_union_of_what_each_keeps(
        one in any_retention(), snapshots in any_snapshots()
    ) {
        let counts = Retention { within: Span::default(), within_hourly: Span::default(), within_daily: Span::default(),
            within_weekly: Span::default(), within_monthly: Span::default(), within_yearly: Span::default(),
            tags: Vec::new(), ..one.clone() };
        let others = Retention { last: Keep::None, hourly: Keep::None, daily: Keep::None, weekly: Keep::None,
            monthly: Keep::None, yearly: Keep::None, ..one.clone() };
        let union: std::collections::BTreeSet<_> =
            kept_ids(&counts, &snapshots).union(&kept_ids(&others, &snapshots)).copied().collect();
        prop_assert_eq!(kept_ids(&one, &snapshots), union);
    }

    #[test]
    fn a_larger_count_keeps_no_fewer(count in 1..20u64, snapshots in any_snapshots()) {
        for make in [
            |keep| Retention { last: keep, ..Default::default() },
            |keep| Retention { daily: keep, ..Default::default() },
            |keep| Retention { monthly: keep, ..Default::default() },
        ] {
            let fewer = kept_ids(&make(Keep::Count(count)), &snapshots).len();
            prop_assert!(fewer <= kept_ids(&make(Keep::Count(count + 1)), &snapshots).len());
            prop_assert!(fewer <= count as usize);
        }
    }

    #[test]
    fn any_counting_rule_keeps_the_newest(rules in any_retention(), snapshots in any_snapshots()) {
        let counts = [rules.last, rules.hourly, rules.daily, rules.weekly, rules.monthly, rules.yearly];
        prop_assume!(counts.iter().any(|keep| *keep != Keep::None));
        let newest = snapshots.iter().max_by_key(|s| (s.time.instant(), std::cmp::Reverse(s.id))).unwrap().id;
        prop_assert!(kept_ids(&rules, &snapshots).contains(&newest));
    }

    #[test]
    fn forgetting_twice_forgets_nothing_more_without_the_oldest_rule(
        last in 1..9u64, snapshots in any_snapshots()
    ) {
        let rules = Retention { last: Keep::Count(last), ..Default::default() };
        let kept = kept_ids(&rules, &snapshots);
        let left: Vec<_> = snapshots.into_iter().filter(|s| kept.contains(&s.id)).collect();
        prop_assert_eq!(kept_ids(&rules, &left), kept);
    }
}
