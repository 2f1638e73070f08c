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
        let found = world.run(["check", "--read-data"]).ends_with(1);
        assert!(found.stderr.contains(&format!("backstay repair packs {pack}")), "{}", found.stderr);
        world.run(["repair", "packs", pack]).succeeds();
        world.run(["repair", "snapshots", "--forget"]).succeeds();
        world.run(["check", "--read-data"]).succeeds();
    }
}
