//! Taking an interrupted backup up again: what the journal says is made use of, and never believed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use backstay_core::{
    CallContext, Content, Control, CutHint, Events, FileKind, Folder, Handle, Sink, Storage,
};
use backstay_engine::backup::{BackupOptions, BackupOutcome, BackupSink};
use backstay_engine::journal::Journal;
use backstay_engine::repository::Lock;
use backstay_storage::Memory;

use crate::support::noise;
use crate::support::recorder::Recorder;
use crate::support::source::{When, entry, file_meta, folder_meta};
use crate::support::vault::{Vault, like_restic};

/// Big files, so that they have notes of their own, and small ones in a folder.
fn contents() -> Vec<(String, Vec<u8>)> {
    let big = (0..6).map(|number| (format!("big {number}"), noise(number, 40_000)));
    big.chain((0..20).map(|number| (format!("small {number}"), noise(100 + number, 300)))).collect()
}

/// A backup of some contents, with a journal.
struct Resumed {
    outcome: BackupOutcome,
    /// Packs that were taken over.
    adopted: usize,
    /// Files that were opened.
    opened: usize,
}

fn remove(memory: &Memory, handle: &Handle) {
    memory.remove(handle, CallContext::NONE).unwrap();
}

fn fill(folder: &dyn Folder, contents: &[(String, Vec<u8>)], opened: &Arc<AtomicUsize>) {
    for (name, bytes) in contents {
        let (meta, bytes, opened) = (file_meta(bytes.len()), bytes.clone(), Arc::clone(opened));
        let opener = When(move || {
            opened.fetch_add(1, Ordering::SeqCst);
            Ok(std::io::Cursor::new(bytes))
        });
        folder.add(entry(name, meta, Content::Lazy(Box::new(opener), CutHint::ByContent))).unwrap();
    }
}

fn back_up(vault: &Vault, path: &Path, contents: &[(String, Vec<u8>)]) -> Resumed {
    let repository = &vault.repository;
    let lock = Arc::new(Lock::acquire(repository, false).unwrap());
    let index = repository.load_index().unwrap();
    let journal = Arc::new(Journal::open(repository, path).unwrap().unwrap());
    let adopted = journal.adopt_packs(repository, &index, &lock).unwrap();
    let options = BackupOptions { journal: Some(journal), ..BackupOptions::default() };
    let events = Recorder::new() as Arc<dyn Events>;
    let sink = BackupSink::start(repository, index, Some(lock), options, events).unwrap();
    let opened = Arc::new(AtomicUsize::new(0));
    let root = sink.root().unwrap();
    let folder = root.folder(b"folder").unwrap();
    fill(&*folder, contents, &opened);
    folder.close(folder_meta()).unwrap();
    root.close(folder_meta()).unwrap();
    let outcome = sink.finish().unwrap();
    Resumed { outcome, adopted, opened: opened.load(Ordering::SeqCst) }
}

/// A repository in which a backup was interrupted before it wrote any index, and its journal.
struct Interrupted {
    memory: Memory,
    whole: BackupOutcome,
    journal: PathBuf,
    _folder: tempfile::TempDir,
}

fn interrupted() -> Interrupted {
    let (vault, memory) = Vault::new();
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let whole = back_up(&vault, &journal, &contents()).outcome;
    for handle in memory.handles() {
        if matches!(handle.kind, FileKind::Index | FileKind::Snapshot | FileKind::Lock) {
            remove(&memory, &handle);
        }
    }
    Interrupted { memory, whole, journal, _folder: folder }
}

impl Interrupted {
    /// Takes the backup up in a copy of the repository, with this as its journal.
    fn resume(&self, journal: &[u8], change: impl FnOnce(&Memory)) -> Resumed {
        let memory = self.memory.fork();
        change(&memory);
        std::fs::write(&self.journal, journal).unwrap();
        let vault = Vault::open(Arc::new(memory)).unwrap();
        let resumed = back_up(&vault, &self.journal, &contents());
        assert_eq!(resumed.outcome.failures, 0);
        assert_eq!(resumed.outcome.tree, self.whole.tree);
        let restored = vault.try_restore(resumed.outcome.tree).unwrap().whole();
        for (name, bytes) in contents() {
            assert!(restored[&format!("folder/{name}")] == bytes, "{name}");
        }
        vault.is_sound();
        resumed
    }

    fn journal(&self) -> Vec<u8> {
        std::fs::read(&self.journal).unwrap()
    }

    fn packs(&self) -> Vec<Handle> {
        self.memory.handles().into_iter().filter(|handle| handle.kind == FileKind::Pack).collect()
    }
}

#[test]
fn what_was_stored_is_neither_read_nor_stored_again() {
    let before = interrupted();
    let resumed = before.resume(&before.journal(), |_| {});
    assert_eq!((resumed.adopted, resumed.opened), (before.packs().len(), 0));
    assert_eq!(resumed.outcome.summary.data_added, 0);
}

#[test]
fn a_journal_may_end_anywhere() {
    let before = interrupted();
    let journal = before.journal();
    let mut opened = Vec::new();
    for part in 0..=16 {
        opened.push(before.resume(&journal[..journal.len() * part / 16], |_| {}).opened);
    }
    // The more it says, the less is read.
    assert!(opened.is_sorted_by(|a, b| a >= b) && opened[0] == contents().len(), "{opened:?}");
    assert_eq!(opened.last(), Some(&0));
}

