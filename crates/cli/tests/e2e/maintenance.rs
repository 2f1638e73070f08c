//! `forget`, `prune`, `check`, `copy`, `repair`, `rewrite`, `recover`, `unlock`.

use crate::world::{World, noise};

fn snapshots(world: &World) -> usize {
    world.run(["snapshots", "--json"]).succeeds().json()[0].as_array().unwrap().len()
}

fn daily(world: &World, days: u32) {
    world.some_files();
    for day in 1..=days {
        let time = format!("2020-01-{day:02} 12:00:00");
        world.run(["backup", "src", "--time", &time]).succeeds();
    }
}

#[test]
fn a_policy_decides_what_goes() {
    let world = World::initialised();
    daily(&world, 5);
    let planned = world.run(["forget", "--keep-last", "2", "--keep-within", "1d", "-n", "--json"]).succeeds();
    let group = &planned.json()[0][0];
    assert_eq!((group["keep"].as_array().unwrap().len(), group["remove"].as_array().unwrap().len()), (2, 3));
    assert_eq!(group["reasons"][0]["matches"], serde_json::json!(["within 1d", "last snapshot"]));
    assert_eq!(snapshots(&world), 5);
    world.run(["forget", "--keep-last", "2"]).succeeds().says("remove 3 snapshots");
    assert_eq!(snapshots(&world), 2);
}

#[test]
fn named_snapshots_go_and_nothing_goes_without_a_policy() {
    let world = World::initialised();
    daily(&world, 2);
    world.run(["forget"]).ends_with(1).complains("no policy");
    world.run(["forget", "latest"]).succeeds();
    assert_eq!(snapshots(&world), 1);
    world.run(["forget", "--unsafe-allow-remove-all"]).ends_with(1);
    world.run(["forget", "--unsafe-allow-remove-all", "--path", &world.at("src")]).succeeds();
    assert_eq!(snapshots(&world), 0);
}

#[test]
fn a_lock_of_a_dead_process_can_be_removed() {
    let world = World::initialised();
    let mut child = world.start(["backup", "--stdin"]);
    world.wait_for_lock();
    child.kill().unwrap();
    child.wait().unwrap();
    world.run(["unlock"]).succeeds().says("removed 1 locks");
    assert!(world.locks().is_empty());
}

#[test]
fn forgotten_data_is_pruned_and_the_rest_stays() {
    let world = World::initialised();
    world.file("src/keep", "kept").file("src/big", noise(3_000_000));
    world.back_up_src();
    std::fs::remove_file(world.path("src/big")).unwrap();
    world.back_up_src();
    let size = |world: &World| world.contents("repo/data").values().map(Vec::len).sum::<usize>();
    let before = size(&world);
    world.run(["forget", "--keep-last", "1", "--prune", "-n"]).succeeds();
    assert_eq!(size(&world), before);
    world.run(["forget", "--keep-last", "1", "--prune"]).succeeds().says("running prune");
    assert!(size(&world) < before / 10, "{} of {before} left", size(&world));
    world.run(["check", "--read-data"]).succeeds().says("no errors were found");
    world.run(["restore", "latest", "--target", "out"]).succeeds();
    assert_eq!(world.contents("out/src"), world.contents("src"));
    let stats = world.run(["prune", "--json", "--max-unused", "0"]).succeeds().message("summary");
    assert_eq!(stats["blobs"]["unused"], 0);
}

#[test]
fn a_flipped_bit_is_found_and_repaired_around() {
    let world = World::initialised();
    world.file("src/one", "one").file("src/big", noise(3_000_000));
    world.back_up_src();
    let (name, content) =
        world.contents("repo/data").into_iter().max_by_key(|(_, content)| content.len()).unwrap();
    let path = world.path("repo/data").join(&name);
    let mut bad = content;
    bad[1000] ^= 1;
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, bad).unwrap();

    world.run(["check"]).succeeds();
    let run = world.run(["check", "--read-data", "--json"]).ends_with(1);
    let pack = name.rsplit('/').next().unwrap();
    assert_eq!(run.message("summary")["broken_packs"], serde_json::json!([pack]));
    world.run(["repair", "packs", pack]).succeeds().complains("lost");
    assert!(world.path(&format!("pack-{pack}")).exists());
    world.run(["repair", "snapshots", "--forget"]).succeeds().says("modified 1 snapshots");
    world.run(["check", "--read-data"]).succeeds();
    world.run(["restore", "latest", "--target", "out"]).succeeds();
    assert_eq!(world.contents("out/src")["one"], b"one");
}

