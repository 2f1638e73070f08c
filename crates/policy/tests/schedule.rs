//! Schedules on tables of moments, and what must hold for any schedule in zones that change their clocks.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use backstay_policy::duration_text::DurationText;
use backstay_policy::schedule::{Battery, Conditions, MonthDay, ScheduleError, TimeOfDay, Weekday};
use backstay_policy::{Due, Schedule, When, Window};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The dues after a moment, as clocks in the schedule's zone show them.
fn shown(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    let zone = TimeZone::get(&schedule.zone).unwrap();
    let dues = schedule.preview(at(after), count, 1).unwrap();
    dues.into_iter().map(|due| due.to_zoned(zone.clone()).strftime("%F %H:%M:%S%:z").to_string()).collect()
}

fn read(yaml: &str) -> Schedule {
    let schedule: Schedule = serde_saphyr::from_str(yaml).unwrap();
    schedule.validate().unwrap();
    schedule
}

#[test]
fn windows_say_when_work_that_is_due_at_any_time_may_start() {
    let always = read("when: manual");
    assert_eq!(always.next_open(at("2026-03-01T12:00:00.5Z")).unwrap(), Some(at("2026-03-01T12:00:00.5Z")));
    let nights = read("when: manual\nzone: Europe/Berlin\nwindows:\n  - {from: 22:00, until: 06:00}");
    for (now, opens) in [
        ("2026-03-01T12:00:00Z", "2026-03-01T21:00:00Z"),
        ("2026-03-01T23:30:00.25Z", "2026-03-01T23:30:00.25Z"),
        ("2026-03-02T05:00:00Z", "2026-03-02T21:00:00Z"),
        // The clock has gone forward.
        ("2026-03-29T12:00:00Z", "2026-03-29T20:00:00Z"),
    ] {
        assert_eq!(nights.next_open(at(now)).unwrap(), Some(at(opens)), "{now}");
    }
}

#[test]
fn people_write_schedules_in_yaml() {
    for (yaml, words) in [
        ("when: manual", "only by hand"),
        ("when: {every: 6h}", "every 6h"),
        ("when: {every: 90 minutes}\njitter: 5m", "every 1h30m, up to 5m later"),
        ("when:\n  cron: 0 3 * * *", "by the cron expression \"0 3 * * *\", UTC"),
        (
            "when:\n  daily:\n    at: 03:00\nzone: Europe/Berlin\nwindows:\n  - {from: 22:00, until: 06:00}",
            "every day at 03:00 Europe/Berlin, within 22:00–06:00",
        ),
        (
            "when: {weekly: {days: [mon, friday], at: ['03:00', 15:30]}}\ncatch_up: false",
            "every Monday and Friday at 03:00 and 15:30 UTC, missed runs are left out",
        ),
        (
            "when: {monthly: {day: last, at: 3:00}}\nconditions: {battery: avoid, max_load: 1.5}",
            "on the last day of each month at 03:00 UTC, not on battery, not above a load of 1.5 per core",
        ),
        (
            "when: {monthly: {day: 31, at: 3:00}}\nwindows: [{days: sat, from: 0:00, until: 0:00}]",
            "on day 31 of each month at 03:00 UTC, within Saturday the whole day",
        ),
    ] {
        assert_eq!(read(yaml).describe(), words);
    }
}

#[test]
fn programs_exchange_schedules_in_json() {
    let schedule = Schedule {
        when: When::Weekly { days: vec![Weekday::Mon], at: vec![TimeOfDay::new(3, 0).unwrap()] },
        jitter: Duration::from_secs(300),
        ..Schedule::default()
    };
    let text = serde_json::to_string(&schedule).unwrap();
    let expected =
        r#"{"when":{"weekly":{"days":["mon"],"at":["03:00"]}},"zone":"UTC","jitter":"5m","catch_up":true}"#;
    assert_eq!(text, expected);
    for unknown in [
        r#"{"when":"manual","timezone":"UTC"}"#,
        r#"{"when":{"daily":{"at":["03:00"],"on":1}}}"#,
        r#"{"when":{"hourly":{}}}"#,
        r#"{"when":"manual","windows":[{"from":"1:00","until":"2:00","day":"mon"}]}"#,
        r#"{"when":"manual","conditions":{"load":1}}"#,
        r#"{}"#,
    ] {
        assert!(serde_json::from_str::<Schedule>(unknown).is_err(), "{unknown}");
    }
}

