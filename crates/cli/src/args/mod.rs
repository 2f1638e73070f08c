//! The command line: what can be asked for, in restic's words where restic has the command.
//!
//! Only grammar lives here. Values that come from the environment are added in [`crate::settings`], so that
//! `BACKSTAY_*` can win over `RESTIC_*`.

mod agent;
mod apply;
mod archive;
mod backup;
mod benchmark;
mod cache;
mod check;
mod copy;
mod forget;
mod generate;
mod global;
mod inspect;
mod key;
mod listing;
mod prune;
mod receiver;
mod remote;
mod repair;
mod report;
mod restore;
mod rewrite;
mod select;
mod server;
mod service;
mod switches;
mod up;
mod values;
mod vault;

use clap::{CommandFactory, Parser, Subcommand};

pub(crate) use agent::{Agent, AgentFolder, User};
pub(crate) use apply::{Apply, Export};
pub(crate) use archive::{
    Archive, AtReceiver, ContainerFormat, ContentCompression, CreateArchive, DeleteArchives, Encryption,
    ExtractArchive, Identity, Keygen, ListArchives, SendArchives, VerifyArchives,
};
pub(crate) use backup::Backup;
pub(crate) use benchmark::Benchmark;
pub(crate) use cache::Cache;
pub(crate) use check::Check;
pub(crate) use copy::{Copy, Init, Secondary};
pub(crate) use forget::Forget;
pub(crate) use generate::Generate;
pub(crate) use global::{CompressionMode, Global};
pub(crate) use inspect::{ArchiveFormat, Cat, Diff, Dump, Find, List, Stats, StatsMode};
pub(crate) use key::{Key, NewKey};
pub(crate) use listing::{Ls, Snapshots, SortMode};
pub(crate) use prune::{Prune, PruneLimits};
pub(crate) use receiver::{
    AddReceiverClient, Receiver, ReceiverClient, ReceiverCommand, ReceiverFolder, ReceiverServe,
    ReceiverTlsMode,
};
pub(crate) use remote::Restore as RemoteRestore;
pub(crate) use remote::{
    Api, Audit, Connections, Guard, LogLevel, Login, Nodes, Plans, Projects, Records, Repositories,
    RunFilter, Runs, SignIn, TokenDeed, Tokens, Wait,
};
pub(crate) use repair::{Repair, RepairIndex, RepairPacks, RepairSnapshots};
pub(crate) use report::Report;
pub(crate) use restore::{OverwriteMode, Restore};
pub(crate) use rewrite::{Rewrite, Tag};
pub(crate) use select::{ExcludePatterns, IncludePatterns};
pub(crate) use server::Server;
pub(crate) use service::{Service, Unit};
pub(crate) use up::{DataFolder, TlsMode, Up};
pub(crate) use vault::{ChangeMaster, Vault};

/// Backup, proof and restore.
///
/// Backstay keeps encrypted, deduplicated backups in restic's repository format. Without a repository named it uses
/// one in your data folder and makes it when you run the first backup.
#[derive(Debug, Parser)]
#[command(
    name = "backstay",
    version,
    max_term_width = 110,
    subcommand_required = true,
    args_override_self = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Reads the command line of this process.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        Self::try_parse_from(switches::plain(std::env::args_os(), &Self::command()))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Operate on this host's agent of a server elsewhere
    #[command(subcommand)]
    Agent(Agent),
    /// Call the API of a server
    Api(Api),
    /// Make what a server has set up as a file says
    Apply(Apply),
    /// Make, list, verify, extract and delete plain archives
    #[command(subcommand)]
    Archive(Archive),
    /// See who changed what on a server
    #[command(subcommand)]
    Audit(Audit),
    /// Create a new backup of files and/or directories
    Backup(Box<Backup>),
    /// Measure how fast this machine cuts, hashes, compresses, encrypts and stores
    Benchmark(Benchmark),
    /// Operate on local cache directories
    Cache(Cache),
    /// Print internal objects to stdout
    Cat(Cat),
    /// Check the repository for errors
    Check(Check),
    /// Operate on a server's connections: stored ways to reach services
    #[command(subcommand)]
    Connections(Connections),
    /// Copy snapshots from one repository to another
    Copy(Copy),
    /// Operate on a server's destinations: where backups go
    #[command(subcommand)]
    Destinations(Records),
    /// Show differences between two snapshots
    Diff(Diff),
    /// Print backed-up files or folders to stdout
    Dump(Dump),
    /// Write what a server has set up as a file for `apply`
    Export(Export),
    /// Find a file, a directory or repository IDs
    Find(Find),
    /// Remove snapshots from the repository
    Forget(Box<Forget>),
    /// Generate manual pages and auto-completion files
    Generate(Generate),
    /// Take a backup first, and run a command only when it is complete
    Guard(Guard),
    /// Initialize a new repository
    Init(Init),
    /// Manage keys (passwords)
    #[command(subcommand)]
    Key(Key),
    /// List objects in the repository
    List(List),
    /// Sign in to a server
    Login(Login),
    /// Forget the token for a server
    Logout,
    /// List files in a snapshot
    Ls(Ls),
    /// Operate on a server's nodes: hosts that execute runs
    #[command(subcommand)]
    Nodes(Nodes),
    /// Operate on a server's notifiers: who is told when something goes wrong
    #[command(subcommand)]
    Notifiers(Records),
    /// Operate on the people of a server
    #[command(subcommand)]
    People(Records),
    /// Operate on a server's plans: what is backed up where and when
    #[command(subcommand)]
    Plans(Plans),
    /// Operate on a server's projects
    #[command(subcommand)]
    Projects(Projects),
    /// Remove unneeded data from the repository
    Prune(Prune),
    /// Take archives and repositories of other hosts in
    Receiver(Box<Receiver>),
    /// Recover data from the repository not referenced by snapshots
    Recover,
    /// Repair the repository
    #[command(subcommand)]
    Repair(Repair),
    /// Build a new index (now called `repair index`)
    #[command(hide = true)]
    RebuildIndex(RepairIndex),
    /// See what a server's plans did over some days
    Report(Report),
    /// Operate on the repositories that a server knows
    #[command(subcommand)]
    Repositories(Repositories),
    /// Extract the data from a snapshot
    Restore(Box<Restore>),
    /// Rewrite snapshots to exclude files or change metadata
    Rewrite(Box<Rewrite>),
    /// Operate on a server's runs: executions of plans, and restores
    #[command(subcommand)]
    Runs(Runs),
    /// List all snapshots
    Snapshots(Snapshots),
    /// Operate on the systemd service that keeps Backstay running
    #[command(subcommand)]
    Service(Service),
    /// Operate on a server's sources: what is backed up
    #[command(subcommand)]
    Sources(Records),
    /// Scan the repository and show basic statistics
    Stats(Stats),
    /// Modify tags on snapshots
    Tag(Tag),
    /// Operate on your API tokens on a server
    Tokens(Tokens),
    /// Remove locks other processes created
    Unlock {
        /// Remove all locks, even those of programs that still run
        #[arg(long)]
        remove_all: bool,
    },
    /// Start the server and a node for this computer
    Up(Box<Up>),
    /// Help somebody who cannot sign in, on the server's own host
    #[command(subcommand)]
    User(User),
    /// Operate on the keys that a server seals secrets with
    #[command(subcommand)]
    Vault(Vault),
    /// Print version information
    Version,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_grammar_is_sound() {
        super::Cli::command().debug_assert();
    }
}
