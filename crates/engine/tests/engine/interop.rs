//! Beside restic: each reads, checks, tidies and repairs what the other wrote.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use backstay_core::{CallContext, FileId, FileKind, Handle, Silent};
use backstay_engine::format::BlobKind;
use backstay_engine::repair::{repair_index, repair_packs};
use backstay_engine::repository::{Lock, add_key, unlock};
use backstay_engine::restore::RestoreOptions;
use backstay_engine::rewrite::{Salvage, TreeRewriter, replace_snapshot};
use backstay_engine::{Error, Repository};
use backstay_storage::Local;
use tempfile::TempDir;

use crate::support::forge::read_tree;
use crate::support::image::{image, same};
use crate::support::noise;
use crate::support::oddities::{far_future, odd_links, odd_names, odd_things};
use crate::support::restic::{Restic, newest, restics};
use crate::support::vault::{Vault, like_restic, real_environment};

/// A workbench: a folder to back up, a repository, and room for restores.
struct Bench {
    _root: TempDir,
    source: PathBuf,
    repository: PathBuf,
    out: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        // restic and ours record the path as it is, so no link may lie on the way.
        let path = root.path().canonicalize().unwrap();
        let bench = Self {
            source: path.join("source"),
            repository: path.join("repository"),
            out: path.join("out"),
            _root: root,
        };
        fs::create_dir(&bench.source).unwrap();
        bench
    }

    /// With everything odd that this restic can take.
    fn odd_for(restic: &Restic) -> Self {
        let bench = Self::new();
        odd_names(&bench.source.join("names"));
        odd_things(&bench.source.join("things"));
        if !restic.is_old {
            odd_links(&bench.source);
        }
        bench
    }

    /// With two small files that do not share a blob.
    fn simple() -> Self {
        let bench = Self::new();
        fs::write(bench.source.join("one"), noise(1, 700_000)).unwrap();
        fs::write(bench.source.join("two"), noise(2, 300_000)).unwrap();
        bench
    }

    /// The place of the source in a restore of a snapshot into `out`.
    fn restored(&self) -> PathBuf {
        self.out.join(self.source.strip_prefix("/").unwrap())
    }

    fn ours(&self) -> Vault {
        Vault::in_folder(&self.repository)
    }

    #[track_caller]
    fn latest_tree(&self) -> FileId {
        self.ours().snapshots().pop().unwrap().1.tree
    }

    /// Our restore of the latest snapshot.
    #[track_caller]
    fn restore_with_ours(&self, options: RestoreOptions) -> PathBuf {
        let _ = fs::remove_dir_all(&self.out);
        self.ours().restore_into(self.latest_tree(), &self.out, options);
        self.restored()
    }

    #[track_caller]
    fn restore_with(&self, restic: &Restic) -> PathBuf {
        let _ = fs::remove_dir_all(&self.out);
        restic.restore(&self.repository, "latest", &self.source, &self.out)
    }
}

#[test]
fn what_ours_writes_both_restics_check_and_restore() {
    for restic in restics() {
        let bench = Bench::odd_for(&restic);
        let before = image(&bench.source);
        Vault::made_in(&bench.repository).back_up_folder(&bench.source);
        restic.finds_it_sound(&bench.repository);
        same(&before, &bench.restore_with(&restic));
        same(&before, &bench.restore_with_ours(RestoreOptions::default()));
    }
}

#[test]
fn what_both_restics_write_ours_checks_and_restores() {
    for restic in restics() {
        let bench = Bench::odd_for(&restic);
        far_future(&bench.source);
        let before = image(&bench.source);
        for (version, compression) in [("1", "off"), ("2", "off"), ("2", "max")] {
            let _ = fs::remove_dir_all(&bench.repository);
            restic.init(&bench.repository, version);
            let arguments =
                ["--compression".as_ref(), compression.as_ref(), "backup".as_ref(), bench.source.as_os_str()];
            restic.run(&bench.repository, arguments);
            bench.ours().is_sound();
            same(&before, &bench.restore_with_ours(RestoreOptions::default()));
        }
    }
}

#[test]
fn a_sparse_restore_leaves_holes_and_the_same_bytes() {
    use std::os::unix::fs::MetadataExt;
    let bench = Bench::new();
    odd_things(&bench.source);
    let before = image(&bench.source);
    Vault::made_in(&bench.repository).back_up_folder(&bench.source);
    let restored = bench.restore_with_ours(RestoreOptions { sparse: true, ..RestoreOptions::default() });
    same(&before, &restored);
    let sparse = fs::metadata(restored.join("sparse")).unwrap();
    assert!(sparse.blocks() * 512 < sparse.len() / 4, "{} blocks", sparse.blocks());
}

