//! Copying snapshots from one repository into another.
//!
//! Trees go over as they are, byte for byte, and blobs in their compressed form: nothing is cut or compressed again. A snapshot
//! that needs something that cannot be read is left out, and the others go on.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use backstay_core::{Events, FileId, FileKind};
use parking_lot::Mutex;

use crate::format::index::PackIndex;
use crate::format::{Blob, BlobKind, Snapshot, Tree};
use crate::index::{Index, Mark, Marks};
use crate::journal::Journal;
use crate::pack::{Packers, Transfer, Uploader};
use crate::repository::{Lock, Repository, SnapshotEntry, TreeCache, Visitor, walk_trees};
use crate::{Error, Result};

/// What tags begin with that say which plan has copied a snapshot. They are no part of what is copied: two snapshots that differ
/// in them alone are the same.
pub const MARK: &str = "copy:";

/// What became of one snapshot.
#[derive(Debug)]
pub enum Copied {
    /// It is stored as this one.
    As(FileId),
    /// The target has it already, as this one.
    Before(FileId),
    /// Something that it needs is damaged or missing at the source, so it was left out.
    Not(Error),
}

/// How snapshots are copied.
#[derive(Default)]
pub struct CopyOptions {
    /// The tag that copies get beside their own; it begins with [`MARK`].
    pub mark: Option<String>,
    /// Where packs are noted that are stored, so that they are not stored again after the process has ended in the middle.
    pub journal: Option<Arc<Journal>>,
}

/// Copies snapshots, oldest first as given; tells what became of each as soon as that is known. Blobs of several snapshots share
/// packs; a snapshot is stored when all its blobs are. Returns the bytes of the packs that were stored.
///
/// # Errors
/// When a repository cannot be read or written. A snapshot that is damaged is no error: see [`Copied::Not`].
pub fn copy(
    source: &Repository,
    target: &Repository,
    target_lock: &Arc<Lock>,
    snapshots: &[SnapshotEntry],
    options: &CopyOptions,
    events: &dyn Events,
    done: &mut dyn FnMut(&SnapshotEntry, Copied),
) -> Result<u64> {
    let (existing, _) = target.load_snapshots()?;
    let twins = Twins::of(&existing);
    let source_index = source.load_index()?;
    let target_index = target.load_index()?;
    if let Some(journal) = &options.journal {
        journal.adopt_packs(target, &target_index, target_lock)?;
    }
    let trees = TreeCache::new(source, Arc::clone(&source_index));
    let mut seen = Marks::new(&source_index);
    let mut batch = Batch {
        source,
        target,
        target_lock,
        source_index: &source_index,
        target_index: &target_index,
        trees: &trees,
        options,
        snapshots: Vec::new(),
        packs: HashMap::new(),
        bytes: 0,
        stored: 0,
    };
    for entry in snapshots {
        if let Some(twin) = twins.find(entry) {
            done(entry, Copied::Before(twin.id));
            continue;
        }
        let missing = Missing { seen: &seen, target: &target_index, blobs: Mutex::default() };
        let walked = walk_trees(source, &trees, [entry.snapshot.tree], &missing);
        let added = walked.and_then(|()| batch.add(entry, missing.blobs.into_inner()));
        let is_whole = match added {
            Ok(()) if batch.bytes < BATCH_PACKS * target.settings().pack_size as u64 => true,
            Ok(()) => batch.save(events, done)?,
            Err(error) => {
                // What came before it is whole.
                batch.save(events, done)?;
                if !error.is_about_content() {
                    return Err(error);
                }
                done(entry, Copied::Not(error));
                false
            }
        };
        if !is_whole {
            // What was looked at for a snapshot that was left out is looked at again for the next.
            seen = Marks::new(&source_index);
        }
    }
    batch.save(events, done)?;
    Ok(batch.stored)
}

/// Whether the source has a snapshot that one of the target is a copy of.
///
/// A copy of a snapshot whose tags were changed since is no twin of it, but [`Twins::kin`] finds it.
pub struct Twins<'a>(HashMap<FileId, Vec<&'a SnapshotEntry>>);

impl<'a> Twins<'a> {
    /// Of these snapshots.
    #[must_use]
    pub fn of(snapshots: &'a [SnapshotEntry]) -> Self {
        let mut by_origin: HashMap<FileId, Vec<&SnapshotEntry>> = HashMap::new();
        for entry in snapshots {
            by_origin.entry(origin(entry)).or_default().push(entry);
            by_origin.entry(entry.id).or_default().push(entry);
        }
        Self(by_origin)
    }

    /// The one that is the same as this one of another repository, but for what copying changes.
    #[must_use]
    pub fn find(&self, entry: &SnapshotEntry) -> Option<&'a SnapshotEntry> {
        let same = |other: &&&SnapshotEntry| is_same(&other.snapshot, &entry.snapshot);
        self.kin(entry).iter().find(same).copied()
    }

    /// Those that were made of the same snapshot as this one of another repository, whatever was changed in them since.
    #[must_use]
    pub fn kin(&self, entry: &SnapshotEntry) -> &[&'a SnapshotEntry] {
        self.0.get(&origin(entry)).map_or(&[], Vec::as_slice)
    }
}

