//! What every place for archives has to do, whatever lies behind it.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::time::Instant;

use backstay_core::{
    ArchiveStore, CallContext, Chunk, Control, ErrorKind, FileId, NewFile, StorageError, StoredFile,
};
use sha2::{Digest, Sha256};

const NONE: CallContext<'static> = CallContext::NONE;

/// Runs the whole suite, each part on a place that `make` hands out empty and not prepared yet.
///
/// # Panics
/// When the place does not do what [`ArchiveStore`] promises.
pub fn archive_conformance(make: impl Fn() -> Box<dyn ArchiveStore>) {
    let prepared = || {
        let store = make();
        store.prepare(NONE).unwrap();
        store.prepare(NONE).unwrap();
        store
    };
    whole_files_come_and_go(&*prepared());
    nothing_is_there_before_it_is_finished(&*prepared());
    names_are_taken_once(&*prepared());
    what_was_begun_is_gone_on_with(&*prepared());
    garbled_chunks_do_not_count(&*prepared());
    a_wrong_whole_gets_no_name(&*prepared());
    bad_chunks_are_replaced(&*prepared());
    finishing_twice_is_fine(&*prepared());
    what_is_given_up_is_gone(&*prepared());
    what_is_missing_is_not_found(&*prepared());
    names_that_lead_elsewhere_are_refused(&*prepared());
    gives_up(&*prepared());
    assert!(!prepared().location().is_empty() && prepared().connections() > 0);
}

/// Content that is easily told apart by its seed, and the file that it is. Where the place takes no chunks that are so short, both are
/// longer by the same factor.
fn sample(
    store: &dyn ArchiveStore,
    name: &str,
    seed: u8,
    size: usize,
    chunk_size: u64,
) -> (NewFile, Vec<u8>) {
    let is_cut = size as u64 > chunk_size;
    let factor = if is_cut { store.chunk_sizes().start().div_ceil(chunk_size).max(1) } else { 1 };
    let (size, chunk_size) = (size * factor as usize, chunk_size * factor);
    let mut state = u32::from(seed).wrapping_mul(0x9e37_79b9) | 1;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    });
    let content: Vec<u8> = noise.take(size).collect();
    let sha256 = FileId(Sha256::digest(&content).into());
    (NewFile { name: name.to_owned(), size: size as u64, sha256, chunk_size }, content)
}

fn chunk<'a>(file: &NewFile, content: &'a [u8], index: u64) -> (Chunk, &'a [u8]) {
    let (offset, size) = file.place(index).unwrap();
    let bytes = &content[offset as usize..(offset + size) as usize];
    (Chunk { index, offset, size, sha256: FileId(Sha256::digest(bytes).into()) }, bytes)
}

fn send(
    store: &dyn ArchiveStore,
    file: &NewFile,
    token: &str,
    content: &[u8],
    index: u64,
) -> Result<(), StorageError> {
    let (chunk, mut bytes) = chunk(file, content, index);
    store.send(file, token, &chunk, &mut bytes, NONE)
}

fn put(store: &dyn ArchiveStore, file: &NewFile, content: &[u8]) -> StoredFile {
    let token = store.begin(file, NONE).unwrap();
    for index in 0..file.chunks() {
        send(store, file, &token, content, index).unwrap();
    }
    store.finish(file, &token, NONE).unwrap()
}

fn listed(store: &dyn ArchiveStore) -> BTreeMap<String, u64> {
    let mut files = BTreeMap::new();
    store
        .list(NONE, &mut |file| {
            assert!(file.modified.seconds > 1_000_000_000, "{file:?}");
            assert!(files.insert(file.name.clone(), file.size).is_none(), "{file:?} was listed twice");
        })
        .unwrap();
    files
}

fn read(store: &dyn ArchiveStore, name: &str) -> Vec<u8> {
    let mut content = vec![0; store.stat(name, NONE).unwrap().size as usize];
    store.read_at(name, 0, &mut content, NONE).unwrap();
    content
}

fn whole_files_come_and_go(store: &dyn ArchiveStore) {
    assert!(listed(store).is_empty());
    let mut expected = BTreeMap::new();
    for (number, (name, size)) in [
        ("Data.zip", 100_000),
        ("a/b/Data.zip", 30_000),
        ("a/empty", 0),
        ("Über uns/日本 100%.zip", 70_001),
        ("a/b/one", 1),
    ]
    .into_iter()
    .enumerate()
    {
        let (file, content) = sample(store, name, number as u8 + 1, size, 30_000);
        let stored = put(store, &file, &content);
        assert_eq!((stored.name.as_str(), stored.size), (name, file.size));
        assert!(read(store, name) == content, "{name}");
        expected.insert(name.to_owned(), file.size);
    }
    assert_eq!(listed(store), expected);
    let (mut part, end) = ([0; 10], expected["Data.zip"]);
    store.read_at("Data.zip", end - 10, &mut part, NONE).unwrap();
    let error = store.read_at("Data.zip", end - 9, &mut part, NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Corrupt, "{error}");
    for name in expected.keys() {
        store.remove(name, NONE).unwrap();
        assert_eq!(store.stat(name, NONE).unwrap_err().kind, ErrorKind::NotFound, "{name}");
    }
    assert!(listed(store).is_empty());
}

