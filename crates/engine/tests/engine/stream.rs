//! The entry stream: what sources may do, a repository takes in.

use std::sync::Arc;

use backstay_core::{Content, CutHint, EntryKind, Meta};
use backstay_engine::format::Tree;

use crate::support::forge::read_tree;
use crate::support::noise;
use crate::support::recorder::Recorder;
use crate::support::source::{Bytes, add_file, entry, file_meta, folder_meta, hinted, lazy};
use crate::support::vault::{Taken, Vault};

fn root_tree(vault: &Vault, taken: &Taken) -> Tree {
    read_tree(&vault.repository, taken.snapshot.tree)
}

/// How many blobs a file in the root has.
fn blobs_of(vault: &Vault, taken: &Taken, name: &str) -> Vec<backstay_core::FileId> {
    root_tree(vault, taken).find(name.as_bytes()).unwrap().blobs().to_vec()
}

/// The parent's content with these ranges, each from and to an offset, replaced.
fn patched(bytes: &[u8], ranges: &[(u64, u64)]) -> Content {
    let ranges = ranges.iter().map(|(from, to)| *from..*to).collect();
    Content::Patched { opener: Box::new(Bytes(bytes.to_vec())), ranges }
}

#[test]
fn folders_close_in_any_order_and_entries_come_in_any_order() {
    let (vault, _) = Vault::new();
    let taken = vault.back_up(|root| {
        let z = root.folder(b"z").unwrap();
        let a = root.folder(b"a").unwrap();
        let inner = a.folder(b"inner").unwrap();
        a.close(folder_meta()).unwrap();
        add_file(root, "m", b"m");
        add_file(&*z, "2", b"two");
        add_file(&*inner, "deep", b"deep");
        add_file(&*z, "1", b"one");
        z.close(folder_meta()).unwrap();
        add_file(root, "a-b", b"a-b");
        inner.close(folder_meta()).unwrap();
    });
    let files = vault.restored(&taken);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["a-b", "a/inner/deep", "m", "z/1", "z/2"]);
    let names: Vec<_> = root_tree(&vault, &taken).nodes.into_iter().map(|node| node.name).collect();
    assert_eq!(names, [&b"a"[..], b"a-b", b"m", b"z"]);
    assert_eq!(taken.outcome.summary.dirs_new, 3);
    vault.is_sound();
}

#[test]
fn the_root_may_close_before_what_is_in_it() {
    let (vault, _) = Vault::new();
    let taken = vault.try_back_up(None, &Recorder::new(), |sink| {
        let root = sink.root()?;
        let folder = root.folder(b"late")?;
        root.close(folder_meta())?;
        add_file(&*folder, "file", b"content");
        folder.close(folder_meta())
    });
    assert_eq!(vault.restored(&taken.unwrap())["late/file"], b"content");
}

#[test]
fn many_threads_add_thousands_of_entries() {
    let (vault, _) = Vault::new();
    let content = |thread: usize, number: usize| noise((thread * 1000 + number) as u64, number * 3 % 2000);
    let taken = vault.back_up(|root| {
        let shared = root.folder(b"shared").unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (shared, root) = (&*shared, &root);
                scope.spawn(move || {
                    let own = root.folder(format!("own {thread}").as_bytes()).unwrap();
                    for number in 0..400 {
                        let bytes = content(thread, number);
                        add_file(shared, &format!("{thread}-{number}"), &bytes);
                        add_file(&*own, &number.to_string(), &bytes);
                    }
                    own.close(folder_meta()).unwrap();
                });
            }
        });
        shared.close(folder_meta()).unwrap();
    });
    let files = vault.restored(&taken);
    assert_eq!(files.len(), 6400);
    for (thread, number) in [(0, 0), (3, 399), (7, 77)] {
        assert_eq!(files[&format!("shared/{thread}-{number}")], content(thread, number));
        assert_eq!(files[&format!("own {thread}/{number}")], content(thread, number));
    }
    assert_eq!(taken.outcome.summary.files_new, 6400);
    assert_eq!(taken.outcome.summary.dirs_new, 9);
    vault.is_sound();
}

