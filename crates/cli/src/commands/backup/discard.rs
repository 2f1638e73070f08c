//! A storage that takes everything and keeps nothing, for `--dry-run`.

use backstay_core::{CallContext, FileId, FileKind, Frozen, Handle, Storage, StorageError};

/// Reads go to the storage beneath, writes go nowhere.
pub(crate) struct Discard(pub(crate) Box<dyn Storage>);

impl Storage for Discard {
    fn location(&self) -> String {
        self.0.location()
    }

    fn connections(&self) -> usize {
        self.0.connections()
    }

    fn small_calls(&self) -> usize {
        self.0.small_calls()
    }

    fn prepare(&self, _: CallContext<'_>) -> Result<(), StorageError> {
        Ok(())
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

    fn write(&self, _: &Handle, _: &[u8], _: CallContext<'_>) -> Result<(), StorageError> {
        Ok(())
    }

    fn remove(&self, _: &Handle, _: CallContext<'_>) -> Result<(), StorageError> {
        Ok(())
    }

    fn note_tree_pack(&self, pack: &FileId) {
        self.0.note_tree_pack(pack);
    }

    fn may_freeze(&self) -> bool {
        self.0.may_freeze()
    }

    fn frozen(
        &self,
        files: &[Handle],
        bring_back: bool,
        context: CallContext<'_>,
    ) -> Result<Frozen, StorageError> {
        self.0.frozen(files, bring_back, context)
    }
}
