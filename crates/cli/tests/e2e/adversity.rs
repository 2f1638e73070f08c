//! Disks that are full or read-only, files beyond 4 GiB, odd names, and processes that meet or are killed.

use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use backstay_core::testing::in_own_mounts;

use crate::world::{Run, World, finish, noise};

/// Runs a shell script in the world, in a mount namespace of its own; the program is `$BACKSTAY` there. What it mounts is gone
/// when it ends.
pub(crate) fn with_mounts(world: &World, script: &str) -> Run {
    let mut command = in_own_mounts(script);
    let told = world.command(["version"]);
    command.current_dir(world.path("")).env_clear();
    command.envs(told.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("BACKSTAY", told.get_program());
    finish(command)
}

#[test]
fn a_full_disk_ends_a_backup_with_a_hint_and_costs_nothing() {
    let world = World::new();
    world.some_files().file("big/big", noise(24_000_000));
    let script = r#"
        mkdir repo && mount -t tmpfs -o size=16m none repo || exit 99
        "$BACKSTAY" init && "$BACKSTAY" backup src || exit 98
        "$BACKSTAY" backup big; test $? = 1 || exit 97
        "$BACKSTAY" check --read-data || exit 96
        "$BACKSTAY" restore latest --target out || exit 95
        "$BACKSTAY" prune || exit 94
        "$BACKSTAY" check --read-data || exit 93
        test -z "$(ls repo/locks)"
    "#;
    with_mounts(&world, script).succeeds().complains("o space").complains("hint: free some space");
    assert_eq!(world.contents("out/src"), world.contents("src"));
}

#[test]
fn a_full_disk_ends_a_restore_with_each_file_that_it_cost() {
    let world = World::initialised();
    world.some_files().file("src/big", noise(24_000_000));
    world.back_up_src();
    let script = r#"
        mkdir out && mount -t tmpfs -o size=16m none out || exit 99
        "$BACKSTAY" restore latest --target out; test $? = 1 || exit 98
        for file in one.txt two.txt; do cmp out/src/$file src/$file || echo "lost: $file"; done
    "#;
    let run = with_mounts(&world, script).succeeds();
    // Files are written side by side, so which of the small ones are lost beside the big one is not said.
    for file in ["one.txt", "two.txt"] {
        let (lost, told) = (format!("lost: {file}"), format!("ignoring error for src/{file}:"));
        assert_eq!(
            run.stdout.contains(&lost),
            run.stderr.contains(&told),
            "{file}: {} {}",
            run.stdout,
            run.stderr
        );
    }
    run.complains("o space").complains("src/big");
}

#[test]
fn a_read_only_repository_is_read_and_not_written() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    let script = r#"
        mount --bind repo repo && mount -o remount,bind,ro repo repo || exit 99
        "$BACKSTAY" backup src; test $? = 1 || exit 98
        "$BACKSTAY" forget latest; test $? = 1 || exit 97
        "$BACKSTAY" check --no-lock --read-data || exit 96
        "$BACKSTAY" restore latest --no-lock --target out
    "#;
    with_mounts(&world, script).succeeds().complains("hint: the storage is read-only");
    assert_eq!(world.contents("out/src"), world.contents("src"));
}

#[test]
fn a_file_over_four_gigabytes_comes_back() {
    const LENGTH: u64 = (4 << 30) + 12_345;
    const MARKS: [u64; 3] = [0, (4 << 30) - 3, LENGTH - 7];
    let world = World::initialised();
    std::fs::create_dir(world.path("src")).unwrap();
    let file = File::create(world.path("src/huge")).unwrap();
    file.set_len(LENGTH).unwrap();
    for (at, mark) in MARKS.iter().zip(["first", "middle", "the end"]) {
        file.write_all_at(mark.as_bytes(), *at).unwrap();
    }
    world.back_up_src();
    world.run(["restore", "latest", "--sparse", "--verify", "--target", "out"]).succeeds();
    let restored = File::open(world.path("out/src/huge")).unwrap();
    assert_eq!(restored.metadata().unwrap().len(), LENGTH);
    for (at, mark) in MARKS.iter().zip(["first", "middle", "the end"]) {
        let mut found = vec![0; mark.len()];
        restored.read_exact_at(&mut found, *at).unwrap();
        assert_eq!(found, mark.as_bytes());
    }
    // `verify` has compared each byte with what was stored; this compares what was stored with the source.
    let same =
        Command::new("cmp").args([world.path("src/huge"), world.path("out/src/huge")]).status().unwrap();
    assert!(same.success());
}

