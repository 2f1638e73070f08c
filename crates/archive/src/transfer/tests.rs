use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use backstay_core::{CallContext, Chunk, ErrorKind, NewFile, StorageError, Timestamp};
use parking_lot::Mutex;

use super::*;
use crate::manifest::Sha256Text;
use crate::testing::noise;

/// Chunks by their place.
type Chunks = BTreeMap<u64, Vec<u8>>;

/// A store in memory that fails on demand.
#[derive(Default)]
struct Shelf {
    whole: Mutex<BTreeMap<String, (NewFile, Vec<u8>)>>,
    begun: Mutex<BTreeMap<String, (NewFile, Chunks)>>,
    tokens: AtomicU64,
    calls: AtomicU64,
    sent: AtomicU64,
    room: Option<u64>,
    connections: usize,
    faults: Mutex<Vec<Fault>>,
    /// Whether it puts together whatever lies there.
    trusts: bool,
    /// A chunk that turns bad as soon as it lies there, so many times.
    rots: Mutex<u32>,
    /// So many reads fail in passing.
    unread: AtomicU64,
}

/// What goes wrong at which call, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    /// The call does nothing and fails for now.
    Cut,
    /// The call does what it should, but its answer is lost.
    LostAnswer,
    /// A chunk ends after so many bytes.
    CutAfter(usize),
    /// A chunk arrives with one byte changed, and the store sees it.
    Garbled,
    /// The process of the sender ends, before or after the call took effect.
    Crash { after: bool },
}

#[derive(Debug, Clone, Copy)]
struct Fault {
    at: u64,
    what: What,
}

fn failed(kind: ErrorKind) -> StorageError {
    StorageError::new(kind, "call", "the shelf", "as the test asked for")
}

impl Shelf {
    fn fault(&self) -> Option<What> {
        let now = self.calls.fetch_add(1, Ordering::SeqCst);
        self.faults.lock().iter().find(|fault| fault.at == now).map(|fault| fault.what)
    }

    fn around<T>(&self, call: impl FnOnce() -> Result<T, StorageError>) -> Result<T, StorageError> {
        match self.fault() {
            None | Some(What::CutAfter(_) | What::Garbled) => call(),
            Some(What::Cut) => Err(failed(ErrorKind::Transient)),
            Some(What::LostAnswer) => call().and_then(|_| Err(failed(ErrorKind::Timeout))),
            Some(What::Crash { after: false }) => Err(failed(ErrorKind::Cancelled)),
            Some(What::Crash { after: true }) => call().and_then(|_| Err(failed(ErrorKind::Cancelled))),
        }
    }

    fn content(&self, name: &str) -> Option<Vec<u8>> {
        self.whole.lock().get(name).map(|(_, content)| content.clone())
    }
}

impl ArchiveStore for Shelf {
    fn location(&self) -> String {
        "shelf:".into()
    }

    fn connections(&self) -> usize {
        self.connections.max(1)
    }

    fn proves_whole(&self) -> bool {
        !self.trusts
    }

    fn prepare(&self, _: CallContext<'_>) -> Result<(), StorageError> {
        Ok(())
    }

    fn list(&self, _: CallContext<'_>, each: &mut dyn FnMut(StoredFile)) -> Result<(), StorageError> {
        for (name, (file, _)) in &*self.whole.lock() {
            each(StoredFile { name: name.clone(), size: file.size, modified: Timestamp::default() });
        }
        Ok(())
    }

    fn stat(&self, name: &str, _: CallContext<'_>) -> Result<StoredFile, StorageError> {
        let whole = self.whole.lock();
        let (file, _) = whole.get(name).ok_or_else(|| failed(ErrorKind::NotFound))?;
        Ok(StoredFile { name: name.into(), size: file.size, modified: Timestamp::default() })
    }

