//! A repository in a folder of this machine, in restic's layout.
//!
//! A file is written under a temporary name beside its final one, synced, renamed without ever
//! overwriting, and its folder synced: after a crash it is there whole or not at all. What a crash
//! leaves behind has a name that is no id, and is passed over.
//!
//! Modes are restic's: folders 0700 and files 0400, or 0770 and 0440 when the group may read `config`.

mod durable;
mod listing;
mod open_files;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Handle, Storage, StorageError};

use self::open_files::OpenFiles;
use crate::{failure, layout};

pub(crate) use self::durable::{Modes, publish_loosely, rename_without_overwriting, sync_folder};

/// How many calls at once serve a folder best, unless told otherwise: what restic uses.
const CONNECTIONS: usize = 2;

/// How many packs are kept open for reading.
const OPEN_PACKS: usize = 32;

/// A folder, a pipe or a device where a file should be.
#[derive(Debug, thiserror::Error)]
#[error("it is no regular file")]
struct NoFile;

/// Keeps a repository's files in a folder.
#[derive(Debug)]
pub struct Local {
    root: PathBuf,
    modes: Modes,
    connections: usize,
    packs: OpenFiles,
}

impl Local {
    /// The repository in this folder, which need not exist yet: see [`Storage::prepare`].
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let modes = Modes::like(&root.join(layout::path(&Handle::CONFIG)));
        Self { root, modes, connections: CONNECTIONS, packs: OpenFiles::new(OPEN_PACKS) }
    }

    /// Sets how many calls at once callers should make.
    #[must_use]
    pub fn with_connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// The repository's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, handle: &Handle) -> PathBuf {
        self.root.join(layout::path(handle))
    }

    fn open(&self, handle: &Handle) -> Result<File, StorageError> {
        let opened = open_at_once(&self.path(handle)).and_then(|file| Ok((file.metadata()?, file)));
        let (meta, file) = opened.map_err(|error| failure::from_io("read", handle, error))?;
        if !meta.is_file() {
            return Err(StorageError::new(ErrorKind::Corrupt, "read", handle, NoFile));
        }
        Ok(file)
    }

    /// A pack's file stays open for a while, since its blobs are read one by one.
    fn open_shared(&self, handle: &Handle) -> Result<Arc<File>, StorageError> {
        if handle.kind != FileKind::Pack {
            return self.open(handle).map(Arc::new);
        }
        if let Some(file) = self.packs.get(&handle.id) {
            return Ok(file);
        }
        let file = Arc::new(self.open(handle)?);
        self.packs.put(handle.id, Arc::clone(&file));
        Ok(file)
    }
}

impl Storage for Local {
    fn location(&self) -> String {
        self.root.display().to_string()
    }

    fn connections(&self) -> usize {
        self.connections
    }

    fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError> {
        failure::check(context, "prepare", self.root.display())?;
        self.modes.make_tree(&self.root).map_err(|error| {
            let kind = match failure::classify(&error) {
                // A parent that is no folder, or a name that is taken by a file.
                ErrorKind::NotFound | ErrorKind::Exists => ErrorKind::Config,
                kind => kind,
            };
            StorageError::new(kind, "prepare", self.root.display(), error)
        })
    }

    fn size(&self, handle: &Handle, context: CallContext<'_>) -> Result<u64, StorageError> {
        failure::check(context, "stat", handle)?;
        let meta = fs::metadata(self.path(handle)).map_err(|e| failure::from_io("stat", handle, e))?;
        Ok(meta.len())
    }

    fn list(
        &self,
        kind: FileKind,
        context: CallContext<'_>,
        each: &mut dyn FnMut(FileId, u64),
    ) -> Result<(), StorageError> {
        failure::check(context, "list", kind.folder())?;
        match kind {
            FileKind::Config => Ok(()),
            FileKind::Pack => listing::shards(&self.root.join(kind.folder()), context, each),
            _ => listing::flat(&self.root.join(kind.folder()), None, context, each),
        }
    }

    fn read(
        &self,
        handle: &Handle,
        buffer: &mut Vec<u8>,
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        failure::check(context, "read", handle)?;
        let file = self.open(handle)?;
        let failed = |error| failure::from_io("read", handle, error);
        failure::check_length(handle, file.metadata().map_err(failed)?.len())?;
        buffer.clear();
        // One byte more than it may have shows that it grows.
        (&file).take(handle.kind.longest() + 1).read_to_end(buffer).map_err(failed)?;
        failure::check_length(handle, buffer.len() as u64)
    }

    fn read_at(
        &self,
        handle: &Handle,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        failure::check(context, "read", handle)?;
        let file = self.open_shared(handle)?;
        read_exact_at(&file, buffer, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => failure::too_short(handle, offset, buffer.len()),
            _ => failure::from_io("read", handle, error),
        })
    }

    fn write(&self, handle: &Handle, content: &[u8], context: CallContext<'_>) -> Result<(), StorageError> {
        failure::check(context, "write", handle)?;
        let folder = layout::folder(handle);
        let name = layout::name(handle);
        let publish = || durable::publish(&self.root.join(&folder), &name, content, self.modes);
        let written = match publish() {
            // A repository that was made without all its folders gets the missing one. Its root is never
            // made here: where a disk is not mounted, nothing must be written to its mount point.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.is_empty() => {
                self.modes.make_below(&self.root, &folder).and_then(|()| publish())
            }
            written => written,
        };
        written.map_err(|error| {
            let kind = match failure::classify(&error) {
                // What is missing is the folder: there is no repository here.
                ErrorKind::NotFound => ErrorKind::Config,
                kind => kind,
            };
            StorageError::new(kind, "write", handle, error)
        })
    }

    fn remove(&self, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError> {
        failure::check(context, "remove", handle)?;
        if handle.kind == FileKind::Pack {
            self.packs.forget(&handle.id);
        }
        fs::remove_file(self.path(handle)).map_err(|error| failure::from_io("remove", handle, error))
    }
}

/// Opens a file to read, without waiting for somebody to write where it is a pipe.
#[cfg(unix)]
fn open_at_once(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    File::options().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open_at_once(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(unix)]
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
pub(crate) fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !buffer.is_empty() {
        match file.seek_read(buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                buffer = buffer.split_at_mut(count).1;
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
