//! Spans of calendar time, written `1y5m7d2h`.

use std::fmt;
use std::str::FromStr;

/// So many years, months, days and hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// Calendar years.
    pub years: i32,
    /// Calendar months.
    pub months: i32,
    /// Calendar days.
    pub days: i32,
    /// Hours of 3,600 seconds.
    pub hours: i32,
}

impl Span {
    /// Whether it is no time at all, which switches a rule off.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// Whether any part is below zero: readable, but no rule takes it.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.years < 0 || self.months < 0 || self.days < 0 || self.hours < 0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, unit) in [(self.years, 'y'), (self.months, 'm'), (self.days, 'd'), (self.hours, 'h')] {
            if count != 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

/// A text that is no [`Span`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// A unit without a number before it.
    #[error("no number found in {0:?}; write a duration as 1y5m7d2h")]
    NoNumber(String),
    /// A number without a unit behind it.
    #[error("no unit found after number {0}; the units are y, m, d and h")]
    NoUnit(i32),
    /// A unit that is none.
    #[error("invalid unit {unit:?} found after number {number}; the units are y, m, d and h")]
    BadUnit {
        /// The number before it.
        number: i32,
        /// What stands in the unit's place.
        unit: char,
    },
    /// More than fits.
    #[error("the number {0} is too large for a duration")]
    TooLarge(String),
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let mut span = Self::default();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let unsigned = rest.strip_prefix('-').unwrap_or(rest);
            let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return Err(SpanError::NoNumber(text.to_owned()));
            }
            let (number, tail) = rest.split_at(rest.len() - unsigned.len() + digits);
            let number: i32 = number.parse().map_err(|_| SpanError::TooLarge(number.to_owned()))?;
            let mut after = tail.chars();
            match after.next() {
                Some('y') => span.years = number,
                Some('m') => span.months = number,
                Some('d') => span.days = number,
                Some('h') => span.hours = number,
                Some(unit) => return Err(SpanError::BadUnit { number, unit }),
                None => return Err(SpanError::NoUnit(number)),
            }
            rest = after.as_str();
        }
        Ok(span)
    }
}

crate::text_form::text_form!(Span, "a span of calendar time such as \"1y6m\", \"30d\" or \"12h\"");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        for (text, years, months, days, hours, again) in [
            ("9h", 0, 0, 0, 9, "9h"),
            ("2d9h", 0, 0, 2, 9, "2d9h"),
            ("3d8h", 0, 0, 3, 8, "3d8h"),
            ("5h9m3d14y", 14, 9, 3, 5, "14y9m3d5h"),
            ("  1y5m7d2h ", 1, 5, 7, 2, "1y5m7d2h"),
            ("-7d", 0, 0, -7, 0, "-7d"),
            ("", 0, 0, 0, 0, ""),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span, Span { years, months, days, hours }, "{text}");
            assert_eq!(span.to_string(), again);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!("12".parse::<Span>(), Err(SpanError::NoUnit(12)));
        assert_eq!("3w".parse::<Span>(), Err(SpanError::BadUnit { number: 3, unit: 'w' }));
        assert_eq!("y".parse::<Span>(), Err(SpanError::NoNumber("y".into())));
        assert_eq!("1ü".parse::<Span>(), Err(SpanError::BadUnit { number: 1, unit: 'ü' }));
        assert!(matches!("99999999999d".parse::<Span>(), Err(SpanError::TooLarge(_))));
    }
}
