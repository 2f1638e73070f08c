//! The slots of a schedule as people write them: days, times of day and the forms that join them.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use crate::duration_text::DurationText;
use crate::text_form::{one_or_many, text_form};

/// What makes a plan run.
///
/// In files: `manual`, `every: 6h`, `cron: "0 3 * * *"`, `daily: {at: "03:00"}`,
/// `weekly: {days: [mon, thu], at: "03:00"}`, `monthly: {day: last, at: "03:00"}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum When {
    /// Only by hand.
    #[default]
    Manual,
    /// At equal distances, counted from 1970-01-01T00:00:00Z and so free of drift, zones and daylight saving.
    /// Written as `6h`; at least one second.
    Every(DurationText),
    /// At the times of a cron expression with five fields, or six with seconds first.
    Cron(String),
    /// Every day.
    Daily {
        /// At these times.
        #[serde(deserialize_with = "one_or_many")]
        at: Vec<TimeOfDay>,
    },
    /// On some days of the week.
    Weekly {
        /// On these days.
        #[serde(deserialize_with = "one_or_many")]
        days: Vec<Weekday>,
        /// At these times.
        #[serde(deserialize_with = "one_or_many")]
        at: Vec<TimeOfDay>,
    },
    /// On one day of each month.
    Monthly {
        /// On this day.
        day: MonthDay,
        /// At these times.
        #[serde(deserialize_with = "one_or_many")]
        at: Vec<TimeOfDay>,
    },
}

/// A time of day by the minute, written `03:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(Time);

/// A text that is no [`TimeOfDay`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time of day; write it as 03:00, from 00:00 to 23:59")]
pub struct TimeOfDayError(String);

impl TimeOfDay {
    /// From hour (0 to 23) and minute (0 to 59).
    #[must_use]
    pub fn new(hour: u8, minute: u8) -> Option<Self> {
        Time::new(hour.try_into().ok()?, minute.try_into().ok()?, 0, 0).ok().map(Self)
    }

    /// As a time of the calendar.
    #[must_use]
    pub const fn time(self) -> Time {
        self.0
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

impl FromStr for TimeOfDay {
    type Err = TimeOfDayError;

    fn from_str(text: &str) -> Result<Self, TimeOfDayError> {
        let number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok());
        (text.trim().split_once(':'))
            .filter(|(hour, minute)| hour.len() <= 2 && minute.len() == 2)
            .and_then(|(hour, minute)| Self::new(number(hour)??, number(minute)??))
            .ok_or_else(|| TimeOfDayError(text.chars().take(40).collect()))
    }
}

text_form!(TimeOfDay, "a time of day such as \"03:00\"");

/// A day of the week, written `mon` or `monday`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    #[serde(alias = "monday")]
    Mon,
    /// Tuesday.
    #[serde(alias = "tuesday")]
    Tue,
    /// Wednesday.
    #[serde(alias = "wednesday")]
    Wed,
    /// Thursday.
    #[serde(alias = "thursday")]
    Thu,
    /// Friday.
    #[serde(alias = "friday")]
    Fri,
    /// Saturday.
    #[serde(alias = "saturday")]
    Sat,
    /// Sunday.
    #[serde(alias = "sunday")]
    Sun,
}

impl Weekday {
    /// The day of a date.
    #[must_use]
    pub fn of(date: jiff::civil::Date) -> Self {
        match date.weekday() {
            jiff::civil::Weekday::Monday => Self::Mon,
            jiff::civil::Weekday::Tuesday => Self::Tue,
            jiff::civil::Weekday::Wednesday => Self::Wed,
            jiff::civil::Weekday::Thursday => Self::Thu,
            jiff::civil::Weekday::Friday => Self::Fri,
            jiff::civil::Weekday::Saturday => Self::Sat,
            jiff::civil::Weekday::Sunday => Self::Sun,
        }
    }

    /// Its English name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mon => "Monday",
            Self::Tue => "Tuesday",
            Self::Wed => "Wednesday",
            Self::Thu => "Thursday",
            Self::Fri => "Friday",
            Self::Sat => "Saturday",
            Self::Sun => "Sunday",
        }
    }
}

/// A day of the month, written as its number or `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MonthDay {
    /// From 1 to 31. In a month that does not have it, the last day.
    Day(u8),
    /// The last day.
    Last,
}

/// A text that is no [`MonthDay`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no day of the month; write 1 to 31, or last")]
pub struct MonthDayError(String);

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Last => f.write_str("last"),
        }
    }
}

impl FromStr for MonthDay {
    type Err = MonthDayError;

    fn from_str(text: &str) -> Result<Self, MonthDayError> {
        match text.trim() {
            "last" => Ok(Self::Last),
            number => match number.parse() {
                Ok(day @ 1..=31) => Ok(Self::Day(day)),
                _ => Err(MonthDayError(text.chars().take(40).collect())),
            },
        }
    }
}

impl Serialize for MonthDay {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Day(day) => serializer.serialize_u8(*day),
            Self::Last => serializer.serialize_str("last"),
        }
    }
}

impl<'de> Deserialize<'de> for MonthDay {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text_form::read(deserializer, "a day of the month: 1 to 31, or \"last\"")
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for MonthDay {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(31)))
            .item(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["last"])))
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for MonthDay {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_read_and_written() {
        for (text, again) in [("03:00", "03:00"), ("3:05", "03:05"), ("23:59", "23:59"), ("0:00", "00:00")] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), again);
        }
        for text in ["", ":", "24:00", "12:60", "12:5", "-1:00", "1200", "12:00:00", "+3:00", ":00", "１2:00"]
        {
            let error = text.parse::<TimeOfDay>().unwrap_err().to_string();
            assert!(error.contains("write it as 03:00"), "{error}");
        }
    }

    #[test]
    fn days_of_the_month_are_read_and_written() {
        let read = |text| serde_json::from_str::<MonthDay>(text);
        assert_eq!(read("31").unwrap(), MonthDay::Day(31));
        assert_eq!(read("\"last\"").unwrap(), MonthDay::Last);
        for text in ["0", "32", "\"first\"", "-1", "1.5", "null"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
