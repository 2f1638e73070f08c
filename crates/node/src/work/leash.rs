//! A storage whose calls end when the work they are for is cancelled, even those that nobody gave the work's reins to.
//!
//! Opening a repository asks for its keys and its configuration before there is anything that could be steered. A run that is
//! cancelled just then must not wait for a storage that does not answer.

use backstay_core::{CallContext, Control, FileId, FileKind, Frozen, Handle, Storage, StorageError};

/// Calls without reins get these.
pub(super) struct Leash {
    pub(super) inner: Box<dyn Storage>,
    pub(super) control: Control,
}

impl Leash {
    fn hold<'a>(&'a self, context: CallContext<'a>) -> CallContext<'a> {
        CallContext { control: context.control.or(Some(&self.control)), ..context }
    }
}

impl Storage for Leash {
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
        self.inner.prepare(self.hold(context))
    }

    fn size(&self, handle: &Handle, context: CallContext<'_>) -> Result<u64, StorageError> {
        self.inner.size(handle, self.hold(context))
    }

    fn list(
        &self,
        kind: FileKind,
        context: CallContext<'_>,
        each: &mut dyn FnMut(FileId, u64),
    ) -> Result<(), StorageError> {
        self.inner.list(kind, self.hold(context), each)
    }

    fn read(
        &self,
        handle: &Handle,
        buffer: &mut Vec<u8>,
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        self.inner.read(handle, buffer, self.hold(context))
    }

    fn read_at(
        &self,
        handle: &Handle,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        self.inner.read_at(handle, offset, buffer, self.hold(context))
    }

    fn write(&self, handle: &Handle, content: &[u8], context: CallContext<'_>) -> Result<(), StorageError> {
        self.inner.write(handle, content, self.hold(context))
    }

    fn remove(&self, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError> {
        self.inner.remove(handle, self.hold(context))
    }

    fn note_tree_pack(&self, pack: &FileId) {
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
        self.inner.frozen(files, bring_back, self.hold(context))
    }
}
