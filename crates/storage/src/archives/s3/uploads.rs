//! A file on its way into a bucket: begun, sent in parts, put together, given up.

use std::io::Read;
use std::sync::atomic::Ordering;
use std::time::Duration;

use backstay_core::{Chunk, ErrorKind, FileId, NewFile, StorageError, StoredFile};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use sha2::{Digest, Sha256};

use super::answers::{self, Initiated, Part, Parts};
use super::client::{Answer, Ask, Call};
use super::notes::{self, Begun};
use super::{LONGEST_KEY, META_SHA256, MOST_PARTS, S3, Trouble, stored};
use crate::archives::names;
use crate::failure;

/// What putting a file together takes at the slowest: services copy or only note it.
const PUT_TOGETHER_BYTES_PER_SECOND: u64 = 50 << 20;
/// The media type of archives.
const KIND: &str = "application/octet-stream";

/// What came of an attempt to write a small object.
enum Written {
    Now,
    /// There is one already.
    Before,
}

impl S3 {
    pub(super) fn begin_upload(&self, file: &NewFile, call: Call<'_>) -> Result<String, StorageError> {
        names::check(call.action, &file.name)?;
        if self.client.prefix.len() + file.name.len() > LONGEST_KEY {
            return Err(call.failed(ErrorKind::Config, Trouble::LongKey));
        }
        // The last part may be small, so that the only one may.
        let fits =
            self.parts.contains(&file.chunk_size) || (file.size <= *self.parts.end() && file.chunks() <= 1);
        if !fits || file.chunks() > MOST_PARTS {
            return Err(call.failed(ErrorKind::Config, Trouble::Chunks(self.parts.clone())));
        }
        let exists = || call.failed(ErrorKind::Exists, Trouble::Exists);
        if self.head(call, &file.name)?.is_some() {
            return Err(exists());
        }
        let token = notes::token(&file.name);
        if let Some(begun) = self.note(call, &token)? {
            if self.parts(call, &begun, 1)?.is_some() {
                return if begun.is(file) { Ok(token) } else { Err(exists()) };
            }
            // The bucket's rules, or somebody, have ended the upload.
            self.forget(call, &token)?;
        }
        let begun = self.create(call, file)?;
        let text = serde_json::to_vec(&begun);
        let text =
            text.map_err(|error| StorageError::new(ErrorKind::Other, call.action, call.what, error))?;
        match self.write_new(call, &notes::begun(&token), text)? {
            Written::Now => Ok(token),
            Written::Before => {
                // Somebody else was quicker.
                self.abort(call, &begun)?;
                let other = self.note(call, &token)?;
                if other.is_some_and(|other| other.is(file)) { Ok(token) } else { Err(exists()) }
            }
        }
    }

    /// Begins an upload at the service.
    fn create(&self, call: Call<'_>, file: &NewFile) -> Result<Begun, StorageError> {
        let sha256 = file.sha256.to_hex();
        loop {
            let checksums = self.checksums.load(Ordering::Relaxed);
            let ask = Ask::of(Method::POST, &file.name)
                .query("uploads", "")
                .header("content-type", KIND)
                .header(META_SHA256, &sha256);
            let ask = if checksums { ask.header("x-amz-checksum-algorithm", "SHA256") } else { ask };
            let answer = self.client.answer(call, ask)?;
            if checksums && (answer.is_not_implemented() || answer.status == StatusCode::BAD_REQUEST) {
                self.checksums.store(false, Ordering::Relaxed);
                continue;
            }
            if !answer.status.is_success() {
                return Err(answer.refusal(call));
            }
            let Initiated { upload_id } = call.read(&answer, "the id of an upload")?;
            return Ok(Begun::new(file, upload_id, checksums));
        }
    }

    /// What was begun under a token, as it was last noted.
    fn note(&self, call: Call<'_>, token: &str) -> Result<Option<Begun>, StorageError> {
        let answer = self.client.answer(call, Ask::of(Method::GET, &notes::begun(token)))?;
        let begun = match answer.status {
            status if status.is_success() => serde_json::from_str::<Begun>(&answer.text).ok(),
            StatusCode::NOT_FOUND if answer.code() != "NoSuchBucket" => None,
            _ => return Err(answer.refusal(call)),
        };
        let mut known = self.known.lock();
        match &begun {
            Some(begun) => known.insert(token.to_owned(), begun.clone()),
            None => known.remove(token),
        };
        Ok(begun)
    }