#[test]
fn the_same_files_give_the_same_trees_and_no_new_data() {
    let Some(restic) = newest() else { return };
    let bench = Bench::odd_for(&restic);
    far_future(&bench.source);
    let vault = Vault::made_in(&bench.repository);
    let ours = source_tree(&bench, &vault, vault.back_up_folder(&bench.source).snapshot.tree);
    let stored = data_blobs(&vault);
    restic.back_up(&bench.repository, &bench.source);
    let theirs = source_tree(&bench, &vault, bench.latest_tree());
    assert_eq!(difference(&vault, "", ours, theirs), None);
    assert_eq!(data_blobs(&vault), stored);

    // And the other way around, in a repository of restic's making, version 1.
    let folder = bench.repository.with_file_name("theirs");
    restic.init(&folder, "1");
    restic.back_up(&folder, &bench.source);
    let vault = Vault::in_folder(&folder);
    let theirs = source_tree(&bench, &vault, vault.snapshots().pop().unwrap().1.tree);
    let stored = data_blobs(&vault);
    let taken = vault.back_up_folder(&bench.source);
    let tree = source_tree(&bench, &vault, taken.snapshot.tree);
    assert_eq!(difference(&vault, "", theirs, tree), None);
    assert_eq!(taken.outcome.summary.data_blobs, 0);
    assert_eq!(data_blobs(&vault), stored);
    restic.finds_it_sound(&folder);
}

fn data_blobs(vault: &Vault) -> usize {
    vault.repository.load_index().unwrap().blob_count(BlobKind::Data)
}

/// The tree of the source's folder. Those above it may change meanwhile, as other tests work beside it.
#[track_caller]
fn source_tree(bench: &Bench, vault: &Vault, root: FileId) -> FileId {
    use std::os::unix::ffi::OsStrExt;
    let path = bench.source.strip_prefix("/").unwrap();
    path.iter().fold(root, |tree, name| {
        read_tree(&vault.repository, tree).find(name.as_bytes()).unwrap().subtree.unwrap()
    })
}

/// Where two trees differ first, for people.
fn difference(vault: &Vault, path: &str, one: FileId, other: FileId) -> Option<String> {
    if one == other {
        return None;
    }
    let nodes = |id| read_tree(&vault.repository, id).nodes;
    let (one, other) = (nodes(one), nodes(other));
    if one.len() != other.len() {
        return Some(format!("{path} has {} or {} entries", one.len(), other.len()));
    }
    let Some((a, b)) = one.iter().zip(&other).find(|(a, b)| a != b) else {
        return Some(format!("{path}: the bytes differ where the entries do not"));
    };
    let path = format!("{path}/{}", String::from_utf8_lossy(&a.name));
    let below = a.subtree.zip(b.subtree).and_then(|(a, b)| difference(vault, &path, a, b));
    Some(below.unwrap_or_else(|| format!("{path}: {a:?} or {b:?}")))
}

#[test]
fn each_takes_the_others_snapshot_for_a_parent() {
    let Some(restic) = newest() else { return };
    let bench = Bench::simple();
    restic.init(&bench.repository, "2");
    restic.back_up(&bench.repository, &bench.source);
    let vault = bench.ours();
    let (id, snapshot) = vault.snapshots().pop().unwrap();
    let outcome = vault.back_up_folder(&bench.source).outcome;
    let parent = crate::support::vault::Taken { id, snapshot, outcome, events: Default::default() };
    let taken = vault.back_up_folder_after(Some(&parent), &bench.source);
    assert_eq!(taken.outcome.summary.files_unmodified, 2);
    assert_eq!(taken.outcome.summary.data_blobs, 0);
    let said =
        restic.run(&bench.repository, ["backup".as_ref(), "--json".as_ref(), bench.source.as_os_str()]);
    let summary = said.lines().last().unwrap();
    let summary: serde_json::Value = serde_json::from_str(summary).unwrap();
    assert_eq!(summary["files_unmodified"], 2, "{summary}");
}

/// Two snapshots, of which the first has much that the second has not.
fn two_snapshots(bench: &Bench, back_up: impl Fn()) {
    back_up();
    fs::remove_file(bench.source.join("one")).unwrap();
    fs::write(bench.source.join("three"), noise(3, 200_000)).unwrap();
    back_up();
}

#[test]
fn ours_prunes_what_restic_wrote() {
    for restic in restics() {
        let bench = Bench::simple();
        restic.init(&bench.repository, "2");
        two_snapshots(&bench, || restic.back_up(&bench.repository, &bench.source));
        let before = image(&bench.source);
        let vault = bench.ours();
        vault.forget(vault.snapshots()[0].0);
        vault.prune().unwrap();
        vault.is_sound();
        assert!(size_of_folder(&bench.repository) < 700_000, "the big file is still there");
        restic.finds_it_sound(&bench.repository);
        same(&before, &bench.restore_with(&restic));
    }
}

