//! Repairing: an index from the packs, packs from what is whole in them, snapshots from what is left.

mod index;
mod packs;

pub(crate) use index::write_index;
pub use index::{RepairIndexReport, repair_index, rewrite_index};
pub use packs::{RepairPacksReport, repair_packs};
