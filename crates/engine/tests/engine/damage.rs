//! Files of a repository that are missing, cut short or garbled: found, told, repaired around, and never restored as if whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstay_core::{FileId, FileKind, Handle, Silent, Storage};
use backstay_engine::copy::{Copied, CopyOptions, copy};
use backstay_engine::repair::{repair_index, repair_packs};
use backstay_engine::repository::{BlobReader, Lock, list_locks, remove_locks, unlock};
use backstay_engine::rewrite::{Salvage, TreeRewriter, replace_snapshot};
use backstay_engine::{Error, Result};
use backstay_storage::Memory;
use backstay_storage::testing::Damage;

use crate::support::noise;
use crate::support::source::{add_file, folder_meta};
use crate::support::vault::{PASSWORD, Taken, Vault, environment, tiny};

type Files = BTreeMap<String, Vec<u8>>;

/// A small repository with one snapshot, and what is in it.
struct Small {
    vault: Vault,
    memory: Memory,
    taken: Taken,
    files: Files,
}

fn small() -> Small {
    let (vault, memory) = Vault::new();
    let taken = vault.back_up(|root| {
        add_file(root, "noise", &noise(1, 300));
        add_file(root, "text", "again and again ".repeat(20).as_bytes());
        let folder = root.folder(b"folder").unwrap();
        add_file(&*folder, "in it", b"in it");
        folder.close(folder_meta()).unwrap();
    });
    let files = vault.restored(&taken);
    Small { vault, memory, taken, files }
}

/// What is left of a damaged repository: the files that restore, and whether anything was found wrong.
fn examine(memory: &Memory, tree: FileId) -> (Result<()>, Files) {
    let open = || -> Result<(usize, Files)> {
        let vault = Vault::open(Arc::new(memory.clone()))?;
        let errors = vault.try_check()?.errors();
        // The snapshot is found by its name, as people do.
        vault.repository.find_snapshot("latest", &Default::default())?;
        let restored = vault.try_restore(tree)?;
        let failed = restored.events.failed_paths();
        let mut files = restored.shelf.files();
        files.retain(|path, _| !failed.iter().any(|failed| path.starts_with(failed.as_str())));
        Ok((errors, files))
    };
    match open() {
        Ok((0, files)) => (Ok(()), files),
        Ok((errors, files)) => (Err(Error::Invalid(format!("{errors} errors"))), files),
        Err(error) => (Err(error), Files::new()),
    }
}

#[test]
fn a_flipped_bit_anywhere_is_found_and_nothing_wrong_is_restored() {
    let Small { memory, taken, files, .. } = small();
    let tree = taken.snapshot.tree;
    assert!(examine(&memory, tree).0.is_ok());
    for handle in memory.handles() {
        let length = memory.get(&handle).unwrap().len() as u64;
        for byte in 0..length {
            let damaged = memory.fork();
            assert!(damaged.damage(&handle, Damage::FlipBit(byte * 8 + byte % 8)));
            let (found, restored) = examine(&damaged, tree);
            assert!(found.is_err(), "the flip in byte {byte} of {handle} is not found");
            for (path, content) in restored {
                assert!(files[&path] == content, "byte {byte} of {handle}: {path} is restored wrongly");
            }
        }
    }
}

#[test]
fn a_file_cut_short_anywhere_is_found() {
    let Small { memory, taken, files, .. } = small();
    for handle in memory.handles() {
        let length = memory.get(&handle).unwrap().len() as u64;
        for left in [0, 1, 3, 4, 15, 31, 32, 33, 36, length / 2, length - 1] {
            let damaged = memory.fork();
            assert!(damaged.damage(&handle, Damage::Truncate(left)));
            let (found, restored) = examine(&damaged, taken.snapshot.tree);
            assert!(found.is_err(), "{handle} cut to {left} bytes is not found");
            assert!(restored.iter().all(|(path, content)| files[path] == *content), "{handle} {left}");
        }
        let grown = memory.fork();
        grown.put(handle, &[&memory.get(&handle).unwrap()[..], b"more"].concat());
        assert!(
            examine(&grown, taken.snapshot.tree).0.is_err(),
            "{handle} with more at its end is not found"
        );
    }
}

