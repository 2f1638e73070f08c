//! One packer for each thread that stores blobs, so that threads never wait for each other.

use std::sync::Arc;

use backstay_core::FileId;
use parking_lot::Mutex;

use super::{Compress, Compression, Compressor, FinishedPack, PackBuilder, Squeezed, Uploader};
use crate::Result;
use crate::crypto::{hash, hash_both};
use crate::format::BlobKind;
use crate::index::Index;
use crate::repository::Repository;

/// Compresses and packs blobs for one thread at a time.
pub struct Packer {
    compressor: Compressor,
    builders: [Option<PackBuilder>; 2],
}

/// A blob that was handed to a packer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: FileId,
    /// Bytes that it takes in its pack; `None` when the repository had it already.
    pub length: Option<u32>,
}

/// All packers of one piece of work.
pub struct Packers {
    repository: Repository,
    index: Arc<Index>,
    uploader: Uploader,
    idle: Mutex<Vec<Packer>>,
}

impl Packers {
    /// Packers that hand their packs to this uploader.
    #[must_use]
    pub fn new(repository: &Repository, index: Arc<Index>, uploader: Uploader) -> Self {
        Self { repository: repository.clone(), index, uploader, idle: Mutex::default() }
    }

    /// Runs `work` with a packer that nobody else uses meanwhile.
    pub fn with<T>(&self, work: impl FnOnce(&mut Packer) -> T) -> T {
        let mut packer = self.lend();
        let result = work(&mut packer);
        self.give_back(packer);
        result
    }

    /// A packer that nobody else uses until it is [given back](Packers::give_back).
    #[must_use]
    pub fn lend(&self) -> Packer {
        let packer = self.idle.lock().pop();
        packer.unwrap_or_else(|| Packer { compressor: Compressor::new(self.level()), builders: [None, None] })
    }

    /// Takes a packer back. What is in it is stored in the end.
    pub fn give_back(&self, packer: Packer) {
        self.idle.lock().push(packer);
    }

    fn level(&self) -> i32 {
        let level = self.repository.settings().compression.level();
        level.or(Compression::Auto.level()).unwrap_or_default()
    }

    /// Stores a blob unless the repository has it.
    ///
    /// # Errors
    /// When an earlier pack could not be stored.
    pub fn store(&self, packer: &mut Packer, kind: BlobKind, content: &[u8]) -> Result<Stored> {
        let id = self.hash(packer, kind, content);
        self.store_new(packer, kind, id, content)
    }

    /// The id of a blob, taken beside the hash of the pack at hand.
    #[must_use]
    pub fn hash(&self, packer: &mut Packer, kind: BlobKind, content: &[u8]) -> FileId {
        match &mut packer.builders[usize::from(kind == BlobKind::Tree)] {
            Some(builder) => builder.hash_blob(content),
            None => hash(content),
        }
    }

    /// Stores a blob of a known id unless the repository has it. It is compressed unless somebody else has done that.
    ///
    /// # Errors
    /// When an earlier pack could not be stored.
    pub fn store_shared(
        &self,
        packer: &mut Packer,
        kind: BlobKind,
        id: FileId,
        content: &[u8],
        squeezed: &mut Squeezed,
    ) -> Result<Stored> {
        if !self.index.claim(kind, &id) {
            return Ok(Stored { id, length: None });
        }
        let packed = (self.may_compress(kind) && !content.is_empty())
            .then(|| squeezed.get(self.level(), content, &mut packer.compressor))
            .flatten()
            .filter(|packed| packed.len() < content.len() || kind == BlobKind::Tree);
        let (packed, raw_length) = packed.map_or((content, 0), |packed| (packed, content.len() as u32));
        let (key, random) = (self.repository.key(), self.repository.random());
        let length = self.builder(packer, kind).add_packed(key, random, id, packed, raw_length)?;
        self.submit_if_full(packer, kind)?;
        Ok(Stored { id, length: Some(length) })
    }

    fn may_compress(&self, kind: BlobKind) -> bool {
        self.repository.config().version >= 2
            && (kind == BlobKind::Tree || self.repository.settings().compression != Compression::Off)
    }

