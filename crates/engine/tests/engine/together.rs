//! One backup to several repositories and other sinks: read and cut once, and each succeeds by itself.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use backstay_archive::tar::TarSink;
use backstay_core::{
    Content, Control, CutHint, ErrorKind, FileId, FileKind, Folder, Meta, Pushed, Silent, Sink, SinkError,
};
use backstay_engine::backup::{
    BackupOptions, BackupOutcome, BackupSink, Party, SnapshotDetails, save_snapshot,
};
use backstay_engine::copy::{Copied, CopyOptions, copy};
use backstay_engine::journal::Journal;
use backstay_engine::repository::Lock;
use backstay_storage::Memory;
use parking_lot::Mutex;

use crate::support::noise;
use crate::support::several::{Ended, Several};
use crate::support::source::{Bytes, When, entry, file_meta, folder_meta};
use crate::support::vault::Vault;
use crate::support::wrapped::Wrapped;

type Files = BTreeMap<String, Vec<u8>>;

/// Files of all sizes: empty, in one blob, in many, and such as can be compressed.
fn files() -> Files {
    let sizes = [0, 1, 50, 63, 64, 900, 5_000, 40_000, 90_000];
    let noisy =
        sizes.iter().enumerate().map(|(seed, size)| (format!("d/n{size}"), noise(seed as u64, *size)));
    let text = (1..9_u32).map(|n| (format!("d/t{n}"), b"the same words over ".repeat(n as usize * 130)));
    noisy.chain(text).collect()
}

/// What a source gave.
#[derive(Default)]
struct Given {
    opened: AtomicUsize,
    read: Arc<AtomicUsize>,
}

struct Counted(Cursor<Vec<u8>>, Arc<AtomicUsize>);

impl std::io::Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1.fetch_add(count, Ordering::SeqCst);
        Ok(count)
    }
}

impl Given {
    /// Hands the files to a sink, each to be opened once at most.
    fn to(self: &Arc<Self>, sink: &dyn Sink, files: &Files) -> Result<(), SinkError> {
        let root = sink.root()?;
        let folder = root.folder(b"d")?;
        for (path, bytes) in files {
            let (bytes, given) = (bytes.clone(), Arc::clone(self));
            let size = bytes.len();
            let opener = When(move || {
                given.opened.fetch_add(1, Ordering::SeqCst);
                Ok(Counted(Cursor::new(bytes), Arc::clone(&given.read)))
            });
            let content = Content::Lazy(Box::new(opener), CutHint::ByContent);
            folder.add(entry(path.strip_prefix("d/").unwrap(), file_meta(size), content))?;
        }
        folder.close(folder_meta())?;
        root.close(folder_meta())
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }
}

fn bytes_of(files: &Files) -> usize {
    files.values().map(Vec::len).sum()
}

#[track_caller]
fn outcome(ended: &mut Ended, number: usize) -> BackupOutcome {
    ended.remove(&Party::Repository(number)).unwrap().unwrap().unwrap()
}

#[track_caller]
fn holds(vault: &Vault, tree: FileId, files: &Files) {
    assert!(vault.try_restore(tree).unwrap().whole() == *files);
    vault.is_sound();
}

/// Three repositories in memory, of which the first two cut alike.
fn three() -> [Vault; 3] {
    let (first, _) = Vault::new();
    let (third, _) = Vault::new();
    [first.alike(Arc::new(Memory::new())), first, third]
}

fn take(several: Several, files: &Files) -> (Ended, Arc<Given>) {
    let given = Arc::new(Given::default());
    let sink = several.start();
    given.to(&sink, files).unwrap();
    (Several::ended(sink), given)
}

#[test]
fn a_source_is_read_once_for_three_repositories_and_each_gets_all() {
    let (vaults, files) = (three(), files());
    let several = Several::of(&vaults);
    let events = Arc::clone(&several.events);
    let (mut ended, given) = take(several, &files);
    assert_eq!((given.opened(), given.read.load(Ordering::SeqCst)), (files.len(), bytes_of(&files)));
    let outcomes = [0, 1, 2].map(|number| outcome(&mut ended, number));
    for (vault, outcome) in vaults.iter().zip(&outcomes) {
        holds(vault, outcome.tree, &files);
        assert_eq!(outcome.summary.files_new, files.len() as u64);
        assert_eq!(outcome.summary.total_bytes_processed, bytes_of(&files) as u64);
    }
    // Alike to the byte where they are cut alike; and progress is told once.
    assert_eq!(outcomes[0].tree, outcomes[1].tree);
    assert_ne!(outcomes[0].tree, outcomes[2].tree);
    assert_eq!(outcomes[0].summary.data_added_packed, outcomes[1].summary.data_added_packed);
    assert_eq!(events.bytes_done(), bytes_of(&files) as u64);
    assert_eq!(events.files[0].load(Ordering::SeqCst), files.len() as u64);
}

