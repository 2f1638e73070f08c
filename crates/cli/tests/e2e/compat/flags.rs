//! Every command of restic and every flag of it is there, but for what is left out on purpose.

use std::collections::BTreeSet;

use super::pair::Pair;
use crate::world::World;

/// Commands that are left out, and why.
const LEFT_OUT: [&str; 5] = [
    // Looking into snapshots as a folder needs FUSE; `ls`, `dump` and `restore` do without.
    "mount",
    // Its migrations are from formats that older programs wrote; `init` and `copy` make a new repository.
    "migrate", // There are no feature flags.
    "features",
    // The extended options are in the documentation, and a wrong one is refused with the list of them.
    "options", // Help is there as `--help` and `help`, which has no flags.
    "help",
];

/// The commands below a command, as its help lists them.
fn commands(world: &World, above: &[String]) -> Vec<Vec<String>> {
    let mut arguments = above.to_vec();
    arguments.push("--help".to_owned());
    let help = world.run(&arguments).succeeds().stdout;
    let mut found = Vec::new();
    for line in help.lines() {
        let Some((name, about)) = line.strip_prefix("  ").and_then(|line| line.split_once("  ")) else {
            continue;
        };
        let is_command = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            && about.trim_start().starts_with(|c: char| c.is_ascii_uppercase());
        if is_command && !(above.is_empty() && LEFT_OUT.contains(&name)) {
            let command = [above, &[name.to_owned()]].concat();
            found.extend(commands(world, &command));
            found.push(command);
        }
    }
    found
}

/// The flags of a command, long and short, its own and those of all.
fn flags(world: &World, command: &[String]) -> BTreeSet<String> {
    let mut arguments = command.to_vec();
    arguments.push("--help".to_owned());
    let help = world.run(&arguments).succeeds().stdout;
    let words = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let words = words
        .flat_map(|line| line.split([' ', ',', '=', '[']).take(3).map(str::to_owned).collect::<Vec<_>>());
    words.filter(|word| word.starts_with('-') && word.len() > 1).collect()
}

#[test]
fn every_flag_of_every_command_is_there() {
    let Some(pair) = Pair::new() else { return };
    let commands = commands(&pair.theirs, &[]);
    assert!(commands.len() > 25, "{commands:?}");
    for command in commands {
        let (theirs, ours) = (flags(&pair.theirs, &command), flags(&pair.ours, &command));
        let missing: Vec<_> = theirs.difference(&ours).collect();
        assert!(theirs.len() > 20 && missing.is_empty(), "{command:?}: {missing:?}");
    }
}