#[test]
fn nonsense_is_refused_with_a_way_out() {
    let daily = || When::Daily { at: vec![TimeOfDay::new(3, 0).unwrap()] };
    let of = |when| Schedule { when, ..Schedule::default() };
    for (schedule, hint) in [
        (of(When::Every(DurationText(Duration::ZERO))), "at least 1s"),
        (of(When::Every(DurationText(Duration::from_millis(1_500)))), "whole seconds"),
        (of(When::Daily { at: vec![] }), "add at"),
        (of(When::Weekly { days: vec![], at: vec![TimeOfDay::new(3, 0).unwrap()] }), "add days"),
        (of(When::Monthly { day: MonthDay::Day(0), at: vec![TimeOfDay::new(3, 0).unwrap()] }), "1 to 31"),
        (of(When::Cron("every night".into())), "0 3 * * *"),
        (Schedule { zone: "Berlin".into(), ..of(daily()) }, "Europe/Berlin"),
        (Schedule { jitter: Duration::from_secs(604_801), ..of(daily()) }, "up to 7d"),
        (
            Schedule {
                conditions: Conditions { max_load: Some(0.0), battery: Battery::Allow },
                ..of(daily())
            },
            "above 0",
        ),
        (
            Schedule {
                conditions: Conditions { max_load: Some(f64::NAN), battery: Battery::Allow },
                ..of(daily())
            },
            "above 0",
        ),
    ] {
        let error = schedule.validate().unwrap_err();
        assert!(error.to_string().contains(hint), "{error}");
        assert!(schedule.next_after(Timestamp::UNIX_EPOCH, 0).is_err());
    }
    assert!(matches!(
        Schedule { zone: "../etc/passwd".into(), ..of(daily()) }.validate(),
        Err(ScheduleError::UnknownZone(_))
    ));
}

#[test]
fn months_without_the_day_end_on_it() {
    let schedule = read("when: {monthly: {day: 31, at: 03:00}}");
    let expected = ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"];
    let dues = shown(&schedule, "2024-01-01T00:00:00Z", 4);
    assert!(dues.iter().zip(expected).all(|(due, day)| due.starts_with(day)), "{dues:?}");
}

#[test]
fn a_time_left_out_by_the_clock_is_due_after_the_gap() {
    for (zone, after, expected) in [
        ("Europe/Berlin", "2024-03-30T12:00:00Z", "2024-03-31 03:00:00+02:00"),
        ("America/New_York", "2024-03-09T17:00:00Z", "2024-03-10 03:00:00-04:00"),
        ("Australia/Lord_Howe", "2024-10-05T02:00:00Z", "2024-10-06 02:30:00+11:00"),
    ] {
        for when in ["{daily: {at: [02:10, 02:20]}}", "{cron: '10,20 2 * * *'}"] {
            let schedule = read(&format!("when: {when}\nzone: {zone}"));
            let dues = shown(&schedule, after, 2);
            assert_eq!(dues.first().unwrap(), expected, "{when}");
            // The other one meets it there and does not run again.
            assert!(dues.last().unwrap().contains(" 02:10:00"), "{dues:?}");
        }
    }
}

