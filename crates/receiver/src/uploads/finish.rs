//! Making a file of an upload: checked as it lies on the disk, durable, under its name at once or not at all.

use std::io;
use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::store::{self, DATA};
use super::{Upload, full_name};
use crate::folder::{Entry, Folder};
use crate::names::Name;
use crate::problem::Problem;
use crate::receiver::Inner;
use crate::text;

/// What is noted of a file that became whole here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sum {
    pub(crate) folder: String,
    pub(crate) name: String,
    size: u64,
    modified: Timestamp,
    sha256: String,
    /// The upload that it was.
    upload: String,
}

impl Inner {
    /// Finishes an upload that has all its bytes. Fine if it is finished.
    pub(crate) fn finish_upload(&self, upload: &Upload) -> Result<(), Problem> {
        let record = &upload.record;
        let Some(name) = &record.name else {
            return Err(Problem::forbidden(
                "a part gets no name; put parts together with `Upload-Concat: final`",
            ));
        };
        let mut state = upload.state();
        if state.finished.is_some() {
            return Ok(());
        }
        if state.offset != record.length {
            let text = format!("{} of {} bytes are there", state.offset, record.length);
            return Err(Problem::conflict(text).number("upload-offset", state.offset));
        }
        if upload.refused.load(Ordering::Relaxed) {
            return Err(not_as_announced());
        }
        let failed = |error: io::Error| Problem::io("finish the upload", &error);
        let folder = self.upload_folder(upload).map_err(failed)?;
        let data = folder.update(DATA).map_err(failed)?;
        data.set_len(record.length).map_err(failed)?;
        let sha256 = text::hex(&upload.whole_hash(&data).map_err(failed)?);
        if record.sha256.as_ref().is_some_and(|expected| *expected != sha256) {
            upload.refused.store(true, Ordering::Relaxed);
            tracing::warn!(
                client = record.client,
                name,
                upload = upload.id,
                "a file is not what was announced"
            );
            return Err(not_as_announced());
        }
        data.sync_all().map_err(failed)?;
        let modified = data.metadata().and_then(|meta| meta.modified()).map_err(failed)?;
        let sum = Sum {
            folder: record.folder.clone(),
            name: name.clone(),
            size: record.length,
            modified: Timestamp::try_from(modified).unwrap_or(Timestamp::UNIX_EPOCH),
            sha256: sha256.clone(),
            upload: upload.id.clone(),
        };
        let parsed = Name::parse(name)?;
        if self.has_archive(&record.folder, &parsed)? {
            return Err(Problem::exists("a file of that name"));
        }
        // Before the name: a process that ends in between finds out by this what became of the upload.
        store::put(&self.sums, &sum_name(&sum.folder, name), &sum).map_err(failed)?;
        self.give_name(&folder, &record.folder, &parsed)?;
        state.finished = Some(sha256);
        self.put_state(upload, state).map_err(failed)?;
        self.release_name(upload);
        tracing::info!(client = record.client, name, bytes = record.length, "a file is whole");
        Ok(())
    }

    /// Gives the data of an upload the name of its file, durably and never over another.
    fn give_name(&self, from: &Folder, client_folder: &str, name: &Name) -> Result<(), Problem> {
        let failed = |error: io::Error| Problem::io("finish the upload", &error);
        let mut tries = 0;
        loop {
            let (folders, file) = name.split();
            let target = self.archives.make_walk(client_folder.split('/').chain(folders)).map_err(failed)?;
            if target.has(file).map_err(failed)? {
                return Err(Problem::exists("a file of that name"));
            }
            match from.publish(DATA, &target, file) {
                Ok(()) => return Ok(()),
                // The folder was empty, and went with the last file that was removed from it.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 3 => tries += 1,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(Problem::exists("a file of that name"));
                }
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                    let text = "the receiver's folders lie on different file systems";
                    return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text)
                        .hint("keep `archives`, `repo` and `.receiver` on one file system"));
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// The SHA-256 of a file, where it became whole here and was not touched since.
    pub(crate) fn sum_of(&self, folder: &str, name: &str, entry: &Entry) -> Option<String> {
        let sum = self.sum(folder, name)?;
        (sum.size == entry.size && sum.modified == entry.modified).then_some(sum.sha256)
    }

    /// The SHA-256 of the file that an upload became.
    pub(super) fn sum_of_upload(&self, folder: &str, name: &str, id: &str) -> Option<String> {
        let sum = self.sum(folder, name)?;
        let there = self.has_archive_text(folder, name);
        (sum.upload == id && there).then_some(sum.sha256)
    }

    fn sum(&self, folder: &str, name: &str) -> Option<Sum> {
        let sum: Sum = store::get(&self.sums, &sum_name(folder, name)).ok()?;
        (sum.folder == folder && sum.name == name).then_some(sum)
    }

    /// Forgets the sum of a file that is gone.
    pub(crate) fn forget_sum(&self, folder: &str, name: &str) {
        // One that stays is found out by upkeep.
        let _ = self.sums.remove(&sum_name(folder, name));
    }

    /// Forgets the sums of files that are gone.
    pub(crate) fn forget_old_sums(&self) -> io::Result<()> {
        for entry in self.sums.entries()? {
            let Ok(sum) = store::get::<Sum>(&self.sums, &entry.name) else { continue };
            let running = self.uploads.known.lock().names.contains(&full_name(&sum.folder, &sum.name));
            if !running && !self.has_archive_text(&sum.folder, &sum.name) {
                self.sums.remove(&entry.name)?;
            }
        }
        Ok(())
    }

    /// Whether a client's folder has a file of this name.
    pub(crate) fn has_archive(&self, folder: &str, name: &Name) -> Result<bool, Problem> {
        let (folders, file) = name.split();
        match self.archives.walk(folder.split('/').chain(folders)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Problem::io("look for the file", &error)),
            Ok(folder) => folder.has(file).map_err(|error| Problem::io("look for the file", &error)),
        }
    }

    /// Opens a file of a client's folder to read.
    pub(crate) fn open_archive(&self, folder: &str, name: &str) -> Result<std::fs::File, Problem> {
        let name = Name::parse(name)?;
        let (folders, file) = name.split();
        let opened =
            self.archives.walk(folder.split('/').chain(folders)).and_then(|folder| folder.read(file));
        opened.map_err(|error| Problem::io("read the file", &error))
    }

    fn has_archive_text(&self, folder: &str, name: &str) -> bool {
        Name::parse(name).is_ok_and(|name| self.has_archive(folder, &name).unwrap_or(true))
    }
}

fn not_as_announced() -> Problem {
    Problem::checksum("the whole file is not what its SHA-256 says").hint(
        "compare the hashes of its ranges, and replace those that differ; or end this upload and begin again",
    )
}

/// The name of the note on a file: names of files may be too long for a file name of their own.
fn sum_name(folder: &str, name: &str) -> String {
    text::hex(&Sha256::digest(full_name(folder, name)))
}
