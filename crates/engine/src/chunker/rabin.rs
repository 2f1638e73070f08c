//! The rolling fingerprint, in several lanes.
//!
//! One fingerprint is a chain of dependent table look-ups, and a core waits for most of each. Lanes over
//! neighbouring stretches of the data are independent, so their waits overlap.

use super::polynomial::{DEGREE, Polynomial};

/// Bytes that a fingerprint covers.
pub const WINDOW: usize = 64;

/// Lanes that are searched at once.
const LANES: usize = 5;
/// Bytes a lane searches before the results are compared: a found cut wastes at most `LANES` of these.
const STRETCH: usize = 8 << 10;
/// The same for what is left at the end, where longer ones do not fit.
const SHORT_STRETCH: usize = 1 << 10;

/// The tables of one polynomial.
#[derive(Clone)]
pub struct Rabin {
    /// What a byte still contributes once 64 more have come, to be taken out then: off the chain from one fingerprint to the next.
    out: Box<[u64; 256]>,
    /// What the top byte becomes when reduced, with the top byte itself so that one XOR does both.
    reduce: Box<[u64; 256]>,
}

impl Rabin {
    /// Computes the tables.
    #[must_use]
    pub fn new(polynomial: Polynomial) -> Self {
        let mut out = Box::new([0; 256]);
        let mut reduce = Box::new([0; 256]);
        for byte in 0..=255_u8 {
            let mut longer = [0; WINDOW + 1];
            longer[0] = byte;
            out[usize::from(byte)] = polynomial.fingerprint(&longer);
            let top = u64::from(byte) << DEGREE;
            reduce[usize::from(byte)] = polynomial.reduce(u128::from(byte) << DEGREE) | top;
        }
        Self { out, reduce }
    }

    #[inline(always)]
    fn append(&self, digest: u64, byte: u8) -> u64 {
        let top = (digest >> (DEGREE - 8)) as u8;
        (digest << 8 | u64::from(byte)) ^ self.reduce[usize::from(top)]
    }

    #[inline(always)]
    fn roll(&self, digest: u64, gone: u8, byte: u8) -> u64 {
        self.append(digest, byte) ^ self.out[usize::from(gone)]
    }

    /// The fingerprint of the 64 bytes before `end`.
    fn fingerprint(&self, data: &[u8], end: usize) -> u64 {
        let window = end.checked_sub(WINDOW).and_then(|start| data.get(start..end)).unwrap_or_default();
        window.iter().fold(0, |digest, &byte| self.append(digest, byte))
    }

    /// The smallest length in `from..=until` whose last 64 bytes have a fingerprint with `bits` low zero
    /// bits. `from` is at least 64 and `until` at most the length of the data.
    #[must_use]
    pub fn first_cut(&self, data: &[u8], from: usize, until: usize, bits: u32) -> Option<usize> {
        let mask = (1_u64 << bits) - 1;
        let mut at = from.max(WINDOW);
        while until.saturating_sub(at) >= LANES * STRETCH {
            if let Some(cut) = self.search_lanes::<STRETCH>(data, at, mask) {
                return Some(cut);
            }
            at += LANES * STRETCH;
        }
        while until.saturating_sub(at) >= LANES * SHORT_STRETCH {
            if let Some(cut) = self.search_lanes::<SHORT_STRETCH>(data, at, mask) {
                return Some(cut);
            }
            at += LANES * SHORT_STRETCH;
        }
        self.search(data, at, until, mask)
    }

    fn search(&self, data: &[u8], from: usize, until: usize, mask: u64) -> Option<usize> {
        if from > until {
            return None;
        }
        let mut digest = self.fingerprint(data, from);
        if digest & mask == 0 {
            return Some(from);
        }
        let gone = data.get(from - WINDOW..until - WINDOW)?;
        let come = data.get(from..until)?;
        for (step, (&gone, &byte)) in gone.iter().zip(come).enumerate() {
            digest = self.roll(digest, gone, byte);
            if digest & mask == 0 {
                return Some(from + step + 1);
            }
        }
        None
    }

    /// Searches the lengths `from..from + LANES * STRETCH`.
    fn search_lanes<const STRETCH: usize>(&self, data: &[u8], from: usize, mask: u64) -> Option<usize> {
        let mut digests = [0; LANES];
        let mut gone: [&[u8; STRETCH]; LANES] = [&[0; STRETCH]; LANES];
        let mut come: [&[u8; STRETCH]; LANES] = [&[0; STRETCH]; LANES];
        let mut found = [None; LANES];
        for lane in 0..LANES {
            let start = from + lane * STRETCH;
            digests[lane] = self.fingerprint(data, start);
            if digests[lane] & mask == 0 {
                found[lane] = Some(start);
            }
            // A lane's first length is `start` itself; it rolls on over the STRETCH - 1 that follow.
            gone[lane] = data.get(start - WINDOW..)?.first_chunk()?;
            come[lane] = data.get(start..)?.first_chunk()?;
        }
        for step in 0..STRETCH - 1 {
            for lane in 0..LANES {
                digests[lane] = self.roll(digests[lane], gone[lane][step], come[lane][step]);
            }
            // Most steps find nothing in any lane: one test for all of them keeps the loop tight.
            if digests.iter().any(|digest| digest & mask == 0) {
                for lane in 0..LANES {
                    if digests[lane] & mask == 0 && found[lane].is_none() {
                        found[lane] = Some(from + lane * STRETCH + step + 1);
                    }
                }
                if found[0].is_some() {
                    break;
                }
            }
        }
        found.into_iter().flatten().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn lanes_find_the_cut_that_one_chain_finds(seed in any::<u64>(), from in 64_usize..60_000, bits in 10_u32..18) {
            let mut data = vec![0; 300_000];
            backstay_core::Random::fill(&crate::testing::CountingRandom::seeded(seed), &mut data);
            let rabin = Rabin::new(Polynomial::EXAMPLE);
            let (until, mask) = (data.len(), (1 << bits) - 1);
            prop_assert_eq!(rabin.first_cut(&data, from, until, bits), rabin.search(&data, from, until, mask));
        }
    }
}
