//! A key file: the master key, sealed by a password.

use backstay_core::{Random, Timestamp};
use base64::Engine;
use serde::{Deserialize, Serialize};

use crate::crypto::{KdfParams, Key, KeyBytes, derive};
use crate::{Error, Result};

/// A key file. It is the only kind of file that is stored as plain JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFile {
    /// When it was made; the beginning of 1970 where that was not noted, as in rustic's.
    #[serde(default, with = "super::time::json")]
    pub created: Timestamp,
    /// By whom.
    #[serde(default, deserialize_with = "super::or_default")]
    pub username: String,
    /// On which host.
    #[serde(default, deserialize_with = "super::or_default")]
    pub hostname: String,
    /// Always `scrypt`.
    pub kdf: String,
    /// What the derivation costs.
    #[serde(flatten)]
    pub params: KdfParams,
    /// Salt, in base64.
    pub salt: String,
    /// The sealed master key, in base64.
    pub data: String,
}

impl KeyFile {
    /// Seals a master key by a password.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the cost parameters are beyond reason.
    pub fn seal(
        master: &KeyBytes,
        password: &str,
        params: KdfParams,
        labels: Labels,
        random: &dyn Random,
    ) -> Result<Self> {
        let mut salt = [0; 64];
        random.fill(&mut salt);
        let user = derive(password, &salt, params)
            .ok_or_else(|| Error::Invalid("the parameters of the key derivation are not valid".into()))?;
        let json = master.to_json().map_err(|error| Error::Invalid(error.to_string()))?;
        let mut data = Vec::new();
        Key::new(&user).seal(random, &json, &mut data);
        let text = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        Ok(Self {
            created: labels.created,
            username: labels.username,
            hostname: labels.hostname,
            kdf: "scrypt".into(),
            params,
            salt: text(&salt),
            data: text(&data),
        })
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is none.
    pub fn parse(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json).map_err(|error| Error::damaged("a key file", error))
    }

    /// The file as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The master key. This is slow on purpose: about half a second.
    ///
    /// # Errors
    /// [`Error::WrongPassword`] when the password does not open it, [`Error::Damaged`] when it is no key.
    pub fn open(&self, password: &str) -> Result<KeyBytes> {
        let bad = |why: &str| Error::damaged("a key file", why);
        if self.kdf != "scrypt" {
            return Err(bad("its key derivation is not scrypt"));
        }
        let bytes = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).ok();
        let salt = bytes(&self.salt).ok_or_else(|| bad("its salt is not base64"))?;
        let mut data = bytes(&self.data).ok_or_else(|| bad("its data is not base64"))?;
        let user = derive(password, &salt, self.params).ok_or_else(|| bad("its parameters are not valid"))?;
        let plain = Key::new(&user).open(&mut data).map_err(|_| Error::WrongPassword { keys: 1 })?;
        KeyBytes::from_json(plain).ok_or_else(|| bad("it holds no key"))
    }
}

/// What a key file says about its making.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// When.
    pub created: Timestamp,
    /// By whom.
    pub username: String,
    /// On which host.
    pub hostname: String,
}
