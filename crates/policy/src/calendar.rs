//! The calendar as a snapshot's own clock shows it.

use jiff::civil::Date;

use crate::{Moment, Span};

/// The local date and hour of a moment, the date kept within the years that a calendar covers.
fn local(moment: &Moment) -> (Date, i64) {
    let seconds = moment.seconds.saturating_add(i64::from(moment.offset));
    (date_of_day(seconds.div_euclid(86_400)), seconds.rem_euclid(86_400) / 3_600)
}

fn date_of_day(days: i64) -> Date {
    let span = jiff::Span::new().try_days(days);
    match span.and_then(|span| jiff::civil::date(1970, 1, 1).checked_add(span)) {
        Ok(date) => date,
        Err(_) if days < 0 => Date::MIN,
        Err(_) => Date::MAX,
    }
}

/// A calendar period that rules keep one snapshot of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Period {
    /// Every snapshot is a period of its own.
    Each,
    Hour,
    Day,
    /// ISO 8601 weeks.
    Week,
    Month,
    Year,
}

impl Period {
    /// A number that two moments share exactly if they lie in the same period. `index` numbers the snapshots.
    pub(crate) fn number(self, moment: &Moment, index: usize) -> i64 {
        let (date, hour) = local(moment);
        let (year, month, day) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
        match self {
            Self::Each => i64::try_from(index).unwrap_or(i64::MAX),
            Self::Hour => year * 1_000_000 + month * 10_000 + day * 100 + hour,
            Self::Day => year * 10_000 + month * 100 + day,
            Self::Week => {
                let week = date.iso_week_date();
                i64::from(week.year()) * 100 + i64::from(week.week())
            }
            Self::Month => year * 100 + month,
            Self::Year => year,
        }
    }
}

/// The instant that lies a span before a moment, counted on the moment's own clock.
///
/// A day that the resulting month does not have runs over into the next one (31 October less a month is
/// 1 October), as in restic.
pub(crate) fn before(moment: &Moment, span: Span) -> (i64, u32) {
    let local_seconds = moment.seconds.saturating_add(i64::from(moment.offset));
    let (date, _) = local(moment);
    let months = (i64::from(date.year()) - i64::from(span.years)) * 12 + i64::from(date.month())
        - 1
        - i64::from(span.months);
    let days = days_before_month(months)
        .saturating_add(i64::from(date.day()) - 1)
        .saturating_sub(i64::from(span.days));
    let seconds = days
        .saturating_mul(86_400)
        .saturating_add(local_seconds.rem_euclid(86_400))
        .saturating_sub(i64::from(span.hours) * 3_600)
        .saturating_sub(i64::from(moment.offset));
    (seconds, moment.nanos)
}

/// Days from 1970-01-01 to the first day of a month, which is counted from January of the year 0.
/// Spans may reach beyond the years that a calendar type covers, so this is plain arithmetic.
fn days_before_month(months: i64) -> i64 {
    // Years that begin in March put the leap day at their end.
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12));
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let day_of_year = (153 * month + 2) / 5;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        let stamp: jiff::Timestamp = text.parse().unwrap();
        Moment { seconds: stamp.as_second(), nanos: 0, offset: 0 }
    }

    #[test]
    fn months_begin_where_the_calendar_says() {
        for year in [-400, 0, 1, 1600, 1899, 1900, 1970, 2000, 2024, 2100, 9999] {
            for month in 1..=12 {
                let day = jiff::civil::date(year, month, 1);
                let days = (day - jiff::civil::date(1970, 1, 1)).get_days();
                let months = i64::from(year) * 12 + i64::from(month) - 1;
                assert_eq!(days_before_month(months), i64::from(days), "{year}-{month}");
            }
        }
    }

    #[test]
    fn a_span_counts_back_on_the_calendar() {
        for (from, span, to) in [
            ("2024-03-31T12:00:00Z", "1m", "2024-03-02T12:00:00Z"),
            ("2023-03-31T12:00:00Z", "1m", "2023-03-03T12:00:00Z"),
            ("2024-02-29T00:30:00Z", "1y", "2023-03-01T00:30:00Z"),
            ("2024-01-01T01:00:00Z", "2h", "2023-12-31T23:00:00Z"),
            ("2024-01-15T00:00:00Z", "1y1m20d", "2022-11-25T00:00:00Z"),
        ] {
            assert_eq!(before(&moment(from), span.parse().unwrap()), moment(to).instant(), "{from} - {span}");
        }
    }

    #[test]
    fn absurd_moments_and_spans_do_no_harm() {
        let end = Moment { seconds: i64::MAX, nanos: 0, offset: i32::MAX };
        let start = Moment { seconds: i64::MIN, nanos: 0, offset: i32::MIN };
        let span = Span { years: i32::MAX, months: i32::MAX, days: i32::MAX, hours: i32::MAX };
        for at in [end, start] {
            let _ = (Period::Hour.number(&at, 0), Period::Week.number(&at, 0), before(&at, span));
        }
    }
}
