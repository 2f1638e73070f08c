//! Secrets of records: sealed under the server's key ring when they are stored, opened when a node is to have them.

use backstay_core::Random;
use backstay_model::secret::Secrets;
use backstay_vault::{RecordId, Sealed, Vault, VaultError};
use zeroize::Zeroizing;

/// Why the secrets of a record cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// What was sealed is not what should be in it.
    #[error("what was sealed for {0} are no secrets of a record")]
    Content(RecordId),
}

/// What the secrets of a record are bound to.
pub(crate) fn record(kind: &'static str, id: impl std::fmt::Display) -> RecordId {
    RecordId::new(kind, id.to_string(), "secrets")
}

/// What the secret of a person's one-time codes is bound to.
pub(crate) fn totp(person: impl std::fmt::Display) -> RecordId {
    RecordId::new("person", person.to_string(), "totp")
}

/// Seals the secrets of a record; `None` where there are none.
pub(crate) fn seal(
    vault: &Vault,
    record: &RecordId,
    secrets: &Secrets,
    random: &dyn Random,
) -> Result<Option<String>, SecretsError> {
    if secrets.is_empty() {
        return Ok(None);
    }
    let plain = serde_json::to_vec(secrets).map_err(|_| SecretsError::Content(record.clone()))?;
    Ok(Some(vault.seal(record, &Zeroizing::new(plain), random)?.to_text()))
}

/// Opens the sealed secrets of a record.
pub(crate) fn open(vault: &Vault, record: &RecordId, sealed: Option<&str>) -> Result<Secrets, SecretsError> {
    let Some(sealed) = sealed else { return Ok(Secrets::new()) };
    let plain = vault.open(record, &Sealed::from_text(sealed)?)?;
    serde_json::from_slice(&plain).map_err(|_| SecretsError::Content(record.clone()))
}

impl From<SecretsError> for crate::problem::Problem {
    fn from(error: SecretsError) -> Self {
        Self::internal(error)
    }
}
