//! `key` and its parts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Manages the passwords that open a repository; each has a key of its own.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// List keys (passwords)
    List,
    /// Add a new key (password) to the repository
    Add(NewKey),
    /// Remove a key (password) from the repository
    Remove {
        /// Key to remove; not the one in use
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Change the password: create a new key and remove the one in use
    Passwd(NewKey),
}

/// What a new key is made of.
#[derive(Debug, Args)]
pub(crate) struct NewKey {
    /// File from which to read the new password
    #[arg(long, value_name = "FILE")]
    pub(crate) new_password_file: Option<PathBuf>,
    /// Use an empty password (insecure)
    #[arg(long, conflicts_with = "new_password_file")]
    pub(crate) new_insecure_no_password: bool,
    /// The username for the new key
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The hostname for the new key
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,
}
