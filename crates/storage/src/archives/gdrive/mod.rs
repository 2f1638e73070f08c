//! Archives in a folder of Google Drive, by its resumable uploads.
//!
//! A file is one upload, to a folder that nobody looks into, and its chunks come in their order. When all of it is there it is compared with
//! its hash, as Google tells it or by reading it back, and moved to its folder under its name: nothing shows before. Google forgets
//! uploads after a week, and tells of one only how many bytes it has; so what was begun is noted beside, with the hash of each chunk. What
//! lies in an upload cannot be replaced: where other content is sent for a chunk, all of it has to be begun again.

mod finish;
mod notes;
mod uploads;

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::ops::RangeInclusive;
use std::sync::Arc;

use backstay_core::{ArchiveStore, CallContext, Chunk, ErrorKind, NewFile, StorageError, StoredFile};
use backstay_net::google::{Account, Call, File, UNIT};
use parking_lot::Mutex;

use self::uploads::Upload;
use super::names;
use crate::gdrive::place::{Place, split};
use crate::{Http, failure};

/// A chunk is held in memory while it is sent.
const LARGEST_CHUNK: u64 = 64 << 20;

/// What is in the way.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("there is no such file")]
    NoSuchFile,
    #[error("the file ends before byte {0}")]
    TooShort(u64),
    #[error("a file of this name is there, or was begun with other content")]
    Exists,
    #[error("nothing was begun under this token, or it was given up")]
    Unknown,
    #[error("{0} of its {1} bytes are there")]
    Missing(u64, u64),
    #[error("a chunk is in the wrong place")]
    Place,
    #[error("chunks have to be sent in their order, and this one comes too early")]
    Early,
    #[error("what lies there is another content, which cannot be replaced: it has to be begun again")]
    Fixed,
    #[error("the content is not what its hash says")]
    Garbled,
    #[error("nothing of it arrives")]
    Stuck,
    #[error("it goes in chunks of a multiple of {0} bytes")]
    Chunks(u64),
}

/// Keeps archives in a folder of Google Drive.
pub struct GoogleDrive {
    place: Place,
    unit: u64,
    /// What was begun, as far as it was asked for, by token.
    known: Mutex<HashMap<String, Upload>>,
}

impl std::fmt::Debug for GoogleDrive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GoogleDrive").field("location", &self.place.location()).finish_non_exhaustive()
    }
}

impl GoogleDrive {
    /// The archives in the folder at a path. No request is sent.
    ///
    /// # Errors
    /// When the path is not plain, or there is no HTTP client with these settings.
    pub fn new(path: &str, account: Arc<Account>, http: &Http) -> Result<Self, StorageError> {
        Ok(Self { place: Place::new(path, account, http)?, unit: UNIT, known: Mutex::default() })
    }

    /// The same at a service that takes chunks of a multiple of so many bytes, fewer than Google's 256 KiB.
    #[must_use]
    pub fn with_unit(self, bytes: u64) -> Self {
        Self { unit: bytes.clamp(1, UNIT), ..self }
    }

    /// The files of a name, the one that counts first.
    fn copies(&self, call: Call<'_>, name: &str) -> Result<Vec<File>, StorageError> {
        let (folder, name) = split(name);
        self.place.files(call, folder, name)
    }

    fn file(&self, call: Call<'_>, name: &str) -> Result<File, StorageError> {
        let first = self.copies(call, name)?.into_iter().next();
        first.ok_or_else(|| call.failed(ErrorKind::NotFound, Trouble::NoSuchFile))
    }
}

fn stored(call: Call<'_>, name: &str, file: &File) -> Result<StoredFile, StorageError> {
    match (file.size(), file.modified()) {
        (Some(size), Some(modified)) => Ok(StoredFile { name: name.to_owned(), size, modified }),
        _ => Err(call.strange("it tells no length or no time")),
    }
}

impl ArchiveStore for GoogleDrive {
    fn location(&self) -> String {
        self.place.location()
    }

    fn connections(&self) -> usize {
        1
    }

    fn chunk_sizes(&self) -> RangeInclusive<u64> {
        self.unit..=LARGEST_CHUNK
    }