    fn read_at(
        &self,
        name: &str,
        offset: u64,
        buffer: &mut [u8],
        _: CallContext<'_>,
    ) -> Result<(), StorageError> {
        let one_less = |left: u64| left.checked_sub(1);
        if self.unread.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
            return Err(failed(ErrorKind::Transient));
        }
        let content = self.content(name).ok_or_else(|| failed(ErrorKind::NotFound))?;
        let from = offset as usize;
        let piece = content.get(from..from + buffer.len()).ok_or_else(|| failed(ErrorKind::Corrupt))?;
        buffer.copy_from_slice(piece);
        Ok(())
    }

    fn remove(&self, name: &str, _: CallContext<'_>) -> Result<(), StorageError> {
        self.whole.lock().remove(name).map(drop).ok_or_else(|| failed(ErrorKind::NotFound))
    }

    fn begin(&self, file: &NewFile, _: CallContext<'_>) -> Result<String, StorageError> {
        self.around(|| {
            if self.room.is_some_and(|room| room < file.size) {
                return Err(failed(ErrorKind::NoSpace));
            }
            let mut begun = self.begun.lock();
            if let Some((token, _)) = begun.iter().find(|(_, (other, _))| other == file) {
                return Ok(token.clone());
            }
            if self.whole.lock().contains_key(&file.name)
                || begun.values().any(|(one, _)| one.name == file.name)
            {
                return Err(failed(ErrorKind::Exists));
            }
            let token = format!("token {}", self.tokens.fetch_add(1, Ordering::SeqCst));
            begun.insert(token.clone(), (file.clone(), BTreeMap::new()));
            Ok(token)
        })
    }

    fn sent(&self, file: &NewFile, token: &str, _: CallContext<'_>) -> Result<Vec<Chunk>, StorageError> {
        self.around(|| {
            let begun = self.begun.lock();
            let (own, chunks) = begun.get(token).ok_or_else(|| failed(ErrorKind::NotFound))?;
            assert_eq!(own, file);
            let describe = |(index, bytes): (&u64, &Vec<u8>)| {
                let (offset, size) = file.place(*index).unwrap();
                (size == bytes.len() as u64).then(|| Chunk {
                    index: *index,
                    offset,
                    size,
                    sha256: sha256(bytes),
                })
            };
            Ok(chunks.iter().filter_map(describe).collect())
        })
    }

    fn send(
        &self,
        file: &NewFile,
        token: &str,
        chunk: &Chunk,
        content: &mut (dyn io::Read + Send),
        _: CallContext<'_>,
    ) -> Result<(), StorageError> {
        let fault = self.fault();
        if matches!(fault, Some(What::Cut | What::Crash { after: false })) {
            let crash = fault != Some(What::Cut);
            return Err(failed(if crash { ErrorKind::Cancelled } else { ErrorKind::Transient }));
        }
        let mut bytes = Vec::new();
        if let Some(What::CutAfter(most)) = fault {
            let mut some = vec![0; most.min(chunk.size as usize)];
            io::Read::read_exact(content, &mut some).map_err(|_| failed(ErrorKind::Transient))?;
            return Err(failed(ErrorKind::Transient));
        }
        io::Read::read_to_end(content, &mut bytes).map_err(|_| failed(ErrorKind::Transient))?;
        self.sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        if fault == Some(What::Garbled) {
            bytes[0] ^= 1;
        }
        assert_eq!(file.place(chunk.index), Some((chunk.offset, chunk.size)));
        if sha256(&bytes) != chunk.sha256 {
            return Err(failed(ErrorKind::Corrupt));
        }
        let mut begun = self.begun.lock();
        let (own, chunks) = begun.get_mut(token).ok_or_else(|| failed(ErrorKind::NotFound))?;
        assert_eq!(own, file);
        let mut rots = self.rots.lock();
        if chunk.index == 1 && *rots > 0 {
            *rots -= 1;
            bytes[0] ^= 1;
        }
        chunks.insert(chunk.index, bytes);
        match fault {
            Some(What::LostAnswer) => Err(failed(ErrorKind::Timeout)),
            Some(What::Crash { .. }) => Err(failed(ErrorKind::Cancelled)),
            _ => Ok(()),
        }
    }

    fn finish(&self, file: &NewFile, token: &str, _: CallContext<'_>) -> Result<StoredFile, StorageError> {
        self.around(|| {
            let stored =
                StoredFile { name: file.name.clone(), size: file.size, modified: Timestamp::default() };
            let mut begun = self.begun.lock();
            let Some((own, chunks)) = begun.get(token) else {
                let whole = self.whole.lock();
                let is_same = whole.get(&file.name).is_some_and(|(there, _)| there.sha256 == file.sha256);
                return if is_same { Ok(stored) } else { Err(failed(ErrorKind::NotFound)) };
            };
            assert_eq!(own, file);
            let content: Vec<u8> = chunks.values().flatten().copied().collect();
            if !self.trusts && sha256(&content) != file.sha256 {
                return Err(failed(ErrorKind::Corrupt));
            }
            self.whole.lock().insert(file.name.clone(), (file.clone(), content));
            begun.remove(token);
            Ok(stored)
        })
    }

    fn abandon(&self, token: &str, _: CallContext<'_>) -> Result<(), StorageError> {
        self.begun.lock().remove(token);
        Ok(())
    }
}

