//! SHA-256 of two messages at once, where the processor has instructions for it.

use sha2::block_api::compress256;

type State = [u32; 8];
type Blocks<'a> = &'a [[u8; 64]];

/// Takes equally many blocks into two states.
pub(super) fn compress_both(a: (&mut State, Blocks<'_>), b: (&mut State, Blocks<'_>)) {
    debug_assert_eq!(a.1.len(), b.1.len());
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("sha")
        && std::arch::is_x86_feature_detected!("sse4.1")
        && std::arch::is_x86_feature_detected!("ssse3")
    {
        // SAFETY: the function needs just the three features that were detected, and does nothing else that is unsafe.
        #[allow(unsafe_code)]
        unsafe {
            x86::compress_both(a, b);
        }
        return;
    }
    compress256(a.0, a.1);
    compress256(b.0, b.1);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
        _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32,
        _mm_shuffle_epi8, _mm_shuffle_epi32,
    };

    use super::{Blocks, State};

    /// The round constants of FIPS 180-4, section 4.2.2.
    #[rustfmt::skip]
    const K: [u32; 64] = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
    ];

    /// The instructions keep the state as the words ABEF and CDGH, and take message words in big-endian order.
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    pub(super) fn compress_both(a: (&mut State, Blocks<'_>), b: (&mut State, Blocks<'_>)) {
        let mut states = [load_state(a.0), load_state(b.0)];
        for (block_a, block_b) in a.1.iter().zip(b.1) {
            let before = states;
            let mut words = [load_block(block_a), load_block(block_b)];
            for round in 0..16 {
                let k = _mm_set_epi32(
                    K[round * 4 + 3] as i32,
                    K[round * 4 + 2] as i32,
                    K[round * 4 + 1] as i32,
                    K[round * 4] as i32,
                );
                for lane in 0..2 {
                    let [abef, cdgh] = &mut states[lane];
                    let word = words[lane][round % 4];
                    let x = _mm_add_epi32(word, k);
                    *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, x);
                    *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32::<0x0e>(x));
                    if round < 12 {
                        let words = &mut words[lane];
                        let sum = _mm_sha256msg1_epu32(word, words[(round + 1) % 4]);
                        let w7 = _mm_alignr_epi8::<4>(words[(round + 3) % 4], words[(round + 2) % 4]);
                        words[round % 4] =
                            _mm_sha256msg2_epu32(_mm_add_epi32(sum, w7), words[(round + 3) % 4]);
                    }
                }
            }
            for lane in 0..2 {
                for half in 0..2 {
                    states[lane][half] = _mm_add_epi32(states[lane][half], before[lane][half]);
                }
            }
        }
        store_state(states[0], a.0);
        store_state(states[1], b.0);
    }

    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn load_state(s: &State) -> [__m128i; 2] {
        [
            _mm_set_epi32(s[0] as i32, s[1] as i32, s[4] as i32, s[5] as i32),
            _mm_set_epi32(s[2] as i32, s[3] as i32, s[6] as i32, s[7] as i32),
        ]
    }

    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn store_state([abef, cdgh]: [__m128i; 2], s: &mut State) {
        *s = [
            _mm_extract_epi32::<3>(abef) as u32,
            _mm_extract_epi32::<2>(abef) as u32,
            _mm_extract_epi32::<3>(cdgh) as u32,
            _mm_extract_epi32::<2>(cdgh) as u32,
            _mm_extract_epi32::<1>(abef) as u32,
            _mm_extract_epi32::<0>(abef) as u32,
            _mm_extract_epi32::<1>(cdgh) as u32,
            _mm_extract_epi32::<0>(cdgh) as u32,
        ];
    }

    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn load_block(block: &[u8; 64]) -> [__m128i; 4] {
        let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
        let mut words = [_mm_setzero_si128(); 4];
        let (quarters, _) = block.as_chunks::<16>();
        for (word, bytes) in words.iter_mut().zip(quarters) {
            let number = u128::from_le_bytes(*bytes);
            *word = _mm_shuffle_epi8(_mm_set_epi64x((number >> 64) as i64, number as i64), swap);
        }
        words
    }
}
