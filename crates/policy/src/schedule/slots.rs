//! The slots of a schedule: the instants it names, before windows and jitter.
//!
//! Slots are whole seconds since 1970. Times of day become instants by three rules. A time that the clock shows once
//! is that instant. One that it leaves out when it is put forward is the instant right after the gap. One that it
//! shows twice when it is put back is the first of the two. So the instants never fall as local time rises, and
//! the search below needs no more than that. Cron expressions that count by the hour (`*/15 * * * *`) are walked in
//! stretches of equal offset instead: a quarter of an hour stays one on every day of the year.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::cron::Cron;
use super::when::{MonthDay, TimeOfDay, Weekday, When};

/// The search ends after so many days. Within 40 years each date falls on each day of the week it ever falls on.
const HORIZON_DAYS: usize = 41 * 366;
const DAY: i32 = 86_400;

/// The times of day of a schedule, as seconds from midnight.
#[derive(Debug)]
pub(super) enum Times {
    /// Sorted.
    List(Vec<i32>),
    /// All that can be put together of these; each sorted.
    Fields { hours: Vec<i32>, minutes: Vec<i32>, seconds: Vec<i32> },
}

impl Times {
    fn list(at: &[TimeOfDay]) -> Self {
        let seconds = |time: Time| i32::from(time.hour()) * 3_600 + i32::from(time.minute()) * 60;
        let mut all: Vec<i32> = at.iter().map(|at| seconds(at.time())).collect();
        all.sort_unstable();
        all.dedup();
        Self::List(all)
    }

    /// The first one not before a second of the day.
    pub(super) fn at_or_after(&self, second: i32) -> Option<i32> {
        let first = |values: &[i32], from: i32| values.iter().copied().find(|value| *value >= from);
        let Self::Fields { hours, minutes, seconds } = self else {
            let Self::List(all) = self else { return None };
            return first(all, second);
        };
        let (hour, minute) = (second / 3_600, second / 60 % 60);
        let (first_minute, first_second) = (*minutes.first()?, *seconds.first()?);
        if hours.contains(&hour) {
            if minutes.contains(&minute)
                && let Some(exact) = first(seconds, second % 60)
            {
                return Some(hour * 3_600 + minute * 60 + exact);
            }
            if let Some(later) = first(minutes, minute + 1) {
                return Some(hour * 3_600 + later * 60 + first_second);
            }
        }
        first(hours, hour + 1).map(|later| later * 3_600 + first_minute * 60 + first_second)
    }
}

/// The dates of a schedule.
#[derive(Debug)]
enum Dates {
    All,
    Week(Vec<Weekday>),
    Month(MonthDay),
}

impl Dates {
    fn has(&self, date: Date) -> bool {
        match self {
            Self::All => true,
            Self::Week(days) => days.contains(&Weekday::of(date)),
            Self::Month(MonthDay::Last) => date.day() == date.days_in_month(),
            Self::Month(MonthDay::Day(day)) => {
                date.day() == i8::try_from(*day).unwrap_or(i8::MAX).min(date.days_in_month())
            }
        }
    }
}

/// What a [`When`] names, ready to be searched.
#[derive(Debug)]
pub(super) enum Slots {
    Never,
    /// So many seconds apart.
    Every(i64),
    Calendar(Calendar),
    Cron(Box<Cron>),
}

#[derive(Debug)]
pub(super) struct Calendar {
    dates: Dates,
    times: Times,
}

impl Slots {
    /// Takes a valid [`When`] apart. The error is what is wrong with a cron expression.
    pub(super) fn of(when: &When) -> Result<Self, String> {
        let calendar = |dates, at: &[TimeOfDay]| Self::Calendar(Calendar { dates, times: Times::list(at) });
        Ok(match when {
            When::Manual => Self::Never,
            When::Every(period) => Self::Every(i64::try_from(period.0.as_secs()).unwrap_or(i64::MAX).max(1)),
            When::Cron(expression) => Self::Cron(Box::new(Cron::read(expression)?)),
            When::Daily { at } => calendar(Dates::All, at),
            When::Weekly { days, at } => calendar(Dates::Week(days.clone()), at),
            When::Monthly { day, at } => calendar(Dates::Month(*day), at),
        })
    }