#[test]
fn a_time_that_comes_twice_is_due_once() {
    for (zone, after, time, expected) in [
        ("Europe/Berlin", "2024-10-26T12:00:00Z", "02:30", "2024-10-27 02:30:00+02:00"),
        ("America/New_York", "2024-11-02T17:00:00Z", "01:30", "2024-11-03 01:30:00-04:00"),
        ("Australia/Lord_Howe", "2024-04-06T02:00:00Z", "01:45", "2024-04-07 01:45:00+11:00"),
    ] {
        let (hour, minute) = time.split_once(':').unwrap();
        for when in [format!("{{daily: {{at: {time}}}}}"), format!("{{cron: '{minute} {hour},23 * * *'}}")] {
            let schedule = read(&format!("when: {when}\nzone: {zone}"));
            let dues = shown(&schedule, after, 4);
            assert!(dues.contains(&expected.to_owned()), "{dues:?}");
            let day = expected.get(..16).unwrap();
            assert_eq!(dues.iter().filter(|due| due.starts_with(day)).count(), 1, "{dues:?}");
        }
    }
}

#[test]
fn a_cron_expression_by_the_hour_goes_on_through_changes_of_the_clock() {
    for zone in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"] {
        let schedule = read(&format!("when: {{cron: '*/15 * * * *'}}\nzone: {zone}"));
        for after in ["2024-03-10T00:00:00Z", "2024-03-31T00:00:00Z", "2024-04-06T00:00:00Z"]
            .into_iter()
            .chain(["2024-10-05T00:00:00Z", "2024-10-26T20:00:00Z", "2024-11-03T00:00:00Z"])
        {
            let dues = schedule.preview(at(after), 200, 0).unwrap();
            assert_eq!(dues.len(), 200);
            assert!(
                dues.windows(2).all(|two| two[1].duration_since(two[0]).as_secs() == 900),
                "{zone} {after}"
            );
        }
    }
}

#[test]
fn rare_days_are_found() {
    let schedule = read("when: {cron: '0 0 29 2 *'}");
    assert_eq!(shown(&schedule, "2096-03-01T00:00:00Z", 1), ["2104-02-29 00:00:00+00:00"]);
}

#[test]
fn slots_outside_of_the_window_wait_for_it_and_count_once() {
    let schedule = read(
        "when: {every: 1h}\nzone: Europe/Berlin\nwindows: [{days: [fri], from: 22:00, until: 01:00}, {days: sat, from: 5:00, until: 5:30}]",
    );
    assert_eq!(
        shown(&schedule, "2024-06-05T12:00:00Z", 5),
        [
            "2024-06-07 22:00:00+02:00",
            "2024-06-07 23:00:00+02:00",
            "2024-06-08 00:00:00+02:00",
            "2024-06-08 05:00:00+02:00",
            "2024-06-14 22:00:00+02:00",
        ]
    );
}

#[test]
fn plans_spread_over_the_jitter() {
    let schedule = read("when: {daily: {at: 03:00}}\njitter: 1h");
    let after = at("2024-06-05T12:00:00Z");
    let dues: std::collections::BTreeSet<_> =
        (0..200).map(|seed| schedule.next_after(after, seed).unwrap().unwrap()).collect();
    assert!(dues.len() > 150);
    assert!(dues.first().unwrap() < &at("2024-06-06T03:10:00Z"));
    assert!(dues.last().unwrap() > &at("2024-06-06T03:50:00Z"));
}

#[test]
fn many_missed_runs_are_one() {
    let schedule = read("when: {every: 1s}");
    let (last, now) = (at("2023-01-01T00:00:00Z"), at("2024-01-01T00:00:00.5Z"));
    let slot = at("2024-01-01T00:00:00Z");
    assert_eq!(schedule.due(Some(last), now, 0).unwrap(), Due::Now { slot, missed: 1_000 });
    let windows = read("when: {every: 1s}\njitter: 1h\nwindows: [{from: 23:00, until: 01:00}]");
    assert_eq!(windows.due(Some(last), now, 0).unwrap(), Due::Now { slot, missed: 1_000 });
}

#[test]
fn who_does_not_catch_up_notes_what_was_missed() {
    let schedule = read("when: {daily: {at: 03:00}}\ncatch_up: false");
    let last = Some(at("2024-06-01T03:00:00Z"));
    let slot = at("2024-06-04T03:00:00Z");
    let due = |now: &str| schedule.due(last, at(now), 0).unwrap();
    assert_eq!(due("2024-06-04T03:05:00Z"), Due::Now { slot, missed: 2 });
    assert_eq!(due("2024-06-04T03:05:01Z"), Due::Missed { slot, missed: 2 });
    assert_eq!(due("2024-06-02T02:59:59Z"), Due::NotYet { next: Some(at("2024-06-02T03:00:00Z")) });
}