#[test]
fn what_is_stored_together_is_stored_as_alone() {
    let (vaults, files) = (three(), files());
    let (mut ended, _) = take(Several::of(&vaults), &files);
    let alone = vaults[1].alike(Arc::new(Memory::new()));
    let taken = alone.try_back_up(None, &crate::support::recorder::Recorder::new(), |sink| {
        Arc::new(Given::default()).to(sink, &files)
    });
    let (alone, together) = (taken.unwrap().outcome, outcome(&mut ended, 1));
    assert_eq!(alone.tree, together.tree);
    // Lengths of packs differ by who put what beside what; those of blobs do not.
    assert_eq!(alone.summary.data_added_packed, together.summary.data_added_packed);
    assert!(together.summary.data_added_packed < together.summary.data_added);
}

#[test]
fn each_compares_with_a_parent_of_its_own() {
    let (vaults, mut files) = (three(), files());
    let (mut ended, _) = take(Several::of(&vaults[..2]), &files);
    let trees = [0, 1].map(|number| outcome(&mut ended, number).tree);
    let after = |tree| BackupOptions { parent_tree: Some(tree), ..BackupOptions::default() };

    // What all have is not opened, and what one lacks is.
    let mut several = Several::of(&[]);
    several.add(&vaults[0], after(trees[0]));
    several.add(&vaults[1], after(trees[1]));
    files.insert("d/new".into(), noise(77, 3000));
    let (mut ended, given) = take(several, &files);
    assert_eq!(given.opened(), 1);
    for (number, vault) in vaults[..2].iter().enumerate() {
        let outcome = outcome(&mut ended, number);
        assert_eq!(
            (outcome.summary.files_new, outcome.summary.files_unmodified),
            (1, files.len() as u64 - 1)
        );
        holds(vault, outcome.tree, &files);
    }

    // The second has no parent: all is read, and stored where it is missing only.
    let mut several = Several::of(&[]);
    several.add(&vaults[0], after(trees[0]));
    several.add(&vaults[1].alike(Arc::new(Memory::new())), BackupOptions::default());
    let events = Arc::clone(&several.events);
    let (mut ended, given) = take(several, &files);
    assert_eq!(given.opened(), files.len());
    let (first, second) = (outcome(&mut ended, 0), outcome(&mut ended, 1));
    assert_eq!((first.summary.data_blobs, first.summary.files_unmodified), (0, files.len() as u64 - 1));
    assert_eq!(second.summary.files_new, files.len() as u64);
    assert_eq!(first.tree, second.tree);
    assert_eq!(events.bytes_done(), bytes_of(&files) as u64);
}

/// A repository that cuts as another does, with a say in each use of its packs, which counts from 1.
fn with_say(
    like: &Vault,
    say: impl Fn(usize) -> Result<(), ErrorKind> + Send + Sync + 'static,
) -> (Vault, Memory) {
    let memory = Memory::new();
    let written = AtomicUsize::new(0);
    let storage = Wrapped::over(&memory, move |action, handle| match (action, handle.kind) {
        ("write", FileKind::Pack) => say(written.fetch_add(1, Ordering::SeqCst) + 1),
        _ => Ok(()),
    });
    (like.alike(storage), memory)
}

/// More than fits into the packs and threads on the way.
fn plenty() -> Files {
    (0..60).map(|seed| (format!("d/f{seed:03}"), noise(seed, 30_000))).collect()
}

#[test]
fn one_that_fails_in_the_middle_leaves_the_others_whole() {
    let [first, second, third] = three();
    let (broken, memory) =
        with_say(&first, |number| if number > 2 { Err(ErrorKind::NoSpace) } else { Ok(()) });
    let files = plenty();
    let (mut ended, given) = take(Several::of(&[broken, first.clone(), third.clone()]), &files);
    let error = ended.remove(&Party::Repository(0)).unwrap().unwrap_err();
    assert!(error.to_string().contains("as the test wants it"), "{error}");
    assert_eq!(given.opened(), files.len());
    holds(&first, outcome(&mut ended, 1).tree, &files);
    holds(&third, outcome(&mut ended, 2).tree, &files);

    // What it stored is known: a copy brings the rest only.
    let broken = Vault::open(Arc::new(memory.clone())).unwrap();
    let stored = broken.ids(FileKind::Pack).len();
    assert!(stored > 0);
    drop(second);
}

