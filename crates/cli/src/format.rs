//! Sizes, times and names as restic prints them.

use std::borrow::Cow;
use std::time::Duration;

/// As `1.500 KiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (unit, name) in UNITS {
        if count >= unit {
            return format!("{:.3} {name}", count as f64 / unit as f64);
        }
    }
    format!("{count} B")
}

/// As `42.00%`; empty when there is no whole.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    match whole {
        0 => String::new(),
        whole => format!("{:.2}%", (100.0 * part as f64 / whole as f64).min(100.0)),
    }
}

/// As `1:02` or `1:02:03`.
pub(crate) fn seconds(total: u64) -> String {
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// As [`seconds`].
pub(crate) fn duration(duration: Duration) -> String {
    seconds(duration.as_secs())
}

/// Reads a number of bytes with a suffix b, k, m, g or t, of either case.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.char_indices().next_back() {
        None => return Err("expected a size, got an empty string".to_owned()),
        Some((at, last)) => match last.to_ascii_lowercase() {
            'b' => (&text[..at], 0),
            'k' => (&text[..at], 10),
            'm' => (&text[..at], 20),
            'g' => (&text[..at], 30),
            't' => (&text[..at], 40),
            _ => (text, 0),
        },
    };
    let count: u64 =
        digits.parse().map_err(|_| format!("{text:?} is no size; write it as 10, 10k, 10M, 10G or 10T"))?;
    count
        .checked_mul(1 << unit)
        .filter(|size| *size <= i64::MAX as u64)
        .ok_or_else(|| format!("the size {text} is too large"))
}

/// A path as it can be shown on a terminal: quoted if it holds anything that would garble the line.
pub(crate) fn quote(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) if !text.chars().any(|c| c.is_control() || c == '\u{fffd}') => text.to_owned(),
        _ => {
            let mut quoted = String::from("\"");
            for chunk in path.utf8_chunks() {
                for c in chunk.valid().chars() {
                    match c {
                        '"' | '\\' => quoted.extend(['\\', c]),
                        '\n' => quoted.push_str("\\n"),
                        '\t' => quoted.push_str("\\t"),
                        c => push_visible(&mut quoted, c),
                    }
                }
                for byte in chunk.invalid() {
                    quoted.push_str(&format!("\\x{byte:02x}"));
                }
            }
            quoted.push('"');
            quoted
        }
    }
}

/// A text of ours with whatever others put into it, as it may go to a terminal: our line breaks and tabs stay, what else would
/// steer the terminal is written out.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let is_ours = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    if text.chars().all(is_ours) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_ours(c) { shown.push(c) } else { push_visible(&mut shown, c) }
    }
    Cow::Owned(shown)
}

fn push_visible(text: &mut String, c: char) {
    match c {
        '\r' => text.push_str("\\r"),
        c if c.is_control() => text.push_str(&format!("\\x{:02x}", u32::from(c))),
        c => text.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_after_the_point() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.000 KiB"),
            (1536, "1.500 KiB"),
            (5 << 30, "5.000 GiB"),
            (1 << 40, "1.000 TiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn durations_show_hours_only_if_there_are_any() {
        assert_eq!(
            (seconds(0), seconds(62), seconds(3723)),
            ("0:00".into(), "1:02".into(), "1:02:03".into())
        );
    }

    #[test]
    fn percentages_stop_at_a_hundred() {
        assert_eq!(
            (percent(1, 3), percent(5, 4), percent(1, 0)),
            ("33.33%".into(), "100.00%".into(), String::new())
        );
    }

    #[test]
    fn sizes_are_read_with_their_suffixes() {
        for (text, size) in
            [("17", 17), ("17b", 17), ("3k", 3 << 10), ("3M", 3 << 20), ("2G", 2 << 30), ("1t", 1 << 40)]
        {
            assert_eq!(parse_bytes(text), Ok(size));
        }
        for text in ["", "k", "-1", "1.5G", "99999999999999T", "9x", "9µ"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_that_would_garble_a_terminal_are_quoted() {
        assert_eq!(quote("/tmp/ü".as_bytes()), "/tmp/ü");
        assert_eq!(quote(b"a\nb\xff\x1b"), r#""a\nb\xff\x1b""#);
    }

    #[test]
    fn what_would_steer_a_terminal_is_written_out() {
        assert_eq!(visible("one\n\ttwo ü"), "one\n\ttwo ü");
        assert_eq!(visible("\x1b]0;title\x07\r\u{9b}2J\x7f"), r"\x1b]0;title\x07\r\x9b2J\x7f");
    }
}
