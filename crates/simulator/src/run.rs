//! One run: every step of a seed once in peace, then again with a fault at each of its calls.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::dice::Dice;
use crate::fault::Fault;
use crate::scenario::{Step, steps};
use crate::trial::Trial;
use crate::world::World;

/// Which of a seed's faults are tried; everything by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selection {
    /// Only in the step of this number, counted from 0.
    pub step: Option<usize>,
    /// Only at the call of this number, counted from 1.
    pub at: Option<u64>,
    /// Only this fault.
    pub fault: Option<Fault>,
    /// Only about one in this many of the faults; all when 0 or 1.
    pub one_in: u64,
}

/// How many faults hit, by operation and fault.
#[derive(Debug, Clone, Default)]
pub struct Counts(pub BTreeMap<(&'static str, Fault), u64>);

/// Something that must never be.
#[derive(Debug, Clone)]
pub struct Violation {
    seed: u64,
    step: usize,
    operation: &'static str,
    hit: Option<(Fault, u64)>,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.operation)?;
        match self.hit {
            Some((fault, at)) => write!(f, ", {fault} at call {at}: {}", self.what)?,
            None => write!(f, " without a fault: {}", self.what)?,
        }
        write!(f, "\n    replay with --seed {} --step {}", self.seed, self.step)?;
        match self.hit {
            Some((fault, at)) => write!(f, " --at {at} --fault {fault}"),
            None => Ok(()),
        }
    }
}

/// What a seed gave.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How many faults hit.
    pub counts: Counts,
    /// What went wrong.
    pub violations: Vec<Violation>,
}

impl Counts {
    /// Faults of calls that change the storage.
    #[must_use]
    pub fn of_writes(&self) -> u64 {
        self.0.iter().filter(|((_, fault), _)| !fault.hits_reads()).map(|(_, count)| count).sum()
    }

    /// Faults of calls that return content.
    #[must_use]
    pub fn of_reads(&self) -> u64 {
        self.0.values().sum::<u64>() - self.of_writes()
    }

    /// Adds others.
    pub fn add(&mut self, others: &Self) {
        for (key, count) in &others.0 {
            *self.0.entry(*key).or_default() += count;
        }
    }
}

/// Simulates the scenario of a seed.
#[must_use]
pub fn simulate(seed: u64, selection: Selection) -> Report {
    let mut report = Report::default();
    let mut world = match World::new(seed) {
        Ok(world) => world,
        Err(what) => {
            report.violations.push(Violation { seed, step: 0, operation: "preparation", hit: None, what });
            return report;
        }
    };
    for (number, step) in steps(seed).into_iter().enumerate() {
        let mut dice = Dice::new(seed, &[4, number as u64]);
        let mut violation = |operation, hit, what| {
            report.violations.push(Violation { seed, step: number, operation, hit, what });
        };
        let damaged = match step {
            Step::DamageIndex => {
                world.damage_index(&mut dice);
                Ok(())
            }
            Step::DamagePack => world.damage_pack(&mut dice),
            _ => Ok(()),
        };
        if let Err(what) = damaged {
            violation("damage", None, what);
            return report;
        }
        let Some(operation) = step.operation(&world, &mut dice) else { continue };
        let trial =
            Trial { seed, number, world: &world, operation: &operation, examined: RefCell::default() };
        let name = operation.name();
        let after = match guarded(|| trial.in_peace()) {
            Ok(after) => after,
            Err(what) => {
                violation(name, None, what);
                return report;
            }
        };
        if selection.step.is_none_or(|wanted| wanted == number) {
            for (fault, at) in trial.hits(&after, selection) {
                match guarded(|| trial.with(fault, at)) {
                    Ok(true) => *report.counts.0.entry((name, fault)).or_default() += 1,
                    Ok(false) => {}
                    Err(what) => violation(name, Some((fault, at)), what),
                }
            }
        }
        world = after.world;
    }
    report
}

/// A panic is a violation like any other.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("it panicked".into()))
}
