//! `cargo xtask bench`: Backstay beside the programs that it replaces, on the same machine in the same hour.
//!
//! Every engine that is installed does the same works on the same corpora. The engines take turns within a round, and the
//! rounds repeat, so that a machine that slows down slows all of them. Source, repository, cache and target lie in memory
//! unless `--on-disk` is given: what is measured is the engine and not the disk. Only one engine's repository exists at a
//! time.

pub(crate) mod compare;
pub(crate) mod corpora;
pub(crate) mod engines;
pub(crate) mod machine;
pub(crate) mod measure;
pub(crate) mod place;
pub(crate) mod results;
mod table;
pub(crate) mod work;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::workspace::Workspace;
use corpora::Corpus;
use engines::Engine;
use place::Place;
use results::{Results, Sample};
use work::{Stage, Work};

#[derive(Args)]
pub(crate) struct Options {
    /// Work in target/bench/work instead of in memory
    #[arg(long)]
    on_disk: bool,
    /// How often to repeat everything; the table shows medians
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Only these corpora
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Corpus>,
    /// Only these engines: backstay, restic, restic-debian, rustic, borg, kopia, floor
    #[arg(long, value_delimiter = ',')]
    engines: Vec<String>,
}

/// Measures, prints the tables and writes the raw results; true when every command of every engine succeeded.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let engines = engines::installed(workspace, &options.engines)?;
    ensure!(!engines.is_empty(), "none of the named engines is installed");
    let corpora = if options.only.is_empty() { Corpus::ALL.to_vec() } else { options.only.clone() };

    let place = Place::make(workspace, options.on_disk)?;
    let mut results = Results::new(options.on_disk, options.rounds, &engines)?;
    let mut failures = Vec::new();
    for corpus in corpora {
        eprintln!("{}: preparing", corpus.name());
        let description = corpus.prepare(workspace, &place)?;
        results.describe(corpus, description);
        for round in 1..=options.rounds {
            for engine in &engines {
                place.clear_engine()?;
                // An engine that fails must not take the others' figures with it.
                let outcome = turn(engine.as_ref(), corpus, round, &place, &mut results);
                place.reset_source()?;
                if let Err(error) = outcome {
                    eprintln!("error: {} on {}: {error:#}", engine.name(), corpus.name());
                    failures.push(format!("{} on {}", engine.name(), corpus.name()));
                }
            }
        }
        place.clear()?;
    }
    drop(place);

    print!("{}", table::render(&results));
    println!("raw results: {}", results.write(&workspace.root().join("bench/results"))?);
    if !failures.is_empty() {
        failures.dedup();
        println!("failed: {}", failures.join(", "));
    }
    Ok(failures.is_empty())
}

/// All works of one engine on one corpus.
fn turn(engine: &dyn Engine, corpus: Corpus, round: u32, place: &Place, results: &mut Results) -> Result<()> {
    let mut snapshot = 0;
    for &work in corpus.works() {
        if work == Work::Next {
            place.swap_source()?;
        }
        if work.is_backup() {
            snapshot += 1;
        }
        let Some(commands) = engine.commands(Stage { work, snapshot }, place) else { continue };
        place.settle()?;
        let cost = measure::run(commands, &place.log()).with_context(|| work.title().to_owned())?;
        if work == Work::Restore {
            if round == 1 {
                compare::restored(&place.source(), &place.target())?;
            }
            place.clear_target()?;
        }
        if work.is_measured() {
            eprintln!(
                "round {round}: {}, {}, {}: {:.2} s",
                corpus.name(),
                engine.name(),
                work.title(),
                cost.wall
            );
            let repository_bytes = work.grows_or_shrinks().then(|| place.repository_bytes()).transpose()?;
            results.samples.push(Sample {
                corpus: corpus.name(),
                work: work.title(),
                engine: engine.name(),
                round,
                wall_seconds: cost.wall,
                user_seconds: cost.user,
                system_seconds: cost.system,
                peak_bytes: cost.peak,
                repository_bytes,
            });
        }
    }
    Ok(())
}
