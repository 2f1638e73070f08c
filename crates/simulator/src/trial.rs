//! One operation in one world: in peace, or with a fault at one of its calls.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;
use std::sync::Arc;
use std::time::Duration;

use backstay_core::{FileId, FileKind, Handle, Storage};
use backstay_storage::retry::Policy;
use backstay_storage::testing::{Faulty, Plan};
use backstay_storage::{Memory, Retry};

use crate::dice::Dice;
use crate::fault::{Demand, Fault};
use crate::narrow::Narrow;
use crate::operation::{Operation, Reported, Surroundings, Told};
use crate::oracle::{Question, examine, examine_new};
use crate::promise::{Promise, Promises};
use crate::run::Selection;
use crate::world::World;

pub(crate) struct Trial<'a> {
    pub(crate) seed: u64,
    /// The step's number.
    pub(crate) number: usize,
    pub(crate) world: &'a World,
    pub(crate) operation: &'a Operation,
    /// What was examined and found good. Many faults leave the same files behind, and what holds for these holds again.
    pub(crate) examined: RefCell<HashSet<u64>>,
}

/// How the world is when an operation met no fault, and how many calls it made.
pub(crate) struct Peace {
    pub(crate) world: World,
    mutations: u64,
    reads: u64,
}

/// What an attempt leaves behind.
struct Aftermath {
    /// The operation's own repository; of a copy to here, the target.
    faulty: Faulty,
    /// The other repository of a copy.
    other: Memory,
    told: Told,
    error: Option<String>,
}

fn owed(reported: impl IntoIterator<Item = Reported>) -> impl Iterator<Item = (FileId, Promise)> {
    reported.into_iter().map(|reported| (reported.origin, reported.promise))
}

impl Trial<'_> {
    /// The storage that faults hit, as it is before the operation.
    fn base(&self) -> &Memory {
        if matches!(self.operation, Operation::CopyHere) { &self.world.second } else { &self.world.main }
    }

    /// What is owed by the repository that the operation changes, whatever becomes of the operation.
    fn still_owed(&self) -> Promises {
        if self.is_copy() {
            return self.world.copies.clone();
        }
        let forgotten = self.operation.forgets();
        let mut promises = self.world.promises.clone();
        promises.retain(|origin, _| !self.world.ids.get(origin).is_some_and(|id| forgotten.contains(id)));
        promises
    }

    fn is_copy(&self) -> bool {
        matches!(self.operation, Operation::CopyHere | Operation::CopyThere)
    }

    fn attempt(&self, plan: Plan, retry: bool) -> Aftermath {
        let world = self.world;
        let faulty = Faulty::over(self.base(), plan);
        let here = matches!(self.operation, Operation::CopyHere);
        let other = if here { world.main.fork() } else { world.second.fork() };
        let around = Surroundings {
            process: world.process.numbered(100 + self.number as u64 * 50),
            other: &other,
            promises: &world.promises,
        };
        let storage: Arc<dyn Storage> = if retry {
            let pause = Duration::from_nanos(1);
            let policy = Policy { first_pause: pause, longest_pause: pause, ..Policy::default() };
            Arc::new(Narrow(Retry::new(Box::new(faulty.clone()), policy)))
        } else {
            Arc::new(Narrow(faulty.clone()))
        };
        let mut told = Told::default();
        let error = self.operation.run(storage, &around, &mut told).err().map(|error| error.to_string());
        Aftermath { faulty, other, told, error }
    }

    /// Runs the operation without a fault.
    ///
    /// # Errors
    /// When it fails or leaves anything behind that is not as it has to be.
    pub(crate) fn in_peace(&self) -> Result<Peace, String> {
        let Aftermath { faulty, other, told, error } = self.attempt(Plan::healthy(), false);
        if let Some(what) = error.or(told.wrong) {
            return Err(what);
        }
        let mut world = self.world.clone();
        let after = if matches!(self.operation, Operation::CopyThere) { other } else { faulty.recover() };
        if self.is_copy() {
            world.second = after;
            world.copies.extend(owed(told.snapshots));
        } else {
            world.main = after;
            world.promises = self.still_owed();
            world.promises.extend(owed(told.snapshots));
        }
        match self.operation {
            Operation::Backup { .. } => world.turn(),
            Operation::RepairIndex { .. } if world.damaged == Some(FileKind::Index) => world.damaged = None,
            Operation::RepairSnapshots => world.damaged = None,
            _ => {}
        }
        let (storage, promises) =
            if self.is_copy() { (&world.second, &world.copies) } else { (&world.main, &world.promises) };
        let demand = if world.damaged.is_some() { Demand::Mended } else { Demand::Clean };
        self.ask(&storage.fork(), promises, demand, Some(Vec::new()))?;
        world.look_up_ids()?;
        Ok(Peace { mutations: faulty.mutations(), reads: faulty.reads(), world })
    }

    /// The faults to try.
    pub(crate) fn hits(&self, peace: &Peace, selection: Selection) -> Vec<(Fault, u64)> {
        let writes = (1..=peace.mutations).flat_map(|at| Fault::OF_WRITES.map(|fault| (fault, at)));
        // Reads are many, so each meets one kind of fault; seeds differ in which.
        let reads = (1..=peace.reads).flat_map(|at| {
            let turn = (at.wrapping_add(self.seed) % Fault::OF_READS.len() as u64) as usize;
            let kinds = Fault::OF_READS.into_iter().enumerate();
            kinds
                .filter(move |(number, fault)| *number == turn || selection.fault == Some(*fault))
                .map(move |(_, fault)| (fault, at))
        });
        let chosen = writes.chain(reads).filter(|(fault, at)| {
            selection.at.is_none_or(|wanted| wanted == *at)
                && selection.fault.is_none_or(|wanted| wanted == *fault)
        });
        // By a draw, and not every so manieth: the kinds of faults take turns.
        let drawn = |(fault, at): &(Fault, u64)| {
            let mut dice = Dice::new(self.seed, &[6, self.number as u64, *at, *fault as u64]);
            dice.below(selection.one_in.max(1)) == 0
        };
        chosen.filter(drawn).collect()
    }

    /// Runs the operation with a fault at one of its calls and looks at what is left. Whether the fault hit.
    ///
    /// # Errors
    /// When something is not as it has to be.
    pub(crate) fn with(&self, fault: Fault, at: u64) -> Result<bool, String> {
        let mut dice = Dice::new(self.seed, &[5, self.number as u64, at, fault as u64]);
        let base = self.base();
        let Aftermath { faulty, other, told, error } =
            self.attempt(fault.plan(at, &mut dice), fault == Fault::Retried);
        let calls = if fault.hits_reads() { faulty.reads() } else { faulty.mutations() };
        if calls < at + u64::from(fault == Fault::FlipTwice) {
            return Ok(false);
        }
        let survivor = fault.survivor(base, &faulty, &mut dice);
        if fault == Fault::Undone && survivor.handles() == faulty.recover().handles() {
            return Ok(false);
        }
        if let Some(wrong) = told.wrong {
            return Err(wrong);
        }
        match &error {
            Some(error) if fault == Fault::Retried => {
                return Err(format!("it failed, although it was tried again: {error}"));
            }
            Some(error) if error.contains("unexpectedly") => return Err(error.clone()),
            _ => {}
        }
        if matches!(self.operation, Operation::Init) {
            let whole = error.is_none() && !matches!(fault, Fault::LostTail | Fault::Reordered);
            return examine_new(&survivor, self.world.process, whole).map(|()| true);
        }
        let there = matches!(self.operation, Operation::CopyThere);
        let storage = if there { other } else { survivor };
        let mut promises = self.still_owed();
        // What was reported after the storage had begun to lie is lost with what it lost.
        let lost = faulty.lost();
        let survives = |id| fault != Fault::Reordered && !lost.contains(&Handle::new(FileKind::Snapshot, id));
        promises.extend(owed(told.snapshots.into_iter().filter(|reported| survives(reported.id))));
        let demand = match fault.demand(self.operation) {
            Demand::Clean if self.world.damaged.is_some() => Demand::Mended,
            demand => demand,
        };
        let fresh;
        let candidates = match self.operation {
            _ if fault == Fault::Reordered => None,
            Operation::Backup { version, .. } => {
                fresh = Promise::Whole(Arc::clone(version));
                Some(vec![&fresh])
            }
            Operation::CopyHere | Operation::CopyThere => Some(self.world.promises.values().collect()),
            _ => Some(Vec::new()),
        };
        self.ask(&storage, &promises, demand, candidates).map_err(|what| match error {
            Some(error) => format!("{what} (the operation had said: {error})"),
            None => what,
        })?;
        Ok(true)
    }

    fn ask(
        &self,
        storage: &Memory,
        promises: &Promises,
        demand: Demand,
        candidates: Option<Vec<&Promise>>,
    ) -> Result<(), String> {
        let Some(next) = self.world.version() else { return Ok(()) };
        let forgotten: BTreeSet<_> = self.operation.forgets();
        let process = self.world.process.numbered(120 + self.number as u64 * 50);
        let question = Question { process, demand, promises, candidates, forgotten: &forgotten, next };
        if matches!(self.operation, Operation::Init) {
            return examine_new(storage, process, true);
        }
        let state = fingerprint(storage, &question);
        if !self.examined.borrow().contains(&state) {
            examine(storage, &question)?;
            self.examined.borrow_mut().insert(state);
        }
        Ok(())
    }
}

