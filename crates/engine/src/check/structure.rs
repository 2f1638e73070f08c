//! What index, pack list and trees say of each other.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use backstay_core::{EntryKind, Events, FileId, FileKind};
use parking_lot::Mutex;

use super::{CheckOptions, CheckReport};
use crate::crypto::OVERHEAD;
use crate::format::index::PackIndex;
use crate::format::node::is_valid_name;
use crate::format::pack::TRAILER;
use crate::format::{BlobKind, Tree};
use crate::index::{Index, Mark, Marks};
use crate::repository::{Repository, SnapshotEntry, TreeCache, Visitor, walk_trees};
use crate::{Error, Result};

/// Loads the index and notes what is wrong with it.
pub(super) fn check_index(repository: &Repository, report: &mut CheckReport) -> Result<Arc<Index>> {
    let (index, damaged) = repository.load_index_leniently()?;
    for (id, error) in damaged {
        report.error(format!("error loading index {id}: {error}"));
        report.suggest_repair_index = true;
    }
    Ok(Arc::new(index))
}

/// The length that a pack of these blobs has.
pub(crate) fn pack_length(pack: &PackIndex) -> u64 {
    let header: usize = pack.blobs.iter().map(crate::format::Blob::header_length).sum();
    let blobs: u64 = pack.blobs.iter().map(|blob| u64::from(blob.length)).sum();
    blobs + (header + OVERHEAD + TRAILER) as u64
}

/// Compares the packs that are there with those that the index names; returns the latter with their lengths.
pub(super) fn check_packs(
    repository: &Repository,
    index: &Index,
    report: &mut CheckReport,
) -> Result<Vec<(PackIndex, u64)>> {
    let mut stored: HashMap<FileId, u64> = repository.list(FileKind::Pack)?.into_iter().collect();
    let mut packs = Vec::new();
    for pack in index.packs() {
        let expected = pack_length(&pack);
        match stored.remove(&pack.id) {
            None => {
                report.error(format!("pack {}: does not exist", pack.id));
                report.broken_packs.push(pack.id);
                report.missing_packs.push(pack.id);
                report.suggest_repair_index = true;
            }
            Some(length) => {
                if length != expected {
                    report.error(format!(
                        "pack {}: unexpected file size: got {length}, expected {expected}",
                        pack.id
                    ));
                    report.broken_packs.push(pack.id);
                    report.suggest_repair_index = true;
                }
                let kinds = pack.blobs.windows(2).any(|pair| matches!(pair, [a, b] if a.kind != b.kind));
                if kinds {
                    report.hint(format!("pack {} holds trees and data mixed", pack.id));
                    report.suggest_prune = true;
                }
                packs.push((pack, length));
            }
        }
    }
    for id in stored.keys() {
        report.hint(format!("pack {id}: not referenced in any index"));
    }
    if !stored.is_empty() {
        report.suggest_prune = true;
    }
    Ok(packs)
}

/// Lists the snapshots that are to be checked, and notes which cannot be read.
pub(super) fn check_snapshots(
    repository: &Repository,
    options: &CheckOptions,
    report: &mut CheckReport,
) -> Result<Vec<SnapshotEntry>> {
    let (mut snapshots, damaged) = repository.load_snapshots()?;
    for (id, error) in damaged {
        report.error(format!("error loading snapshot {id}: {error}"));
    }
    if let Some(chosen) = &options.snapshots {
        snapshots.retain(|entry| chosen.contains(&entry.id));
    }
    Ok(snapshots)
}

/// Checks that all that the snapshots name is in the index; returns marks on what they need.
pub(super) fn check_trees<'a>(
    repository: &Repository,
    index: &'a Arc<Index>,
    snapshots: &[SnapshotEntry],
    options: &CheckOptions,
    events: &dyn Events,
    report: &mut CheckReport,
) -> Result<Marks<'a>> {
    let marks = Marks::new(index);
    let visitor = TreeCheck { index, marks, problems: Mutex::default(), done: AtomicU64::new(0), events };
    let roots = snapshots.iter().map(|entry| entry.snapshot.tree);
    walk_trees(repository, &TreeCache::new(repository, Arc::clone(index)), roots, &visitor)?;
    let TreeCheck { marks, problems, .. } = visitor;
    for problem in problems.into_inner() {
        report.error(problem);
    }
    if options.check_unused {
        for (_, blob) in index.loaded() {
            if !marks.has(blob.kind, &blob.id) {
                report.hint(format!("unused blob {}/{}", blob.kind.name(), blob.id));
                report.unused_blobs.push(blob.id);
            }
        }
        report.suggest_prune |= !report.unused_blobs.is_empty();
    }
    Ok(marks)
}

struct TreeCheck<'a, 'e> {
    index: &'a Index,
    marks: Marks<'a>,
    problems: Mutex<Vec<String>>,
    done: AtomicU64,
    events: &'e dyn Events,
}

impl Visitor for TreeCheck<'_, '_> {
    fn enter(&self, id: &FileId) -> bool {
        match self.marks.mark(BlobKind::Tree, id) {
            Mark::New => true,
            Mark::Again => false,
            Mark::Unknown => {
                self.problems.lock().push(format!("tree {id}: not found in index"));
                false
            }
        }
    }

    fn visit(&self, id: &FileId, tree: Result<&Tree, Error>) -> Result<()> {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.events.step("trees", done, 0);
        let tree = match tree {
            Ok(tree) => tree,
            Err(error) => {
                self.problems.lock().push(format!("error for tree {}: {error}", id.short()));
                return Ok(());
            }
        };
        for node in &tree.nodes {
            let name = String::from_utf8_lossy(&node.name);
            let problem = |why: String| {
                self.problems.lock().push(format!("error for tree {}: {name:?}: {why}", id.short()));
            };
            if !is_valid_name(&node.name) {
                problem("its name cannot be".into());
            }
            match node.meta.kind {
                EntryKind::Folder if node.subtree.is_none() => problem("a folder without a tree".into()),
                EntryKind::File if node.content.is_none() => problem("a file without a list of blobs".into()),
                _ => {}
            }
            let mut length = Some(0);
            for blob in node.blobs() {
                if self.marks.mark(BlobKind::Data, blob) == Mark::Unknown {
                    problem(format!("blob {} is not found in index", blob.short()));
                }
                let more = self.index.content_length(BlobKind::Data, blob);
                length = length.zip(more).map(|(sum, more)| sum + u64::from(more));
            }
            if let Some(length) = length.filter(|length| node.content.is_some() && *length != node.meta.size)
            {
                problem(format!("its size is {}, but its blobs have {length} bytes", node.meta.size));
            }
        }
        Ok(())
    }
}
