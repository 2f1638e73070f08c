//! What goes wrong is said clearly, with the exit code that scripts expect.

use std::io::Write;

use crate::world::{World, noise};

#[test]
fn no_repository_is_ten() {
    let world = World::new();
    let run = world.run(["snapshots", "--json"]).ends_with(10);
    let error = run.message("exit_error");
    assert_eq!(error["code"], 10);
    assert!(error["message"].as_str().unwrap().contains("Is there a repository"), "{error}");
    world.some_files().run(["backup", "src"]).ends_with(10).complains("hint:");
}

#[test]
fn a_wrong_password_is_twelve() {
    let mut world = World::initialised();
    world.set_password("wrong");
    let run = world.run(["snapshots"]).ends_with(12).complains("wrong password");
    assert!(!run.stderr.contains("horse"));
}

#[test]
fn a_lock_in_the_way_is_eleven() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    let mut child = world.start(["backup", "--stdin"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(&noise(100_000)).unwrap();
    world.wait_for_lock();
    world.run(["tag", "--set", "x"]).ends_with(11).complains("unlock");
    // Reading and backing up go on beside it.
    world.run(["snapshots"]).succeeds();
    world.run(["backup", "src"]).succeeds();
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    world.run(["tag", "--set", "x"]).succeeds();
}

#[test]
fn a_lock_that_cannot_be_read_is_named_with_the_way_out() {
    let world = World::initialised();
    world.some_files();
    world.file(&format!("repo/locks/{}", "a".repeat(64)), "no lock");
    world.run(["backup", "src"]).ends_with(1).complains("lock aaaaaaaa").complains("unlock --remove-all");
    world.run(["unlock", "--remove-all"]).succeeds();
    world.run(["backup", "src"]).succeeds();
}

#[test]
fn nothing_in_a_name_steers_the_terminal() {
    const EVIL: &str = "evil\u{1b}]0;owned\u{7}\u{9b}2j";
    let world = World::initialised();
    world.some_files().file(&format!("src/{EVIL}"), "x");
    let gone = format!("gone-{EVIL}");
    let tag = format!("tag-{EVIL}");
    let shown = r"\x1b]0;owned\x07\x9b2j";
    let run =
        world.run(["backup", "-vv", "--tag", &tag, "src", &gone]).ends_with(3).complains(shown).says(shown);
    let runs = [
        run,
        world.run(["backup", &gone]).ends_with(1).complains(shown),
        world.run(["ls", "latest"]).succeeds().says(shown),
        world.run(["find", "evil*"]).succeeds().says(shown),
        world.run(["snapshots"]).succeeds().says(shown),
        world.run(["ls", &gone]).ends_with(1).complains(shown),
        // The grammar drops what it knows as a sequence for the terminal.
        world.run(["backup", &format!("--{EVIL}")]).ends_with(1).complains(r"\x9b2j"),
    ];
    for run in runs {
        for text in [run.stdout, run.stderr] {
            assert!(!text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')), "{text:?}");
        }
    }
    let listed = world.run(["ls", "latest", "--json"]).succeeds().json();
    assert!(listed.iter().any(|node| node["name"] == EVIL));
}

#[test]
fn a_pipe_for_a_configuration_is_refused_at_once() {
    let world = World::initialised();
    let config = world.path("repo/config");
    std::fs::remove_file(&config).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&config).status().unwrap().success());
    world.run(["snapshots"]).ends_with(1).complains("read config: it is no regular file").complains("hint:");
    std::fs::remove_file(&config).unwrap();
    std::fs::File::create(&config).unwrap().set_len(1 << 40).unwrap();
    world.run(["snapshots"]).ends_with(1).complains("read config: the file has").complains("hint:");
}

#[test]
fn a_source_that_is_missing_is_three_and_all_of_them_one() {
    let world = World::initialised();
    world.some_files();
    world.run(["backup", "src", "nowhere"]).ends_with(3).says("saved").complains("nowhere does not exist");
    world.run(["backup", "nowhere"]).ends_with(1).complains("do not exist");
}

#[test]
fn a_file_that_cannot_be_read_is_three() {
    let world = World::initialised();
    world.some_files();
    // Root may read everything, but not a file of a process that is gone.
    std::os::unix::fs::symlink("/proc/self/mem", world.path("src/link")).unwrap();
    let unreadable = "/proc/self/mem";
    let run = world.run(["backup", "src", unreadable, "--json"]);
    assert_eq!(run.code, 3, "{run:?}");
    let error = run.message("error");
    assert_eq!((&error["during"], &error["item"]), (&"archival".into(), &unreadable.into()));
    world.run(["ls", "latest", "--recursive"]).says("/one.txt");
}

#[test]
fn a_snapshot_that_is_not_there_is_one() {
    let world = World::initialised();
    world.run(["ls", "abcdef"]).ends_with(1).complains("abcdef");
    world.run(["restore", "latest", "--target", "out"]).ends_with(1).complains("no snapshot found");
}

#[test]
fn flags_that_make_no_sense_are_refused() {
    let world = World::initialised();
    world.some_files();
    for arguments in [
        &["backup"][..],
        &["backup", "--stdin", "src"],
        &["restore", "latest"],
        &["forget"],
        &["forget", "--keep-last", "-1"],
        &["forget", "--keep-within", "3w"],
        &["tag"],
        &["--quiet", "--verbose", "snapshots"],
        &["--pack-size", "1", "snapshots"],
        &["-o", "s3.no-such=option", "snapshots"],
        &["no-such-command"],
        &["snapshots", "--no-such-flag"],
        &["-r", "sftp:host:/x", "snapshots"],
    ] {
        let run = world.run(arguments).ends_with(1);
        assert!(!run.stderr.trim().is_empty(), "{arguments:?}");
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    }
}

#[test]
fn damage_is_named_and_nothing_panics() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    let packs = world.contents("repo/data");
    for (name, content) in &packs {
        let path = world.path("repo/data").join(name);
        std::fs::remove_file(&path).unwrap();
        let mut bad = content.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        std::fs::write(&path, bad).unwrap();
    }
    let run = world.run(["restore", "latest", "--target", "out"]).ends_with(1);
    assert!(run.stderr.contains("damaged") && !run.stderr.contains("panicked"), "{}", run.stderr);
    std::fs::remove_file(world.path("repo/config")).unwrap();
    std::fs::write(world.path("repo/config"), b"garbage").unwrap();
    world.run(["snapshots"]).ends_with(1).complains("configuration is damaged");
}

#[test]
fn a_reader_that_goes_away_is_no_trouble() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    let mut child = world.start(["dump", "latest", "/src"]);
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
