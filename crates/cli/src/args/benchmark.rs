//! `benchmark`.

use std::path::PathBuf;

use clap::Args;

use super::values::size;

/// Measures each step of a backup by itself on this machine, on one core and on all.
#[derive(Debug, Args)]
pub(crate) struct Benchmark {
    /// Data to work on
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "256M")]
    pub(crate) size: u64,
    /// Folder to measure storing in (default: the temporary folder)
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) folder: Option<PathBuf>,
}
