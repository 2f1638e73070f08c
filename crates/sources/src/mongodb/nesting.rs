//! How deep documents are nested.
//!
//! What turns BSON into values, here and in the driver, calls itself for each level, and copies what lies below it each time: a document
//! that is nested deep enough ends the whole process, whoever made it. So no bytes are turned into values before a walk over them that
//! needs no stack has seen that they are not. It takes them in pieces too, as they come over a connection, and takes nothing whose
//! structure could be read in another way.

use std::fmt;

use mongodb::bson::raw::RawDocument;
use mongodb::bson::{Bson, Document, RawBsonRef};

use super::error::{MongoError, Result};

/// How many levels a document may have. A server stores no more than 180.
pub(super) const DEEPEST: usize = 200;
/// A document without anything in it has so many bytes.
pub(super) const SMALLEST: u64 = 5;

/// Why a document is not turned into values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It has more levels than this.
    TooDeep(usize),
    /// It is no document.
    Malformed,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep(deepest) => write!(f, "a document is nested deeper than {deepest} levels"),
            Self::Malformed => write!(f, "a document is damaged"),
        }
    }
}

/// Turns a document into values.
pub(super) fn document(raw: &RawDocument) -> Result<Document> {
    check(raw)?;
    Ok(Document::try_from(raw)?)
}

/// Turns a part of a document into a value.
pub(super) fn value(raw: RawBsonRef<'_>) -> Result<Bson> {
    match raw {
        RawBsonRef::Document(document) => check(document)?,
        RawBsonRef::Array(array) => check(RawDocument::from_bytes(array.as_bytes())?)?,
        RawBsonRef::JavaScriptCodeWithScope(scoped) => check(scoped.scope)?,
        _ => {}
    }
    Ok(Bson::try_from(raw)?)
}

fn check(document: &RawDocument) -> Result<()> {
    let bytes = document.as_bytes();
    let mut walk = Walk::new(DEEPEST, bytes.len() as u64);
    match walk.take(bytes) {
        Ok(_) if walk.is_done() => Ok(()),
        Ok(_) => Err(MongoError::damaged("a document cannot be read", Wrong::Malformed)),
        Err(wrong) => Err(MongoError::damaged("a document cannot be read", wrong)),
    }
}

/// What a number of four bytes is the length of.
#[derive(Debug, Clone, Copy)]
enum Length {
    /// A document or an array, the number itself included.
    Document,
    /// What comes after the number, and so many bytes more.
    Content(u64),
    /// Code with the document that it sees, the number itself included.
    Scoped,
}

/// What comes next.
#[derive(Debug, Clone, Copy)]
enum Next {
    Number(Length),
    Type,
    /// The name of an element of this type.
    Name(u8),
    /// So many texts that end with a zero.
    Texts(u8),
    Content(u64),
    Nothing,
}

/// Something that has an end, and others within.
#[derive(Debug, Clone, Copy)]
struct Level {
    end: u64,
    is_scoped: bool,
}

/// A walk over a document.
#[derive(Debug)]
pub(super) struct Walk {
    deepest: usize,
    most: u64,
    levels: Vec<Level>,
    next: Next,
    /// How many bytes were taken.
    at: u64,
    /// Bytes of a number that are there already.
    number: [u8; 4],
    filled: usize,
}

impl Walk {
    /// Of a document with so many levels and bytes at most.
    pub(super) fn new(deepest: usize, most: u64) -> Self {
        let next = Next::Number(Length::Document);
        Self { deepest, most, levels: Vec::new(), next, at: 0, number: [0; 4], filled: 0 }
    }

