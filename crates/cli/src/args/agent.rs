//! `agent` and `user`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::up::DataFolder;

/// Operate on this host's agent of a server elsewhere
#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    /// Join a server, with a token that was made there
    Join {
        /// The server's address, as https://backup.example.org:8420
        server_address: String,
        /// The token. Who looks at the list of processes sees it: where others use this host, leave it out and be asked for
        /// it, or use --join-token-file or BACKSTAY_JOIN_TOKEN
        #[arg(long, value_name = "TOKEN", conflicts_with = "join_token_file")]
        token: Option<String>,
        /// File that holds the token
        #[arg(long, value_name = "FILE")]
        join_token_file: Option<PathBuf>,
        /// The name of this host on the server [default: its host name]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        place: AgentFolder,
    },
    /// Execute the plans of the server that this host has joined
    Run {
        #[command(flatten)]
        place: AgentFolder,
        /// How many runs this host executes at once
        #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
        pool: u16,
    },
}

/// Where an agent keeps its identity, plans and journals.
#[derive(Debug, Clone, Args)]
pub(crate) struct AgentFolder {
    /// Folder of the agent's keys, plans and journals [env: BACKSTAY_DATA_DIR] [default: agent in your data folder]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// What this host lets its server do; it has to belong to root
    #[arg(long, value_name = "FILE", default_value = backstay_node::local_policy::DEFAULT_FILE)]
    pub(crate) policy: PathBuf,
}

/// Help somebody who cannot sign in, on the server's own host
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Make a link by which somebody chooses a new password
    ResetPassword {
        /// The e-mail address
        email: String,
        /// Where the server is found
        #[arg(long, value_name = "ADDRESS", default_value = "http://127.0.0.1:8420")]
        public_url: String,
        #[command(flatten)]
        data: DataFolder,
    },
}
