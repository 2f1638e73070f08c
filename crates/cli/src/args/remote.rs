//! What can be asked of a server: its records and what can be done with each.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::values::duration;

/// How much a line of a log matters at the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, ValueEnum)]
pub(crate) enum LogLevel {
    /// All lines, backtraces among them
    Debug,
    /// What was done
    #[default]
    Info,
    /// What somebody should look at
    Warning,
    /// What went wrong
    Error,
}

impl LogLevel {
    /// Whether a line of this level is shown; one that this program does not know is.
    pub(crate) fn shows(self, level: &str) -> bool {
        Self::from_str(level, false).map_or(true, |level| level >= self)
    }
}

/// What can be done with every kind of record.
#[derive(Debug, Subcommand)]
pub(crate) enum Records {
    /// List them
    List {
        /// Only those of this project
        #[arg(long, value_name = "PROJECT")]
        project: Option<String>,
    },
    /// Show one, by name, id or the start of an id
    Show {
        /// Which
        name: String,
    },
    /// Make one from a form in YAML or JSON
    Create {
        /// The form; `-` for standard input
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Replace one by a form in YAML or JSON
    Update {
        /// Which
        name: String,
        /// The form; `-` for standard input
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Remove one
    Delete {
        /// Which
        name: String,
    },
}

/// Projects: groups of plans, nodes and people
#[derive(Debug, Subcommand)]
pub(crate) enum Projects {
    #[command(flatten)]
    Records(Records),
    /// List who has a role in a project
    People {
        /// Which
        name: String,
    },
    /// Give somebody a role in a project
    Grant {
        /// Which project
        project: String,
        /// Whom, by e-mail address or id
        person: String,
        /// The role
        #[arg(value_enum)]
        role: Role,
    },
    /// Take somebody's role in a project
    Revoke {
        /// Which project
        project: String,
        /// Whose, by e-mail address or id
        person: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    Viewer,
    Operator,
    Admin,
    Owner,
}

/// Hosts that execute runs
#[derive(Debug, Subcommand)]
pub(crate) enum Nodes {
    /// List them
    List {
        /// Only those of this project
        #[arg(long, value_name = "PROJECT")]
        project: Option<String>,
    },
    /// Show one
    Show {
        /// Which
        name: String,
    },
    /// Make a token that lets a host join once
    Token {
        /// The project that it joins
        #[arg(long, value_name = "PROJECT")]
        project: Option<String>,
        /// Its name [default: its host name]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// A node that lost its keys, to join anew
        #[arg(long, value_name = "NODE")]
        rejoin: Option<String>,
        /// How long the token works
        #[arg(long, value_name = "DURATION", default_value = "1h")]
        expires_in: String,
    },
    /// Rename one
    Rename {
        /// Which
        name: String,
        /// The new name
        new: String,
    },
    /// Shut one out
    Revoke {
        /// Which
        name: String,
    },
    /// Remove one
    Delete {
        /// Which
        name: String,
    },
    /// List a folder of one
    Ls {
        /// Which
        name: String,
        /// The folder
        #[arg(default_value = "/")]
        path: String,
    },
}

/// Stored ways to reach services
#[derive(Debug, Subcommand)]
pub(crate) enum Connections {
    #[command(flatten)]
    Records(Records),
    /// Try to connect now
    Check {
        /// Which
        name: String,
    },
    /// Sign in to Google Drive: shows a code to enter in a browser, and waits until it was
    SignIn {
        /// The connection to sign in again for
        #[arg(required_unless_present = "file")]
        name: Option<String>,
        /// Make a new connection by this form in YAML or JSON instead: name, settings with client_id, client_secret and folder; `-` for
        /// standard input
        #[arg(short, long, value_name = "FILE", conflicts_with = "name")]
        file: Option<PathBuf>,
    },
}

/// Repositories at destinations
#[derive(Debug, Subcommand)]
pub(crate) enum Repositories {
    /// List them
    List {
        /// Only those of this project
        #[arg(long, value_name = "PROJECT")]
        project: Option<String>,
    },
    /// Take over a repository that exists, with its snapshots
    Adopt {
        /// The form in YAML or JSON: destination, node, path, password; `-` for standard input
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
    },
    /// List the snapshots in one
    Snapshots {
        /// Which, by id or the name of its destination
        name: String,
    },
    /// List a folder of a snapshot
    Ls {
        /// Which, by id or the name of its destination
        name: String,
        /// The snapshot, by id or `latest`
        snapshot: String,
        /// The folder
        #[arg(default_value = "/")]
        path: String,
    },
    /// Show the password that opens one
    RevealKey {
        /// Which, by id or the name of its destination
        name: String,
    },
    /// Restore a snapshot to a folder of a node
    Restore(Restore),
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The repository, by id or the name of its destination
    pub(crate) name: String,
    /// The snapshot, by id or `latest`
    pub(crate) snapshot: String,
    /// The folder to restore to; `/` is the original place
    #[arg(long, value_name = "FOLDER")]
    pub(crate) target: String,
    /// Only this path of the snapshot (can be specified multiple times)
    #[arg(long = "path", value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// What to do with files that are there
    #[arg(long, value_enum, default_value = "always")]
    pub(crate) overwrite: Overwrite,
    /// Remove what the snapshot does not have
    #[arg(long)]
    pub(crate) delete: bool,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The node that restores [default: the repository's own]
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Option<String>,
    #[command(flatten)]
    pub(crate) wait: Wait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Overwrite {
    Always,
    IfChanged,
    IfNewer,
    Never,
}

impl Overwrite {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::IfChanged => "if_changed",
            Self::IfNewer => "if_newer",
            Self::Never => "never",
        }
    }
}

/// Whether to wait for what was started.
#[derive(Debug, Clone, Args)]
pub(crate) struct Wait {
    /// Wait for the end, and fail unless all went well
    #[arg(long)]
    pub(crate) wait: bool,
    /// Wait for this long at most, as 2h
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "wait")]
    pub(crate) timeout: Option<Duration>,
}

/// What is backed up or copied where, when, and for how long it is kept
#[derive(Debug, Subcommand)]
pub(crate) enum Plans {
    #[command(flatten)]
    Records(Records),
    /// Run one now
    Run {
        /// Which
        name: String,
        /// What to do [default: what the plan is for]
        #[arg(long, value_enum)]
        kind: Option<Kind>,
        #[command(flatten)]
        wait: Wait,
    },
    /// Switch the schedule on
    Enable {
        /// Which
        name: String,
    },
    /// Switch the schedule off
    Disable {
        /// Which
        name: String,
    },
    /// Make a copy, switched off
    Clone {
        /// Which
        name: String,
        /// The name of the copy
        new: String,
    },
    /// Show when one runs next
    Next {
        /// Which
        name: String,
        /// How many times
        #[arg(long, default_value_t = 5)]
        count: u32,
    },
    /// Show which moments one can go back to, where it keeps what is written between backups
    Moments {
        /// Which
        name: String,
    },
    /// List the earlier versions of one
    Revisions {
        /// Which
        name: String,
    },
    /// Go back to an earlier version
    Revert {
        /// Which
        name: String,
        /// The version's number
        revision: i64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Backup,
    Copy,
    Verify,
    Prune,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Copy => "copy",
            Self::Verify => "verify",
            Self::Prune => "prune",
        }
    }
}

