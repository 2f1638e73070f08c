//! A file on its way into a bucket: begun, sent in parts, given up.

use std::io::Read;
use std::sync::atomic::Ordering;

use backstay_core::{Chunk, ErrorKind, FileId, NewFile, StorageError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};

use super::notes::{self, Begun};
use super::small::Written;
use super::{KIND, LONGEST_KEY, MD5_OF_NOTHING, META_SHA256, MOST_PARTS, S3, Trouble};
use crate::archives::names;
use crate::failure;
use backstay_net::s3::client::{Answer, Ask, Call};
use backstay_net::s3::multipart::{Initiated, Part, Parts};

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
            let ask = self.kept(ask);
            let ask = if checksums { ask.header("x-amz-checksum-algorithm", "SHA256") } else { ask };
            let answer = self.client.answer(call, ask)?;
            if checksums && (answer.is_not_implemented() || answer.status == StatusCode::BAD_REQUEST) {
                self.checksums.store(false, Ordering::Relaxed);
                continue;
            }
            if !answer.status.is_success() {
                let is_locked = self.settings.lock.is_some();
                return Err(if is_locked { answer.refusal_of_locked(call) } else { answer.refusal(call) });
            }
            let Initiated { upload_id } = call.read(&answer, "the id of an upload")?;
            return Ok(Begun::new(file, upload_id, checksums));
        }
    }

    /// The parts that lie there, in their order; none when the service does not know the upload any more. Some tell of a part that was sent
    /// again what it was before, too.
    pub(super) fn parts(
        &self,
        call: Call<'_>,
        begun: &Begun,
        most: u64,
    ) -> Result<Option<Vec<Part>>, StorageError> {
        let mut parts = Vec::new();
        let mut after = None::<String>;
        loop {
            let Some(page) = self.page_of_parts(call, begun, after.as_deref(), most.min(1000))? else {
                return Ok(None);
            };
            let marker = page.next_part_number_marker.filter(|marker| Some(marker) != after.as_ref());
            parts.extend(page.parts);
            match marker {
                Some(marker) if page.is_truncated && (parts.len() as u64) < most => after = Some(marker),
                _ => break,
            }
        }
        parts.sort_by_key(|part| part.part_number);
        parts.dedup_by(|a, b| (a.part_number, &a.etag) == (b.part_number, &b.etag));
        Ok(Some(parts))
    }

    fn page_of_parts(
        &self,
        call: Call<'_>,
        begun: &Begun,
        after: Option<&str>,
        most: u64,
    ) -> Result<Option<Parts>, StorageError> {
        let ask = Ask::of(Method::GET, &begun.name)
            .query("uploadId", &begun.upload)
            .query("max-parts", &most.to_string());
        let ask = match after {
            Some(marker) => ask.query("part-number-marker", marker),
            None => ask,
        };
        let answer = self.client.answer(call, ask)?;
        if is_unknown_upload(&answer) {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(answer.refusal(call));
        }
        call.read(&answer, "a list of parts").map(Some)
    }

    /// Whether the service tells the checksum of a part when it is asked for the parts. Some do not, though they keep it.
    fn lists_checksums(&self, call: Call<'_>, begun: &Begun, index: u64) -> Result<bool, StorageError> {
        if let Some(known) = self.lists_checksums.get() {
            return Ok(*known);
        }
        let page = self.page_of_parts(call, begun, Some(&index.to_string()), 1)?;
        let parts = page.map(|page| page.parts).unwrap_or_default();
        let is_told = parts.iter().any(|part| part.part_number == index + 1 && part.sha256.is_some());
        Ok(*self.lists_checksums.get_or_init(|| is_told))
    }

    /// Adds what is noted of parts to what the service tells of them, and leaves each part as it was sent last.
    pub(super) fn recall_checksums(
        &self,
        call: Call<'_>,
        token: &str,
        parts: &mut Vec<Part>,
    ) -> Result<(), StorageError> {
        if parts.iter().all(|part| part.sha256.is_some()) {
            return Ok(());
        }
        let names = self.names(call, &notes::folder(token))?;
        for part in parts.iter_mut().filter(|part| part.sha256.is_none()) {
            let index = part.part_number.checked_sub(1);
            let noted = index.and_then(|index| notes::noted(&names, token, index, &part.etag));
            part.sha256 = noted.map(|sha256| STANDARD.encode(sha256.0));
        }
        parts.sort_by_key(|part| (part.part_number, part.sha256.is_none()));
        parts.dedup_by_key(|part| part.part_number);
        Ok(())
    }

    /// Notes the checksum of a part, and forgets that of what it was before.
    fn note_part(&self, call: Call<'_>, token: &str, chunk: &Chunk, etag: &str) -> Result<(), StorageError> {
        let note = notes::part(token, chunk.index, etag, &chunk.sha256);
        let ask = Ask::of(Method::PUT, &note).header("content-md5", MD5_OF_NOTHING);
        self.client.success(call, ask.encrypted(self.settings.encryption.as_ref()))?;
        for earlier in self.names(call, &notes::of_part(token, chunk.index))? {
            if earlier != note {
                self.client.success(call, Ask::of(Method::DELETE, &earlier))?;
            }
        }
        Ok(())
    }

    /// The names of what begins so.
    pub(super) fn names(&self, call: Call<'_>, begin: &str) -> Result<Vec<String>, StorageError> {
        let mut names = Vec::new();
        self.objects(call, begin, &mut |object| {
            names.push(object.name);
            Ok(())
        })?;
        Ok(names)
    }

    pub(super) fn chunks_there(
        &self,
        file: &NewFile,
        token: &str,
        call: Call<'_>,
    ) -> Result<Vec<Chunk>, StorageError> {
        let begun = self.begun(call, token)?;
        let parts = self.parts(call, &begun, MOST_PARTS)?;
        let mut parts = parts.ok_or_else(|| self.lost(call, token))?;
        self.recall_checksums(call, token, &mut parts)?;
        let chunks = parts.iter().filter_map(|part| {
            let index = part.part_number.checked_sub(1)?;
            let (offset, size) = file.place(index).filter(|(_, size)| *size == part.size)?;
            let sha256 = FileId(STANDARD.decode(part.sha256.as_ref()?).ok()?.try_into().ok()?);
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
        if is_unknown_upload(&answer) {
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
            (Some(told), _) if told == sum && self.lists_checksums(call, &begun, chunk.index)? => Ok(()),
            (_, Some(etag)) => self.note_part(call, token, chunk, etag),
            // It is sent again when the transfer is taken up.
            (_, None) => Ok(()),
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
    pub(super) fn abort(&self, call: Call<'_>, begun: &Begun) -> Result<(), StorageError> {
        let ask = Ask::of(Method::DELETE, &begun.name).query("uploadId", &begun.upload);
        let answer = self.client.answer(call, ask)?;
        if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        Err(answer.refusal(call))
    }
}

/// Whether the service does not know the upload that was asked for.
pub(super) fn is_unknown_upload(answer: &Answer) -> bool {
    answer.status == StatusCode::NOT_FOUND && !matches!(answer.code().as_str(), "NoSuchBucket")
}
