//! `repair` and its parts.

use clap::{Args, Subcommand};

use super::select::SnapshotChoice;

/// Repairs the repository.
#[derive(Debug, Subcommand)]
pub(crate) enum Repair {
    /// Build a new index
    Index(RepairIndex),
    /// Salvage damaged pack files
    Packs(RepairPacks),
    /// Repair snapshots
    Snapshots(RepairSnapshots),
}

/// Creates a new index based on the pack files in the repository.
#[derive(Debug, Args)]
pub(crate) struct RepairIndex {
    /// Read all pack files to generate the new index from scratch
    #[arg(long)]
    pub(crate) read_all_packs: bool,
}

/// Extracts intact blobs from the given pack files, rebuilds the index and removes the pack files.
///
/// A copy of each pack file is saved to the current folder first.
#[derive(Debug, Args)]
pub(crate) struct RepairPacks {
    /// Pack files to salvage
    #[arg(value_name = "PACK", required = true)]
    pub(crate) packs: Vec<String>,
}

/// Replaces broken snapshots by new ones without their damaged directories and file contents.
///
/// If the original files still exist, `backup` can heal broken snapshots and is the better way. Run `repair index` first.
#[derive(Debug, Args)]
pub(crate) struct RepairSnapshots {
    /// Snapshots to repair (default: all that the filters choose)
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshots: Vec<String>,
    /// Do not do anything, just print what would be done
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Remove original snapshots after creating new ones
    #[arg(long)]
    pub(crate) forget: bool,
    #[command(flatten)]
    pub(crate) choice: SnapshotChoice,
}
