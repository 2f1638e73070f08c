//! SHA-256, by which everything in a repository is named.

use backstay_core::FileId;
use sha2::Digest;

/// The SHA-256 of `data`.
#[must_use]
pub fn hash(data: &[u8]) -> FileId {
    FileId(sha2::Sha256::digest(data).into())
}

/// A SHA-256 that is fed piece by piece.
#[derive(Clone, Default)]
pub struct Hasher(sha2::Sha256);

impl Hasher {
    /// Adds data.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The hash of all that was added; the hasher is as new.
    pub fn finish(&mut self) -> FileId {
        FileId(self.0.finalize_reset().into())
    }
}
