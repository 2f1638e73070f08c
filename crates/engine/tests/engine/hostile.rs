//! Repositories made by somebody who has the key and means harm: refused or passed over with a clear word, and never a panic,
//! a write outside of the target, wrong bytes or memory without end.

use std::sync::Arc;
use std::time::Instant;

use backstay_core::{EntryKind, FileId, FileKind, Handle, Meta, Storage};
use backstay_engine::Error;
use backstay_engine::crypto::{KdfParams, KeyBytes, hash};
use backstay_engine::format::index::PackIndex;
use backstay_engine::format::key::Labels;
use backstay_engine::format::{Blob, BlobKind, KeyFile, Node};
use backstay_engine::repository::unlock;
use backstay_engine::testing::CountingRandom;
use backstay_storage::Memory;

use crate::support::forge::{Forge, save_index, save_snapshot};
use crate::support::noise;
use crate::support::source::{add_file, file_meta, folder_meta};
use crate::support::vault::{Restored, Vault};

fn file(name: &[u8], content: &[FileId], size: usize) -> Node {
    Node { name: name.to_vec(), meta: file_meta(size), content: Some(content.to_vec()), ..Node::default() }
}

fn folder(name: &[u8], subtree: FileId) -> Node {
    Node { name: name.to_vec(), meta: folder_meta(), subtree: Some(subtree), ..Node::default() }
}

/// A repository with the tree that `make` forges.
fn forged(make: impl FnOnce(&Forge) -> FileId) -> (Vault, FileId) {
    let (vault, _) = Vault::new();
    let forge = Forge::new(&vault.repository);
    let root = make(&forge);
    forge.finish(root);
    (vault, root)
}

#[track_caller]
fn restored(vault: &Vault, root: FileId) -> Restored {
    vault.try_restore(root).unwrap()
}

/// What a restore gives, by name, when just these items are refused.
#[track_caller]
fn all_but(vault: &Vault, root: FileId, refused: &[&str]) -> Vec<String> {
    let restored = restored(vault, root);
    let mut failed = restored.events.failed_paths();
    failed.dedup();
    assert_eq!(failed, refused);
    restored.shelf.files().into_keys().filter(|path| !failed.contains(path)).collect()
}

#[test]
fn names_that_lead_elsewhere_are_passed_over() {
    for name in [&b".."[..], b".", b"", b"a/b", b"/etc", b"../up", b"nul\0"] {
        let (vault, root) = forged(|forge| {
            let id = forge.data(b"evil");
            let inner = forge.tree(&[file(b"inner", &[id], 4)]);
            let mut nodes = vec![file(name, &[id], 4), file(b"good", &[id], 4)];
            nodes.sort_by(|a, b| a.name.cmp(&b.name));
            let below = forge.tree(&nodes);
            let mut nodes = vec![folder(name, inner), folder(b"well", below)];
            nodes.sort_by(|a, b| a.name.cmp(&b.name));
            forge.tree(&nodes)
        });
        let outcome = restored(&vault, root);
        assert_eq!(outcome.shelf.files().into_keys().collect::<Vec<_>>(), ["well/good"], "{name:?}");
        // Once as a folder and once as a file, and once more for each when verifying.
        assert!(outcome.report.failures >= 2, "{name:?}");
        assert!(vault.check().errors() >= 2, "{name:?}");
    }
}

#[test]
fn links_do_not_lead_a_restore_out_of_its_target() {
    let room = tempfile::tempdir().unwrap();
    let outside = room.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let (vault, _) = Vault::new();
    let forge = Forge::new(&vault.repository);
    let id = forge.data(b"evil");
    let link = Node {
        name: b"trap".to_vec(),
        meta: Meta {
            kind: EntryKind::Symlink,
            link_target: Some(outside.to_str().unwrap().as_bytes().to_vec()),
            ..file_meta(0)
        },
        ..Node::default()
    };
    let first = forge.tree(&[link]);
    let inner = forge.tree(&[file(b"owned", &[id], 4)]);
    let second = forge.tree(&[folder(b"trap", inner)]);
    forge.finish(first);
    let target = room.path().join("target");
    vault.restore_into(first, &target, Default::default());
    assert!(target.join("trap").is_symlink());
    vault.restore_into(second, &target, Default::default());
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0, "something was written outside");
    assert_eq!(std::fs::read(target.join("trap/owned")).unwrap(), b"evil");
}