#[test]
fn restic_prunes_what_ours_wrote() {
    for restic in restics() {
        let bench = Bench::simple();
        Vault::made_in(&bench.repository);
        two_snapshots(&bench, || {
            bench.ours().back_up_folder(&bench.source);
        });
        let before = image(&bench.source);
        let host = ["forget", "--keep-last", "1", "--prune", "--max-unused", "0"];
        restic.run(&bench.repository, host);
        assert_eq!(bench.ours().snapshots().len(), 1);
        assert!(size_of_folder(&bench.repository) < 700_000, "the big file is still there");
        bench.ours().is_sound();
        same(&before, &bench.restore_with_ours(RestoreOptions::default()));
    }
}

fn size_of_folder(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let meta = entry.metadata().unwrap();
            if meta.is_dir() { size_of_folder(&entry.path()) } else { meta.len() }
        })
        .sum()
}

#[test]
fn each_repairs_the_index_of_the_other() {
    for restic in restics() {
        let bench = Bench::simple();
        let before = image(&bench.source);
        Vault::made_in(&bench.repository).back_up_folder(&bench.source);
        fs::remove_dir_all(bench.repository.join("index")).unwrap();
        fs::create_dir(bench.repository.join("index")).unwrap();
        if restic.is_old {
            restic.run(&bench.repository, ["rebuild-index"]);
        } else {
            restic.run(&bench.repository, ["repair", "index"]);
        }
        bench.ours().is_sound();
        same(&before, &bench.restore_with_ours(RestoreOptions::default()));

        fs::remove_dir_all(bench.repository.join("index")).unwrap();
        fs::create_dir(bench.repository.join("index")).unwrap();
        let vault = bench.ours();
        let _lock = Lock::acquire(&vault.repository, true).unwrap();
        let report = repair_index(&vault.repository, false, &Silent).unwrap();
        assert_eq!(report.added, report_order(&report.added, vault.ids(FileKind::Pack)));
        drop(_lock);
        restic.finds_it_sound(&bench.repository);
        same(&before, &bench.restore_with(&restic));
    }
}

/// The ids in the order of the report, if they are the same.
fn report_order(reported: &[FileId], mut expected: Vec<FileId>) -> Vec<FileId> {
    let mut sorted = reported.to_vec();
    sorted.sort();
    expected.sort();
    if sorted == expected { reported.to_vec() } else { expected }
}

/// Garbles the first byte of the pack that is longest, which holds data.
fn garble_data(bench: &Bench) -> FileId {
    use std::os::unix::fs::PermissionsExt;
    let vault = bench.ours();
    let (id, _) =
        vault.repository.list(FileKind::Pack).unwrap().into_iter().max_by_key(|(_, length)| *length).unwrap();
    let path = bench.repository.join("data").join(&id.to_hex()[..2]).join(id.to_hex());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    id
}

#[test]
fn restic_repairs_packs_and_snapshots_that_ours_wrote() {
    let Some(restic) = newest() else { return };
    let bench = Bench::simple();
    Vault::made_in(&bench.repository).back_up_folder(&bench.source);
    let pack = garble_data(&bench);
    assert!(bench.ours().check().errors() > 0);
    let work = tempfile::tempdir().unwrap();
    let mut repair = restic.command(&bench.repository, ["repair", "packs", &pack.to_hex()]);
    assert!(repair.current_dir(work.path()).output().unwrap().status.success());
    restic.run(&bench.repository, ["repair", "snapshots", "--forget"]);
    bench.ours().is_sound();
    bench.restore_with_ours(RestoreOptions::default());
}

#[test]
fn ours_repairs_packs_and_snapshots_that_restic_wrote() {
    let Some(restic) = newest() else { return };
    let bench = Bench::simple();
    restic.init(&bench.repository, "2");
    restic.back_up(&bench.repository, &bench.source);
    let pack = garble_data(&bench);
    let vault = bench.ours();
    let lock = Arc::new(Lock::acquire(&vault.repository, true).unwrap());
    let report = repair_packs(&vault.repository, &[pack], &lock, &Silent).unwrap();
    assert_eq!(report.lost.len(), 1, "{report:?}");
    salvage_all(&vault.repository, &lock);
    drop(lock);
    bench.ours().is_sound();
    restic.finds_it_sound(&bench.repository);
    bench.restore_with(&restic);
    // One of the two files had its first blob in the garbled place; the other one is whole.
    let whole = ["one", "two"].iter().filter(|name| {
        fs::read(bench.restored().join(name)).unwrap() == fs::read(bench.source.join(name)).unwrap()
    });
    assert_eq!(whole.count(), 1);
}

