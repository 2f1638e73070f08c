//! A copy of the small files of a remote repository in a local folder, in restic's layout.
//!
//! Below the cache folder (marked by `CACHEDIR.TAG`, so that backups pass it over) each repository has
//! one of its own, named by its id, with a `version` and `{data,index,snapshots}/<2 hex>/<id>`. restic and
//! Backstay can share it.
//!
//! Snapshots and index files are kept when they are read or written. Packs are kept whole when the
//! engine says that they hold trees ([`Storage::note_tree_pack`]). Whatever comes out of the cache was checked
//! against its id, which is the SHA-256 of its content; garbled entries are dropped and asked for
//! again at the source. The cache is a convenience: where it cannot be written, work goes on without it.

mod folder;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Frozen, Handle, Storage, StorageError};
use parking_lot::Mutex;
use tempfile::TempDir;

use self::folder::Folder;
use crate::memory::copy_range;

/// A storage whose snapshots, index files and tree packs are also kept locally.
pub struct Cache {
    inner: Box<dyn Storage>,
    folder: Folder,
    tree_packs: Mutex<HashSet<FileId>>,
    /// Tree packs whose cached copy was checked by this process.
    checked: Mutex<HashSet<FileId>>,
    /// One lock for each pack that is being fetched, so that nobody fetches it twice.
    fetching: Mutex<HashMap<FileId, Arc<Mutex<()>>>>,
    /// What goes with the cache.
    _passing: Option<TempDir>,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("inner", &self.inner.location()).field("folder", &self.folder).finish()
    }
}

impl Cache {
    /// Keeps files of `inner`, the repository of this id (64 hexadecimal digits), below the folder `base`.
    ///
    /// # Errors
    /// When the folder cannot be made or belongs to a newer version. The work can go on without a cache.
    pub fn new(inner: Box<dyn Storage>, base: &Path, repository: &str) -> Result<Self, StorageError> {
        let folder = Folder::open(base, repository)?;
        Ok(Self {
            inner,
            folder,
            tree_packs: Mutex::default(),
            checked: Mutex::default(),
            fetching: Mutex::default(),
            _passing: None,
        })
    }

    /// The same in a new folder below `base`, which is removed with the cache: whatever comes out of it was read from `inner` by this
    /// process. What processes that were killed left there is removed after a day.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn passing(inner: Box<dyn Storage>, base: &Path, repository: &str) -> Result<Self, StorageError> {
        let passing = folder::passing(base)?;
        let mut cache = Self::new(inner, passing.path(), repository)?;
        cache._passing = Some(passing);
        Ok(cache)
    }

    fn keeps(&self, handle: &Handle) -> bool {
        match handle.kind {
            FileKind::Snapshot | FileKind::Index => true,
            FileKind::Pack => self.tree_packs.lock().contains(&handle.id),
            FileKind::Config | FileKind::Key | FileKind::Lock => false,
        }
    }

    fn forget(&self, handle: &Handle) {
        self.checked.lock().remove(&handle.id);
        self.folder.remove(handle);
    }

    /// Reads a file from the source and keeps it, if it is what its name says.
    fn fetch(
        &self,
        handle: &Handle,
        buffer: &mut Vec<u8>,
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        let read = self.inner.read(handle, buffer, context);
        if matches!(&read, Err(error) if error.kind == ErrorKind::NotFound) {
            self.forget(handle);
        }
        read?;
        if folder::is_whole(handle, buffer) && self.folder.store(handle, buffer) {
            self.checked.lock().insert(handle.id);
        }
        Ok(())
    }

    /// Reads from the cached copy of a tree pack; `false` if there is none that can be trusted.
    fn read_cached_pack(&self, handle: &Handle, offset: u64, buffer: &mut [u8]) -> bool {
        let checked = self.checked.lock().contains(&handle.id);
        if checked {
            return self.folder.read_at(handle, offset, buffer);
        }
        let mut pack = Vec::new();
        if !self.folder.read_whole(handle, &mut pack) {
            return false;
        }
        self.checked.lock().insert(handle.id);
        copy_range(handle, &pack, offset, buffer).is_ok()
    }

    fn read_tree_pack(
        &self,
        handle: &Handle,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        if self.read_cached_pack(handle, offset, buffer) {
            return Ok(());
        }
        let turn = Arc::clone(self.fetching.lock().entry(handle.id).or_default());
        let fetched = {
            let _mine = turn.lock();
            // Somebody may have fetched it while this thread waited for its turn.
            if self.read_cached_pack(handle, offset, buffer) {
                Ok(())
            } else {
                let mut pack = Vec::new();
                self.fetch(handle, &mut pack, context)
                    .and_then(|()| copy_range(handle, &pack, offset, buffer))
            }
        };
        self.fetching.lock().remove(&handle.id);
        fetched
    }
}

impl Storage for Cache {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn connections(&self) -> usize {
        self.inner.connections()
    }

    fn small_calls(&self) -> usize {
        self.inner.small_calls()
    }

    fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError> {
        self.inner.prepare(context)
    }

    fn size(&self, handle: &Handle, context: CallContext<'_>) -> Result<u64, StorageError> {
        let size = self.inner.size(handle, context);
        if matches!(&size, Err(error) if error.kind == ErrorKind::NotFound) {
            self.forget(handle);
        }
        size
    }

    /// Lists the source, and drops what has vanished there from the cache.
    fn list(
        &self,
        kind: FileKind,
        context: CallContext<'_>,
        each: &mut dyn FnMut(FileId, u64),
    ) -> Result<(), StorageError> {
        if !Folder::has(kind) {
            return self.inner.list(kind, context, each);
        }
        let mut there = HashSet::new();
        self.inner.list(kind, context, &mut |id, size| {
            there.insert(id);
            each(id, size);
        })?;
        self.folder.retain(kind, &there);
        Ok(())
    }

    fn read(
        &self,
        handle: &Handle,
        buffer: &mut Vec<u8>,
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        crate::failure::check(context, "read", handle)?;
        if !self.keeps(handle) {
            return self.inner.read(handle, buffer, context);
        }
        if self.folder.read_whole(handle, buffer) {
            return Ok(());
        }
        self.fetch(handle, buffer, context)
    }

    fn read_at(
        &self,
        handle: &Handle,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        crate::failure::check(context, "read", handle)?;
        if handle.kind == FileKind::Pack && self.keeps(handle) {
            return self.read_tree_pack(handle, offset, buffer, context);
        }
        self.inner.read_at(handle, offset, buffer, context)
    }

    fn write(&self, handle: &Handle, content: &[u8], context: CallContext<'_>) -> Result<(), StorageError> {
        self.inner.write(handle, content, context)?;
        if self.keeps(handle) && self.folder.store(handle, content) {
            self.checked.lock().insert(handle.id);
        }
        Ok(())
    }

    fn remove(&self, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError> {
        self.inner.remove(handle, context)?;
        self.forget(handle);
        Ok(())
    }

    fn note_tree_pack(&self, pack: &FileId) {
        self.tree_packs.lock().insert(*pack);
        self.inner.note_tree_pack(pack);
    }

    fn may_freeze(&self) -> bool {
        self.inner.may_freeze()
    }

    fn frozen(
        &self,
        files: &[Handle],
        bring_back: bool,
        context: CallContext<'_>,
    ) -> Result<Frozen, StorageError> {
        self.inner.frozen(files, bring_back, context)
    }
}