/// A big file is searched in segments by all threads, a pushed one by the thread that pushes: the cuts must be the same.
#[test]
fn a_file_cut_on_all_cores_has_the_cuts_of_one_that_is_pushed() {
    let (vault, _) = Vault::new();
    let longest = vault.repository.settings().chunk_sizes.max;
    let mut contents: Vec<Vec<u8>> = Vec::new();
    for seed in 0..24 {
        // Around whole segments, and some with stretches that are never cut before the most there may be.
        let mut bytes =
            noise(seed, longest * (2 + seed as usize) + [0, 1, longest - 1, 700][seed as usize % 4]);
        if seed % 3 == 0 {
            let middle = bytes.len() / 2;
            bytes[middle..].fill(0x5a);
        }
        contents.push(bytes);
    }
    let taken = vault.back_up(|root| {
        for (number, bytes) in contents.iter().enumerate() {
            add_file(root, &format!("read {number}"), bytes);
            let mut pushed = root.begin(format!("pushed {number}").as_bytes(), CutHint::ByContent).unwrap();
            bytes.chunks(501).for_each(|piece| pushed.write(piece).unwrap());
            pushed.finish(file_meta(0)).unwrap();
        }
    });
    let files = vault.restored(&taken);
    for (number, bytes) in contents.iter().enumerate() {
        let read = blobs_of(&vault, &taken, &format!("read {number}"));
        assert_eq!(read, blobs_of(&vault, &taken, &format!("pushed {number}")));
        assert!(read.len() >= 2 && files[&format!("read {number}")] == *bytes);
    }
    vault.is_sound();
}

#[test]
fn pushed_contents_come_interleaved() {
    let (vault, _) = Vault::new();
    let contents: Vec<Vec<u8>> = (0..6).map(|seed| noise(seed, 40_000 + seed as usize * 1111)).collect();
    let taken = vault.back_up(|root| {
        let begin =
            |number: usize| root.begin(format!("pushed {number}").as_bytes(), CutHint::ByContent).unwrap();
        let mut open: Vec<_> = (0..6).map(begin).collect();
        for at in (0..50_000).step_by(777) {
            for (pushed, content) in open.iter_mut().zip(&contents) {
                let end = content.len().min(at + 777);
                pushed.write(content.get(at..end).unwrap_or_default()).unwrap();
            }
        }
        for pushed in open.into_iter().rev() {
            pushed.finish(file_meta(0)).unwrap();
        }
        add_file(root, "read", &contents[0]);
    });
    let files = vault.restored(&taken);
    for (number, content) in contents.iter().enumerate() {
        assert!(files[&format!("pushed {number}")] == *content, "content {number}");
    }
    // Pushed or read: the cuts are the same.
    assert_eq!(blobs_of(&vault, &taken, "pushed 0"), blobs_of(&vault, &taken, "read"));
    vault.is_sound();
}

#[test]
fn a_pushed_content_that_is_dropped_fails_alone() {
    let (vault, _) = Vault::new();
    let taken = vault.back_up(|root| {
        let mut dropped = root.begin(b"dropped", CutHint::ByContent).unwrap();
        dropped.write(&noise(1, 30_000)).unwrap();
        drop(dropped);
        add_file(root, "kept", b"kept");
    });
    assert_eq!(taken.outcome.failures, 1);
    assert_eq!(taken.events.failed_paths(), ["/dropped"]);
    assert_eq!(vault.restored(&taken).into_keys().collect::<Vec<_>>(), ["kept"]);
    vault.is_sound();
}

#[test]
fn no_more_contents_are_pushed_at_once_than_agreed() {
    let (vault, _) = Vault::new();
    let taken = vault.try_back_up(None, &Recorder::new(), |sink| {
        let root = sink.root()?;
        let name = |number: usize| format!("{number}").into_bytes();
        let open: Vec<_> = (0..sink.open_limit())
            .map(|number| root.begin(&name(number), CutHint::ByContent).unwrap())
            .collect();
        assert!(root.begin(b"one too many", CutHint::ByContent).is_err());
        open.into_iter().try_for_each(|pushed| pushed.finish(file_meta(0)))?;
        root.begin(b"room again", CutHint::ByContent)?.finish(file_meta(0))?;
        root.close(folder_meta())
    });
    let taken = taken.unwrap();
    assert!(vault.restored(&taken).contains_key("room again"));
}