/// A clock that goes on only when somebody sleeps.
#[derive(Default)]
struct Standing(AtomicI64);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::utc(self.0.load(Ordering::SeqCst) / 1_000, 0)
    }

    fn sleep(&self, duration: Duration) {
        self.0.fetch_add(duration.as_millis() as i64, Ordering::SeqCst);
    }
}

#[derive(Default)]
struct Kept(Mutex<BTreeMap<String, Begun>>);

impl Tokens for Kept {
    fn load(&self, key: &TransferKey) -> io::Result<Option<Begun>> {
        Ok(self.0.lock().get(&key.digest()).cloned())
    }

    fn save(&self, key: &TransferKey, begun: &Begun) -> io::Result<()> {
        self.0.lock().insert(key.digest(), begun.clone());
        Ok(())
    }

    fn remove(&self, key: &TransferKey) -> io::Result<()> {
        self.0.lock().remove(&key.digest());
        Ok(())
    }
}

#[derive(Default)]
struct Heard {
    sent: AtomicU64,
    lost: AtomicU64,
    already: AtomicU64,
}

impl Progress for Heard {
    fn begun(&self, _: &str, _: u64, already: u64) {
        self.already.store(already, Ordering::SeqCst);
    }

    fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::SeqCst);
    }

    fn lost(&self, bytes: u64) {
        self.lost.fetch_add(bytes, Ordering::SeqCst);
    }
}

const CHUNK: u64 = 1_000;

fn sender(shelf: &Arc<Shelf>, tokens: &Arc<Kept>) -> (Sender, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let sender = Sender {
        store: Arc::clone(shelf) as _,
        tokens: Arc::clone(tokens) as _,
        chunking: Chunking { threshold: 100, unit: 10, split: CHUNK },
        patience: Patience::default(),
        clock: Arc::new(Standing::default()),
        control: Control::new(),
        progress: Arc::clone(&heard) as _,
    };
    (sender, heard)
}

fn content() -> Memory {
    Memory(noise(4 * CHUNK as usize + 321))
}

fn manifest(content: &Memory) -> Manifest {
    let folder = tempfile::tempdir().unwrap();
    let settings = crate::create::Settings::plain_zip(folder.path().to_owned());
    let made = crate::testing::make(folder.path(), &settings, None, |_| {});
    let mut manifest = made.manifest.beside(content.size(), sha256(&content.0));
    manifest.name = "it.zip".into();
    manifest
}

#[test]
fn a_file_and_its_manifest_arrive() {
    for connections in [1, 3, 8] {
        let shelf = Arc::new(Shelf { connections, ..Shelf::default() });
        let tokens = Arc::new(Kept::default());
        let (sender, heard) = sender(&shelf, &tokens);
        let content = content();
        let manifest = manifest(&content);
        let stored = sender.send_archive(&content, "host/plan", &manifest).unwrap();
        assert_eq!((stored.name.as_str(), stored.size), ("host/plan/it.zip", content.size()));
        assert_eq!(shelf.content("host/plan/it.zip").unwrap(), content.0);
        let beside = shelf.content("host/plan/it.zip.manifest.json").unwrap();
        assert_eq!(Manifest::from_json(&beside, "x").unwrap(), manifest);
        assert!(tokens.0.lock().is_empty() && shelf.begun.lock().is_empty());
        assert_eq!(heard.sent.load(Ordering::SeqCst), content.size() + beside.len() as u64);
        assert_eq!(heard.lost.load(Ordering::SeqCst), 0);
    }
    let shelf = Arc::new(Shelf::default());
    let (sender, _) = sender(&shelf, &Arc::default());
    sender.send(&Memory(Vec::new()), "empty", sha256(b"")).unwrap();
    assert_eq!(shelf.content("empty").unwrap(), b"");
}

