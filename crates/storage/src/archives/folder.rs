//! Archives in a folder of this machine.
//!
//! ```text
//!  FOLDER/…                       whole files
//!  FOLDER/.backstay-parts/TOKEN/  what was begun: `file` (what it is to become), `data`, `chunks` (those that are whole)
//! ```
//!
//! A file gets its name by a rename that never overwrites, once it is whole and durable. The token is made of the name, so a file that
//! is begun again with the same content goes on where it was.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use backstay_core::{
    ArchiveStore, CallContext, Chunk, ErrorKind, FileId, NewFile, StorageError, StoredFile, Timestamp,
};
use sha2::{Digest, Sha256};

use super::names;
use crate::failure;
use crate::local::{Modes, publish_loosely, read_exact_at, rename_without_overwriting, sync_folder};

const PARTS: &str = ".backstay-parts";
const FILE: &str = "file";
const DATA: &str = "data";
const CHUNKS: &str = "chunks";
const BLOCK: usize = 256 << 10;

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

    /// The folder of what was begun under a token.
    fn part(&self, action: &'static str, token: &str) -> Result<PathBuf, StorageError> {
        let is_token = token.len() == 64 && FileId::from_hex(token).is_some();
        let folder = self.root.join(PARTS).join(token);
        if is_token && folder.is_dir() { Ok(folder) } else { Err(unknown(action, token)) }
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

    fn is_there_whole(&self, file: &NewFile, context: CallContext<'_>) -> Result<bool, StorageError> {
        let found = match self.stored("finish", &file.name) {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(false),
            found => found?,
        };
        if found.size != file.size {
            return Ok(false);
        }
        let opened = File::open(self.root.join(&file.name));
        let opened = opened.map_err(|error| failure::from_io("finish", &file.name, error))?;
        Ok(hash("finish", &file.name, &opened, 0, file.size, context)? == file.sha256)
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
        failure::check(context, "begin", &file.name)?;
        let failed = |error: io::Error| failure::from_io("begin", &file.name, error);
        let exists = || StorageError::new(ErrorKind::Exists, "begin", &file.name, Trouble::Exists);
        let path = self.path("begin", &file.name)?;
        if fs::symlink_metadata(&path).is_ok() {
            return Err(exists());
        }
        let token = FileId(Sha256::digest(&file.name).into()).to_hex();
        let parts = self.root.join(PARTS);
        let folder = parts.join(&token);
        let said = said(file);
        if folder.is_dir() {
            let before = fs::read_to_string(folder.join(FILE)).map_err(failed)?;
            return if before == said { Ok(token) } else { Err(exists()) };
        }
        let free = free(&parts).map_err(failed)?;
        if free < file.size {
            let cause = Trouble::Full(file.size, free);
            return Err(StorageError::new(ErrorKind::NoSpace, "begin", &file.name, cause));
        }
        // Made beside and renamed: what a crash leaves half made is no part.
        static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let staging = parts.join(format!(".new-{}-{number}", std::process::id()));
        // One of the same name was left by a process that crashed.
        let _ = fs::remove_dir_all(&staging);
        let made = Modes::PRIVATE.make(&staging).and_then(|()| {
            for name in [DATA, CHUNKS] {
                create(&staging.join(name))?.sync_all()?;
            }
            publish_loosely(&staging, FILE, said.as_bytes(), Modes::PRIVATE)?;
            File::open(staging.join(FILE))?.sync_all()?;
            sync_folder(&staging)?;
            rename_without_overwriting(&staging, &folder)?;
            sync_folder(&parts)
        });
        match made {
            Ok(()) => Ok(token),
            Err(error) => {
                let _ = fs::remove_dir_all(&staging);
                if error.kind() == io::ErrorKind::AlreadyExists { Err(exists()) } else { Err(failed(error)) }
            }
        }
    }

    fn sent(
        &self,
        file: &NewFile,
        token: &str,
        context: CallContext<'_>,
    ) -> Result<Vec<Chunk>, StorageError> {
        failure::check(context, "resume", &file.name)?;
        let failed = |error: io::Error| failure::from_io("resume", &file.name, error);
        let folder = self.part("resume", token)?;
        let data = File::open(folder.join(DATA)).map_err(failed)?;
        let length = data.metadata().map_err(failed)?.len();
        let noted = fs::read(folder.join(CHUNKS)).map_err(failed)?;
        let mut indexes: Vec<u64> =
            noted.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        indexes.sort_unstable();
        indexes.dedup();
        let mut chunks = Vec::new();
        for index in indexes {
            let Some((offset, size)) = file.place(index) else { continue };
            if offset + size <= length {
                let sha256 = hash("resume", &file.name, &data, offset, size, context)?;
                chunks.push(Chunk { index, offset, size, sha256 });
            }
        }
        Ok(chunks)
    }

    fn send(
        &self,
        file: &NewFile,
        token: &str,
        chunk: &Chunk,
        content: &mut (dyn Read + Send),
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        failure::check(context, "write", &file.name)?;
        let failed = |error: io::Error| failure::from_io("write", &file.name, error);
        let trouble = |cause| StorageError::new(ErrorKind::Corrupt, "write", &file.name, cause);
        let folder = self.part("write", token)?;
        if file.place(chunk.index) != Some((chunk.offset, chunk.size)) {
            return Err(trouble(Trouble::Length));
        }
        let data = OpenOptions::new().write(true).open(folder.join(DATA)).map_err(failed)?;
        let mut hasher = Sha256::new();
        let mut block = vec![0; BLOCK];
        let mut written = 0;
        loop {
            failure::check(context, "write", &file.name)?;
            let read = match content.read(&mut block) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(failed)?,
            };
            let piece = block.get(..read).unwrap_or_default();
            if piece.is_empty() {
                break;
            }
            if written + read as u64 > chunk.size {
                return Err(trouble(Trouble::Length));
            }
            write_all_at(&data, piece, chunk.offset + written).map_err(failed)?;
            hasher.update(piece);
            written += read as u64;
        }
        if written != chunk.size {
            return Err(trouble(Trouble::Length));
        }
        if <[u8; 32]>::from(hasher.finalize()) != chunk.sha256.0 {
            return Err(trouble(Trouble::Garbled));
        }
        data.sync_data().map_err(failed)?;
        let mut noted = OpenOptions::new().append(true).open(folder.join(CHUNKS)).map_err(failed)?;
        noted.write_all(&chunk.index.to_le_bytes()).and_then(|()| noted.sync_data()).map_err(failed)
    }

    fn finish(
        &self,
        file: &NewFile,
        token: &str,
        context: CallContext<'_>,
    ) -> Result<StoredFile, StorageError> {
        failure::check(context, "finish", &file.name)?;
        let failed = |error: io::Error| failure::from_io("finish", &file.name, error);
        let folder = match self.part("finish", token) {
            Ok(folder) => folder,
            Err(_) if self.is_there_whole(file, context)? => return self.stored("finish", &file.name),
            Err(error) => return Err(error),
        };
        let path = self.path("finish", &file.name)?;
        let data = match OpenOptions::new().write(true).read(true).open(folder.join(DATA)) {
            // It has its name already, and the process ended before its part was removed.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && self.is_there_whole(file, context)? =>
            {
                fs::remove_dir_all(&folder).map_err(failed)?;
                return self.stored("finish", &file.name);
            }
            data => data.map_err(failed)?,
        };
        let not_it = || StorageError::new(ErrorKind::Corrupt, "finish", &file.name, Trouble::NotIt);
        if data.metadata().map_err(failed)?.len() != file.size
            || hash("finish", &file.name, &data, 0, file.size, context)? != file.sha256
        {
            return Err(not_it());
        }
        data.sync_all().map_err(failed)?;
        let above = path.parent().unwrap_or(&self.root);
        self.make_below(&file.name).map_err(failed)?;
        rename_without_overwriting(&folder.join(DATA), &path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                StorageError::new(ErrorKind::Exists, "finish", &file.name, Trouble::Exists)
            }
            _ => failed(error),
        })?;
        sync_folder(above).map_err(failed)?;
        fs::remove_dir_all(&folder).map_err(failed)?;
        self.stored("finish", &file.name)
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

