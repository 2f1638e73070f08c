//! Tries again what failed in passing.
//!
//! Only errors that are transient are worth it, only as long as the policy and the caller's deadline
//! allow, and with growing, jittered pauses, so that many clients do not come back at the same moment.
//!
//! Where a service says how long to wait, no pause is shorter than that.
//!
//! A call that failed may have taken effect all the same. So when a write is told on a later try that the
//! file exists, and its content is what was to be written, that is success; and so it is when a removal
//! finds nothing left.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Frozen, Handle, Storage, StorageError};

use crate::failure;
use crate::pause::pause;

/// How long and how often to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The first pause; each further one is twice as long. The pauses are spread by half of their length.
    pub first_pause: Duration,
    /// No pause is longer than this, its spread apart.
    pub longest_pause: Duration,
    /// No new try after this much time since the call began. Zero never tries again.
    pub give_up_after: Duration,
    /// How long one try may take; the back end's own limits if none.
    pub try_timeout: Option<Duration>,
}

impl Default for Policy {
    /// Half a second, doubled up to a minute, for a quarter of an hour as restic does.
    fn default() -> Self {
        Self {
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(60),
            give_up_after: Duration::from_secs(15 * 60),
            try_timeout: None,
        }
    }
}

impl Policy {
    /// Every call is tried once.
    #[must_use]
    pub fn never() -> Self {
        Self { give_up_after: Duration::ZERO, ..Self::default() }
    }
}

/// Is told of each failure that will be tried again, and of the pause before it.
pub type OnRetry = Arc<dyn Fn(&StorageError, Duration) + Send + Sync>;

type Sleep = Box<dyn Fn(Duration, CallContext<'_>) -> Result<(), ErrorKind> + Send + Sync>;
type Jitter = Box<dyn Fn() -> f64 + Send + Sync>;

/// A storage whose passing failures are tried again.
pub struct Retry {
    inner: Box<dyn Storage>,
    policy: Policy,
    on_retry: Option<OnRetry>,
    sleep: Sleep,
    jitter: Jitter,
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").field("inner", &self.inner.location()).field("policy", &self.policy).finish()
    }
}

impl Retry {
    /// Tries again on `inner` as the policy says.
    #[must_use]
    pub fn new(inner: Box<dyn Storage>, policy: Policy) -> Self {
        Self { inner, policy, on_retry: None, sleep: Box::new(pause), jitter: Box::new(any_fraction) }
    }

    /// Has every retry reported, before the pause.
    #[must_use]
    pub fn on_retry(mut self, report: OnRetry) -> Self {
        self.on_retry = Some(report);
        self
    }

    /// Takes the sleeping and the randomness (a number from 0 up to 1) from outside: tests own time.
    #[must_use]
    pub fn with_time(
        mut self,
        sleep: impl Fn(Duration) + Send + Sync + 'static,
        jitter: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        self.sleep = Box::new(move |duration, _| {
            sleep(duration);
            Ok(())
        });
        self.jitter = Box::new(jitter);
        self
    }

    /// Calls `attempt` with the number of failures so far until it succeeds or trying makes no sense.
    fn run<T>(
        &self,
        context: CallContext<'_>,
        action: &'static str,
        what: &dyn fmt::Display,
        mut attempt: impl FnMut(CallContext<'_>, u32) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let begin = Instant::now();
        let mut slept = Duration::ZERO;
        let mut next = self.policy.first_pause;
        let mut failures = 0;
        loop {
            failure::check(context, action, what)?;
            let error = match attempt(self.narrow(context), failures) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let wait = next.mul_f64(0.5 + (self.jitter)().clamp(0.0, 1.0)).max(named_wait(&error));
            // With sleeping from outside, the clock on the wall does not move.
            let spent = begin.elapsed().max(slept);
            let too_late = spent + wait > self.policy.give_up_after
                || context.deadline.is_some_and(|deadline| Instant::now() + wait >= deadline);
            if !error.kind.is_transient() || context.is_cancelled() || too_late {
                return Err(error);
            }
            if let Some(report) = &self.on_retry {
                report(&error, wait);
            }
            match (self.sleep)(wait, context) {
                Err(ErrorKind::Cancelled) => return Err(failure::cancelled(action, what)),
                Err(_) => return Err(error),
                Ok(()) => {}
            }
            slept += wait;
            next = (next * 2).min(self.policy.longest_pause);
            failures += 1;
        }
    }

    /// The caller's context with the deadline of one try.
    fn narrow<'a>(&self, context: CallContext<'a>) -> CallContext<'a> {
        let Some(timeout) = self.policy.try_timeout else { return context };
        let end = Instant::now() + timeout;
        let deadline = context.deadline.map_or(end, |deadline| deadline.min(end));
        CallContext { deadline: Some(deadline), ..context }
    }

    /// Whether the file holds just this content.
    fn holds(&self, handle: &Handle, content: &[u8], context: CallContext<'_>) -> Result<bool, StorageError> {
        if self.inner.size(handle, context)? != content.len() as u64 {
            return Ok(false);
        }
        let mut stored = Vec::new();
        self.inner.read(handle, &mut stored, context)?;
        Ok(stored == content)
    }
}

