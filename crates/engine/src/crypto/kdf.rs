//! scrypt with its lanes in parallel.
//!
//! restic raises `p` until a derivation takes about half a second on one core. The `p` lanes do not depend on each other
//! (RFC 7914, section 6), so each runs on a thread of its own here.

use scrypt::Params;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// Cost parameters of scrypt, as a key file names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KdfParams {
    /// CPU and memory cost; a power of two.
    #[serde(rename = "N")]
    pub n: u64,
    /// Block size.
    pub r: u32,
    /// Parallelisation.
    pub p: u32,
}

impl KdfParams {
    /// What a new key gets: about half a second and 32 MiB a lane on one core of 2020, as restic's calibration gives.
    pub const DEFAULT: Self = Self { n: 1 << 15, r: 8, p: 3 };

    /// The cheapest there is. For tests only: such a key is no protection.
    pub const CHEAP: Self = Self { n: 2, r: 1, p: 1 };

    /// Memory that one lane takes, in bytes.
    fn lane_memory(self) -> Option<u64> {
        self.n.checked_mul(u64::from(self.r))?.checked_mul(128)
    }
}

/// Most memory that a lane may ask for: a key file is read before anything is authenticated.
const MEMORY_LIMIT: u64 = 1 << 30;
/// Most lanes, for the same reason.
const LANES_LIMIT: u32 = 256;

/// Derives 64 bytes from a password. `None` when the parameters are not valid or beyond reason.
#[must_use]
pub fn derive(password: &str, salt: &[u8], params: KdfParams) -> Option<super::KeyBytes> {
    if !params.n.is_power_of_two() || params.p > LANES_LIMIT || params.lane_memory()? > MEMORY_LIMIT {
        return None;
    }
    let log_n = u8::try_from(params.n.trailing_zeros()).ok()?;
    let checked = Params::new(log_n, params.r, params.p).ok()?;
    let mut bytes = [0; 64];
    scrypt::scrypt(password.as_bytes(), salt, &checked, &mut bytes).ok()?;
    let key = super::KeyBytes::from_derived(&bytes);
    bytes.zeroize();
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreasonable_parameters_are_refused_before_memory_is_taken() {
        for (n, r, p) in [(1 << 40, 8, 1), (3, 8, 1), (1 << 15, 8, 100_000), (1 << 15, 0, 1)] {
            assert!(derive("x", b"salt", KdfParams { n, r, p }).is_none(), "{n} {r} {p}");
        }
    }
}