impl Folder {
    /// Makes the folders that lead to a file, durably.
    fn make_below(&self, name: &str) -> io::Result<()> {
        let mut folder = self.root.clone();
        let steps: Vec<&str> = name.split('/').collect();
        for step in steps.iter().take(steps.len().saturating_sub(1)) {
            let inner = folder.join(step);
            Modes::PRIVATE.make(&inner)?;
            // A link could lead out of the folder.
            if fs::symlink_metadata(&inner)?.is_symlink() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            sync_folder(&folder)?;
            folder = inner;
        }
        Ok(())
    }
}

fn stored(name: String, meta: &fs::Metadata) -> StoredFile {
    let modified = meta.modified().ok();
    let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    StoredFile { name, size: meta.len(), modified: Timestamp::utc(seconds, since.subsec_nanos()) }
}

/// What is noted of a file that was begun.
fn said(file: &NewFile) -> String {
    format!("{}\n{}\n{}\n{}\n", file.sha256, file.size, file.chunk_size, file.name)
}

fn unknown(action: &'static str, token: &str) -> StorageError {
    StorageError::new(ErrorKind::NotFound, action, format!("upload {token}"), Trouble::Unknown)
}

fn hash(
    action: &'static str,
    name: &str,
    file: &File,
    mut offset: u64,
    size: u64,
    context: CallContext<'_>,
) -> Result<FileId, StorageError> {
    let mut hasher = Sha256::new();
    let mut block = vec![0; BLOCK];
    let end = offset.saturating_add(size);
    while offset < end {
        failure::check(context, action, name)?;
        let wanted = usize::try_from(end - offset).unwrap_or(BLOCK).min(BLOCK);
        let Some(piece) = block.get_mut(..wanted) else { break };
        read_exact_at(file, piece, offset).map_err(|error| failure::from_io(action, name, error))?;
        hasher.update(&*piece);
        offset += wanted as u64;
    }
    Ok(FileId(hasher.finalize().into()))
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        bytes = bytes.split_at(written).1;
        offset += written as u64;
    }
    Ok(())
}

#[cfg(unix)]
fn free(folder: &Path) -> io::Result<u64> {
    let told = rustix::fs::statvfs(folder)?;
    Ok(told.f_bavail.saturating_mul(told.f_frsize))
}

#[cfg(not(unix))]
fn free(_folder: &Path) -> io::Result<u64> {
    Ok(u64::MAX)
}
