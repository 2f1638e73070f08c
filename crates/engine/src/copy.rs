//! Copying snapshots from one repository into another.
//!
//! Trees go over as they are, byte for byte, and blobs in their compressed form: nothing is cut or compressed again.

use std::collections::HashMap;
use std::sync::Arc;

use backstay_core::{Events, FileId, FileKind};
use parking_lot::Mutex;

use crate::Result;
use crate::format::index::PackIndex;
use crate::format::{Blob, BlobKind, Snapshot, Tree};
use crate::index::{Index, Mark, Marks};
use crate::pack::{Packers, Transfer, Uploader};
use crate::repository::{Lock, Repository, SnapshotEntry, TreeCache, Visitor, walk_trees};

/// What became of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copied {
    /// It is stored as this one.
    As(FileId),
    /// The target has it already, as this one.
    Before(FileId),
}

/// Copies snapshots, oldest first as given; tells what became of each as soon as it is stored. Blobs of several snapshots share
/// packs; a snapshot is stored when all its blobs are.
///
/// # Errors
/// When something that the snapshots need cannot be read, or cannot be stored.
pub fn copy(
    source: &Repository,
    target: &Repository,
    target_lock: &Arc<Lock>,
    snapshots: &[SnapshotEntry],
    events: &dyn Events,
    done: &mut dyn FnMut(&SnapshotEntry, Copied),
) -> Result<()> {
    let (existing, _) = target.load_snapshots()?;
    let mut by_origin: HashMap<FileId, Vec<&SnapshotEntry>> = HashMap::new();
    for entry in &existing {
        by_origin.entry(entry.snapshot.original.unwrap_or(entry.id)).or_default().push(entry);
        by_origin.entry(entry.id).or_default().push(entry);
    }
    let source_index = source.load_index()?;
    let target_index = target.load_index()?;
    let trees = TreeCache::new(source, Arc::clone(&source_index));
    let seen = Marks::new(&source_index);
    let mut batch = Batch {
        source,
        target,
        target_lock,
        source_index: &source_index,
        target_index: &target_index,
        snapshots: Vec::new(),
        packs: HashMap::new(),
        bytes: 0,
    };
    for entry in snapshots {
        let origin = entry.snapshot.original.unwrap_or(entry.id);
        let twin = by_origin
            .get(&origin)
            .into_iter()
            .flatten()
            .find(|other| is_same(&other.snapshot, &entry.snapshot));
        if let Some(twin) = twin {
            done(entry, Copied::Before(twin.id));
            continue;
        }
        let missing = Missing { seen: &seen, target: &target_index, blobs: Mutex::default() };
        if let Err(error) = walk_trees(source, &trees, [entry.snapshot.tree], &missing) {
            // What came before it is whole.
            batch.save(events, done)?;
            return Err(error);
        }
        batch.add(entry, missing.blobs.into_inner())?;
        if batch.bytes >= BATCH_PACKS * target.settings().pack_size as u64 {
            batch.save(events, done)?;
        }
    }
    batch.save(events, done)
}

/// Snapshots are saved after so many full packs, about: each batch ends with packs that are not full.
const BATCH_PACKS: u64 = 100;

/// Snapshots whose blobs are copied together, so that small ones share packs.
struct Batch<'a> {
    source: &'a Repository,
    target: &'a Repository,
    target_lock: &'a Arc<Lock>,
    source_index: &'a Arc<Index>,
    target_index: &'a Arc<Index>,
    snapshots: Vec<&'a SnapshotEntry>,
    /// What they need and the target does not have.
    packs: HashMap<FileId, PackIndex>,
    /// Bytes of these blobs as they are stored.
    bytes: u64,
}

impl<'a> Batch<'a> {
    fn add(&mut self, entry: &'a SnapshotEntry, blobs: Vec<(BlobKind, FileId)>) -> Result<()> {
        for (kind, id) in blobs {
            let location = self.source_index.find(kind, &id).ok_or_else(|| {
                crate::Error::damaged(
                    format!("{} blob {id}", kind.name()),
                    "a snapshot needs it, but the index does not have it",
                )
            })?;
            let pack = self
                .packs
                .entry(location.pack)
                .or_insert_with(|| PackIndex { id: location.pack, blobs: Vec::new() });
            self.bytes += u64::from(location.blob.length);
            pack.blobs.push(location.blob);
        }
        self.snapshots.push(entry);
        Ok(())
    }

    /// Copies the blobs, and once they are stored and indexed saves the snapshots. The batch is empty then.
    fn save(&mut self, events: &dyn Events, done: &mut dyn FnMut(&SnapshotEntry, Copied)) -> Result<()> {
        let packs: Vec<_> = self.packs.drain().map(|(_, pack)| pack).collect();
        self.bytes = 0;
        if !packs.is_empty() {
            let index = Arc::clone(self.target_index);
            let lock = Some(Arc::clone(self.target_lock));
            let uploader = Uploader::start(self.target, Arc::clone(&index), lock, None)?;
            let packers = Packers::new(self.target, index, uploader);
            let transfer = Transfer {
                source: self.source,
                index: self.source_index,
                target: self.target,
                packers: &packers,
                compress: false,
                step: "packs copied",
            };
            transfer.run(&packs, events, &|_: &Blob, error| Err(error))?;
            packers.finish()?;
        }
        for entry in self.snapshots.drain(..) {
            self.target_lock.confirm()?;
            let origin = entry.snapshot.original.unwrap_or(entry.id);
            let snapshot = Snapshot { parent: None, original: Some(origin), ..entry.snapshot.clone() };
            let id = self.target.save_unpacked(FileKind::Snapshot, &snapshot.to_json())?;
            done(entry, Copied::As(id));
        }
        Ok(())
    }
}

/// Whether two snapshots are the same but for parent and origin.
fn is_same(a: &Snapshot, b: &Snapshot) -> bool {
    let comparable = |snapshot: &Snapshot| {
        let mut snapshot = Snapshot {
            parent: None,
            original: None,
            summary: None,
            program_version: String::new(),
            ..snapshot.clone()
        };
        snapshot.paths.sort_unstable();
        snapshot.tags.sort_unstable();
        snapshot.time.offset = 0;
        snapshot
    };
    comparable(a) == comparable(b)
}

/// Collects what the target does not have.
struct Missing<'a> {
    seen: &'a Marks<'a>,
    target: &'a Index,
    blobs: Mutex<Vec<(BlobKind, FileId)>>,
}

impl Visitor for Missing<'_> {
    fn enter(&self, id: &FileId) -> bool {
        // Unknown trees are entered too, so that reading them fails.
        self.seen.mark(BlobKind::Tree, id) != Mark::Again
    }

    fn visit(&self, id: &FileId, tree: Result<&Tree>) -> Result<()> {
        let tree = tree?;
        let mut wanted = Vec::new();
        if !self.target.contains(BlobKind::Tree, id) {
            wanted.push((BlobKind::Tree, *id));
        }
        for blob in tree.nodes.iter().flat_map(|node| node.blobs()) {
            if self.seen.mark(BlobKind::Data, blob) != Mark::Again
                && !self.target.contains(BlobKind::Data, blob)
            {
                wanted.push((BlobKind::Data, *blob));
            }
        }
        self.blobs.lock().append(&mut wanted);
        Ok(())
    }
}