#[test]
fn names_that_come_twice_or_out_of_order_make_no_tree() {
    for names in [[&b"same"[..], b"same"], [b"b", b"a"]] {
        let (vault, root) = forged(|forge| {
            let (one, two) = (forge.data(b"one"), forge.data(b"two"));
            let bad = forge.tree(&[file(names[0], &[one], 3), file(names[1], &[two], 3)]);
            forge.tree(&[folder(b"bad", bad), file(b"good", &[one], 3)])
        });
        assert_eq!(all_but(&vault, root, &["bad"]), ["good"]);
        assert!(vault.check().errors() > 0);
    }
}

#[test]
fn ten_thousand_folders_in_each_other_are_walked_without_a_deep_stack() {
    let (vault, root) = forged(|forge| {
        let id = forge.data(b"bottom");
        let mut tree = forge.tree(&[file(b"f", &[id], 6)]);
        for _ in 0..10_000 {
            tree = forge.tree(&[folder(b"d", tree)]);
        }
        tree
    });
    vault.is_sound();
    let files = restored(&vault, root).whole();
    assert_eq!(files.len(), 1);
    assert_eq!(files.values().next().unwrap(), b"bottom");
    vault.prune().unwrap();
    vault.is_sound();
}

#[test]
fn ten_thousand_folders_in_each_other_are_backed_up() {
    let (vault, _) = Vault::new();
    let nest = |root: &dyn backstay_core::Folder| {
        let mut open = vec![root.folder(b"d").unwrap()];
        for _ in 1..10_000 {
            open.push(open.last().unwrap().folder(b"d").unwrap());
        }
        add_file(&**open.last().unwrap(), "f", b"bottom");
        while let Some(folder) = open.pop() {
            folder.close(folder_meta()).unwrap();
        }
    };
    let taken = vault.back_up(nest);
    assert_eq!(vault.restored(&taken).values().next().unwrap(), b"bottom");
    // Given up in the midst, all that is held is let go again.
    let given_up = vault.try_back_up(None, &crate::support::recorder::Recorder::new(), |sink| {
        let root = sink.root()?;
        let mut folder = root.folder(b"d")?;
        for _ in 0..10_000 {
            folder = folder.folder(b"d")?;
        }
        Err(backstay_core::SinkError::failed("given up"))
    });
    assert!(given_up.is_err());
}

#[test]
fn a_tree_that_claims_to_be_in_itself_is_damage() {
    let (vault, root) = forged(|forge| {
        // No tree can hold its own id, but an index may say that it does.
        let own = FileId([9; 32]);
        let mut json = Vec::new();
        backstay_engine::format::tree::write(&[folder(b"again", own)], &mut json);
        forge.blob(BlobKind::Tree, own, &json);
        let id = forge.data(b"x");
        forge.tree(&[file(b"good", &[id], 1), folder(b"loop", own)])
    });
    assert_eq!(all_but(&vault, root, &["loop"]), ["good"]);
    assert!(vault.check().errors() > 0);
    vault.prune().unwrap_err();
}

#[test]
fn folders_that_share_a_tree_are_checked_once() {
    // Forty folders of two each: a million million paths, but forty trees.
    let (vault, _) = forged(|forge| {
        let mut tree = forge.tree(&[]);
        for _ in 0..40 {
            tree = forge.tree(&[folder(b"a", tree), folder(b"b", tree)]);
        }
        tree
    });
    let started = Instant::now();
    vault.is_sound();
    vault.prune().unwrap();
    assert!(started.elapsed().as_secs() < 60);
}

#[test]
fn sizes_that_lie_are_told_and_the_content_decides() {
    for size in [0, 3, 5, 1 << 40, u64::MAX] {
        let (vault, root) = forged(|forge| {
            let id = forge.data(b"four");
            let mut liar = file(b"liar", &[id], 4);
            liar.meta.size = size;
            forge.tree(&[file(b"honest", &[id], 4), liar])
        });
        let restored = restored(&vault, root);
        let warnings = restored.events.warnings.lock().clone();
        assert!(warnings.len() == 1 && warnings[0].contains("liar"), "{warnings:?}");
        assert_eq!(restored.report.failures, 0, "{size}");
        let files = restored.whole();
        assert_eq!((&files["honest"][..], &files["liar"][..]), (&b"four"[..], &b"four"[..]), "{size}");
        assert!(vault.check().errors() >= 1, "{size}");
    }
}

