//! The commands, one in each file.

mod agent;
mod apply;
mod archive;
mod backup;
mod benchmark;
mod cache;
mod cat;
mod check;
mod copy;
mod diff;
mod dump;
mod find;
mod forget;
mod generate;
mod init;
mod key;
mod list;
mod ls;
mod prune;
mod receiver;
mod recover;
mod remote;
mod repair;
mod restore;
mod rewrite;
mod service;
mod snapshots;
mod stats;
mod tag;
mod unlock;
mod up;
mod user;
mod vault;
mod version;

use crate::app::App;
use crate::args::Command;
use crate::failure::Outcome;

pub(crate) use backup::Discard;
pub(crate) use cache::{OLD as OLD_CACHE, clean_up as clean_up_cache};

/// Runs a command.
pub(crate) fn run(app: &App, command: Command) -> Outcome {
    match command {
        Command::Agent(args) => agent::run(app, &args),
        Command::Api(args) => remote::api(app, &args),
        Command::Apply(args) => apply::apply(app, &args),
        Command::Archive(args) => archive::run(app, &args),
        Command::Audit(args) => remote::audit(app, &args),
        Command::Backup(args) => backup::run(app, &args),
        Command::Benchmark(args) => benchmark::run(app, &args),
        Command::Cache(args) => cache::run(app, &args),
        Command::Cat(args) => cat::run(app, &args),
        Command::Check(args) => check::run(app, &args),
        Command::Connections(args) => remote::connections(app, &args),
        Command::Copy(args) => copy::run(app, &args),
        Command::Destinations(args) => remote::records(app, &remote::DESTINATIONS, &args),
        Command::Diff(args) => diff::run(app, &args),
        Command::Dump(args) => dump::run(app, &args),
        Command::Export(args) => apply::export(app, &args),
        Command::Find(args) => find::run(app, &args),
        Command::Forget(args) => forget::run(app, &args),
        Command::Generate(args) => generate::run(app, &args),
        Command::Guard(args) => remote::guard(app, &args),
        Command::Init(args) => init::run(app, &args),
        Command::Key(key) => key::run(app, &key),
        Command::List(args) => list::run(app, &args),
        Command::Login(args) => remote::login(app, &args),
        Command::Logout => remote::logout(app),
        Command::Ls(args) => ls::run(app, &args),
        Command::Nodes(args) => remote::nodes(app, &args),
        Command::Notifiers(args) => remote::records(app, &remote::NOTIFIERS, &args),
        Command::People(args) => remote::records(app, &remote::PEOPLE, &args),
        Command::Plans(args) => remote::plans(app, &args),
        Command::Projects(args) => remote::projects(app, &args),
        Command::Prune(args) => prune::run(app, &args),
        Command::Receiver(args) => receiver::run(app, &args),
        Command::Recover => recover::run(app),
        Command::Repair(repair) => repair::run(app, &repair),
        Command::RebuildIndex(args) => repair::index(app, &args),
        Command::Report(args) => remote::report(app, &args),
        Command::Repositories(args) => remote::repositories(app, &args),
        Command::Restore(args) => restore::run(app, &args),
        Command::Rewrite(args) => rewrite::run(app, &args),
        Command::Runs(args) => remote::runs(app, &args),
        Command::Service(args) => service::run(app, &args),
        Command::Snapshots(args) => snapshots::run(app, &args),
        Command::Sources(args) => remote::records(app, &remote::SOURCES, &args),
        Command::Stats(args) => stats::run(app, &args),
        Command::Tag(args) => tag::run(app, &args),
        Command::Tokens(args) => remote::tokens(app, &args),
        Command::Unlock { remove_all } => unlock::run(app, remove_all),
        Command::Up(args) => up::run(app, &args),
        Command::User(args) => user::run(app, &args),
        Command::Vault(args) => vault::run(app, &args),
        Command::Version => version::run(app),
    }
}