#[test]
fn each_missing_file_is_told_for_what_it_is() {
    let Small { memory, taken, .. } = small();
    for handle in memory.handles() {
        let damaged = memory.fork();
        damaged.damage(&handle, Damage::Delete);
        let (found, _) = examine(&damaged, taken.snapshot.tree);
        let error = found.expect_err("a missing file is not found");
        let expected = match handle.kind {
            FileKind::Config => matches!(error, Error::NoRepository { .. }),
            FileKind::Key => matches!(&error, Error::Damaged { why, .. } if why.contains("no key")),
            FileKind::Snapshot => matches!(error, Error::NotFound(_)),
            FileKind::Index | FileKind::Pack => matches!(error, Error::Invalid(_)),
            FileKind::Lock => false,
        };
        assert!(expected, "{handle}: {error}");
    }
}

#[test]
fn passwords_and_places_that_are_wrong_are_told_apart() {
    let Small { memory, .. } = small();
    let open = |memory: &Memory, password: &str| {
        Vault::open_with(Arc::new(memory.clone()), password, environment(), tiny()).err().unwrap()
    };
    let wrong = open(&memory, "wrong");
    assert!(matches!(wrong, Error::WrongPassword { keys: 1 }), "{wrong}");
    assert!(!wrong.to_string().contains("wrong\""));
    let nowhere = open(&Memory::new(), PASSWORD);
    assert!(matches!(nowhere, Error::NoRepository { .. }), "{nowhere}");
    let again = backstay_engine::repository::init(
        Arc::new(memory.clone()),
        PASSWORD,
        Default::default(),
        environment(),
        tiny(),
    );
    assert!(matches!(again.err().unwrap(), Error::RepositoryExists { .. }));
}

#[test]
fn a_garbled_key_does_not_keep_a_sound_one_from_opening() {
    let Small { vault, memory, .. } = small();
    for _ in 0..3 {
        backstay_engine::repository::add_key(&vault.repository, "second", None, None).unwrap();
    }
    let storage: Arc<dyn Storage> = Arc::new(memory.clone());
    let own = unlock(&storage, PASSWORD, None).unwrap().id;
    for id in vault.ids(FileKind::Key).into_iter().filter(|id| *id != own) {
        memory.damage(&Handle::new(FileKind::Key, id), Damage::FlipBit(77));
    }
    assert_eq!(unlock(&storage, PASSWORD, None).unwrap().id, own);
    let error = unlock(&storage, "second", None).err().unwrap();
    assert!(matches!(error, Error::WrongPassword { .. } | Error::Damaged { .. }), "{error}");
}

#[test]
fn the_index_is_built_anew_from_the_packs() {
    let Small { vault, memory, taken, files } = small();
    for id in vault.ids(FileKind::Index) {
        memory.damage(&Handle::new(FileKind::Index, id), Damage::FlipBit(99));
    }
    assert!(vault.repository.load_index().is_err());
    let lock = Lock::acquire(&vault.repository, true).unwrap();
    let report = repair_index(&vault.repository, false, &Silent).unwrap();
    drop(lock);
    assert_eq!((report.damaged.len(), report.added.len()), (1, vault.ids(FileKind::Pack).len()));
    vault.is_sound();
    assert_eq!(vault.restored(&taken), files);
}

#[test]
fn a_pack_that_is_gone_is_taken_out_of_the_index() {
    let Small { vault, memory, .. } = small();
    let pack = vault.ids(FileKind::Pack)[0];
    memory.damage(&Handle::new(FileKind::Pack, pack), Damage::Delete);
    let report = vault.check();
    assert!(report.suggest_repair_index);
    assert_eq!(report.broken_packs, [pack]);
    let report = repair_index(&vault.repository, false, &Silent).unwrap();
    assert_eq!(report.removed, [pack]);
    assert!(vault.repository.load_index().unwrap().packs().iter().all(|indexed| indexed.id != pack));
}

#[test]
fn pruning_refuses_while_something_needed_is_missing() {
    let Small { memory, .. } = small();
    for handle in memory.handles().into_iter().filter(|handle| handle.kind == FileKind::Pack) {
        let damaged = memory.fork();
        damaged.damage(&handle, Damage::Delete);
        let vault = Vault::open(Arc::new(damaged.clone())).unwrap();
        let before = damaged.handles();
        vault.prune().unwrap_err();
        assert_eq!(damaged.handles(), before, "something was removed or stored");
    }
}

