//! `copy`: snapshots share packs in the target, and each is there only when all it needs is, whatever becomes of the others.

use crate::world::{World, noise};

#[test]
fn small_snapshots_share_packs() {
    let world = World::initialised();
    for number in 0..6 {
        world.file("src/file", noise(10_000 + number)).back_up_src();
    }
    let packs = |folder: &str| world.contents(&format!("{folder}/data")).len();
    assert_eq!(packs("repo"), 12);
    let copy = |more: &[&str]| {
        let mut command = world.command([&["copy", "--from-repo", "repo"], more].concat());
        command.env("RESTIC_REPOSITORY", world.path("other")).env("RESTIC_FROM_PASSWORD", "correct horse");
        crate::world::finish(command)
    };
    world.run(["-r", "other", "init"]).succeeds();
    copy(&[]).succeeds().says("copied 6 of 6");
    // One of data and one of trees.
    assert_eq!(packs("other"), 2);
    world.run(["-r", "other", "check", "--read-data"]).succeeds();
    copy(&[]).succeeds().says("copied 0 of 6");
}

#[test]
fn a_damaged_snapshot_is_left_out_and_the_others_are_copied() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    let before = world.contents("repo/data");
    world.file("src/new", noise(5000)).back_up_src();
    let after = world.contents("repo/data");
    std::fs::remove_file(world.path("src/new")).unwrap();
    world.file("src/newer", "newer".repeat(1000)).back_up_src();
    for name in after.into_keys().filter(|name| !before.contains_key(name)) {
        std::fs::remove_file(world.path("repo/data").join(name)).unwrap();
    }
    world.run(["-r", "other", "init"]).succeeds();
    let mut command = world.command(["copy", "--from-repo", "repo", "--no-cache"]);
    command.env("RESTIC_REPOSITORY", world.path("other")).env("RESTIC_FROM_PASSWORD", "correct horse");
    let done = crate::world::finish(command).ends_with(1).complains("is damaged at the source");
    done.says("saved, copied from source").says("copied 2 of 3");
    world.run(["-r", "other", "check", "--read-data"]).succeeds();
    let copied = world.run(["-r", "other", "snapshots", "--json"]).succeeds();
    assert_eq!(copied.json()[0].as_array().unwrap().len(), 2);
}

#[test]
fn a_password_that_is_missing_or_wrong_is_that_of_the_source() {
    let world = World::initialised();
    world.run(["-r", "other", "init"]).succeeds();
    world.file("wrong", "not this one");
    let hint = "--from-password-file";
    world.run(["copy", "--from-repo", "other"]).ends_with(1).complains(hint);
    world
        .run(["copy", "--from-repo", "other", "--from-password-file", "wrong"])
        .ends_with(12)
        .complains(hint);
}
