//! Making a repository.

use std::sync::Arc;

use backstay_core::storage::ErrorKind;
use backstay_core::{CallContext, FileId, FileKind, Handle, Storage};

use super::{Environment, Repository, Settings};
use crate::chunker::Polynomial;
use crate::crypto::{Key, KeyBytes, hash};
use crate::format::key::Labels;
use crate::format::{Config, KeyFile};
use crate::{Error, Result};

/// How a new repository shall be.
#[derive(Debug, Clone, Copy, Default)]
pub struct InitOptions {
    /// Format version, 1 or 2; 2 when `None`.
    pub version: Option<u32>,
    /// Cut files as this polynomial does, so that data copied from another repository is not stored anew. Random when `None`.
    pub polynomial: Option<Polynomial>,
}

/// Makes a repository and opens it.
///
/// # Errors
/// [`Error::RepositoryExists`] when there is one; [`Error::Version`] for an unknown format.
pub fn init(
    storage: Arc<dyn Storage>,
    password: &str,
    options: InitOptions,
    environment: Environment,
    settings: Settings,
) -> Result<Repository> {
    let version = options.version.unwrap_or(2);
    if !(1..=2).contains(&version) {
        return Err(Error::Version(version));
    }
    let exists = || Error::RepositoryExists { location: storage.location() };
    match storage.size(&Handle::CONFIG, CallContext::NONE) {
        Ok(_) => return Err(exists()),
        Err(error) if error.kind == ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    // First, since a bucket that does not exist cannot be listed.
    storage.prepare(CallContext::NONE)?;
    let mut keys = 0;
    storage.list(FileKind::Key, CallContext::NONE, &mut |_, _| keys += 1)?;
    if keys > 0 {
        return Err(exists());
    }

    let random = &*environment.random;
    let master = KeyBytes::generate(random);
    let labels = Labels {
        created: environment.clock.now(),
        username: environment.identity.user.clone(),
        hostname: environment.identity.host.clone(),
    };
    let key_file = KeyFile::seal(&master, password, settings.kdf, labels, random)?.to_json();
    let key_id = hash(&key_file);
    let key_handle = Handle::new(FileKind::Key, key_id);
    storage.write(&key_handle, &key_file, CallContext::NONE)?;

    let mut id = [0; 32];
    random.fill(&mut id);
    let polynomial = options.polynomial.unwrap_or_else(|| Polynomial::generate(random));
    let config = Config { version, id: FileId(id), polynomial };
    let mut sealed = Vec::new();
    Key::new(&master).seal(random, &config.to_json(), &mut sealed);
    if let Err(error) = storage.write(&Handle::CONFIG, &sealed, CallContext::NONE) {
        let mut there = Vec::new();
        let in_vain = match storage.read(&Handle::CONFIG, &mut there, CallContext::NONE) {
            Ok(()) => there != sealed,
            Err(error) => error.kind == ErrorKind::NotFound,
        };
        // Nothing opens with our key: somebody else made the repository meanwhile, or nobody did.
        if in_vain {
            let _ = storage.remove(&key_handle, CallContext::NONE);
        }
        return Err(if error.kind == ErrorKind::Exists { exists() } else { error.into() });
    }
    Repository::open(storage, master, key_id, environment, settings)
}