#[test]
fn every_fault_at_every_call_is_survived_and_costs_a_chunk_at_most() {
    let content = content();
    let manifest = manifest(&content);
    let whats = [What::Cut, What::LostAnswer, What::CutAfter(0), What::CutAfter(500), What::Garbled];
    for what in whats {
        for at in 0..20 {
            let shelf = Arc::new(Shelf { faults: Mutex::new(vec![Fault { at, what }]), ..Shelf::default() });
            let tokens = Arc::new(Kept::default());
            let (sender, heard) = sender(&shelf, &tokens);
            sender
                .send_archive(&content, "", &manifest)
                .unwrap_or_else(|error| panic!("{what:?} {at}: {error}"));
            assert!(shelf.content("it.zip").unwrap() == content.0);
            assert!(shelf.content("it.zip.manifest.json").is_some());
            assert!(tokens.0.lock().is_empty() && shelf.begun.lock().is_empty());
            assert!(heard.lost.load(Ordering::SeqCst) <= CHUNK, "{what:?} {at}");
        }
    }
}

#[test]
fn a_process_that_ends_at_any_call_goes_on_where_it_was() {
    let content = content();
    let manifest = manifest(&content);
    for after in [false, true] {
        for at in 0..20 {
            let faults = Mutex::new(vec![Fault { at, what: What::Crash { after } }]);
            let shelf = Arc::new(Shelf { faults, ..Shelf::default() });
            let tokens = Arc::new(Kept::default());
            let (first, _) = sender(&shelf, &tokens);
            let outcome = first.send_archive(&content, "", &manifest);
            let before = shelf.sent.load(Ordering::SeqCst);
            if let Err(error) = outcome {
                assert!(matches!(error, TransferError::Interrupted(_)), "{error}");
                let (second, _) = sender(&shelf, &tokens);
                second.send_archive(&content, "", &manifest).unwrap_or_else(|error| panic!("{at}: {error}"));
            }
            assert!(shelf.content("it.zip").unwrap() == content.0);
            assert!(shelf.content("it.zip.manifest.json").is_some());
            assert!(tokens.0.lock().is_empty() && shelf.begun.lock().is_empty());
            let all = shelf.sent.load(Ordering::SeqCst);
            let least = content.size() + manifest.to_json().unwrap().len() as u64;
            assert!(all <= least + CHUNK, "{at}: {before} before, {all} in all, {least} are needed");
        }
    }
}

#[test]
fn what_lies_there_wrong_is_sent_again_and_what_is_right_is_not() {
    let content = content();
    let hash = sha256(&content.0);
    let faults = Mutex::new(vec![Fault { at: 5, what: What::Crash { after: true } }]);
    let shelf = Arc::new(Shelf { faults, ..Shelf::default() });
    let tokens = Arc::new(Kept::default());
    assert!(sender(&shelf, &tokens).0.send(&content, "x", hash).is_err());
    for (_, chunks) in shelf.begun.lock().values_mut() {
        assert_eq!(chunks.len(), 4);
        chunks.get_mut(&1).unwrap()[7] ^= 1;
        chunks.get_mut(&2).unwrap().truncate(9);
    }
    shelf.sent.store(0, Ordering::SeqCst);
    let (second, heard) = sender(&shelf, &tokens);
    second.send(&content, "x", hash).unwrap();
    assert!(shelf.content("x").unwrap() == content.0);
    assert_eq!(heard.already.load(Ordering::SeqCst), 2 * CHUNK);
    assert_eq!(shelf.sent.load(Ordering::SeqCst), 2 * CHUNK + 321);
}

#[test]
fn where_the_store_does_not_compare_the_whole_its_sender_does() {
    let content = content();
    let hash = sha256(&content.0);
    let tokens = Arc::new(Kept::default());
    let send = |rots: u32, hash| {
        let shelf = Arc::new(Shelf { trusts: true, rots: Mutex::new(rots), ..Shelf::default() });
        (sender(&shelf, &tokens).0.send(&content, "x", hash), shelf)
    };
    for rots in [0, 1, 3] {
        let (sent, shelf) = send(rots, hash);
        sent.unwrap();
        assert!(shelf.content("x").unwrap() == content.0, "{rots}");
    }
    // Nothing gets the name that is not the file.
    let (sent, shelf) = send(u32::MAX, hash);
    assert!(matches!(sent, Err(TransferError::Store(error)) if error.kind == ErrorKind::Corrupt));
    assert!(shelf.whole.lock().is_empty());
    let (sent, shelf) = send(0, FileId([1; 32]));
    assert!(matches!(sent, Err(TransferError::Changed { .. })));
    assert!(shelf.whole.lock().is_empty());
}

