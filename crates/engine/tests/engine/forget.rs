//! Removing snapshots: all that can go go, and nothing goes without a lock that holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use backstay_core::{Clock, Control, ErrorKind, Events, FileId, FileKind};
use backstay_engine::Error;
use backstay_engine::forget::{facts, remove_snapshots};
use backstay_engine::repository::Lock;
use backstay_engine::testing::TestClock;
use parking_lot::Mutex;

use crate::support::source::add_file;
use crate::support::vault::{PASSWORD, Vault, environment, tiny};
use crate::support::wrapped::Wrapped;

/// A repository with so many snapshots, and their ids in order.
fn with_snapshots(count: usize) -> (Vault, backstay_storage::Memory, Vec<FileId>) {
    let (vault, memory) = Vault::new();
    for number in 0..count {
        vault.back_up(|root| add_file(root, "number", number.to_string().as_bytes()));
    }
    let ids = vault.ids(FileKind::Snapshot);
    (vault, memory, ids)
}

/// Remembers steps and failures.
#[derive(Default)]
struct Heard {
    steps: Mutex<Vec<(String, u64, u64)>>,
    failures: Mutex<Vec<(String, String)>>,
}

impl Events for Heard {
    fn step(&self, name: &str, done: u64, total: u64) {
        self.steps.lock().push((name.to_owned(), done, total));
    }

    fn item_failed(&self, path: &[u8], during: &str, error: &str) {
        assert_eq!(during, "forget");
        self.failures.lock().push((String::from_utf8_lossy(path).into_owned(), error.to_owned()));
    }
}

#[test]
fn those_that_are_named_go_and_the_others_stay() {
    let (vault, _, ids) = with_snapshots(4);
    let lock = Lock::acquire(&vault.repository, true).unwrap();
    let heard = Heard::default();
    let report =
        remove_snapshots(&vault.repository, &lock, &BTreeSet::from([ids[0], ids[2]]), &heard).unwrap();
    assert_eq!(report.removed, [ids[0], ids[2]]);
    assert!(report.failed.is_empty());
    assert_eq!(vault.ids(FileKind::Snapshot), [ids[1], ids[3]]);
    let step = |done| ("files deleted".to_owned(), done, 2);
    assert_eq!(*heard.steps.lock(), [step(1), step(2)]);
}

#[test]
fn one_that_cannot_be_removed_does_not_keep_the_others() {
    let (_, memory, ids) = with_snapshots(3);
    let stuck = ids[1];
    let storage = Wrapped::over(&memory, move |action, handle| {
        let refused = action == "remove" && handle.kind == FileKind::Snapshot && handle.id == stuck;
        if refused { Err(ErrorKind::Denied) } else { Ok(()) }
    });
    let vault = Vault::open(storage).unwrap();
    let lock = Lock::acquire(&vault.repository, true).unwrap();
    let heard = Heard::default();
    let report = remove_snapshots(&vault.repository, &lock, &ids.iter().copied().collect(), &heard).unwrap();
    assert_eq!(report.removed, [ids[0], ids[2]]);
    assert!(
        matches!(&report.failed[..], [(id, Error::Storage(error))] if *id == stuck && error.kind == ErrorKind::Denied)
    );
    assert_eq!(vault.ids(FileKind::Snapshot), [stuck]);
    let failures = heard.failures.lock();
    assert_eq!(failures.len(), 1);
    assert!(failures[0].0.contains(&stuck.to_hex()), "{failures:?}");
    assert_eq!(heard.steps.lock().len(), 3, "a failure is a step too");
}

#[test]
fn a_cancelled_removal_ends_after_those_in_hand() {
    let (whole, memory, ids) = with_snapshots(5);
    let control = Control::new();
    let (begun, cancelled) = (Mutex::new(0), control.clone());
    let storage = Wrapped::over(&memory, move |action, handle| {
        if action == "remove" && handle.kind == FileKind::Snapshot {
            // Held over the cancellation, so that what the other thread has in hand is the last that it begins.
            let mut begun = begun.lock();
            *begun += 1;
            if *begun == 2 {
                cancelled.cancel();
            }
        }
        Ok(())
    });
    assert_eq!(storage.small_calls(), 2);
    let vault = Vault::open(storage).unwrap().steered_by(&control);
    let lock = Lock::acquire(&vault.repository, true).unwrap();
    let error = remove_snapshots(&vault.repository, &lock, &ids.iter().copied().collect(), &Heard::default())
        .unwrap_err();
    assert!(error.is_interrupted(), "{error}");
    let left = whole.ids(FileKind::Snapshot);
    assert!((2..=4).contains(&left.len()), "{left:?}");
}

#[test]
fn nothing_goes_when_the_lock_is_lost() {
    let (whole, memory, ids) = with_snapshots(2);
    let clock = Arc::new(TestClock::default());
    let mut environment = environment();
    environment.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    let vault = Vault::open_with(Arc::new(memory), PASSWORD, environment, tiny()).unwrap();
    let lock = Lock::acquire(&vault.repository, true).unwrap();
    clock.advance(60 * 60);
    let all = ids.iter().copied().collect();
    let error = remove_snapshots(&vault.repository, &lock, &all, &backstay_core::Silent).unwrap_err();
    assert!(
        matches!(error, Error::LockLost { .. }),
        "the reason is told, not that it was cancelled: {error}"
    );
    assert_eq!(whole.ids(FileKind::Snapshot), ids);
}

#[test]
fn the_rules_see_paths_in_order() {
    let (vault, ..) = with_snapshots(1);
    let (mut entries, _) = vault.repository.load_snapshots().unwrap();
    let mut entry = entries.remove(0);
    entry.snapshot.paths = vec!["/b".into(), "/a".into()];
    entry.snapshot.tags = vec!["nightly".into()];
    let time = entry.snapshot.time;
    let facts = facts(entry);
    assert_eq!(facts.paths, ["/a", "/b"]);
    assert_eq!(facts.id.snapshot.paths, facts.paths);
    assert_eq!((facts.host.as_str(), &facts.tags[..]), ("workshop", &["nightly".to_owned()][..]));
    assert_eq!(
        (facts.time.seconds, facts.time.nanos, facts.time.offset),
        (time.seconds, time.nanos, time.offset)
    );
}
