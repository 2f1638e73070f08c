//! Putting a file together in a bucket from its parts.

use std::sync::atomic::Ordering;
use std::time::Duration;

use backstay_core::{ErrorKind, NewFile, StorageError, StoredFile};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use sha2::{Digest, Sha256};

use super::notes::Begun;
use super::small::Written;
use super::uploads::is_unknown_upload;
use super::{KIND, META_SHA256, MOST_PARTS, S3, Trouble, stored};
use backstay_net::s3::client::{Answer, Ask, Call};
use backstay_net::s3::multipart::{self, Part};
use backstay_net::s3::refusal::{Refusal, tells_error};

/// What putting a file together takes at the slowest: services copy or only note it.
const PUT_TOGETHER_BYTES_PER_SECOND: u64 = 50 << 20;

impl S3 {
    pub(super) fn complete(
        &self,
        file: &NewFile,
        token: &str,
        call: Call<'_>,
    ) -> Result<StoredFile, StorageError> {
        let unknown = || call.failed(ErrorKind::NotFound, Trouble::Unknown);
        let begun = match self.begun(call, token) {
            Err(error) if error.kind == ErrorKind::NotFound => {
                return self.finished_before(file, call)?.ok_or(error);
            }
            begun => begun?,
        };
        let Some(mut parts) = self.parts(call, &begun, MOST_PARTS)? else {
            self.known.lock().remove(token);
            let stored = self.finished_before(file, call)?.ok_or_else(unknown)?;
            self.forget(call, token)?;
            return Ok(stored);
        };
        if parts.iter().zip(parts.iter().skip(1)).any(|(one, next)| one.part_number == next.part_number) {
            self.recall_checksums(call, token, &mut parts)?;
        }
        parts.retain(|part| {
            part.part_number.checked_sub(1).and_then(|index| file.place(index)).map(|(_, size)| size)
                == Some(part.size)
        });
        if parts.len() as u64 != file.chunks() {
            let trouble = Trouble::Missing(parts.len() as u64, file.chunks());
            return Err(call.failed(ErrorKind::Corrupt, trouble));
        }
        let written = if parts.is_empty() {
            // An upload has at least one part.
            let written = self.write_empty(call, file)?;
            self.abort(call, &begun)?;
            written
        } else {
            match self.put_together(call, &begun, file, &parts) {
                // Who keeps the checksums of parts may want all of them again, also those that its list did not tell.
                Err(error) if is_invalid(&error) && parts.iter().any(|part| part.sha256.is_none()) => {
                    self.recall_checksums(call, token, &mut parts)?;
                    self.put_together(call, &begun, file, &parts)?
                }
                written => written?,
            }
        };
        let head = self.head(call, &file.name)?.ok_or_else(unknown)?;
        match written {
            Written::Before if !is_it(&head, file) => {
                return Err(call.failed(ErrorKind::Exists, Trouble::Exists));
            }
            _ if !is_composed_of(&head, file, &parts) => {
                return Err(call.failed(ErrorKind::Corrupt, Trouble::NotIt));
            }
            _ => {}
        }
        self.forget(call, token)?;
        stored(call, &file.name, &head)
    }

    /// Completes an upload. The file is there then, whole, and nothing was overwritten.
    fn put_together(
        &self,
        call: Call<'_>,
        begun: &Begun,
        file: &NewFile,
        parts: &[Part],
    ) -> Result<Written, StorageError> {
        let patience = Duration::from_secs(file.size / PUT_TOGETHER_BYTES_PER_SECOND);
        let text = multipart::complete(parts);
        loop {
            let conditional = self.conditional.load(Ordering::Relaxed);
            if !conditional && self.head(call, &begun.name)?.is_some() {
                return Ok(Written::Before);
            }
            let ask = Ask::of(Method::POST, &begun.name)
                .query("uploadId", &begun.upload)
                .header("content-type", "application/xml")
                .body(text.clone().into_bytes())
                .patience(patience);
            let ask = if conditional { ask.header("if-none-match", "*") } else { ask };
            let answer = self.client.answer(call, ask)?;
            if conditional && answer.is_not_implemented() {
                self.conditional.store(false, Ordering::Relaxed);
                continue;
            }
            if answer.status.is_success() && !tells_error(&answer.text) {
                return Ok(Written::Now);
            }
            let error = answer.refusal(call);
            // An answer that was lost may have been a success.
            let is_over = error.kind == ErrorKind::Exists || is_unknown_upload(&answer);
            return if is_over { Ok(Written::Before) } else { Err(error) };
        }
    }

    /// Writes the file that has no content.
    fn write_empty(&self, call: Call<'_>, file: &NewFile) -> Result<Written, StorageError> {
        let sha256 = file.sha256.to_hex();
        self.write_with(call, &file.name, Vec::new(), &|ask| {
            self.kept(ask.header(META_SHA256, &sha256).header("content-type", KIND))
        })
    }

    /// The file, if it is there with this content.
    fn finished_before(&self, file: &NewFile, call: Call<'_>) -> Result<Option<StoredFile>, StorageError> {
        match self.head(call, &file.name)?.filter(|head| is_it(head, file)) {
            Some(head) => stored(call, &file.name, &head).map(Some),
            None => Ok(None),
        }
    }
}

/// Whether the service says that something is wrong with a request.
fn is_invalid(error: &StorageError) -> bool {
    error.cause.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.code() == "InvalidRequest")
}

/// Whether what lies there is this file, as far as the service tells.
fn is_it(head: &Answer, file: &NewFile) -> bool {
    let size = head.header("content-length").and_then(|size| size.parse().ok());
    size == Some(file.size) && head.header(META_SHA256) == Some(file.sha256.to_hex().as_str())
}

/// Whether what lies there was put together from these parts: by its length, and by the hash of the parts' hashes where that is told.
fn is_composed_of(head: &Answer, file: &NewFile, parts: &[Part]) -> bool {
    let size = head.header("content-length").and_then(|size| size.parse().ok());
    let sums: Option<Vec<Vec<u8>>> =
        parts.iter().map(|part| STANDARD.decode(part.sha256.as_deref()?).ok()).collect();
    let told = head.header("x-amz-checksum-sha256").and_then(|sum| sum.split_once('-'));
    let same = match (sums, told) {
        (Some(sums), Some((told, count))) => {
            let sum = STANDARD.encode(Sha256::digest(sums.concat()));
            told == sum && count == parts.len().to_string()
        }
        _ => true,
    };
    size == Some(file.size) && same
}