#[test]
fn a_missed_run_is_made_up_for_within_a_window() {
    let schedule = read("when: {daily: {at: 03:00}}\nwindows: [{from: 22:00, until: 06:00}]");
    let last = Some(at("2024-06-01T03:00:00Z"));
    let due = |now: &str| schedule.due(last, at(now), 0).unwrap();
    assert_eq!(due("2024-06-02T12:00:00Z"), Due::NotYet { next: Some(at("2024-06-02T22:00:00Z")) });
    assert_eq!(due("2024-06-02T22:00:00Z"), Due::Now { slot: at("2024-06-02T03:00:00Z"), missed: 0 });
}

#[test]
fn a_clock_that_was_set_back_neither_repeats_nor_silences() {
    let schedule = read("when: {every: 1h}");
    let due = |last: &str, now: &str| schedule.due(Some(at(last)), at(now), 0).unwrap();
    // By a little: what was handled is not due again.
    let next = Some(at("2024-06-01T13:00:00Z"));
    assert_eq!(due("2024-06-01T12:00:00Z", "2024-06-01T11:59:50Z"), Due::NotYet { next });
    assert_eq!(due("2024-06-01T12:00:00Z", "2024-06-01T12:00:00Z"), Due::NotYet { next });
    // By years: the next hour comes all the same, without a new record in between.
    assert_eq!(due("2038-01-01T00:00:00Z", "2024-06-01T12:30:00Z"), Due::NotYet { next });
    let slot = at("2024-06-01T13:00:00Z");
    assert_eq!(due("2038-01-01T00:00:00Z", "2024-06-01T13:00:03Z"), Due::Now { slot, missed: 0 });
}

#[test]
fn without_slots_nothing_is_due() {
    let schedule = read("when: manual");
    let now = at("2024-06-01T12:00:00Z");
    assert_eq!(schedule.due(Some(Timestamp::MIN), now, 0).unwrap(), Due::NotYet { next: None });
    assert_eq!(schedule.next_after(now, 0).unwrap(), None);
}

#[test]
fn the_ends_of_time_do_no_harm() {
    for when in ["{every: 1s}", "{every: 100000d}", "{daily: {at: 03:00}}", "{cron: '* * * * *'}"] {
        for zone in ["UTC", "Australia/Lord_Howe"] {
            for windows in ["[]", "[{days: sun, from: 3:00, until: 2:00}]"] {
                let schedule = read(&format!("when: {when}\nzone: {zone}\njitter: 7d\nwindows: {windows}"));
                for moment in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
                    let next = schedule.next_after(moment, 7).unwrap();
                    assert!(next.is_none_or(|next| next > moment));
                    for last in [None, Some(Timestamp::MIN), Some(Timestamp::MAX)] {
                        schedule.due(last, moment, u64::MAX).unwrap();
                    }
                }
            }
        }
    }
}

fn time_of_day() -> impl Strategy<Value = TimeOfDay> {
    // Half of all times lie where clocks change.
    (prop_oneof![0_u8..4, 0_u8..24], 0_u8..60)
        .prop_map(|(hour, minute)| TimeOfDay::new(hour, minute).unwrap())
}

fn weekday() -> impl Strategy<Value = Weekday> {
    use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
    prop::sample::select(vec![Mon, Tue, Wed, Thu, Fri, Sat, Sun])
}

