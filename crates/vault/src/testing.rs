//! Random bytes that tests own.

use std::sync::atomic::{AtomicU64, Ordering};

use backstay_core::Random;
use sha2::{Digest, Sha256};

/// The same bytes for the same seed.
pub(crate) struct TestRandom(u64, AtomicU64);

impl TestRandom {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed, AtomicU64::new(0))
    }
}

impl Random for TestRandom {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let count = self.1.fetch_add(1, Ordering::Relaxed);
            let block = Sha256::digest([self.0.to_le_bytes(), count.to_le_bytes()].concat());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}