#[test]
fn a_garbled_journal_is_believed_up_to_there() {
    let before = interrupted();
    let journal = before.journal();
    for part in 0..16 {
        let mut garbled = journal.clone();
        garbled[journal.len() * part / 16] ^= 0x10;
        before.resume(&garbled, |_| {});
    }
    before.resume(&[0xff; 300], |_| {});
}

#[test]
fn packs_that_are_gone_or_cut_are_not_taken_over() {
    let before = interrupted();
    let packs = before.packs();
    let (gone, cut) = (packs[0], packs[1]);
    let resumed = before.resume(&before.journal(), |memory| {
        remove(memory, &gone);
        let content = memory.get(&cut).unwrap();
        memory.put(cut, &content[..content.len() - 1]);
    });
    assert_eq!(resumed.adopted, packs.len() - 2);
    assert!(resumed.opened > 0);
}

#[test]
fn a_file_that_has_changed_since_is_read() {
    let before = interrupted();
    let vault = Vault::open(Arc::new(before.memory.fork())).unwrap();
    let mut changed = contents();
    changed[0].1 = noise(77, 40_001);
    changed[20].1 = noise(78, 299);
    let resumed = back_up(&vault, &before.journal, &changed);
    assert_eq!(resumed.opened, 2);
    let restored = vault.try_restore(resumed.outcome.tree).unwrap().whole();
    for (name, bytes) in changed {
        assert!(restored[&format!("folder/{name}")] == bytes, "{name}");
    }
    vault.is_sound();
}

#[test]
fn the_journal_of_another_repository_says_nothing() {
    let (before, other) = (interrupted(), interrupted());
    let resumed = before.resume(&other.journal(), |_| {});
    assert_eq!((resumed.adopted, resumed.opened), (0, contents().len()));
}

#[test]
fn two_backups_do_not_share_a_journal() {
    let (vault, _) = Vault::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let first = Journal::open(&vault.repository, &path).unwrap();
    assert!(first.is_some() && Journal::open(&vault.repository, &path).unwrap().is_none());
    drop(first);
    assert!(Journal::open(&vault.repository, &path).unwrap().is_some_and(|journal| !journal.is_resumed()));
}

/// Whichever pack is missing: a folder that was noted as done, and whose tree is there, may have had something in it.
#[test]
fn a_tree_vouches_for_nothing_in_it() {
    let before = interrupted();
    let journal = before.journal();
    for pack in before.packs() {
        let resumed = before.resume(&journal, |memory| remove(memory, &pack));
        assert_eq!(resumed.adopted, before.packs().len() - 1);
    }
}

/// Backs up folders of one small file each, until the control is cancelled after so many of them. Gives how many were opened.
fn back_up_folders(vault: &Vault, path: &Path, cancel_after: Option<usize>) -> usize {
    let control = Control::new();
    let repository = vault.repository.with_control(control.clone());
    let lock = Arc::new(Lock::acquire(&repository, false).unwrap());
    let index = repository.load_index().unwrap();
    let journal = Arc::new(Journal::open(&repository, path).unwrap().unwrap());
    journal.adopt_packs(&repository, &index, &lock).unwrap();
    let options = BackupOptions { journal: Some(journal), ..BackupOptions::default() };
    let sink = BackupSink::start(&repository, index, Some(lock), options, Recorder::new()).unwrap();
    let opened = Arc::new(AtomicUsize::new(0));
    let root = sink.root().unwrap();
    for number in 0..FOLDERS {
        if cancel_after == Some(number) {
            // What was added has been gone through.
            let patience = Instant::now() + Duration::from_secs(20);
            while opened.load(Ordering::SeqCst) < number && Instant::now() < patience {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(300));
            control.cancel();
            return opened.load(Ordering::SeqCst);
        }
        let folder = root.folder(format!("folder {number}").as_bytes()).unwrap();
        fill(&*folder, &[("letter".to_owned(), noise(number as u64, 20_000))], &opened);
        folder.close(folder_meta()).unwrap();
    }
    root.close(folder_meta()).unwrap();
    sink.finish().unwrap();
    opened.load(Ordering::SeqCst)
}

const FOLDERS: usize = 40;

#[test]
fn what_a_cancelled_backup_had_in_hand_is_neither_lost_nor_read_again() {
    // Nothing of it fills a pack.
    let memory = Memory::new();
    let vault = Vault::made(Arc::new(memory.clone()), like_restic());
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    assert_eq!(back_up_folders(&vault, &journal, Some(25)), 25);
    let handles = memory.handles();
    let count = |kind| handles.iter().filter(|handle| handle.kind == kind).count();
    assert_eq!((count(FileKind::Pack), count(FileKind::Index), count(FileKind::Lock)), (2, 1, 0));
    vault.is_sound();
    let again = back_up_folders(&vault, &journal, None);
    assert!((FOLDERS - 25..FOLDERS - 15).contains(&again), "{again} of {FOLDERS} files were read again");
    vault.is_sound();
}
