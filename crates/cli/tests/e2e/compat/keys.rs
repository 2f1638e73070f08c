//! Passwords and where they come from, with both programs.

use super::pair::Pair;
use crate::world::World;

fn with_repository() -> Option<Pair> {
    let pair = Pair::new()?;
    pair.same_json(&["init", "--json"]);
    for world in pair.worlds() {
        world.file("second", "second\n").file("third", "third\r\n").file("empty", "");
    }
    Some(pair)
}

fn keys(world: &World) -> Vec<String> {
    world.contents("repo/keys").into_keys().collect()
}

#[test]
fn keys_come_and_go_alike() {
    let Some(mut pair) = with_repository() else { return };
    let first: Vec<_> = pair.worlds().map(|world| keys(world).remove(0)).into();
    pair.same_exit(&["key", "add", "--new-password-file", "second", "--user", "me", "--host", "here"]);
    pair.same_json(&["key", "list", "--json"]);
    for world in [&mut pair.theirs, &mut pair.ours] {
        world.set_password("second");
    }
    // The key in use stays, any other goes.
    let removed = pair.worlds().into_iter().zip(&first).map(|(world, first)| {
        let own = keys(world).into_iter().find(|key| key != first).unwrap();
        [
            world.run(["key", "remove", &own]).code,
            world.run(["key", "remove", first]).code,
            keys(world).len() as i32,
        ]
    });
    assert_eq!(removed.collect::<Vec<_>>(), [[1, 0, 1], [1, 0, 1]]);
    pair.same_exit(&["key", "passwd", "--new-password-file", "third"]);
    pair.same_exit(&["snapshots"]);
    for world in [&mut pair.theirs, &mut pair.ours] {
        world.set_password("third");
        world.run(["key", "passwd", "--new-insecure-no-password"]).succeeds();
        world.forget_password();
        world.run(["snapshots", "--insecure-no-password"]).succeeds();
    }
    pair.same_exit(&["snapshots", "--password-file", "third"]);
    for wrong in [
        &["key", "add", "--new-password-file", "nowhere", "--insecure-no-password"][..],
        &["key", "add", "--new-password-file", "empty", "--insecure-no-password"],
        &["key", "add", "--new-password-file", "second", "--new-insecure-no-password"],
        &["key", "remove", "--insecure-no-password"],
        &["key"],
    ] {
        pair.same_exit(wrong);
    }
}

#[test]
fn hints_and_files_lead_to_the_repository() {
    let Some(pair) = with_repository() else { return };
    for world in pair.worlds() {
        world.file("where", format!("{}\n", world.at("repo"))).file("nothing", "");
        world.file("password", "correct horse\n");
        let own = keys(world).remove(0);
        world.run(["snapshots", "--key-hint", &own[..8]]).succeeds();
    }
    let run = |flags: &[&str], variables: &[(&str, &str)]| {
        let codes = pair.worlds().map(|world| {
            let mut command = world.command([&["snapshots"], flags].concat());
            command
                .env_remove("RESTIC_REPOSITORY")
                .env_remove("RESTIC_PASSWORD")
                .envs(variables.iter().copied());
            crate::world::finish(command).code
        });
        assert_eq!(codes[1], codes[0], "{flags:?} {variables:?}");
        codes[1]
    };
    let password = ("RESTIC_PASSWORD_FILE", "password");
    assert_eq!(run(&["--repository-file", "where"], &[password]), 0);
    assert_eq!(run(&[], &[password, ("RESTIC_REPOSITORY_FILE", "where")]), 0);
    assert_eq!(run(&["--repository-file", "where", "-p", "password"], &[]), 0);
    assert_eq!(run(&["-r", "repo"], &[("RESTIC_PASSWORD_COMMAND", "cat password")]), 0);
    assert_eq!(run(&["-r", "repo", "--password-command", "false"], &[]), 1);
    assert_eq!(run(&["-r", "repo", "--key-hint", "ffffffff"], &[password]), 0);
    assert_eq!(run(&["-r", "repo"], &[password, ("RESTIC_KEY_HINT", "ffffffff")]), 0);
    assert_eq!(run(&["-r", "repo", "--repository-file", "where"], &[password]), 1);
    assert_eq!(run(&["--repository-file", "nowhere"], &[password]), 1);
    assert_eq!(run(&["-r", "repo"], &[("RESTIC_PASSWORD", "wrong")]), 12);
}

#[test]
fn old_caches_are_removed_when_told_to() {
    let Some(pair) = with_repository() else { return };
    for world in pair.worlds() {
        // What was not used for a month is old.
        let (old, young) = ("a".repeat(64), "b".repeat(64));
        world.file(&format!("cache/{old}/version"), "1").file(&format!("cache/{young}/version"), "1");
        let times = std::fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
        std::fs::File::open(world.path("cache").join(&old)).unwrap().set_times(times).unwrap();
        world.run(["snapshots", "--cache-dir", "cache"]).succeeds();
        assert!(world.path("cache").join(&old).exists());
        world.run(["snapshots", "--cache-dir", "cache", "--cleanup-cache"]).succeeds();
        let left = [&old, &young].map(|name| world.path("cache").join(name).exists());
        assert_eq!(left, [false, true]);
    }
    pair.same_exit(&["cache", "--cache-dir", "cache"]);
    pair.same_exit(&["cache", "--cleanup", "--max-age", "0", "--cache-dir", "cache"]);
    pair.same_exit(&["cache", "--no-cache"]);
}
