//! How the service differs from a healthy and quick one.

use std::collections::BTreeMap;
use std::time::Duration;

use s3s::{S3Error, S3ErrorCode};

/// How the service behaves from now on.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// How long each request takes beside what its content needs.
    pub latency: Duration,
    /// How fast content goes either way, on each connection.
    pub bytes_per_second: Option<u64>,
    /// Breaks off the content of answers.
    pub cut: Option<Cut>,
    /// Has the content of answers stand still there, and the connection stay.
    pub stall: Option<Cut>,
    /// Whether `If-Match` and `If-None-Match` are understood on writes.
    pub knows_conditions: bool,
    /// Whether checksums are taken, kept and told.
    pub knows_checksums: bool,
    /// Bytes that a part has at least which is not the last.
    pub least_part: usize,
    /// Entries in a page of a list, if fewer than were asked for.
    pub page: usize,
    /// How long it takes until an object of an archive class can be read, once that was asked for.
    pub thaw_time: Duration,
    /// Whether lists tell which cold objects were asked for, if they are asked to. Amazon's do.
    pub lists_restores: bool,
    /// Whether lists that are not encoded have U+FFFD for characters that XML cannot have, as those of services in Go do.
    pub mangles_keys: bool,
    /// Whether a locked object cannot even be hidden by a delete marker. Amazon hides it, and keeps its version.
    pub refuses_deletes_of_locked: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            bytes_per_second: None,
            cut: None,
            stall: None,
            knows_conditions: true,
            knows_checksums: true,
            least_part: 1,
            page: 1000,
            thaw_time: Duration::ZERO,
            lists_restores: true,
            mangles_keys: false,
            refuses_deletes_of_locked: false,
        }
    }
}

/// Answers to `GetObject` that end before all of them was sent.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// After so many bytes.
    pub after: usize,
    /// So many times.
    pub times: u32,
}

/// How an answer ends before all of it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The connection breaks.
    Broken,
    /// Nothing comes any more.
    Silent,
}

/// What a request asks for, for hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The operation by its name in the protocol, such as `GetObject`.
    pub operation: String,
    /// The bucket; empty where it is about none.
    pub bucket: String,
    /// The key; empty where it is about the bucket.
    pub key: String,
}

/// Requests that get an error.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) code: String,
    pub(super) operation: Option<String>,
    pub(super) times: u32,
}

/// What the service is told and what it tells.
#[derive(Debug, Default)]
pub(super) struct Control {
    pub(super) behaviour: Behaviour,
    pub(super) refused: Vec<Refused>,
    pub(super) counts: BTreeMap<String, u64>,
}

impl Control {
    /// The error that this request gets, if one.
    pub(super) fn refusal(&mut self, operation: &str) -> Option<S3Error> {
        let meant = |refused: &&mut Refused| {
            refused.times > 0 && refused.operation.as_ref().is_none_or(|only| only == operation)
        };
        let refused = self.refused.iter_mut().find(meant)?;
        refused.times -= 1;
        Some(error(&refused.code))
    }

    /// After how many of its bytes this answer ends, and how.
    pub(super) fn end(&mut self, length: usize) -> Option<(usize, End)> {
        let Behaviour { cut, stall, .. } = &mut self.behaviour;
        for (cut, end) in [(cut, End::Broken), (stall, End::Silent)] {
            if let Some(cut) = cut.as_mut().filter(|cut| cut.times > 0 && cut.after < length) {
                cut.times -= 1;
                return Some((cut.after, end));
            }
        }
        None
    }
}

/// The error of this code.
pub(super) fn error(code: &str) -> S3Error {
    let code: S3ErrorCode = match code.parse() {
        Ok(code) => code,
        Err(never) => match never {},
    };
    let mut error = S3Error::with_message(code, "a test wants it so");
    if error.status_code().is_none() {
        error.set_status_code(http::StatusCode::FORBIDDEN);
    }
    error
}
