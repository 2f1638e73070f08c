//! The key ring: the primary key and those before it, in a file of their own.
//!
//! ```json
//! {"version": 1, "master": "KEY ID", "primary": "KEY ID", "keys": [{"id": "KEY ID", "sealed": "BASE64"}]}
//! ```
//!
//! Each key is sealed with the master key, as the record of its id and its role: neither can a key be put under another id,
//! nor an older one be made the primary again, by whoever can only write the file.

use std::path::Path;

use backstay_core::Random;
use serde::{Deserialize, Serialize};

use crate::cipher::Key;
use crate::{KeyId, MasterKey, RecordId, Result, Sealed, VaultError, private_file};

const WHAT: &str = "key ring";

/// The keys of a vault, at hand.
#[derive(Clone)]
pub(crate) struct Ring {
    primary: Key,
    /// In the order in which they were replaced.
    older: Vec<Key>,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    master: String,
    primary: String,
    keys: Vec<SealedKey>,
}

#[derive(Serialize, Deserialize)]
struct SealedKey {
    id: String,
    sealed: String,
}

impl Ring {
    pub(crate) fn new(random: &dyn Random) -> Self {
        Self { primary: Key::generate(random), older: Vec::new() }
    }

    pub(crate) const fn primary(&self) -> &Key {
        &self.primary
    }

    pub(crate) fn get(&self, id: KeyId) -> Option<&Key> {
        std::iter::once(&self.primary).chain(&self.older).find(|key| key.id() == id)
    }

    pub(crate) fn older(&self) -> Vec<KeyId> {
        self.older.iter().map(Key::id).collect()
    }

    /// Puts a new primary in.
    pub(crate) fn rotate(&mut self, random: &dyn Random) -> KeyId {
        let before = std::mem::replace(&mut self.primary, Key::generate(random));
        self.older.push(before);
        self.primary.id()
    }

    /// Throws an older key away.
    pub(crate) fn retire(&mut self, id: KeyId) -> Result<()> {
        if id == self.primary.id() {
            return Err(VaultError::StillPrimary(id));
        }
        let place = self.older.iter().position(|key| key.id() == id).ok_or(VaultError::NoSuchKey(id))?;
        self.older.remove(place);
        Ok(())
    }

    /// Reads the file; `None` when there is none.
    pub(crate) fn read(path: &Path, master: &MasterKey) -> Result<Option<Self>> {
        let Some(content) = private_file::read(path, WHAT)? else { return Ok(None) };
        let damaged = |why: String| VaultError::damaged(WHAT, path, why);
        let file: File = serde_json::from_slice(&content).map_err(|error| damaged(error.to_string()))?;
        if file.version != 1 {
            return Err(damaged(format!("version {} is not known", file.version)));
        }
        let id = |text: &str| text.parse::<KeyId>().map_err(|error| damaged(error.to_string()));
        let sealed_with = id(&file.master)?;
        if sealed_with != master.id() {
            return Err(VaultError::WrongMaster { path: path.to_owned(), sealed_with, given: master.id() });
        }
        let primary_id = id(&file.primary)?;
        let (mut primary, mut older) = (None, Vec::new());
        for SealedKey { id: name, sealed } in &file.keys {
            let id = id(name)?;
            let record = record(id, id == primary_id);
            let sealed = Sealed::from_text(sealed).map_err(|error| damaged(error.to_string()))?;
            let bytes = master.0.open(&record, &sealed).map_err(|error| damaged(error.to_string()))?;
            let key = Key::from_slice(&bytes).filter(|key| key.id() == id);
            let key = key.ok_or_else(|| damaged(format!("key {id} is another one")))?;
            match id == primary_id {
                true => primary = Some(key),
                false => older.push(key),
            }
        }
        let primary = primary.ok_or_else(|| damaged(format!("the primary key {primary_id} is not in it")))?;
        Ok(Some(Self { primary, older }))
    }

    /// What the file is to hold.
    pub(crate) fn to_json(&self, path: &Path, master: &MasterKey, random: &dyn Random) -> Result<Vec<u8>> {
        let seal = |key: &Key, is_primary: bool| -> Result<SealedKey> {
            let sealed = master.0.seal(&record(key.id(), is_primary), key.expose(), random)?;
            Ok(SealedKey { id: key.id().to_string(), sealed: sealed.to_text() })
        };
        let mut keys = vec![seal(&self.primary, true)?];
        for key in &self.older {
            keys.push(seal(key, false)?);
        }
        let file = File {
            version: 1,
            master: master.id().to_string(),
            primary: self.primary.id().to_string(),
            keys,
        };
        serde_json::to_vec_pretty(&file).map_err(|error| VaultError::damaged(WHAT, path, error))
    }
}

fn record(id: KeyId, is_primary: bool) -> RecordId {
    RecordId::new("key-ring", id.to_string(), if is_primary { "primary" } else { "older" })
}