fn nothing_is_there_before_it_is_finished(store: &dyn ArchiveStore) {
    let (file, content) = sample(store, "x/Data.zip", 1, 100_000, 40_000);
    let token = store.begin(&file, NONE).unwrap();
    for index in 0..file.chunks() {
        assert!(listed(store).is_empty());
        assert_eq!(store.stat(&file.name, NONE).unwrap_err().kind, ErrorKind::NotFound);
        send(store, &file, &token, &content, index).unwrap();
    }
    assert!(listed(store).is_empty(), "the name comes with finish");
    store.finish(&file, &token, NONE).unwrap();
    assert_eq!(listed(store).len(), 1);
}

fn names_are_taken_once(store: &dyn ArchiveStore) {
    let (file, content) = sample(store, "Data.zip", 1, 1000, 1000);
    let (other, _) = sample(store, "Data.zip", 2, 1000, 1000);
    let token = store.begin(&file, NONE).unwrap();
    assert_eq!(store.begin(&other, NONE).unwrap_err().kind, ErrorKind::Exists);
    // The very same file is gone on with: whoever lost the token gets it again.
    assert_eq!(store.begin(&file, NONE).unwrap(), token);
    send(store, &file, &token, &content, 0).unwrap();
    store.finish(&file, &token, NONE).unwrap();
    for again in [&file, &other] {
        assert_eq!(store.begin(again, NONE).unwrap_err().kind, ErrorKind::Exists);
    }
    assert!(read(store, "Data.zip") == content);
}

fn what_was_begun_is_gone_on_with(store: &dyn ArchiveStore) {
    let (file, content) = sample(store, "Data.zip", 1, 100_000, 30_000);
    let token = store.begin(&file, NONE).unwrap();
    assert!(store.sent(&file, &token, NONE).unwrap().is_empty());
    for index in [0, 1] {
        send(store, &file, &token, &content, index).unwrap();
    }
    let sent = store.sent(&file, &token, NONE).unwrap();
    assert_eq!(sent, [chunk(&file, &content, 0).0, chunk(&file, &content, 1).0]);
    // Cut in the middle of a chunk: it does not count.
    struct Cut(usize);
    impl Read for Cut {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            let count = buffer.len().min(self.0);
            self.0 -= count;
            Ok(count)
        }
    }
    let (third, _) = chunk(&file, &content, 2);
    store.send(&file, &token, &third, &mut Cut(10_000), NONE).unwrap_err();
    assert_eq!(store.sent(&file, &token, NONE).unwrap(), sent);
    let early = store.finish(&file, &token, NONE).unwrap_err();
    assert_eq!(early.kind, ErrorKind::Corrupt, "{early}");
    for index in [2, 3] {
        send(store, &file, &token, &content, index).unwrap();
    }
    assert_eq!(store.sent(&file, &token, NONE).unwrap().len(), 4);
    store.finish(&file, &token, NONE).unwrap();
    assert!(read(store, "Data.zip") == content);
}

fn garbled_chunks_do_not_count(store: &dyn ArchiveStore) {
    let (file, content) = sample(store, "Data.zip", 1, 50_000, 30_000);
    let token = store.begin(&file, NONE).unwrap();
    let (first, bytes) = chunk(&file, &content, 0);
    let mut garbled = bytes.to_vec();
    garbled[12_345] ^= 1;
    let error = store.send(&file, &token, &first, &mut garbled.as_slice(), NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Corrupt, "{error}");
    assert!(store.sent(&file, &token, NONE).unwrap().is_empty());
    for index in 0..2 {
        send(store, &file, &token, &content, index).unwrap();
    }
    store.finish(&file, &token, NONE).unwrap();
}

fn a_wrong_whole_gets_no_name(store: &dyn ArchiveStore) {
    let (mut file, content) = sample(store, "Data.zip", 1, 50_000, 30_000);
    file.sha256.0[0] ^= 1;
    let token = store.begin(&file, NONE).unwrap();
    for index in 0..2 {
        send(store, &file, &token, &content, index).unwrap();
    }
    // Where the store does not compare the whole, its sender does, by what it was told here.
    if store.proves_whole() {
        let error = store.finish(&file, &token, NONE).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt, "{error}");
    }
    assert!(listed(store).is_empty());
    store.abandon(&token, NONE).unwrap();
    let (file, content) = sample(store, "Data.zip", 1, 50_000, 30_000);
    put(store, &file, &content);
}

