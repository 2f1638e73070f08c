//! Content on its way from a service. What is cut, or stands still, goes on where it was.

use std::time::Duration;

use backstay_core::{CallContext, ErrorKind, StorageError};
use http::{StatusCode, header};
use reqwest::Response;

use super::fault;
use super::runtime::Background;

/// So many requests in a row may bring nothing before it is given up.
const MOST_FAILURES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// No wait that a service names is waited for longer here.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// An answer with other content than was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the answer of the service cannot be understood: it sends no range, or another one")]
struct AnotherRange;

/// Who waits for content, and how long.
pub struct Download<'a> {
    /// Where requests run.
    pub runtime: &'a Background,
    /// How long the service may be silent. However slow it is, it is not cut off while something comes.
    pub patience: Duration,
    /// How long the caller waits.
    pub context: CallContext<'a>,
    /// What is done, for errors.
    pub action: &'static str,
    /// On what, for errors.
    pub what: &'a dyn std::fmt::Display,
    /// How long the service asks to wait after a failure, where it says so.
    pub named_wait: fn(&StorageError) -> Duration,
}

/// Makes a request for the content, or for this range of it (`bytes=10-`), and gives the answer if it is a success.
pub type Request<'a> = &'a mut dyn FnMut(Option<&str>) -> Result<Response, StorageError>;

/// Takes a piece of content; tells whether more is wanted.
type Take<'a> = &'a mut dyn FnMut(&[u8]) -> bool;

impl Download<'_> {
    /// Replaces the content of `buffer` by all that there is, but reads no more than a little beyond `most` bytes.
    ///
    /// # Errors
    /// As the requests fail, and when nothing comes any more.
    pub fn whole(&self, most: u64, buffer: &mut Vec<u8>, request: Request<'_>) -> Result<(), StorageError> {
        buffer.clear();
        self.run(request, (0, None), &mut |piece| {
            buffer.extend_from_slice(piece);
            buffer.len() as u64 <= most
        })
    }

    /// Fills a buffer with what there is from `offset` on; tells how much of it there was.
    ///
    /// # Errors
    /// As the requests fail, and when nothing comes any more.
    pub fn fill(&self, offset: u64, buffer: &mut [u8], request: Request<'_>) -> Result<usize, StorageError> {
        let length = buffer.len();
        let Some(last) = offset.checked_add(length as u64).and_then(|end| end.checked_sub(1)) else {
            return Ok(0);
        };
        let mut rest = buffer;
        self.run(request, (offset, Some(last)), &mut |piece| {
            let count = piece.len().min(rest.len());
            let (head, tail) = std::mem::take(&mut rest).split_at_mut(count);
            head.iter_mut().zip(piece).for_each(|(to, from)| *to = *from);
            rest = tail;
            !rest.is_empty()
        })?;
        Ok(length - rest.len())
    }

    /// Hands content on until its end, or until no more is wanted. Once some of it is there, what fails in passing is asked for from
    /// there on: over a bad connection, a long piece might never come in one.
    fn run(
        &self,
        request: Request<'_>,
        (first, last): (u64, Option<u64>),
        take: Take<'_>,
    ) -> Result<(), StorageError> {
        let (mut done, mut failures, mut length) = (0_u64, 0, None);
        loop {
            let (before, from) = (done, first.saturating_add(done));
            let range = match last {
                Some(last) => Some(format!("bytes={from}-{last}")),
                None => (from > 0).then(|| format!("bytes={from}-")),
            };
            let outcome = request(range.as_deref()).and_then(|response| {
                if before == 0 {
                    length = response.content_length();
                }
                self.pass(response, from, &mut |piece| {
                    done += piece.len() as u64;
                    take(piece)
                })
            });
            let error = match outcome {
                // All of it was there, but not the word that this was all.
                Err(error) if error.kind == ErrorKind::Corrupt && before > 0 && length.is_none() => {
                    return Ok(());
                }
                Err(error) if error.kind.is_transient() && done > 0 => error,
                ended => return ended,
            };
            failures = if done > before { 0 } else { failures + 1 };
            if failures >= MOST_FAILURES {
                return Err(error);
            }
            self.pause(failures, &error)?;
        }
    }

    /// Hands on what one answer brings.
    fn pass(&self, mut response: Response, first: u64, take: Take<'_>) -> Result<(), StorageError> {
        if first > 0 && !begins_at(&response, first) {
            return Err(StorageError::new(ErrorKind::Other, self.action, self.what, AnotherRange));
        }
        loop {
            let next = async {
                response.chunk().await.map_err(|error| fault::of_client(self.action, self.what, error))
            };
            match self.runtime.run(self.context, self.action, self.what, self.patience, next)? {
                Some(piece) if take(&piece) => {}
                _ => return Ok(()),
            }
        }
    }

    fn pause(&self, failures: u32, error: &StorageError) -> Result<(), StorageError> {
        let wait = (FIRST_PAUSE * 2_u32.saturating_pow(failures)).max((self.named_wait)(error));
        self.runtime.pause(self.context, self.action, self.what, wait.min(LONGEST_PAUSE))
    }
}

/// Whether an answer has content from that byte on. Who sends all of it does not know ranges.
fn begins_at(response: &Response, first: u64) -> bool {
    let told = response.headers().get(header::CONTENT_RANGE).and_then(|told| told.to_str().ok());
    response.status() == StatusCode::PARTIAL_CONTENT
        && told.is_none_or(|told| told.starts_with(&format!("bytes {first}-")))
}