#[test]
fn blobs_that_are_missing_or_not_what_they_are_called_fail_their_files_alone() {
    let (vault, root) = forged(|forge| {
        let good = forge.data(b"good");
        let wrong = forge.blob(BlobKind::Data, hash(b"right"), b"wrong");
        let missing = FileId([3; 32]);
        forge.tree(&[
            file(b"good", &[good], 4),
            file(b"lost", &[missing], 4),
            Node { content: None, ..file(b"no list", &[], 4) },
            file(b"partly", &[good, wrong], 9),
            file(b"wrong", &[wrong], 5),
        ])
    });
    assert_eq!(all_but(&vault, root, &["lost", "no list", "partly", "wrong"]), ["good"]);
    assert!(vault.check().errors() >= 3);
}

#[test]
fn a_rewrite_does_not_leave_out_in_silence_what_it_cannot_read() {
    use backstay_engine::rewrite::TreeRewriter;
    let (vault, root) = forged(|forge| {
        let id = forge.data(b"four");
        forge.tree(&[file(b"good", &[id], 4), folder(b"lost", FileId([9; 32]))])
    });
    let index = vault.repository.load_index().unwrap();
    let rewriter = TreeRewriter::new(&vault.repository, &index, None).unwrap();
    let error = rewriter.rewrite(root, &mut |_, node| Some(node), &mut |_, error| Err(error)).unwrap_err();
    assert!(error.is_about_content(), "{error}");
}

#[test]
fn nothing_is_linked_to_a_file_that_failed() {
    let (vault, root) = forged(|forge| {
        let wrong = forge.blob(BlobKind::Data, hash(b"right"), b"wrong");
        let linked = |mut node: Node| {
            (node.meta.links, node.meta.inode, node.meta.device_id) = (2, 77, 1);
            node
        };
        forge.tree(&[linked(file(b"a", &[wrong], 5)), linked(file(b"b", &[wrong], 5))])
    });
    assert_eq!(all_but(&vault, root, &["a", "b"]), [""; 0]);
}

#[test]
fn hard_links_that_do_not_share_their_content_are_restored_apart() {
    let (vault, root) = forged(|forge| {
        let (one, two) = (forge.data(b"one"), forge.data(b"two"));
        let linked = |mut node: Node| {
            (node.meta.links, node.meta.inode, node.meta.device_id) = (2, 77, 1);
            node
        };
        forge.tree(&[
            linked(file(b"a", &[one], 3)),
            linked(file(b"b", &[two], 3)),
            linked(file(b"c", &[one], 3)),
        ])
    });
    let files = restored(&vault, root).whole();
    assert_eq!(files["a"], b"one");
    assert_eq!(files["b"], b"two", "the content of another file was restored");
    assert_eq!(files["c"], b"one");
}

/// A repository whose index has two files' blobs at these places of one pack.
fn misplaced(places: [(u32, u32, u32); 2]) -> (Vault, FileId) {
    let (vault, root) = forged(|forge| {
        let (one, two) = (FileId([1; 32]), FileId([2; 32]));
        let good = forge.data(b"good");
        forge.tree(&[file(b"good", &[good], 4), file(b"one", &[one], 4), file(b"two", &[two], 4)])
    });
    let index = vault.repository.load_index().unwrap();
    let pack = index.find(BlobKind::Data, &hash(b"good")).unwrap().pack;
    let blobs = places
        .iter()
        .zip([1, 2])
        .map(|(&(offset, length, raw_length), id)| Blob {
            id: FileId([id; 32]),
            kind: BlobKind::Data,
            offset,
            length,
            raw_length,
        })
        .collect();
    save_index(&vault.repository, vec![PackIndex { id: pack, blobs }]);
    (vault, root)
}

#[test]
fn index_entries_outside_of_their_packs_fail_their_files_alone() {
    const MAX: u32 = u32::MAX;
    for places in [
        [(MAX - 36, 36, 0), (MAX - 36, 36, 0)],
        [(MAX - 40, 36, 4), (MAX - 36, 36, 4)],
        [(MAX, 0, 4), (MAX, 0, 4)],
        [(1 << 30, 36, 0), (3 << 30, 36, 0)],
        [(0, 0, 0), (0, 0, 4)],
        [(0, 36, 0), (1, 35, 4)],
        [(0, 5, 0), (100, 36, MAX)],
    ] {
        let (vault, root) = misplaced(places);
        let restored = restored(&vault, root);
        assert_eq!(restored.shelf.files()["good"], b"good", "{places:?}");
        let mut failed = restored.events.failed_paths();
        failed.dedup();
        assert_eq!(failed, ["one", "two"], "{places:?}");
        assert!(vault.check().errors() > 0, "{places:?}");
        let packs = vault.ids(FileKind::Pack);
        let _ = vault.prune();
        assert_eq!(vault.ids(FileKind::Pack), packs, "pruning a lying index removed something: {places:?}");
    }
}

