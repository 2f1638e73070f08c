//! `key`: several passwords for one repository.

use crate::world::World;

#[test]
fn passwords_come_and_go() {
    let mut world = World::initialised();
    world.file("new", "second\n").file("third", "third\n");
    world.run(["key", "add", "--new-password-file", "new", "--user", "me", "--host", "here"]).succeeds();
    let keys = world.run(["key", "list", "--json"]).succeeds().json().remove(0);
    let keys = keys.as_array().unwrap();
    assert_eq!(keys.len(), 2);
    let id =
        |current: bool| keys.iter().find(|key| key["current"] == current).unwrap()["id"].as_str().unwrap();
    world.run(["key", "remove", id(true)]).ends_with(1);

    world.set_password("second");
    world.run(["key", "list"]).succeeds().says("me");
    world.run(["key", "remove", id(true)]).succeeds();
    world.run(["key", "passwd", "--new-password-file", "third"]).succeeds();
    world.run(["snapshots"]).ends_with(12);
    world.set_password("third");
    world.run(["snapshots"]).succeeds();
    assert_eq!(world.contents("repo/keys").len(), 1);
}

#[test]
fn passwords_are_taken_from_files_commands_and_variables() {
    let mut world = World::initialised();
    world.file("right", "correct horse\n").file("wrong", "wrong\n");
    world.set_password("wrong");
    world.run(["snapshots", "-p", "right"]).succeeds();
    world.run(["snapshots", "--password-command", "cat right"]).succeeds();
    world.run(["snapshots", "-p", "right", "--password-command", "cat right"]).ends_with(1);
    world.run(["snapshots", "-p", "nowhere"]).ends_with(1).complains("nowhere");
    world.run(["snapshots", "-p", "right", "--insecure-no-password"]).ends_with(1);
}
