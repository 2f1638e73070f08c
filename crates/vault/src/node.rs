//! Boxes that only one node opens: how secrets travel to agents.
//!
//! ```text
//! version (1 byte, now 1) │ id of the node's public key (8) │ encapsulated key (32) │ ciphertext and tag (plain length + 16)
//! ```
//!
//! HPKE in base mode (RFC 9180) with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305. Each box has an ephemeral
//! key of its own. Associated data are the version, the key id and the [record](RecordId). Base mode says nothing about the
//! sender: an agent takes boxes only from a server that the connection has proved.

use std::convert::Infallible;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use backstay_core::Random;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::cipher::Key;
use crate::{KeyId, RecordId, Result, Secret, VaultError, master};

type PublicKey = <X25519HkdfSha256 as Kem>::PublicKey;
type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;
type EncappedKey = <X25519HkdfSha256 as Kem>::EncappedKey;

const VERSION: u8 = 1;
const ID: usize = 8;
const PUBLIC: usize = 32;
const TAG: usize = 16;
const INFO: &[u8] = b"backstay sealed box 1";
const WHAT: &str = "node key file";

/// What secrets for a node are sealed to. It is no secret; written as base64.
#[derive(Clone, PartialEq, Eq)]
pub struct NodePublicKey(PublicKey);

impl NodePublicKey {
    /// By what nodes' keys are told apart.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::derive("backstay node key", &self.0.to_bytes())
    }

    /// The X25519 key's 32 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; PUBLIC] {
        self.0.to_bytes().into()
    }
}

impl fmt::Display for NodePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.to_bytes()))
    }
}

impl fmt::Debug for NodePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodePublicKey({self})")
    }
}

impl FromStr for NodePublicKey {
    type Err = VaultError;

    fn from_str(text: &str) -> Result<Self> {
        let what = "the node's public key";
        let bytes =
            STANDARD.decode(text).map_err(|error| VaultError::Text { what, why: error.to_string() })?;
        let key = PublicKey::from_bytes(&bytes);
        key.map(Self).map_err(|error| VaultError::Text { what, why: error.to_string() })
    }
}

impl Serialize for NodePublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NodePublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A node's own key pair. It never leaves the node.
#[derive(Clone)]
pub struct NodeKey {
    /// What the pair is derived from (RFC 9180, `DeriveKeyPair`), and what is kept.
    seed: Key,
    private: PrivateKey,
    public: NodePublicKey,
}

impl NodeKey {
    /// A new key pair.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        Self::from_key(Key::generate(random))
    }

    /// The key pair in a file of 32 raw bytes that only its owner may read (0600 or less); where there is none, it is made
    /// and durable before this returns.
    ///
    /// # Errors
    /// [`VaultError::TooOpen`] when others may read it, [`VaultError::Damaged`] when it has another length,
    /// [`VaultError::File`] when it cannot be read or made.
    pub fn from_file_or_new(path: &Path, random: &dyn Random) -> Result<Self> {
        master::read_or_make_key(path, WHAT, random).map(Self::from_key)
    }

    /// The key pair of text, as [`to_text`](Self::to_text) writes it.
    ///
    /// # Errors
    /// [`VaultError::Text`] when it is none; the text is not shown.
    pub fn from_text(text: &Secret) -> Result<Self> {
        master::key_of_text(text, "the node's key").map(Self::from_key)
    }

    /// What the key pair is made of, as base64: as secret as the private key.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        Secret::new(STANDARD.encode(self.seed.expose()))
    }

    /// What others seal to.
    #[must_use]
    pub const fn public(&self) -> &NodePublicKey {
        &self.public
    }

    /// Opens a box that was sealed to this node for this record.
    ///
    /// # Errors
    /// [`VaultError::Truncated`] and [`VaultError::Version`] when it is no box, [`VaultError::OtherNode`] when it is sealed to
    /// another key, [`VaultError::Altered`] when it was changed or belongs to another record.
    pub fn open(&self, record: &RecordId, sealed: &SealedBox) -> Result<Zeroizing<Vec<u8>>> {
        let Parts { key, encapped, ciphertext } = sealed.parts()?;
        let own = self.public.id();
        if key != own {
            return Err(VaultError::OtherNode { record: record.clone(), key, own });
        }
        let altered = |_| VaultError::Altered { record: record.clone() };
        let encapped = EncappedKey::from_bytes(encapped).map_err(altered)?;
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.private,
            &encapped,
            INFO,
            ciphertext,
            &associated(own, record),
        )
        .map(Zeroizing::new)
        .map_err(altered)
    }

    fn from_key(seed: Key) -> Self {
        let (private, public) = X25519HkdfSha256::derive_keypair(seed.expose());
        Self { seed, private, public: NodePublicKey(public) }
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeKey({})", self.public)
    }
}

/// A secret that is safe to send. Only the node that it is sealed to opens it, and only for its record. Serialised as base64.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SealedBox(Vec<u8>);

impl SealedBox {
    /// As it came. Whether it is whole shows when it is opened.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// As it is to be sent.
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
            Err(error) => Err(VaultError::Text { what: "the sealed box", why: error.to_string() }),
        }
    }

    fn parts(&self) -> Result<Parts<'_>> {
        let truncated = || VaultError::Truncated { length: self.0.len() };
        let (version, rest) = self.0.split_first().ok_or_else(truncated)?;
        if *version != VERSION {
            return Err(VaultError::Version { version: *version });
        }
        let (key, rest) = rest.split_first_chunk::<ID>().ok_or_else(truncated)?;
        let (encapped, ciphertext) = rest.split_first_chunk::<PUBLIC>().ok_or_else(truncated)?;
        if ciphertext.len() < TAG {
            return Err(truncated());
        }
        Ok(Parts { key: KeyId::from_bytes(*key), encapped, ciphertext })
    }
}

impl fmt::Debug for SealedBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedBox({} bytes)", self.0.len())
    }
}

impl Serialize for SealedBox {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for SealedBox {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_text(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

struct Parts<'a> {
    key: KeyId,
    encapped: &'a [u8; PUBLIC],
    ciphertext: &'a [u8],
}

/// Seals a secret so that only this node opens it, and only for this record.
///
/// # Errors
/// [`VaultError::PublicKey`] when the key is a point that keeps no secret, [`VaultError::TooLong`] when the secret is.
pub fn seal_to(
    node: &NodePublicKey,
    record: &RecordId,
    plain: &[u8],
    random: &dyn Random,
) -> Result<SealedBox> {
    let id = node.id();
    let (encapped, ciphertext) =
        hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &node.0,
            INFO,
            plain,
            &associated(id, record),
            &mut Source(random),
        )
        .map_err(|error| match error {
            hpke::HpkeError::SealError => VaultError::TooLong { record: record.clone() },
            _ => VaultError::PublicKey,
        })?;
    let mut sealed = vec![VERSION];
    sealed.extend_from_slice(id.as_bytes());
    sealed.extend_from_slice(&encapped.to_bytes());
    sealed.extend_from_slice(&ciphertext);
    Ok(SealedBox(sealed))
}

fn associated(key: KeyId, record: &RecordId) -> Vec<u8> {
    let mut aad = vec![VERSION];
    aad.extend_from_slice(key.as_bytes());
    aad.extend_from_slice(&record.to_bytes());
    aad
}

/// Our random source as the cipher's crate wants it.
struct Source<'a>(&'a dyn Random);

impl TryRng for Source<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(buffer);
        Ok(())
    }
}

impl TryCryptoRng for Source<'_> {}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
