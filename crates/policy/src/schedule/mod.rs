//! When plans run.
//!
//! A [`Schedule`] says when ([`When`]), by which clock (a zone), within which [`Window`]s, and what the machine must
//! be like ([`Conditions`]). Everything here is a function of its arguments: `now` comes from the caller, and so
//! does the seed that gives each plan a jitter of its own. Only names of zones are looked up, in the machine's zone
//! database.
//!
//! A scheduler keeps one instant for each plan, the due that it handled last (at first, when the plan was made),
//! asks [`Schedule::due`], and stores the slot of each answer but [`Due::NotYet`] as the last one.

mod conditions;
mod cron;
mod describe;
mod slots;
mod timetable;
mod when;
mod window;

use std::cell::RefCell;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use self::conditions::{Battery, Conditions, HostState, WaitReason};
pub use self::when::{MonthDay, MonthDayError, TimeOfDay, TimeOfDayError, Weekday, When};
pub use self::window::Window;
use crate::duration_text::{self, DurationText};
use slots::Slots;
use timetable::Timetable;

/// How late a run may start and not count as missed.
pub const GRACE: Duration = Duration::from_secs(5 * 60);

/// Counting of missed runs ends here.
pub const MOST_MISSED: u64 = 1_000;

/// The longest jitter.
const LONGEST_JITTER: Duration = Duration::from_secs(7 * 86_400);

/// When a plan runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// What makes it run.
    pub when: When,
    /// The zone of its times and windows, by its IANA name, as `Europe/Berlin`. The default is `UTC`.
    #[serde(default = "utc")]
    pub zone: String,
    /// Runs start up to so much later, each plan by an amount of its own, so that not all start at once. Written as
    /// `5m`; at most seven days. It never reaches the next run or beyond a window.
    #[serde(default, with = "duration_text", skip_serializing_if = "Duration::is_zero")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub jitter: Duration,
    /// Runs start only in one of these. None named means always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// Whether a run that was missed, because the machine was off, is made up for. Several are made up for by one.
    #[serde(default = "yes")]
    pub catch_up: bool,
    /// What the machine must be like for a run to start.
    #[serde(default, skip_serializing_if = "Conditions::is_empty")]
    pub conditions: Conditions,
}

fn utc() -> String {
    "UTC".to_owned()
}

const fn yes() -> bool {
    true
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            when: When::Manual,
            zone: utc(),
            jitter: Duration::ZERO,
            windows: Vec::new(),
            catch_up: true,
            conditions: Conditions::default(),
        }
    }
}

/// Why a schedule cannot be followed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    /// The zone database does not have this name.
    #[error("the time zone {0:?} is not known here; use a name such as Europe/Berlin or UTC")]
    UnknownZone(String),
    /// The cron expression cannot be read, or names no time.
    #[error(
        "the cron expression {expression:?} is not usable: {reason}; write minute, hour, day, month and weekday, \
         as \"0 3 * * *\", and seconds before them if needed"
    )]
    Cron {
        /// The expression.
        expression: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The period is too short or has a part of a second.
    #[error("\"every {}\" is not possible; use whole seconds, at least 1s", duration_text::print(*.0))]
    BadPeriod(Duration),
    /// No time of day is named.
    #[error("the schedule names no time of day; add at: \"03:00\"")]
    NoTime,
    /// No day of the week is named.
    #[error("the schedule names no day of the week; add days: [mon] or use daily")]
    NoDay,
    /// The day of the month is none.
    #[error("{0} is no day of the month; write 1 to 31, or last")]
    BadMonthDay(u8),
    /// The jitter is too long.
    #[error("the jitter {} is too long; it may be up to 7d", duration_text::print(*.0))]
    LongJitter(Duration),
    /// The limit of the load is no useful number.
    #[error("max_load is {0}; it must be above 0")]
    BadLoad(f64),
}

/// What is to be done for a plan now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing before this instant. `None`: nothing, until someone asks for a run.
    NotYet {
        /// When to look again.
        next: Option<Timestamp>,
    },
    /// A run.
    Now {
        /// The due it is for, the last one up to now.
        slot: Timestamp,
        /// How many more before it went without a run. The count ends at [`MOST_MISSED`].
        missed: u64,
    },
    /// To be noted as missed, not to be run: the plan does not catch up.
    Missed {
        /// The last due that was missed.
        slot: Timestamp,
        /// How many more before it were. The count ends at [`MOST_MISSED`].
        missed: u64,
    },
}

impl Schedule {
    /// Whether it can be followed on this machine.
    pub fn validate(&self) -> Result<(), ScheduleError> {
        self.timetable(0).map(drop)
    }

    /// The first due after an instant. The same seed, which should be the plan's own, gives the same answer.
    ///
    /// Dues rise strictly, by whole seconds, and lie within the windows. A slot outside of the windows moves to the
    /// next opening, and several that do so are one. A local time that daylight saving leaves out is due right after
    /// the gap; one that comes twice is due the first time only, except for cron expressions whose hour is `*` or
    /// `*/n`, which go by the hours that pass.
    pub fn next_after(&self, after: Timestamp, seed: u64) -> Result<Option<Timestamp>, ScheduleError> {
        let run = self.timetable(seed)?.run_after(floor(after));
        Ok(run.and_then(|run| stamp(run.due)))
    }

