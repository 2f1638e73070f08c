//! A storage in memory that fails as its plan says: the simulator's disk.
//!
//! Mutating calls (write, remove) are numbered from 1 in the order in which they take effect. At the
//! number that the plan names, the storage crashes, tears, loses or refuses; after a crash every call
//! fails, as the process would be gone, until [`Faulty::recover`] hands out what survived. Nothing is
//! random here: the caller draws its plans from a seed of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Handle, Storage, StorageError};
use parking_lot::Mutex;

use super::plan::{Damage, Plan, ReadFault, Survivors, WriteFault};
use crate::failure;
use crate::memory::{Files, Memory, copy_range};

/// The storage has crashed: the error behind every call until it is recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the storage has crashed")]
pub struct Crash;

/// A passing fault that the plan asked for.
#[derive(Debug, thiserror::Error)]
#[error("a passing fault")]
struct Passing;

/// Whether a call failed because the storage had crashed.
#[must_use]
pub fn is_crash(error: &StorageError) -> bool {
    error.cause.is::<Crash>()
}

/// A storage that fails as planned. Clones share one state.
#[derive(Debug, Clone)]
pub struct Faulty(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// What was there in the beginning.
    base: Files,
    /// What is there for everybody who asks before the crash.
    files: Files,
    /// All effects in their order; a removal has no content.
    log: Vec<(Handle, Option<Arc<[u8]>>)>,
    /// Which of them a crash has undone.
    lost: BTreeSet<usize>,
    plan: Plan,
    mutations: u64,
    reads: u64,
    crashed: bool,
}

impl Faulty {
    /// An empty storage that fails as planned.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self::over(&Memory::new(), plan)
    }

    /// A storage that begins with the files of another (which stays as it is) and fails as planned.
    #[must_use]
    pub fn over(memory: &Memory, plan: Plan) -> Self {
        let base = memory.files();
        Self(Arc::new(Mutex::new(State {
            files: base.clone(),
            base,
            log: Vec::new(),
            lost: BTreeSet::new(),
            plan,
            mutations: 0,
            reads: 0,
            crashed: false,
        })))
    }

    /// How many mutating calls there were: run once with a healthy plan, and every number up to this is
    /// a place to crash at.
    #[must_use]
    pub fn mutations(&self) -> u64 {
        self.0.lock().mutations
    }

    /// How many calls there were that return content.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.0.lock().reads
    }

    /// Whether the crash has come.
    #[must_use]
    pub fn has_crashed(&self) -> bool {
        self.0.lock().crashed
    }

    /// Crashes now, whatever the plan says.
    pub fn crash(&self) {
        self.0.lock().crashed = true;
    }

    /// A healthy storage with what is on the disk: after a crash, what survived it.
    #[must_use]
    pub fn recover(&self) -> Memory {
        let state = self.0.lock();
        let mut files = state.base.clone();
        for (number, (handle, content)) in state.log.iter().enumerate() {
            if state.lost.contains(&number) {
                continue;
            }
            match content {
                Some(content) => files.insert(*handle, Arc::clone(content)),
                None => files.remove(handle),
            };
        }
        Memory::from_files(files)
    }

    /// The files whose writing or removal had returned as durable and was undone by the crash.
    #[must_use]
    pub fn lost(&self) -> Vec<Handle> {
        let state = self.0.lock();
        state.lost.iter().filter_map(|number| state.log.get(*number)).map(|(handle, _)| *handle).collect()
    }
}

impl Memory {
    /// Damages a stored file for good. Returns whether there was one to damage.
    pub fn damage(&self, handle: &Handle, damage: Damage) -> bool {
        let Some(content) = self.get(handle) else { return false };
        match damage {
            Damage::FlipBit(bit) => {
                let mut content = content.to_vec();
                flip(&mut content, bit);
                self.put(*handle, &content);
            }
            Damage::Truncate(length) => {
                self.put(*handle, content.get(..clamp(length, content.len())).unwrap_or_default());
            }
            Damage::Delete => return self.remove(handle, CallContext::NONE).is_ok(),
        }
        true
    }
}

impl State {
    /// Takes one mutating call through its fault, if it has one.
    fn mutate(
        &mut self,
        action: &'static str,
        handle: &Handle,
        content: Option<&[u8]>,
    ) -> Result<(), StorageError> {
        self.alive(action, handle)?;
        self.mutations += 1;
        let fault = self.plan.writes.remove(&self.mutations);
        match fault {
            Some(WriteFault::CrashBefore) => return Err(self.fall(action, handle)),
            Some(WriteFault::FailBefore) => return Err(passing(action, handle)),
            Some(WriteFault::NoSpace) => {
                return Err(StorageError::new(ErrorKind::NoSpace, action, handle, "no space left"));
            }
            _ => {}
        }
        match (content, self.files.contains_key(handle)) {
            (Some(_), true) => return Err(failure::exists(action, handle)),
            (None, false) => return Err(failure::not_found(action, handle)),
            _ => {}
        }
        let kept = match (fault, content) {
            (Some(WriteFault::Torn { kept }), Some(content)) => {
                content.get(..share(content.len(), kept)).map(Arc::from)
            }
            (_, content) => content.map(Arc::from),
        };
        self.apply(*handle, kept);
        match fault {
            Some(WriteFault::CrashAfter | WriteFault::Torn { .. }) => Err(self.fall(action, handle)),
            Some(WriteFault::Lost(survivors)) => {
                self.lose(survivors);
                Err(self.fall(action, handle))
            }
            Some(WriteFault::FailAfter) => Err(passing(action, handle)),
            _ => Ok(()),
        }
    }

