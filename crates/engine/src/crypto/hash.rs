//! SHA-256, by which everything in a repository is named.
//!
//! Two messages can be hashed at once ([`hash_beside`]): with the processor's SHA instructions one message keeps the unit busy only part of
//! the time, since each round waits for the one before; two take half as long again, not twice (see `docs/performance.md`).

use backstay_core::FileId;
use sha2::block_api::compress256;

use super::lanes;

const BLOCK: usize = 64;
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The SHA-256 of `data`.
#[must_use]
pub fn hash(data: &[u8]) -> FileId {
    let mut hasher = Hasher::default();
    hasher.update(data);
    hasher.finish()
}

/// The SHA-256 of `data`, while `other` takes in as much of `more` as fits beside it; returns how much that was.
#[must_use]
pub fn hash_beside(data: &[u8], other: &mut Hasher, more: &[u8]) -> (FileId, usize) {
    let mut hasher = Hasher::default();
    let taken = more.len().min(data.len());
    update_both((&mut hasher, data), (other, more.get(..taken).unwrap_or_default()));
    (hasher.finish(), taken)
}

/// The SHA-256 of both.
#[must_use]
pub fn hash_both(a: &[u8], b: &[u8]) -> (FileId, FileId) {
    let mut other = Hasher::default();
    let (id, taken) = hash_beside(a, &mut other, b);
    other.update(b.get(taken..).unwrap_or_default());
    (id, other.finish())
}

/// A SHA-256 that is fed piece by piece.
#[derive(Clone)]
pub struct Hasher {
    state: [u32; 8],
    length: u64,
    /// Bytes that do not fill a block yet.
    rest: [u8; BLOCK],
    filled: usize,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { state: START, length: 0, rest: [0; BLOCK], filled: 0 }
    }
}

impl Hasher {
    /// Adds data.
    pub fn update(&mut self, data: &[u8]) {
        let data = self.fill(data);
        let (blocks, rest) = data.as_chunks::<BLOCK>();
        compress256(&mut self.state, blocks);
        self.keep(rest);
    }

    /// The hash of all that was added; the hasher is as new.
    pub fn finish(&mut self) -> FileId {
        let bits = self.length.wrapping_mul(8);
        let mut tail = [0; 2 * BLOCK];
        let mut end = 0;
        for (target, byte) in tail.iter_mut().zip(self.rest.iter().take(self.filled).chain(&[0x80])) {
            *target = *byte;
            end += 1;
        }
        let blocks = if end + 8 <= BLOCK { 1 } else { 2 };
        if let Some(field) = tail.get_mut(blocks * BLOCK - 8..blocks * BLOCK) {
            field.copy_from_slice(&bits.to_be_bytes());
        }
        let (all, _) = tail.as_chunks::<BLOCK>();
        compress256(&mut self.state, all.get(..blocks).unwrap_or_default());
        let mut id = [0; 32];
        for (bytes, word) in id.chunks_exact_mut(4).zip(self.state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        *self = Self::default();
        FileId(id)
    }

    /// Counts `data`, completes a block that was begun, and returns what is left of `data`.
    fn fill<'a>(&mut self, data: &'a [u8]) -> &'a [u8] {
        self.length = self.length.wrapping_add(data.len() as u64);
        if self.filled == 0 {
            return data;
        }
        let (now, later) = data.split_at(data.len().min(BLOCK - self.filled));
        for (target, byte) in self.rest.iter_mut().skip(self.filled).zip(now) {
            *target = *byte;
        }
        self.filled += now.len();
        if self.filled == BLOCK {
            compress256(&mut self.state, &[self.rest]);
            self.filled = 0;
        }
        later
    }

    /// Keeps less than a block for later; nothing is kept so far unless `rest` is empty.
    fn keep(&mut self, rest: &[u8]) {
        for (target, byte) in self.rest.iter_mut().skip(self.filled).zip(rest) {
            *target = *byte;
        }
        self.filled += rest.len();
    }
}

/// Feeds two hashers, at once as far as both have data.
fn update_both(a: (&mut Hasher, &[u8]), b: (&mut Hasher, &[u8])) {
    let ((hasher_a, data_a), (hasher_b, data_b)) = (a, b);
    let (data_a, data_b) = (hasher_a.fill(data_a), hasher_b.fill(data_b));
    let (blocks_a, rest_a) = data_a.as_chunks::<BLOCK>();
    let (blocks_b, rest_b) = data_b.as_chunks::<BLOCK>();
    let both = blocks_a.len().min(blocks_b.len());
    let (both_a, more_a) = blocks_a.split_at(both);
    let (both_b, more_b) = blocks_b.split_at(both);
    lanes::compress_both((&mut hasher_a.state, both_a), (&mut hasher_b.state, both_b));
    compress256(&mut hasher_a.state, more_a);
    compress256(&mut hasher_b.state, more_b);
    hasher_a.keep(rest_a);
    hasher_b.keep(rest_b);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::Digest;

    fn expected(data: &[u8]) -> FileId {
        FileId(sha2::Sha256::digest(data).into())
    }

    proptest! {
        #[test]
        fn hashes_are_those_of_sha2(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..6)) {
            let mut hasher = Hasher::default();
            pieces.iter().for_each(|piece| hasher.update(piece));
            prop_assert_eq!(hasher.finish(), expected(&pieces.concat()));
            prop_assert_eq!(hasher.finish(), expected(b""));
        }

        #[test]
        fn two_at_once_are_as_one_after_the_other(
            data in proptest::collection::vec(any::<u8>(), 0..1000),
            before in proptest::collection::vec(any::<u8>(), 0..200),
            more in proptest::collection::vec(any::<u8>(), 0..1000),
        ) {
            let mut other = Hasher::default();
            other.update(&before);
            let (id, taken) = hash_beside(&data, &mut other, &more);
            prop_assert_eq!(id, expected(&data));
            prop_assert_eq!(taken, data.len().min(more.len()));
            other.update(&more[taken..]);
            prop_assert_eq!(other.finish(), expected(&[before, more].concat()));
        }
    }
}
