//! `cargo xtask interop-rustic`: Backstay and rustic in one repository, each after the other.
//!
//! rustic takes long to build, so this is no part of the tests; the outcome is written to `docs/interop-rustic.md` and
//! committed. restic, which builds quickly, is checked in the tests, and more closely.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::bench::compare;
use crate::bench::corpora::Generator;
use crate::bench::engines::{self, Engine};
use crate::bench::machine;
use crate::bench::measure;
use crate::bench::place::Place;
use crate::bench::work::{Stage, Work};
use crate::workspace::{self, Workspace};

/// Who takes a step: the one that made the repository, or the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Maker,
    Guest,
}

/// What is done in each direction. Every restore is compared with the source byte by byte.
const STEPS: &[(Who, Work)] = &[
    (Who::Maker, Work::Init),
    (Who::Maker, Work::First),
    (Who::Guest, Work::Check),
    (Who::Guest, Work::Restore),
    (Who::Guest, Work::Next),
    (Who::Maker, Work::Check),
    (Who::Maker, Work::Restore),
    (Who::Maker, Work::Repeat),
    (Who::Guest, Work::Prune),
    (Who::Maker, Work::Check),
    (Who::Maker, Work::Restore),
    (Who::Guest, Work::Repeat),
    (Who::Maker, Work::Prune),
    (Who::Guest, Work::Check),
    (Who::Guest, Work::Restore),
];

/// Builds what is missing, runs both directions and writes the outcome; true when every step succeeded.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let ours = engines::ours(workspace)?;
    let rustic = engines::rustic(workspace)?;
    let place = Place::make(workspace, true)?;
    sources(workspace, &place)?;

    let mut page = format!(
        "# Backstay and rustic in one repository\n\nWritten by `cargo xtask interop-rustic` on {}, with {} and {}.\n",
        machine::today()?,
        ours.version()?,
        rustic.version()?
    );
    let mut passed = true;
    for (maker, guest) in [(&ours, &rustic), (&rustic, &ours)] {
        writeln!(
            page,
            "\n## A repository made by {}\n\n| step | by | outcome |\n|---|---|---|",
            maker.name()
        )?;
        passed &= direction(maker.as_ref(), guest.as_ref(), &place, &mut page)?;
    }
    fs::write(workspace.root().join("docs/interop-rustic.md"), &page).context("cannot write the outcome")?;
    print!("{page}");
    Ok(passed)
}

/// All steps in one new repository; ends at the first that fails.
fn direction(maker: &dyn Engine, guest: &dyn Engine, place: &Place, page: &mut String) -> Result<bool> {
    place.reset_source()?;
    place.clear_engine()?;
    let mut snapshot = 0;
    for &(who, work) in STEPS {
        let engine = if who == Who::Maker { maker } else { guest };
        snapshot += u32::from(work.is_backup());
        let outcome = step(engine, Stage { work, snapshot }, place);
        let word = if outcome.is_ok() { "passed" } else { "failed" };
        writeln!(page, "| {} | {} | {word} |", work.title(), engine.name())?;
        if let Err(error) = outcome {
            eprintln!("error: {}, {}: {error:#}", engine.name(), work.title());
            return Ok(false);
        }
    }
    Ok(true)
}

fn step(engine: &dyn Engine, stage: Stage, place: &Place) -> Result<()> {
    if stage.work == Work::Next {
        place.swap_source()?;
    }
    let commands = engine.commands(stage, place).context("the engine does not do this")?;
    measure::run(commands, &place.log())?;
    if stage.work == Work::Restore {
        compare::restored(&place.source(), &place.target())?;
        place.clear_target()?;
    }
    Ok(())
}

/// Two versions of a small tree: our own sources, and a file of many chunks whose middle changes.
fn sources(workspace: &Workspace, place: &Place) -> Result<()> {
    for (version, folder) in [place.source(), place.next()].iter().enumerate() {
        let from = workspace.root().join("crates");
        let mut copy = Command::new("cp");
        workspace::run(copy.args(["--archive", "--no-target-directory"]).arg(from).arg(folder))?;
        large_file(&folder.join("large"), version as u64)?;
        fs::write(folder.join("version"), version.to_string()).context("cannot write a source")?;
    }
    Ok(())
}

fn large_file(path: &Path, version: u64) -> Result<()> {
    use std::io::Write as _;

    let mut file = File::create(path).context("cannot make a source")?;
    let mut block = vec![0; 1 << 20];
    for number in 0..24 {
        let seed = if number == 12 { 100 + version } else { number };
        Generator::new(seed).fill(&mut block);
        file.write_all(&block).context("cannot write a source")?;
    }
    Ok(())
}
