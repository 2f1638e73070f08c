//! Sees when a day, a week or a month is over of which a notifier wants a summary.

use std::time::Duration;

use backstay_catalog::Happening;
use backstay_model::Time;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::notice::NoticeKind;
use super::notifier::Notifiers;
use crate::problem::Problem;
use crate::settings;
use crate::state::AppState;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How often a summary is told, by the calendar of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Period {
    /// Of each day.
    Daily,
    /// Of each week, which begins on Monday.
    Weekly,
    /// Of each month.
    Monthly,
}

impl Period {
    /// The last span that is over: when it began, and when it was over.
    fn last(self, now: Time) -> Option<(Time, Time)> {
        let today = now.to_zoned(TimeZone::UTC).date();
        let back = |date: Date, days: i64| date.checked_sub(jiff::Span::new().try_days(days).ok()?).ok();
        let (from, until) = match self {
            Self::Daily => (back(today, 1)?, today),
            Self::Weekly => {
                let monday = back(today, i64::from(today.weekday().since(Weekday::Monday)))?;
                (back(monday, 7)?, monday)
            }
            Self::Monthly => {
                let first = today.first_of_month();
                (back(first, 1)?.first_of_month(), first)
            }
        };
        let moment = |date: Date| Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp());
        Some((moment(from)?, moment(until)?))
    }
}

/// What one server has seen.
#[derive(Debug, Default)]
pub(super) struct Summaries {
    looked: Option<Time>,
}

impl Summaries {
    /// Looks, if it is time to.
    pub(super) async fn look(&mut self, state: &AppState) -> Result<(), Problem> {
        let now = state.now();
        let is_fresh = |looked: Time| now.duration_since(looked).unsigned_abs() < LOOK_EVERY;
        if self.looked.is_some_and(is_fresh) {
            return Ok(());
        }
        for project in state.store.projects().await? {
            for notifier in Notifiers::load_bare(state, project.id).await?.items {
                let period = notifier.summary.filter(|_| notifier.on.contains(&NoticeKind::Summary));
                let Some((from, until)) = period.and_then(|period| period.last(now)) else { continue };
                // Nobody is told of what was over before they asked.
                if notifier.created >= until {
                    continue;
                }
                let (mark, thing) = (format!("told:summary:{}", notifier.id), until.to_string());
                if settings::read::<String>(state, &mark).await?.as_ref() == Some(&thing) {
                    continue;
                }
                let (project, notifier) = (project.id, notifier.id.to_string());
                let happening = Happening::SummaryDue { project, notifier, from, until };
                state.store.add_event_once(&mark, &thing, &happening).await?;
            }
        }
        self.looked = Some(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_those_of_the_calendar() {
        let of = |period: Period, now: &str| {
            let (from, until) = period.last(now.parse().unwrap()).unwrap();
            format!("{from:.0} {until:.0}")
        };
        assert_eq!(of(Period::Daily, "2026-03-01T00:00:00Z"), "2026-02-28T00:00:00Z 2026-03-01T00:00:00Z");
        assert_eq!(of(Period::Daily, "2026-03-01T23:59:59Z"), "2026-02-28T00:00:00Z 2026-03-01T00:00:00Z");
        // A Wednesday, and the Monday before.
        assert_eq!(of(Period::Weekly, "2026-11-25T12:00:00Z"), "2026-11-16T00:00:00Z 2026-11-23T00:00:00Z");
        assert_eq!(of(Period::Weekly, "2026-11-23T00:00:00Z"), "2026-11-16T00:00:00Z 2026-11-23T00:00:00Z");
        assert_eq!(of(Period::Monthly, "2026-01-31T12:00:00Z"), "2025-12-01T00:00:00Z 2026-01-01T00:00:00Z");
    }
}
