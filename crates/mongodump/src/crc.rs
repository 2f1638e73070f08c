//! CRC-64 as XZ has it: the polynomial of ECMA-182, reflected.

const POLYNOMIAL: u64 = 0xc96c_5795_d787_0f42;

/// Tables for eight bytes at once: each is the one before it, moved on by a byte.
static TABLES: [[u64; 256]; 8] = tables();

#[allow(clippy::indexing_slicing)]
const fn tables() -> [[u64; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        tables[0][byte] = value;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[table - 1][byte];
            tables[table][byte] = before >> 8 ^ tables[0][(before & 255) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
}

/// A sum that bytes are added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Crc(u64);

impl Crc {
    /// Adds bytes.
    pub fn add(&mut self, data: &[u8]) {
        // An index of eight bits is always within 256 entries: the checks vanish.
        let entry = |table: usize, byte: u64| TABLES[table][(byte & 255) as usize];
        let mut sum = !self.0;
        let (words, rest) = data.as_chunks::<8>();
        for word in words {
            let word = sum ^ u64::from_le_bytes(*word);
            sum = entry(7, word)
                ^ entry(6, word >> 8)
                ^ entry(5, word >> 16)
                ^ entry(4, word >> 24)
                ^ entry(3, word >> 32)
                ^ entry(2, word >> 40)
                ^ entry(1, word >> 48)
                ^ entry(0, word >> 56);
        }
        for &byte in rest {
            sum = sum >> 8 ^ entry(0, sum ^ u64::from(byte));
        }
        self.0 = !sum;
    }

    /// The sum as the format has it: as a signed number.
    #[must_use]
    pub const fn signed(self) -> i64 {
        self.0.cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_is_that_of_xz() {
        let mut crc = Crc::default();
        crc.add(b"123456789");
        assert_eq!(crc.0, 0x995d_c9bb_df19_39fa);
        let mut pieces = Crc::default();
        pieces.add(b"12345678901234");
        pieces.add(b"567");
        let mut whole = Crc::default();
        whole.add(b"12345678901234567");
        assert_eq!(pieces, whole);
        assert_eq!(Crc::default().signed(), 0);
    }
}