    fn builder<'a>(&self, packer: &'a mut Packer, kind: BlobKind) -> &'a mut PackBuilder {
        packer.builders[usize::from(kind == BlobKind::Tree)]
            .get_or_insert_with(|| PackBuilder::new(kind, self.uploader.buffer()))
    }

    /// Stores two blobs unless the repository has them. Their hashes are taken at once, unless a pack waits to be hashed beside them.
    ///
    /// # Errors
    /// When an earlier pack could not be stored.
    pub fn store_both(&self, packer: &mut Packer, kind: BlobKind, [a, b]: [&[u8]; 2]) -> Result<[Stored; 2]> {
        let builder = &packer.builders[usize::from(kind == BlobKind::Tree)];
        if builder.as_ref().is_some_and(|builder| builder.unhashed() >= a.len().min(b.len())) {
            return Ok([self.store(packer, kind, a)?, self.store(packer, kind, b)?]);
        }
        let (id_a, id_b) = hash_both(a, b);
        Ok([self.store_new(packer, kind, id_a, a)?, self.store_new(packer, kind, id_b, b)?])
    }

    fn store_new(&self, packer: &mut Packer, kind: BlobKind, id: FileId, content: &[u8]) -> Result<Stored> {
        if !self.index.claim(kind, &id) {
            return Ok(Stored { id, length: None });
        }
        let length = self.store_content(packer, kind, id, content, Compress::IfSmaller)?;
        Ok(Stored { id, length: Some(length) })
    }

    /// Stores a blob whether the repository has it or not.
    ///
    /// # Errors
    /// When an earlier pack could not be stored.
    pub fn store_content(
        &self,
        packer: &mut Packer,
        kind: BlobKind,
        id: FileId,
        content: &[u8],
        compress: Compress,
    ) -> Result<u32> {
        let may_compress = self.may_compress(kind);
        let builder = packer.builders[usize::from(kind == BlobKind::Tree)]
            .get_or_insert_with(|| PackBuilder::new(kind, self.uploader.buffer()));
        let compressor = may_compress.then_some(&mut packer.compressor);
        let (key, random) = (self.repository.key(), self.repository.random());
        let length = builder.add(key, random, id, content, compressor, compress)?;
        self.submit_if_full(packer, kind)?;
        Ok(length)
    }

    /// Stores a blob that is compressed already.
    ///
    /// # Errors
    /// When an earlier pack could not be stored.
    pub fn store_packed(
        &self,
        packer: &mut Packer,
        kind: BlobKind,
        id: FileId,
        packed: &[u8],
        raw_length: u32,
    ) -> Result<u32> {
        let mut sealed = Vec::new();
        self.repository.key().seal(self.repository.random(), packed, &mut sealed);
        self.store_sealed(packer, kind, id, &sealed, raw_length)
    }

    /// Stores a blob as it lay in another pack of this repository.
    ///
    /// # Errors
    /// When an earlier pack could not be stored.
    pub fn store_sealed(
        &self,
        packer: &mut Packer,
        kind: BlobKind,
        id: FileId,
        sealed: &[u8],
        raw_length: u32,
    ) -> Result<u32> {
        let length = self.builder(packer, kind).add_sealed(id, sealed, raw_length)?;
        self.submit_if_full(packer, kind)?;
        Ok(length)
    }

    fn submit_if_full(&self, packer: &mut Packer, kind: BlobKind) -> Result<()> {
        let slot = &mut packer.builders[usize::from(kind == BlobKind::Tree)];
        let full = slot.as_ref().is_some_and(PackBuilder::is_full_of_blobs)
            || slot.as_ref().is_some_and(|builder| builder.len() >= self.repository.settings().pack_size);
        match slot.take_if(|_| full) {
            Some(pack) => self.uploader.submit(pack.finish(self.repository.key(), self.repository.random())),
            None => Ok(()),
        }
    }

    /// Puts the packs that are not full together, stores them and writes the index; returns the bytes of all packs that were stored.
    /// All packers have to be idle.
    ///
    /// # Errors
    /// When something could not be stored.
    pub fn finish(self) -> Result<u64> {
        let (packs, uploader) = self.close()?;
        for pack in packs {
            uploader.submit(pack)?;
        }
        uploader.finish()
    }

    /// Does what can be done of that in a moment when the work was cancelled, so that it is not all to be done again. All packers
    /// have to be idle.
    pub fn part(self) {
        if let Ok((packs, uploader)) = self.close() {
            uploader.part(packs);
        }
    }

    /// The packs in hand, put together, each finished as it is asked for.
    fn close(self) -> Result<(impl Iterator<Item = FinishedPack>, Uploader)> {
        let mut open: [Vec<PackBuilder>; 2] = [Vec::new(), Vec::new()];
        for packer in self.idle.into_inner() {
            for (slot, builder) in open.iter_mut().zip(packer.builders) {
                slot.extend(builder.filter(|builder| !builder.is_empty()));
            }
        }
        let mut full = Vec::new();
        for mut builders in open {
            builders.sort_by_key(PackBuilder::len);
            let Some(mut last) = builders.pop() else { continue };
            while let Some(builder) = builders.pop() {
                if last.len() + builder.len() <= self.repository.settings().pack_size {
                    last.absorb(&builder)?;
                } else {
                    full.push(std::mem::replace(&mut last, builder));
                }
            }
            full.push(last);
        }
        let repository = self.repository;
        let packs =
            full.into_iter().map(move |builder| builder.finish(repository.key(), repository.random()));
        Ok((packs, self.uploader))
    }
}
