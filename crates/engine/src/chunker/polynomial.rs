//! Polynomials over GF(2): bit `i` of the number is the coefficient of `x^i`.

use backstay_core::Random;

/// A polynomial by which a repository's files are cut. Always irreducible and of degree 53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Polynomial(u64);

/// The degree that restic gives its polynomials.
pub const DEGREE: u32 = 53;

impl Polynomial {
    /// A valid polynomial for examples and tests. A repository of one's own gets a random one, since known
    /// cuts can tell what is stored.
    pub const EXAMPLE: Self = Self(0x3D_A335_8B4D_C173);

    /// Accepts a polynomial from a repository's configuration; `None` when it is not irreducible or
    /// not of degree 53.
    #[must_use]
    pub fn new(bits: u64) -> Option<Self> {
        (degree(bits) == Some(DEGREE) && is_irreducible(bits)).then_some(Self(bits))
    }

    /// A random polynomial.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        loop {
            let mut bytes = [0; 8];
            random.fill(&mut bytes);
            let bits = u64::from_le_bytes(bytes) & ((1 << (DEGREE + 1)) - 1) | 1 << DEGREE | 1;
            if let Some(polynomial) = Self::new(bits) {
                return polynomial;
            }
        }
    }

    /// Its coefficients.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }

    /// The fingerprint of a window: the bytes as one long polynomial, modulo this one.
    #[must_use]
    pub fn fingerprint(self, window: &[u8]) -> u64 {
        window.iter().fold(0, |digest, &byte| remainder(u128::from(digest) << 8 | u128::from(byte), self.0))
    }

    /// `value` modulo this polynomial.
    pub(super) fn reduce(self, value: u128) -> u64 {
        remainder(value, self.0)
    }
}

fn degree(bits: u64) -> Option<u32> {
    bits.checked_ilog2()
}

fn remainder(mut value: u128, modulus: u64) -> u64 {
    let Some(target) = degree(modulus) else { return 0 };
    while let Some(top) = value.checked_ilog2()
        && top >= target
    {
        value ^= u128::from(modulus) << (top - target);
    }
    value as u64
}

fn multiply(a: u64, b: u64, modulus: u64) -> u64 {
    let mut product = 0_u128;
    for bit in 0..64 {
        if b >> bit & 1 == 1 {
            product ^= u128::from(a) << bit;
        }
    }
    remainder(product, modulus)
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, remainder(u128::from(a), b));
    }
    a
}

/// Ben-Or's test: `f` is irreducible when it shares no factor with any `x^(2^i) - x` up to half its degree.
fn is_irreducible(bits: u64) -> bool {
    let Some(top) = degree(bits) else { return false };
    let mut power = 2;
    for _ in 1..=top / 2 {
        power = multiply(power, power, bits);
        if gcd(bits, power ^ 2) != 1 {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reducible_and_short_polynomials_are_refused() {
        assert!(Polynomial::new(Polynomial::EXAMPLE.bits()).is_some());
        assert!(Polynomial::new(0).is_none());
        assert!(Polynomial::new(1 << 53).is_none());
        assert!(Polynomial::new(0b111).is_none());
        // x^53 + x^2 + x + 1 has the root 1.
        assert!(Polynomial::new(1 << 53 | 0b111).is_none());
    }

    #[test]
    fn generated_polynomials_are_valid() {
        let random = crate::testing::CountingRandom::default();
        let polynomial = Polynomial::generate(&random);
        assert_eq!(Polynomial::new(polynomial.bits()), Some(polynomial));
    }
}
