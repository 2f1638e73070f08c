//! How long to wait before the next try.
//!
//! The wait grows by a factor from try to try up to a limit. A part of it is random, so that many who failed
//! together do not come back together; the randomness is a function of the seed, and so tests own it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::duration_text;
use crate::spread::spread;

/// Waits that grow: between a half and the whole of `first × factor^attempt`, never more than `most`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Backoff {
    /// The longest first wait. Written as `1s`; the default is one second.
    #[serde(with = "duration_text")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub first: Duration,
    /// How many times longer each wait is than the one before; the default is 2.
    pub factor: u32,
    /// No wait is longer. The default is five minutes.
    #[serde(with = "duration_text")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub most: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), factor: 2, most: Duration::from_secs(300) }
    }
}

/// Why waits cannot be computed as said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackoffError {
    /// Without a wait, tries would follow each other at once.
    #[error("the first wait must be at least 1ms")]
    NoWait,
    /// Waits must not become shorter.
    #[error("the factor must be at least 1")]
    NoFactor,
    /// The limit lies below the first wait.
    #[error("the longest wait ({}) is shorter than the first ({})", duration_text::print(*.most), duration_text::print(*.first))]
    Reversed {
        /// The first wait.
        first: Duration,
        /// The limit.
        most: Duration,
    },
}

impl Backoff {
    /// Whether waits can be computed from it.
    pub fn validate(&self) -> Result<(), BackoffError> {
        if self.first < Duration::from_millis(1) {
            Err(BackoffError::NoWait)
        } else if self.factor == 0 {
            Err(BackoffError::NoFactor)
        } else if self.most < self.first {
            Err(BackoffError::Reversed { first: self.first, most: self.most })
        } else {
            Ok(())
        }
    }

    /// The shortest and the longest wait before a try, in whole milliseconds. Attempt 0 is the first one after a
    /// failure. Both never fall as the attempt rises.
    #[must_use]
    pub fn bounds(&self, attempt: u32) -> (Duration, Duration) {
        let grown = u128::from(self.factor.max(1))
            .saturating_pow(attempt)
            .saturating_mul(self.first.as_millis())
            .min(self.most.as_millis());
        let longest = u64::try_from(grown).unwrap_or(u64::MAX);
        (Duration::from_millis(longest.div_ceil(2)), Duration::from_millis(longest))
    }

    /// The wait before a try, within [`Backoff::bounds`]. The same seed and attempt give the same wait.
    #[must_use]
    pub fn delay(&self, attempt: u32, seed: u64) -> Duration {
        let (shortest, longest) = self.bounds(attempt);
        let room = u64::try_from((longest - shortest).as_millis()).unwrap_or(u64::MAX);
        shortest + Duration::from_millis(spread(seed, u64::from(attempt), room))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_up_to_the_limit() {
        let longest: Vec<u64> =
            (0..11).map(|attempt| Backoff::default().bounds(attempt).1.as_secs()).collect();
        assert_eq!(longest, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn seeds_wait_differently() {
        let waits: std::collections::BTreeSet<_> =
            (0..100).map(|seed| Backoff::default().delay(8, seed)).collect();
        assert!(waits.len() > 90, "{waits:?}");
    }

    #[test]
    fn nonsense_is_refused() {
        let good = Backoff::default();
        assert_eq!(good.validate(), Ok(()));
        assert_eq!(Backoff { first: Duration::ZERO, ..good }.validate(), Err(BackoffError::NoWait));
        assert_eq!(Backoff { factor: 0, ..good }.validate(), Err(BackoffError::NoFactor));
        let reversed = Backoff { most: Duration::from_millis(1), ..good }.validate().unwrap_err();
        assert_eq!(reversed.to_string(), "the longest wait (1ms) is shorter than the first (1s)");
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let read: Backoff = serde_json::from_str(r#"{"most":"1h"}"#).unwrap();
        assert_eq!(read, Backoff { most: Duration::from_secs(3_600), ..Backoff::default() });
        assert!(serde_json::from_str::<Backoff>(r#"{"max":"1h"}"#).is_err());
    }

    proptest! {
        #[test]
        fn waits_lie_within_bounds_that_never_fall(
            first in 1_u64..1_000_000, factor in 1_u32..10, more in 0_u64..u64::MAX / 2, attempt: u32, seed: u64,
        ) {
            let most = Duration::from_millis(first + more);
            let backoff = Backoff { first: Duration::from_millis(first), factor, most };
            prop_assert_eq!(backoff.validate(), Ok(()));
            for attempt in [attempt, attempt % 64] {
                let (shortest, longest) = backoff.bounds(attempt);
                let delay = backoff.delay(attempt, seed);
                prop_assert!(shortest <= delay && delay <= longest && longest <= most && !delay.is_zero());
                let next = backoff.bounds(attempt.saturating_add(1));
                prop_assert!(next.0 >= shortest && next.1 >= longest);
            }
        }
    }
}
