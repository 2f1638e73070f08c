//! Restoring: from a snapshot's tree into a target that can be written to at any place.
//!
//! The tree is walked in batches, so that memory stays bounded. What a batch needs is sorted by pack; workers take
//! pack after pack, read each stretch once, and write its blobs to all the files that have them. What is
//! at the target already is compared first, and only what differs is written. Packs that lie in an archive are all asked for at the
//! beginning, and those that come are restored while the others are waited for.

mod batch;
mod delete;
mod files;
mod folders;
mod plan;
mod present;
mod run;
mod thaw;
mod verify;

use std::time::Duration;

use backstay_core::{Meta, Timestamp};

pub use run::{RestoreReport, restore};
pub use thaw::bring_back;

/// What happens to files that are at the target already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overwrite {
    /// They are compared by content, and what differs is written.
    #[default]
    Always,
    /// Those of the same size and time are left alone, the others compared by content.
    IfChanged,
    /// Only those that are older than in the snapshot are touched.
    IfNewer,
    /// They are left alone.
    Never,
}

/// How a restore is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RestoreOptions {
    /// What happens to files that are there.
    pub overwrite: Overwrite,
    /// Leave holes where a file has long runs of zeros.
    pub sparse: bool,
    /// Remove what is at the target but not in the snapshot, within the folders that are restored.
    pub delete: bool,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
    /// Read every restored file again at the end and compare it.
    pub verify: bool,
    /// How long to wait for packs that lie in an archive. They are asked for in any case; where nobody waits for them, the restore
    /// ends with [`ErrorKind::Frozen`](backstay_core::ErrorKind::Frozen) before anything is restored, and can be done later.
    pub wait_for_frozen: Option<Duration>,
}

/// Whether an item is restored, and whether anything below it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selected {
    /// Restore the item itself.
    pub item: bool,
    /// Look below it.
    pub below: bool,
}

impl Selected {
    /// The item and all below it.
    pub const ALL: Self = Self { item: true, below: true };
}

/// Chooses items by path (relative to the restored root) and by whether they are folders.
pub type Select<'a> = dyn Fn(&[u8], bool) -> Selected + Send + Sync + 'a;

impl Overwrite {
    /// Whether a file that is there is to be touched at all.
    fn touches(self, existing: &Meta, wanted: &Meta) -> bool {
        let instant = |time: &Timestamp| (time.seconds, time.nanos);
        match self {
            Self::Always => true,
            Self::IfChanged => {
                existing.size != wanted.size || !existing.modified.same_instant(&wanted.modified)
            }
            Self::IfNewer => instant(&wanted.modified) > instant(&existing.modified),
            Self::Never => false,
        }
    }
}