/// How long the service asks to wait, where it says so.
fn named_wait(error: &StorageError) -> Duration {
    #[cfg(feature = "gdrive")]
    if let Some(wait) = backstay_net::google::refusal::named_wait(error) {
        return wait;
    }
    let _ = error;
    Duration::ZERO
}

/// A number from 0 up to 1, unpredictable enough to spread retries.
fn any_fraction() -> f64 {
    let bits = RandomState::new().hash_one(0) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

impl Storage for Retry {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn connections(&self) -> usize {
        self.inner.connections()
    }

    fn small_calls(&self) -> usize {
        self.inner.small_calls()
    }

    fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError> {
        self.run(context, "prepare", &self.inner.location(), |context, _| self.inner.prepare(context))
    }

    fn size(&self, handle: &Handle, context: CallContext<'_>) -> Result<u64, StorageError> {
        self.run(context, "stat", handle, |context, _| self.inner.size(handle, context))
    }

    /// Collects the whole list first: a listing that breaks off midway begins anew, and no file may be
    /// told twice.
    fn list(
        &self,
        kind: FileKind,
        context: CallContext<'_>,
        each: &mut dyn FnMut(FileId, u64),
    ) -> Result<(), StorageError> {
        let found = self.run(context, "list", &kind.folder(), |context, _| {
            let mut found = Vec::new();
            self.inner.list(kind, context, &mut |id, size| found.push((id, size)))?;
            Ok(found)
        })?;
        for (id, size) in found {
            each(id, size);
        }
        Ok(())
    }

    fn read(
        &self,
        handle: &Handle,
        buffer: &mut Vec<u8>,
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        self.run(context, "read", handle, |context, _| self.inner.read(handle, buffer, context))
    }

    fn read_at(
        &self,
        handle: &Handle,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        self.run(context, "read", handle, |context, _| self.inner.read_at(handle, offset, buffer, context))
    }

    fn write(&self, handle: &Handle, content: &[u8], context: CallContext<'_>) -> Result<(), StorageError> {
        self.run(context, "write", handle, |context, failures| {
            match self.inner.write(handle, content, context) {
                Err(error) if failures > 0 && error.kind == ErrorKind::Exists => {
                    if self.holds(handle, content, context)? { Ok(()) } else { Err(error) }
                }
                written => written,
            }
        })
    }

    fn remove(&self, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError> {
        self.run(context, "remove", handle, |context, failures| match self.inner.remove(handle, context) {
            Err(error) if failures > 0 && error.kind == ErrorKind::NotFound => Ok(()),
            removed => removed,
        })
    }

    fn note_tree_pack(&self, pack: &FileId) {
        self.inner.note_tree_pack(pack);
    }

    fn may_freeze(&self) -> bool {
        self.inner.may_freeze()
    }

    fn frozen(
        &self,
        files: &[Handle],
        bring_back: bool,
        context: CallContext<'_>,
    ) -> Result<Frozen, StorageError> {
        self.run(context, "bring back", &self.inner.location(), |context, _| {
            self.inner.frozen(files, bring_back, context)
        })
    }
}
