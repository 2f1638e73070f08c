//! A file on its way into a folder: begun, written in chunks, put together.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use backstay_core::{CallContext, Chunk, ErrorKind, FileId, NewFile, StorageError, StoredFile};
use sha2::{Digest, Sha256};

use super::{Folder, PARTS, Trouble};
use crate::failure;
use crate::local::{Modes, publish_loosely, read_exact_at, rename_without_overwriting, sync_folder};

const FILE: &str = "file";
const DATA: &str = "data";
const CHUNKS: &str = "chunks";
const BLOCK: usize = 256 << 10;
/// What nobody went on with for so long is given up, as on a receiver.
const LIFETIME: Duration = Duration::from_secs(7 * 86_400);

/// Removes parts that nobody wrote to for long, by the clock of the file system they lie on.
fn expire(parts: &Path, now: SystemTime) {
    for entry in fs::read_dir(parts).into_iter().flatten().flatten() {
        let written = |name: &str| fs::metadata(entry.path().join(name)).and_then(|meta| meta.modified());
        let last = [DATA, CHUNKS].into_iter().filter_map(|name| written(name).ok()).max();
        if last.is_some_and(|last| now.duration_since(last).is_ok_and(|age| age > LIFETIME)) {
            // It is tried again with the next file that is begun.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Folder {
    /// The folder of what was begun under a token.
    pub(super) fn part(&self, action: &'static str, token: &str) -> Result<PathBuf, StorageError> {
        let is_token = token.len() == 64 && FileId::from_hex(token).is_some();
        let folder = self.root.join(PARTS).join(token);
        if is_token && folder.is_dir() { Ok(folder) } else { Err(unknown(action, token)) }
    }

    pub(super) fn begin_part(
        &self,
        file: &NewFile,
        context: CallContext<'_>,
    ) -> Result<String, StorageError> {
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
            sync_folder(&parts)?;
            expire(&parts, fs::metadata(folder.join(DATA))?.modified()?);
            Ok(())
        });
        match made {
            Ok(()) => Ok(token),
            Err(error) => {
                let _ = fs::remove_dir_all(&staging);
                if error.kind() == io::ErrorKind::AlreadyExists { Err(exists()) } else { Err(failed(error)) }
            }
        }
    }

    pub(super) fn chunks_there(
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

    pub(super) fn write_chunk(
        &self,
        file: &NewFile,
        token: &str,
        chunk: &Chunk,
        content: &mut dyn Read,
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

    pub(super) fn put_together(
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
