//! Hash, compression and cipher: the work that no engine can leave out.

use aes::Aes256;
use anyhow::{Context, Result, ensure};
use ctr::cipher::{KeyIvInit, StreamCipher};
use sha2::{Digest, Sha256};
use zstd::bulk::{Compressor, Decompressor};

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// The largest piece: files are cut at its multiples.
pub(crate) const PIECE: usize = 1 << 20;

/// Only the speed of the cipher matters here; nothing is kept secret.
const KEY: [u8; 32] = *b"a yardstick has nothing to hide.";

pub(crate) fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// Encrypts or decrypts in place. The counter starts at the hash of the piece, which never repeats for other content.
fn cipher(bytes: &mut [u8], hash: &Hash) {
    let mut start = [0; 16];
    start.copy_from_slice(&hash[..16]);
    ctr::Ctr128BE::<Aes256>::new(&KEY.into(), &start.into()).apply_keystream(bytes);
}

/// Turns pieces into what is stored; one per thread, so that its context and buffer are reused.
pub(crate) struct Encoder {
    compressor: Compressor<'static>,
    buffer: Vec<u8>,
}

impl Encoder {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            compressor: Compressor::new(3)?,
            buffer: Vec::with_capacity(zstd::zstd_safe::compress_bound(PIECE)),
        })
    }

    /// Appends the stored form of `raw` to `pack`; gives its length. What does not shrink is stored as it is.
    pub(crate) fn append(&mut self, raw: &[u8], hash: &Hash, pack: &mut Vec<u8>) -> Result<usize> {
        self.buffer.clear();
        self.compressor.compress_to_buffer(raw, &mut self.buffer)?;
        let stored = if self.buffer.len() < raw.len() { self.buffer.as_slice() } else { raw };
        let start = pack.len();
        pack.extend_from_slice(stored);
        let appended = pack.get_mut(start..).context("a pack lost its end")?;
        cipher(appended, hash);
        Ok(appended.len())
    }
}

/// Turns stored pieces back; one per thread.
pub(crate) struct Decoder {
    decompressor: Decompressor<'static>,
    buffer: Vec<u8>,
}

impl Decoder {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { decompressor: Decompressor::new()?, buffer: Vec::with_capacity(PIECE) })
    }

    /// The piece of `length` bytes whose stored form is `stored` (which is decrypted in place), checked against its hash.
    pub(crate) fn decode<'a>(
        &'a mut self,
        stored: &'a mut [u8],
        length: usize,
        hash: &Hash,
    ) -> Result<&'a [u8]> {
        cipher(stored, hash);
        let raw = if stored.len() < length {
            self.buffer.clear();
            self.decompressor.decompress_to_buffer(stored, &mut self.buffer)?;
            self.buffer.as_slice()
        } else {
            stored
        };
        ensure!(self::hash(raw) == *hash, "a piece does not have its hash");
        Ok(raw)
    }
}
