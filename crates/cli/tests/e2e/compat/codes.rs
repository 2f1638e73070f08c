//! Exit codes of failures that need another process: a lock in the way, an interrupt, a source that cannot be read.

use std::io::Write;
use std::process::{Child, Command};

use super::pair::Pair;
use crate::world::{World, noise};

/// A backup that holds a lock until its input ends.
fn waiting(world: &World) -> Child {
    let mut child = world.start(["backup", "--stdin"]);
    child.stdin.as_mut().unwrap().write_all(&noise(100_000)).unwrap();
    world.wait_for_lock();
    child
}

#[test]
fn locks_interrupts_and_unreadable_sources_end_alike() {
    let Some(pair) = Pair::new() else { return };
    let codes = pair.worlds().map(|world| {
        world.run(["init"]).succeeds();
        world.run(["backup", "src"]).succeeds();
        let mut child = waiting(world);
        let locked =
            ["tag", "prune", "check", "forget", "rewrite", "unlock", "snapshots", "backup"].map(|command| {
                let arguments = match command {
                    "tag" => &["tag", "--set", "x"][..],
                    "forget" => &["forget", "--keep-last", "1"],
                    "rewrite" => &["rewrite", "--exclude", "one.txt", "--forget"],
                    "backup" => &["backup", "src"],
                    "check" => &["check"],
                    "prune" => &["prune"],
                    "snapshots" => &["snapshots"],
                    _ => &["unlock"],
                };
                world.run(arguments).code
            });
        let signalled = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(signalled.success());
        // Whether it waits for its input or not.
        drop(child.stdin.take());
        let interrupted = child.wait().unwrap().code();
        world.run(["unlock"]).succeeds();
        // Even root cannot read this one.
        let unreadable = world.run(["backup", "src", "/proc/self/mem"]).code;
        (locked, interrupted, unreadable)
    });
    assert_eq!(codes[1], codes[0]);
    assert_eq!(codes[1], ([11, 11, 11, 11, 11, 0, 0, 0], Some(130), 3));
}