#[test]
fn odd_names_and_a_thousand_folders_come_back() {
    let world = World::initialised();
    let odd = |name: &[u8]| world.path("src").join(std::ffi::OsStr::from_bytes(name));
    let mut deep = world.path("src");
    for _ in 0..1000 {
        deep.push("d");
    }
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("bottom"), "here").unwrap();
    let names = [&b"\xff\xfe not text"[..], b"line\nbreak", b"-rf", b" ", b"\\", b"\"quoted\"", &[b'n'; 255]];
    for name in names {
        std::fs::write(odd(name), name).unwrap();
    }
    world.back_up_src();
    world.run(["restore", "latest", "--verify", "--target", "out"]).succeeds();
    let mut compare = Command::new("diff");
    compare.args(["--recursive", "--no-dereference"]).args([world.path("src"), world.path("out/src")]);
    let differences = compare.output().unwrap();
    assert!(differences.status.success(), "{}", String::from_utf8_lossy(&differences.stdout));
    let listing = world.run(["ls", "latest", "--recursive", "--json"]).succeeds();
    assert!(listing.json().len() > 1000 + names.len());
}

/// Starts a backup from standard input that waits with the lock in hand.
fn waiting_backup(world: &World) -> Child {
    let mut child = world.start(["backup", "--stdin", "--stdin-filename", "piped"]);
    child.stdin.as_mut().unwrap().write_all(&noise(3_000_000)).unwrap();
    world.wait_for_lock();
    child
}

#[test]
fn two_backups_at_once_both_complete() {
    let world = World::initialised();
    world.some_files().file("other/more", noise(5_000_000)).file("other/one.txt", "one");
    let waiting = waiting_backup(&world);
    let (first, second) = (world.start(["backup", "src"]), world.start(["backup", "other"]));
    for child in [first, second, waiting] {
        // Waiting for the output closes the input, which ends what waits for it.
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let snapshots = world.run(["snapshots", "--json"]).succeeds();
    assert_eq!(snapshots.json()[0].as_array().unwrap().len(), 3);
    world.run(["check", "--read-data"]).succeeds();
    for folder in ["src", "other"] {
        let path = world.at(folder);
        world.run(["restore", "latest", "--path", &path, "--target", "out"]).succeeds();
        assert_eq!(world.contents(&format!("out/{folder}")), world.contents(folder));
    }
}

#[test]
fn pruning_during_a_backup_is_refused_and_both_complete_in_turn() {
    let world = World::initialised();
    world.some_files();
    let old = world.back_up_src();
    let waiting = waiting_backup(&world);
    world.run(["prune"]).ends_with(11).complains("unlock");
    world.run(["forget", &old, "--prune"]).ends_with(11);
    // What is the backup's stays: its lock is not taken for one that was left behind.
    world.run(["unlock"]).succeeds();
    world.run(["prune"]).ends_with(11);
    assert!(waiting.wait_with_output().unwrap().status.success());
    world.run(["forget", &old, "--prune"]).succeeds();
    world.run(["check", "--read-data"]).succeeds();
    world.run(["dump", "latest", "/piped"]).succeeds();
}

/// The packs, by name.
fn packs(world: &World) -> Vec<PathBuf> {
    world.contents("repo/data").into_keys().map(PathBuf::from).filter(|path| is_pack(path)).collect()
}

/// A pack has its name only when it is whole.
fn is_pack(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.len() == 64)
}

#[test]
fn a_killed_prune_loses_nothing_and_is_done_again() {
    let world = World::initialised();
    for number in 0..40_u8 {
        let content: Vec<u8> = noise(400_000).into_iter().map(|byte| byte.wrapping_add(number)).collect();
        let folder = if number % 2 == 0 { "src" } else { "src/half" };
        world.file(&format!("{folder}/{number}"), content);
    }
    let whole = world.back_up_src();
    std::fs::remove_dir_all(world.path("src/half")).unwrap();
    world.back_up_src();
    world.run(["forget", &whole]).succeeds();

    let before = packs(&world);
    let mut prune = world.start(["prune", "--max-unused", "0", "--pack-size", "4", "--limit-upload", "1000"]);
    while packs(&world).iter().all(|pack| before.contains(pack)) {
        assert!(prune.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::sleep(Duration::from_millis(5));
    }
    prune.kill().unwrap();
    prune.wait().unwrap();

    world.run(["unlock"]).succeeds();
    world.run(["check", "--read-data"]).succeeds();
    world.run(["prune", "--max-unused", "0"]).succeeds();
    world.run(["check", "--read-data"]).succeeds();
    world.run(["restore", "latest", "--target", "out"]).succeeds();
    assert_eq!(world.contents("out/src"), world.contents("src"));
}
