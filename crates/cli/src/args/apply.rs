//! `apply` and `export`.

use std::path::PathBuf;

use clap::Args;

/// Make a server's connections, sources, destinations, plans, notifiers and people as a file says
#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The file; `-` for standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only show what would change; ends with code 2 if something would
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Remove what the file does not have; people stay
    #[arg(long)]
    pub(crate) prune: bool,
    /// Send the secrets in the file again, which cannot be compared with the stored ones
    #[arg(long)]
    pub(crate) secrets: bool,
}

/// Write what a server has set up as a file for `apply`, without secrets
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The project [default: the only one]
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: Option<String>,
}
