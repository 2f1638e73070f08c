//! `snapshots` and `ls`.

use backstay_policy::GroupBy;
use clap::{Args, ValueEnum};

use super::select::SnapshotChoice;

/// Lists all snapshots stored in the repository.
#[derive(Debug, Args)]
pub(crate) struct Snapshots {
    /// Snapshots to list (default: all that the filters choose)
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshots: Vec<String>,
    #[command(flatten)]
    pub(crate) choice: SnapshotChoice,
    /// Use compact output format
    #[arg(short, long)]
    pub(crate) compact: bool,
    /// Group snapshots by host, paths and/or tags, separated by comma
    #[arg(short, long, value_name = "GROUP", default_value = "", hide_default_value = true)]
    pub(crate) group_by: GroupBy,
    /// Only show the last n snapshots for each host and path
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) latest: usize,
    /// Only show the last snapshot for each host and path (now --latest 1)
    #[arg(long, hide = true)]
    pub(crate) last: bool,
}

/// Lists files and directories in a snapshot.
///
/// The ID "latest" stands for the latest snapshot that --host, --tag and --path choose. Further arguments are absolute
/// paths of directories; only what is in them is listed.
#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Snapshot, as ID, "latest", or ID:subfolder
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshot: String,
    /// Directories to list
    #[arg(value_name = "DIR")]
    pub(crate) folders: Vec<String>,
    #[command(flatten)]
    pub(crate) choice: SnapshotChoice,
    /// Print sizes in human readable format
    #[arg(long)]
    pub(crate) human_readable: bool,
    /// Use a long listing format showing size and mode
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Output NCDU export format (pipe into 'ncdu -f -')
    #[arg(long)]
    pub(crate) ncdu: bool,
    /// Include files in subfolders of the listed directories
    #[arg(long)]
    pub(crate) recursive: bool,
    /// Reverse sorted output
    #[arg(long)]
    pub(crate) reverse: bool,
    /// Sort output
    #[arg(short, long, value_name = "MODE", default_value = "name")]
    pub(crate) sort: SortMode,
}

/// What a listing is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortMode {
    Name,
    Size,
    #[value(alias = "time")]
    Mtime,
    Atime,
    Ctime,
    Extension,
}
