//! Content on its way to Google Drive: small files in one request, others by sessions that go on where they were.

use std::time::Duration;

use backstay_core::{ErrorKind, FileId, StorageError};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::call::Answer;
use super::drive::{Ask, Drive};
use super::files::FIELDS;
use super::{Call, File};

/// What is sent to a session is a multiple of so many bytes, but for the end of a file.
pub const UNIT: u64 = 256 << 10;
/// Up to so many bytes a file is sent in one request along with its name.
const SMALL: usize = 5 << 20;
/// The media type of all that is sent.
const KIND: &str = "application/octet-stream";
/// What fails in passing is tried again so often in a row within one upload, since all of it would have to be sent again otherwise.
const MOST_FAILURES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// No wait that Google names is waited for longer within an upload.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// How far a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// So many bytes have arrived; the rest is missing.
    Until(u64),
    /// All of it has, and this became of it.
    Whole(Box<File>),
    /// Google does not know the session any more.
    Gone,
}

/// What went wrong with a session.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("Google has lost the upload")]
    Lost,
    #[error("nothing of it arrives")]
    Stuck,
    #[error("what arrived is not what was sent")]
    Garbled,
}

impl Drive {
    /// Writes a new file of this content, whatever else there is of its name; checks that it arrived as it is.
    ///
    /// # Errors
    /// As the service fails; [`ErrorKind::Corrupt`] when something else arrived, which is removed again then.
    pub fn upload(&self, call: Call<'_>, metadata: &Value, content: &[u8]) -> Result<File, StorageError> {
        let file = if content.len() <= SMALL {
            self.send_small(call, metadata, content)?
        } else {
            self.send_all(call, metadata, Bytes::copy_from_slice(content))?
        };
        let file = if file.size().is_some() { file } else { self.get(call, &file.id)? };
        let is_whole = file.size() == Some(content.len() as u64);
        let is_same = file.sha256().is_none_or(|found| found == FileId(Sha256::digest(content).into()));
        if is_whole && is_same {
            return Ok(file);
        }
        self.remove(call, &file.id)?;
        Err(call.failed(ErrorKind::Corrupt, Trouble::Garbled))
    }

    /// Replaces the content of a file.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none.
    pub fn replace(&self, call: Call<'_>, id: &str, content: Vec<u8>) -> Result<File, StorageError> {
        let url = format!("{}/files/{}", self.endpoints.upload, crate::text::encoded(id).replace('/', "%2F"));
        let ask = Ask::new(Method::PATCH, &url, &[("uploadType", "media"), ("fields", FIELDS)])
            .header("content-type", KIND)
            .body(content.into());
        self.answer(call, &ask)?.read(call, "a file")
    }

