//! Commands that know a second place: `copy`, `init` after another repository, `generate`.

use super::pair::Pair;
use crate::world::{Run, World, finish};

/// Runs with `other` as the repository and `repo` as the one that is read from.
fn from_repo(world: &World, arguments: &[&str]) -> Run {
    let mut command = world.command(arguments);
    command.env("RESTIC_REPOSITORY", world.path("other")).env("RESTIC_FROM_REPOSITORY", world.path("repo"));
    command.env("RESTIC_FROM_PASSWORD", "correct horse");
    finish(command)
}

#[test]
fn snapshots_are_copied_alike() {
    let Some(pair) = Pair::with_snapshots() else { return };
    let [theirs, ours] = pair.worlds().map(|world| {
        from_repo(world, &["copy"]).ends_with(10);
        from_repo(world, &["init", "--copy-chunker-params", "--json"]).succeeds();
        from_repo(world, &["copy", "latest"]).succeeds();
        from_repo(world, &["copy", "--tag", "first"]).succeeds();
        from_repo(world, &["copy"]).succeeds();
        from_repo(world, &["copy", "ffffffff"]).succeeds().complains("ffffffff");
        world.run(["-r", "other", "check", "--read-data"]).succeeds();
        world.run(["-r", "other", "restore", "latest", "--target", "out"]).succeeds();
        assert_eq!(world.contents("out/src"), world.contents("src"));
        let polynomial = |repository: &str| {
            let config = world.run(["-r", repository, "cat", "config"]).succeeds().json().remove(0);
            config["chunker_polynomial"].clone()
        };
        assert_eq!(polynomial("repo"), polynomial("other"));
        let copied = world.run(["-r", "other", "snapshots", "--json"]).succeeds();
        assert_eq!(copied.json()[0].as_array().unwrap().len(), 2);
        let id = copied.json()[0][0]["id"].as_str().unwrap().to_owned();
        world.run(["-r", "other", "cat", "snapshot", &id]).shape()
    });
    assert!(theirs["result"].contains(".original"), "{theirs:?}");
    assert_eq!(ours, theirs);
    for wrong in [
        &["copy", "--from-repo", "nowhere", "-r", "repo"][..],
        &["copy", "--from-repo", "repo", "--from-repository-file", "repo"],
        &["init", "--copy-chunker-params", "--from-repo", "nowhere", "-r", "new"],
        &["init", "--repository-version", "7", "-r", "new"],
        &["init", "--from-repo", "repo", "-r", "new"],
    ] {
        let codes = pair.worlds().map(|world| from_repo(world, wrong).code);
        assert_eq!(codes[1], codes[0], "{wrong:?}");
    }
}

#[test]
fn pages_and_completions_are_generated() {
    let Some(pair) = Pair::new() else { return };
    for world in pair.worlds() {
        std::fs::create_dir(world.path("man")).unwrap();
        let shells = ["bash", "zsh", "fish", "powershell"];
        let mut arguments = vec!["generate".to_owned(), "--man".to_owned(), "man".to_owned()];
        for shell in shells {
            arguments.extend([format!("--{shell}-completion"), shell.to_owned()]);
        }
        world.run(&arguments).succeeds();
        for shell in shells {
            let script = std::fs::read_to_string(world.path(shell)).unwrap();
            assert!(script.len() > 1000, "{shell}");
        }
        assert!(world.contents("man").keys().any(|name| name.ends_with("-backup.1")));
    }
    pair.same_exit(&["generate", "--man", "nowhere/man"]);
    pair.same_exit(&["generate", "--bash-completion", "-", "--zsh-completion", "-"]);
    pair.same_exit(&["generate", "word"]);
}
