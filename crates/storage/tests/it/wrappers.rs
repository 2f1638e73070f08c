//! The wrappers, each over a storage that shows what it does.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use backstay_core::{CallContext, Control, ErrorKind, FileId, FileKind, Handle, Storage};
use backstay_storage::limit::Rates;
use backstay_storage::retry::Policy;
use backstay_storage::testing::{Damage, Faulty, Plan, ReadFault, WriteFault, conformance};
use backstay_storage::{Cache, Limit, Memory, Retry};
use sha2::{Digest, Sha256};

const NONE: CallContext<'static> = CallContext::NONE;
const REPOSITORY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn named(kind: FileKind, content: &[u8]) -> Handle {
    Handle::new(kind, FileId(Sha256::digest(content).into()))
}

/// Retries without waiting.
fn patient(inner: Faulty) -> Retry {
    Retry::new(Box::new(inner), Policy::default()).with_time(|_| {}, || 0.5)
}

/// Every other call fails, in turn before and after it took effect.
fn flaky() -> Plan {
    let write = |call| (call, if call % 4 == 1 { WriteFault::FailBefore } else { WriteFault::FailAfter });
    let reads = (1..2000).step_by(2).map(|call| (call, ReadFault::Fail)).collect();
    Plan { writes: (1..2000).step_by(2).map(write).collect(), reads }
}

#[test]
fn retry_makes_a_flaky_storage_conform() {
    // Two writers of one file may each be told that it is theirs: the one whose write was reported as
    // failed finds its content there. So writers do not race here, as they do in `conformance`.
    let storage = patient(Faulty::new(flaky()));
    for number in 0..50_u8 {
        let handle = named(FileKind::Pack, &[number]);
        storage.write(&handle, &[number], NONE).unwrap();
        let mut content = Vec::new();
        storage.read(&handle, &mut content, NONE).unwrap();
        assert_eq!(content, [number]);
        storage.read_at(&handle, 0, &mut [0], NONE).unwrap();
        if number % 2 == 0 {
            storage.remove(&handle, NONE).unwrap();
        }
    }
    let mut count = 0;
    storage.list(FileKind::Pack, NONE, &mut |_, _| count += 1).unwrap();
    assert_eq!(count, 25);
}

#[test]
fn retry_over_a_healthy_storage_conforms() {
    conformance(|| Box::new(Retry::new(Box::new(Memory::new()), Policy::default())));
}

#[test]
fn only_passing_faults_are_tried_again() {
    let inner = Faulty::new(Plan::at(1, WriteFault::NoSpace));
    let storage = patient(inner.clone());
    let handle = named(FileKind::Pack, b"x");
    assert_eq!(storage.write(&handle, b"x", NONE).unwrap_err().kind, ErrorKind::NoSpace);
    assert_eq!(inner.mutations(), 1);
    assert_eq!(storage.read(&handle, &mut Vec::new(), NONE).unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(inner.reads(), 1);
}

#[test]
fn a_write_that_took_effect_but_failed_is_taken_for_done_only_with_its_own_content() {
    let inner = Faulty::new(Plan::at(1, WriteFault::FailAfter));
    patient(inner).write(&Handle::CONFIG, b"mine", NONE).unwrap();
    let memory = Memory::new();
    memory.put(Handle::CONFIG, b"another's");
    let inner = Faulty::over(&memory, Plan::at(1, WriteFault::FailBefore));
    let error = patient(inner).write(&Handle::CONFIG, b"mine", NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Exists);
}

#[test]
fn pauses_double_up_to_their_limit_until_it_is_too_late() {
    let pauses = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let reports = Arc::new(AtomicU32::new(0));
    let plan =
        Plan { writes: (1..100).map(|call| (call, WriteFault::FailBefore)).collect(), ..Plan::default() };
    let policy = Policy {
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(4),
        give_up_after: Duration::from_secs(20),
        try_timeout: None,
    };
    let (seen, told) = (Arc::clone(&pauses), Arc::clone(&reports));
    let storage = Retry::new(Box::new(Faulty::new(plan)), policy)
        .with_time(move |pause| seen.lock().push(pause.as_secs_f64()), || 0.5)
        .on_retry(Arc::new(move |error, _| {
            assert_eq!(error.kind, ErrorKind::Transient);
            told.fetch_add(1, Ordering::Relaxed);
        }));
    let error = storage.write(&Handle::CONFIG, b"", NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient);
    assert_eq!(*pauses.lock(), [1.0, 2.0, 4.0, 4.0, 4.0, 4.0]);
    assert_eq!(reports.load(Ordering::Relaxed), 6);
}

#[test]
fn cancelling_and_deadlines_end_the_waiting() {
    let plan =
        || Plan { writes: (1..9).map(|call| (call, WriteFault::FailBefore)).collect(), ..Plan::default() };
    let policy = Policy { first_pause: Duration::from_secs(600), ..Policy::default() };
    let retry = || Retry::new(Box::new(Faulty::new(plan())), policy.clone());
    let control = Control::new();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| retry().write(&Handle::CONFIG, b"", CallContext::with(&control)));
        std::thread::sleep(Duration::from_millis(20));
        control.cancel();
        assert_eq!(waiting.join().unwrap().unwrap_err().kind, ErrorKind::Cancelled);
    });
    // The pause would outlast the deadline, so the failure itself is told, and at once.
    let soon = CallContext { deadline: Some(Instant::now() + Duration::from_secs(5)), control: None };
    assert_eq!(retry().write(&Handle::CONFIG, b"", soon).unwrap_err().kind, ErrorKind::Transient);
}

