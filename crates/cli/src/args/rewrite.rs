//! Commands that replace snapshots by changed ones: `tag` and `rewrite`.

use backstay_policy::TagList;
use clap::Args;

use super::select::{ExcludePatterns, IncludePatterns, SnapshotChoice};

/// Modifies tags on existing snapshots.
#[derive(Debug, Args)]
pub(crate) struct Tag {
    /// Snapshots to change (default: all that the filters choose)
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshots: Vec<String>,
    /// Tags that replace the existing ones (can be given multiple times)
    #[arg(long, value_name = "TAGS", allow_hyphen_values = true)]
    pub(crate) set: Vec<TagList>,
    /// Tags to add (can be given multiple times)
    #[arg(long, value_name = "TAGS", allow_hyphen_values = true)]
    pub(crate) add: Vec<TagList>,
    /// Tags to remove (can be given multiple times)
    #[arg(long, value_name = "TAGS", allow_hyphen_values = true)]
    pub(crate) remove: Vec<TagList>,
    #[command(flatten)]
    pub(crate) choice: SnapshotChoice,
}

/// Creates new snapshots from existing ones, without some files or with other metadata.
///
/// The new snapshots are tagged 'rewrite' unless --forget replaces the original ones.
#[derive(Debug, Args)]
pub(crate) struct Rewrite {
    /// Snapshots to rewrite (default: all that the filters choose)
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshots: Vec<String>,
    /// Do not do anything, just print what would be done
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) exclude: ExcludePatterns,
    #[command(flatten)]
    pub(crate) include: IncludePatterns,
    /// Remove original snapshots after creating new ones
    #[arg(long)]
    pub(crate) forget: bool,
    /// Replace the hostname
    #[arg(long, value_name = "HOSTNAME")]
    pub(crate) new_host: Option<String>,
    /// Replace the time of the backup
    #[arg(long, value_name = "TIME")]
    pub(crate) new_time: Option<String>,
    /// Give snapshots that have no summary one, and bring its figures up to date
    #[arg(short, long)]
    pub(crate) snapshot_summary: bool,
    #[command(flatten)]
    pub(crate) choice: SnapshotChoice,
}
