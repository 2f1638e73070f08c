use std::collections::BTreeMap;
use std::sync::Arc;

use backstay_core::{Folder, SinkError};
use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;
use crate::mbstream::StreamWriter;

/// Whole files by path, and how many are being pushed.
#[derive(Debug, Clone, Default)]
struct Shelf {
    state: Arc<Mutex<State>>,
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<Vec<u8>, Vec<u8>>,
    folders: Vec<Vec<u8>>,
    pushing: usize,
}

struct At(Shelf, Vec<u8>);

struct Push(Shelf, Vec<u8>, Vec<u8>);

impl At {
    fn path(&self, name: &[u8]) -> Vec<u8> {
        if self.1.is_empty() { name.to_vec() } else { [&self.1[..], b"/", name].concat() }
    }
}

impl Shelf {
    fn keep(&self, path: Vec<u8>, content: Vec<u8>, meta: &Meta) {
        assert_eq!((meta.kind, meta.size), (EntryKind::File, content.len() as u64));
        assert!(self.state.lock().files.insert(path, content).is_none());
    }
}

impl Sink for Shelf {
    fn root(&self) -> Result<Box<dyn Folder>, SinkError> {
        Ok(Box::new(At(self.clone(), Vec::new())))
    }

    fn open_limit(&self) -> usize {
        self.limit
    }
}

impl Folder for At {
    fn folder(&self, name: &[u8]) -> Result<Box<dyn Folder>, SinkError> {
        Ok(Box::new(At(self.0.clone(), self.path(name))))
    }

    fn add(&self, entry: Entry) -> Result<(), SinkError> {
        let Content::Lazy(opener, _) = entry.content else { panic!("spooled content is lazy") };
        let mut content = Vec::new();
        opener.open().unwrap().read_to_end(&mut content).unwrap();
        self.0.keep(self.path(&entry.name), content, &entry.meta);
        Ok(())
    }

    fn begin(&self, name: &[u8], _: CutHint) -> Result<Box<dyn Pushed>, SinkError> {
        let mut state = self.0.state.lock();
        state.pushing += 1;
        assert!(state.pushing <= self.0.limit, "more is pushed at once than the sink takes");
        Ok(Box::new(Push(self.0.clone(), self.path(name), Vec::new())))
    }

    fn failed(&self, _: &[u8], _: &str) {}

    fn close(self: Box<Self>, meta: Meta) -> Result<(), SinkError> {
        assert_eq!(meta.kind, EntryKind::Folder);
        self.0.state.lock().folders.push(self.1);
        Ok(())
    }
}

impl Pushed for Push {
    fn write(&mut self, data: &[u8]) -> Result<(), SinkError> {
        self.2.extend_from_slice(data);
        Ok(())
    }

    fn finish(self: Box<Self>, meta: Meta) -> Result<(), SinkError> {
        self.0.state.lock().pushing -= 1;
        self.0.keep(self.1, self.2, &meta);
        Ok(())
    }
}

fn take_in(stream: &[u8], limit: usize) -> (Result<StreamReport, StreamError>, State) {
    let shelf = Shelf { limit, ..Shelf::default() };
    let outcome = capture(stream, &shelf, &Template::default(), &Control::new());
    (outcome, Arc::into_inner(shelf.state).unwrap().into_inner())
}

fn stream(write: impl FnOnce(&mut StreamWriter<Vec<u8>>) -> std::io::Result<()>) -> Vec<u8> {
    let mut writer = StreamWriter::new(Vec::new());
    write(&mut writer).unwrap();
    writer.into_inner()
}

#[test]
fn a_small_stream_has_these_very_bytes() {
    let bytes = stream(|writer| {
        writer.payload(b"a", 0, b"123456789")?;
        writer.end(b"a")
    });
    let expected = [
        &b"XBSTCK01\0P\x01\0\0\0a\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"[..],
        &0xCBF4_3926_u32.to_le_bytes(),
        b"123456789XBSTCK01\0E\x01\0\0\0a",
    ];
    assert_eq!(bytes, expected.concat());
}

#[test]
fn mixed_files_come_out_whole_whatever_the_sink_takes_at_once() {
    let long = vec![7; 200_000];
    let bytes = stream(|writer| {
        writer.payload(b"./db/one.ibd", 0, b"on")?;
        writer.payload(b"ibdata1", 0, &long)?;
        writer.payload(b"./db/two.ibd", 0, b"tw")?;
        writer.payload(b"./db/one.ibd", 2, b"e")?;
        writer.end(b"./empty")?;
        writer.end(b"./db/one.ibd")?;
        writer.payload(b"db/two.ibd", 2, b"o")?;
        writer.end(b"ibdata1")?;
        writer.end(b"./db/two.ibd")
    });
    for (limit, spooled) in [(10, 0), (2, 2), (1, 3), (0, 4)] {
        let (outcome, state) = take_in(&bytes, limit);
        let report = outcome.unwrap();
        assert_eq!(report, StreamReport { files: 4, bytes: 200_006, spooled });
        let file = |path: &str| state.files[path.as_bytes()].as_slice();
        assert_eq!(
            (file("db/one.ibd"), file("db/two.ibd"), file("empty")),
            (&b"one"[..], &b"two"[..], &b""[..])
        );
        assert_eq!(file("ibdata1"), long);
        assert_eq!(state.folders, [b"db".to_vec(), Vec::new()]);
    }
}

