//! Archives in a folder of this machine.
//!
//! ```text
//!  FOLDER/…                       whole files
//!  FOLDER/.backstay-parts/TOKEN/  what was begun: `file` (what it is to become), `data`, `chunks` (those that are whole)
//! ```
//!
//! A file gets its name by a rename that never overwrites, once it is whole and durable. The token is made of the name, so a file that
//! is begun again with the same content goes on where it was.

mod parts;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use backstay_core::{
    ArchiveStore, CallContext, Chunk, ErrorKind, NewFile, StorageError, StoredFile, Timestamp,
};

use super::names;
use crate::failure;
use crate::local::{Modes, read_exact_at, sync_folder};

const PARTS: &str = ".backstay-parts";

/// What is in the way.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("a file of this name exists already, or was begun with other content")]
    Exists,
    #[error("nothing was begun under this token, or it was given up")]
    Unknown,
    #[error("what arrived is not what was sent: its SHA-256 is another")]
    Garbled,
    #[error("the whole file is not what it should be: its SHA-256 is another")]
    NotIt,
    #[error("the content ends before the chunk does, or goes on after it")]
    Length,
    #[error("{0} bytes are needed and {1} are free")]
    Full(u64, u64),
    #[error("there is no such file")]
    NoSuchFile,
    #[error("it is no regular file")]
    NoFile,
}

/// Keeps archives in a folder.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The archives in this folder, which need not exist yet: see [`ArchiveStore::prepare`].
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, action: &'static str, name: &str) -> Result<PathBuf, StorageError> {
        names::check(action, name)?;
        Ok(self.root.join(name))
    }

    fn stored(&self, action: &'static str, name: &str) -> Result<StoredFile, StorageError> {
        let path = self.path(action, name)?;
        let meta = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StorageError::new(ErrorKind::NotFound, action, name, Trouble::NoSuchFile));
            }
            meta => meta.map_err(|error| failure::from_io(action, name, error))?,
        };
        if !meta.is_file() {
            return Err(StorageError::new(ErrorKind::NotFound, action, name, Trouble::NoFile));
        }
        Ok(stored(name.to_owned(), &meta))
    }

    fn list_below(
        &self,
        folder: &Path,
        prefix: &str,
        context: CallContext<'_>,
        each: &mut dyn FnMut(StoredFile),
    ) -> Result<(), StorageError> {
        let failed = |error: io::Error| failure::from_io("list", folder.display(), error);
        for entry in fs::read_dir(folder).map_err(failed)? {
            failure::check(context, "list", folder.display())?;
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            if names::check("list", &name).is_err() {
                continue;
            }
            let meta = match fs::symlink_metadata(entry.path()) {
                // Gone meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                meta => meta.map_err(failed)?,
            };
            if meta.is_dir() {
                self.list_below(&entry.path(), &name, context, each)?;
            } else if meta.is_file() {
                each(stored(name, &meta));
            }
        }
        Ok(())
    }
}

impl ArchiveStore for Folder {
    fn location(&self) -> String {
        self.root.display().to_string()
    }

    fn connections(&self) -> usize {
        2
    }

    fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError> {
        failure::check(context, "prepare", self.root.display())?;
        let modes = Modes::PRIVATE;
        let made = modes.make_all(&self.root).and_then(|()| modes.make(&self.root.join(PARTS)));
        made.and_then(|()| sync_folder(&self.root)).map_err(|error| {
            let kind = match failure::classify(&error) {
                // A parent that is no folder, or a name that is taken by a file.
                ErrorKind::NotFound | ErrorKind::Exists => ErrorKind::Config,
                kind => kind,
            };
            StorageError::new(kind, "prepare", self.root.display(), error)
        })
    }

    fn list(&self, context: CallContext<'_>, each: &mut dyn FnMut(StoredFile)) -> Result<(), StorageError> {
        failure::check(context, "list", self.root.display())?;
        if self.root.exists() { self.list_below(&self.root, "", context, each) } else { Ok(()) }
    }

    fn stat(&self, name: &str, context: CallContext<'_>) -> Result<StoredFile, StorageError> {
        failure::check(context, "stat", name)?;
        self.stored("stat", name)
    }

    fn read_at(
        &self,
        name: &str,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        failure::check(context, "read", name)?;
        self.stored("read", name)?;
        let opened = File::open(self.root.join(name));
        let opened = opened.map_err(|error| failure::from_io("read", name, error))?;
        read_exact_at(&opened, buffer, offset).map_err(|error| failure::from_io("read", name, error))
    }

    fn remove(&self, name: &str, context: CallContext<'_>) -> Result<(), StorageError> {
        failure::check(context, "remove", name)?;
        self.stored("remove", name)?;
        let path = self.root.join(name);
        let removed = fs::remove_file(&path);
        removed.map_err(|error| failure::from_io("remove", name, error))?;
        // Folders that are empty now go too; one that just got a file stays.
        let mut above = path.parent();
        while let Some(folder) = above.filter(|folder| *folder != self.root) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
            above = folder.parent();
        }
        let kept = above.unwrap_or(&self.root);
        sync_folder(kept).map_err(|error| failure::from_io("remove", name, error))
    }

    fn begin(&self, file: &NewFile, context: CallContext<'_>) -> Result<String, StorageError> {
        self.begin_part(file, context)
    }

    fn sent(
        &self,
        file: &NewFile,
        token: &str,
        context: CallContext<'_>,
    ) -> Result<Vec<Chunk>, StorageError> {
        self.chunks_there(file, token, context)
    }

    fn send(
        &self,
        file: &NewFile,
        token: &str,
        chunk: &Chunk,
        content: &mut (dyn Read + Send),
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        self.write_chunk(file, token, chunk, content, context)
    }

    fn finish(
        &self,
        file: &NewFile,
        token: &str,
        context: CallContext<'_>,
    ) -> Result<StoredFile, StorageError> {
        self.put_together(file, token, context)
    }

    fn abandon(&self, token: &str, context: CallContext<'_>) -> Result<(), StorageError> {
        failure::check(context, "abandon", token)?;
        match self.part("abandon", token) {
            Ok(folder) => {
                fs::remove_dir_all(folder).map_err(|error| failure::from_io("abandon", token, error))
            }
            Err(_) => Ok(()),
        }
    }
}

fn stored(name: String, meta: &fs::Metadata) -> StoredFile {
    let modified = meta.modified().ok();
    let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    StoredFile { name, size: meta.len(), modified: Timestamp::utc(seconds, since.subsec_nanos()) }
}
