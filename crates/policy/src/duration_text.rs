//! Lengths of time as people write them: `90s`, `15m`, `6h`, `1d12h`.
//!
//! One reader and one printer for schedules, timeouts and retries. A day has 24 hours here and `m` is a minute;
//! calendar months and years are [`crate::Span`]s. As a field of a file or message:
//!
//! ```
//! # use std::time::Duration;
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Settings {
//!     #[serde(with = "backstay_policy::duration_text")]
//!     timeout: Duration,
//!     #[serde(default, with = "backstay_policy::duration_text::optional")]
//!     silence: Option<Duration>,
//! }
//! ```

use std::fmt::{self, Write};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest length that is read: a hundred thousand days. Sums with any date then stay far from overflow.
pub const LONGEST: Duration = Duration::from_secs(100_000 * 86_400);

/// A text that is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing is written.
    #[error("the duration is empty; write it as 90s, 15m, 6h or 1d12h")]
    Empty,
    /// A number is missing where one should stand.
    #[error("no number found in {0:?}; write a duration as 90s, 15m, 6h or 1d12h")]
    NoNumber(String),
    /// A number without a unit.
    #[error("no unit after the number in {0:?}; the units are ms, s, m, h, d and w")]
    NoUnit(String),
    /// A unit that is none.
    #[error("{unit:?} in {text:?} is no unit; the units are ms, s, m, h, d and w")]
    BadUnit {
        /// What stands in the unit's place.
        unit: String,
        /// The whole text.
        text: String,
    },
    /// More than [`LONGEST`].
    #[error("{0:?} is too long; the longest duration is 100000d")]
    TooLong(String),
}

/// Reads a length of time: numbers with units (`ms`, `s`, `m`, `h`, `d`, `w`, or their names in full), which are
/// added up. Blanks do not matter. A bare `0` is zero.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let too_long = || DurationError::TooLong(shortened(text));
    let mut rest = text.trim();
    match rest {
        "" => return Err(DurationError::Empty),
        "0" => return Ok(Duration::ZERO),
        _ => {}
    }
    let mut millis = 0_u64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err(DurationError::NoNumber(shortened(text)));
        }
        let (number, tail) = rest.split_at(digits);
        let number: u64 = number.parse().map_err(|_| too_long())?;
        let tail = tail.trim_start();
        let letters = tail.find(|c: char| c.is_ascii_digit() || c.is_whitespace()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let length = match unit {
            "" => return Err(DurationError::NoUnit(shortened(text))),
            "ms" | "millisecond" | "milliseconds" => 1,
            "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
            "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
            "h" | "hour" | "hours" => 3_600_000,
            "d" | "day" | "days" => 86_400_000,
            "w" | "week" | "weeks" => 604_800_000,
            other => {
                return Err(DurationError::BadUnit { unit: shortened(other), text: shortened(text) });
            }
        };
        millis = number.checked_mul(length).and_then(|part| millis.checked_add(part)).ok_or_else(too_long)?;
        rest = tail.trim_start();
    }
    let duration = Duration::from_millis(millis);
    if duration > LONGEST { Err(too_long()) } else { Ok(duration) }
}

/// Writes a length of time so that [`parse`] reads it back, as `1d12h`. What is finer than a millisecond is left
/// out.
#[must_use]
pub fn print(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds % 86_400 / 3_600, "h"),
        (seconds % 3_600 / 60, "m"),
        (seconds % 60, "s"),
        (u64::from(duration.subsec_millis()), "ms"),
    ];
    let mut text = String::new();
    for (count, unit) in parts.into_iter().filter(|(count, _)| *count != 0) {
        let _ = write!(text, "{count}{unit}");
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// A length of time that is a text wherever it is written: for places that a field attribute does not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DurationText(pub Duration);

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print(self.0))
    }
}

impl std::str::FromStr for DurationText {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        parse(text).map(Self)
    }
}

crate::text_form::text_form!(DurationText, "a duration such as \"90s\", \"15m\", \"6h\" or \"1d12h\"");

/// Error messages repeat what was written, but not pages of it.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Writes a field as text; see the module's head.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&print(*duration))
}

/// Reads a field from text; see the module's head.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    DurationText::deserialize(deserializer).map(|DurationText(duration)| duration)
}

/// The same for fields that may be left out.
pub mod optional {
    use super::{Deserialize, Deserializer, Duration, DurationText, Serialize, Serializer};

    /// Writes text, or nothing.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.map(DurationText).serialize(serializer)
    }

    /// Reads text, or nothing.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let read = Option::<DurationText>::deserialize(deserializer)?;
        Ok(read.map(|DurationText(duration)| duration))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, seconds, again) in [
            ("90s", 90, "1m30s"),
            ("15m", 900, "15m"),
            ("6h", 21_600, "6h"),
            ("1d12h", 129_600, "1d12h"),
            (" 1 week 2 days ", 777_600, "9d"),
            ("5 min", 300, "5m"),
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
        ] {
            let duration = parse(text).unwrap();
            assert_eq!(duration, Duration::from_secs(seconds), "{text}");
            assert_eq!(print(duration), again);
        }
        assert_eq!(parse("1s500ms").unwrap(), Duration::from_millis(1_500));
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(parse(""), Err(DurationError::Empty));
        assert_eq!(parse("h"), Err(DurationError::NoNumber("h".into())));
        assert_eq!(parse("-5m"), Err(DurationError::NoNumber("-5m".into())));
        assert_eq!(parse("90"), Err(DurationError::NoUnit("90".into())));
        assert_eq!(parse("1y"), Err(DurationError::BadUnit { unit: "y".into(), text: "1y".into() }));
        for text in ["100001d", "99999999999999999999d", "18446744073709551615w"] {
            assert_eq!(parse(text), Err(DurationError::TooLong(text.into())));
        }
    }

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Fields {
        #[serde(with = "super")]
        one: Duration,
        #[serde(default, with = "optional")]
        two: Option<Duration>,
    }

    #[test]
    fn fields_are_texts() {
        let fields = Fields { one: Duration::from_secs(90), two: Some(Duration::from_secs(3_600)) };
        let text = serde_json::to_string(&fields).unwrap();
        assert_eq!(text, r#"{"one":"1m30s","two":"1h"}"#);
        assert_eq!(serde_json::from_str::<Fields>(&text).unwrap(), fields);
        let less: Fields = serde_json::from_str(r#"{"one":0}"#).unwrap();
        assert_eq!(less, Fields { one: Duration::ZERO, two: None });
        let error = serde_json::from_str::<Fields>(r#"{"one":90}"#).unwrap_err().to_string();
        assert!(error.contains("no unit"), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(millis in 0..=LONGEST.as_millis() as u64) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse(&print(duration)), Ok(duration));
        }

        #[test]
        fn made_up_text_does_no_harm(text in ".*") {
            if let Ok(duration) = parse(&text) {
                prop_assert_eq!(parse(&print(duration)), Ok(duration));
            }
        }
    }
}