/// Knows no haste: a call ends when its deadline does.
struct Slow(AtomicU64);

impl Storage for Slow {
    fn location(&self) -> String {
        "slow".to_owned()
    }
    fn connections(&self) -> usize {
        1
    }
    fn prepare(&self, _: CallContext<'_>) -> Result<(), backstay_core::StorageError> {
        Ok(())
    }
    fn size(&self, handle: &Handle, context: CallContext<'_>) -> Result<u64, backstay_core::StorageError> {
        if self.0.fetch_add(1, Ordering::Relaxed) > 1 {
            return Ok(7);
        }
        std::thread::sleep(context.deadline.unwrap().saturating_duration_since(Instant::now()));
        Err(backstay_core::StorageError::new(ErrorKind::Timeout, "stat", handle, "slow"))
    }
    fn list(
        &self,
        _: FileKind,
        _: CallContext<'_>,
        _: &mut dyn FnMut(FileId, u64),
    ) -> Result<(), backstay_core::StorageError> {
        Ok(())
    }
    fn read(
        &self,
        _: &Handle,
        _: &mut Vec<u8>,
        _: CallContext<'_>,
    ) -> Result<(), backstay_core::StorageError> {
        Ok(())
    }
    fn read_at(
        &self,
        _: &Handle,
        _: u64,
        _: &mut [u8],
        _: CallContext<'_>,
    ) -> Result<(), backstay_core::StorageError> {
        Ok(())
    }
    fn write(&self, _: &Handle, _: &[u8], _: CallContext<'_>) -> Result<(), backstay_core::StorageError> {
        Ok(())
    }
    fn remove(&self, _: &Handle, _: CallContext<'_>) -> Result<(), backstay_core::StorageError> {
        Ok(())
    }
}

#[test]
fn one_try_may_time_out_and_the_next_succeed() {
    let policy = Policy { try_timeout: Some(Duration::from_millis(10)), ..Policy::default() };
    let storage = Retry::new(Box::new(Slow(AtomicU64::new(0))), policy).with_time(|_| {}, || 0.0);
    assert_eq!(storage.size(&Handle::CONFIG, NONE).unwrap(), 7);
}

#[test]
fn limit_conforms_and_gives_up_waiting() {
    let rates = Rates { upload: Some(1 << 40), download: Some(1 << 40) };
    conformance(|| Box::new(Limit::new(Box::new(Memory::new()), rates)));

    let memory = Memory::new();
    let storage = Limit::new(Box::new(memory.clone()), Rates::from_kib(1, 1));
    let soon = CallContext { deadline: Some(Instant::now() + Duration::from_millis(60)), control: None };
    let big = vec![0; 1 << 20];
    let handle = named(FileKind::Pack, &big);
    assert_eq!(storage.write(&handle, &big, soon).unwrap_err().kind, ErrorKind::Timeout);
    assert!(memory.handles().is_empty());
    let control = Control::new();
    memory.put(handle, &big);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| storage.read(&handle, &mut Vec::new(), CallContext::with(&control)));
        std::thread::sleep(Duration::from_millis(20));
        control.cancel();
        assert_eq!(reading.join().unwrap().unwrap_err().kind, ErrorKind::Cancelled);
    });
}