    /// Whether all of it was taken.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.next, Next::Nothing)
    }

    /// How many bytes were taken.
    pub(super) const fn taken(&self) -> u64 {
        self.at
    }

    /// Takes what follows, up to the end of the document; gives how many bytes that were.
    pub(super) fn take(&mut self, bytes: &[u8]) -> std::result::Result<usize, Wrong> {
        let mut rest = bytes;
        while !self.is_done() && !rest.is_empty() {
            let count = match self.next {
                Next::Number(_) | Next::Type | Next::Nothing => 1,
                Next::Name(_) | Next::Texts(_) => {
                    rest.iter().position(|&byte| byte == 0).map_or(rest.len(), |end| end + 1)
                }
                Next::Content(left) => rest.len().min(usize::try_from(left).unwrap_or(usize::MAX)),
            };
            let (taken, after) = rest.split_at_checked(count).ok_or(Wrong::Malformed)?;
            rest = after;
            self.at += count as u64;
            let last = taken.last().copied().unwrap_or_default();
            self.step(count as u64, last)?;
        }
        Ok(bytes.len() - rest.len())
    }

    fn step(&mut self, count: u64, last: u8) -> std::result::Result<(), Wrong> {
        match self.next {
            Next::Number(of) => {
                if let Some(byte) = self.number.get_mut(self.filled) {
                    *byte = last;
                }
                self.filled += 1;
                if self.filled == self.number.len() {
                    self.filled = 0;
                    let number = u32::from_le_bytes(self.number);
                    return self.begin(of, u64::from(number));
                }
                Ok(())
            }
            Next::Type if last == 0 => self.end(),
            Next::Type => {
                self.next = Next::Name(last);
                self.has_room(0)
            }
            Next::Name(kind) if last == 0 => self.element(kind),
            Next::Texts(left) if last == 0 => {
                self.next = if left > 1 { Next::Texts(left - 1) } else { Next::Type };
                self.has_room(0)
            }
            Next::Name(_) | Next::Texts(_) => self.has_room(0),
            Next::Content(left) => {
                self.content(left - count);
                Ok(())
            }
            Next::Nothing => Ok(()),
        }
    }

    /// Whether so many bytes fit in before the end of what is walked over, and a zero after them.
    fn has_room(&self, bytes: u64) -> std::result::Result<(), Wrong> {
        let end = self.levels.last().map_or(self.most + 1, |level| level.end);
        if self.at + bytes < end { Ok(()) } else { Err(Wrong::Malformed) }
    }

    fn content(&mut self, left: u64) {
        let is_code = self.levels.last().is_some_and(|level| level.is_scoped);
        self.next = match left {
            // What code sees comes after it.
            0 if is_code => Next::Number(Length::Document),
            0 => Next::Type,
            left => Next::Content(left),
        };
    }

    fn begin(&mut self, of: Length, number: u64) -> std::result::Result<(), Wrong> {
        match of {
            Length::Content(more) => {
                self.has_room(number + more)?;
                self.content(number + more);
                return Ok(());
            }
            Length::Document | Length::Scoped => {}
        }
        let is_scoped = matches!(of, Length::Scoped);
        let rest = number.checked_sub(4).filter(|_| number >= SMALLEST).ok_or(Wrong::Malformed)?;
        let end = self.at + rest;
        let is_within = match self.levels.last() {
            // What code sees ends with it.
            Some(level) if level.is_scoped => end == level.end,
            Some(level) => end < level.end,
            None => end <= self.most,
        };
        if !is_within {
            return Err(Wrong::Malformed);
        }
        if self.levels.len() >= self.deepest {
            return Err(Wrong::TooDeep(self.deepest));
        }
        self.levels.push(Level { end, is_scoped });
        self.next = if is_scoped { Next::Number(Length::Content(0)) } else { Next::Type };
        Ok(())
    }

    /// A document ends where it said.
    fn end(&mut self) -> std::result::Result<(), Wrong> {
        if self.levels.pop().is_none_or(|level| level.end != self.at) {
            return Err(Wrong::Malformed);
        }
        let _ = self.levels.pop_if(|level| level.is_scoped);
        self.next = if self.levels.is_empty() { Next::Nothing } else { Next::Type };
        Ok(())
    }

    fn element(&mut self, kind: u8) -> std::result::Result<(), Wrong> {
        // The types and their content are those of the BSON specification, version 1.1.
        let bytes = match kind {
            0x03 | 0x04 => return self.expect(Next::Number(Length::Document)),
            0x02 | 0x0d | 0x0e => return self.expect(Next::Number(Length::Content(0))),
            0x05 => return self.expect(Next::Number(Length::Content(1))),
            0x0c => return self.expect(Next::Number(Length::Content(12))),
            0x0b => return self.expect(Next::Texts(2)),
            0x0f => return self.expect(Next::Number(Length::Scoped)),
            0x06 | 0x0a | 0x7f | 0xff => 0,
            0x08 => 1,
            0x10 => 4,
            0x01 | 0x09 | 0x11 | 0x12 => 8,
            0x07 => 12,
            0x13 => 16,
            _ => return Err(Wrong::Malformed),
        };
        self.has_room(bytes)?;
        self.content(bytes);
        Ok(())
    }

    fn expect(&mut self, next: Next) -> std::result::Result<(), Wrong> {
        self.next = next;
        self.has_room(0)
    }
}

#[cfg(test)]
mod tests;
