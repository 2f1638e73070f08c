//! Windows: the stretches of the week in which runs may start.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::slots::{instant, local};
use super::when::{TimeOfDay, Weekday};
use crate::text_form::one_or_many;

/// A stretch of the day in which runs may start, in the schedule's zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The days on which it opens; none named means every day.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    /// When it opens.
    pub from: TimeOfDay,
    /// When it closes: on the next day if this is not later than `from`. The same time means the whole day.
    pub until: TimeOfDay,
}

/// How many days before and after a moment are looked at. Any window opens and closes within two weeks, even if
/// daylight saving swallows it once; one more week lets an answer be used for moments nearby.
const REACH: i64 = 21;

/// All windows around a moment as seconds since 1970, joined where they touch, in order.
#[derive(Debug)]
pub(super) struct Openings(Vec<(i64, i64)>);

impl Openings {
    /// The windows in the three weeks before and after a second.
    pub(super) fn around(windows: &[Window], zone: &TimeZone, second: i64) -> Option<Self> {
        let today = local(zone, second)?.date();
        let mut spans = Vec::new();
        for offset in -REACH..=REACH {
            let step = jiff::Span::new().try_days(offset).ok()?;
            let Ok(date) = today.checked_add(step) else { continue };
            let weekday = Weekday::of(date);
            for window in windows {
                if window.days.is_empty() || window.days.contains(&weekday) {
                    let end = if window.until > window.from { Some(date) } else { date.tomorrow().ok() };
                    let at = |date: DateTime| instant(zone, date);
                    let opens = at(date.to_datetime(window.from.time()));
                    let closes = end.and_then(|end| at(end.to_datetime(window.until.time())));
                    // Daylight saving can swallow a window whole.
                    spans.extend(opens.zip(closes).filter(|(opens, closes)| opens < closes));
                }
            }
        }
        spans.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::with_capacity(spans.len());
        for (opens, closes) in spans {
            match joined.last_mut() {
                Some(last) if opens <= last.1 => last.1 = last.1.max(closes),
                _ => joined.push((opens, closes)),
            }
        }
        Some(Self(joined))
    }

    /// The open stretch that holds a second, or else the next one.
    pub(super) fn at_or_after(&self, second: i64) -> Option<(i64, i64)> {
        self.0.get(self.0.partition_point(|(_, closes)| *closes <= second)).copied()
    }

    /// When it was last closed, if it is closed at a second.
    pub(super) fn closed_since(&self, second: i64) -> Option<i64> {
        if self.at_or_after(second).is_some_and(|(opens, _)| opens <= second) {
            return None;
        }
        let past = self.0.partition_point(|(_, closes)| *closes <= second);
        self.0.get(past.checked_sub(1)?).map(|(_, closes)| *closes)
    }
}
