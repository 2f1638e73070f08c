//! Content-defined chunking, bit-identical to restic's chunker.
//!
//! A Rabin fingerprint of the last 64 bytes decides: a chunk ends where its low 20 bits are zero, but never before
//! 512 KiB and never after 8 MiB. Since the fingerprint at a place depends only on the 64 bytes before it,
//! the search runs in several independent lanes at once (see [`rabin`]).

pub mod polynomial;
pub mod rabin;

pub use polynomial::Polynomial;
pub use rabin::Rabin;

/// Where chunks may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkSizes {
    /// Least bytes of a chunk, except the last of a file. At least 64.
    pub min: usize,
    /// Most bytes of a chunk.
    pub max: usize,
    /// How many low bits of the fingerprint must be zero: chunks beyond `min` are `2^bits` bytes on average.
    pub bits: u32,
}

impl ChunkSizes {
    /// What restic uses, and what a repository that restic shares must use.
    pub const RESTIC: Self = Self { min: 512 << 10, max: 8 << 20, bits: 20 };

    /// Small chunks, so that tests meet many cuts in little data.
    pub const TINY: Self = Self { min: 64, max: 1024, bits: 7 };
}

impl Default for ChunkSizes {
    fn default() -> Self {
        Self::RESTIC
    }
}

/// Finds cuts in a stream by one polynomial.
#[derive(Clone)]
pub struct Chunker {
    rabin: Rabin,
    sizes: ChunkSizes,
}

impl Chunker {
    /// A chunker for a polynomial.
    #[must_use]
    pub fn new(polynomial: Polynomial, sizes: ChunkSizes) -> Self {
        Self { rabin: Rabin::new(polynomial), sizes }
    }

    /// The sizes it cuts by.
    #[must_use]
    pub fn sizes(&self) -> ChunkSizes {
        self.sizes
    }

    /// The length of the chunk at the start of `data`, of which the first `searched` bytes are known to hold no cut. `None` when it ends
    /// beyond `data`; call again with more bytes, and with `data.len()` as `searched`.
    #[must_use]
    pub fn cut(&self, data: &[u8], searched: usize) -> Option<usize> {
        let from = self.sizes.min.max(searched + 1);
        let until = data.len().min(self.sizes.max);
        if from <= until
            && let Some(length) = self.rabin.first_cut(data, from, until, self.sizes.bits)
        {
            return Some(length);
        }
        (data.len() >= self.sizes.max).then_some(self.sizes.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, byte by byte: the oracle for the lanes.
    fn slow_cuts(polynomial: Polynomial, sizes: ChunkSizes, data: &[u8]) -> Vec<usize> {
        let mut cuts = Vec::new();
        let mut start = 0;
        for end in 1..=data.len() {
            let length = end - start;
            let window = &data[end.saturating_sub(64).max(start)..end];
            let zero = polynomial.fingerprint(window) & ((1 << sizes.bits) - 1) == 0;
            if length >= sizes.max || (length >= sizes.min && zero) {
                cuts.push(length);
                start = end;
            }
        }
        if start < data.len() {
            cuts.push(data.len() - start);
        }
        cuts
    }

    fn cuts(chunker: &Chunker, mut data: &[u8], step: usize) -> Vec<usize> {
        let mut cuts = Vec::new();
        while !data.is_empty() {
            let (mut seen, mut searched) = (step.min(data.len()), 0);
            let length = loop {
                match chunker.cut(&data[..seen], searched) {
                    Some(length) => break length,
                    None if seen == data.len() => break seen,
                    None => {
                        searched = seen;
                        seen = (seen + step).min(data.len());
                    }
                }
            };
            cuts.push(length);
            data = &data[length..];
        }
        cuts
    }

    proptest! {
        #[test]
        fn cuts_are_those_of_the_definition(
            seed in any::<u64>(), length in 0_usize..6_000, step in 1_usize..5_000, zeros in any::<bool>(),
        ) {
            let random = crate::testing::CountingRandom::seeded(seed);
            let mut data = vec![0; length];
            backstay_core::Random::fill(&random, &mut data);
            if zeros {
                let middle = length / 2;
                data[..middle].fill(0);
            }
            let polynomial = Polynomial::EXAMPLE;
            let chunker = Chunker::new(polynomial, ChunkSizes::TINY);
            prop_assert_eq!(cuts(&chunker, &data, step), slow_cuts(polynomial, ChunkSizes::TINY, &data));
        }
    }
}
