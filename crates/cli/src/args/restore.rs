//! `restore`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::select::{ExcludePatterns, IncludePatterns, SnapshotChoice};

/// When a file that exists is written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OverwriteMode {
    /// Always, comparing contents
    Always,
    /// If size or modification time differ
    IfChanged,
    /// If the file in the snapshot is newer
    IfNewer,
    /// Never
    Never,
}

/// Extracts the data from a snapshot to a directory.
///
/// The ID "latest" stands for the latest snapshot that --host, --tag and --path choose. With ID:subfolder only the content of
/// the subfolder is restored.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Snapshot, as ID, "latest", or ID:subfolder
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshot: String,
    /// Directory to extract data to
    #[arg(short, long, value_name = "DIRECTORY")]
    pub(crate) target: Option<PathBuf>,
    /// Delete files from the target directory that do not exist in the snapshot
    #[arg(long)]
    pub(crate) delete: bool,
    /// Do not write any data, just show what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) exclude: ExcludePatterns,
    #[command(flatten)]
    pub(crate) include: IncludePatterns,
    /// Exclude extended attributes by pattern (can be specified multiple times)
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude_xattr: Vec<String>,
    /// Include only extended attributes of this pattern (can be specified multiple times)
    #[arg(long, value_name = "PATTERN")]
    pub(crate) include_xattr: Vec<String>,
    /// When to write over existing files
    #[arg(long, value_name = "BEHAVIOR", default_value = "always")]
    pub(crate) overwrite: OverwriteMode,
    /// Restore file ownership by user name and group name
    #[arg(long)]
    pub(crate) ownership_by_name: bool,
    /// Restore files as sparse
    #[arg(long)]
    pub(crate) sparse: bool,
    /// Verify restored files' content
    #[arg(long)]
    pub(crate) verify: bool,
    #[command(flatten)]
    pub(crate) choice: SnapshotChoice,
}
