//! Moments as people read and write them.

use backstay_core::Timestamp;
use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::failure::Failure;

/// The entry-stream's form of a moment.
pub(crate) fn timestamp(zoned: &Zoned) -> Timestamp {
    let instant = zoned.timestamp();
    let (mut seconds, mut nanos) = (instant.as_second(), instant.subsec_nanosecond());
    if nanos < 0 {
        seconds -= 1;
        nanos += 1_000_000_000;
    }
    Timestamp { seconds, nanos: u32::try_from(nanos).unwrap_or(0), offset: zoned.offset().seconds() }
}

/// In the local zone, as `2006-01-02 15:04:05`.
pub(crate) fn local(time: &Timestamp) -> String {
    in_zone(time, TimeZone::system())
}

fn in_zone(time: &Timestamp, zone: TimeZone) -> String {
    match jiff::Timestamp::new(time.seconds, 0) {
        Ok(instant) => instant.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => format!("@{}", time.seconds),
    }
}

/// Reads `2012-11-01 22:08:41` as local time: what `backup --time` takes.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, Failure> {
    parse_with(text, &["%Y-%m-%d %H:%M:%S"]).ok_or_else(|| {
        Failure::fatal(format!("error in time option: cannot read {text:?}"))
            .hint("write it as '2012-11-01 22:08:41'")
    })
}

/// Reads a day or a moment in any of several forms: what `find` takes.
pub(crate) fn parse_day_or_time(text: &str) -> Result<Timestamp, Failure> {
    const FORMS: [&str; 8] = [
        "%Y-%m-%d",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M:%S %z",
        "%d.%m.%Y",
        "%d.%m.%Y %H:%M",
        "%d.%m.%Y %H:%M:%S",
        "%d.%m.%Y %H:%M:%S %z",
    ];
    parse_with(text, &FORMS).ok_or_else(|| {
        Failure::fatal(format!("unable to parse time: {text:?}"))
            .hint("write it as '2012-11-01' or '2012-11-01 22:08:41'")
    })
}

fn parse_with(text: &str, forms: &[&str]) -> Option<Timestamp> {
    forms.iter().find_map(|form| {
        let parsed = jiff::fmt::strtime::parse(form, text).ok()?;
        let zoned = if parsed.offset().is_some() {
            parsed.to_zoned().ok()
        } else {
            let civil = match parsed.to_datetime() {
                Ok(civil) => civil,
                Err(_) => parsed.to_date().ok()?.at(0, 0, 0, 0),
            };
            civil.to_zoned(TimeZone::system()).ok()
        };
        zoned.map(|zoned| timestamp(&zoned))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_before_1970_counts_its_nanoseconds_forward() {
        let zoned: Zoned = "1969-12-31T23:59:58.25Z[UTC]".parse().unwrap();
        assert_eq!(timestamp(&zoned), Timestamp { seconds: -2, nanos: 250_000_000, offset: 0 });
    }

    #[test]
    fn the_forms_of_a_day_are_read() {
        for text in [
            "2012-11-01",
            "2012-11-01 22:08",
            "2012-11-01 22:08:41 +0200",
            "01.11.2012",
            "01.11.2012 22:08:41",
        ] {
            assert!(parse_day_or_time(text).is_ok(), "{text}");
        }
        assert_eq!(parse_day_or_time("2012-11-01 22:08:41 +0200").unwrap().seconds, 1_351_800_521);
        assert!(parse_day_or_time("yesterday").is_err());
        assert!(parse_time("2012-11-01").is_err());
    }
}
