//! The passwords of a repository: each opens the same master key.

use std::sync::Arc;

use backstay_core::storage::ErrorKind;
use backstay_core::{CallContext, FileId, FileKind, Handle, Storage};

use super::Repository;
use crate::crypto::{Key, KeyBytes, hash};
use crate::format::key::Labels;
use crate::format::{Config, KeyFile};
use crate::side_by_side::both;
use crate::{Error, Result};

/// Most keys that are tried: each try takes half a second.
const TRIES: usize = 20;

/// A key that a password opened, with the configuration that it fits.
#[derive(Clone)]
pub struct UnlockedKey {
    /// What everything in the repository is encrypted with.
    pub master: KeyBytes,
    /// The id of the key.
    pub id: FileId,
    pub(super) config: Config,
}

/// Finds the key that a password opens. `hint` is the id, or its beginning, of a key to try first.
///
/// A key counts only if the configuration opens with it: of two that made the repository at once, the one that came too late
/// may have left a key that belongs to no repository.
///
/// # Errors
/// [`Error::NoRepository`] when there is neither key nor configuration, [`Error::WrongPassword`] when no key opens,
/// [`Error::Damaged`] when the configuration opens with none of them.
pub fn unlock(storage: &Arc<dyn Storage>, password: &str, hint: Option<&str>) -> Result<UnlockedKey> {
    let (config, ids) = both(
        storage.small_calls(),
        || read_config(&**storage),
        || {
            let mut ids = Vec::new();
            storage.list(FileKind::Key, CallContext::NONE, &mut |id, _| ids.push(id)).map(|()| ids)
        },
    );
    let (config, mut ids) = (config?, ids?);
    if ids.is_empty() {
        return Err(Error::damaged(storage.location(), "it has a configuration but no key"));
    }
    if let Some(hint) = hint {
        ids.sort_by_key(|id| !id.to_hex().starts_with(hint));
    }
    let (mut foreign, mut damaged) = (None, None);
    let mut tried = 0;
    for id in ids.into_iter().take(TRIES) {
        match load(storage, id).and_then(|file| file.open(password).map_err(|error| name(id, error))) {
            Ok(master) => match Key::new(&master).open(&mut config.clone()) {
                Ok(plain) => return Ok(UnlockedKey { config: Config::parse(plain)?, master, id }),
                Err(error) => foreign = Some(Error::damaged("the configuration", error)),
            },
            Err(Error::WrongPassword { .. }) => tried += 1,
            Err(error) => damaged = Some(error),
        }
    }
    match (foreign, damaged) {
        (Some(error), _) => Err(error),
        (None, Some(error)) if tried == 0 => Err(error),
        _ => Err(Error::WrongPassword { keys: tried }),
    }
}

/// The configuration as it is stored.
pub(super) fn read_config(storage: &dyn Storage) -> Result<Vec<u8>> {
    let mut sealed = Vec::new();
    match storage.read(&Handle::CONFIG, &mut sealed, CallContext::NONE) {
        Ok(()) => Ok(sealed),
        Err(error) if error.kind == ErrorKind::NotFound => {
            Err(Error::NoRepository { location: storage.location() })
        }
        Err(error) => Err(error.into()),
    }
}

fn load(storage: &Arc<dyn Storage>, id: FileId) -> Result<KeyFile> {
    let handle = Handle::new(FileKind::Key, id);
    let mut json = Vec::new();
    storage.read(&handle, &mut json, CallContext::NONE)?;
    if hash(&json) != id {
        return Err(Error::damaged(handle, "its content does not fit its name"));
    }
    KeyFile::parse(&json).map_err(|error| name(id, error))
}

/// The error with the key that is damaged.
fn name(id: FileId, error: Error) -> Error {
    match error {
        Error::Damaged { why, .. } => Error::damaged(Handle::new(FileKind::Key, id), why),
        other => other,
    }
}

/// A key of a repository.
#[derive(Debug, Clone)]
pub struct KeyInfo {
    /// Its id.
    pub id: FileId,
    /// Whether this session opened the repository with it.
    pub current: bool,
    /// What it says.
    pub file: KeyFile,
}

/// All keys; those that cannot be read come as errors.
///
/// # Errors
/// When they cannot be listed.
pub fn list_keys(repository: &Repository) -> Result<Vec<Result<KeyInfo>>> {
    let keys = repository.list(FileKind::Key)?.into_iter().map(|(id, _)| {
        let file = load(repository.storage(), id)?;
        Ok(KeyInfo { id, current: id == repository.key_id(), file })
    });
    Ok(keys.collect())
}

/// Adds a password; returns the new key's id, once it has been read back and opened.
///
/// # Errors
/// When it cannot be stored.
pub fn add_key(
    repository: &Repository,
    password: &str,
    user: Option<&str>,
    host: Option<&str>,
) -> Result<FileId> {
    let environment = repository.environment();
    let labels = Labels {
        created: environment.clock.now(),
        username: user.map_or_else(|| environment.identity.user.clone(), str::to_owned),
        hostname: host.map_or_else(|| environment.identity.host.clone(), str::to_owned),
    };
    let file =
        KeyFile::seal(repository.master(), password, repository.settings().kdf, labels, repository.random())?;
    let json = file.to_json();
    let id = hash(&json);
    repository.write_file(Handle::new(FileKind::Key, id), &json)?;
    load(repository.storage(), id)?.open(password)?;
    Ok(id)
}

/// Removes a password's key.
///
/// # Errors
/// [`Error::Invalid`] when it is the one this session uses.
pub fn remove_key(repository: &Repository, id: FileId) -> Result<()> {
    if id == repository.key_id() {
        return Err(Error::Invalid("refusing to remove the key that opened the repository".into()));
    }
    repository.storage().remove(&Handle::new(FileKind::Key, id), repository.context())?;
    Ok(())
}
