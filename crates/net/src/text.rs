//! Names and moments as HTTP services write them.

use std::time::{SystemTime, UNIX_EPOCH};

use backstay_core::Timestamp;

/// A name as a URL has it.
pub fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The seconds and nanoseconds of a moment as RFC 3339 has it in UTC, `2026-01-02T03:04:05.678Z`.
pub fn moment(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut time = time.splitn(3, ':').map(str::parse::<i64>);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && (1..=9999).contains(&year);
    if !in_range || !fraction.bytes().all(|byte| byte.is_ascii_digit()) || fraction.len() > 9 {
        return None;
    }
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    // Days since 1970 in the proleptic Gregorian calendar, with years that begin in March.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(Timestamp::utc(days * 86_400 + hour * 3600 + minute * 60 + second, nanos))
}

/// A moment as RFC 3339 has it in UTC, in whole seconds.
pub fn told(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    // Eras of 400 years, and in them years that begin in March.
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = 400 * era + year + later;
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A moment as HTTP's headers have it, `Wed, 21 Oct 2015 07:28:00 GMT`.
pub fn date(text: &str) -> Option<Timestamp> {
    let time = httpdate::parse_http_date(text).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::utc(i64::try_from(since.as_secs()).ok()?, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_to_the_nanosecond() {
        for (text, seconds, nanos) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2000-02-29T23:59:59.5Z", 951_868_799, 500_000_000),
            ("2026-11-26T10:00:00.000000001Z", 1_795_687_200, 1),
        ] {
            assert_eq!(moment(text), Some(Timestamp::utc(seconds, nanos)), "{text}");
        }
        for bad in ["", "2026-11-26", "2026-11-26T10:00:00", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00.xZ"]
        {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    #[test]
    fn moments_are_told_as_they_are_read() {
        for days in (0..80_000).step_by(13).chain([11_016, 11_017, 58, 59, 60]) {
            let seconds = days * 86_400 + days % 86_400;
            let text = told(UNIX_EPOCH + std::time::Duration::from_secs(seconds));
            assert_eq!(moment(&text), Some(Timestamp::utc(i64::try_from(seconds).unwrap(), 0)), "{text}");
        }
        assert_eq!(told(UNIX_EPOCH + std::time::Duration::from_secs(951_868_799)), "2000-02-29T23:59:59Z");
    }

    #[test]
    fn names_are_encoded() {
        assert_eq!(encoded("a b/ü%.zip"), "a%20b/%C3%BC%25.zip");
        assert_eq!(date("Thu, 01 Jan 1970 00:01:00 GMT"), Some(Timestamp::utc(60, 0)));
        assert_eq!(date("yesterday"), None);
    }
}
