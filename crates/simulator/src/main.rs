//! `backstay-simulator`: simulates seeds, or replays one fault of one.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;
use backstay_simulator::{Counts, Fault, Selection, simulate};
use clap::Parser;

/// Crash the engine at every write and look whether anything is lost
#[derive(Parser)]
struct Arguments {
    /// How many seeds to simulate
    #[arg(long, default_value_t = 10)]
    seeds: u64,
    /// The first seed, or the only one of a replay
    #[arg(long, visible_alias = "first", default_value_t = 1)]
    seed: u64,
    /// Only this step of the seed, counted from 0
    #[arg(long)]
    step: Option<usize>,
    /// Only faults at the call of this number, counted from 1
    #[arg(long)]
    at: Option<u64>,
    /// Only this fault
    #[arg(long)]
    fault: Option<Fault>,
    /// Try only one in this many faults
    #[arg(long, default_value_t = 1)]
    one_in: u64,
    /// Seeds that are simulated at the same time
    #[arg(long, default_value_t = 1)]
    jobs: usize,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let Arguments { seed, step, at, fault, one_in, .. } = arguments;
    let selection = Selection { step, at, fault, one_in };
    // A replay is about one seed.
    let seeds = if step.is_some() { 1 } else { arguments.seeds };
    let started = Instant::now();
    let next = AtomicU64::new(seed);
    let total = Mutex::new((Counts::default(), 0_u64));
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= arguments.seed + seeds {
                        break;
                    }
                    let report = simulate(seed, selection);
                    for violation in &report.violations {
                        println!("seed {seed}: {violation}");
                    }
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    total.0.add(&report.counts);
                    total.1 += report.violations.len() as u64;
                }
            });
        }
    });
    let (counts, violations) = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    print_table(&counts);
    let seconds = started.elapsed().as_secs_f64();
    let points = counts.of_writes() + counts.of_reads();
    println!(
        "\n{seeds} seeds: {} faults of writes, {} of reads, {violations} violations, {seconds:.1} s ({:.0} a second)",
        counts.of_writes(),
        counts.of_reads(),
        points as f64 / seconds.max(0.001)
    );
    Ok(if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The counts as a Markdown table: a line for each operation, a column for each fault.
fn print_table(counts: &Counts) {
    let faults: Vec<Fault> = Fault::OF_WRITES.into_iter().chain(Fault::OF_READS).collect();
    let mut lines: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for ((operation, fault), count) in &counts.0 {
        let line = lines.entry(operation).or_insert_with(|| vec![0; faults.len()]);
        for (cell, _) in line.iter_mut().zip(&faults).filter(|(_, other)| *other == fault) {
            *cell += count;
        }
    }
    let names: Vec<&str> = faults.iter().map(|fault| fault.name()).collect();
    println!("| operation | {} | all |", names.join(" | "));
    println!("|---|{}", "---:|".repeat(faults.len() + 1));
    for (operation, line) in lines {
        let cells: Vec<String> = line.iter().map(u64::to_string).collect();
        println!("| {operation} | {} | {} |", cells.join(" | "), line.iter().sum::<u64>());
    }
}
