//! `backup`.

use std::ffi::OsString;
use std::path::PathBuf;

use backstay_policy::{GroupBy, TagList};
use clap::Args;

use super::select::ExcludePatterns;
use super::values::size;

/// Creates a new snapshot and saves the files and directories given as the arguments.
///
/// Exit status is 0 if the command was successful, 1 on a fatal error (no snapshot created), 3 if some source data could not
/// be read (incomplete snapshot created), 10 if the repository does not exist, 11 if it is already locked, 12 if the password is
/// incorrect and 130 if interrupted.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Files and directories to back up
    #[arg(value_name = "FILE/DIR", allow_hyphen_values = false)]
    pub(crate) paths: Vec<OsString>,
    /// Do not upload or write any data, just show what would be done
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) exclude: ExcludePatterns,
    /// Exclude cache directories that are marked with a CACHEDIR.TAG file
    #[arg(long)]
    pub(crate) exclude_caches: bool,
    /// Exclude the contents of directories that contain a file of this name (with this header)
    #[arg(long, value_name = "FILENAME[:HEADER]")]
    pub(crate) exclude_if_present: Vec<String>,
    /// Largest size of the files to be backed up (suffixes: k/K, m/M, g/G, t/T)
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) exclude_larger_than: Option<u64>,
    /// Read what to back up from a file: one pattern per line, # for comments
    #[arg(long, value_name = "FILE")]
    pub(crate) files_from: Vec<PathBuf>,
    /// Read what to back up from a file: one path per line
    #[arg(long, value_name = "FILE")]
    pub(crate) files_from_verbatim: Vec<PathBuf>,
    /// Read what to back up from a file: paths that end with a NUL byte
    #[arg(long, value_name = "FILE")]
    pub(crate) files_from_raw: Vec<PathBuf>,
    /// Read all files again, whatever the parent says
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Group snapshots by host, paths and/or tags to find the parent ('' disables grouping)
    #[arg(short, long, value_name = "GROUP", default_value = "host,paths")]
    pub(crate) group_by: GroupBy,
    /// Set the hostname of the snapshot [env: *_HOST]
    #[arg(short = 'H', long, alias = "hostname", value_name = "HOSTNAME")]
    pub(crate) host: Option<String>,
    /// Ignore ctime changes when checking for modified files
    #[arg(long)]
    pub(crate) ignore_ctime: bool,
    /// Ignore inode number and ctime changes when checking for modified files
    #[arg(long)]
    pub(crate) ignore_inode: bool,
    /// Do not estimate the size of the backup beforehand
    #[arg(long)]
    pub(crate) no_scan: bool,
    /// Stay in the file systems of the given paths
    #[arg(short = 'x', long)]
    pub(crate) one_file_system: bool,
    /// Compare with this snapshot (default: the latest of the group that is not newer than --time)
    #[arg(long, value_name = "SNAPSHOT")]
    pub(crate) parent: Option<String>,
    /// Read so many files at once [env: *_READ_CONCURRENCY]
    #[arg(long, value_name = "N")]
    pub(crate) read_concurrency: Option<usize>,
    /// Create no snapshot if it would be identical to the parent
    #[arg(long)]
    pub(crate) skip_if_unchanged: bool,
    /// Read the data from stdin
    #[arg(long)]
    pub(crate) stdin: bool,
    /// File name to use when reading from stdin
    #[arg(long, value_name = "FILENAME", default_value = "stdin")]
    pub(crate) stdin_filename: String,
    /// Run the arguments as a command and store what it prints
    #[arg(long)]
    pub(crate) stdin_from_command: bool,
    /// Add tags to the new snapshot (can be specified multiple times)
    #[arg(long = "tag", value_name = "TAG[,TAG,...]", allow_hyphen_values = true)]
    pub(crate) tags: Vec<TagList>,
    /// Time of the backup, as '2012-11-01 22:08:41' [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) time: Option<String>,
    /// Store the access time of all files and directories
    #[arg(long)]
    pub(crate) with_atime: bool,
}
