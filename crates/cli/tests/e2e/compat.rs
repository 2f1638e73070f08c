//! Each command run with restic and with ours: the same exit codes, the same keys in JSON.
//!
//! `BACKSTAY_PEER_RESTIC` names the newest restic. Without it these tests are passed over, except where `CI` is set.

mod backup;
mod codes;
mod flags;
mod keys;
mod pair;
mod restore;
mod second;
mod upkeep;

use pair::Pair;
pub(crate) use pair::restic;

use crate::world::{Run, World};

#[test]
fn backups_tell_the_same() {
    let Some(pair) = Pair::new() else { return };
    pair.same_json(&["init", "--json"]);
    pair.same_exit(&["init"]);
    pair.same_json(&["backup", "src", "--json"]);
    pair.same_json(&["backup", "src", "--json", "-v"]);
    pair.same_json(&["backup", "src", "--json", "--dry-run"]);
    pair.same_json(&["backup", "src", "--json", "--skip-if-unchanged"]);
    pair.same_json(&["backup", "src", "nowhere", "--json"]);
    pair.same_exit(&["backup", "nowhere"]);
    pair.same_exit(&["backup"]);
    pair.same_exit(&["backup", "--stdin-from-command", "--", "echo", "hello"]);
    pair.same_exit(&["backup", "--stdin-from-command", "--", "false"]);
    pair.same_exit(&["backup", "--stdin", "src"]);
    pair.same_exit(&["backup", "src", "--exclude", "["]);
    pair.same_exit(&["backup", "src", "--time", "yesterday"]);
}

#[test]
fn listings_tell_the_same() {
    let Some(pair) = Pair::with_snapshots() else { return };
    pair.same_json(&["snapshots", "--json"]);
    pair.same_json(&["snapshots", "--json", "--group-by", "host,paths,tags"]);
    pair.same_json(&["snapshots", "--json", "--latest", "1"]);
    pair.same_json(&["ls", "latest", "--json"]);
    pair.same_json(&["ls", "latest", "--json", "--recursive", "--sort", "size", "/src"]);
    pair.same_json(&["ls", "latest", "--ncdu"]);
    pair.same_json(&["find", "--json", "*.txt"]);
    pair.same_json(&["find", "--json", "--oldest", "2000-01-01", "one*"]);
    pair.same_exit(&["find", "--oldest", "soon", "one*"]);
    for mode in ["restore-size", "files-by-contents", "blobs-per-file", "raw-data"] {
        pair.same_json(&["stats", "--json", "--mode", mode]);
    }
    pair.same_json(&["key", "list", "--json"]);
    pair.same_json(&["version", "--json"]);
    for kind in ["config", "masterkey"] {
        pair.same_json(&["cat", kind]);
    }
    for kind in ["blobs", "packs", "index", "snapshots", "keys", "locks"] {
        pair.same_exit(&["list", kind]);
    }
    pair.same_exit(&["ls"]);
    pair.same_exit(&["ls", "nonexistent"]);
    pair.same_exit(&["cat"]);
    pair.same_exit(&["cat", "blob", "short"]);
    pair.same_exit(&["list", "nothing"]);
}

#[test]
fn differences_and_restores_tell_the_same() {
    let Some(pair) = Pair::with_snapshots() else { return };
    let ids = |world: &World| -> Vec<String> {
        let all = world.run(["snapshots", "--json"]).json().remove(0);
        all.as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap().to_owned()).collect()
    };
    let diff = |world: &World| {
        let ids = ids(world);
        world.run(["diff", "--json", &ids[0], &ids[1]])
    };
    let (theirs, ours) = (diff(&pair.theirs), diff(&pair.ours));
    assert_eq!((ours.code, ours.shape()), (theirs.code, theirs.shape()));
    let cat = |world: &World| world.run(["cat", "snapshot", &ids(world)[1]]);
    let (theirs, ours) = (cat(&pair.theirs), cat(&pair.ours));
    assert_eq!(ours.shape(), theirs.shape());

    pair.same_json(&["restore", "latest", "--target", "out", "--json"]);
    pair.same_json(&["restore", "latest", "--target", "again", "--json", "-vv"]);
    pair.same_exit(&["restore", "latest", "--target", "x", "--include", "a", "--exclude", "b"]);
    pair.same_exit(&["restore", "latest"]);
    pair.same_exit(&["restore", "nonexistent", "--target", "x"]);
    pair.same_exit(&["dump", "latest", "/src/four"]);
    pair.same_exit(&["dump", "latest", "/src/none"]);
    pair.same_exit(&["dump", "-a", "zip", "latest", "/src"]);
}

