//! Backstay's own commands, started as `cargo xtask <command>`.
//!
//! What a developer or a CI machine runs lives here, in the project's own language: no shell scripts to keep in step, and
//! the same steps on every machine.
#![forbid(unsafe_code)]

mod bench;
mod full_file;
mod fuzz;
mod interop_rustic;
mod large_archive;
mod layers;
mod ours;
mod peers;
mod receiver;
mod rows;
mod server;
mod services;
mod simulate;
mod tally;
mod test;
mod ui;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Backstay's own commands", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what the tests need, then run every check and every test
    Test(test::Options),
    /// Check that every crate imports only what its layer allows
    Layers,
    /// Check the dashboard's types, and run its tests that need no browser
    Ui,
    /// Measure Backstay beside the programs that it replaces
    Bench(bench::Options),
    /// Measure cold backups, archives and uploads beside zip and curl
    BenchFullFile(full_file::Options),
    /// Measure repositories in S3, buckets and MongoDB as sources, beside restic, rclone and mongodump
    BenchServices(services::Options),
    /// Crash the engine at every write and look whether anything is lost
    Simulate(simulate::Options),
    /// Feed each decoder with made-up bytes, guided by what they reach
    Fuzz(fuzz::Options),
    /// Send one large archive over a network that breaks, and look whether it arrives
    LargeArchive(large_archive::Options),
    /// Let Backstay and rustic work in one repository, and write down the outcome
    InteropRustic,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `Ok(false)` when the command worked but what it checked did not hold; it has said so itself.
fn run(command: Command) -> Result<bool> {
    let workspace = Workspace::find()?;
    match command {
        Command::Test(options) => test::run(&workspace, &options),
        Command::Layers => layers::run(&workspace),
        Command::Ui => ui::run(&workspace),
        Command::Bench(options) => bench::run(&workspace, &options),
        Command::BenchFullFile(options) => full_file::run(&workspace, &options),
        Command::BenchServices(options) => services::run(&workspace, &options),
        Command::Simulate(options) => simulate::run(&workspace, &options),
        Command::Fuzz(options) => fuzz::run(&workspace, &options),
        Command::LargeArchive(options) => large_archive::run(&workspace, &options),
        Command::InteropRustic => interop_rustic::run(&workspace),
    }
}