#[test]
fn a_lost_index_is_made_anew() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    std::fs::remove_dir_all(world.path("repo/index")).unwrap();
    std::fs::create_dir(world.path("repo/index")).unwrap();
    world.run(["check"]).ends_with(1);
    world.run(["repair", "index"]).succeeds();
    world.run(["check", "--read-data"]).succeeds();
    world.run(["repair", "index", "--read-all-packs"]).succeeds();
    world.run(["restore", "latest", "--target", "out", "--verify"]).succeeds();
}

#[test]
fn snapshots_are_copied_once() {
    let mut world = World::initialised();
    world.some_files();
    let id = world.back_up_src();
    let first = world.at("repo");
    let second = world.at("second");
    world.set_repository(&second);
    let from = ["--from-repo", &first, "--from-password-command", "echo 'correct horse'"];
    world.run(["init", "--copy-chunker-params"].into_iter().chain(from)).succeeds();
    world.run(["copy"].into_iter().chain(from)).succeeds().says("copied 1 of 1");
    world.run(["copy"].into_iter().chain(from)).succeeds().says("copied 0 of 1");
    let copied = &world.run(["snapshots", "--json"]).json()[0][0];
    assert_eq!(copied["original"], id);
    world.run(["check", "--read-data"]).succeeds();
    world.run(["restore", "latest", "--target", "out"]).succeeds();
    assert_eq!(world.contents("out/src"), world.contents("src"));
}

#[test]
fn files_are_taken_out_of_snapshots() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    world.run(["rewrite"]).ends_with(1);
    world.run(["rewrite", "-e", "two.txt", "-n"]).succeeds().says("would modify 1");
    world.run(["rewrite", "-e", "two.txt", "--new-host", "other"]).succeeds().says("modified 1");
    assert_eq!(snapshots(&world), 2);
    world.run(["rewrite", "-i", "one.txt", "--forget", "--tag", "rewrite"]).succeeds();
    assert_eq!(snapshots(&world), 2);
    world.run(["restore", "latest", "--host", "other", "--target", "out"]).succeeds();
    assert_eq!(world.contents("out/src").into_keys().collect::<Vec<_>>(), ["one.txt"]);
    world.run(["check"]).succeeds();
}

#[test]
fn folders_without_a_snapshot_are_recovered() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    world.run(["recover"]).succeeds().says("found 0 unreferenced roots");
    world.run(["forget", "latest"]).succeeds();
    world.run(["recover"]).succeeds().says("saved new snapshot");
    world.run(["restore", "latest", "--target", "out"]).succeeds();
    let found: Vec<_> = world.contents("out").into_keys().collect();
    assert!(found.iter().any(|name| name.ends_with("src/deep/er/three.bin")), "{found:?}");
}

#[test]
fn the_machine_is_measured() {
    let world = World::without_settings();
    let run = world.run(["benchmark", "--size", "4M", "--json", "--folder", &world.at("")]).succeeds();
    let steps: Vec<_> =
        run.json().iter().map(|row| row["step"].as_str().unwrap_or_default().to_owned()).collect();
    for step in ["cut", "hash", "compress", "encrypt", "store"] {
        assert!(steps.iter().any(|name| name.starts_with(step)), "{step} in {steps:?}");
    }
}

#[test]
fn a_rewrite_of_what_cannot_be_read_changes_nothing() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    for name in world.contents("repo/data").into_keys() {
        let path = world.path("repo/data").join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.iter_mut().for_each(|byte| *byte ^= 1);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    // Trees are read from the cache otherwise.
    std::fs::remove_dir_all(world.path("home/.cache")).unwrap_or_default();
    let before = world.contents("repo/snapshots");
    world.run(["rewrite", "--exclude", "one.txt", "--forget"]).ends_with(1).complains("damaged");
    assert_eq!(world.contents("repo/snapshots"), before);
}

#[test]
fn what_cannot_be_compressed_is_written_anew_but_once() {
    let world = World::initialised();
    world.some_files().file("src/noise", noise(3_000_000));
    world.back_up_src();
    let packs = || world.contents("repo/data").into_keys().collect::<Vec<_>>();
    let before = packs();
    world.run(["prune", "--repack-uncompressed"]).succeeds();
    let settled = packs();
    assert_ne!(settled, before);
    world.run(["prune", "--repack-uncompressed"]).succeeds();
    assert_eq!(packs(), settled);
    world.run(["check", "--read-data"]).succeeds();
    world.run(["restore", "latest", "--target", "out"]).succeeds();
    assert_eq!(world.contents("out/src"), world.contents("src"));
}