/// Repairs around damaged packs: what is whole in them is kept, and snapshots lose only what is lost.
fn repair_around(vault: &Vault, packs: &[FileId]) {
    let repository = &vault.repository;
    let lock = Arc::new(Lock::acquire(repository, true).unwrap());
    repair_packs(repository, packs, &lock, &Silent).unwrap();
    let index = repository.load_index().unwrap();
    let rewriter = TreeRewriter::new(repository, &index, Some(Arc::clone(&lock))).unwrap();
    let mut salvage = Salvage::new(&index);
    let (entries, _) = repository.load_snapshots().unwrap();
    let trees: Vec<_> = entries
        .iter()
        .map(|entry| salvage.salvage(&rewriter, entry.snapshot.tree, &Silent).unwrap())
        .collect();
    rewriter.finish().unwrap();
    for (entry, tree) in entries.iter().zip(trees) {
        match tree {
            Some(tree) => {
                let mut changed = entry.snapshot.clone();
                changed.tree = tree;
                replace_snapshot(repository, entry, changed, true).unwrap();
            }
            None => vault.forget(entry.id),
        }
    }
}

#[test]
fn what_is_whole_in_a_pack_without_an_end_survives_repairs_in_any_order() {
    let Small { vault, memory, taken, files } = small();
    let packs = vault.ids(FileKind::Pack);
    for id in &packs {
        let handle = Handle::new(FileKind::Pack, *id);
        let content = memory.get(&handle).unwrap();
        memory.put(handle, &content[..content.len() - 20]);
    }
    let report = repair_index(&vault.repository, false, &Silent).unwrap();
    assert_eq!(report.unreadable.len(), packs.len());
    let lock = Arc::new(Lock::acquire(&vault.repository, true).unwrap());
    assert_eq!(repair_packs(&vault.repository, &packs, &lock, &Silent).unwrap().lost, []);
    drop(lock);
    vault.is_sound();
    assert_eq!(vault.restored(&taken), files);
}

#[test]
fn the_rest_is_restored_after_repair_wherever_a_pack_is_garbled() {
    let Small { memory, files, .. } = small();
    for handle in memory.handles().into_iter().filter(|handle| handle.kind == FileKind::Pack) {
        let length = memory.get(&handle).unwrap().len() as u64;
        for byte in (0..length).step_by(29) {
            let damaged = memory.fork();
            damaged.damage(&handle, Damage::FlipBit(byte * 8));
            let vault = Vault::open(Arc::new(damaged.clone())).unwrap();
            let broken = vault.check().broken_packs;
            assert_eq!(broken, [handle.id]);
            repair_around(&vault, &broken);
            vault.is_sound();
            let Some((_, snapshot)) = vault.snapshots().pop() else { continue };
            let restored = vault.try_restore(snapshot.tree).unwrap().whole();
            let whole = files.iter().filter(|(path, content)| restored.get(*path) == Some(content)).count();
            // One garbled blob is one file, one folder, or (in a header) nothing at all.
            assert!(whole >= files.len() - 1, "byte {byte} of {handle}: {whole} of {} files", files.len());
            for (path, content) in &restored {
                let original = &files[path];
                assert!(original == content || content.len() < original.len(), "{path}");
            }
        }
    }
}

#[test]
fn a_blob_that_lies_in_two_packs_is_read_from_the_sound_one() {
    use backstay_engine::format::BlobKind;
    let Small { vault, memory, taken, files } = small();
    let before = vault.ids(FileKind::Pack);
    let index = vault.repository.load_index().unwrap();
    let forge = crate::support::forge::Forge::new(&vault.repository);
    let mut reader = BlobReader::new(&vault.repository, Arc::clone(&index));
    for (_, blob) in index.loaded().filter(|(_, blob)| blob.kind == BlobKind::Data) {
        forge.blob(BlobKind::Data, blob.id, reader.read(BlobKind::Data, &blob.id).unwrap());
    }
    let snapshot = forge.finish(taken.snapshot.tree);
    vault.forget(snapshot);
    let data = before.iter().find(|pack| {
        let of_pack = |blob: &(u32, backstay_engine::format::Blob)| {
            index.pack(blob.0) == Some(**pack) && blob.1.kind == BlobKind::Data
        };
        index.loaded().any(|blob| of_pack(&blob))
    });
    let handle = Handle::new(FileKind::Pack, *data.unwrap());
    for byte in 0..memory.get(&handle).unwrap().len() as u64 {
        let damaged = memory.fork();
        damaged.damage(&handle, Damage::FlipBit(byte * 8));
        let vault = Vault::open(Arc::new(damaged)).unwrap();
        assert!(vault.restored(&taken) == files, "byte {byte}");
    }
}