    /// When work may start at this instant or later, as far as the windows go. `None`: never.
    pub fn next_open(&self, now: Timestamp) -> Result<Option<Timestamp>, ScheduleError> {
        let second = floor(now);
        let opens = self.timetable(0)?.next_open(second);
        Ok(opens.and_then(|opens| if opens <= second { Some(now) } else { stamp(opens) }))
    }

    /// The next dues after an instant, at most `count`.
    pub fn preview(
        &self,
        after: Timestamp,
        count: usize,
        seed: u64,
    ) -> Result<Vec<Timestamp>, ScheduleError> {
        let table = self.timetable(seed)?;
        let runs = std::iter::successors(table.run_after(floor(after)), |run| table.run_after(run.due));
        Ok(runs.map_while(|run| stamp(run.due)).take(count).collect())
    }

    /// What to do now, given the due that was handled last or when the plan was made. Without either, nothing was
    /// missed.
    ///
    /// Any number of missed runs is one answer. A missed run that is made up for waits for a window.
    ///
    /// A clock that was set back: `last` may lie in the future. As long as no due lies between now and `last`, it was
    /// handled, and the next one is awaited. Otherwise the clock was wrong when `last` was recorded; it is
    /// then taken for [`GRACE`] before now, so that the dues by the right clock are met again from here on.
    pub fn due(&self, last: Option<Timestamp>, now: Timestamp, seed: u64) -> Result<Due, ScheduleError> {
        let table = self.timetable(seed)?;
        let now = floor(now);
        let grace = i64::try_from(GRACE.as_secs()).unwrap_or(0);
        let last = match last.map(floor) {
            None => now,
            Some(last) if last > now => match table.run_after(now) {
                Some(next) if next.due < last => now - grace,
                _ => last,
            },
            Some(last) => last,
        };
        let not_yet = |next: Option<i64>| Due::NotYet { next: next.and_then(stamp) };
        let Some(first) = table.run_after(last) else { return Ok(not_yet(None)) };
        if first.due > now {
            return Ok(not_yet(Some(first.due)));
        }
        let run = table.last_run(first, now);
        let Some(slot) = stamp(run.due) else { return Ok(not_yet(None)) };
        let missed = table.count(first, run, MOST_MISSED);
        let opens = table.next_open(now);
        let is_open = opens == Some(now);
        Ok(match self.catch_up {
            false if !is_open || now - run.due > grace => Due::Missed { slot, missed },
            true if !is_open => not_yet(opens),
            _ => Due::Now { slot, missed },
        })
    }

    /// In plain words, as `every day at 03:00 Europe/Berlin, within 22:00–06:00`.
    #[must_use]
    pub fn describe(&self) -> String {
        describe::describe(self)
    }

    fn timetable(&self, seed: u64) -> Result<Timetable<'_>, ScheduleError> {
        self.check_numbers()?;
        let slots = Slots::of(&self.when).map_err(|reason| ScheduleError::Cron {
            expression: match &self.when {
                When::Cron(expression) => expression.chars().take(80).collect(),
                _ => String::new(),
            },
            reason,
        })?;
        // UTC needs no database.
        let zone = match self.zone.as_str() {
            "UTC" => TimeZone::UTC,
            name => TimeZone::get(name)
                .map_err(|_| ScheduleError::UnknownZone(name.chars().take(80).collect()))?,
        };
        let jitter = i64::try_from(self.jitter.as_secs()).unwrap_or(0);
        Ok(Timetable { slots, zone, windows: &self.windows, jitter, seed, seen: RefCell::default() })
    }

    fn check_numbers(&self) -> Result<(), ScheduleError> {
        match &self.when {
            When::Manual | When::Cron(_) => {}
            When::Every(DurationText(period)) => {
                let is_whole = period.subsec_nanos() == 0 && *period <= duration_text::LONGEST;
                if !is_whole || period.is_zero() {
                    return Err(ScheduleError::BadPeriod(*period));
                }
            }
            When::Daily { at } | When::Weekly { at, .. } | When::Monthly { at, .. } if at.is_empty() => {
                return Err(ScheduleError::NoTime);
            }
            When::Daily { .. } => {}
            When::Weekly { days, .. } if days.is_empty() => return Err(ScheduleError::NoDay),
            When::Monthly { day: MonthDay::Day(day), .. } if !(1..=31).contains(day) => {
                return Err(ScheduleError::BadMonthDay(*day));
            }
            When::Weekly { .. } | When::Monthly { .. } => {}
        }
        if self.jitter > LONGEST_JITTER {
            return Err(ScheduleError::LongJitter(self.jitter));
        }
        match self.conditions.max_load {
            Some(load) if !(load.is_finite() && load > 0.0) => Err(ScheduleError::BadLoad(load)),
            _ => Ok(()),
        }
    }
}

/// Whole seconds, rounded to the past.
fn floor(stamp: Timestamp) -> i64 {
    stamp.as_second() - i64::from(stamp.subsec_nanosecond() < 0)
}

fn stamp(second: i64) -> Option<Timestamp> {
    Timestamp::from_second(second).ok()
}
