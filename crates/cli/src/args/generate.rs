//! `generate`.

use std::path::PathBuf;

use clap::Args;

/// Writes man pages and auto-completion files for shells.
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// Write a bash completion file (`-` for stdout)
    #[arg(long, value_name = "FILE")]
    pub(crate) bash_completion: Option<PathBuf>,
    /// Write a fish completion file (`-` for stdout)
    #[arg(long, value_name = "FILE")]
    pub(crate) fish_completion: Option<PathBuf>,
    /// Write a zsh completion file (`-` for stdout)
    #[arg(long, value_name = "FILE")]
    pub(crate) zsh_completion: Option<PathBuf>,
    /// Write a powershell completion file (`-` for stdout)
    #[arg(long, value_name = "FILE")]
    pub(crate) powershell_completion: Option<PathBuf>,
    /// Write man pages to a directory
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) man: Option<PathBuf>,
}