    fn apply(&mut self, handle: Handle, content: Option<Arc<[u8]>>) {
        match &content {
            Some(content) => self.files.insert(handle, Arc::clone(content)),
            None => self.files.remove(&handle),
        };
        self.log.push((handle, content));
    }

    fn lose(&mut self, survivors: Survivors) {
        let last = self.log.len();
        for age in 0..survivors.window.min(64) as usize {
            let Some(number) = last.checked_sub(age + 1) else { break };
            if survivors.mask >> age & 1 == 0 {
                self.lost.insert(number);
            }
        }
    }

    /// The content that a reading call sees, with the fault that it meets.
    fn look(&mut self, handle: &Handle) -> Result<(Arc<[u8]>, Option<ReadFault>), StorageError> {
        self.alive("read", handle)?;
        self.reads += 1;
        let fault = self.plan.reads.remove(&self.reads);
        if fault == Some(ReadFault::Fail) {
            return Err(passing("read", handle));
        }
        let content = self.files.get(handle).ok_or_else(|| failure::not_found("read", handle))?;
        Ok((Arc::clone(content), fault))
    }

    fn alive(&self, action: &'static str, what: impl std::fmt::Display) -> Result<(), StorageError> {
        if self.crashed { Err(StorageError::new(ErrorKind::Other, action, what, Crash)) } else { Ok(()) }
    }

    fn fall(&mut self, action: &'static str, handle: &Handle) -> StorageError {
        self.crashed = true;
        StorageError::new(ErrorKind::Other, action, handle, Crash)
    }
}

fn passing(action: &'static str, handle: &Handle) -> StorageError {
    StorageError::new(ErrorKind::Transient, action, handle, Passing)
}

fn share(length: usize, millionths: u32) -> usize {
    let kept = length as u128 * u128::from(millionths.min(1_000_000)) / 1_000_000;
    usize::try_from(kept).unwrap_or(length)
}

fn clamp(length: u64, limit: usize) -> usize {
    usize::try_from(length).unwrap_or(limit).min(limit)
}

fn flip(content: &mut [u8], bit: u64) {
    let bits = content.len() as u64 * 8;
    let Some(bit) = bit.checked_rem(bits) else { return };
    if let Some(byte) = content.get_mut(clamp(bit / 8, usize::MAX)) {
        *byte ^= 1 << (bit % 8);
    }
}

impl Storage for Faulty {
    fn location(&self) -> String {
        "faulty memory".to_owned()
    }

    fn connections(&self) -> usize {
        2
    }

    fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError> {
        failure::check(context, "prepare", "faulty memory")?;
        self.0.lock().alive("prepare", "faulty memory")
    }

    fn size(&self, handle: &Handle, context: CallContext<'_>) -> Result<u64, StorageError> {
        failure::check(context, "stat", handle)?;
        let state = self.0.lock();
        state.alive("stat", handle)?;
        let content = state.files.get(handle).ok_or_else(|| failure::not_found("stat", handle))?;
        Ok(content.len() as u64)
    }

    fn list(
        &self,
        kind: FileKind,
        context: CallContext<'_>,
        each: &mut dyn FnMut(FileId, u64),
    ) -> Result<(), StorageError> {
        failure::check(context, "list", kind.folder())?;
        let found: Vec<_> = {
            let state = self.0.lock();
            state.alive("list", kind.folder())?;
            let of_kind = state.files.iter().filter(|(handle, _)| handle.kind == kind);
            of_kind.map(|(handle, content)| (handle.id, content.len() as u64)).collect()
        };
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
        let (content, fault) = self.0.lock().look(handle)?;
        failure::check_length(handle, content.len() as u64)?;
        buffer.clear();
        buffer.extend_from_slice(&content);
        match fault {
            Some(ReadFault::FlipBit(bit)) => flip(buffer, bit),
            Some(ReadFault::Truncate(length)) => buffer.truncate(clamp(length, content.len())),
            Some(ReadFault::Fail) | None => {}
        }
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
        let (content, fault) = self.0.lock().look(handle)?;
        let content = match fault {
            Some(ReadFault::Truncate(length)) => {
                content.get(..clamp(length, content.len())).unwrap_or_default()
            }
            _ => &content,
        };
        copy_range(handle, content, offset, buffer)?;
        if let Some(ReadFault::FlipBit(bit)) = fault {
            flip(buffer, bit);
        }
        Ok(())
    }

    fn write(&self, handle: &Handle, content: &[u8], context: CallContext<'_>) -> Result<(), StorageError> {
        failure::check(context, "write", handle)?;
        self.0.lock().mutate("write", handle, Some(content))
    }