#[test]
fn damage_is_found_and_named() {
    let good = stream(|writer| {
        writer.payload(b"file", 0, b"content")?;
        writer.end(b"file")
    });
    let mut flipped = good.clone();
    let at = flipped.windows(7).position(|window| window == b"content").unwrap();
    flipped[at] ^= 1;
    assert!(matches!(take_in(&flipped, 1).0, Err(StreamError::Checksum { offset: 0, .. })));
    assert!(matches!(take_in(&good[..good.len() - 1], 1).0, Err(StreamError::Truncated)));
    let end = stream(|writer| writer.end(b"file")).len();
    assert!(matches!(take_in(&good[..good.len() - end], 1).0, Err(StreamError::Unfinished { count: 1, .. })));
    assert!(matches!(take_in(b"not a stream at all", 1).0, Err(StreamError::NoChunk { at: 0 })));
    let gap = stream(|writer| {
        writer.payload(b"f", 0, b"12")?;
        writer.payload(b"f", 3, b"4")
    });
    assert!(matches!(take_in(&gap, 1).0, Err(StreamError::Gap { expected: 2, found: 3, .. })));
    let mut sparse = good.clone();
    sparse[9] = b'S';
    assert!(matches!(take_in(&sparse, 1).0, Err(StreamError::Sparse)));
    let mut unknown = good.clone();
    unknown[9] = b'X';
    assert!(matches!(take_in(&unknown, 1).0, Err(StreamError::UnknownType { kind: b'X', at: 0 })));
    // The same, but it may be skipped.
    unknown[8] = 1;
    let (outcome, state) = take_in(&unknown, 1);
    assert_eq!((outcome.unwrap().files, &state.files[&b"file"[..]][..]), (1, &b""[..]));
}

#[test]
fn paths_that_lead_out_or_clash_are_refused() {
    for path in ["/etc/passwd", "../up", "a/../b", "a//b", "a/", ".", "nul\0"] {
        let bytes = stream(|writer| writer.end(path.as_bytes()));
        assert!(matches!(take_in(&bytes, 1).0, Err(StreamError::BadPath { .. })), "{path}");
    }
    for paths in [["a", "a"], ["a", "a/b"], ["a/b", "a"], ["a", "./a"]] {
        let bytes = stream(|writer| paths.iter().try_for_each(|path| writer.end(path.as_bytes())));
        assert!(matches!(take_in(&bytes, 1).0, Err(StreamError::Conflict { .. })), "{paths:?}");
    }
}

proptest! {
    #[test]
    fn any_mixture_comes_back(
        pieces in proptest::collection::vec((0_u8..6, proptest::collection::vec(any::<u8>(), 0..50)), 0..40),
        limit in 0_usize..4,
    ) {
        let mut wanted = BTreeMap::<Vec<u8>, Vec<u8>>::new();
        let bytes = stream(|writer| {
            for (number, data) in &pieces {
                let path = format!("d{}/f{number}", number % 2).into_bytes();
                let file = wanted.entry(path.clone()).or_default();
                writer.payload(&path, file.len() as u64, data)?;
                file.extend(data);
            }
            wanted.keys().try_for_each(|path| writer.end(path))
        });
        let (outcome, state) = take_in(&bytes, limit);
        prop_assert_eq!(outcome.unwrap().files, wanted.len() as u64);
        prop_assert_eq!(state.files, wanted);
    }

    #[test]
    fn garbled_streams_never_panic(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = stream(|writer| {
            writer.payload(b"one", 0, &[1; 300])?;
            writer.payload(b"d/two", 0, b"2")?;
            writer.payload(b"one", 300, &[3; 30])?;
            writer.end(b"one")?;
            writer.end(b"d/two")
        });
        for (at, value) in &flips {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        let _ = take_in(&bytes, 1);
    }

    #[test]
    fn arbitrary_bytes_behind_a_head_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = take_in(&[b"XBSTCK01\0P".as_slice(), &tail].concat(), 1);
        let _ = take_in(&[b"XBSTCK01\x01X\x01\0\0\0p".as_slice(), &tail].concat(), 1);
    }
}
