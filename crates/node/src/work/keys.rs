//! Master keys of repositories that were opened before: to derive one from a password takes half a second each time, on purpose.
//!
//! They are kept in memory alone, with the password that opened them, and wiped with the process.

use std::collections::HashMap;

use backstay_core::FileId;
use backstay_engine::crypto::KeyBytes;
use backstay_model::RepositoryId;
use parking_lot::Mutex;
use zeroize::Zeroizing;

/// Keys by repository.
#[derive(Default)]
pub(super) struct KeyRing(Mutex<HashMap<RepositoryId, Known>>);

struct Known {
    password: Zeroizing<String>,
    master: KeyBytes,
    key: FileId,
}

impl KeyRing {
    /// The master key that this password opened before, and the id of the key file it was in.
    pub(super) fn get(&self, repository: RepositoryId, password: &str) -> Option<(KeyBytes, FileId)> {
        let known = self.0.lock();
        let known = known.get(&repository).filter(|known| *known.password == password)?;
        Some((known.master.clone(), known.key))
    }

    pub(super) fn put(&self, repository: RepositoryId, password: &str, master: &KeyBytes, key: FileId) {
        let password = Zeroizing::new(password.to_owned());
        self.0.lock().insert(repository, Known { password, master: master.clone(), key });
    }

    pub(super) fn forget(&self, repository: RepositoryId) {
        self.0.lock().remove(&repository);
    }
}
