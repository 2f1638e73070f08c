//! A file on its way into Google Drive: begun, sent, given up.

use std::io::Read;

use backstay_core::{Chunk, ErrorKind, FileId, NewFile, StorageError};
use backstay_net::google::{Call, File, Sent};
use bytes::Bytes;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::notes::{self, Begun, NOTED_SHA256, PARTS};
use super::{GoogleDrive, LARGEST_CHUNK, Trouble};
use crate::failure;

/// Bytes that a note may have: it tells of some 100,000 chunks.
const LONGEST_NOTE: u64 = 16 << 20;
/// So often Google may take nothing of a chunk before the call fails.
const MOST_STUCK: u32 = 3;

/// What is known of a file that was begun.
#[derive(Clone)]
pub(super) struct Upload {
    /// The id of its note.
    note: String,
    pub(super) begun: Begun,
    /// How many bytes have arrived, as far as that is known.
    at: Option<u64>,
}

/// How far a file is.
pub(super) enum Progress {
    /// So many bytes have arrived.
    Until(u64),
    /// All of it, and this became of it.
    Whole(Box<File>),
}

impl GoogleDrive {
    pub(super) fn begin_upload(&self, file: &NewFile, call: Call<'_>) -> Result<String, StorageError> {
        if file.chunks() > 1 && !file.chunk_size.is_multiple_of(self.unit) {
            return Err(call.failed(ErrorKind::Config, Trouble::Chunks(self.unit)));
        }
        let exists = || call.failed(ErrorKind::Exists, Trouble::Exists);
        if !self.copies(call, &file.name)?.is_empty() {
            return Err(exists());
        }
        let token = notes::token(&file.name);
        if let Some(upload) = self.noted(call, &token)? {
            if self.progress(call, &token, &upload)?.is_some() {
                return if upload.begun.is(file) { Ok(token) } else { Err(exists()) };
            }
            // Google has forgotten the upload.
            self.forget(call, &token)?;
        }
        let folder = self.place.folder(call, PARTS)?;
        let metadata = json!({
            "name": notes::part(&token), "parents": [folder], "mimeType": "application/octet-stream",
            "appProperties": {NOTED_SHA256: file.sha256.to_hex()},
        });
        let session = match file.size {
            0 => None,
            size => Some(self.place.drive.begin(call, &metadata, size)?),
        };
        let begun = Begun::new(file, session);
        let metadata =
            json!({"name": notes::begun(&token), "parents": [folder], "mimeType": "application/json"});
        let note = self.place.drive.upload(call, &metadata, &text(call, &begun)?)?;
        let notes = self.place.files(call, PARTS, &notes::begun(&token))?;
        if notes.first().is_none_or(|first| first.id == note.id) {
            self.known.lock().insert(token.clone(), Upload { note: note.id, begun, at: Some(0) });
            return Ok(token);
        }
        // Somebody else was quicker.
        if let Some(session) = &begun.session {
            self.place.drive.give_up(call, session)?;
        }
        self.removed(call, &note.id)?;
        let other = self.noted(call, &token)?;
        if other.is_some_and(|other| other.begun.is(file)) { Ok(token) } else { Err(exists()) }
    }

    /// What was begun under a token, as it is noted.
    pub(super) fn noted(&self, call: Call<'_>, token: &str) -> Result<Option<Upload>, StorageError> {
        failure::check(call.context, call.action, call.what)?;
        if !notes::is_token(token) {
            return Ok(None);
        }
        let files = self.place.files(call, PARTS, &notes::begun(token))?;
        let mut found = None;
        if let Some(file) = files.into_iter().next() {
            let mut text = Vec::new();
            self.place.drive.read(call, &file.id, LONGEST_NOTE, &mut text)?;
            let begun = serde_json::from_slice(&text).ok();
            found = begun.map(|begun| Upload { note: file.id, begun, at: None });
        }
        let mut known = self.known.lock();
        match &found {
            Some(upload) => known.insert(token.to_owned(), upload.clone()),
            None => known.remove(token),
        };
        Ok(found)
    }