    /// The first slot after a second, if one comes.
    pub(super) fn after(&self, zone: &TimeZone, second: i64) -> Option<i64> {
        match self {
            Self::Never => None,
            Self::Every(period) => second.div_euclid(*period).checked_add(1)?.checked_mul(*period),
            Self::Calendar(Calendar { dates, times }) => {
                fixed_after(|date| dates.has(date), times, zone, second)
            }
            Self::Cron(cron) if cron.by_the_hour => passing_after(cron, zone, second),
            Self::Cron(cron) => fixed_after(|date| cron.has(date), &cron.times, zone, second),
        }
    }
}

/// The dates from one on, as far as a search goes.
pub(super) fn every_date(from: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(from), |date| date.tomorrow().ok()).take(HORIZON_DAYS)
}

/// What clocks in a zone show at a second.
pub(super) fn local(zone: &TimeZone, second: i64) -> Option<DateTime> {
    Timestamp::from_second(second).ok().map(|stamp| zone.to_datetime(stamp))
}

/// The second at which clocks in a zone show a local time, by the rules at the module's head.
pub(super) fn instant(zone: &TimeZone, at: DateTime) -> Option<i64> {
    let stamp = match zone.to_ambiguous_timestamp(at).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(at).ok()?,
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(at).ok()?,
        AmbiguousOffset::Gap { before, after } => {
            // Read by the clock as it is after the change, the time lies before the change.
            let earlier = after.to_timestamp(at).ok()?;
            match zone.following(earlier).next() {
                Some(change) => change.timestamp(),
                None => before.to_timestamp(at).ok()?,
            }
        }
    };
    Some(stamp.as_second())
}

fn at_second(date: Date, second: i32) -> Option<DateTime> {
    let part = |value: i32| i8::try_from(value).ok();
    let time = Time::new(part(second / 3_600)?, part(second / 60 % 60)?, part(second % 60)?, 0).ok()?;
    Some(date.to_datetime(time))
}

fn second_of_day(time: Time) -> i32 {
    i32::from(time.hour()) * 3_600 + i32::from(time.minute()) * 60 + i32::from(time.second())
}

fn fixed_after(has: impl Fn(Date) -> bool, times: &Times, zone: &TimeZone, second: i64) -> Option<i64> {
    let start = local(zone, second)?;
    // What clocks showed up to now lies in the past, so the search begins behind it.
    let mut from = second_of_day(start.time()) + 1;
    for date in every_date(start.date()) {
        if has(date) {
            while let Some(time) = times.at_or_after(from) {
                let slot = instant(zone, at_second(date, time)?)?;
                if slot > second {
                    return Some(slot);
                }
                from = time + 1;
            }
        }
        from = 0;
    }
    None
}

fn passing_after(cron: &Cron, zone: &TimeZone, second: i64) -> Option<i64> {
    let mut from = second.checked_add(1)?;
    let last = from.checked_add(i64::try_from(HORIZON_DAYS).ok()? * i64::from(DAY))?;
    while from <= last {
        let stamp = Timestamp::from_second(from).ok()?;
        let offset = zone.to_offset(stamp);
        let change = zone.following(stamp).next().map(|change| change.timestamp());
        let start = offset.to_datetime(stamp);
        let end = change.map(|change| offset.to_datetime(change).date());
        let mut first = second_of_day(start.time());
        for date in every_date(start.date()).take_while(|date| end.is_none_or(|end| *date <= end)) {
            if cron.has(date)
                && let Some(time) = cron.times.at_or_after(first)
            {
                let slot = offset.to_timestamp(at_second(date, time)?).ok()?;
                if change.is_none_or(|change| slot < change) {
                    return Some(slot.as_second());
                }
                break;
            }
            first = 0;
        }
        from = change?.as_second();
    }
    None
}
