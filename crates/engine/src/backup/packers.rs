//! One packer for each thread that stores blobs.

use std::sync::Arc;

use backstay_core::FileId;
use parking_lot::Mutex;

use super::stats::Stats;
use crate::Result;
use crate::crypto::hash;
use crate::format::BlobKind;
use crate::index::Index;
use crate::pack::{Compression, Compressor, PackBuilder, Uploader};
use crate::repository::Repository;

/// Compresses and packs blobs for one thread at a time.
pub(super) struct Packer {
    compressor: Compressor,
    builders: [Option<PackBuilder>; 2],
}

/// All packers of a backup.
pub(super) struct Packers {
    repository: Repository,
    index: Arc<Index>,
    uploader: Uploader,
    stats: Arc<Stats>,
    idle: Mutex<Vec<Packer>>,
}

impl Packers {
    pub(super) fn new(repository: &Repository, index: Arc<Index>, uploader: Uploader, stats: Arc<Stats>) -> Self {
        Self { repository: repository.clone(), index, uploader, stats, idle: Mutex::default() }
    }

    /// Runs `work` with a packer that nobody else uses meanwhile.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Packer) -> T) -> T {
        let packer = self.idle.lock().pop();
        let mut packer = packer.unwrap_or_else(|| {
            let level = self.repository.settings().compression.level();
            let level = level.or(Compression::Auto.level()).unwrap_or_default();
            Packer { compressor: Compressor::new(level), builders: [None, None] }
        });
        let result = work(&mut packer);
        self.idle.lock().push(packer);
        result
    }

    /// Stores a blob unless the repository has it; returns its id and how many bytes were stored.
    pub(super) fn store(&self, packer: &mut Packer, kind: BlobKind, content: &[u8]) -> Result<(FileId, u32)> {
        let id = hash(content);
        if !self.index.claim(kind, &id) {
            return Ok((id, 0));
        }
        let settings = self.repository.settings();
        let compress = self.repository.config().version >= 2
            && (kind == BlobKind::Tree || settings.compression != Compression::Off);
        let slot = &mut packer.builders[usize::from(kind == BlobKind::Tree)];
        let builder = slot.get_or_insert_with(|| PackBuilder::new(kind, self.uploader.buffer()));
        let compressor = compress.then_some(&mut packer.compressor);
        let stored = builder.add(self.repository.key(), self.repository.random(), id, content, compressor);
        self.stats.blob(kind, content.len(), stored);
        if builder.len() >= settings.pack_size
            && let Some(full) = slot.take()
        {
            self.uploader.submit(full.finish(self.repository.key(), self.repository.random()))?;
        }
        Ok((id, stored))
    }

    /// Puts the packs that are not full together, stores them and writes the index. All packers have to be idle.
    pub(super) fn finish(self) -> Result<()> {
        let packers = self.idle.into_inner();
        let mut open: [Vec<PackBuilder>; 2] = [Vec::new(), Vec::new()];
        for packer in packers {
            for (slot, builder) in open.iter_mut().zip(packer.builders) {
                slot.extend(builder);
            }
        }
        let (key, random) = (self.repository.key(), self.repository.random());
        for mut builders in open {
            builders.sort_by_key(PackBuilder::len);
            let mut last: Option<PackBuilder> = None;
            while let Some(builder) = builders.pop() {
                last = Some(match last {
                    Some(mut target) if target.len() + builder.len() <= self.repository.settings().pack_size => {
                        target.absorb(&builder);
                        target
                    }
                    Some(full) => {
                        self.uploader.submit(full.finish(key, random))?;
                        builder
                    }
                    None => builder,
                });
            }
            if let Some(builder) = last.filter(|builder| !builder.is_empty()) {
                self.uploader.submit(builder.finish(key, random))?;
            }
        }
        self.uploader.finish()
    }
}
