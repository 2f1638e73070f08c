//! What the tests share: repositories that are made in a moment, sources and targets in memory, trees on disk.

pub(crate) mod forge;
pub(crate) mod freezer;
pub(crate) mod image;
pub(crate) mod oddities;
pub(crate) mod recorder;
pub(crate) mod restic;
pub(crate) mod several;
pub(crate) mod shelf;
pub(crate) mod source;
pub(crate) mod vault;
pub(crate) mod wrapped;

/// Bytes that do not compress and never repeat, the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    use backstay_core::Random;
    let mut bytes = vec![0; length];
    backstay_engine::testing::CountingRandom::seeded(seed).fill(&mut bytes);
    bytes
}