#[test]
fn one_that_hangs_is_left_aside_and_caught_up_by_a_copy() {
    let [first, ..] = three();
    let control = Arc::new(OnceLock::<Control>::new());
    let reins = Arc::clone(&control);
    let is_up = Arc::new(AtomicBool::new(false));
    let up = Arc::clone(&is_up);
    let (hanging, memory) = with_say(&first, move |number| {
        let cancelled = || reins.get().is_some_and(Control::is_cancelled);
        while number > 1 && !up.load(Ordering::SeqCst) && !cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if number > 1 && !up.load(Ordering::SeqCst) { Err(ErrorKind::Cancelled) } else { Ok(()) }
    });
    let files = plenty();
    let mut several = Several::of(std::slice::from_ref(&first));
    several.patience = Duration::from_millis(200);
    control.set(several.add(&hanging, BackupOptions::default())).unwrap();
    let begun = Instant::now();
    let (mut ended, given) = take(several, &files);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(given.opened(), files.len());
    let whole = outcome(&mut ended, 0);
    holds(&first, whole.tree, &files);
    let error = ended.remove(&Party::Repository(1)).unwrap().unwrap_err();
    assert!(error.to_string().contains("holds up the other destinations"), "{error}");

    let details = SnapshotDetails { paths: vec!["/d".into()], ..SnapshotDetails::default() };
    save_snapshot(&first.repository, &whole, details).unwrap();
    is_up.store(true, Ordering::SeqCst);
    let late = Vault::open(Arc::new(memory)).unwrap();
    let lock = Arc::new(Lock::acquire(&late.repository, false).unwrap());
    let (entries, _) = first.repository.load_snapshots().unwrap();
    let mut copied = Vec::new();
    let options = CopyOptions::default();
    copy(&first.repository, &late.repository, &lock, &entries, &options, &Silent, &mut |_, done| {
        copied.push(done);
    })
    .unwrap();
    assert!(matches!(copied.as_slice(), [Copied::As(_)]), "{copied:?}");
    holds(&late, whole.tree, &files);
}

#[test]
fn one_that_is_slower_by_far_is_left_aside_and_one_that_is_as_slow_stays() {
    let [first, ..] = three();
    let dawdle = |_| {
        std::thread::sleep(Duration::from_millis(40));
        Ok(())
    };
    let slow = || with_say(&first, dawdle).0;
    let files = plenty();
    let mut several = Several::of(&[first.clone(), slow()]);
    several.patience = Duration::from_millis(150);
    let (mut ended, _) = take(several, &files);
    holds(&first, outcome(&mut ended, 0).tree, &files);
    ended.remove(&Party::Repository(1)).unwrap().unwrap_err();

    let vaults = [slow(), slow()];
    let mut several = Several::of(&vaults);
    several.patience = Duration::from_millis(150);
    let (mut ended, _) = take(several, &files);
    for (number, vault) in vaults.iter().enumerate() {
        holds(vault, outcome(&mut ended, number).tree, &files);
    }
}

#[test]
fn all_that_fail_end_the_backup_with_a_reason_for_each() {
    let [first, ..] = three();
    let broken = || with_say(&first, |_| Err(ErrorKind::Denied)).0;
    let sink = Several::of(&[broken(), broken()]).start();
    let given = Arc::new(Given::default());
    // The source may come to its end before the first pack is stored.
    let _ = given.to(&sink, &plenty());
    let deadline = Instant::now() + Duration::from_secs(20);
    while !sink.has_failed() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let ended = Several::ended(sink);
    assert!(ended.len() == 2 && ended.values().all(Result::is_err), "{ended:?}");
}

