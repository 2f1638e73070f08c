//! What goes wrong with a faulty storage, and when.

use std::collections::BTreeMap;

/// What goes wrong, and when.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// By the number of the mutating call, from 1.
    pub writes: BTreeMap<u64, WriteFault>,
    /// By the number of the call that returns content, from 1.
    pub reads: BTreeMap<u64, ReadFault>,
}

impl Plan {
    /// Nothing goes wrong.
    #[must_use]
    pub fn healthy() -> Self {
        Self::default()
    }

    /// One fault at one mutating call.
    #[must_use]
    pub fn at(call: u64, fault: WriteFault) -> Self {
        Self { writes: BTreeMap::from([(call, fault)]), reads: BTreeMap::new() }
    }

    /// One fault at one reading call.
    #[must_use]
    pub fn at_read(call: u64, fault: ReadFault) -> Self {
        Self { writes: BTreeMap::new(), reads: BTreeMap::from([(call, fault)]) }
    }
}

/// What can go wrong with a mutating call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteFault {
    /// The crash comes before the call has any effect.
    CrashBefore,
    /// The call takes effect, the crash comes before it returns.
    CrashAfter,
    /// A write leaves the first bytes under the final name (this many millionths of the content), then
    /// the crash comes. A removal has no half: it takes effect.
    Torn {
        /// How much is kept, in millionths, 0 to 1,000,000.
        kept: u32,
    },
    /// The call takes effect, then the crash comes and takes some of the last calls with it, although
    /// they had returned as durable: a disk or a file system that lies.
    Lost(Survivors),
    /// The call fails with a passing fault and has no effect.
    FailBefore,
    /// The call takes effect and yet fails with a passing fault.
    FailAfter,
    /// There is no space left: the call fails and has no effect.
    NoSpace,
}

/// Which of the last mutating calls before a crash are still there after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survivors {
    /// How many of the last calls were not on the disk yet, at most 64, the crashing one included.
    pub window: u32,
    /// One bit for each, the lowest for the last: set if it survives. No bit set loses them all; a later
    /// one set where an earlier is not is a reordering.
    pub mask: u64,
}

/// What can go wrong with a call that returns content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFault {
    /// One bit of what is returned is flipped, this one counted around its length.
    FlipBit(u64),
    /// The file seems to end after this many bytes.
    Truncate(u64),
    /// The call fails with a passing fault.
    Fail,
}

/// Lasting damage to a stored file, as a bad disk does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// One bit is flipped, this one counted around the length.
    FlipBit(u64),
    /// Only this many bytes are left.
    Truncate(u64),
    /// The file is gone.
    Delete,
}
