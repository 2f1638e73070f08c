//! Times as Go's `encoding/json` writes them: RFC 3339 with nanoseconds, trailing zeros cut.

use backstay_core::Timestamp;

const DAY: i64 = 86_400;

/// Appends the time. Years outside 0–9999 are clamped, as restic does.
pub fn write(time: &Timestamp, out: &mut Vec<u8>) {
    let local = time.seconds.saturating_add(i64::from(time.offset));
    let (year, month, day) = civil(local.div_euclid(DAY));
    let second = local.rem_euclid(DAY);
    let year = year.clamp(0, 9999);
    digits(out, year, 4);
    out.push(b'-');
    digits(out, month, 2);
    out.push(b'-');
    digits(out, day, 2);
    out.push(b'T');
    digits(out, second / 3600, 2);
    out.push(b':');
    digits(out, second / 60 % 60, 2);
    out.push(b':');
    digits(out, second % 60, 2);
    if time.nanos != 0 {
        out.push(b'.');
        digits(out, i64::from(time.nanos), 9);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
    if time.offset == 0 {
        out.push(b'Z');
    } else {
        out.push(if time.offset < 0 { b'-' } else { b'+' });
        let minutes = i64::from(time.offset.unsigned_abs()) / 60;
        digits(out, minutes / 60, 2);
        out.push(b':');
        digits(out, minutes % 60, 2);
    }
}

/// The time as text.
#[must_use]
pub fn to_text(time: &Timestamp) -> String {
    let mut out = Vec::with_capacity(36);
    write(time, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Reads what [`write`] writes, and any RFC 3339 time. `None` when it is not one.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let mut value = 0;
        for &byte in bytes.get(from..to)? {
            value = value * 10 + i64::from((byte as char).to_digit(10)?);
        }
        Some(value)
    };
    let mark = |at: usize, allowed: &[u8]| bytes.get(at).filter(|byte| allowed.contains(byte)).map(|_| ());
    mark(4, b"-").and(mark(7, b"-")).and(mark(10, b"Tt ")).and(mark(13, b":")).and(mark(16, b":"))?;
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let mut at = 19;
    let mut nanos = 0;
    if mark(at, b".").is_some() {
        at += 1;
        let mut weight = 100_000_000;
        while let Some(digit) = bytes.get(at).and_then(|&byte| (byte as char).to_digit(10)) {
            nanos += digit * weight;
            weight /= 10;
            at += 1;
        }
    }
    let offset = match bytes.get(at)? {
        b'Z' | b'z' if bytes.len() == at + 1 => 0,
        sign @ (b'+' | b'-') if bytes.len() == at + 6 => {
            mark(at + 3, b":")?;
            let seconds = number(at + 1, at + 3)? * 3600 + number(at + 4, at + 6)? * 60;
            let seconds = i32::try_from(seconds).ok()?;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second - i64::from(offset);
    Some(Timestamp { seconds, nanos, offset })
}

fn digits(out: &mut Vec<u8>, value: i64, width: u32) {
    for place in (0..width).rev() {
        out.push(b'0' + (value / 10_i64.pow(place) % 10) as u8);
    }
}

/// Year, month and day of a day counted from 1970-01-01, by the proleptic Gregorian calendar. The year is
/// taken to begin in March, so that the leap day is its last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil`].
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Times in JSON.
pub(crate) mod json {
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    use super::{Timestamp, parse, to_text};

    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_text(time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        deserializer.deserialize_any(Time)
    }

    struct Time;

    impl Visitor<'_> for Time {
        type Value = Timestamp;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an RFC 3339 time")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
            parse(text).ok_or_else(|| E::custom("not an RFC 3339 time"))
        }

        fn visit_unit<E: Error>(self) -> Result<Timestamp, E> {
            Ok(Timestamp::default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_written_as_go_writes_them() {
        for (seconds, nanos, offset, text) in [
            (0, 0, 0, "1970-01-01T00:00:00Z"),
            (1_700_000_000, 120_000_000, 0, "2023-11-14T22:13:20.12Z"),
            (1_700_000_000, 1, 7200, "2023-11-15T00:13:20.000000001+02:00"),
            (951_782_400, 0, -12_600, "2000-02-28T20:30:00-03:30"),
            (-62_167_219_200, 0, 0, "0000-01-01T00:00:00Z"),
            (253_402_300_799, 0, 0, "9999-12-31T23:59:59Z"),
            (253_402_300_800, 0, 0, "9999-01-01T00:00:00Z"),
        ] {
            assert_eq!(to_text(&Timestamp { seconds, nanos, offset }), text);
        }
        for text in [
            "",
            "2023",
            "2023-11-14T22:13:20",
            "2023-13-14T22:13:20Z",
            "2023-11-14T22:13:20+2:00",
            "x023-11-14T22:13:20Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn times_come_back(seconds in -62_000_000_000_i64..253_000_000_000, nanos in 0_u32..1_000_000_000, quarters in -48_i32..48) {
            let time = Timestamp { seconds, nanos, offset: quarters * 900 };
            prop_assert_eq!(parse(&to_text(&time)), Some(time));
        }

        #[test]
        fn any_text_parses_or_not(text in ".{0,40}") {
            let _ = parse(&text);
        }
    }
}
