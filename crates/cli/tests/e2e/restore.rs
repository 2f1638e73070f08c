//! `restore` and `dump`.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use crate::world::World;

#[test]
fn everything_comes_back() {
    let world = World::initialised();
    world.some_files();
    std::os::unix::fs::symlink("one.txt", world.path("src/link")).unwrap();
    std::fs::hard_link(world.path("src/two.txt"), world.path("src/deep/two")).unwrap();
    std::fs::set_permissions(world.path("src/one.txt"), std::fs::Permissions::from_mode(0o640)).unwrap();
    world.back_up_src();
    let run = world.run(["restore", "latest", "--target", "out", "--verify", "--json"]).succeeds();
    assert_eq!(run.message("summary")["files_restored"], 8);
    assert_eq!(world.contents("out/src"), world.contents("src"));
    let stat = |path: &str| std::fs::symlink_metadata(world.path(path)).unwrap();
    assert_eq!(stat("out/src/one.txt").mode(), stat("src/one.txt").mode());
    assert_eq!(stat("out/src/one.txt").mtime_nsec(), stat("src/one.txt").mtime_nsec());
    assert_eq!(stat("out/src/two.txt").ino(), stat("out/src/deep/two").ino());
    assert_eq!(std::fs::read_link(world.path("out/src/link")).unwrap().to_str(), Some("one.txt"));
}

#[test]
fn a_subfolder_or_a_choice_of_files_comes_back() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    world.run(["restore", "latest:/src/deep", "--target", "sub"]).succeeds();
    assert_eq!(world.contents("sub").into_keys().collect::<Vec<_>>(), ["er/three.bin"]);
    world
        .run(["restore", "latest", "--target", "in", "--include", "*.TXT", "--iinclude", "*/ONE.*"])
        .succeeds();
    assert_eq!(world.contents("in").into_keys().collect::<Vec<_>>(), ["src/one.txt"]);
    world.run(["restore", "latest", "--target", "ex", "--exclude", "deep"]).succeeds();
    assert_eq!(world.contents("ex").into_keys().collect::<Vec<_>>(), ["src/one.txt", "src/two.txt"]);
}

#[test]
fn what_a_plan_keeps_between_its_backups_is_no_latest_backup() {
    let world = World::initialised();
    world.some_files().file("log/piece", "what was written since");
    world.back_up_src();
    world.run(["backup", "log", "--tag", "log-of:plan,log-piece:1-2"]).succeeds();
    world.run(["restore", "latest", "--target", "out"]).succeeds();
    assert_eq!(world.contents("out/src"), world.contents("src"));
    world.run(["restore", "latest", "--tag", "log-of:plan", "--target", "pieces"]).succeeds();
    assert_eq!(world.contents("pieces/log"), world.contents("log"));
}

#[test]
fn an_earlier_snapshot_comes_back_by_its_id() {
    let world = World::initialised();
    world.some_files();
    let first = world.back_up_src();
    let before = world.contents("src");
    world.file("src/one.txt", "changed").file("src/new", "new");
    world.back_up_src();
    world.run(["restore", &first[..8], "--target", "out"]).succeeds();
    assert_eq!(world.contents("out/src"), before);
}

#[test]
fn what_is_there_is_treated_as_told() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    let out = |name: &str| std::fs::read_to_string(world.path(name)).unwrap();
    world.run(["restore", "latest", "--target", "out"]).succeeds();
    world.file("out/src/one.txt", "mine").file("out/src/extra", "mine");
    world.run(["restore", "latest", "--target", "out", "--overwrite", "never"]).succeeds();
    assert_eq!(out("out/src/one.txt"), "mine");
    world.run(["restore", "latest", "--target", "out", "--overwrite", "if-newer"]).succeeds();
    assert_eq!(out("out/src/one.txt"), "mine");
    world.run(["restore", "latest", "--target", "out", "--dry-run", "--delete"]).succeeds();
    assert_eq!(out("out/src/extra"), "mine");
    world.run(["restore", "latest", "--target", "out", "--delete"]).succeeds();
    assert_eq!(world.contents("out/src"), world.contents("src"));
}

#[test]
fn a_dry_run_makes_nothing_and_tells_what_would_come() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    let run = world.run(["restore", "latest", "--target", "far/out", "--dry-run", "--json", "--delete"]);
    let dry = run.succeeds().message("summary");
    assert!(!world.path("far").exists());
    let wet = world.run(["restore", "latest", "--target", "far/out", "--json"]).succeeds().message("summary");
    let figures = ["files_restored", "bytes_restored"];
    assert_eq!(figures.map(|key| &dry[key]), figures.map(|key| &wet[key]));
}

#[test]
fn only_what_was_restored_is_verified() {
    let world = World::initialised();
    world.file("src/a", "one").file("src/c", "three").file("src/d", "four");
    std::fs::hard_link(world.path("src/a"), world.path("src/b")).unwrap();
    world.back_up_src();
    for mode in ["never", "if-newer"] {
        for kept in ["a", "b", "c"] {
            world.file(&format!("{mode}/src/{kept}"), "mine");
        }
        let run =
            world.run(["restore", "latest", "--target", mode, "--overwrite", mode, "--verify"]).succeeds();
        run.says("finished verifying 1 files");
        assert_eq!(std::fs::read(world.path(&format!("{mode}/src/b"))).unwrap(), b"mine");
    }
}

#[test]
fn folders_are_dumped_as_archives() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    world.run(["dump", "latest", "/src", "--target", "out.tar"]).succeeds();
    std::fs::create_dir(world.path("tar")).unwrap();
    let unpacked =
        Command::new("tar").args(["xf", "out.tar", "-C", "tar"]).current_dir(world.path("")).status();
    assert!(unpacked.unwrap().success());
    assert_eq!(world.contents("tar/src"), world.contents("src"));

    world.run(["dump", "latest:/src", "/", "-a", "zip", "--target", "out.zip"]).succeeds();
    let mut zip = zip::ZipArchive::new(std::fs::File::open(world.path("out.zip")).unwrap()).unwrap();
    zip.extract(world.path("zip")).unwrap();
    assert_eq!(world.contents("zip"), world.contents("src"));

    world.run(["dump", "latest", "/src/nothing"]).ends_with(1).complains("not found");
}

#[test]
fn nothing_is_linked_to_a_file_that_was_left_alone() {
    let world = World::initialised();
    world.file("src/a", "shared");
    std::fs::hard_link(world.path("src/a"), world.path("src/b")).unwrap();
    world.back_up_src();
    world.file("out/src/a", "mine");
    let before = std::fs::metadata(world.path("out/src/a")).unwrap();
    world.run(["restore", "latest", "--target", "out", "--overwrite", "never"]).succeeds();
    let read = |path: &str| std::fs::read_to_string(world.path(path)).unwrap();
    assert_eq!((&read("out/src/a")[..], &read("out/src/b")[..]), ("mine", "shared"));
    assert_eq!(std::fs::metadata(world.path("out/src/a")).unwrap().mtime(), before.mtime());
}