/// The same for the same files and the same question. Files are named by their content, but for those that are torn: these
/// differ in length.
fn fingerprint(storage: &Memory, question: &Question<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for handle in storage.handles() {
        (handle, storage.get(&handle).map(|content| content.len())).hash(&mut hasher);
    }
    for (origin, promise) in question.promises {
        (origin, discriminant(promise)).hash(&mut hasher);
    }
    (discriminant(&question.demand), question.candidates.is_some()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use backstay_storage::testing::Damage;

    use super::*;

    /// The judge is only worth something if it condemns.
    #[test]
    fn every_file_that_is_missing_or_changed_is_noticed() {
        let mut world = World::new(5).unwrap();
        let trial = |world: &World, number, operation: &Operation| {
            let trial = Trial { seed: 5, number, world, operation, examined: RefCell::default() };
            trial.in_peace().unwrap().world
        };
        world = trial(&world, 0, &Operation::Init);
        let version = Arc::clone(world.version().unwrap());
        world = trial(&world, 1, &Operation::Backup { version, parent: None });
        assert_eq!(world.promises.len(), 1);
        let whole = world.main.fork();
        let operation = Operation::Check;
        for handle in whole.handles() {
            for damage in [Damage::Delete, Damage::FlipBit(77), Damage::Truncate(50)] {
                world.main = whole.fork();
                assert!(world.main.damage(&handle, damage));
                let trial = Trial {
                    seed: 5,
                    number: 2,
                    world: &world,
                    operation: &operation,
                    examined: RefCell::default(),
                };
                let verdict = trial.ask(&world.main, &world.promises, Demand::Clean, Some(Vec::new()));
                assert!(verdict.is_err(), "{damage:?} of {handle}");
            }
        }
    }
}
