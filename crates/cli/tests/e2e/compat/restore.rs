//! `restore` in its modes, run with both programs on the same target.

use std::collections::BTreeSet;

use super::pair::Pair;
use crate::world::{Run, World};

/// What was told of each item, with paths as from the world's root.
fn actions(world: &World, run: &Run) -> BTreeSet<String> {
    let root = world.at("");
    let items = run.json().into_iter().filter(|value| value["message_type"] == "verbose_status");
    items
        .map(|item| format!("{} {} {}", item["action"], item["item"], item["size"]).replace(&root, ""))
        .collect()
}

/// Something of one's own in the target.
fn clutter(world: &World) {
    world.file("out/src/extra", "mine").file("out/src/own/deep/file", "mine").file("out/src/one.txt", "mine");
    std::os::unix::fs::symlink("/", world.path("out/src/own/link")).unwrap();
}

#[test]
fn what_is_deleted_is_told_item_by_item() {
    let Some(pair) = Pair::with_snapshots() else { return };
    for arguments in [&["--dry-run"][..], &[]] {
        let [theirs, ours] = pair.worlds().map(|world| {
            let _ = std::fs::remove_dir_all(world.path("out"));
            clutter(world);
            let all =
                [&["restore", "latest", "--target", "out", "--delete", "--json", "-vv"], arguments].concat();
            let run = world.run(all).succeeds();
            (actions(world, &run), run.message("summary")["files_deleted"].clone())
        });
        let deleted = |told: &BTreeSet<String>| {
            told.iter().filter(|line| line.contains("deleted")).cloned().collect::<Vec<_>>()
        };
        assert_eq!(deleted(&ours.0), deleted(&theirs.0), "{arguments:?}");
        assert_eq!((ours.1.clone(), theirs.1), (5.into(), 5.into()));
        assert_eq!(deleted(&ours.0).len(), 5);
    }
    assert_eq!(pair.ours.contents("out/src"), pair.ours.contents("src"));
}

#[test]
fn every_mode_leaves_the_same_files() {
    let Some(pair) = Pair::with_snapshots() else { return };
    for arguments in [
        &["--overwrite", "always"][..],
        &["--overwrite", "if-changed"],
        &["--overwrite", "never"],
        &["--delete", "--include", "src/o*"],
        &["--delete", "--exclude", "own"],
        &["--include", "*.bin", "--sparse"],
        &["--iinclude", "ONE.*", "--verify"],
        &["--exclude", "deep", "--iexclude", "FOUR", "--overwrite", "if-newer"],
        &["--include-file", "patterns"],
        &["--overwrite", "sometimes"],
        &["--include-xattr", "a", "--exclude-xattr", "b"],
        &["--dry-run", "--verify"],
    ] {
        let [theirs, ours] = pair.worlds().map(|world| {
            world.file("patterns", "# these\n*/one.txt\n");
            let _ = std::fs::remove_dir_all(world.path("out"));
            clutter(world);
            // No link is followed.
            std::fs::remove_file(world.path("out/src/own/link")).unwrap();
            let run = world.run([&["restore", "latest", "--target", "out"], arguments].concat());
            (run.code, world.contents("out"))
        });
        assert_eq!(ours.0, theirs.0, "{arguments:?}");
        assert!(ours.1 == theirs.1, "{arguments:?}: {:?} {:?}", ours.1.keys(), theirs.1.keys());
    }
}

#[test]
fn subfolders_are_restored_and_dumped_alike() {
    let Some(pair) = Pair::with_snapshots() else { return };
    let [theirs, ours] = pair.worlds().map(|world| {
        world.run(["restore", "latest:/src/deep", "--target", "sub"]).succeeds();
        let dumped = world.run(["dump", "latest", "/src/one.txt"]).succeeds().stdout;
        world.run(["dump", "latest", "/src", "--archive", "zip", "--target", "out.zip"]).succeeds();
        (world.contents("sub"), dumped)
    });
    assert_eq!(ours, theirs);
    for arguments in [
        ["restore", "latest:/src/none", "--target", "x"],
        ["restore", "latest", "--target", ""],
        ["dump", "latest", "/src", "--archive=rar"],
        ["dump", "latest:/none", "/", "--archive=tar"],
    ] {
        pair.same_exit(&arguments);
    }
}