#[test]
fn fixed_cuts_fall_on_pages() {
    let (vault, _) = Vault::new();
    let mut pages = noise(1, 16 * 512 + 100);
    let first = vault.back_up(|root| {
        root.add(entry("pages", file_meta(pages.len()), hinted(&pages, CutHint::Fixed(512)))).unwrap();
    });
    let before = blobs_of(&vault, &first, "pages");
    assert_eq!(before.len(), 17);
    pages[5 * 512] ^= 1;
    let second = vault.back_up(|root| {
        let mut pushed = root.begin(b"pages", CutHint::Fixed(512)).unwrap();
        pages.chunks(313).for_each(|piece| pushed.write(piece).unwrap());
        pushed.finish(file_meta(0)).unwrap();
    });
    let after = blobs_of(&vault, &second, "pages");
    let changed: Vec<_> = (0..17).filter(|page| before[*page] != after[*page]).collect();
    assert_eq!(changed, [5]);
    assert!(vault.restored(&second)["pages"] == pages);
}

#[test]
fn marks_cut_where_the_source_says() {
    let (vault, _) = Vault::new();
    let bytes = noise(1, 3000);
    let marks = vec![0, 100, 100, 101, 700, 2900, 3000, 5000];
    let taken = vault.back_up(|root| {
        root.add(entry("marked", file_meta(3000), hinted(&bytes, CutHint::Marks(marks)))).unwrap();
    });
    let ids = blobs_of(&vault, &taken, "marked");
    let hash = backstay_engine::crypto::hash;
    // No chunk is longer than the longest that the chunker makes: 1024 bytes here.
    let cuts = [0, 100, 101, 700, 1724, 2748, 2900, 3000];
    let expected: Vec<_> = cuts.windows(2).map(|pair| hash(&bytes[pair[0]..pair[1]])).collect();
    assert_eq!(ids, expected);
    assert!(vault.restored(&taken)["marked"] == bytes);
}

#[test]
fn the_same_as_the_parent_is_taken_over_unread() {
    let (vault, _) = Vault::new();
    let bytes = noise(1, 10_000);
    let first = vault.back_up(|root| add_file(root, "file", &bytes));
    let meta = Meta { permissions: 0o600, ..file_meta(10_000) };
    let second = vault.back_up_after(Some(&first), |root| {
        root.add(entry("file", meta.clone(), Content::SameAsParent)).unwrap();
        root.add(entry("unknown", meta.clone(), Content::SameAsParent)).unwrap();
    });
    assert_eq!(second.events.failed_paths(), ["/unknown"]);
    assert_eq!(second.outcome.failures, 1);
    assert_eq!(vault.restored(&second).into_iter().collect::<Vec<_>>(), [("file".to_owned(), bytes)]);
    assert_eq!(second.outcome.summary.data_blobs, 0);
    assert_eq!(root_tree(&vault, &second).nodes[0].meta.permissions, 0o600);
}

#[test]
fn patches_replace_ranges_and_keep_the_other_blobs() {
    let (vault, _) = Vault::new();
    let mut bytes = noise(1, 100_000);
    let first = vault.back_up(|root| add_file(root, "base", &bytes));
    let ranges = [10..20, 5_000..9_000, 99_990..120_000];
    let new = noise(2, 10 + 4_000 + 20_010);
    bytes.resize(120_000, 0);
    let mut rest = new.as_slice();
    for range in &ranges {
        let (now, later) = rest.split_at(range.end - range.start);
        bytes[range.clone()].copy_from_slice(now);
        rest = later;
    }
    let spans: Vec<_> = ranges.iter().map(|range| (range.start as u64, range.end as u64)).collect();
    let second = vault.back_up_after(Some(&first), |root| {
        root.add(entry("base", file_meta(120_000), patched(&new, &spans))).unwrap();
    });
    assert!(vault.restored(&second)["base"] == bytes);
    let (before, after) = (blobs_of(&vault, &first, "base"), blobs_of(&vault, &second, "base"));
    let kept = before.iter().filter(|id| after.contains(id)).count();
    assert!(kept > before.len() * 8 / 10, "{kept} of {} blobs are kept", before.len());
    // Shrunk, with nothing replaced.
    let third = vault.back_up_after(Some(&second), |root| {
        root.add(entry("base", file_meta(50_001), patched(b"", &[]))).unwrap();
    });
    assert!(vault.restored(&third)["base"] == bytes[..50_001]);
    vault.is_sound();
}

