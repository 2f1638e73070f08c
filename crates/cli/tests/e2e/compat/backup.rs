//! `backup` with flags of every kind: both programs take the same files and tell the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::pair::Pair;
use crate::world::{Run, World, noise};

/// What a snapshot holds, by path, type and length.
fn listing(world: &World) -> BTreeSet<String> {
    let root = world.at("");
    let run = world.run(["ls", "latest", "--json", "--recursive"]).succeeds();
    let nodes = run.json().into_iter().filter(|value| value["message_type"] == "node");
    nodes
        .map(|node| {
            let path = node["path"].as_str().unwrap().replace(root.trim_end_matches('/'), "");
            format!("{path} {} {}", node["type"], node["size"])
        })
        .collect()
}

#[track_caller]
fn same_listing(pair: &Pair, arguments: &[&str]) -> BTreeSet<String> {
    pair.same_exit(arguments);
    let (theirs, ours) = (listing(&pair.theirs), listing(&pair.ours));
    assert_eq!(ours, theirs, "{arguments:?}");
    ours
}

fn with_repository() -> Option<Pair> {
    let pair = Pair::new()?;
    for world in pair.worlds() {
        world.run(["init"]).succeeds();
    }
    Some(pair)
}

#[test]
fn excludes_leave_out_the_same() {
    let Some(pair) = with_repository() else { return };
    for world in pair.worlds() {
        world
            .file("src/skip.tmp", "x")
            .file("src/BIG.ISO", "x")
            .file("src/listed", "x")
            .file("src/Listed2", "x");
        world.file("src/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
        world.file("src/cache/data", "x").file("src/tagged/.no", "header").file("src/tagged/data", "x");
        world.file("src/[odd]", "x").file("src/keep.tmp", "x");
        world.file("patterns", "# comment\n\n*/listed\n").file("ipatterns", "LISTED2\n");
    }
    let all = same_listing(&pair, &["backup", "src"]);
    for arguments in [
        &["--exclude", "*.tmp"][..],
        &["--exclude", "*.tmp", "--exclude", "!keep.tmp"],
        &["--exclude", "src/**/three.*"],
        &["--exclude", "\\[odd\\]"],
        &["--iexclude", "*.iso"],
        &["--exclude-file", "patterns", "--iexclude-file", "ipatterns"],
        &["--exclude-caches"],
        &["--exclude-if-present", ".no"],
        &["--exclude-if-present", ".no:head"],
        &["--exclude-larger-than", "100k"],
    ] {
        let arguments = [&["backup", "src"], arguments].concat();
        assert_ne!(same_listing(&pair, &arguments), all, "{arguments:?} leaves nothing out");
    }
    same_listing(&pair, &["backup", "src", "--exclude-if-present", ".no:other"]);
    same_listing(&pair, &["backup", "src", "--one-file-system"]);
    pair.same_exit(&["backup", "src", "--exclude-file", "nowhere"]);
    pair.same_exit(&["backup", "src", "--exclude-larger-than", "much"]);
}

#[test]
fn one_file_system_stays_on_it() {
    let Some(pair) = with_repository() else { return };
    let found = pair.worlds().map(|world| {
        world
            .run(["backup", "/proc/sys/vm", "/dev/null", "--one-file-system", "--exclude", "**/vm/*"])
            .succeeds();
        listing(world)
    });
    assert_eq!(found[0], found[1]);
}

#[test]
fn lists_of_files_are_read_alike() {
    let Some(pair) = with_repository() else { return };
    for world in pair.worlds() {
        world.file("some/a.txt", "a").file("some/b.txt", "b").file("some/.hidden", "h").file("some/t*o", "t");
        world.file("some/in/c.txt", "c").file("some/x y", "x");
        world.file("raw", b"some/a.txt\0some/t*o\0").file("unterminated", b"some/a.txt");
        world
            .file("verbatim", "some/t*o\nsome/x y\r\n\n")
            .file("malformed", "some/[\n")
            .file("none", "nothing*\n");
    }
    for pattern in [
        "some/*.txt",
        "some/[^a].txt",
        "some/t\\*o",
        "*/.h*",
        "some/**/c.txt",
        "**/c.txt",
        "some/*",
        "./some/?.txt",
        "some/../some/a*",
    ] {
        for world in pair.worlds() {
            world.file("list", format!("# comment\n\n  {pattern}  \r\n"));
        }
        same_listing(&pair, &["backup", "--files-from", "list"]);
    }
    same_listing(&pair, &["backup", "--files-from-verbatim", "verbatim"]);
    same_listing(&pair, &["backup", "--files-from-raw", "raw", "some/b.txt"]);
    for list in [
        ["--files-from", "malformed"],
        ["--files-from", "none"],
        ["--files-from", "nowhere"],
        ["--files-from-raw", "unterminated"],
    ] {
        pair.same_exit(&["backup", list[0], list[1]]);
    }
    let ours = pair.ours.run(["backup", "--files-from", "malformed"]).ends_with(1);
    assert!(ours.stderr.contains("some/["), "{}", ours.stderr);
}

/// The figures of a summary that do not depend on where files are cut.
fn counts(run: &Run) -> [Value; 4] {
    let summary = run.message("summary");
    ["files_new", "files_changed", "files_unmodified", "total_bytes_processed"]
        .map(|name| summary[name].clone())
}

#[test]
fn parents_are_chosen_alike() {
    let Some(pair) = with_repository() else { return };
    let first: Vec<String> = pair.worlds().iter().map(|world| world.back_up_src()).collect();
    for world in pair.worlds() {
        world.file("src/one.txt", "changed").file("src/four", "4");
    }
    for (arguments, unmodified) in [
        (&["--force"][..], 0),
        (&["--parent", "FIRST"], 2),
        (&["--host", "other"], 0),
        (&["--group-by", "", "--host", "third"], 4),
        (&["--time", "2001-02-03 04:05:06"], 0),
        (&["--skip-if-unchanged"], 4),
        (&["--ignore-ctime"], 4),
        (&["--ignore-inode", "--tag", "a,b"], 4),
    ] {
        let mut runs = Vec::new();
        for (world, first) in pair.worlds().into_iter().zip(&first) {
            let mut all = vec!["backup", "src", "--json"];
            all.extend(arguments.iter().map(|word| if *word == "FIRST" { first } else { *word }));
            runs.push(world.run(all).succeeds());
        }
        assert_eq!(counts(&runs[1]), counts(&runs[0]), "{arguments:?}");
        assert_eq!(counts(&runs[1])[2], unmodified, "{arguments:?}");
    }
    for arguments in [["--parent", "ffffffff"], ["--time", "soon"], ["--group-by", "colour"]] {
        pair.same_exit(&["backup", "src", arguments[0], arguments[1]]);
    }
    let snapshots = pair.worlds().map(|world| {
        let all = world.run(["snapshots", "--json"]).succeeds().json().remove(0);
        let fields = |snapshot: &Value| (snapshot["hostname"].clone(), snapshot["tags"].clone());
        let host =
            |value: &Value| if value == "other" || value == "third" { value.clone() } else { "own".into() };
        let all = all.as_array().unwrap().iter().map(fields);
        all.map(|(name, tags)| (host(&name), tags)).collect::<Vec<_>>()
    });
    assert_eq!(snapshots[1], snapshots[0]);
}

#[test]
fn commands_and_standard_input_are_stored_alike() {
    let Some(pair) = with_repository() else { return };
    same_listing(
        &pair,
        &["backup", "--stdin-from-command", "--stdin-filename", "/made/up", "--", "echo", "hello"],
    );
    for (arguments, code) in [
        (&["backup", "--stdin-from-command", "--", "sh", "-c", "echo half; exit 1"][..], 1),
        (&["backup", "--stdin-from-command", "--", "/no/such/program"], 1),
        (&["backup", "--stdin-from-command"], 1),
        (&["backup", "--stdin", "--files-from", "x"], 1),
    ] {
        pair.same_exit(arguments);
        pair.ours.run(arguments).ends_with(code);
    }
    let snapshots = pair.worlds().map(|world| {
        world.run_with_input(["backup", "--stdin", "--tag", "piped"], b"from a pipe").succeeds();
        assert_eq!(world.run(["dump", "latest", "/stdin"]).succeeds().stdout, "from a pipe");
        world.run(["snapshots", "--json"]).json()[0].as_array().unwrap().len()
    });
    assert_eq!(snapshots, [2, 2]);
}

#[test]
fn verbose_messages_tell_what_was_stored_and_how_long_it_took() {
    let Some(pair) = with_repository() else { return };
    let [theirs, ours] = pair.worlds().map(|world| {
        world.back_up_src();
        let three = std::fs::read(world.path("src/deep/er/three.bin")).unwrap();
        // Nothing of it is in the other files, whatever the repository's polynomial cuts.
        let new: Vec<u8> = noise(900_000).iter().map(|byte| byte.wrapping_add(1)).collect();
        world.file("src/new", new).file("src/copy", three);
        let run = world.run(["backup", "src", "--json", "-v", "--read-concurrency", "1"]).succeeds();
        let items = run.json().into_iter().filter(|value| value["message_type"] == "verbose_status");
        items.map(|item| (item["item"].as_str().unwrap().to_owned(), item)).collect::<BTreeMap<_, _>>()
    });
    let told = |items: &BTreeMap<String, Value>| {
        let row = |(path, item): (&String, &Value)| {
            let stored = item["data_size_in_repo"].as_u64().unwrap() > 0;
            (path.clone(), item["action"].clone(), item["data_size"].clone(), stored)
        };
        // A scan that the backup overtakes ends without a word.
        items.iter().filter(|(path, _)| !path.is_empty()).map(row).collect::<Vec<_>>()
    };
    assert_eq!(told(&ours), told(&theirs));
    for items in [&theirs, &ours] {
        assert!(items["/src/new"]["duration"].as_f64().unwrap() > 0.0, "{items:?}");
        assert_eq!(items["/src/one.txt"]["duration"].as_f64(), Some(0.0));
        assert_eq!(items["/src/copy"]["data_size_in_repo"], 0);
    }
}

#[test]
fn status_messages_have_the_same_keys() {
    let Some(pair) = with_repository() else { return };
    let keys = pair.worlds().map(|world| {
        for number in 0..300 {
            world.file(&format!("src/many/{number}"), noise(20_000 + number));
        }
        let mut command = world.command(["backup", "src", "--json"]);
        command.env("RESTIC_PROGRESS_FPS", "60");
        let backup = crate::world::finish(command).succeeds().shape();
        let mut command = world.command(["restore", "latest", "--target", "out", "--json"]);
        command.env("RESTIC_PROGRESS_FPS", "60");
        let restore = crate::world::finish(command).succeeds().shape();
        [backup["status"].clone(), restore["status"].clone()]
    });
    for (theirs, ours) in keys[0].iter().zip(&keys[1]) {
        assert!(theirs.contains(".percent_done") && theirs.contains(".total_bytes"), "{theirs:?}");
        // What is zero is left out, and seconds pass or do not.
        let known = [
            ".seconds_elapsed",
            ".seconds_remaining",
            ".error_count",
            ".current_files",
            ".bytes_done",
            ".files_done",
            ".bytes_restored",
            ".files_restored",
        ];
        let stray: Vec<_> =
            ours.symmetric_difference(theirs).filter(|key| !known.contains(&key.as_str())).collect();
        assert!(stray.is_empty(), "{stray:?}\n{ours:?}\n{theirs:?}");
    }
}
