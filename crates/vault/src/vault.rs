//! Seals and opens the secrets of records, with keys that can be exchanged one after another.
//!
//! To exchange a key: [`rotate`](Vault::rotate) puts a new primary in, [`reseal`](Vault::reseal) every record that
//! [`needs_rotation`](Vault::needs_rotation), and [`retire`](Vault::retire) the old key when none is left. Everything opens at
//! each moment in between.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use backstay_core::Random;
use zeroize::Zeroizing;

use crate::private_file::{self, Held};
use crate::ring::Ring;
use crate::{KeyId, MasterKey, RecordId, Result, Sealed, VaultError};

/// The secrets' keeper. It can be shared between threads, and several processes can use one key ring.
pub struct Vault {
    path: PathBuf,
    state: RwLock<State>,
}

struct State {
    master: MasterKey,
    ring: Ring,
}

impl Vault {
    /// Opens the key ring at `path` with the master key; where there is none, it is made with a new primary key, and is
    /// durable before this returns.
    ///
    /// # Errors
    /// [`VaultError::WrongMaster`]; [`VaultError::Damaged`] when the file makes no sense; [`VaultError::TooOpen`] when others
    /// may use it; [`VaultError::File`] when it cannot be read or made.
    pub fn open_or_make(path: &Path, master: MasterKey, random: &dyn Random) -> Result<Self> {
        let ring = match Ring::read(path, &master)? {
            Some(ring) => ring,
            None => {
                let ring = Ring::new(random);
                match private_file::create(path, &ring.to_json(path, &master, random)?, random)? {
                    true => ring,
                    // Somebody else was first.
                    false => read(path, &master)?,
                }
            }
        };
        Ok(Self { path: path.to_owned(), state: RwLock::new(State { master, ring }) })
    }

    /// Seals a secret for its record, with the primary key.
    ///
    /// # Errors
    /// [`VaultError::TooLong`] beyond 64 GiB.
    pub fn seal(&self, record: &RecordId, plain: &[u8], random: &dyn Random) -> Result<Sealed> {
        self.state().ring.primary().seal(record, plain, random)
    }

    /// Opens what was sealed for this record. A key that is not known yet is looked for in the file, where another process
    /// may have put it.
    ///
    /// # Errors
    /// [`VaultError::Truncated`] and [`VaultError::Version`] when it is nothing sealed, [`VaultError::UnknownKey`] when its
    /// key is not in the ring, [`VaultError::Altered`] when it was changed or belongs to another record.
    pub fn open(&self, record: &RecordId, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>> {
        let id = sealed.key_id()?;
        if let Some(key) = self.state().ring.get(id) {
            return key.open(record, sealed);
        }
        self.reload()?;
        match self.state().ring.get(id) {
            Some(key) => key.open(record, sealed),
            None => Err(VaultError::UnknownKey { record: record.clone(), key: id }),
        }
    }

    /// Whether this is sealed with another key than the primary one.
    ///
    /// # Errors
    /// [`VaultError::Truncated`] and [`VaultError::Version`] when it is nothing sealed.
    pub fn needs_rotation(&self, sealed: &Sealed) -> Result<bool> {
        Ok(sealed.key_id()? != self.primary())
    }

    /// The same secret, sealed with the primary key.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn reseal(&self, record: &RecordId, sealed: &Sealed, random: &dyn Random) -> Result<Sealed> {
        self.seal(record, &self.open(record, sealed)?, random)
    }

    /// The key that seals.
    #[must_use]
    pub fn primary(&self) -> KeyId {
        self.state().ring.primary().id()
    }

    /// The keys that only open, oldest first.
    #[must_use]
    pub fn older(&self) -> Vec<KeyId> {
        self.state().ring.older()
    }

    /// Puts a new primary key in, and keeps the one before for what it has sealed. The file is durable before the new key is
    /// used.
    ///
    /// # Errors
    /// As [`reload`](Self::reload), or when the file cannot be written; the old key stays the primary one then.
    pub fn rotate(&self, random: &dyn Random) -> Result<KeyId> {
        self.change(random, |state| Ok(state.ring.rotate(random)))
    }

    /// Throws an older key away. What is still sealed with it never opens again, so everything has to be
    /// [resealed](Self::reseal) before, and other processes that use the ring must have [reloaded](Self::reload) it since the
    /// rotation: until then they go on sealing with the key that they know.
    ///
    /// # Errors
    /// [`VaultError::StillPrimary`], [`VaultError::NoSuchKey`]; else as [`rotate`](Self::rotate).
    pub fn retire(&self, key: KeyId, random: &dyn Random) -> Result<()> {
        self.change(random, |state| state.ring.retire(key))
    }

    /// Seals the key ring with another master key, after which the old one opens nothing. Records are not touched.
    ///
    /// # Errors
    /// As [`rotate`](Self::rotate).
    pub fn change_master(&self, master: MasterKey, random: &dyn Random) -> Result<()> {
        self.change(random, |state| {
            state.master = master;
            Ok(())
        })
    }

    /// Reads the key ring again, as after a rotation by another process.
    ///
    /// # Errors
    /// As [`open_or_make`](Self::open_or_make), and when the file is gone; the keys at hand stay.
    pub fn reload(&self) -> Result<()> {
        let mut state = self.state_mut();
        state.ring = read(&self.path, &state.master)?;
        Ok(())
    }

    /// Changes the file first and then what is at hand. It starts from what the file holds, under a lock, so that no key that
    /// another process has put in is lost.
    fn change<T>(&self, random: &dyn Random, edit: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let _held = Held::take(&self.path)?;
        let mut state = self.state_mut();
        let mut next = State { ring: read(&self.path, &state.master)?, master: state.master.clone() };
        let outcome = edit(&mut next)?;
        private_file::replace(&self.path, &next.ring.to_json(&self.path, &next.master, random)?, random)?;
        *state = next;
        Ok(outcome)
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({}, primary {})", self.path.display(), self.primary())
    }
}

fn read(path: &Path, master: &MasterKey) -> Result<Ring> {
    let gone = || VaultError::file("open", path)(std::io::ErrorKind::NotFound.into());
    Ring::read(path, master)?.ok_or_else(gone)
}

#[cfg(test)]
#[path = "vault_tests.rs"]
mod tests;
