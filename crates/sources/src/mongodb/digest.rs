//! A sum over documents that does not depend on their order.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// How many documents there are, how many bytes, and the sum of their SHA-256 hashes as numbers of 256 bits.
///
/// It tells whether two places hold the same documents, byte for byte, whatever the order. It is made against damage and mistakes, not
/// against somebody who chooses documents so that their sums agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest {
    /// Documents.
    pub documents: u64,
    /// Their bytes.
    pub bytes: u64,
    sum: [u64; 4],
}

impl Digest {
    /// Takes in a document.
    pub fn add(&mut self, document: &[u8]) {
        let hash = Sha256::digest(document);
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(hash.chunks_exact(8)) {
            *word = bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
        }
        self.documents += 1;
        self.bytes += document.len() as u64;
        self.sum_up(words);
    }

    /// Takes in what another one took in.
    pub fn merge(&mut self, other: &Self) {
        self.documents += other.documents;
        self.bytes += other.bytes;
        self.sum_up(other.sum);
    }

    /// The sum as 64 hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> String {
        self.sum.iter().map(|word| format!("{word:016x}")).collect()
    }

    /// Adds words with the most significant one first.
    fn sum_up(&mut self, words: [u64; 4]) {
        let mut carry = 0;
        for (sum, word) in self.sum.iter_mut().zip(words).rev() {
            let total = u128::from(*sum) + u128::from(word) + carry;
            *sum = total as u64;
            carry = total >> 64;
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} documents of {} bytes ({})", self.documents, self.bytes, self.hash())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_content_does() {
        let of = |documents: &[&[u8]]| {
            let mut digest = Digest::default();
            documents.iter().for_each(|document| digest.add(document));
            digest
        };
        assert_eq!(of(&[b"one", b"two", b"two"]), of(&[b"two", b"one", b"two"]));
        assert_ne!(of(&[b"one", b"two", b"two"]), of(&[b"one", b"one", b"two"]));
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        let mut merged = of(&[b"one"]);
        merged.merge(&of(&[b"two", b"two"]));
        assert_eq!(merged, of(&[b"one", b"two", b"two"]));
        // SHA-256 of nothing, added to itself: the carry goes all the way up.
        assert!(of(&[b"", b""]).hash().starts_with("c7618885"), "{}", of(&[b"", b""]).hash());
    }
}
