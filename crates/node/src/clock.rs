//! The core's clock in the model's terms.

use backstay_core::Clock;
use backstay_model::Time;

/// Now; the epoch where a clock tells a time that no calendar has.
pub(crate) fn now(clock: &dyn Clock) -> Time {
    let now = clock.now();
    Time::new(now.seconds, i32::try_from(now.nanos).unwrap_or(0)).unwrap_or(Time::UNIX_EPOCH)
}

/// A moment later by so much, or the last one there is.
pub(crate) fn later(time: Time, by: std::time::Duration) -> Time {
    time.saturating_add(jiff::SignedDuration::try_from(by).unwrap_or(jiff::SignedDuration::MAX))
        .unwrap_or(Time::MAX)
}
