//! `snapshots`, `ls`, `find`, `diff`, `stats`, `cat`, `list`, `tag`.

use crate::world::{World, finish, noise};

fn two_snapshots() -> (World, String, String) {
    let world = World::initialised();
    world.some_files();
    let first = world.back_up_src();
    world.file("src/one.txt", "changed").file("src/new/four", "4");
    std::fs::remove_file(world.path("src/two.txt")).unwrap();
    let second = world.back_up_src();
    (world, first, second)
}

#[test]
fn snapshots_are_filtered_and_grouped() {
    let (world, first, second) = two_snapshots();
    world.run(["backup", "src", "--host", "other", "--tag", "t"]).succeeds();
    let ids = |arguments: &[&str]| -> Vec<String> {
        let run = world.run(["snapshots", "--json"].iter().chain(arguments)).succeeds();
        let all = run.json().remove(0);
        all.as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&[]).len(), 3);
    assert_eq!(ids(&["--tag", "t"]).len(), 1);
    assert_eq!(ids(&["--host", "nobody"]).len(), 0);
    assert_eq!(ids(&["--tag", ""]), [first.clone(), second.clone()]);
    assert_eq!(ids(&[&first[..8]]), [first]);
    assert_eq!(ids(&["--latest", "1"]).len(), 2);
    let groups = world.run(["snapshots", "--json", "-g", "host"]).json().remove(0);
    assert_eq!(groups.as_array().unwrap().len(), 2);
    world.run(["snapshots", "-c"]).says(&second[..8]).says("3 snapshots");
}

#[test]
fn a_listing_shows_one_level_or_all() {
    let (world, ..) = two_snapshots();
    let names = |arguments: &[&str]| -> Vec<String> {
        let run = world.run(["ls", "latest", "-q"].iter().chain(arguments)).succeeds();
        run.stdout.lines().map(str::to_owned).collect()
    };
    assert_eq!(names(&["/src/deep"]), ["/src/deep", "/src/deep/er"]);
    assert_eq!(names(&["/src/deep", "--recursive"]).last().unwrap(), "/src/deep/er/three.bin");
    assert_eq!(names(&["--sort", "size", "--reverse"])[0], "/src/deep/er/three.bin");
    let ncdu = world.run(["ls", "latest", "--ncdu"]).succeeds().json();
    assert_eq!(ncdu[0][3][1][0]["name"], "src");
}

#[test]
fn files_and_blobs_are_found() {
    let (world, first, second) = two_snapshots();
    let found = world.run(["find", "--json", "THREE.*", "-i"]).succeeds().json().remove(0);
    let snapshots: Vec<_> =
        found.as_array().unwrap().iter().map(|hit| hit["snapshot"].as_str().unwrap()).collect();
    assert_eq!(snapshots, [second.as_str(), first.as_str()]);
    assert_eq!(found[0]["hits"], 1);
    world.run(["find", "nothing", "--json"]).succeeds().says("[]");
    let tree =
        world.run(["cat", "snapshot", &first]).succeeds().json()[0]["tree"].as_str().unwrap().to_owned();
    world.run(["find", "--tree", &tree[..8]]).succeeds().says(&tree);
    world.run(["find", "--pack", "00000000"]).ends_with(1).complains("unable to find pack");
}

#[test]
fn differences_are_counted() {
    let (world, first, second) = two_snapshots();
    let run = world.run(["diff", &first, &second, "--json"]).succeeds();
    let statistics = run.message("statistics");
    assert_eq!((&statistics["changed_files"], &statistics["added"]["dirs"]), (&1.into(), &1.into()));
    let mut changes: Vec<_> = run
        .json()
        .iter()
        .filter(|m| m["message_type"] == "change")
        .map(|m| format!("{} {}", m["modifier"].as_str().unwrap(), m["path"].as_str().unwrap()))
        .collect();
    changes.sort();
    assert_eq!(changes, ["+ /src/new/", "+ /src/new/four", "- /src/two.txt", "M /src/one.txt"]);
}

#[test]
fn sizes_are_summed_up() {
    let (world, ..) = two_snapshots();
    let stats =
        |mode: &str| world.run(["stats", "latest", "--mode", mode, "--json"]).succeeds().json().remove(0);
    assert_eq!(stats("restore-size")["total_size"], 700_008);
    assert_eq!(stats("files-by-contents")["total_file_count"], 4);
    assert!(stats("raw-data")["total_uncompressed_size"].as_u64().unwrap() > 700_000);
    assert!(stats("blobs-per-file")["total_blob_count"].as_u64().unwrap() >= 3);
}