#[test]
fn an_interrupted_one_goes_on_from_its_own_journal() {
    let [first, ..] = three();
    let (broken, memory) =
        with_say(&first, |number| if number > 12 { Err(ErrorKind::Transient) } else { Ok(()) });
    let room = tempfile::tempdir().unwrap();
    let path = |name: &str| room.path().join(name);
    let files = plenty();
    let journal = |vault: &Vault, name: &str| {
        let lock = Arc::new(Lock::acquire(&vault.repository, false).unwrap());
        let journal = Arc::new(Journal::open(&vault.repository, &path(name)).unwrap().unwrap());
        journal.adopt_packs(&vault.repository, &vault.repository.load_index().unwrap(), &lock).unwrap();
        BackupOptions { journal: Some(journal), ..BackupOptions::default() }
    };
    let mut several = Several::of(&[]);
    several.add(&first, journal(&first, "first"));
    several.add(&broken, journal(&broken, "second"));
    let (mut ended, _) = take(several, &files);
    holds(&first, outcome(&mut ended, 0).tree, &files);
    ended.remove(&Party::Repository(1)).unwrap().unwrap_err();

    let again = Vault::open(Arc::new(memory)).unwrap();
    let mut several = Several::of(&[]);
    several.add(&again, journal(&again, "second"));
    let (mut ended, given) = take(several, &files);
    assert!(given.opened() < files.len(), "{} of {} were read again", given.opened(), files.len());
    holds(&again, outcome(&mut ended, 0).tree, &files);
}

#[test]
fn a_cancelled_backup_ends_everywhere() {
    let vaults = three();
    let several = Several::of(&vaults);
    let control = several.control.clone();
    let sink = several.start();
    let root = sink.root().unwrap();
    root.folder(b"d").unwrap().close(folder_meta()).unwrap();
    control.cancel();
    assert!(matches!(root.folder(b"e"), Err(SinkError::Interrupted(_))));
    drop(root);
    let ended = Several::ended(sink);
    assert_eq!(ended.len(), 3);
    for (party, outcome) in ended {
        assert!(matches!(outcome, Err(SinkError::Interrupted(_))), "{party:?}");
    }
}

#[test]
fn reins_of_one_alone_take_it_out() {
    let vaults = three();
    let mut several = Several::of(&vaults[..1]);
    let one = several.add(&vaults[1], BackupOptions::default());
    one.cancel();
    let files = files();
    let (mut ended, _) = take(several, &files);
    holds(&vaults[0], outcome(&mut ended, 0).tree, &files);
    assert!(matches!(ended.remove(&Party::Repository(1)), Some(Err(SinkError::Interrupted(_)))));
}