/// Writes every snapshot anew without what is lost.
fn salvage_all(repository: &Repository, lock: &Arc<Lock>) {
    let index = repository.load_index().unwrap();
    let (entries, _) = repository.load_snapshots().unwrap();
    let rewriter = TreeRewriter::new(repository, &index, Some(Arc::clone(lock))).unwrap();
    let mut salvage = Salvage::new(&index);
    let trees: Vec<_> = entries
        .iter()
        .map(|entry| salvage.salvage(&rewriter, entry.snapshot.tree, &Silent).unwrap().unwrap())
        .collect();
    rewriter.finish().unwrap();
    for (entry, tree) in entries.iter().zip(trees).filter(|(entry, tree)| entry.snapshot.tree != *tree) {
        let mut changed = entry.snapshot.clone();
        changed.tree = tree;
        replace_snapshot(repository, entry, changed, true).unwrap();
    }
}

#[test]
fn the_keys_of_each_open_for_the_other() {
    for restic in restics() {
        let bench = Bench::simple();
        let vault = Vault::made_in(&bench.repository);
        add_key(&vault.repository, "from ours", None, None).unwrap();
        let mut list = restic.command(&bench.repository, ["snapshots"]);
        assert!(list.env("RESTIC_PASSWORD", "from ours").output().unwrap().status.success());
        let file = bench.out.with_file_name("password");
        fs::write(&file, "from restic").unwrap();
        let arguments = ["key".as_ref(), "add".as_ref(), "--new-password-file".as_ref(), file.as_os_str()];
        restic.run(&bench.repository, arguments);
        let storage = Arc::new(Local::new(&bench.repository));
        let opened = Vault::open_with(storage.clone(), "from restic", real_environment(), like_restic());
        assert_eq!(opened.unwrap().repository.config().id, vault.repository.config().id);
        let storage: Arc<dyn backstay_core::Storage> = storage;
        assert!(matches!(unlock(&storage, "from nobody", None), Err(Error::WrongPassword { keys: 3 })));
    }
}

#[test]
fn restic_respects_our_locks() {
    for restic in restics() {
        let bench = Bench::simple();
        let vault = Vault::made_in(&bench.repository);
        let exclusive = Lock::acquire(&vault.repository, true).unwrap();
        exclusive.confirm().unwrap();
        let said = restic.fails(&bench.repository, ["backup".as_ref(), bench.source.as_os_str()]);
        assert!(said.contains("locked") && said.contains("tester"), "{said}");
        drop(exclusive);
        let shared = Lock::acquire(&vault.repository, false).unwrap();
        shared.confirm().unwrap();
        restic.back_up(&bench.repository, &bench.source);
        let said = restic.fails(&bench.repository, ["prune"]);
        assert!(said.contains("locked"), "{said}");
        drop(shared);
        restic.run(&bench.repository, ["prune"]);
    }
}

#[test]
fn ours_respects_restics_locks() {
    for restic in restics() {
        let bench = Bench::simple();
        let vault = Vault::made_in(&bench.repository);
        // A backup of a standard input that does not end holds a shared lock.
        let mut backup = restic.command(&bench.repository, ["backup", "--stdin"]);
        let mut backup = backup.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let waited = std::time::Instant::now();
        while vault.ids(FileKind::Lock).is_empty() {
            assert!(waited.elapsed().as_secs() < 60, "restic takes no lock");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let refused = Lock::acquire(&vault.repository, true).err().unwrap();
        assert!(matches!(&refused, Error::Locked { exclusive: false, .. }), "{refused}");
        vault.back_up_folder(&bench.source);
        backup.stdin.take().unwrap().write_all(b"at last").unwrap();
        assert!(backup.wait().unwrap().success());
        drop(Lock::acquire(&vault.repository, true).unwrap());
        let locks = vault.ids(FileKind::Lock);
        assert!(locks.is_empty(), "{locks:?}");
        assert_eq!(vault.snapshots().len(), 2);
        restic.finds_it_sound(&bench.repository);
        // A lock that vanishes under ours is noticed before anything is written.
        let lock = Lock::acquire(&vault.repository, false).unwrap();
        for id in vault.ids(FileKind::Lock) {
            vault.repository.storage().remove(&Handle::new(FileKind::Lock, id), CallContext::NONE).unwrap();
        }
        let error = lock.confirm().unwrap_err();
        assert!(matches!(error, Error::LockLost { .. }), "{error}");
    }
}
