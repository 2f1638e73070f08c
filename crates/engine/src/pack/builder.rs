//! A pack that is being filled. Blobs are compressed and sealed where they will lie.

use backstay_core::{FileId, Random};

use super::compression::Compressor;
use crate::crypto::{Hasher, IV, Key, MAC, OVERHEAD, hash_beside};
use crate::format::pack::{HEADER_LIMIT, TRAILER, write_header};
use crate::format::{Blob, BlobKind};
use crate::{Error, Result};

/// Blobs that a pack may hold: restic reads headers up to 16 MiB.
const BLOBS_LIMIT: usize = HEADER_LIMIT / 64;

/// Memory for one pack. All of it stays initialised, so that it is zeroed once and not for each pack.
#[derive(Default)]
pub struct PackBuffer {
    bytes: Vec<u8>,
    filled: usize,
    /// What is taken at first.
    usual: usize,
}

impl PackBuffer {
    /// Memory for packs that are closed when they have `size` bytes, with room for the blob that fills them and for the header.
    #[must_use]
    pub fn for_packs_of(size: usize) -> Self {
        Self { usual: size + size / 8, ..Self::default() }
    }

    /// Room for `length` more bytes.
    fn room(&mut self, length: usize) -> &mut [u8] {
        let end = self.filled + length;
        if self.bytes.len() < end {
            // Fresh zeroed memory takes no room until it is touched; growing in place would touch it all.
            let mut larger = vec![0; end.max(self.usual).max(self.bytes.len() * 2)];
            if let (Some(target), Some(source)) =
                (larger.get_mut(..self.filled), self.bytes.get(..self.filled))
            {
                target.copy_from_slice(source);
            }
            self.bytes = larger;
        }
        self.bytes.get_mut(self.filled..end).unwrap_or_default()
    }

    /// The bytes of the pack so far.
    #[must_use]
    pub fn filled(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// Forgets the content and keeps the memory.
    pub fn clear(&mut self) {
        self.filled = 0;
    }
}

/// A pack that is ready to be stored.
pub struct FinishedPack {
    /// Its id.
    pub id: FileId,
    /// Its blobs.
    pub blobs: Vec<Blob>,
    /// Its bytes.
    pub buffer: PackBuffer,
}

/// When a blob that can be compressed is stored so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compress {
    /// If that makes it smaller, or it is a tree.
    IfSmaller,
    /// Even if it gets a little longer: what says that it is compressed is never taken for something still to be compressed.
    Always,
}

/// Most bytes of blobs in a pack, so that it stays below 4 GiB with its header.
const LONGEST: usize = u32::MAX as usize - HEADER_LIMIT;

/// A pack that is being filled with blobs of one kind.
pub struct PackBuilder {
    kind: BlobKind,
    buffer: PackBuffer,
    blobs: Vec<Blob>,
    hasher: Hasher,
    /// Bytes of the pack that the hasher has taken in.
    hashed: usize,
}

impl PackBuilder {
    /// An empty pack in this memory.
    #[must_use]
    pub fn new(kind: BlobKind, mut buffer: PackBuffer) -> Self {
        buffer.clear();
        Self { kind, buffer, blobs: Vec::new(), hasher: Hasher::default(), hashed: 0 }
    }