fn bad_chunks_are_replaced(store: &dyn ArchiveStore) {
    let (file, content) = sample(store, "Data.zip", 1, 100_000, 30_000);
    let token = store.begin(&file, NONE).unwrap();
    let (_, other) = sample(store, "Data.zip", 2, 100_000, 30_000);
    for index in 0..4 {
        let from = if index == 1 { &other } else { &content };
        send(store, &file, &token, from, index).unwrap();
    }
    if store.proves_whole() {
        assert_eq!(store.finish(&file, &token, NONE).unwrap_err().kind, ErrorKind::Corrupt);
    }
    let sent = store.sent(&file, &token, NONE).unwrap();
    let bad: Vec<u64> = sent
        .iter()
        .filter(|found| **found != chunk(&file, &content, found.index).0)
        .map(|it| it.index)
        .collect();
    assert_eq!((sent.len(), bad), (4, vec![1]));
    if let Err(error) = send(store, &file, &token, &content, 1) {
        // A store that cannot replace it has given all of it up.
        assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
        assert_eq!(store.sent(&file, &token, NONE).unwrap_err().kind, ErrorKind::NotFound);
        put(store, &file, &content);
        assert!(read(store, "Data.zip") == content);
        return;
    }
    assert_eq!(store.sent(&file, &token, NONE).unwrap()[1], chunk(&file, &content, 1).0);
    store.finish(&file, &token, NONE).unwrap();
    assert!(read(store, "Data.zip") == content);
}

fn finishing_twice_is_fine(store: &dyn ArchiveStore) {
    let (file, content) = sample(store, "Data.zip", 1, 1000, 300);
    let token = store.begin(&file, NONE).unwrap();
    for index in 0..file.chunks() {
        send(store, &file, &token, &content, index).unwrap();
    }
    let first = store.finish(&file, &token, NONE).unwrap();
    let second = store.finish(&file, &token, NONE).unwrap();
    assert_eq!((first.name, first.size), (second.name, second.size));
}

fn what_is_given_up_is_gone(store: &dyn ArchiveStore) {
    let (file, content) = sample(store, "Data.zip", 1, 1000, 300);
    let token = store.begin(&file, NONE).unwrap();
    send(store, &file, &token, &content, 0).unwrap();
    store.abandon(&token, NONE).unwrap();
    store.abandon(&token, NONE).unwrap();
    assert_eq!(store.sent(&file, &token, NONE).unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(send(store, &file, &token, &content, 1).unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(store.finish(&file, &token, NONE).unwrap_err().kind, ErrorKind::NotFound);
    assert!(listed(store).is_empty());
    put(store, &file, &content);
}

fn what_is_missing_is_not_found(store: &dyn ArchiveStore) {
    let failures = [
        store.stat("a/b", NONE).unwrap_err(),
        store.read_at("a/b", 0, &mut [0], NONE).unwrap_err(),
        store.remove("a/b", NONE).unwrap_err(),
    ];
    for error in failures {
        assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    }
    let (file, _) = sample(store, "Data.zip", 1, 1000, 300);
    for token in ["", "x", "../../x", &"0".repeat(32), &"0".repeat(64)] {
        assert_eq!(store.sent(&file, token, NONE).unwrap_err().kind, ErrorKind::NotFound, "{token}");
        store.abandon(token, NONE).unwrap();
    }
}

fn names_that_lead_elsewhere_are_refused(store: &dyn ArchiveStore) {
    for name in ["", "../x", "/etc/x", "a/../x", ".hidden", "a/.b", "a//b", "a\nb"] {
        let (file, _) = sample(store, name, 1, 10, 10);
        assert_eq!(store.begin(&file, NONE).unwrap_err().kind, ErrorKind::Config, "{name:?}");
        assert_eq!(store.stat(name, NONE).unwrap_err().kind, ErrorKind::Config, "{name:?}");
        assert_eq!(store.remove(name, NONE).unwrap_err().kind, ErrorKind::Config, "{name:?}");
    }
}

/// A call that nobody wants any more changes nothing.
fn gives_up(store: &dyn ArchiveStore) {
    let (file, content) = sample(store, "Data.zip", 1, 1000, 1000);
    let token = store.begin(&file, NONE).unwrap();
    let control = Control::new();
    control.cancel();
    let late = CallContext { deadline: Some(Instant::now()), control: None };
    for (context, kind) in [(CallContext::with(&control), ErrorKind::Cancelled), (late, ErrorKind::Timeout)] {
        let (chunk, mut bytes) = chunk(&file, &content, 0);
        let (other, _) = sample(store, "other", 2, 10, 10);
        let failures = [
            store.prepare(context).unwrap_err(),
            store.list(context, &mut |_| ()).unwrap_err(),
            store.stat("Data.zip", context).unwrap_err(),
            store.begin(&other, context).unwrap_err(),
            store.sent(&file, &token, context).unwrap_err(),
            store.send(&file, &token, &chunk, &mut bytes, context).unwrap_err(),
            store.finish(&file, &token, context).unwrap_err(),
            store.abandon(&token, context).unwrap_err(),
        ];
        for error in failures {
            assert_eq!(error.kind, kind, "{error}");
        }
    }
    assert!(store.sent(&file, &token, NONE).unwrap().is_empty());
}
