//! The repositories at destinations: made known when a plan first needs them, each with a password of its own.

use backstay_catalog::{CatalogError, Clash, ServerStore};
use backstay_core::{Clock, Random};
use backstay_model::link::{OpenSecrets, SealedConnection, SealedRepository};
use backstay_model::run::Named;
use backstay_model::secret::{HoldsSecrets, Secrets};
use backstay_model::{
    Connection, ConnectionId, Destination, Layout, Node, NodeId, Repository, RepositoryId, SecretText,
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

/// The repository of a node at a destination; made known, with a new password, if there is none yet.
pub(crate) async fn ensure(
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
    let mut repository = Repository {
        id,
        destination: destination.id,
        node: owner,
        path: owner.map(|node| node.to_string()).unwrap_or_default(),
        password: SecretText::new(text::random_key(random)),
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
    let parts = [destination.path.as_str(), repository.path.as_str()];
    let path = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    Ok(SealedRepository {
        id: repository.id,
        destination: Named { id: destination.id, name: destination.name.clone() },
        layout: destination.layout,
        settings: connection.settings,
        path,
        may_create: !repository.adopted,
        secrets: sealed,
    })
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