    /// What was begun under a token.
    fn begun(&self, call: Call<'_>, token: &str) -> Result<Begun, StorageError> {
        let unknown = || call.failed(ErrorKind::NotFound, Trouble::Unknown);
        failure::check(call.context, call.action, call.what)?;
        if !notes::is_token(token) {
            return Err(unknown());
        }
        let known = self.known.lock().get(token).cloned();
        match known {
            Some(begun) => Ok(begun),
            None => self.note(call, token)?.ok_or_else(unknown),
        }
    }

    /// The parts that lie there, in their order; none when the service does not know the upload any more.
    fn parts(&self, call: Call<'_>, begun: &Begun, most: u64) -> Result<Option<Vec<Part>>, StorageError> {
        let mut parts = Vec::new();
        let mut after = None::<String>;
        loop {
            let ask = Ask::of(Method::GET, &begun.name)
                .query("uploadId", &begun.upload)
                .query("max-parts", &most.min(1000).to_string());
            let ask = match &after {
                Some(marker) => ask.query("part-number-marker", marker),
                None => ask,
            };
            let answer = self.client.answer(call, ask)?;
            if answer.is_unknown_upload() {
                return Ok(None);
            }
            if !answer.status.is_success() {
                return Err(answer.refusal(call));
            }
            let page: Parts = call.read(&answer, "a list of parts")?;
            let marker = page.next_part_number_marker.filter(|marker| Some(marker) != after.as_ref());
            parts.extend(page.parts);
            match marker {
                Some(marker) if page.is_truncated && (parts.len() as u64) < most => after = Some(marker),
                _ => break,
            }
        }
        parts.sort_by_key(|part| part.part_number);
        parts.dedup_by_key(|part| part.part_number);
        Ok(Some(parts))
    }

    pub(super) fn chunks_there(
        &self,
        file: &NewFile,
        token: &str,
        call: Call<'_>,
    ) -> Result<Vec<Chunk>, StorageError> {
        let begun = self.begun(call, token)?;
        let parts = self.parts(call, &begun, MOST_PARTS)?;
        let parts = parts.ok_or_else(|| self.lost(call, token))?;
        let mut names = Vec::new();
        if parts.iter().any(|part| part.sha256.is_none()) {
            self.objects(call, &notes::folder(token), &mut |note| {
                names.push(note.name);
                Ok(())
            })?;
        }
        let chunks = parts.iter().filter_map(|part| {
            let index = part.part_number.checked_sub(1)?;
            let (offset, size) = file.place(index).filter(|(_, size)| *size == part.size)?;
            let sha256 = match &part.sha256 {
                Some(text) => FileId(STANDARD.decode(text).ok()?.try_into().ok()?),
                None => notes::noted(&names, token, index, &part.etag)?,
            };
            Some(Chunk { index, offset, size, sha256 })
        });
        Ok(chunks.collect())
    }

    /// The service has forgotten an upload: so do we.
    fn lost(&self, call: Call<'_>, token: &str) -> StorageError {
        self.known.lock().remove(token);
        call.failed(ErrorKind::NotFound, Trouble::Unknown)
    }

