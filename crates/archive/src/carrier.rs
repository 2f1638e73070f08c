//! Bytes behind a stream of gzip that who decompresses it does not see: they lie in the headers of members without content (RFC 1952,
//! section 2.3.1.1), as MongoDB's own tools, which read the stream to its end, have no use for them.
//!
//! The last member is a [trailer](Places) of a fixed length, which tells where they begin.

use std::io::{self, Read, Write};

/// A member's header: deflate, an extra field, no time, an unknown system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255];
/// An empty content: its one block, its checksum and its length.
const TAIL: [u8; 10] = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// The name of the field that carries bytes.
const CARRIED: [u8; 2] = *b"Bs";
/// The name of the field of the trailer.
const LAST: [u8; 2] = *b"Bt";
/// The most bytes in a member; the field's length has sixteen bits, and that of all fields together too.
const MOST: usize = 60_000;
/// A member's bytes beside what it carries.
const AROUND: usize = HEAD.len() + 2 + 4 + TAIL.len();
/// The trailer's length in bytes.
pub(crate) const TRAILER: usize = AROUND + 16;

/// Where the hidden bytes lie in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Places {
    /// The files that are no documents and no metadata. What comes before is what `mongodump` writes.
    pub(crate) others: u64,
    /// The manifest.
    pub(crate) manifest: u64,
}

impl Places {
    /// The trailer.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        member(LAST, &[self.others.to_le_bytes(), self.manifest.to_le_bytes()].concat())
    }

    /// Reads the trailer; nothing where it is none.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let field = bytes.get(AROUND - TAIL.len()..bytes.len().checked_sub(TAIL.len())?)?;
        if field.len() != 16 || member(LAST, field) != bytes {
            return None;
        }
        let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_le_bytes);
        let (others, manifest) = (number(field.get(..8)?)?, number(field.get(8..)?)?);
        Some(Self { others, manifest })
    }
}

fn member(name: [u8; 2], field: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u16::try_from(bytes).unwrap_or(u16::MAX).to_le_bytes();
    [&HEAD[..], &length(field.len() + 4), &name, &length(field.len()), field, &TAIL].concat()
}

/// Writes what it is given as members without content.
pub(crate) struct Carrier<W> {
    out: W,
    held: Vec<u8>,
}

impl<W: Write> Carrier<W> {
    pub(crate) const fn new(out: W) -> Self {
        Self { out, held: Vec::new() }
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.send()
    }

    fn send(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let written = self.out.write_all(&member(CARRIED, &self.held));
        self.held.clear();
        written
    }
}

impl<W: Write> Write for Carrier<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(MOST - self.held.len());
        self.held.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        if self.held.len() == MOST {
            self.send()?;
        }
        Ok(taken)
    }

    /// Does nothing: a member that is not full waits for more.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads what members without content carry.
pub(crate) struct Carried<R> {
    members: R,
    held: io::Cursor<Vec<u8>>,
}

impl<R: Read> Carried<R> {
    /// Reads these members, to their end.
    pub(crate) fn new(members: R) -> Self {
        Self { members, held: io::Cursor::default() }
    }

    /// Reads the next member; false where there is none.
    fn next(&mut self) -> io::Result<bool> {
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "what it carries is not as it was written");
        let mut head = Vec::with_capacity(AROUND - TAIL.len());
        (&mut self.members).take((AROUND - TAIL.len()) as u64).read_to_end(&mut head)?;
        if head.is_empty() {
            return Ok(false);
        }
        let length =
            head.get(HEAD.len() + 4..).and_then(|bytes| bytes.try_into().ok()).map(u16::from_le_bytes);
        let length = usize::from(length.ok_or_else(wrong)?);
        let mut rest = Vec::with_capacity(length + TAIL.len());
        (&mut self.members).take((length + TAIL.len()) as u64).read_to_end(&mut rest)?;
        let field = rest.get(..length).ok_or_else(wrong)?;
        if length == 0 || member(CARRIED, field) != [head.as_slice(), rest.as_slice()].concat() {
            return Err(wrong());
        }
        rest.truncate(length);
        self.held = io::Cursor::new(rest);
        Ok(true)
    }
}

impl<R: Read> Read for Carried<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.held.read(buffer)?;
            if count > 0 || buffer.is_empty() || !self.next()? {
                return Ok(count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    fn carried(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut carrier = Carrier::new(&mut out);
        carrier.write_all(bytes).unwrap();
        carrier.finish().unwrap();
        out
    }

    #[test]
    fn what_is_carried_comes_back_and_nobody_else_sees_it() {
        for length in [0, 1, MOST - 1, MOST, MOST + 1, 3 * MOST + 7] {
            let bytes = noise(length);
            let members = carried(&bytes);
            let mut read = Vec::new();
            Carried::new(&members[..]).read_to_end(&mut read).unwrap();
            assert!(read == bytes, "{length}");
            let mut seen = Vec::new();
            let stream = [members, Places { others: 1, manifest: 2 }.to_bytes()].concat();
            flate2::read::MultiGzDecoder::new(&stream[..]).read_to_end(&mut seen).unwrap();
            assert!(seen.is_empty(), "{length}");
        }
    }

    #[test]
    fn members_that_were_changed_or_cut_are_found() {
        let members = carried(&noise(70_000));
        let read = |bytes: &[u8]| Carried::new(bytes).read_to_end(&mut Vec::new());
        for at in [0, 3, 10, 12, 14, members.len() - 1, members.len() - 9] {
            let mut changed = members.clone();
            changed[at] ^= 1;
            assert!(read(&changed).is_err(), "{at}");
        }
        for length in [1, 20, 70_000] {
            assert!(read(&members[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn the_trailer_is_known_by_all_of_it() {
        let places = Places { others: 7, manifest: u64::MAX };
        let bytes = places.to_bytes();
        assert_eq!((bytes.len(), Places::from_bytes(&bytes)), (TRAILER, Some(places)));
        assert_eq!(Places::from_bytes(&bytes[1..]), None);
        assert_eq!(Places::from_bytes(b""), None);
        let mut changed = bytes;
        changed[10] ^= 1;
        assert_eq!(Places::from_bytes(&changed), None);
    }
}