fn cached(source: &Faulty, base: &Path) -> Cache {
    Cache::new(Box::new(source.clone()), base, REPOSITORY).unwrap()
}

fn cached_path(base: &Path, handle: &Handle) -> PathBuf {
    let hex = handle.id.to_hex();
    base.join(REPOSITORY).join(handle.kind.folder()).join(&hex[..2]).join(hex)
}

#[test]
fn cache_conforms() {
    let home = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    conformance(|| {
        number.set(number.get() + 1);
        let base = home.path().join(number.get().to_string());
        Box::new(Cache::new(Box::new(Memory::new()), &base, REPOSITORY).unwrap())
    });
}

#[test]
fn the_cache_lies_as_restic_lays_it() {
    let home = tempfile::tempdir().unwrap();
    let base = home.path().join("cache");
    let storage = cached(&Faulty::new(Plan::healthy()), &base);
    let tag = fs::read_to_string(base.join("CACHEDIR.TAG")).unwrap();
    assert!(tag.starts_with("Signature: 8a477f597d28d172789f06886806bc55"));
    assert_eq!(fs::read_to_string(base.join(REPOSITORY).join("version")).unwrap(), "1");
    for kind in [FileKind::Snapshot, FileKind::Index, FileKind::Pack, FileKind::Key, FileKind::Lock] {
        let handle = named(kind, b"content");
        storage.write(&handle, b"content", NONE).unwrap();
        let kept = cached_path(&base, &handle).exists();
        assert_eq!(kept, matches!(kind, FileKind::Snapshot | FileKind::Index), "{kind:?}");
    }
    fs::write(base.join(REPOSITORY).join("version"), "2").unwrap();
    let error = Cache::new(Box::new(Memory::new()), &base, REPOSITORY).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config, "{error}");
    assert!(Cache::new(Box::new(Memory::new()), &base, "../somewhere").is_err());
}

#[test]
fn what_is_cached_is_not_read_again_unless_garbled() {
    let home = tempfile::tempdir().unwrap();
    let source = Faulty::new(Plan::healthy());
    let handle = named(FileKind::Index, b"an index");
    source.write(&handle, b"an index", NONE).unwrap();
    let storage = cached(&source, home.path());
    let mut content = Vec::new();
    for reads in [1, 1] {
        storage.read(&handle, &mut content, NONE).unwrap();
        assert_eq!((content.as_slice(), source.reads()), (b"an index".as_slice(), reads));
    }
    for garbled in [b"an Index".as_slice(), b"an", b""] {
        fs::write(cached_path(home.path(), &handle), garbled).unwrap();
        storage.read(&handle, &mut content, NONE).unwrap();
        assert_eq!(content, b"an index");
    }
    assert_eq!(source.reads(), 4);
    assert_eq!(fs::read(cached_path(home.path(), &handle)).unwrap(), b"an index");
}

#[test]
fn what_the_source_garbles_is_handed_on_but_not_kept() {
    let home = tempfile::tempdir().unwrap();
    let source = Faulty::new(Plan::at_read(1, ReadFault::FlipBit(3)));
    let handle = named(FileKind::Snapshot, b"snapshot");
    source.write(&handle, b"snapshot", NONE).unwrap();
    let storage = cached(&source, home.path());
    let mut content = Vec::new();
    storage.read(&handle, &mut content, NONE).unwrap();
    assert_ne!(content, b"snapshot");
    assert!(!cached_path(home.path(), &handle).exists());
    storage.read(&handle, &mut content, NONE).unwrap();
    assert_eq!(content, b"snapshot");
}

