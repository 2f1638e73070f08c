//! The folder of one repository within the cache.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use backstay_core::{ErrorKind, FileId, FileKind, Handle, StorageError};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::layout;
use crate::local::{Modes, publish_loosely};

/// What marks a folder as a cache: <https://bford.info/cachedir/>.
const TAG: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55\n";
const VERSION: u32 = 1;
const KINDS: [FileKind; 3] = [FileKind::Pack, FileKind::Index, FileKind::Snapshot];

#[derive(Debug)]
pub(super) struct Folder(PathBuf);

/// Why a folder cannot serve as a cache.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("the repository's id is not made of 64 hexadecimal digits")]
    Id,
    #[error("it was made by a newer version ({0}); name another folder or go without a cache")]
    Newer(u32),
    #[error("its file `version` holds no number")]
    Version,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Whether the content is what the file's name says. Only files named by their hash can be checked.
pub(super) fn is_whole(handle: &Handle, content: &[u8]) -> bool {
    Sha256::digest(content).as_slice() == handle.id.0
}

/// How folders begin that go with the process that made them.
const PASSING: &str = "passing-";
/// How old one is that was left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 60 * 60);

/// A new folder below `base` that is removed when it is dropped. Removes what others left behind.
pub(super) fn passing(base: &Path) -> Result<TempDir, StorageError> {
    let make = || -> io::Result<TempDir> {
        Modes::PRIVATE.make_all(base)?;
        for item in fs::read_dir(base)?.flatten() {
            let is_passing = item.file_name().to_string_lossy().starts_with(PASSING);
            let is_old = || item.metadata()?.modified()?.elapsed().map_err(io::Error::other);
            if is_passing && is_old().is_ok_and(|age| age > LEFT_BEHIND) {
                // It is tried again another time.
                let _ = fs::remove_dir_all(item.path());
            }
        }
        tempfile::Builder::new().prefix(PASSING).tempdir_in(base)
    };
    make().map_err(|cause| StorageError::new(ErrorKind::Config, "open cache", base.display(), cause))
}

impl Folder {
    /// Whether files of this kind are ever kept.
    pub(super) fn has(kind: FileKind) -> bool {
        KINDS.contains(&kind)
    }

    /// Opens or makes the folder of a repository below `base`.
    pub(super) fn open(base: &Path, repository: &str) -> Result<Self, StorageError> {
        Self::make(base, repository)
            .map_err(|cause| StorageError::new(ErrorKind::Config, "open cache", base.display(), cause))
    }

    fn make(base: &Path, repository: &str) -> Result<Self, Unusable> {
        let repository = FileId::from_hex(repository).ok_or(Unusable::Id)?.to_hex();
        let modes = Modes::PRIVATE;
        modes.make_all(base)?;
        let tag = base.join("CACHEDIR.TAG");
        if !tag.try_exists()? {
            fs::write(&tag, TAG)?;
        }
        let folder = base.join(repository);
        modes.make(&folder)?;
        match read_version(&folder)? {
            Some(version) if version > VERSION => return Err(Unusable::Newer(version)),
            Some(VERSION) => {}
            _ => fs::write(folder.join("version"), VERSION.to_string())?,
        }
        for kind in KINDS {
            modes.make(&folder.join(kind.folder()))?;
        }
        // The time of last use, by which old caches are found. Not every system lets a folder be opened.
        if let Ok(opened) = File::open(&folder) {
            let _ = opened.set_modified(SystemTime::now());
        }
        Ok(Self(folder))
    }

    /// Replaces `buffer` by a whole kept file; `false` if there is none. A garbled one is dropped.
    pub(super) fn read_whole(&self, handle: &Handle, buffer: &mut Vec<u8>) -> bool {
        buffer.clear();
        let Ok(mut file) = File::open(self.path(handle)) else { return false };
        if file.read_to_end(buffer).is_ok() && is_whole(handle, buffer) {
            return true;
        }
        self.remove(handle);
        false
    }

    /// Fills `buffer` from a kept file; `false` if there is none or it is too short.
    pub(super) fn read_at(&self, handle: &Handle, offset: u64, buffer: &mut [u8]) -> bool {
        let Ok(mut file) = File::open(self.path(handle)) else { return false };
        file.seek(SeekFrom::Start(offset)).is_ok() && file.read_exact(buffer).is_ok()
    }

    /// Keeps a file; `false` if that failed, which does no harm.
    pub(super) fn store(&self, handle: &Handle, content: &[u8]) -> bool {
        let folder = self.shard(handle);
        let name = handle.id.to_hex();
        Modes::PRIVATE.make(&folder).is_ok()
            && publish_loosely(&folder, &name, content, Modes::PRIVATE).is_ok()
    }

    pub(super) fn remove(&self, handle: &Handle) {
        if Self::has(handle.kind) {
            // Whether it was there or not, nobody will be misled by it.
            let _ = fs::remove_file(self.path(handle));
        }
    }

    /// Drops all files of a kind that are not among those `there`, best effort.
    pub(super) fn retain(&self, kind: FileKind, there: &HashSet<FileId>) {
        let Ok(shards) = fs::read_dir(self.0.join(kind.folder())) else { return };
        for shard in shards.flatten() {
            let Ok(files) = fs::read_dir(shard.path()) else { continue };
            for file in files.flatten() {
                let id = file.file_name().to_str().and_then(layout::id);
                if id.is_some_and(|id| !there.contains(&id)) {
                    let _ = fs::remove_file(file.path());
                }
            }
        }
    }

    fn path(&self, handle: &Handle) -> PathBuf {
        self.shard(handle).join(handle.id.to_hex())
    }

    fn shard(&self, handle: &Handle) -> PathBuf {
        self.0.join(handle.kind.folder()).join(layout::shard(&handle.id))
    }
}

fn read_version(folder: &Path) -> Result<Option<u32>, Unusable> {
    match fs::read_to_string(folder.join("version")) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| Unusable::Version),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