fn when() -> impl Strategy<Value = When> {
    let times = || prop::collection::vec(time_of_day(), 1..4);
    prop_oneof![
        prop_oneof![1_u64..100, 60_u64..400_000]
            .prop_map(|seconds| When::Every(DurationText(Duration::from_secs(seconds)))),
        times().prop_map(|at| When::Daily { at }),
        (prop::collection::vec(weekday(), 1..4), times()).prop_map(|(days, at)| When::Weekly { days, at }),
        (prop_oneof![Just(MonthDay::Last), (1_u8..32).prop_map(MonthDay::Day)], times())
            .prop_map(|(day, at)| When::Monthly { day, at }),
        prop::sample::select(vec![
            "*/15 * * * *",
            "30 2 * * *",
            "0 1-3 * * sun",
            "15,45 */2 * * *",
            "*/20 * 2 * * *",
            "0 0 L * *",
            "30 2 * * sun#L",
        ])
        .prop_map(|expression| When::Cron(expression.to_owned())),
    ]
}

fn windows() -> impl Strategy<Value = Vec<Window>> {
    let window = (prop::collection::vec(weekday(), 0..3), time_of_day(), time_of_day())
        .prop_map(|(days, from, until)| Window { days, from, until });
    prop::collection::vec(window, 0..3)
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let zone = prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]);
    let jitter = prop_oneof![Just(0_u64), 1_u64..100, 100_u64..100_000];
    (when(), zone, jitter, windows(), any::<bool>()).prop_map(|(when, zone, jitter, windows, catch_up)| {
        let jitter = Duration::from_secs(jitter);
        Schedule { when, zone: zone.into(), jitter, windows, catch_up, conditions: Conditions::default() }
    })
}

/// Moments near the changes of clocks in 2024, and any other.
fn moment() -> impl Strategy<Value = Timestamp> {
    let changes = [
        "2024-03-10T07:00:00Z",
        "2024-03-31T01:00:00Z",
        "2024-04-06T15:00:00Z",
        "2024-10-05T15:30:00Z",
        "2024-10-27T01:00:00Z",
        "2024-11-03T06:00:00Z",
    ];
    let near = (prop::sample::select(changes.to_vec()), -180_000_i64..180_000, 0_i32..1_000_000_000)
        .prop_map(|(text, seconds, nanos)| at(text) + SignedDuration::new(seconds, nanos));
    let any = (0_i64..4_000_000_000).prop_map(|second| Timestamp::from_second(second).unwrap());
    prop_oneof![3 => near, 1 => any]
}