    fn send_small(&self, call: Call<'_>, metadata: &Value, content: &[u8]) -> Result<File, StorageError> {
        // No content holds its own hash.
        let boundary = FileId(Sha256::digest(content).into()).to_hex();
        let mut body = format!(
            "--{boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n{metadata}\r\n\
             --{boundary}\r\ncontent-type: {KIND}\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(content);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let url = format!("{}/files", self.endpoints.upload);
        let ask = Ask::new(Method::POST, &url, &[("uploadType", "multipart"), ("fields", FIELDS)])
            .header("content-type", format!("multipart/related; boundary={boundary}"))
            .body(body.into());
        self.answer(call, &ask)?.read(call, "a file")
    }

    fn send_all(&self, call: Call<'_>, metadata: &Value, content: Bytes) -> Result<File, StorageError> {
        let total = content.len() as u64;
        let session = self.begin(call, metadata, total)?;
        let (mut at, mut furthest, mut failures) = (0, 0, 0);
        loop {
            let rest = usize::try_from(at).unwrap_or(usize::MAX).min(content.len());
            let tried = match self.send(call, &session, (at, total), content.slice(rest..)) {
                Err(error) if error.kind.is_transient() && failures < MOST_FAILURES => {
                    self.pause(call, failures, &error)?;
                    failures += 1;
                    self.sent(call, &session, total)
                }
                other => other,
            };
            match tried {
                Ok(Sent::Whole(file)) => return Ok(*file),
                Ok(Sent::Until(there)) => {
                    failures = if there > furthest { 0 } else { failures + 1 };
                    (at, furthest) = (there, furthest.max(there));
                }
                Ok(Sent::Gone) => return Err(call.failed(ErrorKind::Transient, Trouble::Lost)),
                Err(error) if error.kind.is_transient() && failures < MOST_FAILURES => failures += 1,
                Err(error) => return Err(error),
            }
            if failures > MOST_FAILURES {
                return Err(call.failed(ErrorKind::Transient, Trouble::Stuck));
            }
        }
    }

    fn pause(&self, call: Call<'_>, failures: u32, error: &StorageError) -> Result<(), StorageError> {
        let named = super::refusal::named_wait(error).unwrap_or_default();
        let wait = (FIRST_PAUSE * 2_u32.saturating_pow(failures)).max(named).min(LONGEST_PAUSE);
        self.runtime.pause(call.context, call.action, call.what, wait)
    }

    /// Begins a session for a file of this length, which is not there before all of it is sent. Gives the address of the session: who
    /// knows it may send to it.
    ///
    /// # Errors
    /// As the service fails.
    pub fn begin(&self, call: Call<'_>, metadata: &Value, total: u64) -> Result<String, StorageError> {
        let url = format!("{}/files", self.endpoints.upload);
        let ask = Ask::new(Method::POST, &url, &[("uploadType", "resumable"), ("fields", FIELDS)])
            .header("x-upload-content-type", KIND)
            .header("x-upload-content-length", total.to_string())
            .json(metadata);
        let answer = self.answer(call, &ask)?;
        answer.checked(call)?;
        // What goes to the service encrypted is not sent on to anybody in the clear.
        let scheme = if self.endpoints.upload.starts_with("https:") { "https:" } else { "http" };
        let session = answer.header("location").filter(|url| url.starts_with(scheme));
        session.map(str::to_owned).ok_or_else(|| call.strange("it tells no address of an upload"))
    }

    /// Sends to a session what the file has from `at` on.
    ///
    /// # Errors
    /// As the service fails. Some of it may have arrived: ask [`Drive::sent`].
    pub fn send(
        &self,
        call: Call<'_>,
        session: &str,
        (at, total): (u64, u64),
        content: Bytes,
    ) -> Result<Sent, StorageError> {
        let Some(last) = (at + content.len() as u64).checked_sub(1).filter(|_| !content.is_empty()) else {
            return self.sent(call, session, total);
        };
        let ask = Ask::new(Method::PUT, session, &[])
            .header("content-range", format!("bytes {at}-{last}/{total}"))
            .body(content);
        progress(call, &self.answer(call, &ask)?)
    }

    /// How far a session is.
    ///
    /// # Errors
    /// As the service fails.
    pub fn sent(&self, call: Call<'_>, session: &str, total: u64) -> Result<Sent, StorageError> {
        let ask = Ask::new(Method::PUT, session, &[]).header("content-range", format!("bytes */{total}"));
        progress(call, &self.answer(call, &ask)?)
    }

    /// Gives a session up. Fine if it is not known.
    ///
    /// # Errors
    /// As the service fails.
    pub fn give_up(&self, call: Call<'_>, session: &str) -> Result<(), StorageError> {
        let answer = self.answer(call, &Ask::new(Method::DELETE, session, &[]))?;
        // Google says 499 to that: the client has closed the request. Whatever else it says no to ends by itself within a week.
        let may_pass = matches!(answer.status.as_u16(), 408 | 429);
        let is_fine = answer.status.is_success() || (answer.status.is_client_error() && !may_pass);
        if is_fine { Ok(()) } else { Err(answer.refused(call)) }
    }
}

/// What an answer of a session says.
fn progress(call: Call<'_>, answer: &Answer) -> Result<Sent, StorageError> {
    match answer.status {
        StatusCode::PERMANENT_REDIRECT => {
            let Some(range) = answer.header("range") else { return Ok(Sent::Until(0)) };
            let last = range.strip_prefix("bytes=0-").and_then(|last| last.parse::<u64>().ok());
            let last = last.ok_or_else(|| call.strange("what it has of an upload"))?;
            Ok(Sent::Until(last.saturating_add(1)))
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Sent::Gone),
        _ => answer.read(call, "a file").map(|file| Sent::Whole(Box::new(file))),
    }
}
