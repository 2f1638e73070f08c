//! Switches with a value, as Go's flags may have: `--json=true` is `--json`, and `--json=false` is nothing.

use std::collections::HashSet;
use std::ffi::OsString;

use clap::{ArgAction, Command};

/// The arguments in the form that `grammar` knows. What follows `--` stays as it is.
pub(super) fn plain(arguments: impl IntoIterator<Item = OsString>, grammar: &Command) -> Vec<OsString> {
    let mut names = HashSet::new();
    collect(grammar, &mut names);
    let mut verbatim = false;
    let plain = arguments.into_iter().filter_map(|argument| {
        verbatim |= argument == "--";
        let switch = argument.to_str().filter(|_| !verbatim).and_then(|text| switch(text, &names));
        match switch {
            Some((_, false)) => None,
            Some((flag, true)) => Some(flag.into()),
            None => Some(argument),
        }
    });
    plain.collect()
}

/// The long names of all switches of a command and its subcommands.
fn collect(command: &Command, names: &mut HashSet<String>) {
    let switches = command.get_arguments().filter(|arg| matches!(arg.get_action(), ArgAction::SetTrue));
    names.extend(switches.filter_map(|arg| arg.get_long().map(str::to_owned)));
    command.get_subcommands().for_each(|below| collect(below, names));
}

/// The switch without its value, and the value; the words are those of Go.
fn switch<'a>(argument: &'a str, names: &HashSet<String>) -> Option<(&'a str, bool)> {
    let (flag, value) = argument.split_once('=')?;
    names.get(flag.strip_prefix("--")?)?;
    match value {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Some((flag, true)),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Some((flag, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use crate::args::Cli;

    #[test]
    fn switches_lose_their_value_and_nothing_else_does() {
        let given =
            ["backup", "--json=true", "--quiet=0", "--host=true", "--json=maybe", "--", "--json=false"];
        let plain = super::plain(given.map(Into::into), &Cli::command());
        assert_eq!(plain, ["backup", "--json", "--host=true", "--json=maybe", "--", "--json=false"]);
    }
}
