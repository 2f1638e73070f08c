//! Rules of `forget`, limits of `prune`, `rewrite` and `repair`, with both programs.

use serde_json::Value;

use super::pair::Pair;
use crate::world::{World, noise};

/// Times of the snapshots that a dry run keeps, with the reasons.
fn kept(world: &World, rules: &[&str]) -> Vec<Value> {
    let run = world.run([&["forget", "--dry-run", "--json", "--group-by", ""], rules].concat()).succeeds();
    let groups = run.json().remove(0);
    let reasons = groups[0]["reasons"].as_array().unwrap().iter();
    let mut kept: Vec<_> = reasons
        .map(|reason| Value::from(vec![reason["snapshot"]["time"].clone(), reason["matches"].clone()]))
        .collect();
    kept.sort_by_key(Value::to_string);
    kept
}

#[test]
fn every_rule_keeps_the_same_snapshots() {
    let Some(pair) = Pair::new() else { return };
    let times = [
        "2024-12-30 23:10:00",
        "2024-12-31 00:10:00",
        "2025-01-05 12:00:00",
        "2025-01-05 12:30:00",
        "2025-01-06 12:00:00",
        "2025-02-01 00:00:00",
    ];
    for world in pair.worlds() {
        world.run(["init"]).succeeds();
        for (number, time) in times.iter().enumerate() {
            let tag = format!("n{number},t{}", number % 2);
            world.run(["backup", "src/one.txt", "--time", time, "--tag", &tag, "--host", "here"]).succeeds();
        }
    }
    for rules in [
        &["--keep-hourly", "2"][..],
        &["--keep-daily", "3"],
        &["--keep-weekly", "2"],
        &["--keep-monthly", "2", "--keep-yearly", "2"],
        &["--keep-tag", "n1"],
        &["--keep-tag", "n1,t1", "--keep-last", "1"],
        &["--keep-within", "1m"],
        &["--keep-within-hourly", "30d", "--keep-within-weekly", "1y"],
        &["--keep-within-daily", "28d", "--keep-within-monthly", "2y", "--keep-within-yearly", "5y"],
        &["--keep-last", "unlimited"],
        &["--keep-weekly", "unlimited"],
    ] {
        let [theirs, ours] = pair.worlds().map(|world| kept(world, rules));
        assert_eq!(ours, theirs, "{rules:?}");
        assert!(!ours.is_empty(), "{rules:?}");
    }
    pair.same_exit(&["forget", "--keep-within", "soon"]);
    pair.same_exit(&["forget", "--keep-last", "many"]);
    pair.same_exit(&["forget", "--keep-tag", "none", "--unsafe-allow-remove-all"]);
}

#[test]
fn limits_of_prune_are_taken_alike() {
    let Some(pair) = Pair::with_snapshots() else { return };
    for flags in [
        &["--max-repack-size", "0"][..],
        &["--max-unused", "0"],
        &["--max-unused", "unlimited"],
        &["--repack-cacheable-only", "--repack-small"],
        &["--repack-smaller-than", "1M"],
        &["--repack-uncompressed"],
        &["--repack-smaller-than", "0"],
        &["--repack-uncompressed", "--compression", "off"],
        &["--max-unused", "100%"],
        &["--no-lock"],
        &["--unsafe-recover-no-free-space", "wrong"],
    ] {
        let flags = if flags[0] == "--no-lock" { flags.to_vec() } else { [flags, &["--dry-run"]].concat() };
        pair.same_exit(&[&["prune"], &flags[..]].concat());
    }
    for world in pair.worlds() {
        world.run(["forget", "--tag", "first", "--unsafe-allow-remove-all"]).succeeds();
        let packs = || world.contents("repo/data").len();
        let before = packs();
        // Nothing is written anew, so nothing that is used in part goes.
        world.run(["prune", "--max-repack-size", "0"]).succeeds();
        let between = packs();
        let sizes = |world: &World| world.contents("repo/data").values().map(Vec::len).sum::<usize>();
        let size = sizes(world);
        world.run(["prune", "--max-unused", "0"]).succeeds();
        assert!(packs() <= between && between <= before && sizes(world) < size, "{before} {between}");
        world.run(["check", "--read-data"]).succeeds();
    }
}

#[test]
fn a_full_repository_is_emptied_before_its_index_is_written() {
    let Some(pair) = Pair::new() else { return };
    for world in pair.worlds() {
        world.run(["init"]).succeeds();
        let first = world.back_up_src();
        world.file("src/other", noise(600_000));
        world.run(["backup", "src/other"]).succeeds();
        world.run(["forget", &first]).succeeds();
        let id = world.run(["cat", "config"]).succeeds().json()[0]["id"].as_str().unwrap().to_owned();
        let packs = world.contents("repo/data").len();
        world.run(["prune", "--unsafe-recover-no-free-space", &id]).succeeds();
        assert!(world.contents("repo/data").len() < packs);
        world.run(["check", "--read-data"]).succeeds();
        world.run(["restore", "latest", "--target", "out"]).succeeds();
        assert_eq!(world.contents("out/src")["other"], noise(600_000));
    }
}

