//! Sealing and opening: AES-256-CTR with Poly1305-AES, as restic's design document defines it.
//!
//! A sealed message is `IV (16) ‖ ciphertext ‖ MAC (16)`.

mod hash;
mod kdf;
mod lanes;

use aes::cipher::{BlockCipherEncrypt, InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use aes::{Aes128, Aes256};
use backstay_core::Random;
use ctr::CtrCore;
use poly1305::Poly1305;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

pub use hash::{Hasher, hash, hash_beside, hash_both};
pub use kdf::{KdfParams, derive};

/// Bytes that sealing adds to a message.
pub const OVERHEAD: usize = IV + MAC;
/// Bytes before the message.
pub(crate) const IV: usize = 16;
/// Bytes after the message.
pub(crate) const MAC: usize = 16;

/// A message whose MAC does not fit: garbled, cut short, or sealed with another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("authentication failed: the data was changed or belongs to another key")]
pub struct Unauthentic;

/// The three parts of a key as the repository stores them.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct KeyBytes {
    /// AES-256 key of the cipher.
    pub encrypt: [u8; 32],
    /// AES-128 key of the MAC.
    pub mac_k: [u8; 16],
    /// The MAC's `r`, before clamping.
    pub mac_r: [u8; 16],
}

impl KeyBytes {
    /// A new random key.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; 64];
        random.fill(&mut bytes);
        let key = Self::from_derived(&bytes);
        bytes.zeroize();
        key
    }

    /// Splits 64 bytes into the three parts, in the order in which restic splits what scrypt gives.
    #[must_use]
    pub fn from_derived(bytes: &[u8; 64]) -> Self {
        let mut key = Self { encrypt: [0; 32], mac_k: [0; 16], mac_r: [0; 16] };
        key.encrypt.copy_from_slice(&bytes[..32]);
        key.mac_k.copy_from_slice(&bytes[32..48]);
        key.mac_r.copy_from_slice(&bytes[48..]);
        key
    }
}

/// The JSON in which a key file's `data` holds the master key.
#[derive(Serialize, Deserialize)]
struct KeyJson {
    mac: MacJson,
    encrypt: String,
}

#[derive(Serialize, Deserialize)]
struct MacJson {
    k: String,
    r: String,
}

impl KeyBytes {
    /// The key as JSON, to be sealed.
    pub(crate) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        use base64::Engine;
        let text = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        serde_json::to_vec(&KeyJson {
            mac: MacJson { k: text(&self.mac_k), r: text(&self.mac_r) },
            encrypt: text(&self.encrypt),
        })
    }

    /// Reads what [`KeyBytes::to_json`] wrote; `None` when it is not a key.
    pub(crate) fn from_json(json: &[u8]) -> Option<Self> {
        use base64::Engine;
        let key: KeyJson = serde_json::from_slice(json).ok()?;
        let bytes = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).ok();
        Some(Self {
            encrypt: bytes(&key.encrypt)?.try_into().ok()?,
            mac_k: bytes(&key.mac.k)?.try_into().ok()?,
            mac_r: bytes(&key.mac.r)?.try_into().ok()?,
        })
    }
}

/// A key that is ready for work.
#[derive(Clone)]
pub struct Key {
    cipher: Aes256,
    mac: Aes128,
    mac_r: [u8; 16],
}

impl Key {
    /// Expands the key.
    #[must_use]
    pub fn new(bytes: &KeyBytes) -> Self {
        Self {
            cipher: Aes256::new(&bytes.encrypt.into()),
            mac: Aes128::new(&bytes.mac_k.into()),
            mac_r: bytes.mac_r,
        }
    }

    /// Appends the sealed form of `plain` to `out`.
    pub fn seal(&self, random: &dyn Random, plain: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.reserve(plain.len() + OVERHEAD);
        out.extend_from_slice(&[0; IV]);
        out.extend_from_slice(plain);
        out.extend_from_slice(&[0; MAC]);
        if let Some(region) = out.get_mut(start..) {
            self.seal_in_place(random, region);
        }
    }

    /// Seals a message that stands in `region` already, with [`IV`] bytes of room before and [`MAC`] bytes after it.
    pub(crate) fn seal_in_place(&self, random: &dyn Random, region: &mut [u8]) {
        let mut iv = [0; IV];
        while iv == [0; IV] {
            random.fill(&mut iv);
        }
        let Some((head, rest)) = region.split_first_chunk_mut::<IV>() else { return };
        let Some((message, tail)) = rest.split_last_chunk_mut::<MAC>() else { return };
        *head = iv;
        self.apply_keystream(&iv, message);
        *tail = self.mac(&iv, message);
    }

    /// Checks and decrypts a sealed message in place; returns the plain part of the buffer.
    ///
    /// # Errors
    /// [`Unauthentic`] when the message is too short, has an all-zero IV or a wrong MAC. The buffer is as it was.
    pub fn open<'a>(&self, sealed: &'a mut [u8]) -> Result<&'a mut [u8], Unauthentic> {
        let (head, rest) = sealed.split_at_mut_checked(IV).ok_or(Unauthentic)?;
        let split = rest.len().checked_sub(MAC).ok_or(Unauthentic)?;
        let (message, mac) = rest.split_at_mut(split);
        let iv: [u8; IV] = (&*head).try_into().map_err(|_| Unauthentic)?;
        let expected = self.mac(&iv, message);
        let difference = expected.iter().zip(mac.iter()).fold(0, |sum, (a, b)| sum | (a ^ b));
        if difference != 0 || iv == [0; IV] {
            return Err(Unauthentic);
        }
        self.apply_keystream(&iv, message);
        Ok(message)
    }

    fn apply_keystream(&self, iv: &[u8; IV], data: &mut [u8]) {
        let core = CtrCore::<Aes256, ctr::flavors::Ctr128BE>::inner_iv_init(self.cipher.clone(), iv.into());
        StreamCipherCoreWrapper::from_core(core).apply_keystream(data);
    }

    fn mac(&self, iv: &[u8; IV], data: &[u8]) -> [u8; MAC] {
        let mut s = (*iv).into();
        self.mac.encrypt_block(&mut s);
        let mut key = [0; 32];
        key[..16].copy_from_slice(&self.mac_r);
        key[16..].copy_from_slice(&s);
        Poly1305::new(&key.into()).compute_unpadded(data).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::CountingRandom;

    #[test]
    fn what_is_sealed_opens_and_nothing_else_does() {
        let random = CountingRandom::default();
        let key = Key::new(&KeyBytes::generate(&random));
        for length in [0, 1, 15, 16, 17, 4096, 100_000] {
            let plain = vec![7; length];
            let mut sealed = b"before".to_vec();
            key.seal(&random, &plain, &mut sealed);
            assert_eq!(sealed.len(), 6 + length + OVERHEAD);
            let mut copy = sealed[6..].to_vec();
            assert_eq!(key.open(&mut copy).unwrap(), plain);
            for position in [6, 6 + length / 2, sealed.len() - 1] {
                let mut garbled = sealed[6..].to_vec();
                garbled[position - 6] ^= 1;
                assert_eq!(key.open(&mut garbled), Err(Unauthentic), "{length} {position}");
            }
        }
        assert_eq!(key.open(&mut [0; 31]), Err(Unauthentic));
    }
}
