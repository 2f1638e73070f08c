//! What a restore replaces or removes: copied beside first, and let go once what took its place is right.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use backstay_core::{CallContext, ErrorKind, StorageError};
use backstay_net::s3::client::{Answer, Ask, Call};
use backstay_net::s3::fetch::{Fetcher, Wanted};
use backstay_net::text::encoded;
use http::Method;
use sha2::{Digest, Sha256};

use super::there::There;
use super::{ASIDE, Extra, Inner, TargetReport, Written};
use crate::s3::keys::is_askable;
use crate::s3::walk::Excluded;

/// What can be copied in one request.
const LONGEST_COPY: u64 = 5 << 30;
/// A copy within a service takes this long at the slowest.
const COPY_PATIENCE: Duration = Duration::from_secs(1800);

/// Why an object cannot be put aside.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(
        "it has more than 5 GiB, which no service copies in one request, and the bucket keeps no versions"
    )]
    TooLong,
    #[error("its copy was not made")]
    NoCopy,
}

impl Inner {
    /// Copies an object beside, if it is there and is to be kept.
    pub(super) fn put_aside(&self, key: &str) -> Result<(), StorageError> {
        let (Some(object), Some(aside)) = (self.there.get(key), &self.options.aside) else { return Ok(()) };
        let call = Call::new(CallContext::with(&self.control), "put aside", &key);
        if object.size > LONGEST_COPY {
            return Err(call.failed(ErrorKind::Other, Trouble::TooLong));
        }
        let copy = format!("{aside}{key}");
        if self.there.get(&copy).is_some() {
            // An earlier try has put the original there.
            return Ok(());
        }
        let source = format!("/{}/{}", self.bucket.name, encoded(key));
        let ask = Ask::of(Method::PUT, &copy).header("x-amz-copy-source", &source).patience(COPY_PATIENCE);
        let answer = self.bucket.client.success(call, ask)?;
        if !answer.text.contains("<ETag>") {
            return Err(call.failed(ErrorKind::Other, Trouble::NoCopy));
        }
        self.done.lock().aside.push(copy);
        Ok(())
    }

    /// Notes that an object is restored, or left as it is.
    pub(super) fn keep(&self, key: &str) {
        if self.options.looks_only || !self.options.remove.is_empty() {
            self.done.lock().kept.insert(key.to_owned());
        }
    }

    /// What is there, was not restored, and is to be removed.
    pub(super) fn others(&self, kept: &HashSet<String>) -> Vec<&str> {
        let is_chosen = |key: &str| {
            // What is not below the prefix was not asked for, and no address of HTTP has the others.
            let Some(below) = key.strip_prefix(&self.options.prefix).filter(|_| is_askable(key)) else {
                return false;
            };
            !below.starts_with(ASIDE)
                && self.options.remove.iter().any(|extra| match extra {
                    Extra::Key(one) => below == one,
                    Extra::Prefix(begin) => below.starts_with(begin.as_str()),
                })
        };
        let mut excluded = Excluded::default();
        let mut is_spared = |key: &str| {
            let Some((rules, bucket)) = &self.options.spare else { return false };
            let size = self.there.get(key).map_or(0, |object| object.size);
            let below = key.get(self.options.prefix.len()..).unwrap_or_default();
            rules.exclude_larger_than.is_some_and(|most| size > most) || excluded.holds(rules, bucket, below)
        };
        let chosen = self.there.keys().filter(|key| !kept.contains(*key) && is_chosen(key));
        chosen.filter(|key| !is_spared(key)).collect()
    }

    /// Removes what is there and was not restored.
    fn remove_others(&self, kept: &HashSet<String>, report: &mut TargetReport) -> Result<(), StorageError> {
        for key in self.others(kept) {
            self.put_aside(key)?;
            self.delete(key)?;
            report.removed += 1;
            self.events.item_deleted(key.as_bytes());
        }
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<Answer, StorageError> {
        let call = Call::new(CallContext::with(&self.control), "remove", &key);
        self.bucket.client.success(call, Ask::of(Method::DELETE, key))
    }

    /// Compares what was written with a new listing, and lets go what it replaced if all is right.
    pub(super) fn finish(&self, failed_before: u64) -> Result<TargetReport, StorageError> {
        let now = There::list(&self.bucket, &self.options.prefix, &self.control)?;
        let done = std::mem::take(&mut *self.done.lock());
        let mut report = done.report;
        let fetcher = Fetcher::new(Arc::clone(&self.bucket.client), self.control.clone(), 1, 0);
        for written in &done.written {
            match self.check(written, &now, &fetcher) {
                Ok(()) => report.verified += 1,
                Err(error) if error.kind == ErrorKind::Cancelled => return Err(error),
                Err(error) => {
                    report.failures += 1;
                    self.events.item_failed(written.key.as_bytes(), "restore", &error.to_string());
                }
            }
        }
        // Copies of earlier tries of the same restore count too.
        let aside = self.options.aside.as_deref();
        if report.failures + failed_before > 0 {
            let is_any = aside.is_some_and(|aside| now.has_below(aside));
            report.kept_at = self.options.aside.clone().filter(|_| is_any);
            return Ok(report);
        }
        self.remove_others(&done.kept, &mut report)?;
        let removed = std::mem::take(&mut self.done.lock().aside);
        let before = aside.into_iter().flat_map(|aside| now.below(aside)).map(str::to_owned);
        for copy in before.chain(removed) {
            if let Err(error) = self.delete(&copy) {
                report.kept_at.clone_from(&self.options.aside);
                self.events.warning(&format!("a copy of what was replaced is left: {error}"));
            }
        }
        Ok(report)
    }

    fn check(&self, written: &Written, now: &There, fetcher: &Fetcher) -> Result<(), StorageError> {
        let Written { key, size, etag, sha256 } = written;
        let call = Call::new(CallContext::with(&self.control), "verify", key);
        let is_there = now.get(key).is_some_and(|object| object.size == *size && object.etag == *etag);
        if !is_there {
            return Err(call.failed(ErrorKind::Corrupt, Wrong::Listed));
        }
        let Some(sha256) = sha256 else { return Ok(()) };
        let mut stream = fetcher.stream(&Wanted { name: key.clone(), headers: Vec::new() })?;
        let mut hash = Sha256::new();
        let (mut buffer, mut read) = (vec![0; 256 << 10], 0_u64);
        loop {
            let count = std::io::Read::read(&mut stream, &mut buffer)
                .map_err(|error| call.failed(ErrorKind::Transient, error))?;
            if count == 0 {
                break;
            }
            read += count as u64;
            hash.update(buffer.get(..count).unwrap_or_default());
        }
        match <[u8; 32]>::from(hash.finalize()) == *sha256 && read == *size {
            true => Ok(()),
            false => Err(call.failed(ErrorKind::Corrupt, Wrong::Content)),
        }
    }
}

/// How an object differs from what was written.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("the bucket does not list it as it was written; somebody else may have changed it meanwhile")]
    Listed,
    #[error("the bucket gives back other bytes than were written")]
    Content,
}
