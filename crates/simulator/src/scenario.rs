//! A scenario: what a user does with a repository, decided by a seed.

use backstay_engine::prune::{MaxUnused, PruneOptions};

use crate::dice::Dice;
use crate::operation::Operation;
use crate::world::World;

/// What a step is about; its details come from the world it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Init,
    Backup,
    Forget,
    Tag,
    Prune,
    ForgetAndPrune,
    CopyHere,
    CopyThere,
    Restore,
    Check,
    RepairIndex,
    RepairPacks,
    RepairSnapshots,
    /// Not an operation: the disk goes bad.
    DamageIndex,
    DamagePack,
}

/// The steps of a seed.
pub(crate) fn steps(seed: u64) -> Vec<Step> {
    let mut dice = Dice::new(seed, &[3]);
    let mut steps = vec![Step::Init, Step::Backup, Step::Backup];
    let middle = [
        Step::Backup,
        Step::Backup,
        Step::Forget,
        Step::Tag,
        Step::Prune,
        Step::ForgetAndPrune,
        Step::ForgetAndPrune,
        Step::CopyHere,
        Step::CopyThere,
        Step::Restore,
        Step::Check,
        Step::RepairIndex,
    ];
    for _ in 0..dice.between(3, 5) {
        steps.extend(dice.pick(&middle));
    }
    steps.extend([Step::Backup, Step::Forget, Step::Prune]);
    if dice.percent(30) {
        steps.extend([Step::DamageIndex, Step::RepairIndex]);
    } else if dice.percent(75) {
        steps.extend([Step::DamagePack, Step::RepairPacks, Step::RepairIndex, Step::RepairSnapshots]);
    }
    steps.push(Step::Backup);
    steps
}

impl Step {
    /// The operation that the step is in this world; `None` when there is nothing to do, or when the step is damage.
    pub(crate) fn operation(self, world: &World, dice: &mut Dice) -> Option<Operation> {
        Some(match self {
            Self::Init => Operation::Init,
            Self::Backup => {
                let parent = world.a_snapshot(dice).filter(|_| dice.percent(80));
                Operation::Backup { version: world.version()?.clone(), parent }
            }
            Self::Forget => Operation::Forget(world.some_snapshots(dice)),
            Self::Tag => Operation::Tag(world.a_snapshot(dice)?),
            Self::Prune => Operation::Prune(prune_options(dice)),
            Self::ForgetAndPrune => {
                Operation::ForgetAndPrune(world.some_snapshots(dice), prune_options(dice))
            }
            Self::CopyHere => Operation::CopyHere,
            Self::CopyThere => Operation::CopyThere,
            Self::Restore => Operation::Restore,
            Self::Check => Operation::Check,
            Self::RepairIndex => Operation::RepairIndex { read_all: dice.percent(50) },
            Self::RepairPacks => Operation::RepairPacks,
            Self::RepairSnapshots => Operation::RepairSnapshots,
            Self::DamageIndex | Self::DamagePack => return None,
        })
    }
}

fn prune_options(dice: &mut Dice) -> PruneOptions {
    let unused = [
        MaxUnused::Percent(5.0),
        MaxUnused::Percent(0.0),
        MaxUnused::Percent(50.0),
        MaxUnused::Bytes(2000),
        MaxUnused::Unlimited,
    ];
    PruneOptions {
        max_unused: dice.pick(&unused).copied().unwrap_or(MaxUnused::Unlimited),
        max_repack: dice.percent(20).then(|| dice.below(8000)),
        repack_cacheable_only: dice.percent(10),
        // Otherwise every pack of a simulation would be small, and be written anew.
        repack_smaller_than: dice.percent(75).then(|| dice.below(1500)),
        repack_uncompressed: dice.percent(15),
        // This one may leave a repository without an index, so it is not what the model expects of a prune.
        no_free_space: false,
    }
}
