//! A storage in memory with a say in every use of a file.

use std::sync::Arc;

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Handle, Storage, StorageError};
use backstay_storage::Memory;

type Say = dyn Fn(&'static str, &Handle) -> Result<(), ErrorKind> + Send + Sync;

/// Asks before content is read, written or removed, which fails with the answer.
pub(crate) struct Wrapped {
    memory: Memory,
    say: Box<Say>,
}

impl Wrapped {
    pub(crate) fn over(
        memory: &Memory,
        say: impl Fn(&'static str, &Handle) -> Result<(), ErrorKind> + Send + Sync + 'static,
    ) -> Arc<dyn Storage> {
        Arc::new(Self::new(memory, say))
    }

    pub(crate) fn new(
        memory: &Memory,
        say: impl Fn(&'static str, &Handle) -> Result<(), ErrorKind> + Send + Sync + 'static,
    ) -> Self {
        Self { memory: memory.clone(), say: Box::new(say) }
    }

    fn ask(&self, action: &'static str, handle: &Handle) -> Result<(), StorageError> {
        (self.say)(action, handle)
            .map_err(|kind| StorageError::new(kind, action, handle, "as the test wants it"))
    }
}

impl Storage for Wrapped {
    fn location(&self) -> String {
        "wrapped memory".into()
    }

    fn connections(&self) -> usize {
        2
    }

    fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError> {
        self.memory.prepare(context)
    }

    fn size(&self, handle: &Handle, context: CallContext<'_>) -> Result<u64, StorageError> {
        self.memory.size(handle, context)
    }

    fn list(
        &self,
        kind: FileKind,
        context: CallContext<'_>,
        each: &mut dyn FnMut(FileId, u64),
    ) -> Result<(), StorageError> {
        self.memory.list(kind, context, each)
    }

    fn read(
        &self,
        handle: &Handle,
        buffer: &mut Vec<u8>,
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        self.ask("read", handle)?;
        self.memory.read(handle, buffer, context)
    }

    fn read_at(
        &self,
        handle: &Handle,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        self.ask("read", handle)?;
        self.memory.read_at(handle, offset, buffer, context)
    }

    fn write(&self, handle: &Handle, content: &[u8], context: CallContext<'_>) -> Result<(), StorageError> {
        self.ask("write", handle)?;
        self.memory.write(handle, content, context)
    }

    fn remove(&self, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError> {
        self.ask("remove", handle)?;
        self.memory.remove(handle, context)
    }
}
