//! `init` and `copy`, the two commands that know a second repository.

use std::path::PathBuf;

use clap::Args;

use super::select::SnapshotChoice;

/// The repository that is read from.
#[derive(Debug, Clone, Args)]
pub(crate) struct Secondary {
    /// Source repository [env: *_FROM_REPOSITORY]
    #[arg(long, value_name = "REPOSITORY")]
    pub(crate) from_repo: Option<String>,
    /// File to read the source repository location from [env: *_FROM_REPOSITORY_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) from_repository_file: Option<PathBuf>,
    /// File to read the source repository password from [env: *_FROM_PASSWORD_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) from_password_file: Option<PathBuf>,
    /// Command to obtain the source repository password from [env: *_FROM_PASSWORD_COMMAND]
    #[arg(long, value_name = "COMMAND")]
    pub(crate) from_password_command: Option<String>,
    /// ID of the key of the source repository to try first [env: *_FROM_KEY_HINT]
    #[arg(long, value_name = "KEY")]
    pub(crate) from_key_hint: Option<String>,
    /// Use an empty password for the source repository (insecure)
    #[arg(long)]
    pub(crate) from_insecure_no_password: bool,
}

/// Initializes a new repository.
#[derive(Debug, Args)]
pub(crate) struct Init {
    #[command(flatten)]
    pub(crate) from: Secondary,
    /// Cut files as the source repository does, so that copies between the two share data
    #[arg(long)]
    pub(crate) copy_chunker_params: bool,
    /// Repository format version, 'latest' or 'stable'
    #[arg(long, value_name = "VERSION", default_value = "stable")]
    pub(crate) repository_version: String,
}

/// Copies one or more snapshots from one repository to another.
///
/// Files are not cut anew: data shares space with what is already in the destination only if both repositories
/// have the same chunker parameters (see `init --copy-chunker-params`).
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// Snapshots to copy (default: all that the filters choose)
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshots: Vec<String>,
    #[command(flatten)]
    pub(crate) from: Secondary,
    #[command(flatten)]
    pub(crate) choice: SnapshotChoice,
}