    /// What was begun under a token.
    fn upload(&self, call: Call<'_>, token: &str) -> Result<Upload, StorageError> {
        failure::check(call.context, call.action, call.what)?;
        let known = self.known.lock().get(token).cloned();
        match known {
            Some(upload) => Ok(upload),
            None => self.noted(call, token)?.ok_or_else(|| unknown(call)),
        }
    }

    /// How far a file is; none when Google has forgotten the upload.
    pub(super) fn progress(
        &self,
        call: Call<'_>,
        token: &str,
        upload: &Upload,
    ) -> Result<Option<Progress>, StorageError> {
        let Some(session) = &upload.begun.session else { return Ok(Some(Progress::Until(0))) };
        Ok(match self.place.drive.sent(call, session, upload.begun.size())? {
            Sent::Until(at) => Some(Progress::Until(at)),
            Sent::Whole(file) => Some(Progress::Whole(file)),
            Sent::Gone => {
                // It may have become a file before.
                let part = self.place.files(call, PARTS, &notes::part(token))?;
                part.into_iter().next().map(|file| Progress::Whole(Box::new(file)))
            }
        })
    }

    /// The same for a token, with what was begun.
    pub(super) fn state(
        &self,
        call: Call<'_>,
        token: &str,
    ) -> Result<(Upload, Option<Progress>), StorageError> {
        let upload = self.upload(call, token)?;
        let progress = self.progress(call, token, &upload)?;
        Ok((upload, progress))
    }

    pub(super) fn chunks_there(
        &self,
        file: &NewFile,
        token: &str,
        call: Call<'_>,
    ) -> Result<Vec<Chunk>, StorageError> {
        // Others may have gone on with it, so that what is remembered is not all.
        let upload = self.noted(call, token)?.ok_or_else(|| unknown(call))?;
        let there = match self.progress(call, token, &upload)? {
            Some(Progress::Until(at)) => at,
            Some(Progress::Whole(_)) => upload.begun.size(),
            None => return Err(self.lost(call, token)),
        };
        let chunks = upload.begun.chunks().filter_map(|(index, sha256)| {
            let (offset, size) = file.place(index).filter(|(offset, size)| offset + size <= there)?;
            Some(Chunk { index, offset, size, sha256 })
        });
        Ok(chunks.collect())
    }

    pub(super) fn send_chunk(
        &self,
        file: &NewFile,
        token: &str,
        chunk: &Chunk,
        content: &mut dyn Read,
        call: Call<'_>,
    ) -> Result<(), StorageError> {
        let mut upload = self.upload(call, token)?;
        if file.place(chunk.index) != Some((chunk.offset, chunk.size)) || chunk.size > LARGEST_CHUNK {
            return Err(call.failed(ErrorKind::Corrupt, Trouble::Place));
        }
        // Whole, before any of it is sent: what has arrived stays.
        let bytes = whole(call, chunk, content)?;
        let Some(session) = upload.begun.session.clone() else { return Err(unknown(call)) };
        let (end, mut stuck) = (chunk.offset + chunk.size, 0);
        let mut at = match upload.at.filter(|at| *at <= chunk.offset) {
            Some(at) => at,
            None => self.arrived(call, token, &upload)?,
        };
        if at < chunk.offset {
            // Google may have lost what it had: who begins again is told what is there.
            self.known.lock().remove(token);
            return Err(call.failed(ErrorKind::NotFound, Trouble::Early));
        }
        if at >= end {
            return match upload.begun.chunk(chunk.index) {
                Some(there) if there == chunk.sha256 => Ok(()),
                Some(_) => {
                    self.drop_upload(call, token)?;
                    Err(call.failed(ErrorKind::NotFound, Trouble::Fixed))
                }
                // It arrived, and the sender was cut off before that was noted.
                None => self.note(call, token, upload, chunk, at),
            };
        }
        while at < end {
            let rest = usize::try_from(at.saturating_sub(chunk.offset)).unwrap_or(usize::MAX);
            let rest = bytes.slice(rest.min(bytes.len())..);
            let sent = self.place.drive.send(call, &session, (at, file.size), rest);
            let next = match sent {
                Ok(Sent::Until(next)) => next,
                Ok(Sent::Whole(_)) => file.size,
                Ok(Sent::Gone) => return Err(self.lost(call, token)),
                Err(error) => {
                    upload.at = None;
                    self.known.lock().insert(token.to_owned(), upload);
                    return Err(error);
                }
            };
            if next <= at {
                stuck += 1;
            }
            if stuck > MOST_STUCK || next < chunk.offset {
                self.known.lock().remove(token);
                return Err(call.failed(ErrorKind::Transient, Trouble::Stuck));
            }
            at = next;
        }
        self.note(call, token, upload, chunk, at)
    }

