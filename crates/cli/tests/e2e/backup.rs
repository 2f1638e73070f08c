//! `backup` in all its ways.

use std::io::Write;

use crate::world::{World, noise};

#[test]
fn what_did_not_change_is_not_stored_again() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    let again = world.run(["backup", "src", "--json"]).succeeds().message("summary");
    assert_eq!((&again["files_unmodified"], &again["data_added"]), (&3.into(), &0.into()));
    world.file("src/one.txt", "other");
    let changed = world.run(["backup", "src", "--json"]).succeeds().message("summary");
    assert_eq!((&changed["files_changed"], &changed["files_unmodified"]), (&1.into(), &2.into()));
}

#[test]
fn an_unchanged_backup_can_be_skipped() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    let run = world.run(["backup", "src", "--skip-if-unchanged", "--json"]).succeeds();
    assert!(run.message("summary").get("snapshot_id").is_none());
    assert_eq!(world.run(["snapshots", "--json"]).json()[0].as_array().unwrap().len(), 1);
}

#[test]
fn a_dry_run_changes_nothing() {
    let world = World::initialised();
    world.some_files();
    let before = world.contents("repo");
    let summary = world.run(["backup", "src", "-n", "--json"]).succeeds().message("summary");
    assert_eq!((&summary["dry_run"], &summary["files_new"]), (&true.into(), &3.into()));
    assert_eq!(world.contents("repo"), before);
}

#[test]
fn excludes_of_every_kind_leave_things_out() {
    let world = World::initialised();
    world.some_files();
    world.file("src/skip.tmp", "x").file("src/BIG.ISO", "x").file("src/listed", "x");
    world
        .file("src/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n")
        .file("src/cache/data", "x");
    world.file("src/tagged/.nobackup", "").file("src/tagged/data", "x");
    world.file("src/large", noise(300_000)).file("patterns", "# comment\n\n*/listed\n");
    let arguments = [
        "backup",
        "src",
        "-e",
        "*.tmp",
        "--iexclude",
        "*.iso",
        "--exclude-file",
        "patterns",
        "--exclude-caches",
        "--exclude-if-present",
        ".nobackup",
        "--exclude-larger-than",
        "200k",
    ];
    world.run(arguments).succeeds();
    world.run(["restore", "latest", "--target", "out"]).succeeds();
    let names: Vec<_> = world.contents("out/src").into_keys().collect();
    assert_eq!(names, ["cache/CACHEDIR.TAG", "one.txt", "tagged/.nobackup", "two.txt"]);
}

#[test]
fn targets_come_from_lists_too() {
    let world = World::initialised();
    world.some_files().file("src/new\nline", "x");
    world
        .file("globs", "# all texts\nsrc/*.txt\n")
        .file("verbatim", "src/deep\n")
        .file("raw", b"src/new\nline\0");
    let lists = ["--files-from", "globs", "--files-from-verbatim", "verbatim", "--files-from-raw", "raw"];
    world.run(["backup"].into_iter().chain(lists)).succeeds();
    world.run(["restore", "latest", "--target", "out"]).succeeds();
    assert_eq!(world.contents("out/src"), world.contents("src"));
}

#[test]
fn data_comes_from_standard_input() {
    let world = World::initialised();
    let data = noise(3_000_000);
    world
        .run_with_input(["backup", "--stdin", "--stdin-filename", "db/dump.sql", "--tag", "db"], &data)
        .succeeds();
    let dump = world.command(["dump", "latest", "/db/dump.sql", "--tag", "db"]).output().unwrap();
    assert!(dump.stdout == data, "{} bytes came back", dump.stdout.len());
}

#[test]
fn data_comes_from_a_command_that_has_to_succeed() {
    let world = World::initialised();
    world.run(["backup", "--stdin-from-command", "--", "printf", "hello"]).succeeds();
    world.run(["dump", "latest", "stdin"]).succeeds().says("hello");
    world
        .run(["backup", "--stdin-from-command", "--", "sh", "-c", "echo half; exit 3"])
        .ends_with(1)
        .complains("failed");
    assert_eq!(world.run(["snapshots", "--json"]).json()[0].as_array().unwrap().len(), 1);
}

#[test]
fn host_time_and_tags_are_recorded() {
    let world = World::initialised();
    world.some_files();
    let flags = ["--host", "elsewhere", "--time", "2001-02-03 04:05:06", "--tag", "a,b", "--tag", "c"];
    world.run(["backup", "src"].into_iter().chain(flags)).succeeds();
    let snapshot = &world.run(["snapshots", "--json"]).succeeds().json()[0][0];
    assert_eq!(snapshot["hostname"], "elsewhere");
    assert_eq!(snapshot["time"], "2001-02-03T04:05:06Z");
    assert_eq!(snapshot["tags"], serde_json::json!(["a", "b", "c"]));
}

#[test]
fn an_interrupt_ends_in_order_and_leaves_no_lock() {
    let world = World::initialised();
    let mut child = world.start(["backup", "--stdin"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(&noise(2_000_000)).unwrap();
    let pid = child.id().to_string();
    std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
    // The program waits for input; what comes next finds it cancelled.
    let _ = input.write_all(&noise(100_000));
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(world.locks().is_empty());
    world.run(["snapshots", "--json"]).succeeds().says("[]");
}

#[test]
fn a_killed_backup_is_taken_up_again() {
    let world = World::initialised();
    for number in 0..24 {
        // Different in each file, so that each takes room.
        let mut content = noise(4_000_000);
        content.iter_mut().for_each(|byte| *byte = byte.wrapping_add(number));
        world.file(&format!("src/{number}"), content);
    }
    let mut child = world.start(["backup", "src", "--limit-upload", "40000"]);
    // A pack has its name only when it is whole: two hexadecimal digits, a slash and sixty-four.
    while world.contents("repo/data").keys().filter(|name| name.len() == 67).count() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    world.run(["unlock"]).succeeds();
    world.run(["snapshots", "--json"]).says("[]");
    let run = world.run(["backup", "src", "--json"]).succeeds();
    let added = run.message("summary")["data_added"].as_u64().unwrap();
    assert!(added < 90_000_000, "{added} bytes were stored anew");
    world.run(["check", "--read-data"]).succeeds();
    world.run(["restore", "latest", "--target", "out"]).succeeds();
    assert_eq!(world.contents("out/src"), world.contents("src"));
    assert!(world.contents("home/.local/state/backstay/journals").is_empty());
}