#[test]
fn a_token_that_is_lost_or_expired_begins_again() {
    let content = content();
    let hash = sha256(&content.0);
    let interrupted = || {
        let faults = Mutex::new(vec![Fault { at: 4, what: What::Crash { after: true } }]);
        let shelf = Arc::new(Shelf { faults, ..Shelf::default() });
        let tokens = Arc::new(Kept::default());
        assert!(sender(&shelf, &tokens).0.send(&content, "x", hash).is_err());
        (shelf, tokens)
    };
    // The store forgot it.
    let (shelf, tokens) = interrupted();
    shelf.begun.lock().clear();
    sender(&shelf, &tokens).0.send(&content, "x", hash).unwrap();
    assert!(shelf.content("x").unwrap() == content.0);
    // The sender forgot it.
    let (shelf, _) = interrupted();
    let tokens = Arc::new(Kept::default());
    sender(&shelf, &tokens).0.send(&content, "x", hash).unwrap();
    assert!(shelf.content("x").unwrap() == content.0 && shelf.begun.lock().is_empty());
    // It is another file's now.
    let (shelf, tokens) = interrupted();
    let other = Memory(noise(777));
    let taken = sender(&shelf, &tokens).0.send(&other, "x", sha256(&other.0)).unwrap_err();
    assert!(matches!(taken, TransferError::NameTaken { .. }), "{taken}");
    sender(&shelf, &tokens).0.send(&other, "y", sha256(&other.0)).unwrap();
    let (giving_up, _) = sender(&shelf, &tokens);
    giving_up.abandon(&content, "x", hash).unwrap();
    assert!(shelf.begun.lock().is_empty() && tokens.0.lock().is_empty());
}

#[test]
fn what_cannot_be_helped_by_trying_is_told_at_once() {
    let content = content();
    let hash = sha256(&content.0);
    let full = Arc::new(Shelf { room: Some(9), ..Shelf::default() });
    let error = sender(&full, &Arc::default()).0.send(&content, "x", hash).unwrap_err();
    assert!(matches!(error, TransferError::NoSpace { .. }) && error.hint().is_some(), "{error}");

    let shelf = Arc::new(Shelf::default());
    sender(&shelf, &Arc::default()).0.send(&content, "x", hash).unwrap();
    let other = Memory(noise(777));
    let error = sender(&shelf, &Arc::default()).0.send(&other, "x", sha256(&other.0)).unwrap_err();
    assert!(matches!(error, TransferError::NameTaken { .. }), "{error}");
    assert!(shelf.content("x").unwrap() == content.0);

    let error = sender(&shelf, &Arc::default()).0.send(&other, "y", hash).unwrap_err();
    assert!(matches!(error, TransferError::Changed { .. }), "{error}");
    assert!(shelf.content("y").is_none());
}

#[test]
fn a_store_that_is_gone_is_waited_for_and_given_up_in_the_end() {
    let content = content();
    let hash = sha256(&content.0);
    let gone = |calls: u64| {
        let faults = (2..2 + calls).map(|at| Fault { at, what: What::Cut }).collect();
        Arc::new(Shelf { faults: Mutex::new(faults), ..Shelf::default() })
    };
    let shelf = gone(12);
    sender(&shelf, &Arc::default()).0.send(&content, "x", hash).unwrap();
    assert!(shelf.content("x").unwrap() == content.0);

    let (shelf, tokens) = (gone(100_000), Arc::new(Kept::default()));
    let error = sender(&shelf, &tokens).0.send(&content, "x", hash).unwrap_err();
    assert!(error.to_string().contains("nothing came through for 1d"), "{error}");
    // What waits for the network goes on later.
    assert_eq!(tokens.0.lock().len(), 1);
    shelf.faults.lock().clear();
    sender(&shelf, &tokens).0.send(&content, "x", hash).unwrap();

    let (sender, _) = sender(&gone(100_000), &tokens);
    let sender = Sender { clock: Arc::new(Cancels(sender.control.clone(), Standing::default())), ..sender };
    assert!(matches!(sender.send(&content, "x", hash), Err(TransferError::Interrupted(_))));
}

/// A clock whose first sleep cancels.
struct Cancels(Control, Standing);