fn origin(entry: &SnapshotEntry) -> FileId {
    entry.snapshot.original.unwrap_or(entry.id)
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
    trees: &'a TreeCache,
    options: &'a CopyOptions,
    snapshots: Vec<&'a SnapshotEntry>,
    /// What they need and the target does not have.
    packs: HashMap<FileId, PackIndex>,
    /// Bytes of these blobs as they are stored.
    bytes: u64,
    /// Bytes of packs that were stored in all.
    stored: u64,
}

impl<'a> Batch<'a> {
    fn add(&mut self, entry: &'a SnapshotEntry, blobs: Vec<(BlobKind, FileId)>) -> Result<()> {
        let find = |(kind, id): (BlobKind, FileId)| {
            self.source_index.find(kind, &id).ok_or_else(|| {
                Error::damaged(
                    format!("{} blob {id}", kind.name()),
                    "a snapshot needs it, but the index does not have it",
                )
            })
        };
        let places: Vec<_> = blobs.into_iter().map(find).collect::<Result<_>>()?;
        for place in places {
            let pack = self
                .packs
                .entry(place.pack)
                .or_insert_with(|| PackIndex { id: place.pack, blobs: Vec::new() });
            self.bytes += u64::from(place.blob.length);
            pack.blobs.push(place.blob);
        }
        self.snapshots.push(entry);
        Ok(())
    }

    /// Copies the blobs, and once they are stored and indexed saves the snapshots that have all of theirs; whether that are all. The
    /// batch is empty then.
    fn save(&mut self, events: &dyn Events, done: &mut dyn FnMut(&SnapshotEntry, Copied)) -> Result<bool> {
        let packs: Vec<_> = self.packs.drain().map(|(_, pack)| pack).collect();
        self.bytes = 0;
        let lost = AtomicBool::new(false);
        if !packs.is_empty() {
            let index = Arc::clone(self.target_index);
            let lock = Some(Arc::clone(self.target_lock));
            let journal = self.options.journal.clone();
            let uploader = Uploader::start(self.target, Arc::clone(&index), lock, journal)?;
            let packers = Packers::new(self.target, index, uploader);
            let transfer = Transfer {
                source: self.source,
                index: self.source_index,
                target: self.target,
                packers: &packers,
                compress: false,
                step: "packs copied",
            };
            let unreadable = |blob: &Blob, error: Error| {
                if !error.is_about_content() {
                    return Err(error);
                }
                events.warning(&format!("{} blob {} cannot be copied: {error}", blob.kind.name(), blob.id));
                lost.store(true, Ordering::Relaxed);
                Ok(())
            };
            if let Err(error) = transfer.run(&packs, events, &unreadable) {
                packers.part();
                return Err(error);
            }
            self.stored += packers.finish()?;
        }
        let mut are_whole = true;
        for entry in std::mem::take(&mut self.snapshots) {
            if lost.load(Ordering::Relaxed)
                && let Err(error) = self.check(entry)
            {
                if !error.is_about_content() {
                    return Err(error);
                }
                are_whole = false;
                done(entry, Copied::Not(error));
                continue;
            }
            self.target_lock.confirm()?;
            let mut tags = entry.snapshot.tags.clone();
            tags.retain(|tag| !tag.starts_with(MARK));
            tags.extend(self.options.mark.clone());
            let snapshot =
                Snapshot { parent: None, original: Some(origin(entry)), tags, ..entry.snapshot.clone() };
            let id = self.target.save_unpacked(FileKind::Snapshot, &snapshot.to_json())?;
            done(entry, Copied::As(id));
        }
        Ok(are_whole)
    }

    /// Whether the target has all that a snapshot needs.
    fn check(&self, entry: &SnapshotEntry) -> Result<()> {
        let needs = Needs { seen: Marks::new(self.source_index), target: self.target_index };
        walk_trees(self.source, self.trees, [entry.snapshot.tree], &needs)
    }
}

/// Whether two snapshots are the same but for parent, origin and who has copied them.
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
        snapshot.tags.retain(|tag| !tag.starts_with(MARK));
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

/// Fails at what the target does not have.
struct Needs<'a> {
    seen: Marks<'a>,
    target: &'a Index,
}

impl Visitor for Needs<'_> {
    fn enter(&self, id: &FileId) -> bool {
        self.seen.mark(BlobKind::Tree, id) != Mark::Again
    }

    fn visit(&self, id: &FileId, tree: Result<&Tree>) -> Result<()> {
        let needed = tree?.nodes.iter().flat_map(|node| node.blobs()).map(|blob| (BlobKind::Data, blob));
        for (kind, id) in needed.chain([(BlobKind::Tree, id)]) {
            if !self.target.contains(kind, id) {
                return Err(Error::damaged(
                    format!("{} blob {id}", kind.name()),
                    "a snapshot needs it, and it cannot be read",
                ));
            }
        }
        Ok(())
    }
}