    /// How many bytes have arrived, asked of Google.
    fn arrived(&self, call: Call<'_>, token: &str, upload: &Upload) -> Result<u64, StorageError> {
        match self.progress(call, token, upload)? {
            Some(Progress::Until(at)) => Ok(at),
            Some(Progress::Whole(_)) => Ok(upload.begun.size()),
            None => Err(self.lost(call, token)),
        }
    }

    fn note(
        &self,
        call: Call<'_>,
        token: &str,
        mut upload: Upload,
        chunk: &Chunk,
        at: u64,
    ) -> Result<(), StorageError> {
        let mut begun = upload.begun.clone();
        begun.note(chunk.index, &chunk.sha256);
        upload.at = Some(at);
        self.known.lock().insert(token.to_owned(), upload.clone());
        match self.place.drive.replace(call, &upload.note, text(call, &begun)?) {
            Ok(_) => {
                upload.begun = begun;
                self.known.lock().insert(token.to_owned(), upload);
                Ok(())
            }
            Err(error) => {
                if error.kind == ErrorKind::NotFound {
                    self.known.lock().remove(token);
                }
                Err(error)
            }
        }
    }

    /// Google has forgotten an upload: so do we.
    pub(super) fn lost(&self, call: Call<'_>, token: &str) -> StorageError {
        self.known.lock().remove(token);
        unknown(call)
    }

    /// Gives up what was begun under a token.
    pub(super) fn drop_upload(&self, call: Call<'_>, token: &str) -> Result<(), StorageError> {
        let Some(upload) = self.noted(call, token)? else { return Ok(()) };
        if let Some(session) = &upload.begun.session {
            self.place.drive.give_up(call, session)?;
        }
        self.forget(call, token)
    }

    /// Removes what is noted under a token, and what became of it but was not finished.
    pub(super) fn forget(&self, call: Call<'_>, token: &str) -> Result<(), StorageError> {
        self.known.lock().remove(token);
        // The note last, since without it nobody finds the others.
        for name in [notes::part(token), notes::begun(token)] {
            for file in self.place.files(call, PARTS, &name)? {
                self.removed(call, &file.id)?;
            }
        }
        Ok(())
    }

    /// Removes a file, which may be gone already.
    pub(super) fn removed(&self, call: Call<'_>, id: &str) -> Result<(), StorageError> {
        match self.place.drive.remove(call, id) {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

pub(super) fn unknown(call: Call<'_>) -> StorageError {
    call.failed(ErrorKind::NotFound, Trouble::Unknown)
}

fn text(call: Call<'_>, begun: &Begun) -> Result<Vec<u8>, StorageError> {
    serde_json::to_vec(begun).map_err(|error| call.failed(ErrorKind::Other, error))
}

/// All of a chunk, if it is what its hash says.
fn whole(call: Call<'_>, chunk: &Chunk, content: &mut dyn Read) -> Result<Bytes, StorageError> {
    let from_io = |error: std::io::Error| failure::from_io(call.action, call.what, error);
    let mut bytes = Vec::with_capacity(usize::try_from(chunk.size).unwrap_or(0));
    content.take(chunk.size).read_to_end(&mut bytes).map_err(from_io)?;
    if bytes.len() as u64 != chunk.size {
        return Err(from_io(std::io::ErrorKind::UnexpectedEof.into()));
    }
    if FileId(Sha256::digest(&bytes).into()) != chunk.sha256 {
        return Err(call.failed(ErrorKind::Corrupt, Trouble::Garbled));
    }
    Ok(bytes.into())
}
