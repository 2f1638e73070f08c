//! `archive`: plain archives.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use serde_json::Value;

use crate::world::{Run, World, noise};

fn create(world: &World, more: &[&str]) -> Run {
    let mut arguments = vec!["archive", "create", "src", "--output", "out", "--json"];
    arguments.extend(more);
    world.run(arguments)
}

/// The path of the archive that was made.
fn made(run: Run) -> String {
    run.succeeds().message("summary")["archive"].as_str().unwrap().to_owned()
}

fn files() -> World {
    let world = World::without_settings();
    world.some_files();
    world.file("src/big.bin", noise(3 << 20));
    std::os::unix::fs::symlink("one.txt", world.path("src/link")).unwrap();
    std::fs::set_permissions(world.path("src/one.txt"), std::fs::Permissions::from_mode(0o640)).unwrap();
    world
}

fn names(world: &World) -> Vec<String> {
    let names = std::fs::read_dir(world.path("out")).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_archived_is_listed_verified_and_extracted() {
    for format in ["zip", "tar.zst"] {
        let world = files();
        let archive = made(create(&world, &["--plain", "--format", format, "--name", "{source}-{n}"]));
        assert_eq!(archive, format!("out/src-1.{format}"));
        assert_eq!(names(&world), [format!("src-1.{format}"), format!("src-1.{format}.manifest.json")]);
        for name in names(&world) {
            assert_eq!(std::fs::metadata(world.path("out").join(name)).unwrap().mode() & 0o777, 0o600);
        }
        world.run(["archive", "list", "out"]).succeeds().says("src-1").says("full").says("1 archives");
        world
            .run(["archive", "list", &archive])
            .succeeds()
            .says("src/deep/er/three.bin")
            .says("link -> one.txt");
        world.run(["archive", "verify", "out"]).succeeds().says("4 files").says("no errors");
        let summary = world.run(["archive", "extract", &archive, "--target", "back", "--json"]);
        assert_eq!(summary.succeeds().message("summary")["files_restored"], 4);
        assert_eq!(world.contents("back/src"), world.contents("src"));
        let stat = |path: &str| std::fs::symlink_metadata(world.path(path)).unwrap();
        assert_eq!(stat("back/src/one.txt").mode(), stat("src/one.txt").mode());
        assert_eq!(stat("back/src/one.txt").mtime_nsec(), stat("src/one.txt").mtime_nsec());
        assert_eq!(stat("back/src").mtime_nsec(), stat("src").mtime_nsec());

        let again = world.run(["archive", "extract", &archive, "--target", "back"]).ends_with(1);
        again.complains("is not empty").complains("--overwrite");
        world.run(["archive", "extract", &archive, "--target", "back", "--overwrite"]).succeeds();
        world.run(["archive", "extract", &archive, "--target", "some", "--include", "/src/deep"]).succeeds();
        assert_eq!(world.contents("some").into_keys().collect::<Vec<_>>(), ["src/deep/er/three.bin"]);
        world
            .run(["archive", "extract", &archive, "--target", "dry", "--dry-run"])
            .succeeds()
            .says("Would extract");
        assert!(!world.path("dry").exists());
    }
}

#[test]
fn other_programs_read_archives() {
    let world = files();
    let zip = made(create(&world, &["--plain"]));
    let tar = made(create(&world, &["--plain", "--format", "tar.zst"]));
    for (program, arguments) in [
        ("unzip", vec!["-q", zip.as_str(), "-d", "unzipped"]),
        ("tar", vec!["--zstd", "-xf", tar.as_str(), "--one-top-level=untarred"]),
    ] {
        let status = Command::new(program).args(arguments).current_dir(world.path("")).status().unwrap();
        assert!(status.success(), "{program}");
    }
    for folder in ["unzipped", "untarred"] {
        assert_eq!(world.contents(&format!("{folder}/src")), world.contents("src"));
    }
}

#[test]
fn changes_lean_on_what_was_before_and_chains_are_kept() {
    let world = files();
    let missing = create(&world, &["--plain", "--type", "incremental"]).ends_with(1);
    missing.complains("make one with --type full first");
    let plain = |kind: &str, name: &str| made(create(&world, &["--plain", "--type", kind, "--name", name]));
    let full = plain("full", "full");
    world.file("src/one.txt", "changed").file("src/new", "new");
    let first = plain("incremental", "first");
    world.file("src/new", "newer");
    let second = plain("incremental", "second");
    let differential = plain("differential", "differential");
    let size = |path: &str| std::fs::metadata(world.path(path)).unwrap().len();
    assert!(size(&first) < size(&full) / 10 && size(&differential) < size(&full) / 10);
    let listed = world.run(["archive", "list", "out", "--json"]).succeeds();
    let chains: Vec<usize> = (listed.json().iter())
        .map(|one: &Value| one["manifest"]["chain"].as_array().map_or(0, Vec::len))
        .collect();
    assert_eq!(chains, [1, 1, 0, 2]);

    world.run(["archive", "verify", "out"]).succeeds();
    for archive in [&second, &differential] {
        let out = format!("back-{}", archive.replace('/', "-"));
        world.run(["archive", "extract", archive, "--target", &out]).succeeds();
        assert_eq!(world.contents(&format!("{out}/src")), world.contents("src"));
    }

    for needed in [&full, &first] {
        let refused = world.run(["archive", "delete", needed]).ends_with(1);
        refused.complains("is needed by").complains("--break-chains");
    }
    // An archive that was renamed is found by its id.
    std::fs::rename(world.path(&first), world.path("out/renamed.zip")).unwrap();
    let beside = |name: &str| world.path(&format!("{name}.manifest.json"));
    std::fs::rename(beside(&first), beside("out/renamed.zip")).unwrap();
    world.run(["archive", "verify", &second]).succeeds();
    world.run(["archive", "delete", &second, "--dry-run"]).succeeds().says("would delete");
    world.run(["archive", "delete", &second]).succeeds();
    world.run(["archive", "delete", &full, "out/renamed.zip", "--break-chains"]).succeeds();
    assert_eq!(names(&world), ["differential.zip", "differential.zip.manifest.json"]);
    world.run(["archive", "verify", &differential]).ends_with(1).complains("full.zip");
    world.run(["archive", "extract", &differential, "--target", "none"]).ends_with(1).complains("full.zip");
    assert!(std::fs::read_dir(world.path("none")).unwrap().next().is_none());
}

#[test]
fn archives_are_encrypted_unless_plain_is_chosen() {
    let world = files();
    create(&world, &[]).ends_with(1).complains("--recipient").complains("--plain").complains("keygen");
    assert!(!world.path("out").exists());
    let recipient = world.run(["archive", "keygen", "--output", "key"]).succeeds().stdout;
    let recipient = recipient.lines().next().unwrap().to_owned();
    assert_eq!(std::fs::metadata(world.path("key")).unwrap().mode() & 0o777, 0o600);
    world.run(["archive", "keygen", "--output", "key"]).ends_with(1).complains("cannot write the identity");
    create(&world, &["--recipient", "age1nonsense"]).ends_with(1).complains("no age recipient");
    let archive = made(create(&world, &["--recipient", &recipient]));
    assert!(archive.ends_with(".zip.age"));
    for name in names(&world) {
        let bytes = std::fs::read(world.path("out").join(name)).unwrap();
        assert!(!bytes.windows(9).any(|window| window == b"three.bin"));
    }
    let refused = world.run(["archive", "extract", &archive, "--target", "back"]).ends_with(1);
    refused.complains("--identity-file");
    world.run(["archive", "verify", &archive]).succeeds().says("its identity is needed");
    world.run(["archive", "verify", &archive, "--identity-file", "key"]).succeeds().says("4 files");
    world.run(["archive", "extract", &archive, "--target", "back", "--identity-file", "key"]).succeeds();
    assert_eq!(world.contents("back/src"), world.contents("src"));

    let key = std::fs::read_to_string(world.path("key")).unwrap();
    let secret = key.lines().find(|line| line.starts_with("AGE-SECRET")).unwrap();
    let mut command = world.command(["archive", "list", &archive]);
    command.env("BACKSTAY_ARCHIVE_IDENTITY", secret);
    crate::world::finish(command).succeeds().says("three.bin");
    // The next one leans on it only with the identity at hand.
    let lean = ["--recipient", &recipient, "--type", "incremental"];
    create(&world, &lean).ends_with(1).complains("no identity");
    let more = [&lean[..], &["--identity-file", "key"]].concat();
    made(create(&world, &more));
}

#[test]
fn damage_is_found_and_nothing_is_extracted() {
    let world = files();
    let archive = made(create(&world, &["--plain"]));
    let mut bytes = std::fs::read(world.path(&archive)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(world.path(&archive), bytes).unwrap();
    let report = world.run(["archive", "verify", &archive, "--json"]).ends_with(1);
    let report = report.message("verified");
    assert_eq!((&report["sound"], &report["problem_count"]), (&Value::Bool(false), &Value::from(2)));
    world.run(["archive", "extract", &archive, "--target", "back"]).ends_with(1).complains("is damaged");
    assert!(std::fs::read_dir(world.path("back")).unwrap().next().is_none());
    world.run(["archive", "list", "src/one.txt"]).ends_with(1).complains("is no archive");
    world.run(["archive", "verify", "src"]).ends_with(1).complains("no archives here");
}

#[test]
fn names_are_never_used_twice_and_what_is_missing_is_told() {
    let world = files();
    for expected in ["out/Data.zip", "out/Data-2.zip", "out/Data-3.zip"] {
        assert_eq!(made(create(&world, &["--plain", "--name", "Data"])), expected);
    }
    create(&world, &["--plain", "--name", "a/b"]).ends_with(1).complains("--name");
    create(&world, &["--plain", "--level", "10"]).ends_with(1).complains("0 to 9");
    let incomplete = ["archive", "create", "src", "gone", "--output", "out", "--plain"];
    world.run(incomplete).ends_with(3).complains("gone cannot be accessed");
    world
        .run(["archive", "create", "gone", "--output", "out", "--plain"])
        .ends_with(1)
        .complains("do not exist");
}