    pub(super) fn send_part(
        &self,
        file: &NewFile,
        token: &str,
        chunk: &Chunk,
        content: &mut dyn Read,
        call: Call<'_>,
    ) -> Result<(), StorageError> {
        let begun = self.begun(call, token)?;
        if file.place(chunk.index) != Some((chunk.offset, chunk.size)) {
            return Err(call.failed(ErrorKind::Corrupt, Trouble::Place));
        }
        let ask = Ask::of(Method::PUT, &begun.name)
            .query("partNumber", &(chunk.index + 1).to_string())
            .query("uploadId", &begun.upload);
        let sum = STANDARD.encode(chunk.sha256.0);
        let ask = if begun.checksums { ask.header("x-amz-checksum-sha256", &sum) } else { ask };
        let answer = self.client.send(call, ask, (chunk.size, chunk.sha256), content)?;
        if answer.is_unknown_upload() {
            return Err(self.lost(call, token));
        }
        if !answer.status.is_success() {
            let error = answer.refusal(call);
            // The signature is made with the content's hash; the same key was right when the upload was begun.
            let is_content = answer.code() == "SignatureDoesNotMatch";
            return Err(if is_content { StorageError { kind: ErrorKind::Corrupt, ..error } } else { error });
        }
        match (answer.header("x-amz-checksum-sha256"), answer.header("etag")) {
            // It keeps it, and tells it when it is asked for the parts.
            (Some(told), _) if told == sum => Ok(()),
            (_, Some(etag)) => {
                let note = notes::part(token, chunk.index, etag, &chunk.sha256);
                self.client.success(call, Ask::of(Method::PUT, &note)).map(drop)
            }
            // It is sent again when the transfer is taken up.
            (_, None) => Ok(()),
        }
    }

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
            self.put_together(call, &begun, file, &parts)?
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
        let text = answers::complete(parts);
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
            if answer.status.is_success() && !answer.text.contains("<Error>") {
                return Ok(Written::Now);
            }
            let error = answer.refusal(call);
            // An answer that was lost may have been a success.
            let is_over = error.kind == ErrorKind::Exists || answer.is_unknown_upload();
            return if is_over { Ok(Written::Before) } else { Err(error) };
        }
    }

    /// Writes the file that has no content.
    fn write_empty(&self, call: Call<'_>, file: &NewFile) -> Result<Written, StorageError> {
        let sha256 = file.sha256.to_hex();
        self.write_with(call, &file.name, Vec::new(), &|ask| {
            ask.header(META_SHA256, &sha256).header("content-type", KIND)
        })
    }

    fn write_new(&self, call: Call<'_>, name: &str, content: Vec<u8>) -> Result<Written, StorageError> {
        self.write_with(call, name, content, &|ask| ask.header("content-type", "application/json"))
    }

    /// Writes a small object, unless there is one of that name.
    fn write_with(
        &self,
        call: Call<'_>,
        name: &str,
        content: Vec<u8>,
        arrange: &dyn for<'a> Fn(Ask<'a>) -> Ask<'a>,
    ) -> Result<Written, StorageError> {
        loop {
            let conditional = self.conditional.load(Ordering::Relaxed);
            if !conditional && self.head(call, name)?.is_some() {
                return Ok(Written::Before);
            }
            let ask = arrange(Ask::of(Method::PUT, name)).body(content.clone());
            let ask = if conditional { ask.header("if-none-match", "*") } else { ask };
            let answer = self.client.answer(call, ask)?;
            if conditional && answer.is_not_implemented() {
                self.conditional.store(false, Ordering::Relaxed);
            } else if answer.status.is_success() {
                return Ok(Written::Now);
            } else {
                let error = answer.refusal(call);
                return if error.kind == ErrorKind::Exists { Ok(Written::Before) } else { Err(error) };
            }
        }
    }

    /// The file, if it is there with this content.
    fn finished_before(&self, file: &NewFile, call: Call<'_>) -> Result<Option<StoredFile>, StorageError> {
        match self.head(call, &file.name)?.filter(|head| is_it(head, file)) {
            Some(head) => stored(call, &file.name, &head).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn give_up(&self, token: &str, call: Call<'_>) -> Result<(), StorageError> {
        failure::check(call.context, call.action, call.what)?;
        if !notes::is_token(token) {
            return Ok(());
        }
        if let Some(begun) = self.note(call, token)? {
            self.abort(call, &begun)?;
        }
        self.forget(call, token)
    }

    /// Has the service throw an upload away. Fine if it does not know it.
    fn abort(&self, call: Call<'_>, begun: &Begun) -> Result<(), StorageError> {
        let ask = Ask::of(Method::DELETE, &begun.name).query("uploadId", &begun.upload);
        let answer = self.client.answer(call, ask)?;
        if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        Err(answer.refusal(call))
    }

    /// Removes what is noted under a token.
    fn forget(&self, call: Call<'_>, token: &str) -> Result<(), StorageError> {
        let mut names = Vec::new();
        self.objects(call, &notes::folder(token), &mut |note| {
            names.push(note.name);
            Ok(())
        })?;
        let begun = notes::begun(token);
        names.retain(|name| *name != begun);
        // Last, since without it nobody finds the others.
        names.push(begun);
        for name in &names {
            self.client.success(call, Ask::of(Method::DELETE, name))?;
        }
        self.known.lock().remove(token);
        Ok(())
    }
}

impl Answer {
    fn is_unknown_upload(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && !matches!(self.code().as_str(), "NoSuchBucket")
    }
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
