//! How fast work went lately, and how long it will take.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(15);

/// Bytes per second over the last quarter of a minute.
#[derive(Debug, Default)]
pub(super) struct Rate {
    samples: VecDeque<(Instant, u64)>,
}

impl Rate {
    /// Notes that so many bytes were done at this moment.
    pub(super) fn note(&mut self, now: Instant, done: u64) {
        self.samples.push_back((now, done));
        while self.samples.front().is_some_and(|(then, _)| now.duration_since(*then) > WINDOW)
            && self.samples.len() > 2
        {
            self.samples.pop_front();
        }
    }

    /// Bytes per second; 0 while nothing can be said.
    pub(super) fn per_second(&self) -> f64 {
        let (Some((first, before)), Some((last, after))) = (self.samples.front(), self.samples.back()) else {
            return 0.0;
        };
        let elapsed = last.duration_since(*first).as_secs_f64();
        if elapsed < 0.2 { 0.0 } else { after.saturating_sub(*before) as f64 / elapsed }
    }

    /// Seconds that so many more bytes will take; 0 while that cannot be told.
    pub(super) fn seconds_for(&self, bytes: u64) -> u64 {
        let rate = self.per_second();
        // Slower than this the guess would be hours off.
        if rate <= 1024.0 { 0 } else { (bytes as f64 / rate) as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_seconds_count() {
        let start = Instant::now();
        let mut rate = Rate::default();
        assert_eq!(rate.seconds_for(1 << 30), 0);
        for second in 0..60u64 {
            let speed = if second < 40 { 1 << 10 } else { 1 << 20 };
            let done = (second.min(40) << 10) + second.saturating_sub(40) * speed;
            rate.note(start + Duration::from_secs(second), done);
        }
        assert!((rate.per_second() - f64::from(1 << 20)).abs() < 1.0, "{}", rate.per_second());
        assert_eq!(rate.seconds_for(10 << 20), 10);
    }
}
