//! `cargo xtask fuzz`: each decoder fed with bytes that a coverage-guided fuzzer makes up.
//!
//! The targets are built with the toolchain of everything else: the compiler's own coverage passes, overflow checks and
//! debug assertions, but no sanitizer, which would need a nightly compiler. Finds are written to `target/fuzz/finds`; put one
//! into `fuzz/corpus` and the tests replay it from then on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::workspace::{self, Workspace};

/// Coverage of branches and compared values, as libFuzzer wants it.
const FLAGS: &str = "--cfg fuzzing -C passes=sancov-module -C llvm-args=-sanitizer-coverage-level=4 \
                     -C llvm-args=-sanitizer-coverage-inline-8bit-counters -C llvm-args=-sanitizer-coverage-pc-table \
                     -C llvm-args=-sanitizer-coverage-trace-compares -C debug-assertions -C overflow-checks -C codegen-units=1";

#[derive(Args)]
pub(crate) struct Options {
    /// The targets; all of them when none is named
    targets: Vec<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: u32,
    /// How many targets run at the same time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: u8,
}

/// Fuzzes and prints a table; true when nothing was found.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let all = targets(workspace)?;
    let wanted = if options.targets.is_empty() { all.clone() } else { options.targets.clone() };
    if let Some(name) = wanted.iter().find(|name| !all.contains(name)) {
        anyhow::bail!("there is no target {name}, only {}", all.join(", "));
    }
    let programs = build(workspace)?;
    println!("| target | minutes | inputs tried | places reached | finds |\n|---|---|---|---|---|");
    let mut clean = true;
    for group in wanted.chunks(usize::from(options.jobs)) {
        let outcomes: Vec<Result<Outcome>> = std::thread::scope(|scope| {
            let runs: Vec<_> = group
                .iter()
                .map(|name| scope.spawn(|| fuzz(workspace, &programs, name, options.minutes)))
                .collect();
            runs.into_iter()
                .map(|run| run.join().unwrap_or_else(|_| anyhow::bail!("a thread ended early")))
                .collect()
        });
        for (name, outcome) in group.iter().zip(outcomes) {
            let Outcome { inputs, places, finds } = outcome.with_context(|| format!("cannot fuzz {name}"))?;
            println!("| {name} | {} | {inputs} | {places} | {finds} |", options.minutes);
            clean &= finds == 0;
        }
    }
    Ok(clean)
}

/// The names of the targets: those of the files in `fuzz/fuzz_targets`.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Builds all targets; gives the folder of the programs.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let compiler = workspace::read(Command::new("rustc").arg("-vV"))?;
    let host =
        compiler.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let target = workspace.root().join("target/fuzz/build");
    let mut command = workspace.cargo();
    command.args(["build", "--release", "--bins", "--manifest-path", "fuzz/Cargo.toml"]);
    // With a target named, the flags are for it alone: not for build scripts and macros.
    command.args(["--target", host, "--target-dir"]).arg(&target).env("RUSTFLAGS", FLAGS);
    workspace::run(&mut command)?;
    Ok(target.join(host).join("release"))
}

/// What came of a target.
struct Outcome {
    inputs: u64,
    places: u64,
    finds: usize,
}

fn fuzz(workspace: &Workspace, programs: &Path, name: &str, minutes: u32) -> Result<Outcome> {
    let grown = workspace.root().join("target/fuzz/corpus").join(name);
    let finds = workspace.root().join("target/fuzz/finds").join(name);
    for folder in [&grown, &finds] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut command = Command::new(programs.join(name));
    command.arg(format!("-max_total_time={}", u64::from(minutes) * 60));
    command.args(["-timeout=20", "-rss_limit_mb=3072", "-print_final_stats=1"]);
    command.arg(format!("-artifact_prefix={}/", finds.display()));
    let output = command.arg(&grown).arg(workspace.root().join("fuzz/corpus").join(name)).output()?;
    let found = fs::read_dir(&finds)?.count();
    if !output.status.success() {
        eprintln!("{}", last_lines(&output));
        ensure!(found > 0, "the fuzzer ended with {}", output.status);
    }
    let report = String::from_utf8_lossy(&output.stderr);
    let inputs = report.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let places = report.lines().rev().find_map(|line| line.split_once(" cov: ")?.1.split(' ').next());
    let number = |text: Option<&str>| text.and_then(|text| text.trim().parse().ok()).unwrap_or_default();
    Ok(Outcome { inputs: number(inputs), places: number(places), finds: found })
}

/// The end of what a fuzzer that found something said.
fn last_lines(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
}
