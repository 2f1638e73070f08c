//! What every storage has to do, whatever lies behind it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use backstay_core::{CallContext, Control, ErrorKind, FileId, FileKind, Handle, Storage};
use sha2::{Digest, Sha256};

const NONE: CallContext<'static> = CallContext::NONE;

/// Runs the whole suite, each part on a storage that `make` hands out empty and not prepared yet.
///
/// # Panics
/// When the storage does not do what [`Storage`] promises.
pub fn conformance(make: impl Fn() -> Box<dyn Storage>) {
    let prepared = || {
        let storage = make();
        storage.prepare(NONE).unwrap();
        storage
    };
    empty(&*make());
    prepares_twice(&*make());
    what_is_written_is_there(&*prepared());
    nothing_is_overwritten(&*prepared());
    what_is_missing_is_not_found(&*prepared());
    ranges(&*prepared());
    sizes(&*prepared());
    what_is_too_long_is_not_read(&*prepared());
    many(&*prepared());
    writers_race(&*prepared());
    gives_up(&*prepared());
    says_where_it_is(&*prepared());
}

/// Content that is easily told apart by its seed, and its handle.
fn sample(kind: FileKind, seed: u8, length: usize) -> (Handle, Vec<u8>) {
    let mut state = u32::from(seed).wrapping_mul(0x9e37_79b9) | 1;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    });
    // A period that is prime, so that no two blocks of a usual size are the same.
    let period: Vec<u8> = noise.take(length.min(65_521)).collect();
    let mut content = period.repeat(length.div_ceil(period.len().max(1)));
    content.truncate(length);
    if kind == FileKind::Config {
        return (Handle::CONFIG, content);
    }
    (Handle::new(kind, FileId(Sha256::digest(&content).into())), content)
}

fn listed(storage: &dyn Storage, kind: FileKind) -> BTreeMap<FileId, u64> {
    let mut files = BTreeMap::new();
    storage
        .list(kind, NONE, &mut |id, size| {
            assert!(files.insert(id, size).is_none(), "{id} was listed twice");
        })
        .unwrap();
    files
}

fn read(storage: &dyn Storage, handle: &Handle) -> Vec<u8> {
    let mut buffer = b"what was there before".to_vec();
    storage.read(handle, &mut buffer, NONE).unwrap();
    buffer
}

/// A storage that was never prepared holds nothing, or says that it is not there.
fn empty(storage: &dyn Storage) {
    for kind in FileKind::FOLDERS {
        let outcome = storage.list(kind, NONE, &mut |id, _| panic!("{id} in an empty storage"));
        if let Err(error) = outcome {
            assert_eq!(error.kind, ErrorKind::Config, "{error}");
        }
    }
    let error = storage.size(&Handle::CONFIG, NONE).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NotFound | ErrorKind::Config), "{error}");
}

fn prepares_twice(storage: &dyn Storage) {
    storage.prepare(NONE).unwrap();
    let (handle, content) = sample(FileKind::Snapshot, 1, 10);
    storage.write(&handle, &content, NONE).unwrap();
    storage.prepare(NONE).unwrap();
    assert_eq!(read(storage, &handle), content);
}

fn what_is_written_is_there(storage: &dyn Storage) {
    for kind in FileKind::FOLDERS {
        assert!(listed(storage, kind).is_empty(), "{kind:?}");
        let (handle, content) = sample(kind, 2, 1000);
        storage.write(&handle, &content, NONE).unwrap();
        assert_eq!(storage.size(&handle, NONE).unwrap(), 1000);
        assert_eq!(read(storage, &handle), content);
        assert_eq!(listed(storage, kind), BTreeMap::from([(handle.id, 1000)]), "{kind:?}");
        storage.remove(&handle, NONE).unwrap();
        assert!(listed(storage, kind).is_empty(), "{kind:?}");
    }
    let (config, content) = sample(FileKind::Config, 3, 155);
    storage.write(&config, &content, NONE).unwrap();
    assert_eq!(read(storage, &config), content);
    assert_eq!(storage.size(&config, NONE).unwrap(), 155);
}

fn nothing_is_overwritten(storage: &dyn Storage) {
    for kind in [FileKind::Config, FileKind::Pack, FileKind::Lock] {
        let (handle, content) = sample(kind, 4, 500);
        storage.write(&handle, &content, NONE).unwrap();
        let error = storage.write(&handle, b"something else", NONE).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Exists, "{error}");
        assert_eq!(read(storage, &handle), content);
        storage.remove(&handle, NONE).unwrap();
        storage.write(&handle, &content, NONE).unwrap();
        assert_eq!(read(storage, &handle), content);
    }
}

fn what_is_missing_is_not_found(storage: &dyn Storage) {
    for kind in [FileKind::Config, FileKind::Pack, FileKind::Index] {
        let (handle, _) = sample(kind, 5, 10);
        let mut buffer = Vec::new();
        let failures = [
            storage.size(&handle, NONE).unwrap_err(),
            storage.read(&handle, &mut buffer, NONE).unwrap_err(),
            storage.read_at(&handle, 0, &mut [0; 4], NONE).unwrap_err(),
        ];
        for error in failures {
            assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
            assert!(error.to_string().contains(&handle.to_string()), "{error}");
        }
        match storage.remove(&handle, NONE) {
            Ok(()) => {}
            Err(error) => assert_eq!(error.kind, ErrorKind::NotFound, "{error}"),
        }
    }
}