#[test]
fn a_damaged_parent_costs_time_and_not_data() {
    let Small { vault, memory, taken, files } = small();
    let index = vault.repository.load_index().unwrap();
    let root = index.find(backstay_engine::format::BlobKind::Tree, &taken.snapshot.tree).unwrap();
    memory.damage(&Handle::new(FileKind::Pack, root.pack), Damage::FlipBit(u64::from(root.blob.offset) * 8));
    let again = vault.back_up_after(Some(&taken), |root| add_file(root, "noise", &noise(1, 300)));
    assert_eq!(again.events.failed_paths(), [""; 0]);
    assert!(!again.events.warnings.lock().is_empty());
    assert_eq!(again.outcome.summary.files_new, 1);
    let restored = vault.try_restore(again.snapshot.tree).unwrap().whole();
    assert_eq!(restored["noise"], files["noise"]);
}

#[test]
fn a_damaged_lock_is_told_and_can_be_removed() {
    let Small { vault, memory, .. } = small();
    memory.put(Handle::new(FileKind::Lock, FileId([7; 32])), b"not a lock at all");
    assert_eq!(list_locks(&vault.repository).unwrap().iter().filter(|lock| lock.file.is_err()).count(), 1);
    let error = Lock::acquire(&vault.repository, true).err().unwrap();
    assert!(matches!(error, Error::UnreadableLock { .. }), "{error}");
    assert_eq!(remove_locks(&vault.repository, true, &|_| true).unwrap().removed, 1);
    Lock::acquire(&vault.repository, true).unwrap();
}

#[test]
fn a_copy_of_what_is_damaged_has_exactly_the_snapshots_that_are_whole() {
    let (vault, memory) = Vault::new();
    let fill = |names: &'static [u8]| {
        vault.back_up(move |root| {
            add_file(root, "in all", &noise(0, 900));
            for name in names {
                let folder = root.folder(&[b'a' + name]).unwrap();
                add_file(&*folder, "file", &noise(u64::from(*name) + 1, 900));
                folder.close(folder_meta()).unwrap();
            }
        })
    };
    // Folders come, stay and go, so that snapshots share trees and contents.
    let taken: Vec<Taken> =
        [&[0_u8] as &[u8], &[0, 1], &[1], &[1, 2], &[2, 0]].into_iter().map(fill).collect();
    let files: Vec<Files> = taken.iter().map(|taken| vault.restored(taken)).collect();
    let (mut partly, mut none) = (0, 0);
    for handle in memory.handles().into_iter().filter(|handle| handle.kind == FileKind::Pack) {
        let length = memory.get(&handle).unwrap().len() as u64;
        for byte in (0..length).step_by(97) {
            let damaged = memory.fork();
            assert!(damaged.damage(&handle, Damage::FlipBit(byte * 8)));
            let source = Vault::open(Arc::new(damaged)).unwrap();
            let is_whole = |taken: &Taken| {
                source
                    .try_restore(taken.snapshot.tree)
                    .is_ok_and(|restored| restored.events.failed_paths().is_empty())
            };
            let whole: Vec<bool> = taken.iter().map(is_whole).collect();
            let target = Vault::alike(&vault, Arc::new(Memory::default()));
            let lock = Arc::new(Lock::acquire(&target.repository, false).unwrap());
            let (entries, _) = source.repository.load_snapshots().unwrap();
            let (mut copied, options) = (vec![false; taken.len()], CopyOptions::default());
            copy(
                &source.repository,
                &target.repository,
                &lock,
                &entries,
                &options,
                &Silent,
                &mut |entry, outcome| {
                    let at = taken.iter().position(|taken| taken.id == entry.id).unwrap();
                    copied[at] = match outcome {
                        Copied::As(_) => true,
                        Copied::Before(id) => panic!("{id} was there"),
                        Copied::Not(error) => !error.is_about_content(),
                    };
                },
            )
            .unwrap();
            drop(lock);
            assert_eq!(copied, whole, "{handle} at {byte}");
            target.is_sound();
            for (at, taken) in taken.iter().enumerate().filter(|(at, _)| whole[*at]) {
                assert!(target.restored(taken) == files[at], "{handle} at {byte}: snapshot {at}");
            }
            match whole.iter().filter(|whole| **whole).count() {
                0 => none += 1,
                5 => {}
                _ => partly += 1,
            }
        }
    }
    assert!(partly > 5 && none > 0, "{partly} {none}");
}
