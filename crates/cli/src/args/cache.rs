//! `cache`.

use clap::Args;

/// Lists and cleans local cache directories.
#[derive(Debug, Args)]
pub(crate) struct Cache {
    /// Remove old cache directories
    #[arg(long)]
    pub(crate) cleanup: bool,
    /// Age in days from which cache directories are old
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub(crate) max_age: u32,
    /// Do not output the size of the cache directories
    #[arg(long)]
    pub(crate) no_size: bool,
}
