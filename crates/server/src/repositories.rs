//! The repositories at destinations: made known when a plan first needs them, each with a password of its own.

use backstay_archive::crypt::KeyPair;
use backstay_catalog::{CatalogError, Clash, ServerStore};
use backstay_core::{Clock, Random};
use backstay_model::link::{OpenSecrets, SealedConnection, SealedRepository};
use backstay_model::run::Named;
use backstay_model::secret::{HoldsSecrets, Secrets};
use backstay_model::{
    Connection, ConnectionId, Destination, Holds, Layout, Node, NodeId, Plan, Repository, RepositoryId,
    SecretText,
};
use backstay_node::seals::{self, SealError};
use backstay_vault::{NodePublicKey, Vault, VaultError};

use crate::secrets::{self, SecretsError};
use crate::state::now_of;
use crate::text;

/// Why a repository cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] CatalogError),
    /// Its secrets cannot be opened or sealed.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The node's key is none.
    #[error("the key of the node: {0}")]
    Key(#[from] VaultError),
    /// Its secrets cannot be sealed to the node.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What it lies on is gone.
    #[error("{0} is gone")]
    Gone(&'static str),
}

/// The repository of a node at a destination; made known, with a new password, if there is none yet. Where plans copy each node's
/// repository from there, those that they copy to are made known with it.
pub(crate) async fn ensure(
    store: &ServerStore,
    vault: &Vault,
    clock: &dyn Clock,
    random: &dyn Random,
    destination: &Destination,
    node: NodeId,
) -> Result<Repository, RepositoryError> {
    let first = ensure_one(store, vault, clock, random, destination, node).await?;
    if destination.layout == Layout::Shared {
        return Ok(first);
    }
    let plans = store.plans(Some(destination.project)).await?;
    let mut reached = vec![destination.id];
    let mut place = 0;
    while let Some(from) = reached.get(place).copied() {
        place += 1;
        let copies = |plan: &&Plan| {
            plan.spec
                .copy
                .as_ref()
                .is_some_and(|copy| copy.from == from && copy.node.is_none_or(|it| it == node))
        };
        for id in plans.iter().filter(copies).flat_map(|plan| &plan.spec.destinations) {
            if !reached.contains(id)
                && let Some(next) = store.destination(*id).await?
            {
                ensure_one(store, vault, clock, random, &next, node).await?;
                reached.push(*id);
            }
        }
    }
    Ok(first)
}

async fn ensure_one(
    store: &ServerStore,
    vault: &Vault,
    clock: &dyn Clock,
    random: &dyn Random,
    destination: &Destination,
    node: NodeId,
) -> Result<Repository, RepositoryError> {
    let owner = (destination.layout == Layout::PerNode).then_some(node);
    if let Some(found) = store.repository_at(destination.id, owner).await? {
        return Ok(found);
    }
    let id = RepositoryId::new(clock, random);
    let path = match (owner, &destination.holds) {
        (None, _) => String::new(),
        (Some(node), Holds::Repository) => node.to_string(),
        (Some(node), Holds::Archives(_)) => folder(store, destination, node).await?,
    };
    let mut repository = Repository {
        id,
        destination: destination.id,
        node: owner,
        path,
        password: new_key(destination, random),
        adopted: false,
        created: now_of(clock),
    };
    let taken = repository.take_secrets();
    let sealed = secrets::seal(vault, &secrets::record("repository", id), &taken, random)?;
    match store.create_repository(&repository, sealed.as_deref()).await {
        Ok(()) => Ok(repository),
        // Somebody else was quicker.
        Err(error @ CatalogError::Conflict { clash: Clash::Name, .. }) => {
            store.repository_at(destination.id, owner).await?.ok_or_else(|| error.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// What opens a new repository: a password, or the identity that archives are encrypted for.
fn new_key(destination: &Destination, random: &dyn Random) -> SecretText {
    match &destination.holds {
        Holds::Repository => SecretText::new(text::random_key(random)),
        Holds::Archives(_) => KeyPair::generate().with_secret(|identity| SecretText::new(identity)),
    }
}

/// A folder for the archives of a node: people look into it, so it is called as the node is.
async fn folder(
    store: &ServerStore,
    destination: &Destination,
    node: NodeId,
) -> Result<String, RepositoryError> {
    let name = store.node(node).await?.ok_or(RepositoryError::Gone("its node"))?.name;
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let name: String = name.trim_start_matches(['.', '-']).chars().map(plain).take(60).collect();
    let known = store.repositories(destination.id).await?;
    let is_free = |name: &str| !name.is_empty() && known.iter().all(|it| it.path != name);
    if is_free(&name) { Ok(name) } else { Ok(format!("{name}-{node}").trim_start_matches('-').to_owned()) }
}

/// A repository as a node gets it: the way to it, with its secrets sealed to the node's key.
pub(crate) async fn seal_to(
    store: &ServerStore,
    vault: &Vault,
    random: &dyn Random,
    node: &Node,
    destination: &Destination,
    repository: &Repository,
) -> Result<SealedRepository, RepositoryError> {
    let sealed = store.repository_sealed(repository.id).await?;
    let own = secrets::open(vault, &secrets::record("repository", repository.id), sealed.as_deref())?;
    seal_with(store, vault, random, node, destination, repository, &own).await
}

/// The same for a repository that is not stored, with its own secrets given.
pub(crate) async fn seal_with(
    store: &ServerStore,
    vault: &Vault,
    random: &dyn Random,
    node: &Node,
    destination: &Destination,
    repository: &Repository,
    own: &Secrets,
) -> Result<SealedRepository, RepositoryError> {
    let connection =
        store.connection(destination.connection).await?.ok_or(RepositoryError::Gone("its connection"))?;
    let mut open = connection_secrets(store, vault, &connection).await?;
    open.extend(own.clone());
    let key: NodePublicKey = node.public_key.parse()?;
    let sealed = seals::seal(&key, &seals::of_repository(repository.id), &open, random)?;
    let path = full_path(destination, repository);
    Ok(SealedRepository {
        id: repository.id,
        destination: Named { id: destination.id, name: destination.name.clone() },
        layout: destination.layout,
        settings: connection.settings,
        path,
        holds: destination.holds.clone(),
        may_create: !repository.adopted,
        secrets: sealed,
    })
}

/// The folder of a repository within what the connection of its destination reaches; empty for its top.
pub(crate) fn full_path(destination: &Destination, repository: &Repository) -> String {
    let parts = [destination.path.as_str(), repository.path.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

/// A connection as a node gets it, with its secrets sealed to the node's key.
pub(crate) async fn seal_connection(
    store: &ServerStore,
    vault: &Vault,
    random: &dyn Random,
    node: &Node,
    id: ConnectionId,
) -> Result<SealedConnection, RepositoryError> {
    let connection = store.connection(id).await?.ok_or(RepositoryError::Gone("its connection"))?;
    let open = connection_secrets(store, vault, &connection).await?;
    let key: NodePublicKey = node.public_key.parse()?;
    let secrets = seals::seal(&key, &seals::of_connection(id), &open, random)?;
    Ok(SealedConnection { id, settings: connection.settings, secrets })
}

/// The secrets of a connection, in the clear.
pub(crate) async fn connection_secrets(
    store: &ServerStore,
    vault: &Vault,
    connection: &Connection,
) -> Result<OpenSecrets, RepositoryError> {
    let sealed = store.connection_sealed(connection.id).await?;
    Ok(secrets::open(vault, &secrets::record("connection", connection.id), sealed.as_deref())?)
}

impl From<RepositoryError> for crate::problem::Problem {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::Store(error) => error.into(),
            error => Self::internal(error),
        }
    }
}
