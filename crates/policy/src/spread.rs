//! Numbers that look random and are a function of what they are for.

/// One step of the splitmix64 generator: every bit of the input changes about half of the output's.
const fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number from 0 to `most`, both included, that depends on the seed and on what it is for, and on nothing else.
pub(crate) fn spread(seed: u64, subject: u64, most: u64) -> u64 {
    let wide = u128::from(mix(mix(seed) ^ subject)) * (u128::from(most) + 1);
    u64::try_from(wide >> 64).unwrap_or(most)
}