#[test]
fn entries_that_vanished_at_the_source_vanish_here() {
    let home = tempfile::tempdir().unwrap();
    let source = Faulty::new(Plan::healthy());
    let storage = cached(&source, home.path());
    let [one, two, three, four] = [b"1", b"2", b"3", b"4"].map(|content| {
        let handle = named(FileKind::Snapshot, content);
        storage.write(&handle, content, NONE).unwrap();
        handle
    });
    source.remove(&one, NONE).unwrap();
    storage.remove(&two, NONE).unwrap();
    assert!(cached_path(home.path(), &one).exists());
    assert!(!cached_path(home.path(), &two).exists());
    let mut listed = Vec::new();
    storage.list(FileKind::Snapshot, NONE, &mut |id, _| listed.push(id)).unwrap();
    assert_eq!(listed.len(), 2);
    assert!(!cached_path(home.path(), &one).exists());
    assert!(cached_path(home.path(), &three).exists());
    source.remove(&four, NONE).unwrap();
    assert_eq!(storage.size(&four, NONE).unwrap_err().kind, ErrorKind::NotFound);
    assert!(!cached_path(home.path(), &four).exists());
}

#[test]
fn a_tree_pack_is_fetched_once_and_whole() {
    let home = tempfile::tempdir().unwrap();
    let source = Faulty::new(Plan::healthy());
    let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let handle = named(FileKind::Pack, &content);
    source.write(&handle, &content, NONE).unwrap();
    let storage = cached(&source, home.path());
    let read = |storage: &Cache, offset: usize| {
        let mut buffer = [0; 40];
        storage.read_at(&handle, offset as u64, &mut buffer, NONE).unwrap();
        assert_eq!(buffer, content[offset..offset + 40]);
    };
    read(&storage, 4000);
    assert!(!cached_path(home.path(), &handle).exists(), "no tree pack yet");
    storage.note_tree_pack(&handle.id);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (storage, read) = (&storage, &read);
            scope.spawn(move || (0..50).for_each(|number| read(storage, thread * 1000 + number * 7)));
        }
    });
    assert_eq!(source.reads(), 2, "one small read, then the whole pack once");
    // Another process checks the copy before it trusts it.
    fs::write(cached_path(home.path(), &handle), b"garbled").unwrap();
    let storage = cached(&source, home.path());
    storage.note_tree_pack(&handle.id);
    read(&storage, 0);
    read(&storage, 1);
    assert_eq!(source.reads(), 3);
    let error = storage.read_at(&handle, 399_990, &mut [0; 40], NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Corrupt);
}

#[test]
fn a_passing_cache_begins_empty_and_goes_and_takes_along_what_was_left_behind() {
    let home = tempfile::tempdir().unwrap();
    let source = Faulty::new(Plan::healthy());
    let handle = named(FileKind::Snapshot, b"one");
    cached(&source, home.path()).write(&handle, b"one", NONE).unwrap();
    let [old, new] = ["passing-old", "passing-new"].map(|name| home.path().join(name));
    for folder in [&old, &new] {
        fs::create_dir(folder).unwrap();
    }
    let before = SystemTime::now() - Duration::from_secs(25 * 60 * 60);
    File::open(&old).unwrap().set_modified(before).unwrap();

    let storage = Cache::passing(Box::new(source.clone()), home.path(), REPOSITORY).unwrap();
    assert!(!old.exists() && new.exists());
    for _ in 0..2 {
        storage.read(&handle, &mut Vec::new(), NONE).unwrap();
    }
    assert_eq!(source.reads(), 1, "what others cached does not count, what it cached does");
    assert_eq!(
        fs::read_dir(home.path()).unwrap().count(),
        4,
        "a tag, a cache, a new one, one of another process"
    );
    drop(storage);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 3);
    assert!(cached_path(home.path(), &handle).exists());
}

#[test]
fn damage_can_be_done_to_any_file() {
    let memory = Memory::new();
    memory.put(Handle::CONFIG, b"config");
    assert!(memory.damage(&Handle::CONFIG, Damage::Truncate(3)));
    assert_eq!(memory.fork().get(&Handle::CONFIG).as_deref(), Some(b"con".as_slice()));
    let plan = Plan { writes: BTreeMap::new(), reads: BTreeMap::new() };
    assert_eq!(Faulty::over(&memory, plan).recover().handles(), [Handle::CONFIG]);
}
