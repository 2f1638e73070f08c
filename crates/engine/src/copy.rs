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

/// Copies snapshots, oldest first as given; tells what became of each as soon as it is stored.
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
        walk_trees(source, &trees, [entry.snapshot.tree], &missing)?;
        let packs = by_pack(&source_index, missing.blobs.into_inner())?;
        if !packs.is_empty() {
            let uploader =
                Uploader::start(target, Arc::clone(&target_index), Some(Arc::clone(target_lock)), None)?;
            let packers = Packers::new(target, Arc::clone(&target_index), uploader);
            let transfer = Transfer {
                source,
                index: &source_index,
                target,
                packers: &packers,
                compress: false,
                step: "packs copied",
            };
            transfer.run(&packs, events, &|_: &Blob, error| Err(error))?;
            packers.finish()?;
        }
        target_lock.confirm()?;
        let snapshot = Snapshot { parent: None, original: Some(origin), ..entry.snapshot.clone() };
        let id = target.save_unpacked(FileKind::Snapshot, &snapshot.to_json())?;
        done(entry, Copied::As(id));
    }
    Ok(())
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

/// Groups blobs by the packs in which they lie.
fn by_pack(index: &Index, blobs: Vec<(BlobKind, FileId)>) -> Result<Vec<PackIndex>> {
    let mut packs: HashMap<FileId, PackIndex> = HashMap::new();
    for (kind, id) in blobs {
        let location = index.find(kind, &id).ok_or_else(|| {
            crate::Error::damaged(
                format!("{} blob {id}", kind.name()),
                "a snapshot needs it, but the index does not have it",
            )
        })?;
        let pack =
            packs.entry(location.pack).or_insert_with(|| PackIndex { id: location.pack, blobs: Vec::new() });
        pack.blobs.push(location.blob);
    }
    Ok(packs.into_values().collect())
}
