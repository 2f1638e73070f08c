//! The outside world that decides outcomes, handed in so that tests own it.

use crate::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, with the local zone's offset.
    fn now(&self) -> Timestamp;
    /// Sleeps for this long, or advances a test's time.
    fn sleep(&self, duration: std::time::Duration);
}

/// Fills buffers with unpredictable bytes.
pub trait Random: Send + Sync {
    /// Fills `buffer`. The production implementation asks the operating system and ends the process
    /// when that cannot answer: no key or nonce is ever made of anything else.
    fn fill(&self, buffer: &mut [u8]);
}