#[test]
fn a_blob_that_claims_gigabytes_takes_no_memory() {
    let before = peak_memory();
    let (vault, root) = misplaced([(0, u32::MAX - 8, 4), (7, u32::MAX - 8, 4)]);
    let restored = restored(&vault, root);
    let mut failed = restored.events.failed_paths();
    failed.dedup();
    assert_eq!(failed, ["one", "two"]);
    assert!(vault.check().errors() > 0);
    let grown = peak_memory() - before;
    // Other tests run beside this one, in the same process.
    assert!(grown < 1 << 31, "{grown} bytes were taken");
}

/// The most memory this process had, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn an_index_entry_that_ends_beyond_all_packs_is_no_index() {
    let (vault, _) = misplaced([(0, 36, 0), (36, 36, 0)]);
    let json = format!(
        "{{\"packs\":[{{\"id\":\"{0}\",\"blobs\":[{{\"id\":\"{0}\",\"type\":\"data\",\"offset\":4294967295,\"length\":4294967295}}]}}]}}",
        FileId([1; 32])
    );
    let id = vault.repository.save_unpacked(FileKind::Index, json.as_bytes()).unwrap();
    let error = vault.repository.load_index().err().unwrap();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    let report = vault.check();
    assert!(report.findings.iter().any(|finding| finding.is_error && finding.text.contains(&id.to_hex())));
}

#[test]
fn blobs_that_unpack_to_more_or_less_than_they_say_are_damage() {
    let zeros = vec![0; 64 << 20];
    let bomb = zstd::bulk::compress(&zeros, 3).unwrap();
    assert!(bomb.len() < 10_000);
    for claimed in [1, 4, 1000, (64 << 20) - 1, (64 << 20) + 1, u32::MAX] {
        let (vault, root) = forged(|forge| {
            let id = forge.packed(BlobKind::Data, hash(&zeros), &bomb, claimed);
            let good = forge.data(b"good");
            forge.tree(&[file(b"bomb", &[id], claimed as usize), file(b"good", &[good], 4)])
        });
        assert_eq!(all_but(&vault, root, &["bomb"]), ["good"], "{claimed}");
        assert!(vault.check().errors() > 0, "{claimed}");
    }
}

#[test]
fn trees_that_are_no_trees_are_damage() {
    let (vault, _) = Vault::new();
    let forge = Forge::new(&vault.repository);
    let bad: Vec<FileId> = [
        &b""[..],
        b"null",
        b"7",
        b"{\"nodes\":[{}]}",
        b"{\"nodes\":[{\"name\":\"\\\\x\",\"type\":\"file\"}]}",
        b"{\"nodes\":[{\"name\":\"a\",\"type\":\"file\",\"size\":-1}]}",
        b"{\"nodes\":[{\"name\":\"a\",\"type\":\"dir\",\"subtree\":\"00\"}]}",
        b"{\"nodes\":[{\"name\":\"a\",\"type\":\"file\",\"mtime\":\"yesterday\"}]}",
        &[b'['; 100_000],
        &noise(1, 100),
    ]
    .iter()
    .map(|json| forge.blob(BlobKind::Tree, hash(json), json))
    .collect();
    let snapshot = forge.finish(bad[0]);
    for tree in bad {
        let restored = vault.try_restore(tree).unwrap();
        assert!(restored.report.failures > 0, "{tree}");
        assert!(restored.shelf.files().is_empty());
    }
    assert!(vault.check().errors() > 0);
    vault.forget(snapshot);
}

#[test]
fn a_folder_without_a_tree_and_a_kind_nobody_knows_are_told() {
    let (vault, root) = forged(|forge| {
        let json = "{\"nodes\":[{\"name\":\"folder\",\"type\":\"dir\",\"content\":null},\
            {\"name\":\"odd\",\"type\":\"door\",\"content\":null}]}\n";
        forge.blob(BlobKind::Tree, hash(json.as_bytes()), json.as_bytes())
    });
    assert!(vault.check().errors() > 0);
    let restored = restored(&vault, root);
    assert!(restored.shelf.files().is_empty());
}

