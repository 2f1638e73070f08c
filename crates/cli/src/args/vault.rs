//! `vault`: the keys that a server seals secrets with.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::DataFolder;

/// The keys that a server seals secrets with
#[derive(Debug, Subcommand)]
pub(crate) enum Vault {
    /// List the keys, and how much is sealed with each
    Keys,
    /// Make a new key and seal every stored secret anew
    Rotate,
    /// Seal the keys with another master key, on the server's own host while the server is down
    ChangeMaster(ChangeMaster),
}

#[derive(Debug, Args)]
pub(crate) struct ChangeMaster {
    #[command(flatten)]
    pub(crate) new: NewMaster,
    #[command(flatten)]
    pub(crate) data: DataFolder,
}

/// Where the new master key comes from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct NewMaster {
    /// File of the new master key; made when it is missing
    #[arg(long = "new-master-key-file", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Take the new passphrase from BACKSTAY_NEW_MASTER_PASSPHRASE
    #[arg(long = "new-passphrase-from-env")]
    pub(crate) passphrase: bool,
}
