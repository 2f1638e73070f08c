//! `agent`: this host executes the plans of a server elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backstay_node::agent::{Https, JoinError, join};
use backstay_node::local_policy::{LocalPolicy, Mode};
use backstay_node::{Node, NodeOptions};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use super::up;
use crate::app::App;
use crate::args::{Agent, AgentFolder};
use crate::environment::{data_folder, host_name, variable};
use crate::failure::{Explain, Failure, Outcome};
use crate::password;

/// For how long work in hand may put itself in order when the process ends.
const PATIENCE: Duration = Duration::from_secs(30);
/// For how long an agent keeps what its server may not have heard of.
const KEEP: Duration = Duration::from_secs(90 * 24 * 3600);

/// Said once this host has joined.
#[derive(Serialize)]
struct Joined<'a> {
    message_type: &'static str,
    node: String,
    name: &'a str,
    server: &'a str,
}

pub(super) fn run(app: &App, args: &Agent) -> Outcome {
    match args {
        Agent::Join { server_address, token, join_token_file, name, place } => {
            let token = match (token, join_token_file) {
                (Some(token), _) => Zeroizing::new(token.clone()),
                (None, Some(file)) => password::from_file(file)?,
                (None, None) => match variable("JOIN_TOKEN") {
                    Some(token) => Zeroizing::new(token),
                    None => password::ask("token: ")?,
                },
            };
            enrol(app, server_address, &token, name.as_deref(), place)
        }
        Agent::Run { place, pool } => {
            up::start_log(app);
            up::runtime()?.block_on(execute(app, place, usize::from(*pool)))
        }
    }
}

fn enrol(app: &App, server: &str, token: &str, name: Option<&str>, place: &AgentFolder) -> Outcome {
    let folder = folder(place)?;
    let host = host_name();
    let name = name.unwrap_or(if host.is_empty() { "agent" } else { &host });
    let joining = join(server, token, &folder, name, &*app.clock, &*app.random);
    let joined = up::runtime()?.block_on(joining).map_err(|error: JoinError| {
        let failure = Failure::fatal("this host has not joined").because(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    if app.console.is_json() {
        app.console.message(&Joined {
            message_type: "joined",
            node: joined.node.to_string(),
            name: &joined.name,
            server: &joined.server,
        });
        return Ok(());
    }
    app.console.say(format!("joined {} as {}", joined.server, joined.name));
    app.console
        .say("Start it with `backstay agent run`, or with the machine: `backstay service install --agent`.");
    if !place.policy.exists() {
        let file = place.policy.display();
        app.console.say(format!(
            "Its server may read all files of this host for backups, write nothing, and run nothing. To allow more or less, \
             write {file}."
        ));
    }
    Ok(())
}

async fn execute(app: &App, place: &AgentFolder, pool: usize) -> Outcome {
    let explain = "cannot watch for signals";
    let mut terminate = signal(SignalKind::terminate()).explain(explain)?;
    let mut interrupt = signal(SignalKind::interrupt()).explain(explain)?;
    let folder = folder(place)?;
    let _lock = up::lock(&folder)?;
    let uplink = Https::open(&folder).map_err(|error| {
        let hint = error.hint().to_owned();
        Failure::fatal("this host's agent cannot start").because(&error).hint(hint)
    })?;
    let policy = policy(&place.policy)?;
    let options = NodeOptions {
        data_dir: folder,
        name: host_name(),
        pool,
        policy,
        environment: up::engine_environment(app),
        guarded: Vec::new(),
        keep: KEEP,
    };
    let server = uplink.server();
    let node = Node::start(options, Arc::new(uplink)).await.explain("this host's agent cannot start")?;
    app.console.say(format!("agent {} of {server} is at work", node.identity().name));
    app.console.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    node.stop(PATIENCE).await;
    Ok(())
}

fn policy(file: &Path) -> Outcome<LocalPolicy> {
    LocalPolicy::load(file, Mode::Agent)
        .explain("the policy of this host cannot be used, and nothing is done without it")
}

fn folder(place: &AgentFolder) -> Outcome<PathBuf> {
    if let Some(folder) = place.data_dir.clone().or_else(|| variable("DATA_DIR").map(PathBuf::from)) {
        return std::path::absolute(&folder).explain(format!("cannot use the folder {}", folder.display()));
    }
    let data = data_folder().ok_or_else(|| {
        Failure::fatal("there is no home folder to keep data in").hint("name a folder with --data-dir")
    })?;
    Ok(data.join("agent"))
}
