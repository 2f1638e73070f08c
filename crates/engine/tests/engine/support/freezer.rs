//! A storage whose packs of data lie in an archive: they are read only after they were asked for, and come one by one.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use backstay_core::{
    CallContext, Control, ErrorKind, FileId, FileKind, Frozen, Handle, Storage, StorageError,
};
use backstay_storage::Memory;
use parking_lot::Mutex;

#[derive(Clone, Default)]
pub(crate) struct Freezer {
    memory: Memory,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    /// Packs that hold trees.
    warm: HashSet<FileId>,
    /// Packs that were asked for, in the order of their ids.
    asked: BTreeSet<FileId>,
    /// Packs that are back.
    ready: HashSet<FileId>,
    /// How many come back from one look to the next.
    pub(crate) pace: usize,
    /// How often packs were looked for.
    pub(crate) looks: usize,
    /// Cancels this at a look.
    pub(crate) cancelled_at: Option<(usize, Control)>,
    /// Looks that fail.
    pub(crate) failures: usize,
    /// Packs that are kept from being removed.
    pub(crate) retained: HashSet<FileId>,
}

impl Freezer {
    pub(crate) fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
    }

    /// How many packs were asked for, are back, and how often that was looked at.
    pub(crate) fn figures(&self) -> (usize, usize, usize) {
        let state = self.state.lock();
        (state.asked.len(), state.ready.len(), state.looks)
    }

    fn check(&self, handle: &Handle) -> Result<(), StorageError> {
        let state = self.state.lock();
        let cold = handle.kind == FileKind::Pack && !state.warm.contains(&handle.id);
        if cold && !state.ready.contains(&handle.id) {
            return Err(StorageError::new(ErrorKind::Frozen, "read", handle, "it is frozen"));
        }
        Ok(())
    }
}

impl Storage for Freezer {
    fn location(&self) -> String {
        "freezer".into()
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
        self.check(handle)?;
        self.memory.read(handle, buffer, context)
    }

    fn read_at(
        &self,
        handle: &Handle,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        self.check(handle)?;
        self.memory.read_at(handle, offset, buffer, context)
    }

    fn write(&self, handle: &Handle, content: &[u8], context: CallContext<'_>) -> Result<(), StorageError> {
        self.memory.write(handle, content, context)
    }

    fn remove(&self, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError> {
        if self.state.lock().retained.contains(&handle.id) {
            return Err(StorageError::new(ErrorKind::Retained, "remove", handle, "it is locked until then"));
        }
        self.memory.remove(handle, context)
    }

    fn note_tree_pack(&self, pack: &FileId) {
        self.state.lock().warm.insert(*pack);
    }

    fn may_freeze(&self) -> bool {
        true
    }

    fn frozen(&self, files: &[Handle], bring_back: bool, _: CallContext<'_>) -> Result<Frozen, StorageError> {
        let mut state = self.state.lock();
        if state.failures > 0 {
            state.failures -= 1;
            return Err(StorageError::new(ErrorKind::Transient, "list", "data", "as the test wants it"));
        }
        state.looks += 1;
        if let Some((_, control)) = state.cancelled_at.as_ref().filter(|(look, _)| *look == state.looks) {
            control.cancel();
        }
        // What was asked for before is on its way meanwhile.
        let State { asked, ready, pace, .. } = &mut *state;
        let coming: Vec<FileId> =
            asked.iter().filter(|id| !ready.contains(id)).take(*pace).copied().collect();
        ready.extend(coming);
        let is_frozen = |file: &&Handle| {
            file.kind == FileKind::Pack && !state.warm.contains(&file.id) && !state.ready.contains(&file.id)
        };
        let files: Vec<Handle> = files.iter().filter(is_frozen).copied().collect();
        if bring_back {
            state.asked.extend(files.iter().map(|file| file.id));
        }
        let ready_in = (!files.is_empty()).then_some(Duration::from_secs(5 * 3600));
        Ok(Frozen { files, ready_in, look_again_in: Duration::from_secs(60) })
    }
}
