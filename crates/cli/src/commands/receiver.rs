//! `receiver`: runs one until somebody ends it, and manages its clients.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use backstay_core::Clock;
use backstay_receiver::{Client, Clients, ClientsError, NewClient, Retention, Settings, state_folder};
use backstay_server::{ReceiverConfig, ReceiverServer, ReceiverTls};
use jiff::Timestamp;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::up::{make_folder, runtime, start_log};
use crate::app::App;
use crate::args::{
    AddReceiverClient, Receiver, ReceiverClient, ReceiverCommand, ReceiverFolder, ReceiverServe,
    ReceiverTlsMode,
};
use crate::environment::{self, variable};
use crate::failure::{Explain, Failure, Outcome};
use crate::format;
use crate::table::Table;

/// For how long what is coming in may put itself in order when the process ends.
const PATIENCE: Duration = Duration::from_secs(30);

/// Said once it listens.
#[derive(Serialize)]
struct Listening<'a> {
    message_type: &'static str,
    url: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authority_sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authority: Option<String>,
    clients: usize,
}

/// Said of a client that was made.
#[derive(Serialize)]
struct Added<'a> {
    message_type: &'static str,
    name: &'a str,
    folder: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

/// A client as it is listed: without what it is known by.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    folder: &'a str,
    token: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<u64>,
    append_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    #[serde(skip_serializing_if = "Retention::is_nothing")]
    retention: &'a Retention,
    created: Timestamp,
}

pub(super) fn run(app: &App, args: &Receiver) -> Outcome {
    match &args.command {
        None => {
            start_log(app);
            runtime()?.block_on(serve(app, &args.serve))
        }
        Some(ReceiverCommand::Client(ReceiverClient::Add(args))) => add(app, args),
        Some(ReceiverCommand::Client(ReceiverClient::List { folder })) => list(app, folder),
        Some(ReceiverCommand::Client(ReceiverClient::Renew { name, folder })) => {
            let (client, token) = clients(folder)?.renew_token(name, &*app.random).map_err(refused)?;
            show(app, &client, Some(&token));
            Ok(())
        }
        Some(ReceiverCommand::Client(ReceiverClient::Remove { name, folder })) => {
            clients(folder)?.remove(name).map_err(refused)?;
            app.console.say(format!("{name} is turned away from now on; what it has stored stays"));
            Ok(())
        }
    }
}

async fn serve(app: &App, args: &ReceiverServe) -> Outcome {
    // Asked for first: a signal that comes while things start is not lost.
    let explain = "cannot watch for signals";
    let mut terminate = signal(SignalKind::terminate()).explain(explain)?;
    let mut interrupt = signal(SignalKind::interrupt()).explain(explain)?;

    let folder = path(&args.folder)?;
    let config = configuration(args, folder.clone());
    let server =
        ReceiverServer::start(config, Arc::clone(&app.clock) as _, Arc::clone(&app.random) as _).await;
    let server = server.map_err(|error| {
        let failure = Failure::fatal("the receiver cannot start").because(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    let known = Clients::new(&state_folder(&folder).explain("cannot use the receiver's folder")?);
    let known = known.all().map_err(refused)?.len();
    tell(app, args, &server, &folder.display().to_string(), known);
    app.console.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    server.stop(PATIENCE).await;
    Ok(())
}

fn configuration(args: &ReceiverServe, folder: PathBuf) -> ReceiverConfig {
    let tls = match (args.shown.given(), args.tls) {
        (Some((certificates, key)), _) => ReceiverTls::Given { certificates, key },
        (None, ReceiverTlsMode::Own) => ReceiverTls::Own,
        (None, ReceiverTlsMode::Off) => ReceiverTls::Off,
    };
    ReceiverConfig {
        listen: args.listen,
        settings: Settings {
            min_free: args.min_free,
            upload_lifetime: args.keep_uploads,
            max_uploads: usize::from(args.max_uploads),
            append_only: args.append_only,
            ..Settings::new(folder)
        },
        tls,
        client_authorities: args.client_ca.clone(),
        names: names(args),
    }
}

/// What clients may call it: the certificate is for these names.
fn names(args: &ReceiverServe) -> Vec<String> {
    let mut names = args.shown.host_names.clone();
    if names.is_empty() {
        names.extend(Some(environment::host_name()).filter(|name| !name.is_empty()));
    }
    if !args.listen.ip().is_unspecified() {
        names.push(args.listen.ip().to_string());
    }
    names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.to_lowercase()));
    names
}

fn tell(app: &App, args: &ReceiverServe, server: &ReceiverServer, path: &str, clients: usize) {
    let scheme = if server.is_encrypted() { "https" } else { "http" };
    let address = server.address();
    let url = match (args.shown.host_names.first(), address.ip().is_unspecified()) {
        (Some(name), _) => format!("{scheme}://{name}:{}", address.port()),
        (None, true) => format!("{scheme}://{}:{}", environment::host_name(), address.port()),
        (None, false) => format!("{scheme}://{address}"),
    };
    let fingerprint = server
        .fingerprint()
        .map(|bytes| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":"));
    let authority = server.authority().map(|path| path.display().to_string());
    if app.console.is_json() {
        app.console.message(&Listening {
            message_type: "listening",
            url: &url,
            path,
            authority_sha256: fingerprint.as_deref(),
            authority,
            clients,
        });
        return;
    }
    app.console.print(format!("The receiver is at {url}"));
    app.console.print(format!("folder:       {path}"));
    if let Some(fingerprint) = fingerprint {
        let what = if authority.is_some() { "authority:   " } else { "certificate: " };
        app.console.print(format!("{what} SHA-256 {fingerprint}"));
    }
    if let Some(authority) = authority {
        app.console.print(format!("its file:     {authority} (give it to clients, as --cacert)"));
    }
    match clients {
        0 => app.console.print("No client is let in yet: `backstay receiver client add NAME` makes one."),
        number => app.console.print(format!("clients:      {number}. Press Ctrl-C to end.")),
    }
}

