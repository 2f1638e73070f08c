//! A storage that takes one call at a time.
//!
//! The engine starts as many threads as a storage has connections. With one, the order of its calls is all but the same in
//! each run of a seed, and most of the time does not go into starting threads.

use backstay_core::{CallContext, FileId, FileKind, Handle, Storage, StorageError};

/// Hands every call on.
#[derive(Debug, Clone)]
pub(crate) struct Narrow<S>(pub(crate) S);

impl<S: Storage> Storage for Narrow<S> {
    fn location(&self) -> String {
        self.0.location()
    }

    fn connections(&self) -> usize {
        1
    }

    fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError> {
        self.0.prepare(context)
    }

    fn size(&self, handle: &Handle, context: CallContext<'_>) -> Result<u64, StorageError> {
        self.0.size(handle, context)
    }

    fn list(
        &self,
        kind: FileKind,
        context: CallContext<'_>,
        each: &mut dyn FnMut(FileId, u64),
    ) -> Result<(), StorageError> {
        self.0.list(kind, context, each)
    }

    fn read(
        &self,
        handle: &Handle,
        buffer: &mut Vec<u8>,
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        self.0.read(handle, buffer, context)
    }

    fn read_at(
        &self,
        handle: &Handle,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        self.0.read_at(handle, offset, buffer, context)
    }

    fn write(&self, handle: &Handle, content: &[u8], context: CallContext<'_>) -> Result<(), StorageError> {
        self.0.write(handle, content, context)
    }

    fn remove(&self, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError> {
        self.0.remove(handle, context)
    }
}
