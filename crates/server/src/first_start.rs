//! What a server has from its first start on: a repository on its own disk, so that a plan has somewhere to go at once.

use std::path::PathBuf;
use std::time::Duration;

use backstay_model::command::{Answer, Ask};
use backstay_model::connection::LocalSettings;
use backstay_model::link::OpenSecrets;
use backstay_model::secret::HoldsSecrets;
use backstay_model::{
    Connection, ConnectionId, ConnectionSettings, ConnectionStatus, Destination, DestinationId, Health,
    Holds, Layout, NodeId, Repository, RepositoryId, SecretText,
};
use backstay_node::seals;
use backstay_vault::NodePublicKey;

use crate::audit::Deed;
use crate::problem::Problem;
use crate::state::AppState;
use crate::{secrets, settings};

const DONE: &str = "first_repository";
const PATIENCE: Duration = Duration::from_secs(30);

/// A repository on the disk of the server's own host.
#[derive(Debug, Clone)]
pub struct FirstRepository {
    /// The folder that holds it.
    pub folder: PathBuf,
    /// Its name in there.
    pub name: String,
    /// What opens it.
    pub password: SecretText,
    /// Whether it is there already, with snapshots that the program has taken before.
    pub exists: bool,
}

/// Makes it known, once; whoever removes it later is not given it again. False when that was done before.
pub(crate) async fn make_known(
    state: &AppState,
    node: NodeId,
    first: FirstRepository,
) -> Result<bool, Problem> {
    if settings::read::<bool>(state, DONE).await? == Some(true) {
        return Ok(false);
    }
    let node = state.store.node(node).await?.ok_or_else(|| Problem::not_found("node"))?;
    let path = first.folder.to_str().ok_or_else(|| Problem::internal("the data folder's name is no text"))?;
    let local = ConnectionSettings::Local(LocalSettings { path: path.to_owned() });
    local.validate()?;
    let key: NodePublicKey = node.public_key.parse()?;
    let nothing = seals::seal(&key, &seals::of_probe(node.id), &OpenSecrets::new(), &*state.random);
    let probe = Ask::Probe { settings: local.clone(), secrets: nothing.map_err(Problem::internal)? };
    if let Answer::Probed { health: Health::Failing, reason } =
        state.hub.ask(node.id, "server", probe, PATIENCE).await?
    {
        return Err(Problem::unavailable(
            reason.unwrap_or_else(|| "the data folder cannot be used".to_owned()),
        ));
    }
    let now = state.now();
    let connection = Connection {
        id: ConnectionId::new(&*state.clock, &*state.random),
        project: node.project,
        name: "This computer".to_owned(),
        node: node.id,
        settings: local,
        status: ConnectionStatus { health: Health::Valid, checked: Some(now), reason: None },
        created: now,
        changed: now,
        revision: 1,
    };
    let destination = Destination {
        id: DestinationId::new(&*state.clock, &*state.random),
        project: node.project,
        name: "Local repository".to_owned(),
        connection: connection.id,
        path: first.name,
        // One repository at the top, where the command line looks for its own.
        layout: Layout::Shared,
        holds: Holds::Repository,
        created: now,
        changed: now,
        revision: 1,
    };
    let mut repository = Repository {
        id: RepositoryId::new(&*state.clock, &*state.random),
        destination: destination.id,
        node: None,
        path: String::new(),
        password: first.password,
        adopted: first.exists,
        created: now,
    };
    let taken = repository.take_secrets();
    let record = secrets::record("repository", repository.id);
    let sealed = secrets::seal(&state.vault, &record, &taken, &*state.random)?;
    state.store.create_connection(&connection, None).await?;
    state.store.create_destination(&destination).await?;
    state.store.create_repository(&repository, sealed.as_deref()).await?;
    settings::write(state, DONE, &true).await?;
    Deed::new("repository.adopt", format!("repository {} at {}", repository.id, destination.name))
        .project(node.project)
        .after(&serde_json::json!({"connection": connection, "destination": destination, "repository": repository}))
        .of(state, "server", None)
        .await?;
    Ok(true)
}
