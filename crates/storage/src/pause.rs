//! Sleeping that ends when the caller loses interest.

use std::thread;
use std::time::{Duration, Instant};

use backstay_core::{CallContext, ErrorKind};

/// How long a sleeper goes without looking whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Sleeps for `duration`, in small naps.
///
/// # Errors
/// [`ErrorKind::Cancelled`] or [`ErrorKind::Timeout`] as soon as the context says so.
pub(crate) fn pause(duration: Duration, context: CallContext<'_>) -> Result<(), ErrorKind> {
    let end = Instant::now() + duration;
    loop {
        if context.is_cancelled() {
            return Err(ErrorKind::Cancelled);
        }
        let now = Instant::now();
        if context.deadline.is_some_and(|deadline| now >= deadline) {
            return Err(ErrorKind::Timeout);
        }
        let left = end.saturating_duration_since(now);
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(LOOK_EVERY));
    }
}
