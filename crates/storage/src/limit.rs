//! Keeps transfers within a rate.
//!
//! Each direction has a token bucket that holds a second's worth. A write waits for its tokens before it
//! begins; a read, whose length may not be known before, waits after it ended. So the rate holds on
//! average, while one file goes at full speed.

use std::time::{Duration, Instant};

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Frozen, Handle, Storage, StorageError};
use parking_lot::Mutex;

use crate::failure;
use crate::pause::pause;

/// How many bytes may pass per second; none is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// Towards the storage.
    pub upload: Option<u64>,
    /// From the storage.
    pub download: Option<u64>,
}

impl Rates {
    /// Rates in KiB per second, where 0 is no limit: the unit of `--limit-upload` and `--limit-download`.
    #[must_use]
    pub fn from_kib(upload: u64, download: u64) -> Self {
        let bytes = |kib: u64| (kib > 0).then(|| kib.saturating_mul(1024));
        Self { upload: bytes(upload), download: bytes(download) }
    }

    /// Whether there is anything to limit.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.upload.is_none() && self.download.is_none()
    }
}

/// A storage to and from which bytes pass at a limited rate.
pub struct Limit {
    inner: Box<dyn Storage>,
    upload: Option<Bucket>,
    download: Option<Bucket>,
}

impl std::fmt::Debug for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limit")
            .field("inner", &self.inner.location())
            .field("upload", &self.upload)
            .field("download", &self.download)
            .finish()
    }
}

impl Limit {
    /// Limits the transfers of `inner`, all threads together.
    #[must_use]
    pub fn new(inner: Box<dyn Storage>, rates: Rates) -> Self {
        let bucket = |rate: Option<u64>| rate.filter(|rate| *rate > 0).map(Bucket::new);
        Self { inner, upload: bucket(rates.upload), download: bucket(rates.download) }
    }

    /// Waits after a read. Its content is there already, so a deadline that passes meanwhile is no harm.
    fn received(&self, bytes: usize, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError> {
        let Some(bucket) = &self.download else { return Ok(()) };
        match pause(bucket.take(bytes, Instant::now()), context) {
            Err(ErrorKind::Cancelled) => Err(failure::cancelled("read", handle)),
            _ => Ok(()),
        }
    }

    /// Waits before a write.
    fn sending(&self, bytes: usize, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError> {
        let Some(bucket) = &self.upload else { return Ok(()) };
        pause(bucket.take(bytes, Instant::now()), context).map_err(|kind| match kind {
            ErrorKind::Cancelled => failure::cancelled("write", handle),
            _ => failure::timeout("write", handle),
        })
    }
}

/// A token bucket, kept as the moment at which all that was taken so far will have been earned.
#[derive(Debug)]
struct Bucket {
    bytes_per_second: u64,
    earned_at: Mutex<Option<Instant>>,
}

impl Bucket {
    /// What may pass at once after a rest.
    const BURST: Duration = Duration::from_secs(1);

    fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second, earned_at: Mutex::new(None) }
    }

    /// Takes tokens and says how long to wait for them from `now` on.
    fn take(&self, bytes: usize, now: Instant) -> Duration {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let mut earned_at = self.earned_at.lock();
        let begin = earned_at.map_or(now, |earned| earned.max(now));
        let end = begin.checked_add(cost).unwrap_or(begin);
        *earned_at = Some(end);
        end.saturating_duration_since(now).saturating_sub(Self::BURST)
    }
}

impl Storage for Limit {
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
        self.inner.prepare(context)
    }

    fn size(&self, handle: &Handle, context: CallContext<'_>) -> Result<u64, StorageError> {
        self.inner.size(handle, context)
    }

    fn list(
        &self,
        kind: FileKind,
        context: CallContext<'_>,
        each: &mut dyn FnMut(FileId, u64),
    ) -> Result<(), StorageError> {
        self.inner.list(kind, context, each)
    }

    fn read(
        &self,
        handle: &Handle,
        buffer: &mut Vec<u8>,
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        self.inner.read(handle, buffer, context)?;
        self.received(buffer.len(), handle, context)
    }

    fn read_at(
        &self,
        handle: &Handle,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        self.inner.read_at(handle, offset, buffer, context)?;
        self.received(buffer.len(), handle, context)
    }

    fn write(&self, handle: &Handle, content: &[u8], context: CallContext<'_>) -> Result<(), StorageError> {
        self.sending(content.len(), handle, context)?;
        self.inner.write(handle, content, context)
    }

    fn remove(&self, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError> {
        self.inner.remove(handle, context)
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
        self.inner.frozen(files, bring_back, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_a_second_at_once_and_then_the_rate() {
        let bucket = Bucket::new(1000);
        let start = Instant::now();
        assert_eq!(bucket.take(1000, start), Duration::ZERO);
        assert_eq!(bucket.take(500, start), Duration::from_millis(500));
        assert_eq!(bucket.take(2000, start), Duration::from_millis(2500));
        // After four seconds, half a second's worth is left.
        let later = start + Duration::from_secs(4);
        assert_eq!(bucket.take(1000, later), Duration::ZERO);
        assert_eq!(bucket.take(1000, later), Duration::from_secs(1));
    }

    #[test]
    fn rates_are_told_in_kib_and_zero_is_none() {
        assert!(Rates::from_kib(0, 0).is_unlimited());
        assert_eq!(Rates::from_kib(3, 0), Rates { upload: Some(3072), download: None });
    }
}
