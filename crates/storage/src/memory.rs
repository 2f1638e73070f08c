//! A repository in memory: for tests, benchmarks and short-lived work.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstay_core::{CallContext, FileId, FileKind, Handle, Storage, StorageError};
use parking_lot::RwLock;

use crate::failure;

/// The files of a repository by their handle. Content is shared, so that copies of the map are cheap.
pub(crate) type Files = BTreeMap<Handle, Arc<[u8]>>;

/// Keeps all files in memory. Clones share the same files; [`Memory::fork`] makes an independent copy.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<RwLock<Files>>);

impl Memory {
    /// An empty storage.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An independent storage with the same files.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::from_files(self.files())
    }

    /// Puts a file there as it is, whether or not there was one: how tests make damage.
    pub fn put(&self, handle: Handle, content: &[u8]) {
        self.0.write().insert(handle, content.into());
    }

    /// The content of a file, if there is one.
    #[must_use]
    pub fn get(&self, handle: &Handle) -> Option<Arc<[u8]>> {
        self.0.read().get(handle).cloned()
    }

    /// The handles of all files, in order.
    #[must_use]
    pub fn handles(&self) -> Vec<Handle> {
        self.0.read().keys().copied().collect()
    }

    pub(crate) fn from_files(files: Files) -> Self {
        Self(Arc::new(RwLock::new(files)))
    }

    pub(crate) fn files(&self) -> Files {
        self.0.read().clone()
    }

    fn find(&self, handle: &Handle, action: &'static str) -> Result<Arc<[u8]>, StorageError> {
        self.get(handle).ok_or_else(|| failure::not_found(action, handle))
    }
}

/// Copies the bytes from `offset` on into `buffer`.
pub(crate) fn copy_range(
    handle: &Handle,
    content: &[u8],
    offset: u64,
    buffer: &mut [u8],
) -> Result<(), StorageError> {
    let range = usize::try_from(offset)
        .ok()
        .and_then(|start| content.get(start..)?.get(..buffer.len()))
        .ok_or_else(|| failure::too_short(handle, offset, buffer.len()))?;
    buffer.copy_from_slice(range);
    Ok(())
}

impl Storage for Memory {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn connections(&self) -> usize {
        8
    }

    fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError> {
        failure::check(context, "prepare", "memory")
    }

    fn size(&self, handle: &Handle, context: CallContext<'_>) -> Result<u64, StorageError> {
        failure::check(context, "stat", handle)?;
        Ok(self.find(handle, "stat")?.len() as u64)
    }

    fn list(
        &self,
        kind: FileKind,
        context: CallContext<'_>,
        each: &mut dyn FnMut(FileId, u64),
    ) -> Result<(), StorageError> {
        failure::check(context, "list", kind.folder())?;
        // Collected first, so that `each` may call back into the storage.
        let found: Vec<_> = self
            .0
            .read()
            .iter()
            .filter(|(handle, _)| handle.kind == kind)
            .map(|(handle, content)| (handle.id, content.len() as u64))
            .collect();
        for (id, size) in found {
            each(id, size);
        }
        Ok(())
    }

    fn read(
        &self,
        handle: &Handle,
        buffer: &mut Vec<u8>,
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        failure::check(context, "read", handle)?;
        let content = self.find(handle, "read")?;
        failure::check_length(handle, content.len() as u64)?;
        buffer.clear();
        buffer.extend_from_slice(&content);
        Ok(())
    }

    fn read_at(
        &self,
        handle: &Handle,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        failure::check(context, "read", handle)?;
        copy_range(handle, &self.find(handle, "read")?, offset, buffer)
    }

    fn write(&self, handle: &Handle, content: &[u8], context: CallContext<'_>) -> Result<(), StorageError> {
        failure::check(context, "write", handle)?;
        let content = content.into();
        let mut files = self.0.write();
        if files.contains_key(handle) {
            return Err(failure::exists("write", handle));
        }
        files.insert(*handle, content);
        Ok(())
    }

    fn remove(&self, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError> {
        failure::check(context, "remove", handle)?;
        match self.0.write().remove(handle) {
            Some(_) => Ok(()),
            None => Err(failure::not_found("remove", handle)),
        }
    }
}
