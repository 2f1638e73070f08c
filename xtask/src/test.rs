//! `cargo xtask test`: everything that must hold, in one command.
//!
//! The quick checks come first. A check that fails does not keep the later ones from running: one run shows all there is
//! to mend. The last line counts the checks and the tests together.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result};
use clap::Args;

use crate::layers;
use crate::peers;
use crate::tally::Tally;
use crate::ui;
use crate::workspace::{self, Workspace};

#[derive(Args)]
pub(crate) struct Options {
    /// Which of the programs that Backstay is compared with to install
    #[arg(long, value_enum, default_value_t)]
    peers: peers::Selection,
}

/// Runs every check and every test; true when all of them passed.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let mut tally = Tally::default();
    let mut failures = Vec::new();
    let mut check = |name: &'static str, passed: bool| {
        tally.check(passed);
        if !passed {
            failures.push(name);
        }
    };

    heading("format");
    check("format", succeeds(workspace.cargo().args(["fmt", "--all", "--check"])));
    heading("layers");
    check("layers", layers::run(workspace)?);
    heading("dashboard");
    check("dashboard", ui::run(workspace)?);
    heading("peers");
    let (environment, complete) = peers::provide(workspace, options.peers);
    check("peers", complete || !workspace::on_ci());
    heading("clippy");
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    check("clippy", succeeds(workspace.cargo().args(clippy)));
    heading("tests");
    let tests = tests(workspace, &environment)?;
    if tests.failed > 0 {
        failures.push("tests");
    }
    tally += tests;

    println!();
    if tally.ignored > 0 {
        println!("{} ignored", tally.ignored);
    }
    if !failures.is_empty() {
        println!("failed: {}", failures.join(", "));
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(failures.is_empty())
}

fn heading(name: &str) {
    println!("\n== {name}");
}

/// Runs a command that shows what it finds itself.
fn succeeds(command: &mut std::process::Command) -> bool {
    match workspace::run(command) {
        Ok(()) => true,
        Err(error) => {
            eprintln!("error: {error:#}");
            false
        }
    }
}

/// Runs cargo's tests, shows what they print as they print it, and counts them.
fn tests(workspace: &Workspace, environment: &[(&str, PathBuf)]) -> Result<Tally> {
    let mut command = workspace.cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]);
    command.envs(environment.iter().map(|(name, path)| (name, path)));
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start cargo test")?;

    let mut tally = Tally::default();
    let output = child.stdout.take().context("cargo test has no output")?;
    // A test may print what is not UTF-8; that must not end the count.
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("cannot read what cargo test prints")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        tally += Tally::parse(&line).unwrap_or_default();
    }
    let status = child.wait().context("cannot wait for cargo test")?;
    if !status.success() && tally.failed == 0 {
        // What does not build, or dies before it has counted, is one failure.
        tally.failed = 1;
    }
    Ok(tally)
}