#[test]
fn snapshots_of_nothing_are_told() {
    let (vault, _) = Vault::new();
    let nothing = FileId([5; 32]);
    save_snapshot(&vault.repository, nothing);
    assert!(vault.check().errors() > 0);
    assert!(vault.try_restore(nothing).unwrap().report.failures > 0);
    vault.prune().unwrap_err();
    for json in [
        &b"{}"[..],
        b"[]",
        b"{\"time\":\"2024-01-02T03:04:05Z\",\"tree\":7}",
        b"{\"time\":\"\",\"tree\":\"\"}",
    ] {
        let id = vault.repository.save_unpacked(FileKind::Snapshot, json).unwrap();
        let error = vault.repository.load_snapshot(id).err().unwrap();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        vault.forget(id);
    }
}

/// A repository in which the only key file is this one.
fn with_key(json: &[u8]) -> Arc<dyn Storage> {
    let (vault, memory) = Vault::new();
    for id in vault.ids(FileKind::Key) {
        memory.remove(&Handle::new(FileKind::Key, id), backstay_core::CallContext::NONE).unwrap();
    }
    memory.put(Handle::new(FileKind::Key, hash(json)), json);
    Arc::new(memory)
}

#[test]
fn keys_with_absurd_costs_are_refused_at_once() {
    let random = CountingRandom::seeded(5);
    let master = KeyBytes::generate(&random);
    let honest = KeyFile::seal(&master, "x", KdfParams::CHEAP, Labels::default(), &random).unwrap();
    // It opens; that it belongs to another repository comes to light only then.
    let error = unlock(&with_key(&honest.to_json()), "x", None).err().expect("it opened");
    assert!(error.to_string().starts_with("the configuration"), "{error}");
    let started = Instant::now();
    for (n, r, p) in [
        (0, 8, 1),
        (3, 8, 1),
        (1 << 63, 8, 1),
        (u64::MAX, 1, 1),
        (1 << 24, 8, 1),
        (1 << 15, 0, 1),
        (1 << 15, 8, 0),
        (1 << 15, u32::MAX, 1),
        (1 << 15, 8, u32::MAX),
        (2, 1, 1 << 30),
    ] {
        let file = KeyFile { params: KdfParams { n, r, p }, ..honest.clone() };
        let error = unlock(&with_key(&file.to_json()), "x", None).err().expect("it opened");
        assert!(
            matches!(&error, Error::Damaged { what, .. } if what.starts_with("keys/")),
            "{n} {r} {p}: {error}"
        );
    }
    for file in [
        KeyFile { kdf: "none".into(), ..honest.clone() },
        KeyFile { salt: "?".into(), ..honest.clone() },
        KeyFile { data: "?".into(), ..honest.clone() },
        KeyFile { data: String::new(), ..honest.clone() },
    ] {
        let error = unlock(&with_key(&file.to_json()), "x", None).err().expect("it opened");
        assert!(!error.to_string().starts_with("the configuration"), "{error}");
    }
    let error = unlock(&with_key(b"{}"), "x", None).err().expect("it opened");
    assert!(!error.to_string().starts_with("the configuration"), "{error}");
    assert!(started.elapsed().as_secs() < 30);
}

#[test]
fn configurations_that_cannot_be_are_refused() {
    use backstay_engine::format::Config;
    let (vault, _) = Vault::new();
    let json = String::from_utf8(vault.repository.config().to_json()).unwrap();
    let polynomial = format!("{:x}", vault.repository.config().polynomial.bits());
    Config::parse(json.as_bytes()).unwrap();
    for bad in [
        "0",
        "1",
        "3",
        "2000000000000",
        "20000000000000",
        "20000000000001",
        "ffffffffffffffff",
        "-1",
        "x",
        "",
    ] {
        let error = Config::parse(json.replace(&polynomial, bad).as_bytes()).err();
        assert!(matches!(error, Some(Error::Damaged { .. })), "{bad}: {error:?}");
    }
    for bad in ["0", "3", "4294967295"] {
        let error =
            Config::parse(json.replace("\"version\":2", &format!("\"version\":{bad}")).as_bytes()).err();
        assert!(matches!(error, Some(Error::Version(_))), "{bad}: {error:?}");
    }
}

#[test]
fn a_configuration_of_another_key_is_refused() {
    let ((_, one), (_, other)) = (Vault::new(), Vault::new());
    let config = other.get(&Handle::CONFIG).unwrap();
    one.put(Handle::CONFIG, &config);
    let error = Vault::open(Arc::new(one)).err().unwrap();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    let _: Memory = other;
}
