//! What servers may answer: messages of a bounded length, with documents that are not nested too deep.
//!
//! The driver turns answers into values before anybody else sees them, so that they are looked at on their way to it. Nothing passes
//! that it could take for something else than what was looked at.

use std::fmt;

use super::super::nesting::{DEEPEST, SMALLEST, Walk, Wrong};

/// A header, the flags, and the kind of the one section of an answer.
const HEAD: usize = 21;
/// The longest message that the driver takes from a server that says nothing else.
const LONGEST: u64 = 48 << 20;
/// How many levels there may be around the documents of an answer.
const AROUND: usize = 20;
/// `OP_MSG`, the only form that is asked for.
const MESSAGE: u32 = 2013;
/// The flag of a message that ends with a sum of four bytes.
const HAS_SUM: u32 = 1;

/// Why an answer is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Form,
    Length(u64),
    Document(Wrong),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => write!(f, "it is no message of MongoDB's protocol"),
            Self::Length(length) => write!(f, "it is said to have {length} bytes"),
            Self::Document(wrong) => wrong.fmt(f),
        }
    }
}

/// Looks at what a server answers, piece by piece.
#[derive(Debug)]
pub(super) struct Watch {
    head: [u8; HEAD],
    filled: usize,
    /// The document of an answer, once its head is there.
    document: Option<Walk>,
    /// How many bytes of the answer follow its head.
    length: u64,
    has_sum: bool,
    /// How many bytes of a sum follow.
    sum: u64,
}

impl Watch {
    pub(super) const fn new() -> Self {
        Self { head: [0; HEAD], filled: 0, document: None, length: 0, has_sum: false, sum: 0 }
    }

    /// Looks at what comes next.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Result<(), Refusal> {
        while !bytes.is_empty() {
            let count = if self.sum > 0 {
                let count = bytes.len().min(usize::try_from(self.sum).unwrap_or(usize::MAX));
                self.sum -= count as u64;
                count
            } else if let Some(document) = &mut self.document {
                let count = document.take(bytes).map_err(Refusal::Document)?;
                if document.is_done() {
                    self.sum = self.length - document.taken();
                    if self.sum != if self.has_sum { 4 } else { 0 } {
                        return Err(Refusal::Form);
                    }
                    self.document = None;
                }
                count
            } else {
                self.fill(bytes)?
            };
            bytes = bytes.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Fills the head, and begins with the document once it is there.
    fn fill(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        let space = self.head.get_mut(self.filled..).unwrap_or_default();
        let count = space.len().min(bytes.len());
        for (space, byte) in space.iter_mut().zip(bytes) {
            *space = *byte;
        }
        self.filled += count;
        if self.filled == HEAD {
            self.filled = 0;
            self.begin()?;
        }
        Ok(count)
    }

    fn begin(&mut self) -> Result<(), Refusal> {
        let number = |at: usize| {
            let bytes = self.head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map(u32::from_le_bytes).unwrap_or_default()
        };
        let (length, form, flags) = (u64::from(number(0)), number(12), number(16));
        if form != MESSAGE || self.head.last() != Some(&0) {
            return Err(Refusal::Form);
        }
        if !(HEAD as u64 + SMALLEST..=LONGEST).contains(&length) {
            return Err(Refusal::Length(length));
        }
        self.has_sum = flags & HAS_SUM != 0;
        self.length = length - HEAD as u64;
        self.document = Some(Walk::new(DEEPEST + AROUND, self.length));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Document, doc};

    use super::*;

    fn message(form: u32, flags: u32, kind: u8, document: &[u8], after: usize) -> Vec<u8> {
        let length = (HEAD + document.len() + after) as u32;
        let mut bytes: Vec<u8> = [length, 1, 2, form, flags].iter().flat_map(|n| n.to_le_bytes()).collect();
        bytes.push(kind);
        bytes.extend(document);
        bytes.extend(vec![9; after]);
        bytes
    }

    fn nested(levels: usize) -> Vec<u8> {
        let mut document = Document::new();
        for _ in 1..levels {
            document = doc! { "a": document };
        }
        document.to_vec().unwrap()
    }

    #[test]
    fn messages_pass_one_after_the_other_in_pieces_of_any_size_and_what_is_none_does_not() {
        let small = doc! { "ok": 1, "x": { "y": [1, 2] } }.to_vec().unwrap();
        let all = [
            message(MESSAGE, 0, 0, &small, 0),
            message(MESSAGE, HAS_SUM, 0, &nested(DEEPEST + AROUND), 4),
            message(MESSAGE, 2, 0, &small, 0),
        ];
        for size in [1, 5, 21, 30, 4096] {
            let mut watch = Watch::new();
            all.concat().chunks(size).for_each(|piece| watch.take(piece).unwrap());
            assert!(watch.filled == 0 && watch.document.is_none() && watch.sum == 0);
        }
        let too_deep = Refusal::Document(Wrong::TooDeep(DEEPEST + AROUND));
        let mut huge = all[0].clone();
        huge[3] = 0x7f;
        let mut negative = all[0].clone();
        negative[..4].copy_from_slice(&(-1_i32).to_le_bytes());
        for (bytes, refusal) in [
            (message(MESSAGE, 0, 0, &nested(DEEPEST + AROUND + 1), 0), too_deep),
            (message(1, 0, 0, &small, 0), Refusal::Form),
            (message(2012, 0, 0, &small, 0), Refusal::Form),
            (message(MESSAGE, 0, 1, &small, 0), Refusal::Form),
            (message(MESSAGE, 0, 0, &small, 4), Refusal::Form),
            (message(MESSAGE, HAS_SUM, 0, &small, 0), Refusal::Form),
            (message(MESSAGE, 0, 0, &[], 0), Refusal::Length(21)),
            (huge, Refusal::Length(0x7f00_0000 + all[0].len() as u64)),
            (negative, Refusal::Length(u64::from(u32::MAX))),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Refusal::Form),
        ] {
            assert_eq!(Watch::new().take(&bytes), Err(refusal));
        }
    }
}
