//! Saving what is whole in damaged packs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use backstay_core::{Events, FileId, FileKind, Handle};
use parking_lot::Mutex;

use super::index::{read_header, rewrite_index};
use crate::Result;
use crate::format::index::PackIndex;
use crate::pack::{Packers, Transfer, Uploader};
use crate::repository::{Lock, Repository};

/// What a repair of packs did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RepairPacksReport {
    /// Blobs that were saved.
    pub saved: u64,
    /// Blobs that are lost, with the reason.
    pub lost: Vec<(FileId, String)>,
}

/// Stores the whole blobs of these packs anew and removes the packs. `lock` is exclusive.
///
/// # Errors
/// When something cannot be stored, or the storage does not give what it has; then no pack is removed.
pub fn repair_packs(
    repository: &Repository,
    packs: &[FileId],
    lock: &Arc<Lock>,
    events: &dyn Events,
) -> Result<RepairPacksReport> {
    lock.confirm()?;
    let index = repository.load_index()?;
    let wanted: HashSet<FileId> = packs.iter().copied().collect();
    let stored: HashMap<FileId, u64> = repository.list(FileKind::Pack)?.into_iter().collect();
    let mut work: Vec<PackIndex> =
        index.packs().into_iter().filter(|pack| wanted.contains(&pack.id)).collect();
    // A header may know of blobs that the index lacks.
    for (id, length) in stored.iter().filter(|(id, _)| wanted.contains(id)) {
        if let Ok(header) = read_header(repository, *id, *length) {
            match work.iter_mut().find(|pack| pack.id == *id) {
                Some(pack) => {
                    let missing = header.blobs.into_iter().filter(|blob| !pack.blobs.contains(blob));
                    let missing: Vec<_> = missing.collect();
                    pack.blobs.extend(missing);
                }
                None => work.push(header),
            }
        }
    }
    let total: u64 = work.iter().map(|pack| pack.blobs.len() as u64).sum();
    let lost = Mutex::new(Vec::new());
    let uploader = Uploader::start(repository, Arc::clone(&index), Some(Arc::clone(lock)), None)?;
    let packers = Packers::new(repository, Arc::clone(&index), uploader);
    let transfer = Transfer {
        source: repository,
        index: &index,
        target: repository,
        packers: &packers,
        compress: false,
        step: "pack files",
    };
    transfer.run(&work, events, &|blob, error| {
        if !error.is_about_content() {
            return Err(error);
        }
        events.warning(&format!("failed to load blob {}: {error}", blob.id));
        lost.lock().push((blob.id, error.to_string()));
        Ok(())
    })?;
    packers.finish()?;
    lock.confirm()?;
    rewrite_index(repository, &wanted, Vec::new(), &[], events)?;
    for id in wanted.iter().filter(|id| stored.contains_key(id)) {
        repository.remove_file(Handle::new(FileKind::Pack, *id))?;
    }
    let lost = lost.into_inner();
    Ok(RepairPacksReport { saved: total - lost.len() as u64, lost })
}
