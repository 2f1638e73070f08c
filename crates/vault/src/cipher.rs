//! One key, and what it seals: AES-256-GCM-SIV (RFC 8452).
//!
//! ```text
//! version (1 byte, now 1) │ key id (8) │ nonce (12) │ ciphertext and tag (plain length + 16)
//! ```
//!
//! Associated data are the version, the key id and the [record](RecordId), so no byte can be changed and nothing can be
//! moved to another record. The nonce is random. Should one ever come twice, all that shows with this cipher is whether
//! the two plain texts are the same.

use std::fmt;
use std::str::FromStr;

use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit, Nonce};
use backstay_core::Random;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{RecordId, Result, VaultError};

/// Length of a key in bytes.
pub(crate) const KEY: usize = 32;
/// The format that is written.
const VERSION: u8 = 1;
const ID: usize = 8;
const NONCE: usize = 12;
const TAG: usize = 16;
const HEADER: usize = 1 + ID;

/// By what keys are told apart: derived from the key by a hash, so it says nothing about the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; ID]);

impl KeyId {
    /// The id of these bytes, apart from ids in another `domain`.
    pub(crate) fn derive(domain: &str, bytes: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(domain.as_bytes());
        hasher.update([0]);
        hasher.update(bytes);
        let mut id = [0; ID];
        for (byte, hashed) in id.iter_mut().zip(hasher.finalize()) {
            *byte = hashed;
        }
        Self(id)
    }

    pub(crate) const fn from_bytes(bytes: [u8; ID]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; ID] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for KeyId {
    type Err = VaultError;

    fn from_str(text: &str) -> Result<Self> {
        let is_hex = text.len() == 2 * ID && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = u64::from_str_radix(text, 16).ok().filter(|_| is_hex);
        let bad =
            || VaultError::Text { what: "the key id", why: "it has to be 16 hexadecimal digits".into() };
        value.map(|value| Self(value.to_be_bytes())).ok_or_else(bad)
    }
}

/// A secret that is safe to store. Only the [vault](crate::Vault) that has its key opens it, and only for its record.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// As it was stored. Whether it is whole shows when it is opened.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// As it is to be stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As base64.
    #[must_use]
    pub fn to_text(&self) -> String {
        STANDARD.encode(&self.0)
    }

    /// Reads base64.
    ///
    /// # Errors
    /// [`VaultError::Text`] when it is none.
    pub fn from_text(text: &str) -> Result<Self> {
        match STANDARD.decode(text) {
            Ok(bytes) => Ok(Self(bytes)),
            Err(error) => Err(VaultError::Text { what: "the sealed value", why: error.to_string() }),
        }
    }

    /// The key that it names.
    ///
    /// # Errors
    /// [`VaultError::Truncated`] and [`VaultError::Version`] when it is nothing that a vault has sealed.
    pub fn key_id(&self) -> Result<KeyId> {
        Ok(self.parts()?.key)
    }

    fn parts(&self) -> Result<Parts<'_>> {
        let truncated = || VaultError::Truncated { length: self.0.len() };
        let (version, rest) = self.0.split_first().ok_or_else(truncated)?;
        if *version != VERSION {
            return Err(VaultError::Version { version: *version });
        }
        let (key, rest) = rest.split_first_chunk::<ID>().ok_or_else(truncated)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>().ok_or_else(truncated)?;
        if ciphertext.len() < TAG {
            return Err(truncated());
        }
        Ok(Parts { key: KeyId(*key), nonce, ciphertext })
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

struct Parts<'a> {
    key: KeyId,
    nonce: &'a [u8; NONCE],
    ciphertext: &'a [u8],
}

/// A key with its id.
#[derive(Clone)]
pub(crate) struct Key {
    id: KeyId,
    bytes: Zeroizing<[u8; KEY]>,
}

impl Key {
    pub(crate) fn new(bytes: Zeroizing<[u8; KEY]>) -> Self {
        Self { id: KeyId::derive("backstay vault key", &*bytes), bytes }
    }

    pub(crate) fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; KEY]);
        random.fill(&mut *bytes);
        Self::new(bytes)
    }

    /// A key from bytes of a length that is not known yet.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self::new(Zeroizing::new(bytes.try_into().ok()?)))
    }

    pub(crate) const fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn expose(&self) -> &[u8; KEY] {
        &self.bytes
    }

    pub(crate) fn seal(&self, record: &RecordId, plain: &[u8], random: &dyn Random) -> Result<Sealed> {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        let aad = associated(self.id, record);
        let ciphertext = self
            .cipher()
            .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: &aad })
            .map_err(|_| VaultError::TooLong { record: record.clone() })?;
        let mut sealed = Vec::with_capacity(HEADER + NONCE + ciphertext.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.id.0);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(Sealed(sealed))
    }

    pub(crate) fn open(&self, record: &RecordId, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>> {
        let Parts { key, nonce, ciphertext } = sealed.parts()?;
        if key != self.id {
            return Err(VaultError::UnknownKey { record: record.clone(), key });
        }
        let aad = associated(key, record);
        self.cipher()
            .decrypt(&Nonce::from(*nonce), Payload { msg: ciphertext, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| VaultError::Altered { record: record.clone() })
    }

    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new(&(*self.bytes).into())
    }
}

fn associated(key: KeyId, record: &RecordId) -> Vec<u8> {
    let mut aad = vec![VERSION];
    aad.extend_from_slice(&key.0);
    aad.extend_from_slice(&record.to_bytes());
    aad
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestRandom;

    #[test]
    fn the_layout_is_as_written() {
        let key = Key::new(Zeroizing::new([7; KEY]));
        let sealed = key.seal(&RecordId::new("k", "i", "f"), b"abc", &TestRandom::seeded(1)).unwrap();
        assert_eq!(sealed.as_bytes().len(), 1 + 8 + 12 + 3 + 16);
        assert_eq!(sealed.as_bytes()[0], 1);
        assert_eq!(&sealed.as_bytes()[1..9], key.id().as_bytes());
        assert_eq!(sealed.key_id().unwrap(), key.id());
        assert_eq!(Sealed::from_text(&sealed.to_text()).unwrap(), sealed);
    }

    #[test]
    fn ids_are_read_back() {
        let id = Key::new(Zeroizing::new([7; KEY])).id();
        assert_eq!(id.to_string().parse::<KeyId>().unwrap(), id);
        for bad in ["", "0", "+123456789abcdef", "00112233445566zz", "00112233445566778"] {
            assert!(bad.parse::<KeyId>().is_err(), "{bad}");
        }
    }

    /// What was sealed once must open for ever.
    #[test]
    fn a_value_of_the_first_version_opens() {
        let key = Key::new(Zeroizing::new([7; KEY]));
        let sealed = "Ad/WBRFP939PTLvYylIVuNFhrsGBh73x/KbW0nUwvrke89RHzoq2u4c=";
        let plain =
            key.open(&RecordId::new("connection", "1", "password"), &Sealed::from_text(sealed).unwrap());
        assert_eq!(**plain.unwrap(), *b"ahoy");
    }
}