fn add(app: &App, args: &AddReceiverClient) -> Outcome {
    let now = now(app);
    let expires = args.expires_in.map(|time| {
        let time = jiff::SignedDuration::try_from(time).unwrap_or(jiff::SignedDuration::MAX);
        now.saturating_add(time).unwrap_or(Timestamp::MAX)
    });
    let new = NewClient {
        name: args.name.clone(),
        folder: args.folder.clone(),
        certificate_sha256: args.certificate.clone(),
        without_token: args.no_token,
        quota: args.quota,
        append_only: args.append_only,
        expires,
        retention: Retention {
            keep_at_least: args.keep_at_least,
            max_age_days: args.keep_days,
            max_count: args.keep_count,
            max_bytes: args.keep_space,
        },
    };
    let (client, token) = clients(&args.place)?.add(new, now, &*app.random).map_err(refused)?;
    show(app, &client, token.as_deref());
    Ok(())
}

/// Tells of a client that may come in from now on, and with which token.
fn show(app: &App, client: &Client, token: Option<&str>) {
    let Client { name, folder, .. } = client;
    if app.console.is_json() {
        app.console.message(&Added { message_type: "receiver_client", name, folder, token });
        return;
    }
    match token {
        Some(token) => {
            app.console.say(format!(
                "{name} may come in, with this token. It is shown this once, and kept nowhere here:"
            ));
            app.console.print(token);
        }
        None => app.console.say(format!("{name} may come in, with its certificate")),
    }
}

fn list(app: &App, folder: &ReceiverFolder) -> Outcome {
    let clients = clients(folder)?.all().map_err(refused)?;
    if app.console.is_json() {
        let listed: Vec<_> = clients.iter().map(|client| listed(client)).collect();
        app.console.message(&listed);
        return Ok(());
    }
    if clients.is_empty() {
        app.console.say("No client is let in.");
        return Ok(());
    }
    let mut table = Table::new(&["Name", "Folder", "Shows", "Quota", "May", "Until"]);
    for client in clients.iter() {
        let shows = match (&client.token_sha256, &client.certificate_sha256) {
            (Some(_), Some(_)) => "token and certificate",
            (Some(_), None) => "token",
            (None, Some(_)) => "certificate",
            (None, None) => "nothing: it cannot come in",
        };
        table.row(vec![
            client.name.clone(),
            client.folder.clone(),
            shows.to_owned(),
            client.quota.map(format::bytes).unwrap_or_default(),
            if client.append_only { "add" } else { "add, remove" }.to_owned(),
            client.expires.map(|expires| expires.to_string()).unwrap_or_default(),
        ]);
    }
    app.console.print(table.draw());
    Ok(())
}

fn listed(client: &Client) -> Listed<'_> {
    Listed {
        name: &client.name,
        folder: &client.folder,
        token: client.token_sha256.is_some(),
        certificate_sha256: client.certificate_sha256.as_deref(),
        quota: client.quota,
        append_only: client.append_only,
        expires: client.expires,
        retention: &client.retention,
        created: client.created,
    }
}

fn clients(folder: &ReceiverFolder) -> Outcome<Clients> {
    let folder = path(folder)?;
    let state = state_folder(&folder).map_err(|error| {
        let hint = error.hint();
        Failure::fatal("the clients cannot be reached").because(&error).hint(hint)
    })?;
    Ok(Clients::new(&state))
}

/// The receiver's folder, made if it is not there.
fn path(args: &ReceiverFolder) -> Outcome<PathBuf> {
    let named = args.path.clone().or_else(|| variable("RECEIVER_PATH").map(PathBuf::from));
    let path = named.or_else(|| environment::data_folder().map(|folder| folder.join("receiver")));
    let path = path.ok_or_else(|| {
        Failure::fatal("there is no home folder to keep files in").hint("name a folder with --path")
    })?;
    let path = std::path::absolute(&path).explain(format!("cannot use the folder {}", path.display()))?;
    make_folder(&path)?;
    Ok(path)
}

fn refused(error: ClientsError) -> Failure {
    let failure = Failure::fatal(&error);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn now(app: &App) -> Timestamp {
    let now = app.clock.now();
    Timestamp::new(now.seconds, i32::try_from(now.nanos).unwrap_or(0)).unwrap_or(Timestamp::UNIX_EPOCH)
}
