//! How secrets travel to a node: as JSON, sealed to its key, bound to what they are for.
//!
//! The server seals and the node opens; both say here what a seal is bound to.

use backstay_core::Random;
use backstay_model::link::{OpenSecrets, SealedSecrets};
use backstay_model::{ConnectionId, NodeId, RepositoryId};
use backstay_vault::{NodeKey, NodePublicKey, RecordId, SealedBox, VaultError, seal_to};
use zeroize::{Zeroize, Zeroizing};

/// Why sealed secrets could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// What was sealed is not what should be in it.
    #[error("what was sealed are no secrets of a record")]
    Content,
}

/// What the secrets of a repository are bound to.
#[must_use]
pub fn of_repository(id: RepositoryId) -> RecordId {
    RecordId::new("repository", id.to_string(), "secrets")
}

/// What the secrets of a source's connection are bound to.
#[must_use]
pub fn of_connection(id: ConnectionId) -> RecordId {
    RecordId::new("connection", id.to_string(), "secrets")
}

/// What secrets that are only to be tried are bound to.
#[must_use]
pub fn of_probe(node: NodeId) -> RecordId {
    RecordId::new("probe", node.to_string(), "secrets")
}

/// Seals secrets to a node. No secrets are sealed too: a box tells nobody whether there are any.
///
/// # Errors
/// When the key is none that keeps a secret.
pub fn seal(
    node: &NodePublicKey,
    record: &RecordId,
    secrets: &OpenSecrets,
    random: &dyn Random,
) -> Result<SealedSecrets, SealError> {
    let plain = Zeroizing::new(serde_json::to_vec(secrets).map_err(|_| SealError::Content)?);
    Ok(seal_to(node, record, &plain, random)?.to_text())
}

/// Opens what was sealed to this node for this record.
///
/// # Errors
/// When it was not, or was changed on the way.
pub fn open(key: &NodeKey, record: &RecordId, sealed: &SealedSecrets) -> Result<Opened, SealError> {
    let plain = key.open(record, &SealedBox::from_text(sealed)?)?;
    serde_json::from_slice(&plain).map(Opened).map_err(|_| SealError::Content)
}

/// Secrets in the clear, wiped when dropped.
#[derive(Clone, Default)]
pub struct Opened(OpenSecrets);

impl Opened {
    /// All of them, by name.
    #[must_use]
    pub const fn all(&self) -> &OpenSecrets {
        &self.0
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl From<OpenSecrets> for Opened {
    fn from(secrets: OpenSecrets) -> Self {
        Self(secrets)
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.values_mut().for_each(Zeroize::zeroize);
    }
}