#[test]
fn internal_objects_can_be_seen() {
    let (world, first, _) = two_snapshots();
    assert_eq!(world.run(["cat", "config"]).succeeds().json()[0]["version"], 2);
    world.run(["cat", "masterkey"]).succeeds().says("encrypt");
    world.run(["cat", "tree", &format!("{first}:/src")]).succeeds().says("one.txt");
    let pack = world.run(["list", "packs"]).succeeds().stdout.lines().next().unwrap().to_owned();
    let bytes = world.command(["cat", "pack", &pack]).output().unwrap().stdout;
    assert_eq!(Some(&bytes), world.contents("repo/data").get(&format!("{}/{pack}", &pack[..2])));
    assert_eq!(world.run(["list", "snapshots"]).succeeds().stdout.lines().count(), 2);
    assert!(world.run(["list", "blobs"]).succeeds().stdout.lines().count() > 4);
    let needed = world.run(["list", "packs", &first]).succeeds().stdout.lines().count();
    assert!((1..=2).contains(&needed));
}

#[test]
fn tags_change_and_the_original_is_remembered() {
    let (world, first, _) = two_snapshots();
    world.run(["tag", "--add", "a,b", &first]).succeeds().says("modified 1 snapshots");
    let run = world.run(["tag", "--remove", "a", "--tag", "b", "--json"]).succeeds();
    assert_eq!(run.message("summary")["changed_snapshots"], 1);
    let tagged = world.run(["snapshots", "--tag", "b", "--json"]).json().remove(0);
    assert_eq!((&tagged[0]["tags"], &tagged[0]["original"]), (&serde_json::json!(["b"]), &first.into()));
}

#[test]
fn what_cannot_be_found_or_read_is_passed_over() {
    let (world, first, second) = two_snapshots();
    let run = world
        .run(["snapshots", &first, "abcdef0123", "--json"])
        .succeeds()
        .complains("Ignoring \"abcdef0123\"");
    assert_eq!(run.json()[0].as_array().unwrap().len(), 1);
    let mut command = world.command(["snapshots", &first, "--json"]);
    command.env("RESTIC_HOST", "another");
    finish(command).succeeds().says(&first).complains("Ignoring --host");
    let damaged = world.path("repo/snapshots").join(&second);
    std::fs::remove_file(&damaged).unwrap();
    std::fs::write(&damaged, "garbage").unwrap();
    let run = world.run(["snapshots", "--json"]).succeeds().complains(&second[..8]);
    assert_eq!(run.json()[0].as_array().unwrap().len(), 1);
    world.run(["stats", &first]).succeeds();
    // What is the newest cannot be said while one of them cannot be read.
    world.run(["ls", "latest"]).ends_with(1);
    world.run(["check"]).ends_with(1).complains(&second);
}

#[test]
fn a_check_of_one_snapshot_leaves_the_damage_of_others_alone() {
    let world = World::initialised();
    let noisy =
        |number: u8| -> Vec<u8> { noise(900_000).iter().map(|byte| byte.wrapping_add(number)).collect() };
    world.file("src/a", noisy(1));
    let first = world.back_up_src();
    let before = world.contents("repo/data");
    std::fs::remove_file(world.path("src/a")).unwrap();
    world.file("src/b", noisy(2));
    let second = world.back_up_src();
    for (name, content) in world.contents("repo/data").iter().filter(|(name, _)| !before.contains_key(*name))
    {
        let path = world.path("repo/data").join(name);
        std::fs::remove_file(&path).unwrap();
        let mut bad = content.clone();
        bad[10] ^= 1;
        std::fs::write(path, bad).unwrap();
    }
    world.run(["check", "--read-data", &first]).succeeds();
    world.run(["check", "--read-data", &second]).ends_with(1);
    world.run(["check", "--read-data"]).ends_with(1);
}

/// Makes so many folders in each other, deeper than any path can be, with a file at the bottom.
fn nest(world: &World, below: &str, depth: usize, content: &[u8]) {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    std::fs::create_dir_all(world.path(below)).unwrap();
    let folder = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut here = openat(CWD, world.path(below), folder, Mode::empty()).unwrap();
    for _ in 0..depth {
        mkdirat(&here, "d", Mode::RWXU).unwrap();
        here = openat(&here, "d", folder, Mode::empty()).unwrap();
    }
    let bottom = openat(&here, "bottom", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).unwrap();
    rustix::io::write(&bottom, content).unwrap();
}

#[test]
fn trees_are_compared_however_deep() {
    const DEPTH: usize = 5_000;
    let world = World::initialised();
    let snapshots = ["empty", "first", "second"].map(|content| {
        if content != "empty" {
            nest(&world, "src", DEPTH, content.as_bytes());
        }
        std::fs::create_dir_all(world.path("src")).unwrap();
        let id = world.back_up_src();
        // What the standard library removes, it removes with a stack and a descriptor for each level.
        let removed = std::process::Command::new("rm").arg("-rf").arg(world.path("src")).status().unwrap();
        assert!(removed.success());
        id
    });
    let [empty, first, second] = &snapshots;
    let compare = |a: &str, b: &str| world.run(["diff", "--quiet", a, b]).succeeds();
    compare(empty, first)
        .says("Files:           1 new,     0 removed,     0 changed")
        .says(" 5000 new,     0 removed");
    compare(first, empty)
        .says("Files:           0 new,     1 removed,     0 changed")
        .says("0 new,  5000 removed");
    compare(first, second).says("Files:           0 new,     0 removed,     1 changed");
}
