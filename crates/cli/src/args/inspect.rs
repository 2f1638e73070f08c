//! Commands that look into a repository: `find`, `diff`, `dump`, `cat`, `list`, `stats`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::select::SnapshotChoice;

/// Searches for files or directories in snapshots, or for blobs, trees or pack files.
#[derive(Debug, Args)]
pub(crate) struct Find {
    /// Patterns, or IDs with --blob, --tree or --pack
    #[arg(value_name = "PATTERN", required = true)]
    pub(crate) patterns: Vec<String>,
    /// Pattern is a blob-ID
    #[arg(long)]
    pub(crate) blob: bool,
    /// Pattern is a tree-ID
    #[arg(long)]
    pub(crate) tree: bool,
    /// Pattern is a pack-ID
    #[arg(long)]
    pub(crate) pack: bool,
    /// Display the pack-ID the blobs belong to (with --blob or --tree)
    #[arg(long)]
    pub(crate) show_pack_id: bool,
    /// Ignore case for pattern
    #[arg(short, long)]
    pub(crate) ignore_case: bool,
    /// Use a long listing format showing size and mode
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Print sizes in human readable format
    #[arg(long)]
    pub(crate) human_readable: bool,
    /// Newest modification date/time
    #[arg(short = 'N', long, value_name = "TIME")]
    pub(crate) newest: Option<String>,
    /// Oldest modification date/time
    #[arg(short = 'O', long, value_name = "TIME")]
    pub(crate) oldest: Option<String>,
    /// Go through the snapshots from oldest to newest
    #[arg(short = 'R', long)]
    pub(crate) reverse: bool,
    /// Snapshot to search in (can be given multiple times)
    #[arg(short, long = "snapshot", value_name = "ID")]
    pub(crate) snapshots: Vec<String>,
    #[command(flatten)]
    pub(crate) choice: SnapshotChoice,
}

/// Shows differences from the first to the second snapshot.
///
/// The first characters of each line say what has happened to an item: + added, - removed, M content modified, U metadata
/// updated (with --metadata), T type changed, ? content changed while all metadata is the same.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The earlier snapshot, as ID or ID:subfolder
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) before: String,
    /// The later snapshot
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) after: String,
    /// Print changes in metadata
    #[arg(long)]
    pub(crate) metadata: bool,
}

/// What an archive is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArchiveFormat {
    Tar,
    Zip,
}

/// Prints a file of a snapshot, or a folder as a tar or zip file.
///
/// Pass "/" to dump the whole snapshot. With ID:subfolder the content of the subfolder is at the root of the archive.
#[derive(Debug, Args)]
pub(crate) struct Dump {
    /// Snapshot, as ID, "latest", or ID:subfolder
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshot: String,
    /// File or folder to dump
    #[arg(value_name = "FILE")]
    pub(crate) file: String,
    /// Archive format
    #[arg(short, long, value_name = "FORMAT", default_value = "tar")]
    pub(crate) archive: ArchiveFormat,
    #[command(flatten)]
    pub(crate) choice: SnapshotChoice,
    /// Write the output to this path
    #[arg(short, long, value_name = "PATH")]
    pub(crate) target: Option<PathBuf>,
}

/// Prints internal objects to stdout.
#[derive(Debug, Args)]
pub(crate) struct Cat {
    /// What to print
    #[arg(value_name = "TYPE",
          value_parser = ["masterkey", "config", "pack", "blob", "snapshot", "index", "key", "lock", "tree"])]
    pub(crate) kind: String,
    /// Its ID; for a tree snapshot:subfolder
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
}

/// Lists objects in the repository by type.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// What to list
    #[arg(value_name = "TYPE", value_parser = ["blobs", "packs", "index", "snapshots", "keys", "locks"])]
    pub(crate) kind: String,
    /// With packs: only those that this snapshot needs
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshot: Option<String>,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatsMode {
    /// The size of the restored files
    RestoreSize,
    /// The size of files, unique by content
    FilesByContents,
    /// The size of blobs, unique by file
    BlobsPerFile,
    /// The size of the blobs in the repository
    RawData,
}

impl StatsMode {
    /// The word on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RestoreSize => "restore-size",
            Self::FilesByContents => "files-by-contents",
            Self::BlobsPerFile => "blobs-per-file",
            Self::RawData => "raw-data",
        }
    }
}

/// Walks snapshots and counts the files and data they hold.
#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Snapshots to count (default: all that the filters choose)
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshots: Vec<String>,
    #[command(flatten)]
    pub(crate) choice: SnapshotChoice,
    /// Counting mode
    #[arg(long, default_value = "restore-size")]
    pub(crate) mode: StatsMode,
}