/// Whether the clock shows a time within a window. Times that the clock shows twice tell nothing.
fn is_inside(schedule: &Schedule, due: Timestamp) -> bool {
    let zone = TimeZone::get(&schedule.zone).unwrap();
    let shown = zone.to_datetime(due);
    if schedule.windows.is_empty() || zone.to_ambiguous_timestamp(shown).is_ambiguous() {
        return true;
    }
    schedule.windows.iter().any(|window| {
        let opens = |date| window.days.is_empty() || window.days.contains(&Weekday::of(date));
        let (from, until) = (window.from.time(), window.until.time());
        let (today, time) = (shown.date(), shown.time());
        let yesterday = today.yesterday().unwrap();
        match from < until {
            true => opens(today) && from <= time && time < until,
            false => (opens(today) && from <= time) || (opens(yesterday) && time < until),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn dues_rise_within_windows_and_jitter_one_for_each_mark(schedule in schedule(), after in moment(), seed: u64) {
        let dues = schedule.preview(after, 12, seed).unwrap();
        prop_assert_eq!(dues.len(), 12);
        let mut last = after;
        for due in &dues {
            prop_assert!(*due > last);
            prop_assert!(is_inside(&schedule, *due), "{}", due);
            prop_assert_eq!(schedule.next_after(last, seed).unwrap(), Some(*due));
            last = *due;
        }
        // Without jitter the same schedule names the marks: each due follows one of them, and none is left out.
        let exact = Schedule { jitter: Duration::ZERO, ..schedule.clone() };
        let jitter = SignedDuration::try_from(schedule.jitter).unwrap();
        let mut mark = None;
        for due in &dues {
            let mut own = match mark {
                Some(mark) => exact.next_after(mark, seed).unwrap().unwrap(),
                None => exact.next_after(*due - jitter - SignedDuration::from_secs(1), seed).unwrap().unwrap(),
            };
            // The first due may have several marks within its jitter before it; its own is the last of them.
            if mark.is_none() && schedule.jitter < Duration::from_secs(1_000) {
                while let Some(next) = exact.next_after(own, seed).unwrap().filter(|next| next <= due) {
                    own = next;
                }
            } else if mark.is_none() {
                continue;
            }
            prop_assert!(own <= *due && due.duration_since(own) <= jitter, "{} {}", own, due);
            mark = Some(own);
        }
    }

    #[test]
    fn what_is_due_agrees_with_what_comes_next(
        schedule in schedule(), last in moment(), later in prop_oneof![0_i64..7_200, 0_i64..3_000_000], seed: u64,
    ) {
        let now = last + SignedDuration::from_secs(later);
        let next = schedule.next_after(last, seed).unwrap();
        let due = schedule.due(Some(last), now, seed).unwrap();
        match due {
            Due::NotYet { next: told } => {
                prop_assert!(told > Some(now));
                // Before the next due, or closed after it.
                prop_assert!(told == next || (next <= Some(now) && schedule.catch_up && !schedule.windows.is_empty()));
            }
            Due::Now { slot, missed } | Due::Missed { slot, missed } => {
                prop_assert!(Some(slot) >= next && slot <= now && slot > last);
                prop_assert!(schedule.next_after(slot, seed).unwrap() > Some(now));
                if matches!(due, Due::Now { .. }) {
                    prop_assert!(is_inside(&schedule, now));
                }
                let before = schedule.preview(last, 60, seed).unwrap();
                let counted = before.iter().filter(|due| **due < slot).count() as u64;
                prop_assert!(counted == missed || (counted == 60 && missed >= 60));
                let again = schedule.due(Some(slot), now, seed).unwrap();
                let waits = matches!(again, Due::NotYet { .. });
                prop_assert!(waits, "{:?}", again);
            }
        }
    }

    #[test]
    fn schedules_survive_files_and_messages(schedule in schedule(), battery: bool, load in prop::option::of(1_u32..900)) {
        let battery = if battery { Battery::Avoid } else { Battery::Allow };
        let max_load = load.map(|hundredths| f64::from(hundredths) / 100.0);
        let schedule = Schedule { conditions: Conditions { battery, max_load }, ..schedule };
        let json = serde_json::to_string(&schedule).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Schedule>(&json).unwrap(), &schedule);
        let yaml = serde_saphyr::to_string(&schedule).unwrap();
        prop_assert_eq!(&serde_saphyr::from_str::<Schedule>(&yaml).unwrap(), &schedule, "{}", yaml);
        prop_assert!(!schedule.describe().is_empty());
    }

    #[test]
    fn made_up_expressions_never_panic(expression in "[-0-9*/,#LWa-z ]{0,30}", after in moment()) {
        let schedule = Schedule { when: When::Cron(expression), ..Schedule::default() };
        match schedule.next_after(after, 0) {
            Ok(next) => prop_assert!(next > Some(after)),
            Err(error) => prop_assert!(error.to_string().contains("0 3 * * *")),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn a_scheduler_that_asks_again_and_again_runs_each_due_once(
        schedule in schedule(), start in moment(), seed: u64,
    ) {
        let end = start + SignedDuration::from_hours(12);
        let (mut last, mut now, mut handled) = (start, start, 0);
        let mut step = (1..=4_i64).cycle();
        while now < end {
            if let Due::Now { slot, missed } | Due::Missed { slot, missed } =
                schedule.due(Some(last), now, seed).unwrap()
            {
                prop_assert!(slot > last);
                (last, handled) = (slot, handled + missed + 1);
            }
            now += SignedDuration::from_secs(step.next().unwrap() * 200);
        }
        let dues = schedule.preview(start, 500, seed).unwrap();
        prop_assume!(dues.len() == 500 && dues.last() > Some(&last));
        prop_assert_eq!(dues.iter().filter(|due| **due <= last).count() as u64, handled);
    }
}