fn ranges(storage: &dyn Storage) {
    let (handle, content) = sample(FileKind::Pack, 6, 100_003);
    storage.write(&handle, &content, NONE).unwrap();
    for (offset, length) in [(0, 1), (0, 100_003), (1, 17), (4095, 4098), (65_535, 2), (100_002, 1), (37, 0)]
    {
        let mut buffer = vec![0; length];
        storage.read_at(&handle, offset as u64, &mut buffer, NONE).unwrap();
        assert_eq!(buffer, content[offset..offset + length], "{length} bytes at {offset}");
    }
    for (offset, length) in [(100_000, 4), (100_003, 1), (1 << 40, 8), (0, 100_004)] {
        let error = storage.read_at(&handle, offset, &mut vec![0; length], NONE).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt, "{length} bytes at {offset}: {error}");
    }
}

fn sizes(storage: &dyn Storage) {
    for (seed, length) in [(7, 0), (8, 1), (9, 20 << 20)] {
        let (handle, content) = sample(FileKind::Pack, seed, length);
        storage.write(&handle, &content, NONE).unwrap();
        assert_eq!(storage.size(&handle, NONE).unwrap(), length as u64);
        assert!(read(storage, &handle) == content, "{length} bytes came back different");
        storage.read_at(&handle, 0, &mut [], NONE).unwrap();
        let mut tail = vec![0; length.min(5)];
        storage.read_at(&handle, (length - tail.len()) as u64, &mut tail, NONE).unwrap();
        assert!(content.ends_with(&tail));
    }
}

fn what_is_too_long_is_not_read(storage: &dyn Storage) {
    for kind in [FileKind::Config, FileKind::Key, FileKind::Lock] {
        let longest = kind.longest() as usize;
        let (handle, content) = sample(kind, 12, longest);
        storage.write(&handle, &content, NONE).unwrap();
        assert!(read(storage, &handle) == content);
        storage.remove(&handle, NONE).unwrap();
        let (handle, content) = sample(kind, 13, longest + 1);
        storage.write(&handle, &content, NONE).unwrap();
        let error = storage.read(&handle, &mut Vec::new(), NONE).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains(&handle.to_string()), "{error}");
    }
}

fn many(storage: &dyn Storage) {
    let mut expected = BTreeMap::new();
    for seed in 0..60 {
        let (handle, content) = sample(FileKind::Pack, seed, 100 + usize::from(seed));
        storage.write(&handle, &content, NONE).unwrap();
        expected.insert(handle.id, content.len() as u64);
    }
    assert_eq!(listed(storage, FileKind::Pack), expected);
    // What a listing finds may be touched while it is under way.
    storage
        .list(FileKind::Pack, NONE, &mut |id, size| {
            assert_eq!(storage.size(&Handle::new(FileKind::Pack, id), NONE).unwrap(), size);
        })
        .unwrap();
}

/// Many threads write; where several write the same file, it is there once and whole.
fn writers_race(storage: &dyn Storage) {
    let won = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let won = &won;
            scope.spawn(move || {
                for seed in 0..8 {
                    let (own, content) = sample(FileKind::Pack, 100 + thread * 8 + seed, 5000);
                    storage.write(&own, &content, NONE).unwrap();
                    let (shared, content) = sample(FileKind::Index, 200 + seed, 70_000);
                    match storage.write(&shared, &content, NONE) {
                        Ok(()) => _ = won.fetch_add(1, Ordering::Relaxed),
                        Err(error) => assert_eq!(error.kind, ErrorKind::Exists, "{error}"),
                    }
                    assert!(read(storage, &shared) == content);
                }
            });
        }
    });
    assert_eq!(won.into_inner(), 8, "each shared file is written by one");
    assert_eq!(listed(storage, FileKind::Pack).len(), 32);
    assert_eq!(listed(storage, FileKind::Index).len(), 8);
}

/// A call that nobody wants any more changes nothing.
fn gives_up(storage: &dyn Storage) {
    let (there, content) = sample(FileKind::Pack, 10, 10);
    storage.write(&there, &content, NONE).unwrap();
    let control = Control::new();
    control.cancel();
    let late = CallContext { deadline: Some(Instant::now()), control: None };
    for (context, kind) in [(CallContext::with(&control), ErrorKind::Cancelled), (late, ErrorKind::Timeout)] {
        let (handle, content) = sample(FileKind::Pack, 11, 10);
        let failures = [
            storage.prepare(context).unwrap_err(),
            storage.write(&handle, &content, context).unwrap_err(),
            storage.remove(&there, context).unwrap_err(),
            storage.size(&there, context).unwrap_err(),
            storage.read(&there, &mut Vec::new(), context).unwrap_err(),
            storage.read_at(&there, 0, &mut [0], context).unwrap_err(),
            storage.list(FileKind::Pack, context, &mut |_, _| {}).unwrap_err(),
        ];
        for error in failures {
            assert_eq!(error.kind, kind, "{error}");
        }
    }
    assert_eq!(listed(storage, FileKind::Pack), BTreeMap::from([(there.id, 10)]));
}

fn says_where_it_is(storage: &dyn Storage) {
    assert!(!storage.location().is_empty());
    assert!(storage.connections() > 0);
}