#[test]
fn a_patch_of_a_long_new_end_is_whole() {
    let (vault, _) = Vault::new();
    let first = vault.back_up(|root| add_file(root, "grows", b"seed"));
    let grown = noise(3, 5 << 20);
    let whole = [b"seed", &grown[..]].concat();
    let second = vault.back_up_after(Some(&first), |root| {
        let end = whole.len() as u64;
        root.add(entry("grows", file_meta(whole.len()), patched(&grown, &[(4, end)]))).unwrap();
    });
    assert!(vault.restored(&second)["grows"] == whole);
}

#[test]
fn a_patch_without_a_parent_fails_instead_of_inventing_zeros() {
    let (vault, _) = Vault::new();
    let first = vault.back_up(|root| add_file(root, "other", b"x"));
    let second = vault.back_up_after(Some(&first), |root| {
        root.add(entry("new", file_meta(1000), patched(b"0123456789", &[(10, 20)]))).unwrap();
        add_file(root, "other", b"x");
    });
    assert_eq!(second.events.failed_paths(), ["/new"]);
    assert_eq!(vault.restored(&second).into_keys().collect::<Vec<_>>(), ["other"]);
}

#[test]
fn a_patch_with_too_few_bytes_fails_alone() {
    let (vault, _) = Vault::new();
    let first = vault.back_up(|root| add_file(root, "base", &noise(1, 5000)));
    let second = vault.back_up_after(Some(&first), |root| {
        root.add(entry("base", file_meta(5000), patched(b"short", &[(0, 4000)]))).unwrap();
        add_file(root, "other", b"x");
    });
    assert_eq!(second.events.failed_paths(), ["/base"]);
    assert_eq!(vault.restored(&second).into_keys().collect::<Vec<_>>(), ["other"]);
}

#[test]
fn names_that_cannot_be_and_names_that_come_twice_fail_alone() {
    let (vault, _) = Vault::new();
    let taken = vault.back_up(|root| {
        for name in ["..", ".", "", "a/b", "nul\0"] {
            root.add(entry(name, file_meta(1), lazy(b"x"))).unwrap();
        }
        add_file(root, "twice", b"one");
        add_file(root, "twice", b"two");
        root.folder(b"..").unwrap().close(folder_meta()).unwrap();
        add_file(root, "good", b"good");
    });
    assert_eq!(taken.outcome.failures, 7, "{:?}", taken.events.failed_paths());
    assert_eq!(vault.restored(&taken).into_keys().collect::<Vec<_>>(), ["good", "twice"]);
    vault.is_sound();
}

#[test]
fn what_is_no_file_keeps_its_metadata() {
    let (vault, _) = Vault::new();
    let link =
        Meta { kind: EntryKind::Symlink, link_target: Some(b"to \xff there".to_vec()), ..file_meta(0) };
    let device = Meta { kind: EntryKind::CharDevice, device: 0x103, ..file_meta(0) };
    let taken = vault.back_up(|root| {
        root.add(entry("link", link.clone(), Content::None)).unwrap();
        root.add(entry("device", device.clone(), Content::None)).unwrap();
    });
    let restored = vault.try_restore(taken.snapshot.tree).unwrap();
    assert_eq!(restored.shelf.kind("link"), Some(EntryKind::Symlink));
    assert_eq!(restored.shelf.meta("link"), Some(link));
    assert_eq!(restored.shelf.meta("device"), Some(device));
}

#[test]
fn an_unchanged_file_is_not_opened_again() {
    let (vault, _) = Vault::new();
    let first = vault.back_up(|root| add_file(root, "file", b"content"));
    let second = vault.back_up_after(Some(&first), |root| {
        crate::support::source::add_when(root, "file", 7, || -> std::io::Result<std::io::Empty> {
            panic!("an unchanged file was opened")
        });
    });
    assert_eq!(second.snapshot.tree, first.snapshot.tree);
    assert_eq!(second.outcome.summary.files_unmodified, 1);
    let listener: Arc<Recorder> = second.events;
    assert_eq!(listener.bytes_done(), 7);
}
