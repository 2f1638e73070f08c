//! Exchanges the key that secrets are sealed with.
//!
//! A new primary key is put into the vault, and all that is sealed in the catalog is sealed anew, each value only while it is
//! what it was when it was read: a server at work is not overwritten. How far it got is kept in a setting, so that the next call
//! goes on where one was cut off.
//!
//! The keys before it stay for [`GRACE`]. Whoever sealed a value the moment before, here or in another server over the same
//! catalog, may store it after everything else was sealed anew. [`tidy`] has every server read the ring again from time to time,
//! seals such stragglers anew, and then throws the old keys away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backstay_catalog::{CatalogError, SealedPlace, SealedValue, ServerStore};
use backstay_core::{Clock, Random};
use backstay_model::Time;
use backstay_vault::{RecordId, Sealed, Vault, VaultError};
use serde::{Deserialize, Serialize};

use crate::secrets;
use crate::state::now_of;
use crate::tls::kept;

/// For how long older keys are kept after everything was sealed anew. Each server reads the ring several times within it.
pub const GRACE: Duration = Duration::from_secs(15 * 60);

const SETTING: &str = "vault_rotation";
/// A value that others keep changing is left to the next call after so many rounds.
const ROUNDS: u32 = 10;

/// Why keys cannot be exchanged.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// What is kept of the last exchange makes no sense.
    #[error("setting {SETTING} makes no sense: {0}")]
    Progress(#[from] serde_json::Error),
    /// A thread for the key ring's file ended early.
    #[error("the key ring was not written: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

/// What came of an exchange of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Rotated {
    /// The id of the key that seals now.
    pub primary: String,
    /// Whether an exchange that was cut off was brought to its end, and no further key was made.
    pub continued: bool,
    /// How many values were sealed anew.
    pub resealed: u64,
    /// What could not be sealed anew, and why. It stays as it was.
    pub failed: Vec<String>,
    /// The ids of keys that only open any more. They go a while after nothing is sealed with them.
    pub older: Vec<String>,
}

/// A key of the vault, and how much is sealed with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct KeyUse {
    /// Its id.
    pub id: String,
    /// What it is there for.
    pub state: KeyState,
    /// How many values are sealed with it.
    pub values: u64,
}

/// What a key is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Everything new is sealed with it.
    Primary,
    /// It only opens.
    Older,
    /// It is not in the key ring: what is sealed with it does not open.
    Missing,
}

/// How far the exchange for this primary key got.
#[derive(Debug, Serialize, Deserialize)]
struct Progress {
    primary: String,
    /// When everything was sealed anew.
    done: Option<Time>,
}

/// Makes a new primary key and seals everything anew with it, or goes on with an exchange that was cut off.
///
/// # Errors
/// [`RotationError`] says what is in the way; the next call goes on.
pub async fn rotate(
    store: &ServerStore,
    vault: &Arc<Vault>,
    clock: &dyn Clock,
    random: &Arc<dyn Random>,
) -> Result<Rotated, RotationError> {
    reload(vault).await?;
    let begun = progress(store, vault).await?.is_some_and(|progress| progress.done.is_none());
    if !begun {
        let (ring, bytes) = (Arc::clone(vault), Arc::clone(random));
        tokio::task::spawn_blocking(move || ring.rotate(&*bytes)).await??;
        note(store, vault, None).await?;
    }
    Ok(Rotated { continued: begun, ..go_on(store, vault, clock, random).await? })
}

/// Reads the key ring again, and brings an exchange to its end: one that was cut off, or whose older keys have had their time.
///
/// # Errors
/// [`RotationError`] says what is in the way; the next call goes on.
pub async fn tidy(
    store: &ServerStore,
    vault: &Arc<Vault>,
    clock: &dyn Clock,
    random: &Arc<dyn Random>,
) -> Result<(), RotationError> {
    reload(vault).await?;
    if !vault.older().is_empty() {
        go_on(store, vault, clock, random).await?;
    }
    Ok(())
}

/// The keys, the primary one first, with how much is sealed with each.
///
/// # Errors
/// When the key ring cannot be read, or the catalog fails.
pub async fn keys(store: &ServerStore, vault: &Arc<Vault>) -> Result<Vec<KeyUse>, RotationError> {
    reload(vault).await?;
    let mut counts = BTreeMap::<String, u64>::new();
    for value in store.sealed_values().await? {
        let id = Sealed::from_text(&value.sealed).and_then(|sealed| sealed.key_id());
        *counts.entry(id.map_or_else(|_| "damaged".to_owned(), |id| id.to_string())).or_default() += 1;
    }
    let ring = vault.older().into_iter().rev().map(|id| (id, KeyState::Older));
    let ring = std::iter::once((vault.primary(), KeyState::Primary)).chain(ring);
    let mut keys: Vec<_> = ring
        .map(|(id, state)| {
            let id = id.to_string();
            KeyUse { values: counts.remove(&id).unwrap_or(0), id, state }
        })
        .collect();
    keys.extend(counts.into_iter().map(|(id, values)| KeyUse { id, state: KeyState::Missing, values }));
    Ok(keys)
}