#[test]
fn rewritten_snapshots_are_alike() {
    let Some(pair) = Pair::with_snapshots() else { return };
    let [theirs, ours] = pair.worlds().map(|world| {
        // What an old program would have written: no summary.
        world.run(["rewrite", "--snapshot-summary"]).succeeds().says("no snapshots were modified");
        world.run(["rewrite", "--exclude", "four", "--new-host", "other", "--forget"]).succeeds();
        world
            .run(["rewrite", "--include", "one.txt", "--new-time", "2020-01-01 00:00:00", "latest"])
            .succeeds();
        let all = world.run(["snapshots", "--json"]).succeeds().json().remove(0);
        let facts = |snapshot: &Value| {
            let summary = &snapshot["summary"];
            let time =
                snapshot["time"].as_str().unwrap().get(..4).filter(|year| *year == "2020").map(str::to_owned);
            format!(
                "{} {} {time:?} {} {}",
                snapshot["hostname"],
                snapshot["tags"],
                summary["total_files_processed"],
                summary["total_bytes_processed"]
            )
        };
        all.as_array().unwrap().iter().map(facts).collect::<Vec<_>>()
    });
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 3);
    pair.same_exit(&["rewrite", "--new-time", "soon"]);
    pair.same_exit(&["rewrite", "--snapshot-summary", "--dry-run"]);
}

/// restic 0.14 wrote no summaries.
#[test]
fn snapshots_without_a_summary_get_one() {
    let Some(pair) = Pair::new() else { return };
    let Some(old) = std::env::var_os("BACKSTAY_PEER_RESTIC_DEBIAN") else {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "BACKSTAY_PEER_RESTIC_DEBIAN must name restic"
        );
        return;
    };
    let [theirs, ours] = pair.worlds().map(|world| {
        world.run(["init"]).succeeds();
        let told = world.command(["backup", "src"]);
        let mut command = std::process::Command::new(&old);
        command.args(told.get_args()).current_dir(world.path("")).env_clear();
        command.envs(told.get_envs().filter_map(|(name, value)| Some((name, value?))));
        crate::world::finish(command).succeeds();
        world.run(["rewrite", "--snapshot-summary", "--forget"]).succeeds().says("modified 1 snapshots");
        world
            .run(["rewrite", "--snapshot-summary", "--forget"])
            .succeeds()
            .says("no snapshots were modified");
        let snapshots = world.run(["snapshots", "--json"]).succeeds().json().remove(0);
        snapshots[0]["summary"].clone()
    });
    assert_eq!(ours, theirs);
    assert_eq!(ours["total_files_processed"], 3);
}

#[test]
fn repairs_end_alike() {
    let Some(pair) = Pair::with_snapshots() else { return };
    let damage = |folder: &str, change: &dyn Fn(&std::path::Path)| {
        for world in pair.worlds() {
            let files = world.contents(&format!("repo/{folder}"));
            let largest = files.iter().max_by_key(|(_, content)| content.len()).unwrap().0;
            change(&world.path("repo").join(folder).join(largest));
        }
    };
    damage("index", &|path| std::fs::remove_file(path).unwrap());
    pair.same_exit(&["check"]);
    pair.same_exit(&["repair", "index"]);
    pair.same_exit(&["check"]);
    pair.same_exit(&["repair", "index", "--read-all-packs"]);
    damage("data", &|path| {
        let mut content = std::fs::read(path).unwrap();
        content[1000] ^= 1;
        std::fs::remove_file(path).unwrap();
        std::fs::write(path, content).unwrap();
    });
    pair.same_json(&["check", "--json", "--read-data"]);
    for world in pair.worlds() {
        let files = world.contents("repo/data");
        let largest = files.iter().max_by_key(|(_, content)| content.len()).unwrap().0;
        world.run(["repair", "packs", largest.rsplit('/').next().unwrap()]).succeeds();
    }
    pair.same_exit(&["check"]);
    pair.same_exit(&["repair", "snapshots", "--dry-run"]);
    pair.same_exit(&["repair", "snapshots", "--forget"]);
    pair.same_json(&["check", "--json", "--read-data"]);
    pair.same_exit(&["repair", "snapshots", "ffffffff"]);
    pair.same_exit(&["repair"]);
}
