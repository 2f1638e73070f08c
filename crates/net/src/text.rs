//! Names and moments as HTTP services write them.

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
    fn names_are_encoded() {
        assert_eq!(encoded("a b/ü%.zip"), "a%20b/%C3%BC%25.zip");
        assert_eq!(date("Thu, 01 Jan 1970 00:01:00 GMT"), Some(Timestamp::utc(60, 0)));
        assert_eq!(date("yesterday"), None);
    }
}