impl Clock for Cancels {
    fn now(&self) -> Timestamp {
        self.1.now()
    }

    fn sleep(&self, duration: Duration) {
        assert!(duration <= Duration::from_millis(200));
        self.0.cancel();
    }
}

#[test]
fn a_file_that_cannot_be_read_is_not_tried_for_ever() {
    struct Broken;
    impl ReadAt for Broken {
        fn size(&self) -> u64 {
            5_000
        }
        fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is broken"))
        }
    }
    let shelf = Arc::new(Shelf::default());
    let error = sender(&shelf, &Arc::default()).0.send(&Broken, "x", sha256(b"")).unwrap_err();
    assert!(matches!(error, TransferError::Local { .. }), "{error}");
    let mut lying = manifest(&content());
    lying.file =
        lying.file.map(|facts| crate::manifest::FileFacts { sha256: Sha256Text(facts.sha256.0), size: 1 });
    assert!(sender(&shelf, &Arc::default()).0.send_archive(&content(), "", &lying).is_err());
}

#[test]
fn what_was_sent_is_read_where_it_lies() {
    let place = tempfile::tempdir().unwrap();
    for format in [crate::manifest::Format::Zip, crate::manifest::Format::TarZst] {
        let compression = crate::manifest::Compression::Zstd;
        let settings = crate::testing::settings(place.path(), format, compression);
        let large = noise(9 << 20);
        let made = crate::testing::make(place.path(), &settings, None, |root| {
            let meta = crate::testing::file(large.len());
            root.add(crate::testing::entry(b"large", meta, crate::testing::lazy(&large))).unwrap();
        });
        let shelf = Arc::new(Shelf { connections: 2, ..Shelf::default() });
        let (sender, _) = sender(&shelf, &Arc::default());
        let sender = Sender { chunking: Chunking { unit: 100_000, ..Chunking::default() }, ..sender };
        let file = crate::read::FileInput::new(std::fs::File::open(&made.path).unwrap()).unwrap();
        let stored = sender.send_archive(&file, "a/b", &made.manifest).unwrap();
        let input = crate::read::StoreInput::new(Arc::clone(&shelf) as _, &stored, Control::new());
        let none = crate::crypt::Identities::none();
        let archive = crate::Archive::open(Arc::new(input), stored.name.clone(), &none).unwrap();
        let verified = crate::read::verify(
            &archive,
            Some(&made.manifest),
            &crate::read::Alone,
            &Control::new(),
            &backstay_core::Silent,
        );
        let report = verified.unwrap();
        assert_eq!((report.problems, report.files, report.bytes), (vec![], 1, 9 << 20));
        shelf.remove(&stored.name, CallContext::NONE).unwrap();
        // It is told as what it is, and not as damage.
        let failed = crate::read::verify(
            &archive,
            Some(&made.manifest),
            &crate::read::Alone,
            &Control::new(),
            &backstay_core::Silent,
        );
        assert!(matches!(failed, Err(crate::ArchiveError::Io { .. })), "{failed:?}");
    }
}

#[test]
fn reading_goes_on_after_what_fails_in_passing_until_it_is_cancelled() {
    let shelf = Arc::new(Shelf::default());
    let bytes = content();
    let stored = sender(&shelf, &Arc::default()).0.send(&bytes, "x", sha256(&bytes.0)).unwrap();
    let control = Control::new();
    let input = crate::read::StoreInput::new(Arc::clone(&shelf) as _, &stored, control.clone());
    shelf.unread.store(3, Ordering::SeqCst);
    let mut back = vec![0; bytes.0.len()];
    let mut at = 0;
    while at < back.len() {
        at += input.read_at(at as u64, &mut back[at..]).unwrap();
    }
    assert_eq!((back == bytes.0, shelf.unread.load(Ordering::SeqCst)), (true, 0));

    let input = crate::read::StoreInput::new(Arc::clone(&shelf) as _, &stored, control.clone());
    shelf.unread.store(u64::MAX, Ordering::SeqCst);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| input.read_at(0, &mut [0]));
        while shelf.unread.load(Ordering::SeqCst) == u64::MAX {
            std::thread::yield_now();
        }
        control.cancel();
        let error = reading.join().unwrap().unwrap_err();
        assert!(error.get_ref().is_some_and(|inner| inner.is::<backstay_core::Interrupted>()), "{error}");
    });
}
