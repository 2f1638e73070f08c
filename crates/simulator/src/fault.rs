//! What goes wrong, and what may be asked of the engine after it.

use std::fmt;
use std::str::FromStr;

use backstay_storage::Memory;
use backstay_storage::testing::{Faulty, Plan, ReadFault, Survivors, WriteFault};

use crate::dice::Dice;
use crate::operation::Operation;

/// A kind of fault. Its details (how much of a write is torn, which writes are lost) come from the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The process dies before the call takes effect.
    CrashBefore,
    /// The process dies when the call has taken effect, before it returns.
    CrashAfter,
    /// The process dies and leaves a part of the file under its final name.
    Torn,
    /// The process dies, and the last few calls, although they had returned, never happened.
    LostTail,
    /// The process dies, and of the last few calls some happened and some did not.
    Reordered,
    /// The process dies, and some of the files that it had removed are there again.
    Undone,
    /// The call fails without effect; the process lives on.
    FailBefore,
    /// The call takes effect and fails all the same; the process lives on.
    FailAfter,
    /// There is no space left for the call.
    NoSpace,
    /// The call fails, with or without effect, and is tried again.
    Retried,
    /// What is read has one wrong bit.
    Flip,
    /// The same, and when it is read once more.
    FlipTwice,
    /// What is read ends too soon.
    Cut,
    /// Reading fails.
    ReadFails,
}

/// What has to hold after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Check finds no error and every snapshot is whole, with nothing done about it but removing the locks left behind.
    Clean,
    /// The same, after the repairs that check asks for.
    Mended,
    /// Nothing but luck can save data from this storage: what is lost is told, and nothing wrong is restored.
    Honest,
}

impl Fault {
    /// Those that hit a call that changes the storage.
    pub const OF_WRITES: [Self; 10] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::Torn,
        Self::LostTail,
        Self::Reordered,
        Self::Undone,
        Self::FailBefore,
        Self::FailAfter,
        Self::NoSpace,
        Self::Retried,
    ];

    /// Those that hit a call that returns content.
    pub const OF_READS: [Self; 4] = [Self::Flip, Self::FlipTwice, Self::Cut, Self::ReadFails];

    /// Its name, as it is counted and replayed by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CrashBefore => "crash-before",
            Self::CrashAfter => "crash-after",
            Self::Torn => "torn",
            Self::LostTail => "lost-tail",
            Self::Reordered => "reordered",
            Self::Undone => "undone",
            Self::FailBefore => "fail-before",
            Self::FailAfter => "fail-after",
            Self::NoSpace => "no-space",
            Self::Retried => "retried",
            Self::Flip => "flip",
            Self::FlipTwice => "flip-twice",
            Self::Cut => "cut",
            Self::ReadFails => "read-fails",
        }
    }

    /// Whether it hits reading calls.
    #[must_use]
    pub fn hits_reads(self) -> bool {
        Self::OF_READS.contains(&self)
    }

    /// The storage's plan for this fault at call `at`.
    pub(crate) fn plan(self, at: u64, dice: &mut Dice) -> Plan {
        let write = match self {
            Self::CrashBefore => WriteFault::CrashBefore,
            Self::CrashAfter | Self::Undone => WriteFault::CrashAfter,
            Self::Torn => {
                let kept = [0, 1_000, 500_000, 900_000, 999_999];
                WriteFault::Torn { kept: dice.pick(&kept).copied().unwrap_or_default() }
            }
            Self::LostTail => WriteFault::Lost(Survivors { window: dice.between(2, 10) as u32, mask: 0 }),
            Self::Reordered => {
                WriteFault::Lost(Survivors { window: dice.between(2, 12) as u32, mask: dice.next() })
            }
            Self::FailBefore => WriteFault::FailBefore,
            Self::FailAfter => WriteFault::FailAfter,
            Self::NoSpace => WriteFault::NoSpace,
            Self::Retried if dice.percent(50) => WriteFault::FailBefore,
            Self::Retried => WriteFault::FailAfter,
            Self::Flip => return Plan::at_read(at, ReadFault::FlipBit(dice.next())),
            Self::FlipTwice => {
                let mut plan = Plan::at_read(at, ReadFault::FlipBit(dice.next()));
                plan.reads.insert(at + 1, ReadFault::FlipBit(dice.next()));
                return plan;
            }
            Self::Cut => return Plan::at_read(at, ReadFault::Truncate(dice.below(600))),
            Self::ReadFails => return Plan::at_read(at, ReadFault::Fail),
        };
        Plan::at(at, write)
    }

    /// What the next process finds.
    pub(crate) fn survivor(self, before: &Memory, storage: &Faulty, dice: &mut Dice) -> Memory {
        let after = storage.recover();
        if self == Self::Undone {
            for handle in before.handles() {
                if after.get(&handle).is_none()
                    && dice.percent(50)
                    && let Some(content) = before.get(&handle)
                {
                    after.put(handle, &content);
                }
            }
        }
        after
    }

    /// What has to hold after this fault in this operation.
    pub(crate) fn demand(self, operation: &Operation) -> Demand {
        match self {
            // A torn index file is in the way until it is repaired. A pack may be gone while an index that names it is back.
            Self::Torn | Self::Undone => Demand::Mended,
            // Old packs and snapshots go when their replacements are durable. Where that was a lie, both may be gone.
            Self::Reordered if operation.replaces() => Demand::Honest,
            Self::Reordered => Demand::Mended,
            // A pack whose header is read wrong twice is taken for unreadable, until the index is repaired again.
            Self::FlipTwice if matches!(operation, Operation::RepairIndex { read_all: true }) => {
                Demand::Mended
            }
            _ => Demand::Clean,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Self::OF_WRITES.into_iter().chain(Self::OF_READS);
        all.find(|fault| fault.name() == text).ok_or_else(|| format!("there is no fault {text:?}"))
    }
}
