//! The local time zone's offset at any moment, as restic writes it behind each time.

use backstay_core::Timestamp;
use jiff::tz::TimeZone;

/// The local zone, read once.
#[derive(Debug, Clone)]
pub(super) struct Zone {
    zone: TimeZone,
    /// The offset of a zone that never changes it, as UTC.
    fixed: Option<i32>,
}

impl Zone {
    pub(super) fn local() -> Self {
        Self::new(TimeZone::system())
    }

    fn new(zone: TimeZone) -> Self {
        let fixed = zone.to_fixed_offset().ok().map(|offset| offset.seconds());
        Self { zone, fixed }
    }

    /// A moment with the offset that holds in the zone then.
    pub(super) fn at(&self, seconds: i64, nanos: u32) -> Timestamp {
        let offset = self.fixed.unwrap_or_else(|| {
            // Moments beyond what calendars are made for take the offset of the nearest they know.
            let moment = jiff::Timestamp::from_second(seconds).unwrap_or(if seconds < 0 {
                jiff::Timestamp::MIN
            } else {
                jiff::Timestamp::MAX
            });
            self.zone.to_offset(moment).seconds()
        });
        Timestamp { seconds, nanos, offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_change_with_daylight_saving() {
        let zone = Zone::new(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
        // The last second of winter time in 2024, and the one after it.
        assert_eq!(zone.at(1_711_846_799, 5).offset, 3600);
        assert_eq!(zone.at(1_711_846_800, 5).offset, 7200);
        // Likewise in October.
        assert_eq!(zone.at(1_729_990_799, 0).offset, 7200);
        assert_eq!(zone.at(1_729_990_800, 0).offset, 3600);
        assert_eq!(zone.at(i64::MAX, 0).seconds, i64::MAX);
        assert_eq!(zone.at(i64::MIN, 0).seconds, i64::MIN);
    }

    #[test]
    fn utc_has_none() {
        let zone = Zone::new(TimeZone::UTC);
        assert_eq!(zone.fixed, Some(0));
        assert_eq!(zone.at(1, 2), Timestamp::utc(1, 2));
    }
}
