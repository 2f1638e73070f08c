//! A small runtime behind blocking calls, each of which ends when its caller loses interest.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use backstay_core::{CallContext, StorageError};
use tokio::runtime::{self, Runtime};

use crate::failure;

/// What a request needs for its content is reckoned at this rate.
pub const SLOWEST_BYTES_PER_SECOND: u64 = 16 << 10;
/// How long a request runs without a look whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A runtime whose end nobody waits for: a look-up of a name that hangs must not hold who has given up on it.
pub struct Background(Option<Runtime>);

impl Background {
    /// A runtime of two threads that are called this.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(name: &str) -> io::Result<Self> {
        let mut builder = runtime::Builder::new_multi_thread();
        Ok(Self(Some(builder.worker_threads(2).thread_name(name).enable_all().build()?)))
    }

    /// Runs something short to its end.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.0.as_ref().map(|runtime| runtime.block_on(work))
    }

    /// Has something run beside.
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<tokio::task::JoinHandle<T>> {
        self.0.as_ref().map(|runtime| runtime.spawn(work))
    }

    /// Waits for so long, or until nobody wants it any more.
    pub fn pause(
        &self,
        context: CallContext<'_>,
        action: &'static str,
        what: &dyn std::fmt::Display,
        length: Duration,
    ) -> Result<(), StorageError> {
        self.run(context, action, what, length * 2, async {
            tokio::time::sleep(length).await;
            Ok(())
        })
    }

    /// Runs a request to its end, or until nobody wants it any more or it has taken longer than `patience`.
    pub fn run<T>(
        &self,
        context: CallContext<'_>,
        action: &'static str,
        what: &dyn std::fmt::Display,
        patience: Duration,
        request: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        failure::check(context, action, what)?;
        let end = Instant::now() + patience;
        let end = context.deadline.map_or(end, |deadline| deadline.min(end));
        let outcome = self.block_on(async {
            let mut request = pin!(request);
            loop {
                let look = end.min(Instant::now() + LOOK_EVERY);
                if let Ok(outcome) = tokio::time::timeout_at(look.into(), &mut request).await {
                    return outcome;
                }
                failure::check(context, action, what)?;
                if Instant::now() >= end {
                    return Err(failure::timeout(action, what));
                }
            }
        });
        outcome.unwrap_or_else(|| Err(failure::cancelled(action, what)))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
