//! Giving a file that arrived its name.

use backstay_core::{ErrorKind, FileId, NewFile, StorageError, StoredFile};
use backstay_net::google::{Call, File};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::notes::{self, NOTED_SHA256, PARTS};
use super::uploads::Progress;
use super::{GoogleDrive, Trouble, stored};
use crate::gdrive::place::split;

/// Bytes that are read back at once.
const PIECE: u64 = 8 << 20;

impl GoogleDrive {
    pub(super) fn complete(
        &self,
        file: &NewFile,
        token: &str,
        call: Call<'_>,
    ) -> Result<StoredFile, StorageError> {
        let state = match self.state(call, token) {
            Err(error) if error.kind == ErrorKind::NotFound => {
                return self.finished_before(file, call)?.ok_or(error);
            }
            state => state?,
        };
        let part = match state {
            (upload, Some(Progress::Until(_))) if upload.begun.size() == 0 && file.size == 0 => {
                self.empty(call, file, token)?
            }
            (_, Some(Progress::Until(there))) => {
                return Err(call.failed(ErrorKind::Corrupt, Trouble::Missing(there, file.size)));
            }
            (_, Some(Progress::Whole(part))) => *part,
            (_, None) => {
                let stored = self.finished_before(file, call)?.ok_or_else(|| self.lost(call, token))?;
                self.forget(call, token)?;
                return Ok(stored);
            }
        };
        // What an upload tells of the file may be what it was when it arrived.
        let part = self.place.drive.get(call, &part.id)?;
        if !self.is_content_of(call, &part, file)? {
            return Err(call.failed(ErrorKind::Corrupt, Trouble::Garbled));
        }
        let done = self.move_to_its_place(call, file, part)?;
        self.forget(call, token)?;
        stored(call, &file.name, &done)
    }

    /// Gives a whole file its name, unless there is one of that name.
    fn move_to_its_place(&self, call: Call<'_>, file: &NewFile, part: File) -> Result<File, StorageError> {
        let (folder, name) = split(&file.name);
        let exists = || call.failed(ErrorKind::Exists, Trouble::Exists);
        match self.copies(call, &file.name)?.into_iter().next() {
            // Moved before, and the answer was lost.
            Some(there) if there.id == part.id => return Ok(there),
            Some(there) => {
                return if is_noted_as(&there, file) { Ok(there) } else { Err(exists()) };
            }
            None => {}
        }
        let to = self.place.folder(call, folder)?;
        let from = part.parents.first().ok_or_else(|| call.strange("a file in no folder"))?;
        let moved = self.place.drive.change(call, &part.id, &json!({"name": name}), (from, &to))?;
        match self.copies(call, &file.name)?.into_iter().next() {
            Some(first) if first.id != moved.id => {
                // Somebody was quicker.
                self.removed(call, &moved.id)?;
                if is_noted_as(&first, file) { Ok(first) } else { Err(exists()) }
            }
            _ => Ok(moved),
        }
    }

    /// Writes the file that has no content.
    fn empty(&self, call: Call<'_>, file: &NewFile, token: &str) -> Result<File, StorageError> {
        let folder = self.place.folder(call, PARTS)?;
        let metadata = json!({
            "name": notes::part(token), "parents": [folder], "mimeType": "application/octet-stream",
            "appProperties": {NOTED_SHA256: file.sha256.to_hex()},
        });
        self.place.drive.upload(call, &metadata, &[])
    }

    /// Whether a file has the content that it should have; where Google does not tell its hash, it is read back.
    fn is_content_of(&self, call: Call<'_>, part: &File, file: &NewFile) -> Result<bool, StorageError> {
        if part.size() != Some(file.size) {
            return Ok(false);
        }
        if let Some(sha256) = part.sha256() {
            return Ok(sha256 == file.sha256);
        }
        let (mut hash, mut at) = (Sha256::new(), 0);
        while at < file.size {
            let mut piece = vec![0; usize::try_from(PIECE.min(file.size - at)).unwrap_or(0)];
            let count = self.place.drive.read_at(call, &part.id, at, &mut piece)?;
            if count != piece.len() {
                return Ok(false);
            }
            hash.update(&piece);
            at += count as u64;
        }
        Ok(FileId(hash.finalize().into()) == file.sha256)
    }

    /// The file, if it is there with this content.
    fn finished_before(&self, file: &NewFile, call: Call<'_>) -> Result<Option<StoredFile>, StorageError> {
        match self.copies(call, &file.name)?.first().filter(|there| is_noted_as(there, file)) {
            Some(there) => stored(call, &file.name, there).map(Some),
            None => Ok(None),
        }
    }
}

/// Whether what lies there is this file, as far as Google or our own note tells.
fn is_noted_as(there: &File, file: &NewFile) -> bool {
    let noted = || FileId::from_hex(there.app_properties.get(NOTED_SHA256)?);
    there.size() == Some(file.size) && there.sha256().or_else(noted) == Some(file.sha256)
}
