//! Where documents begin and end in bytes that come in pieces.

use crate::{LARGEST, SMALLEST};

/// Follows bytes that are documents, one behind the other.
#[derive(Debug, Clone, Copy, Default)]
pub struct Boundaries {
    /// The bytes of a length that is not whole yet.
    length: [u8; 4],
    /// How many of these there are.
    known: usize,
    /// Bytes until the document ends.
    left: usize,
}

impl Boundaries {
    /// Goes over the next bytes.
    ///
    /// # Errors
    /// When a document says that it has a length that none can have.
    pub fn pass(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let count = self.left.min(bytes.len());
                self.left -= count;
                bytes = bytes.get(count..).unwrap_or_default();
                continue;
            }
            if let Some(place) = self.length.get_mut(self.known) {
                *place = first;
            }
            self.known += 1;
            bytes = rest;
            if self.known == self.length.len() {
                let length = u32::from_le_bytes(self.length) as usize;
                if !(SMALLEST..=LARGEST).contains(&length) {
                    return Err(format!("a document says that it has {length} bytes"));
                }
                (self.known, self.left) = (0, length - self.length.len());
            }
        }
        Ok(())
    }

    /// Whether the bytes so far end where a document does.
    #[must_use]
    pub const fn is_between(&self) -> bool {
        self.known == 0 && self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_followed_through_pieces_of_any_size() {
        let bytes = [5, 0, 0, 0, 0, 7, 0, 0, 0, 1, 2, 0, 5, 0, 0, 0, 0];
        for size in 1..bytes.len() {
            let mut boundaries = Boundaries::default();
            let mut passed = 0;
            for piece in bytes.chunks(size) {
                boundaries.pass(piece).unwrap();
                passed += piece.len();
                assert_eq!(boundaries.is_between(), [0, 5, 12, 17].contains(&passed), "{passed}");
            }
        }
        for wrong in [[4, 0, 0, 0], [255; 4]] {
            assert!(Boundaries::default().pass(&wrong).is_err());
        }
    }
}