#[test]
fn patches_are_read_once_and_laid_over_what_each_has() {
    let vaults = three();
    let base: Files = [("d/file".to_owned(), noise(1, 50_000))].into();
    let (mut ended, _) = take(Several::of(&vaults), &base);
    let mut several = Several::of(&[]);
    for (number, vault) in vaults.iter().enumerate() {
        let parent_tree = Some(outcome(&mut ended, number).tree);
        several.add(vault, BackupOptions { parent_tree, ..BackupOptions::default() });
    }
    let opened = Arc::new(AtomicUsize::new(0));
    let (counted, new) = (Arc::clone(&opened), noise(2, 3000));
    let patch = new.clone();
    let opener = When(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(Cursor::new(patch))
    });
    let sink = several.start();
    let root = sink.root().unwrap();
    let folder = root.folder(b"d").unwrap();
    let ranges = vec![1000..2000, 49_000..51_000];
    folder
        .add(entry("file", file_meta(51_000), Content::Patched { opener: Box::new(opener), ranges }))
        .unwrap();
    folder.close(folder_meta()).unwrap();
    root.close(folder_meta()).unwrap();
    let mut ended = Several::ended(sink);
    assert_eq!(opened.load(Ordering::SeqCst), 1);
    let mut whole = base["d/file"].clone();
    whole.truncate(49_000);
    whole[1000..2000].copy_from_slice(&new[..1000]);
    whole.extend_from_slice(&new[1000..]);
    let files: Files = [("d/file".to_owned(), whole)].into();
    for (number, vault) in vaults.iter().enumerate() {
        holds(vault, outcome(&mut ended, number).tree, &files);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_missing_everywhere_and_told_once() {
    let vaults = three();
    let tar = Arc::new(TarSink::new(Vec::new(), Arc::new(Silent)));
    let several = Several::of(&vaults).and(tar.clone());
    let events = Arc::clone(&several.events);
    let sink = several.start();
    let root = sink.root().unwrap();
    for size in [30, 9000] {
        let breaks = crate::support::source::BreaksAfter(Cursor::new(noise(1, size / 2)));
        crate::support::source::add_when(&*root, &format!("bad {size}"), size, move || Ok(breaks));
    }
    crate::support::source::add_file(&*root, "good", b"whole");
    root.close(folder_meta()).unwrap();
    let mut ended = Several::ended(sink);
    let files: Files = [("good".to_owned(), b"whole".to_vec())].into();
    for (number, vault) in vaults.iter().enumerate() {
        let outcome = outcome(&mut ended, number);
        assert_eq!(outcome.failures, 2);
        holds(vault, outcome.tree, &files);
    }
    assert_eq!(events.failed_paths(), ["/bad 30", "/bad 9000"]);
    assert_eq!(Arc::into_inner(tar).unwrap().finish().unwrap().failed, 2);
}

/// A sink that takes some entries and fails then.
struct Full(Arc<Mutex<usize>>);

impl Sink for Full {
    fn root(&self) -> Result<Box<dyn Folder>, SinkError> {
        Ok(Box::new(Self(Arc::clone(&self.0))))
    }

    fn open_limit(&self) -> usize {
        1
    }
}

impl Folder for Full {
    fn folder(&self, _: &[u8]) -> Result<Box<dyn Folder>, SinkError> {
        Ok(Box::new(Self(Arc::clone(&self.0))))
    }

    fn add(&self, _: backstay_core::Entry) -> Result<(), SinkError> {
        let mut room = self.0.lock();
        *room = room.checked_sub(1).ok_or_else(|| SinkError::failed("the tape is full"))?;
        Ok(())
    }

    fn begin(&self, _: &[u8], _: CutHint) -> Result<Box<dyn Pushed>, SinkError> {
        Err(SinkError::failed("the tape is full"))
    }

    fn failed(&self, _: &[u8], _: &str) {}

    fn close(self: Box<Self>, _: Meta) -> Result<(), SinkError> {
        Ok(())
    }
}

#[test]
fn another_sink_that_fails_leaves_the_repositories_whole() {
    let (vaults, files) = (three(), plenty());
    let several = Several::of(&vaults[..1]).and(Arc::new(Full(Arc::new(Mutex::new(5)))));
    let (mut ended, given) = take(several, &files);
    assert_eq!(given.opened(), files.len());
    holds(&vaults[0], outcome(&mut ended, 0).tree, &files);
    let error = ended.remove(&Party::Sink(0)).unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the tape is full");
}

#[test]
fn other_sinks_alone_share_what_is_read() {
    let files = files();
    let tars = [0, 1].map(|_| Arc::new(TarSink::new(Vec::new(), Arc::new(Silent))));
    let several = Several::of(&[]).and(tars[0].clone()).and(tars[1].clone());
    let (ended, given) = take(several, &files);
    assert!(ended.len() == 2 && ended.values().all(Result::is_ok), "{ended:?}");
    assert_eq!((given.opened(), given.read.load(Ordering::SeqCst)), (files.len(), bytes_of(&files)));
    for tar in tars {
        let finished = Arc::into_inner(tar).unwrap().finish().unwrap();
        let mut archive = tar::Archive::new(finished.output.as_slice());
        let mut found = Files::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_str().unwrap().to_owned();
            if entry.header().entry_type().is_file() {
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
                found.insert(path, bytes);
            }
        }
        assert!(found == files, "{:?}", found.keys());
    }
}

#[test]
fn what_is_pushed_goes_to_all() {
    let vaults = three();
    let tar = Arc::new(TarSink::new(Vec::new(), Arc::new(Silent)));
    let sink: BackupSink = Several::of(&vaults).and(tar.clone()).start();
    let bytes = noise(9, 20_000);
    let root = sink.root().unwrap();
    let folder = root.folder(b"d").unwrap();
    let mut pushed = folder.begin(b"pushed", CutHint::Fixed(500)).unwrap();
    bytes.chunks(777).for_each(|piece| pushed.write(piece).unwrap());
    pushed.finish(file_meta(0)).unwrap();
    folder
        .add(entry(
            "pages",
            file_meta(5000),
            Content::Lazy(Box::new(Bytes(noise(3, 5000))), CutHint::Fixed(512)),
        ))
        .unwrap();
    folder.close(folder_meta()).unwrap();
    root.close(folder_meta()).unwrap();
    let mut ended = Several::ended(sink);
    let files: Files = [("d/pushed".to_owned(), bytes), ("d/pages".to_owned(), noise(3, 5000))].into();
    for (number, vault) in vaults.iter().enumerate() {
        let outcome = outcome(&mut ended, number);
        assert_eq!(outcome.summary.data_blobs, 40 + 10);
        holds(vault, outcome.tree, &files);
    }
    assert_eq!(Arc::into_inner(tar).unwrap().finish().unwrap().failed, 0);
}
