//! A pack: many blobs in one file.
//!
//! `blobs ‖ sealed header ‖ length of the sealed header (u32, little endian)`. The header has an entry for each blob, in
//! order: kind, length, length before compression if compressed, and id.

use backstay_core::FileId;

use crate::crypto::{Key, OVERHEAD};
use crate::{Error, Result};

/// What a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlobKind {
    /// A piece of a file.
    Data,
    /// A folder.
    Tree,
}

impl BlobKind {
    /// restic's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Tree => "tree",
        }
    }
}

/// A blob's place in its pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob {
    /// The SHA-256 of its content.
    pub id: FileId,
    /// What it is.
    pub kind: BlobKind,
    /// Where it begins in the pack.
    pub offset: u32,
    /// Its sealed length in the pack.
    pub length: u32,
    /// Its length before compression; 0 when it is not compressed.
    pub raw_length: u32,
}

/// Whether so many stored bytes can become so many: a short frame cannot claim gigabytes, as zstd's best ratio is below
/// 1 : 2^17 a block.
pub(crate) const fn is_plausible(stored: u64, raw: u64) -> bool {
    raw / (1 << 18) <= stored
}

impl Blob {
    /// The length of its content.
    #[must_use]
    pub fn content_length(&self) -> u32 {
        if self.raw_length == 0 { self.length.saturating_sub(OVERHEAD as u32) } else { self.raw_length }
    }

    /// Whether so many bytes can come out of those that are stored.
    #[must_use]
    pub const fn is_plausible(&self) -> bool {
        is_plausible(self.length as u64, self.raw_length as u64)
    }

    /// Bytes that its header entry takes.
    #[must_use]
    pub const fn header_length(&self) -> usize {
        if self.raw_length == 0 { PLAIN_ENTRY } else { COMPRESSED_ENTRY }
    }
}

const PLAIN_ENTRY: usize = 1 + 4 + 32;
const COMPRESSED_ENTRY: usize = PLAIN_ENTRY + 4;
/// Bytes of the length field at the end.
pub const TRAILER: usize = 4;
/// Longest header that restic accepts.
pub const HEADER_LIMIT: usize = 16 << 20;

/// The plain header of these blobs.
#[must_use]
pub fn write_header(blobs: &[Blob]) -> Vec<u8> {
    let mut out = Vec::with_capacity(blobs.len() * COMPRESSED_ENTRY);
    for blob in blobs {
        let compressed = blob.raw_length != 0;
        out.push(match (blob.kind, compressed) {
            (BlobKind::Data, false) => 0,
            (BlobKind::Tree, false) => 1,
            (BlobKind::Data, true) => 2,
            (BlobKind::Tree, true) => 3,
        });
        out.extend_from_slice(&blob.length.to_le_bytes());
        if compressed {
            out.extend_from_slice(&blob.raw_length.to_le_bytes());
        }
        out.extend_from_slice(&blob.id.0);
    }
    out
}

/// Reads a plain header.
///
/// # Errors
/// [`Error::Damaged`] when it is not one.
pub fn parse_header(mut header: &[u8]) -> Result<Vec<Blob>> {
    let bad = |why: &str| Error::damaged("a pack header", why);
    let mut blobs = Vec::with_capacity(header.len() / PLAIN_ENTRY);
    let mut offset = 0_u32;
    while let Some((&tag, rest)) = header.split_first() {
        let (kind, compressed) = match tag {
            0 => (BlobKind::Data, false),
            1 => (BlobKind::Tree, false),
            2 => (BlobKind::Data, true),
            3 => (BlobKind::Tree, true),
            _ => return Err(bad("unknown kind of blob")),
        };
        let (length, rest) = take_u32(rest).ok_or_else(|| bad("cut short"))?;
        let (raw_length, rest) =
            if compressed { take_u32(rest).ok_or_else(|| bad("cut short"))? } else { (0, rest) };
        let (id, rest) = rest.split_first_chunk::<32>().ok_or_else(|| bad("cut short"))?;
        blobs.push(Blob { id: FileId(*id), kind, offset, length, raw_length });
        offset = offset.checked_add(length).ok_or_else(|| bad("longer than 4 GiB"))?;
        header = rest;
    }
    Ok(blobs)
}

fn take_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*number), rest))
}

/// The length of the sealed header, from the last bytes of a pack of this length.
///
/// # Errors
/// [`Error::Damaged`] when it cannot be.
pub fn header_length(trailer: [u8; TRAILER], pack_length: u64) -> Result<usize> {
    let length = u32::from_le_bytes(trailer) as usize;
    let fits = length as u64 + TRAILER as u64 <= pack_length;
    if !fits || !(OVERHEAD..=HEADER_LIMIT + OVERHEAD).contains(&length) {
        return Err(Error::damaged("a pack", format!("a header of {length} bytes cannot be")));
    }
    Ok(length)
}

/// Reads the header of a whole pack, and checks that the blobs it names fill the pack.
///
/// # Errors
/// [`Error::Damaged`] when the pack is not sound.
pub fn parse_pack(pack: &[u8], key: &Key) -> Result<Vec<Blob>> {
    let bad = |why: &str| Error::damaged("a pack", why);
    let (body, trailer) = pack.split_last_chunk::<TRAILER>().ok_or_else(|| bad("too short"))?;
    let length = header_length(*trailer, pack.len() as u64)?;
    let start = body.len().checked_sub(length).ok_or_else(|| bad("too short"))?;
    let mut header = body.get(start..).ok_or_else(|| bad("too short"))?.to_vec();
    let plain = key.open(&mut header).map_err(|error| Error::damaged("a pack header", error))?;
    let blobs = parse_header(plain)?;
    let filled = blobs.last().map_or(0, |blob| blob.offset as usize + blob.length as usize);
    if filled != start {
        return Err(bad("its header does not fit its length"));
    }
    Ok(blobs)
}
