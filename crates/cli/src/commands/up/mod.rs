//! `up`: the server and the node of this computer, in one process, until somebody ends it.

mod catalog;
mod data_folder;
pub(crate) mod keys;
mod log;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backstay_engine::repository::Environment;
use backstay_model::SecretText;
use backstay_node::local_policy::{LocalPolicy, Mode};
use backstay_node::{Identity, Node, NodeOptions};
use backstay_receiver::Settings as ReceiverSettings;
use backstay_server::access::password::PasswordCost;
use backstay_server::state::{Parts, ServerConfig, TlsChoice};
use backstay_server::{FirstRepository, Server};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::App;
use crate::args::{TlsMode, Up};
use crate::environment;
use crate::failure::{Explain, Failure, Outcome};
use crate::repository::identity;

pub(crate) use catalog::{has_catalog, open as open_catalog, runtime};
pub(crate) use data_folder::{DataFolder, lock, make as make_folder};
pub(crate) use log::start as start_log;

/// For how long work in hand may put itself in order when the process ends.
const PATIENCE: Duration = Duration::from_secs(30);
/// For how long a node keeps what its server has long taken over.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// Said once the server listens.
#[derive(Serialize)]
struct Listening<'a> {
    message_type: &'static str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    setup: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_sha256: Option<String>,
    data_dir: &'a str,
}

pub(super) fn run(app: &App, args: &Up) -> Outcome {
    log::start(app);
    runtime()?.block_on(serve(app, args))
}

async fn serve(app: &App, args: &Up) -> Outcome {
    // Asked for first: a signal that comes while things start is not lost.
    let explain = "cannot watch for signals";
    let mut terminate = signal(SignalKind::terminate()).explain(explain)?;
    let mut interrupt = signal(SignalKind::interrupt()).explain(explain)?;

    let folder = DataFolder::claim(&args.data)?;
    if let Some(receiver) = &args.receiver {
        data_folder::make(receiver)?;
    }
    let store = catalog::open(&args.data, &folder).await?;
    let vault = keys::vault(&args.data, &folder, &*app.random)?;
    let parts = Parts {
        store: store.clone(),
        vault: Arc::new(vault),
        clock: Arc::clone(&app.clock) as _,
        random: Arc::clone(&app.random) as _,
    };
    let server = Server::start(configuration(args, &folder), parts).await.map_err(|error| {
        let failure = Failure::fatal("the server cannot start").because(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    let node = if args.no_node { None } else { Some(start_node(app, args, &folder, &server).await?) };
    tell(app, &server, &folder).await?;
    app.console.flush()?;
    let first = async {
        if let Some(node) = &node {
            offer_repository(app, &server, node, &folder).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = first => {}
    }
    if let Some(node) = node {
        node.stop(PATIENCE).await;
    }
    server.stop(Duration::from_secs(5)).await;
    store.close().await;
    Ok(())
}

fn configuration(args: &Up, folder: &DataFolder) -> ServerConfig {
    let tls = match (args.shown.given(), args.tls) {
        (Some((certificates, key)), _) => TlsChoice::Given { certificates, key },
        (None, TlsMode::Auto) => TlsChoice::Automatic,
        (None, TlsMode::SelfSigned) => TlsChoice::SelfSigned,
        (None, TlsMode::Off) => TlsChoice::Off,
    };
    ServerConfig {
        listen: args.listen,
        data_dir: folder.path().to_owned(),
        public_url: args.public_url.clone(),
        tls,
        hosts: args.shown.host_names.clone(),
        trusted_proxies: args.trusted_proxies.clone(),
        password_cost: PasswordCost::default(),
        receiver: args.receiver.clone().map(ReceiverSettings::new),
    }
}

async fn start_node(app: &App, args: &Up, folder: &DataFolder, server: &Server) -> Outcome<Node> {
    let data_dir = folder.make("node")?;
    let name = environment::host_name();
    let name = if name.is_empty() { "this computer".to_owned() } else { name };
    let identity = Identity::open_or_make(&data_dir, &name, &*app.clock, &*app.random)
        .explain("the identity of this computer's node")?;
    server
        .adopt_node(identity.id, &name, identity.key.public().to_string())
        .await
        .explain("cannot make this computer's node known")?;
    let policy_file = Path::new(backstay_node::local_policy::DEFAULT_FILE);
    let options = NodeOptions {
        data_dir,
        name,
        pool: usize::from(args.pool),
        policy: LocalPolicy::without_file(Mode::Local, policy_file),
        environment: engine_environment(app),
        guarded: vec![folder.path().to_owned()],
        keep: KEEP,
    };
    Node::start(options, server.hub()).await.explain("this computer's node cannot start")
}

/// Who a node is to the repositories that it writes.
pub(super) fn engine_environment(app: &App) -> Environment {
    Environment {
        clock: Arc::clone(&app.clock) as _,
        random: Arc::clone(&app.random) as _,
        identity: identity(),
    }
}

/// Says where the server is and, as long as nobody has, how to set it up.
async fn tell(app: &App, server: &Server, folder: &DataFolder) -> Outcome {
    let setup = server.setup_link().await.explain("cannot make a set-up link")?;
    let fingerprint = server
        .fingerprint()
        .map(|bytes| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":"));
    let data_dir = folder.path().display().to_string();
    if app.console.is_json() {
        app.console.message(&Listening {
            message_type: "listening",
            url: server.url(),
            setup: setup.as_deref(),
            certificate_sha256: fingerprint,
            data_dir: &data_dir,
        });
        return Ok(());
    }
    app.console.print(format!("Backstay is at {}", server.url()));
    app.console.print(format!("data folder:  {data_dir}"));
    if let Some(fingerprint) = fingerprint {
        app.console.print(format!("certificate:  SHA-256 {fingerprint}"));
    }
    match setup {
        Some(link) => {
            app.console.print("\nNobody can sign in yet. Open this link, which works once and for 24 hours:");
            app.console.print(format!("\n  {link}\n"));
        }
        None => app.console.print("Press Ctrl-C to end."),
    }
    Ok(())
}

/// Has the server know the repository that the command line uses by default.
async fn offer_repository(app: &App, server: &Server, node: &Node, folder: &DataFolder) {
    match repository(app, folder) {
        Ok(Some(first)) => {
            // The node may have to be heard of first; a folder that is not there today may be there tomorrow.
            if let Err(error) = server.offer_repository(node.identity().id, first).await {
                app.console.complain(format!("the local repository cannot be used: {error}"));
            }
        }
        Ok(None) => {
            let place = folder.path().join("repository");
            app.console.complain(format!(
                "{} opens with a password that only you know, so it is not used here: write the password into {} and start again \
                 to use it",
                place.display(),
                folder.repository_key().display()
            ));
        }
        Err(failure) => app.console.complain(failure.to_string()),
    }
}

/// The default repository and what opens it; `None` when that has to be typed.
fn repository(app: &App, folder: &DataFolder) -> Outcome<Option<FirstRepository>> {
    let exists = folder.path().join("repository").join("config").exists();
    let password = match folder.repository_password()? {
        Some(password) => password,
        None if exists => return Ok(None),
        None => folder.make_repository_password(&*app.random)?,
    };
    Ok(Some(FirstRepository {
        folder: folder.path().to_owned(),
        name: "repository".to_owned(),
        password: SecretText::new(password.as_str()),
        exists,
    }))
}