    fn chunk_unit(&self) -> u64 {
        self.unit
    }

    fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError> {
        self.place.prepare(context)
    }

    fn list(&self, context: CallContext<'_>, each: &mut dyn FnMut(StoredFile)) -> Result<(), StorageError> {
        let location = self.place.location();
        let call = Call::new(context, "list", &location);
        // The folders of one depth after the other, each with what all names in it begin with.
        let mut folders: HashMap<String, String> =
            self.place.folders(call, "")?.into_iter().map(|id| (id, String::new())).collect();
        let (mut told, mut seen) = (HashSet::new(), HashSet::new());
        while !folders.is_empty() {
            let (ids, mut deeper) = (folders.keys().cloned().collect::<Vec<_>>(), HashMap::new());
            seen.extend(ids.iter().cloned());
            for file in self.place.children(call, &ids, "")? {
                let Some(begin) = file.parents.iter().find_map(|parent| folders.get(parent)) else {
                    continue;
                };
                let name = format!("{begin}{}", file.name);
                // Also what we note ourselves.
                if file.name.contains('/') || names::check("list", &name).is_err() {
                    continue;
                }
                if file.is_folder() {
                    if !seen.contains(&file.id) {
                        deeper.insert(file.id, format!("{name}/"));
                    }
                } else if told.insert(name.clone()) {
                    each(stored(call, &name, &file)?);
                }
            }
            folders = deeper;
        }
        Ok(())
    }

    fn stat(&self, name: &str, context: CallContext<'_>) -> Result<StoredFile, StorageError> {
        names::check("stat", name)?;
        let call = Call::new(context, "stat", &name);
        stored(call, name, &self.file(call, name)?)
    }

    fn read_at(
        &self,
        name: &str,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        names::check("read", name)?;
        let call = Call::new(context, "read", &name);
        let end = offset.saturating_add(buffer.len() as u64);
        let too_short = || call.failed(ErrorKind::Corrupt, Trouble::TooShort(end));
        let file = self.file(call, name)?;
        if file.size().is_some_and(|size| size < end) {
            return Err(too_short());
        }
        if buffer.is_empty() {
            return Ok(());
        }
        let length = buffer.len();
        match self.place.drive.read_at(call, &file.id, offset, buffer) {
            Ok(count) if count == length => Ok(()),
            Ok(_) => Err(too_short()),
            Err(error) if error.kind == ErrorKind::Corrupt => Err(too_short()),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, name: &str, context: CallContext<'_>) -> Result<(), StorageError> {
        names::check("remove", name)?;
        let call = Call::new(context, "remove", &name);
        let copies = self.copies(call, name)?;
        if copies.is_empty() {
            return Err(call.failed(ErrorKind::NotFound, Trouble::NoSuchFile));
        }
        // The one that counts goes last, so that none takes its place.
        for copy in copies.iter().rev() {
            self.removed(call, &copy.id)?;
        }
        Ok(())
    }

    fn begin(&self, file: &NewFile, context: CallContext<'_>) -> Result<String, StorageError> {
        names::check("begin", &file.name)?;
        self.begin_upload(file, Call::new(context, "begin", &file.name))
    }

    fn sent(
        &self,
        file: &NewFile,
        token: &str,
        context: CallContext<'_>,
    ) -> Result<Vec<Chunk>, StorageError> {
        self.chunks_there(file, token, Call::new(context, "resume", &file.name))
    }

    fn send(
        &self,
        file: &NewFile,
        token: &str,
        chunk: &Chunk,
        content: &mut (dyn Read + Send),
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        self.send_chunk(file, token, chunk, content, Call::new(context, "write", &file.name))
    }

    fn finish(
        &self,
        file: &NewFile,
        token: &str,
        context: CallContext<'_>,
    ) -> Result<StoredFile, StorageError> {
        self.complete(file, token, Call::new(context, "finish", &file.name))
    }

    fn abandon(&self, token: &str, context: CallContext<'_>) -> Result<(), StorageError> {
        failure::check(context, "abandon", "upload")?;
        self.drop_upload(Call::new(context, "abandon", &"upload"), token)
    }
}
