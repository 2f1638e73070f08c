//! Files of the repository that are gone or garbled: each is named, with what to do about it, and the advice holds.

use std::path::PathBuf;

use crate::world::{Run, World};

fn world() -> World {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    world
}

/// The one file, or the largest, of a folder of the repository.
fn file(world: &World, folder: &str) -> PathBuf {
    let files = world.contents(&format!("repo/{folder}"));
    let largest = files.iter().max_by_key(|(_, content)| content.len()).unwrap();
    world.path("repo").join(folder).join(largest.0)
}

fn garble(path: &PathBuf) {
    let mut content = std::fs::read(path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Fails without panic, names the file, and gives this hint.
#[track_caller]
fn advises(run: Run, named: &str, hint: &str) {
    let run = run.complains(named);
    let given = run.stderr.split("hint: ").nth(1).unwrap_or_default();
    assert!(given.contains(hint) && !run.stderr.contains("panicked"), "{}\n{}", run.command, run.stderr);
}

#[test]
fn the_configuration_comes_from_a_copy() {
    let world = world();
    let path = world.path("repo/config");
    let whole = std::fs::read(&path).unwrap();
    garble(&path);
    advises(world.run(["snapshots"]).ends_with(1), "configuration is damaged", "`config` back from a copy");
    std::fs::remove_file(&path).unwrap();
    advises(world.run(["snapshots"]).ends_with(10), "repository does not exist", "`config` is gone");
    // Where there is nothing at all, nothing is gone.
    advises(
        world.run(["-r", "nowhere", "snapshots"]).ends_with(10),
        "does not exist",
        "`init` makes a repository",
    );
    std::fs::write(&path, whole).unwrap();
    world.run(["check"]).succeeds();
}

#[test]
fn a_key_comes_from_a_copy_or_another_opens() {
    let mut world = world();
    let path = file(&world, "keys");
    world.file("new", "second");
    world.run(["key", "add", "--new-password-file", "new"]).succeeds();
    let other = world.contents("repo/keys").into_keys().find(|name| !path.ends_with(name)).unwrap();
    let whole = std::fs::read(world.path("repo/keys").join(&other)).unwrap();
    std::fs::remove_file(world.path("repo/keys").join(&other)).unwrap();
    garble(&path);
    advises(world.run(["snapshots"]).ends_with(1), "keys/", "another password");
    std::fs::write(world.path("repo/keys").join(other), whole).unwrap();
    world.set_password("second");
    world.run(["snapshots"]).succeeds();
    std::fs::remove_dir_all(world.path("repo/keys")).unwrap();
    std::fs::create_dir(world.path("repo/keys")).unwrap();
    advises(world.run(["snapshots"]).ends_with(1), "no key", "`keys` back from a copy");
}

#[test]
fn an_index_is_built_anew() {
    for gone in [true, false] {
        let world = world();
        let path = file(&world, "index");
        if gone {
            std::fs::remove_file(&path).unwrap();
            advises(world.run(["ls", "latest"]).ends_with(1), "is not in the index", "`repair index`");
        } else {
            garble(&path);
            advises(world.run(["ls", "latest"]).ends_with(1), "index/", "`repair index`");
        }
        world.run(["repair", "index"]).succeeds();
        world.run(["check", "--read-data"]).succeeds();
        world.run(["ls", "latest"]).succeeds();
    }
}

#[test]
fn a_snapshot_is_given_up_by_its_id() {
    let world = world();
    let path = file(&world, "snapshots");
    let id = path.file_name().unwrap().to_str().unwrap();
    garble(&path);
    advises(world.run(["ls", "latest"]).ends_with(1), id, "`repair snapshots --forget` with its id");
    world.run(["repair", "snapshots", "--forget", id]).succeeds();
    world.run(["check"]).succeeds();
}

#[test]
fn packs_come_from_a_copy_or_what_is_left_is_repaired() {
    for gone in [true, false] {
        let world = world();
        let path = file(&world, "data");
        let pack = path.file_name().unwrap().to_str().unwrap();
        if gone {
            std::fs::remove_file(&path).unwrap();
            advises(
                world.run(["dump", "latest", "/src/deep/er/three.bin", "--no-cache"]).ends_with(1),
                pack,
                "back from a copy",
            );
        } else {
            garble(&path);
            advises(
                world.run(["dump", "latest", "/src/deep/er/three.bin"]).ends_with(1),
                pack,
                "`check --read-data`",
            );
        }
        let restored = world.run(["restore", "latest", "--target", "out"]).ends_with(1);
        advises(restored, pack, "`check --read-data`");
        let found = world.run(["check", "--read-data"]).ends_with(1).stderr;
        if gone {
            assert!(found.contains("Pack files are missing") && !found.contains("repair packs"), "{found}");
            world.run(["repair", "index"]).succeeds();
            world.run(["backup", "--force", "src"]).succeeds();
            // What the source still had is there again: nothing is left to take out.
            world.run(["check", "--read-data"]).succeeds();
        } else {
            assert!(found.contains(&format!("backstay repair packs {pack}")), "{found}");
            world.run(["repair", "packs", pack]).succeeds();
        }
        world.run(["repair", "snapshots", "--forget"]).succeeds();
        world.run(["check", "--read-data"]).succeeds();
    }
}

/// A pipe, a folder or a dangling link in the place of the newest snapshot: nobody takes the one before it for the newest.
#[test]
fn whatever_has_the_name_of_a_snapshot_is_told() {
    for put in [&["mkfifo"][..], &["mkdir"], &["ln", "-s", "nowhere"]] {
        let world = world();
        world.file("src/new", "newer");
        let newest = world.back_up_src();
        let path = world.path("repo/snapshots").join(&newest);
        std::fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new(put[0]).args(&put[1..]).arg(&path).status().unwrap().success());
        world.run(["check"]).ends_with(1).complains(&newest);
        world.run(["snapshots"]).complains(&newest[..8]);
        world.run(["restore", "latest", "--target", "out"]).ends_with(1).complains(&newest[..8]);
    }
}

#[test]
fn data_without_any_snapshot_is_no_rubbish() {
    let world = world();
    for folder in ["snapshots", "index"] {
        std::fs::remove_dir_all(world.path("repo").join(folder)).unwrap();
    }
    let found = world.run(["check"]).succeeds();
    assert!(
        found.stderr.contains("`backstay recover`") && !found.stdout.contains("not critical"),
        "{}",
        found.stderr
    );
    world.run(["repair", "index"]).succeeds();
    world.run(["recover"]).succeeds();
    world.run(["restore", "latest", "--target", "out"]).succeeds();
    let restored = world.contents("out");
    let whole = |content: &Vec<u8>| restored.values().any(|other| other == content);
    assert!(world.contents("src").values().all(whole));
}

#[test]
fn a_path_through_a_file_is_no_address() {
    let world = World::new();
    world.file("plain", "text");
    advises(world.run(["-r", "plain", "init"]).ends_with(1), "Not a directory", "repository's address");
    advises(
        world.run(["-r", "plain/below", "snapshots"]).ends_with(1),
        "Not a directory",
        "repository's address",
    );
}

#[test]
fn a_lock_that_stays_is_named() {
    let world = world();
    let id = "12".repeat(32);
    world.file(&format!("repo/locks/{id}"), "garbled");
    world.run(["unlock"]).succeeds().complains(&id);
    world.run(["unlock", "--remove-all"]).succeeds().says("removed 1 locks");
}
