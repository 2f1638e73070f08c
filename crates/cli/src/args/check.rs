//! `check`.

use clap::Args;

use super::select::SnapshotChoice;

/// Tests the repository for errors and reports any it finds.
///
/// By default it verifies that snapshots, trees and pack files fit together. To verify the backed-up data itself, use
/// --read-data or --read-data-subset.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Snapshots to check (default: all that the filters choose)
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshots: Vec<String>,
    /// Read all data blobs
    #[arg(long)]
    pub(crate) read_data: bool,
    /// Read a subset of the packs: part 'n/t', or a random 'x%' or size with suffix k/K, m/M, g/G, t/T
    #[arg(long, value_name = "SUBSET", conflicts_with = "read_data")]
    pub(crate) read_data_subset: Option<String>,
    /// Use the existing cache, only read uncached data from the repository
    #[arg(long)]
    pub(crate) with_cache: bool,
    /// Find unused blobs; restic's scripts pass this, and it has no effect there either
    #[arg(long, hide = true)]
    check_unused: bool,
    #[command(flatten)]
    pub(crate) choice: SnapshotChoice,
}