    /// Bytes in the pack so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buffer.filled
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blobs.is_empty()
    }

    /// Whether the header would get too long with more blobs.
    #[must_use]
    pub fn is_full_of_blobs(&self) -> bool {
        self.blobs.len() >= BLOBS_LIMIT
    }

    /// Adds a blob; returns its stored length. Without a compressor it is stored as it is.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the pack would get longer than its format can say.
    pub fn add(
        &mut self,
        key: &Key,
        random: &dyn Random,
        id: FileId,
        content: &[u8],
        compressor: Option<&mut Compressor>,
        compress: Compress,
    ) -> Result<u32> {
        self.check_room(content.len() + OVERHEAD)?;
        let compressed = compressor.filter(|_| !content.is_empty()).and_then(|compressor| {
            let room = self.buffer.room(IV + Compressor::bound(content.len()) + MAC);
            let length = compressor.compress(content, room.get_mut(IV..)?)?;
            // restic rewrites trees that are not compressed, however small.
            let always = compress == Compress::Always || self.kind == BlobKind::Tree;
            let fits = self.check_room(length + OVERHEAD).is_ok();
            (length < content.len() || (always && fits)).then_some(length)
        });
        let length = compressed.unwrap_or(content.len());
        let region = self.buffer.room(length + OVERHEAD);
        if compressed.is_none()
            && let Some(message) = region.get_mut(IV..IV + length)
        {
            message.copy_from_slice(content);
        }
        key.seal_in_place(random, region);
        let raw_length = if compressed.is_some() { content.len() as u32 } else { 0 };
        Ok(self.append(id, length + OVERHEAD, raw_length))
    }

    /// Adds a blob in the form in which it is stored, but for its seal; returns its stored length. `raw_length` is that of its
    /// content if it is compressed, and 0 if not.
    ///
    /// # Errors
    /// As [`PackBuilder::add`].
    pub fn add_packed(
        &mut self,
        key: &Key,
        random: &dyn Random,
        id: FileId,
        packed: &[u8],
        raw_length: u32,
    ) -> Result<u32> {
        let length = packed.len() + OVERHEAD;
        self.check_room(length)?;
        let region = self.buffer.room(length);
        if let Some(message) = region.get_mut(IV..IV + packed.len()) {
            message.copy_from_slice(packed);
        }
        key.seal_in_place(random, region);
        Ok(self.append(id, length, raw_length))
    }

    /// Adds a blob that is sealed already, as it lay in another pack.
    ///
    /// # Errors
    /// As [`PackBuilder::add`].
    pub fn add_sealed(&mut self, id: FileId, sealed: &[u8], raw_length: u32) -> Result<u32> {
        self.check_room(sealed.len())?;
        self.buffer.room(sealed.len()).copy_from_slice(sealed);
        Ok(self.append(id, sealed.len(), raw_length))
    }

    /// Lengths and places in a pack have 32 bits.
    fn check_room(&self, length: usize) -> Result<()> {
        match self.buffer.filled.checked_add(length) {
            Some(end) if end <= LONGEST => Ok(()),
            _ => Err(Error::Invalid(format!(
                "a {} blob of {length} bytes does not fit into a pack, which can have 4 GiB{}",
                self.kind.name(),
                if self.kind == BlobKind::Tree { ": a folder has too many entries" } else { "" },
            ))),
        }
    }

    /// Takes in what stands in the buffer's room, once there was room for it in the pack.
    fn append(&mut self, id: FileId, length: usize, raw_length: u32) -> u32 {
        let offset = self.buffer.filled as u32;
        self.buffer.filled += length;
        self.blobs.push(Blob { id, kind: self.kind, offset, length: length as u32, raw_length });
        length as u32
    }

    /// Bytes that the pack's own hash has not taken in.
    #[must_use]
    pub fn unhashed(&self) -> usize {
        self.buffer.filled - self.hashed
    }

    /// The hash of a blob, taken while the pack's own hash goes on: together they take little longer than one alone.
    #[must_use]
    pub fn hash_blob(&mut self, content: &[u8]) -> FileId {
        let waiting = self.buffer.filled().get(self.hashed..).unwrap_or_default();
        let (id, taken) = hash_beside(content, &mut self.hasher, waiting);
        self.hashed += taken;
        id
    }

    /// Moves the blobs of another pack to the end of this one.
    ///
    /// # Errors
    /// As [`PackBuilder::add`].
    pub fn absorb(&mut self, other: &Self) -> Result<()> {
        for blob in &other.blobs {
            let (start, end) = (blob.offset as usize, blob.offset as usize + blob.length as usize);
            if let Some(sealed) = other.buffer.filled().get(start..end) {
                self.add_sealed(blob.id, sealed, blob.raw_length)?;
            }
        }
        Ok(())
    }

    /// Closes the pack with its header.
    pub fn finish(mut self, key: &Key, random: &dyn Random) -> FinishedPack {
        let mut tail = Vec::new();
        key.seal(random, &write_header(&self.blobs), &mut tail);
        let length = tail.len() as u32;
        tail.extend_from_slice(&length.to_le_bytes());
        debug_assert!(tail.len() >= TRAILER + OVERHEAD);
        self.buffer.room(tail.len()).copy_from_slice(&tail);
        self.buffer.filled += tail.len();
        self.hasher.update(self.buffer.filled().get(self.hashed..).unwrap_or_default());
        FinishedPack { id: self.hasher.finish(), blobs: self.blobs, buffer: self.buffer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{KeyBytes, hash};
    use crate::format::pack::parse_pack;
    use crate::testing::CountingRandom;

    #[test]
    fn a_pack_names_what_it_holds() {
        let random = CountingRandom::default();
        let key = Key::new(&KeyBytes::generate(&random));
        let mut compressor = Compressor::new(2);
        let contents = [vec![1; 5000], vec![], (0..=255).collect::<Vec<u8>>()];
        let mut first = PackBuilder::new(BlobKind::Data, PackBuffer::default());
        for content in &contents {
            first
                .add(&key, &random, hash(content), content, Some(&mut compressor), Compress::IfSmaller)
                .unwrap();
        }
        let mut pack = PackBuilder::new(BlobKind::Data, PackBuffer::default());
        pack.add(&key, &random, hash(b"x"), b"x", None, Compress::IfSmaller).unwrap();
        pack.absorb(&first).unwrap();
        let pack = pack.finish(&key, &random);
        let bytes = pack.buffer.filled();
        assert_eq!(hash(bytes), pack.id);
        let blobs = parse_pack(bytes, &key).unwrap();
        assert_eq!(blobs, pack.blobs);
        assert_eq!(blobs.len(), 4);
        assert!(blobs[1].raw_length == 5000 && blobs[2].raw_length == 0 && blobs[3].raw_length == 0);
        for cut in [0, 3, bytes.len() - 1] {
            assert!(parse_pack(&bytes[..cut], &key).is_err());
        }
    }

    #[test]
    fn what_does_not_fit_into_32_bits_is_refused() {
        let random = CountingRandom::default();
        let key = Key::new(&KeyBytes::generate(&random));
        // Memory that nobody touches costs nothing.
        let content = vec![0; u32::MAX as usize + 5];
        for kind in [BlobKind::Data, BlobKind::Tree] {
            let mut pack = PackBuilder::new(kind, PackBuffer::default());
            pack.add(&key, &random, hash(b"x"), b"x", None, Compress::IfSmaller).unwrap();
            for length in [content.len(), u32::MAX as usize - HEADER_LIMIT] {
                let content = &content[..length];
                let error =
                    pack.add(&key, &random, hash(b"y"), content, None, Compress::IfSmaller).unwrap_err();
                assert!(error.to_string().contains(kind.name()), "{error}");
                pack.add_sealed(hash(b"y"), content, 0).unwrap_err();
            }
            assert_eq!(pack.finish(&key, &random).blobs.len(), 1);
        }
    }
}
