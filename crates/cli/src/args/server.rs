//! Which server is meant, for commands that ask one.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Server options")]
pub(crate) struct Server {
    /// Server that commands about plans, runs, nodes and people ask [env: BACKSTAY_SERVER]
    /// [default: the one signed in to, or http://127.0.0.1:8420]
    #[arg(long = "server", global = true, value_name = "ADDRESS")]
    pub(crate) url: Option<String>,
    /// File with the API token for it [env: BACKSTAY_TOKEN_FILE; BACKSTAY_TOKEN holds the token itself]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// SHA-256 of its certificate, where no authority vouches for it, as `backstay up` prints it
    #[arg(long = "server-fingerprint", global = true, value_name = "DIGITS")]
    pub(crate) fingerprint: Option<String>,
}
