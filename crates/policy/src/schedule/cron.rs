//! Cron expressions: read by `croner`, walked by us.
//!
//! Only the reading and the question "is this a day of the expression?" are taken from the library. Times of day,
//! daylight saving and the search are the same for all schedules, and lie in [`super::slots`].

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::Date;

use super::slots::{Times, every_date};

/// No sensible expression is longer.
const LONGEST: usize = 256;

/// A cron expression that was read.
#[derive(Debug)]
pub(super) struct Cron {
    cron: croner::Cron,
    /// Its times of day.
    pub(super) times: Times,
    /// Whether its hours are `*` or `*/n`: it then counts hours as they pass, also those that the clock shows
    /// twice, and none that it leaves out.
    pub(super) by_the_hour: bool,
}

impl Cron {
    /// Reads an expression. The error is a sentence on what is wrong with it.
    pub(super) fn read(expression: &str) -> Result<Self, String> {
        if expression.len() > LONGEST {
            return Err(format!("it is longer than {LONGEST} characters"));
        }
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let is_nickname = fields.first().is_some_and(|first| first.starts_with('@'));
        let hours = match fields.as_slice() {
            [_] if is_nickname => "*",
            [_, hours, _, _, _] | [_, _, hours, _, _, _] => hours,
            other => return Err(format!("it has {} fields", other.len())),
        };
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let cron = parser.parse(expression).map_err(|error| said(&error))?;
        let values = |field: Vec<u16>| field.into_iter().map(i32::from).collect();
        let times = Times::Fields {
            hours: values(cron.pattern.hours.values()),
            minutes: values(cron.pattern.minutes.values()),
            seconds: values(cron.pattern.seconds.values()),
        };
        let by_the_hour = hours.starts_with('*') && (!is_nickname || expression.contains("hourly"));
        let read = Self { cron, times, by_the_hour };
        // Leap days and weekdays come together again within 40 years.
        let start = jiff::civil::date(2000, 1, 1);
        if read.times.at_or_after(0).is_none() || !every_date(start).any(|date| read.has(date)) {
            return Err("no day and time match it, so it would never run".to_owned());
        }
        Ok(read)
    }

    /// Whether it has times on this date.
    pub(super) fn has(&self, date: Date) -> bool {
        let (month, day) = (date.month().unsigned_abs().into(), date.day().unsigned_abs().into());
        let weekday = u32::from(date.weekday().to_sunday_zero_offset().unsigned_abs());
        let weekday = croner::time::Weekday::from_days_from_sunday(weekday);
        let pattern = &self.cron.pattern;
        pattern.month_match(month).unwrap_or(false)
            && pattern.day_match(date.year().into(), month, day, weekday).unwrap_or(false)
    }
}

/// The library's messages without its own names.
fn said(error: &croner::errors::CronError) -> String {
    use croner::errors::CronError as E;
    match error {
        E::InvalidPattern(message) | E::IllegalCharacters(message) | E::ComponentError(message) => {
            message.trim_end_matches('.').replace("CronPattern", "it")
        }
        other => other.to_string().trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for (expression, reason) in [
            ("", "0 fields"),
            ("* * * *", "4 fields"),
            ("0 0 0 1 1 * 2030", "7 fields"),
            ("60 * * * *", "out of bounds"),
            ("* 25 * * *", "out of bounds"),
            ("*/0 * * * *", "zero"),
            ("0 3 * * bogus", "illegal character"),
            ("@fortnightly", "field"),
            ("0 0 30 2 *", "never"),
            (", * * * *", "never"),
        ] {
            let error = Cron::read(expression).map(drop).unwrap_err();
            assert!(error.contains(reason), "{expression}: {error}");
        }
    }

    #[test]
    fn what_cron_knows_is_read() {
        for (expression, by_the_hour) in [
            ("0 3 * * *", false),
            ("*/15 * * * *", true),
            ("30 */5 * * * *", true),
            ("0 0 29 2 MON", false),
            ("0 2,14 * jan-mar sun", false),
            ("0 0 L * *", false),
            ("0 0 * * fri#1", false),
            ("@daily", false),
            ("@hourly", true),
        ] {
            assert_eq!(Cron::read(expression).unwrap().by_the_hour, by_the_hour, "{expression}");
        }
    }

    proptest! {
        #[test]
        fn made_up_text_does_no_harm(text in ".*") {
            let _ = Cron::read(&text);
        }

        #[test]
        fn almost_right_text_does_no_harm(fields in prop::collection::vec("[0-9*/,#LW?+@a-z-]{1,7}", 4..8)) {
            if let Err(reason) = Cron::read(&fields.join(" ")) {
                prop_assert!(!reason.is_empty());
            }
        }
    }
}