#[test]
fn changes_to_snapshots_tell_the_same() {
    let Some(pair) = Pair::with_snapshots() else { return };
    pair.same_json(&["tag", "--json", "--add", "more"]);
    pair.same_exit(&["tag"]);
    pair.same_json(&["forget", "--json", "--dry-run", "--keep-last", "1", "--keep-daily", "2"]);
    pair.same_json(&["forget", "--json", "--keep-last", "1"]);
    pair.same_exit(&["forget"]);
    pair.same_exit(&["forget", "--keep-last", "-3"]);
    pair.same_exit(&["unlock"]);
    pair.same_exit(&["forget", "latest"]);
    pair.same_exit(&["key", "remove", "00000000"]);
}

#[test]
fn maintenance_tells_the_same() {
    let Some(pair) = Pair::with_snapshots() else { return };
    pair.same_json(&["check", "--json"]);
    pair.same_json(&["check", "--json", "--read-data"]);
    pair.same_exit(&["check", "--read-data-subset", "1/3"]);
    pair.same_exit(&["check", "--read-data-subset", "1/0"]);
    pair.same_exit(&["check", "--read-data", "--read-data-subset", "1/3"]);
    pair.same_exit(&["rewrite", "--exclude", "four", "--forget"]);
    pair.same_exit(&["rewrite"]);
    // restic 0.19.1 prints its figures as text even with --json.
    pair.same_exit(&["prune", "--json", "--dry-run"]);
    pair.same_exit(&["forget", "latest", "--prune"]);
    pair.same_exit(&["prune", "--json"]);
    pair.same_exit(&["prune", "--max-unused", "much"]);
    pair.same_exit(&["repair", "index"]);
    pair.same_exit(&["repair", "packs"]);
    pair.same_exit(&["repair", "packs", "0000"]);
    pair.same_exit(&["repair", "snapshots"]);
    pair.same_exit(&["recover"]);
    pair.same_exit(&["copy"]);
    pair.same_exit(&["cache"]);
    pair.same_exit(&["generate"]);
}

/// Each program checks and restores what the other wrote.
#[test]
fn each_reads_what_the_other_wrote() {
    let Some(mut pair) = Pair::with_snapshots() else { return };
    let (theirs, ours) = (pair.theirs.at("repo"), pair.ours.at("repo"));
    pair.theirs.set_repository(&ours);
    pair.ours.set_repository(&theirs);
    for world in [&pair.theirs, &pair.ours] {
        world.run(["check", "--read-data"]).succeeds();
        world.run(["restore", "latest", "--target", "out"]).succeeds();
    }
    assert_eq!(pair.theirs.contents("out/src"), pair.ours.contents("src"));
    assert_eq!(pair.ours.contents("out/src"), pair.theirs.contents("src"));
}

#[test]
fn failures_end_with_the_same_codes() {
    let Some(mut pair) = Pair::with_snapshots() else { return };
    for world in [&mut pair.theirs, &mut pair.ours] {
        world.set_password("wrong");
    }
    pair.same_exit(&["snapshots"]);
    pair.same_exit(&["backup", "src"]);
    for world in [&mut pair.theirs, &mut pair.ours] {
        let nowhere = world.at("nowhere");
        world.set_repository(&nowhere);
    }
    pair.same_exit(&["snapshots"]);
    pair.same_exit(&["backup", "src"]);
    pair.same_exit(&["no-such-command"]);
    pair.same_exit(&["snapshots", "--no-such-flag"]);
    let (theirs, ours) = pair.each(&["snapshots", "--json"]);
    let keys = |run: &Run| {
        let message = run.message("exit_error");
        message.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(keys(&ours), keys(&theirs));
}