    fn remove(&self, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError> {
        failure::check(context, "remove", handle)?;
        self.0.lock().mutate("remove", handle, None)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const NONE: CallContext<'static> = CallContext::NONE;

    fn pack(number: u8) -> Handle {
        Handle::new(FileKind::Pack, FileId([number; 32]))
    }

    /// Writes packs 1 to 4 until something fails; returns how many writes returned well.
    fn run(storage: &Faulty) -> u8 {
        (1..=4).take_while(|number| storage.write(&pack(*number), b"content", NONE).is_ok()).count() as u8
    }

    fn survivors(memory: &Memory) -> Vec<u8> {
        memory.handles().iter().map(|handle| handle.id.0[0]).collect()
    }

    #[test]
    fn a_crash_takes_effect_before_or_after_the_call() {
        let before = Faulty::new(Plan::at(3, WriteFault::CrashBefore));
        assert_eq!(run(&before), 2);
        assert!(before.has_crashed());
        assert_eq!(survivors(&before.recover()), [1, 2]);
        let after = Faulty::new(Plan::at(3, WriteFault::CrashAfter));
        assert_eq!(run(&after), 2);
        assert_eq!(survivors(&after.recover()), [1, 2, 3]);
        let error = after.size(&pack(1), NONE).unwrap_err();
        assert!(is_crash(&error), "{error}");
        assert!(is_crash(&after.list(FileKind::Pack, NONE, &mut |_, _| {}).unwrap_err()));
        after.recover().write(&pack(4), b"healthy again", NONE).unwrap();
    }

    #[test]
    fn a_torn_write_leaves_a_prefix() {
        let torn = Faulty::new(Plan::at(2, WriteFault::Torn { kept: 500_000 }));
        assert_eq!(run(&torn), 1);
        assert_eq!(torn.recover().get(&pack(2)).as_deref(), Some(b"con".as_slice()));
    }

    #[test]
    fn the_last_calls_are_lost_or_reordered() {
        let lost = Faulty::new(Plan::at(4, WriteFault::Lost(Survivors { window: 3, mask: 0 })));
        run(&lost);
        assert_eq!(survivors(&lost.recover()), [1]);
        assert_eq!(lost.lost(), [pack(2), pack(3), pack(4)]);
        let reordered = Faulty::new(Plan::at(4, WriteFault::Lost(Survivors { window: 3, mask: 0b001 })));
        run(&reordered);
        assert_eq!(survivors(&reordered.recover()), [1, 4]);
    }

    #[test]
    fn a_lost_removal_brings_the_file_back() {
        let memory = Memory::new();
        memory.put(pack(1), b"old");
        let storage = Faulty::over(&memory, Plan::at(1, WriteFault::Lost(Survivors { window: 1, mask: 0 })));
        assert!(is_crash(&storage.remove(&pack(1), NONE).unwrap_err()));
        assert_eq!(survivors(&storage.recover()), [1]);
        assert_eq!(survivors(&memory), [1]);
    }

    #[test]
    fn passing_faults_pass() {
        let before = Faulty::new(Plan::at(1, WriteFault::FailBefore));
        assert_eq!(before.write(&pack(1), b"x", NONE).unwrap_err().kind, ErrorKind::Transient);
        before.write(&pack(1), b"x", NONE).unwrap();
        let after = Faulty::new(Plan::at(1, WriteFault::FailAfter));
        assert_eq!(after.write(&pack(1), b"x", NONE).unwrap_err().kind, ErrorKind::Transient);
        assert_eq!(after.write(&pack(1), b"x", NONE).unwrap_err().kind, ErrorKind::Exists);
        let full = Faulty::new(Plan::at(1, WriteFault::NoSpace));
        assert_eq!(full.write(&pack(1), b"x", NONE).unwrap_err().kind, ErrorKind::NoSpace);
        assert_eq!(full.mutations(), 1);
    }

    #[test]
    fn reads_are_garbled_once_and_damage_stays() {
        let storage = Faulty::new(Plan {
            reads: BTreeMap::from([(1, ReadFault::FlipBit(8)), (2, ReadFault::Truncate(2))]),
            ..Plan::default()
        });
        storage.write(&pack(1), b"abcd", NONE).unwrap();
        let mut buffer = Vec::new();
        storage.read(&pack(1), &mut buffer, NONE).unwrap();
        assert_eq!(buffer, b"accd");
        let error = storage.read_at(&pack(1), 0, &mut [0; 4], NONE).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt);
        storage.read(&pack(1), &mut buffer, NONE).unwrap();
        assert_eq!(buffer, b"abcd");
        let memory = storage.recover();
        assert!(memory.damage(&pack(1), Damage::FlipBit(32)));
        assert_eq!(memory.get(&pack(1)).as_deref(), Some(b"`bcd".as_slice()));
        assert!(memory.damage(&pack(1), Damage::Truncate(1)));
        assert_eq!(memory.get(&pack(1)).as_deref(), Some(b"`".as_slice()));
        assert!(memory.damage(&pack(1), Damage::Delete));
        assert!(!memory.damage(&pack(1), Damage::Delete));
    }
}