/// Executions of plans, and restores
#[derive(Debug, Subcommand)]
pub(crate) enum Runs {
    /// List them, the newest first
    List(RunFilter),
    /// Count them by how they ended
    Counts(RunFilter),
    /// Show one
    Show {
        /// Which, by id
        run: String,
    },
    /// Show the log of one
    Log {
        /// Which, by id
        run: String,
        /// Go on until it has ended
        #[arg(long)]
        follow: bool,
        /// The least level to show; backtraces are at debug
        #[arg(long, value_enum, default_value_t, value_name = "LEVEL")]
        level: LogLevel,
    },
    /// Stop after the file in hand; it keeps its place
    Pause {
        /// Which, by id
        run: String,
    },
    /// Go on with a paused one
    Resume {
        /// Which, by id
        run: String,
    },
    /// End one and clean up
    Cancel {
        /// Which, by id
        run: String,
    },
    /// Wait for the end, and fail unless all went well
    Wait {
        /// Which, by id
        #[arg(required = true)]
        runs: Vec<String>,
        /// Wait for this long at most, as 2h
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        timeout: Option<Duration>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RunFilter {
    /// Of this project
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: Option<String>,
    /// Of this plan
    #[arg(long, value_name = "PLAN")]
    pub(crate) plan: Option<String>,
    /// Of this source
    #[arg(long, value_name = "SOURCE")]
    pub(crate) source: Option<String>,
    /// Into this destination
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) destination: Option<String>,
    /// On this node
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Option<String>,
    /// Of this kind: backup, copy, restore, verify, prune
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// In this state (can be specified multiple times)
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Vec<String>,
    /// Begun at this moment or later, as 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Begun before this moment
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,
}

/// Who signs in for a command that no token may do. The password is asked for, read from --password-file, or taken from
/// BACKSTAY_ACCOUNT_PASSWORD.
#[derive(Debug, Clone, Args)]
pub(crate) struct SignIn {
    /// The e-mail address to sign in with [default: that of the token at hand; else asked for]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) email: Option<String>,
}

/// Operate on your API tokens on a server
///
/// A token may make no others, so you sign in for this: your password is asked for, read from --password-file, or taken from
/// BACKSTAY_ACCOUNT_PASSWORD.
#[derive(Debug, Args)]
pub(crate) struct Tokens {
    #[command(flatten)]
    pub(crate) person: SignIn,
    #[command(subcommand)]
    pub(crate) deed: TokenDeed,
}

/// Keys of yours for programs
#[derive(Debug, Subcommand)]
pub(crate) enum TokenDeed {
    /// List them
    List,
    /// Make one; it is shown once
    Create {
        /// What it is for
        name: String,
        /// The most it may do
        #[arg(long, value_enum, default_value = "operator")]
        role: Role,
        /// The one project it is for
        #[arg(long, value_name = "PROJECT")]
        project: Option<String>,
        /// When it stops working, as 2027-01-31T00:00:00Z
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// Take one back
    Delete {
        /// Which
        name: String,
    },
}

/// The record of who changed what
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List the newest entries
    List {
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// See whether any entry was changed or removed
    Verify,
}

/// Call the API itself
#[derive(Debug, Args)]
pub(crate) struct Api {
    /// GET, POST, PUT or DELETE
    pub(crate) method: String,
    /// The path, as /plans or /api/v1/plans
    pub(crate) path: String,
    /// The body in YAML or JSON; `-` for standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Write the answer to a file, as it is. What is no JSON goes to standard output otherwise
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Sign in with your password for this call, as what concerns your own account asks for. It is asked for, read from
    /// --password-file, or taken from BACKSTAY_ACCOUNT_PASSWORD
    #[arg(long)]
    pub(crate) sign_in: bool,
    #[command(flatten)]
    pub(crate) person: SignIn,
}

/// Sign in to a server, and keep a token for the commands that ask it
///
/// The password is asked for, read from --password-file, or taken from BACKSTAY_ACCOUNT_PASSWORD.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The server's address
    #[arg(default_value = "http://127.0.0.1:8420")]
    pub(crate) address: String,
    #[command(flatten)]
    pub(crate) sign_in: SignIn,
    /// The most that the commands may do
    #[arg(long, value_enum, default_value = "owner")]
    pub(crate) role: Role,
}

/// Take backups first, and run a command only when they are complete
#[derive(Debug, Args)]
pub(crate) struct Guard {
    /// The plan to run (can be specified multiple times)
    #[arg(long = "plan", value_name = "PLAN", required = true)]
    pub(crate) plans: Vec<String>,
    /// Wait for this long at most, as 2h
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Run the command also when some items could not be backed up
    #[arg(long)]
    pub(crate) allow_errors: bool,
    /// The command, after `--`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<std::ffi::OsString>,
}

impl Role {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}
