//! Flags that choose snapshots and paths.

use std::path::PathBuf;

use backstay_policy::{SnapshotFilter, TagList};
use clap::Args;

/// Which snapshots a command is about.
#[derive(Debug, Clone, Args)]
pub(crate) struct SnapshotChoice {
    /// Only consider snapshots of this host (can be specified multiple times; empty unsets the default) [env: *_HOST]
    #[arg(short = 'H', long = "host", value_name = "HOST", allow_hyphen_values = true)]
    pub(crate) hosts: Option<Vec<String>>,
    /// Only consider snapshots with all these tags (can be specified multiple times)
    #[arg(long = "tag", value_name = "TAG[,TAG,...]", allow_hyphen_values = true)]
    pub(crate) tags: Vec<TagList>,
    /// Only consider snapshots including this absolute path (can be specified multiple times, all must be included)
    #[arg(long = "path", value_name = "PATH", allow_hyphen_values = true)]
    pub(crate) paths: Vec<String>,
}

impl SnapshotChoice {
    /// The filter it stands for, with the host of the environment unless the flag was given.
    pub(crate) fn filter(&self) -> SnapshotFilter {
        filter(self.hosts.as_ref(), &self.tags, &self.paths)
    }
}

/// Puts a filter together; `--host ""` means any host.
pub(super) fn filter(hosts: Option<&Vec<String>>, tags: &[TagList], paths: &[String]) -> SnapshotFilter {
    let mut hosts = match hosts {
        Some(hosts) => hosts.clone(),
        None => crate::environment::variable("HOST").into_iter().collect(),
    };
    if hosts == [""] {
        hosts.clear();
    }
    SnapshotFilter { hosts, tags: tags.to_vec(), paths: paths.to_vec() }
}

/// Patterns of what to leave out.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExcludePatterns {
    /// Exclude a pattern (can be specified multiple times)
    #[arg(short, long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub(crate) exclude: Vec<String>,
    /// Like --exclude, ignoring the casing of filenames
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub(crate) iexclude: Vec<String>,
    /// Read exclude patterns from a file (can be specified multiple times)
    #[arg(long, value_name = "FILE")]
    pub(crate) exclude_file: Vec<PathBuf>,
    /// Like --exclude-file, ignoring the casing of filenames
    #[arg(long, value_name = "FILE")]
    pub(crate) iexclude_file: Vec<PathBuf>,
}

/// Patterns of what alone to take.
#[derive(Debug, Clone, Args)]
pub(crate) struct IncludePatterns {
    /// Include a pattern (can be specified multiple times)
    #[arg(short, long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub(crate) include: Vec<String>,
    /// Like --include, ignoring the casing of filenames
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub(crate) iinclude: Vec<String>,
    /// Read include patterns from a file (can be specified multiple times)
    #[arg(long, value_name = "FILE")]
    pub(crate) include_file: Vec<PathBuf>,
    /// Like --include-file, ignoring the casing of filenames
    #[arg(long, value_name = "FILE")]
    pub(crate) iinclude_file: Vec<PathBuf>,
}