/// Seals anew what is not sealed with the primary key, and throws older keys away when they have had their time.
async fn go_on(
    store: &ServerStore,
    vault: &Arc<Vault>,
    clock: &dyn Clock,
    random: &Arc<dyn Random>,
) -> Result<Rotated, RotationError> {
    let mut resealed = 0;
    let mut round = Round { resealed: 0, failed: Vec::new(), changed: true };
    for _ in 0..ROUNDS {
        if !round.changed {
            break;
        }
        round = reseal(store, vault, &**random).await?;
        resealed += round.resealed;
    }
    let now = now_of(clock);
    let done = progress(store, vault).await?.and_then(|progress| progress.done);
    if !round.changed && done.is_none() {
        note(store, vault, Some(now)).await?;
    }
    let waited = done.map(|done| now.as_second() - done.as_second());
    let waited = waited.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0);
    if !round.changed && round.failed.is_empty() && waited >= GRACE.as_secs() {
        retire(vault, random).await?;
    }
    Ok(Rotated {
        primary: vault.primary().to_string(),
        continued: false,
        resealed,
        failed: round.failed,
        older: vault.older().iter().map(ToString::to_string).collect(),
    })
}

/// What came of looking at every value once.
struct Round {
    resealed: u64,
    failed: Vec<String>,
    /// Whether somebody else has changed a value meanwhile.
    changed: bool,
}

async fn reseal(store: &ServerStore, vault: &Vault, random: &dyn Random) -> Result<Round, RotationError> {
    let mut round = Round { resealed: 0, failed: Vec::new(), changed: false };
    for SealedValue { place, sealed } in store.sealed_values().await? {
        let record = record_of(&place);
        let read = Sealed::from_text(&sealed);
        let anew = read.and_then(|sealed| match vault.needs_rotation(&sealed)? {
            true => vault.reseal(&record, &sealed, random).map(Some),
            false => Ok(None),
        });
        match anew {
            Ok(None) => {}
            Ok(Some(anew)) => match store.reseal(&place, &sealed, &anew.to_text()).await {
                Ok(()) => round.resealed += 1,
                // Gone, or changed by somebody who may have had the key before still.
                Err(CatalogError::Conflict { .. }) => round.changed = true,
                Err(error) => return Err(error.into()),
            },
            Err(error) => {
                tracing::error!(%record, cause = %error, "a value cannot be sealed anew");
                let text = error.to_string();
                let record = record.to_string();
                round.failed.push(if text.contains(&record) { text } else { format!("{record}: {text}") });
            }
        }
    }
    Ok(round)
}

/// What a value is bound to.
fn record_of(place: &SealedPlace) -> RecordId {
    match place {
        SealedPlace::Connection(id) => secrets::record("connection", id),
        SealedPlace::Repository(id) => secrets::record("repository", id),
        SealedPlace::Totp(id) => secrets::totp(id),
        SealedPlace::Setting(name) => match name.split_once(':') {
            Some(("totp_pending", person)) => secrets::totp(person),
            Some(("notifiers", project)) => secrets::record("notifiers", project),
            None if name == kept::SETTING => kept::record(),
            _ => secrets::record("setting", name),
        },
    }
}

async fn retire(vault: &Arc<Vault>, random: &Arc<dyn Random>) -> Result<(), RotationError> {
    for key in vault.older() {
        let (ring, bytes) = (Arc::clone(vault), Arc::clone(random));
        match tokio::task::spawn_blocking(move || ring.retire(key, &*bytes)).await? {
            Ok(()) => tracing::info!(%key, "an old key of the vault is thrown away"),
            // Another server was first.
            Err(VaultError::NoSuchKey(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn reload(vault: &Arc<Vault>) -> Result<(), RotationError> {
    let ring = Arc::clone(vault);
    Ok(tokio::task::spawn_blocking(move || ring.reload()).await??)
}

/// How far the exchange for the present primary key got, if it is known.
async fn progress(store: &ServerStore, vault: &Vault) -> Result<Option<Progress>, RotationError> {
    let Some(value) = store.setting(SETTING).await? else { return Ok(None) };
    let progress: Progress = serde_json::from_value(value)?;
    Ok(Some(progress).filter(|progress| progress.primary == vault.primary().to_string()))
}

async fn note(store: &ServerStore, vault: &Vault, done: Option<Time>) -> Result<(), RotationError> {
    let progress = Progress { primary: vault.primary().to_string(), done };
    Ok(store.set_setting(SETTING, &serde_json::to_value(progress)?, None).await?)
}

impl From<RotationError> for crate::problem::Problem {
    fn from(error: RotationError) -> Self {
        let conflict = |kind| Self::new(axum::http::StatusCode::CONFLICT, kind, error.to_string());
        match &error {
            RotationError::Vault(inner @ VaultError::WrongMaster { .. }) => {
                let problem = conflict("wrong_master_key");
                match inner.hint() {
                    Some(hint) => problem.hint(format!("the server needs a restart: {hint}")),
                    None => problem,
                }
            }
            RotationError::Vault(inner @ (VaultError::Damaged { .. } | VaultError::TooOpen { .. })) => {
                let problem = conflict("key_ring");
                match inner.hint() {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                }
            }
            RotationError::Catalog(_) => match error {
                RotationError::Catalog(error) => error.into(),
                other => Self::internal(other),
            },
            _ => Self::internal(error),
        }
    }
}
