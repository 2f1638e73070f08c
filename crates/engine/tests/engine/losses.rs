//! Sources, storages and neighbours that let a backup down.

use std::collections::BTreeMap;
use std::io::{Cursor, Error as IoError, ErrorKind as IoKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use backstay_core::{ErrorKind, FileKind, Silent};
use backstay_engine::Error;
use backstay_engine::prune::{PruneOptions, prune_plan};
use backstay_engine::repair::repair_packs;
use backstay_engine::repository::Lock;
use backstay_storage::testing::{Faulty, Plan, WriteFault};

use crate::support::noise;
use crate::support::recorder::Recorder;
use crate::support::source::{BreaksAfter, add_file, add_when, file_meta, folder_meta};
use crate::support::vault::{Vault, tiny};
use crate::support::wrapped::Wrapped;

#[test]
fn files_that_change_under_the_backup_are_saved_as_they_were_read() {
    for (small, large) in [(300, 900), (5_000, 20_000)] {
        let (vault, _) = Vault::new();
        let (short, long) = (noise(1, small), noise(2, large));
        let (a, b) = (short.clone(), long.clone());
        let taken = vault.back_up(|root| {
            add_when(root, "shrank", large, move || Ok(Cursor::new(a)));
            add_when(root, "grew", small, move || Ok(Cursor::new(b)));
            add_when(root, "emptied", large, || Ok(std::io::empty()));
            let filled = noise(3, large);
            add_when(root, "filled", 0, move || Ok(Cursor::new(filled)));
        });
        assert_eq!(taken.outcome.failures, 0);
        let expected =
            [("emptied", Vec::new()), ("filled", noise(3, large)), ("grew", long), ("shrank", short)];
        let expected: BTreeMap<String, Vec<u8>> =
            expected.into_iter().map(|(name, content)| (name.to_owned(), content)).collect();
        assert!(vault.restored(&taken) == expected, "{small} {large}");
        vault.is_sound();
    }
}

#[test]
fn files_that_cannot_be_read_are_counted_and_the_rest_is_saved() {
    let (vault, _) = Vault::new();
    let taken = vault.back_up(|root| {
        let gone = || Err::<std::io::Empty, _>(IoError::from(IoKind::NotFound));
        let denied = || Err::<std::io::Empty, _>(IoError::from(IoKind::PermissionDenied));
        add_when(root, "vanished", 10, gone);
        add_when(root, "denied", 100_000, denied);
        add_when(root, "breaks early", 900, || Ok(BreaksAfter(Cursor::new(noise(1, 10)))));
        add_when(root, "breaks late", 90_000, || Ok(BreaksAfter(Cursor::new(noise(2, 80_000)))));
        root.failed(b"unlisted", "permission denied");
        add_file(root, "good", b"good");
    });
    assert_eq!(taken.outcome.failures, 5);
    let failed = ["/breaks early", "/breaks late", "/denied", "/unlisted", "/vanished"];
    assert_eq!(taken.events.failed_paths(), failed);
    assert!(taken.events.failure_of("/breaks late").contains("bad sector"));
    assert_eq!(vault.restored(&taken).into_keys().collect::<Vec<_>>(), ["good"]);
    assert_eq!(taken.outcome.summary.total_files_processed, 1);
    vault.is_sound();
}

/// The kind of storage error that a backup of this vault ends with.
fn backup_fails(vault: &Vault) -> ErrorKind {
    let outcome = vault.try_back_up(None, &Recorder::new(), |sink| {
        let root = sink.root()?;
        for number in 0..200 {
            let content = crate::support::source::lazy(&noise(number, 3000));
            root.add(crate::support::source::entry(&number.to_string(), file_meta(3000), content))?;
        }
        root.close(folder_meta())
    });
    match outcome.err().expect("the backup went well") {
        Error::Storage(error) => error.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_full_storage_ends_the_backup_with_that_reason_and_the_old_snapshots_stay() {
    let (vault, memory) = Vault::new();
    let before = vault.back_up(|root| add_file(root, "old", b"old"));
    // Several threads fail at once, and any of them may be the one that tells.
    for room in (0..4).cycle().take(40) {
        let memory = memory.fork();
        let left = AtomicUsize::new(room);
        let full = Wrapped::over(&memory, move |action, handle| {
            let counts = action == "write" && handle.kind == FileKind::Pack;
            let fits = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(usize::from(counts))
            });
            fits.map(|_| ()).map_err(|_| ErrorKind::NoSpace)
        });
        assert_eq!(backup_fails(&Vault::open(full).unwrap()), ErrorKind::NoSpace, "room for {room}");
        let vault = Vault::open(Arc::new(memory)).unwrap();
        vault.is_sound();
        assert_eq!(vault.snapshots().len(), 1);
        assert!(vault.ids(FileKind::Lock).is_empty());
        assert_eq!(vault.restored(&before)["old"], b"old");
        // With room again, all is stored, and what was left behind can be pruned.
        let after = vault.back_up(|root| add_file(root, "new", &noise(1, 3000)));
        assert_eq!(vault.restored(&after)["new"], noise(1, 3000));
        vault.prune().unwrap();
        vault.is_sound();
    }
}

#[test]
fn no_room_at_any_one_write_loses_nothing() {
    let (vault, memory) = Vault::new();
    let before = vault.back_up(|root| add_file(root, "old", b"old"));
    drop(vault);
    let back_up = |vault: &Vault| {
        vault.try_back_up(None, &Recorder::new(), |sink| {
            let root = sink.root()?;
            add_file(&*root, "new", &noise(1, 200_000));
            root.close(folder_meta())
        })
    };
    let healthy = Faulty::over(&memory, Plan::healthy());
    back_up(&Vault::open(Arc::new(healthy.clone())).unwrap()).unwrap();
    assert!(healthy.mutations() > 5, "{}", healthy.mutations());
    for call in 1..=healthy.mutations() {
        let faulty = Faulty::over(&memory, Plan::at(call, WriteFault::NoSpace));
        let vault = Vault::open(Arc::new(faulty.clone())).unwrap();
        let outcome = back_up(&vault);
        vault.is_sound();
        assert_eq!(vault.restored(&before)["old"], b"old");
        match outcome {
            Ok(taken) => assert!(vault.restored(&taken)["new"] == noise(1, 200_000), "call {call}"),
            Err(Error::Storage(error)) => assert_eq!(error.kind, ErrorKind::NoSpace),
            Err(other) => panic!("call {call}: {other:?}"),
        }
    }
}

#[test]
fn a_read_only_storage_can_be_read_and_checked_but_not_written() {
    let (vault, memory) = Vault::new();
    let taken = vault.back_up(|root| add_file(root, "file", b"content"));
    let vault = Vault::open(Wrapped::over(&memory, |action, _| match action {
        "read" => Ok(()),
        _ => Err(ErrorKind::ReadOnly),
    }))
    .unwrap();
    assert_eq!(vault.restored(&taken)["file"], b"content");
    vault.is_sound();
    assert_eq!(backup_fails(&vault), ErrorKind::ReadOnly);
    let error = vault.prune().unwrap_err();
    assert!(matches!(&error, Error::Storage(error) if error.kind == ErrorKind::ReadOnly), "{error}");
}

#[test]
fn packs_that_the_storage_does_not_give_are_no_damage() {
    let (vault, memory) = Vault::new();
    let taken = vault.back_up(|root| (0..20).for_each(|n| add_file(root, &n.to_string(), &noise(n, 5000))));
    let packs = vault.ids(FileKind::Pack);
    let cold = Vault::open(Wrapped::over(&memory, |action, handle| match (action, handle.kind) {
        ("read", FileKind::Pack) => Err(ErrorKind::Denied),
        _ => Ok(()),
    }));
    let cold = cold.unwrap();
    let report = cold.check();
    assert!(report.errors() > 0);
    assert!(report.broken_packs.is_empty(), "{report:?}");
    let lock = Arc::new(Lock::acquire(&cold.repository, true).unwrap());
    repair_packs(&cold.repository, &packs, &lock, &Silent).unwrap_err();
    drop(lock);
    assert_eq!(vault.ids(FileKind::Pack), packs);
    assert_eq!(vault.restored(&taken).len(), 20);
}

#[test]
fn two_backups_at_once_share_a_repository() {
    let (_, memory) = Vault::new();
    let contents = |program: u64| -> BTreeMap<String, Vec<u8>> {
        (0..60).map(|number| (number.to_string(), noise(number % 40 * program.max(1), 4000))).collect()
    };
    let programs: Vec<_> = (1..=2)
        .map(|program| {
            let memory = memory.clone();
            std::thread::spawn(move || {
                let vault = Vault::open(Arc::new(memory)).unwrap();
                vault.back_up(|root| {
                    contents(program).iter().for_each(|(name, content)| add_file(root, name, content));
                })
            })
        })
        .collect();
    let taken: Vec<_> = programs.into_iter().map(|program| program.join().unwrap()).collect();
    let vault = Vault::open(Arc::new(memory)).unwrap();
    vault.is_sound();
    assert_eq!(vault.snapshots().len(), 2);
    for (program, taken) in (1..).zip(&taken) {
        assert!(vault.restored(taken) == contents(program), "program {program}");
    }
    vault.prune().unwrap();
    vault.is_sound();
    assert!(vault.restored(&taken[0]) == contents(1));
}

#[test]
fn pruning_and_backing_up_never_overlap() {
    let (vault, memory) = Vault::new();
    let first = vault.back_up(|root| add_file(root, "old", &noise(1, 9000)));
    let other = Vault::open(Arc::new(memory)).unwrap();
    let taken = vault.try_back_up(None, &Recorder::new(), |sink| {
        let root = sink.root()?;
        let error = other.prune().unwrap_err();
        assert!(matches!(error, Error::Locked { exclusive: false, .. }), "{error}");
        add_file(&*root, "new", &noise(2, 9000));
        root.close(folder_meta())
    });
    taken.unwrap();
    vault.forget(first.id);
    let lock = Arc::new(Lock::acquire(&other.repository, true).unwrap());
    let plan = prune_plan(&other.repository, &PruneOptions::default(), &Default::default(), &Silent).unwrap();
    let refused = vault.try_back_up(None, &Recorder::new(), |_| panic!("the backup got in")).err().unwrap();
    assert!(matches!(refused, Error::Locked { exclusive: true, .. }), "{refused}");
    assert!(refused.to_string().contains("tester on workshop"), "{refused}");
    plan.execute(&lock, &Silent).unwrap();
    drop(lock);
    vault.is_sound();
    vault.back_up(|root| add_file(root, "later", b"later"));
    vault.is_sound();
}

#[test]
fn locks_that_were_left_behind_are_told_from_those_in_use() {
    use backstay_engine::repository::remove_locks;
    use backstay_engine::testing::TestClock;
    let (vault, memory) = Vault::new();
    let lock = Lock::acquire(&vault.repository, false).unwrap();
    assert_eq!(remove_locks(&vault.repository, false, &|_| true).unwrap().removed, 0);
    let mut later = crate::support::vault::environment();
    let clock = TestClock::default();
    clock.advance(31 * 60);
    later.clock = Arc::new(clock);
    let other = Vault::open_with(Arc::new(memory), crate::support::vault::PASSWORD, later, tiny()).unwrap();
    assert_eq!(remove_locks(&other.repository, false, &|_| true).unwrap().removed, 1);
    drop(lock);
    let lock = Lock::acquire(&vault.repository, false).unwrap();
    assert_eq!(remove_locks(&vault.repository, false, &|_| false).unwrap().removed, 1);
    drop(lock);
}
