//! Planning a prune and carrying it out.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use backstay_core::{Events, FileId, FileKind, Handle};
use parking_lot::Mutex;

use super::select::{Selection, select};
use super::{PruneOptions, PruneStats};
use crate::format::{Blob, BlobKind, Tree};
use crate::index::{Index, Mark, Marks};
use crate::pack::{Packers, Transfer, Uploader};
use crate::repair::{rewrite_index, write_index};
use crate::repository::{Lock, Repository, TreeCache, Visitor, walk_trees};
use crate::side_by_side::try_for_each;
use crate::{Error, Result};

/// What a prune would do.
pub struct PrunePlan {
    repository: Repository,
    options: PruneOptions,
    index: Arc<Index>,
    selection: Selection,
}

/// Finds out what a prune would do. `ignore` names snapshots that are about to be forgotten.
///
/// # Errors
/// When anything that snapshots need is missing or cannot be read: then nothing must be removed.
pub fn prune_plan(
    repository: &Repository,
    options: &PruneOptions,
    ignore: &HashSet<FileId>,
    events: &dyn Events,
) -> Result<PrunePlan> {
    let mut options = *options;
    if options.no_free_space {
        options.max_repack = Some(0);
    }
    // Snapshots before the index: what a snapshot needs is indexed before it is listed.
    let (snapshots, mut damaged) = repository.load_snapshots()?;
    damaged.retain(|(id, _)| !ignore.contains(id));
    if let Some((_, error)) = damaged.pop() {
        return Err(error);
    }
    let index = repository.load_index()?;
    events.message("finding data that is still in use");
    let selection = {
        let used = Used { marks: Marks::new(&index) };
        let roots =
            snapshots.iter().filter(|entry| !ignore.contains(&entry.id)).map(|entry| entry.snapshot.tree);
        walk_trees(repository, &TreeCache::new(repository, Arc::clone(&index)), roots, &used)?;
        let stored: HashMap<FileId, u64> = repository.list(FileKind::Pack)?.into_iter().collect();
        let frozen = frozen(repository, &stored, events)?;
        select(index.packs(), stored, &frozen, &used.marks, repository.config().version, &options)?
    };
    Ok(PrunePlan { repository: repository.clone(), options, index, selection })
}

/// The packs that lie in an archive: they can be removed, but not read.
fn frozen(
    repository: &Repository,
    stored: &HashMap<FileId, u64>,
    events: &dyn Events,
) -> Result<HashSet<FileId>> {
    if !repository.storage().may_freeze() {
        return Ok(HashSet::new());
    }
    let packs: Vec<Handle> = stored.keys().map(|id| Handle::new(FileKind::Pack, *id)).collect();
    let frozen = repository.storage().frozen(&packs, false, repository.context())?.files;
    if !frozen.is_empty() {
        let count = frozen.len();
        events.message(&format!(
            "{count} packs lie in an archive class and cannot be read: none of them is written anew"
        ));
    }
    Ok(frozen.into_iter().map(|file| file.id).collect())
}

struct Used<'a> {
    marks: Marks<'a>,
}

impl Visitor for Used<'_> {
    fn enter(&self, id: &FileId) -> bool {
        // Unknown trees are entered too, so that reading them fails.
        self.marks.mark(BlobKind::Tree, id) != Mark::Again
    }

    fn visit(&self, _: &FileId, tree: Result<&Tree>) -> Result<()> {
        for blob in tree?.nodes.iter().flat_map(|node| node.blobs()) {
            if self.marks.mark(BlobKind::Data, blob) == Mark::Unknown {
                return Err(Error::damaged(
                    format!("data blob {blob}"),
                    "a snapshot needs it, but the index does not have it; nothing was removed",
                ));
            }
        }
        Ok(())
    }
}

impl PrunePlan {
    /// Its figures.
    #[must_use]
    pub fn stats(&self) -> &PruneStats {
        &self.selection.stats
    }

    /// Carries the plan out. `lock` is an exclusive lock on the repository.
    ///
    /// # Errors
    /// When something cannot be stored or removed. What snapshots need is never touched before its replacement is stored.
    pub fn execute(self, lock: &Arc<Lock>, events: &dyn Events) -> Result<()> {
        lock.confirm()?;
        let Self { repository, options, index, selection } = self;
        let Selection { unreferenced, mut remove, repack, .. } = selection;
        remove_files(&repository, FileKind::Pack, &unreferenced, "deleting unreferenced packs", events)?;
        if !repack.is_empty() {
            events.message("repacking packs");
            let uploader = Uploader::start(&repository, Arc::clone(&index), Some(Arc::clone(lock)), None)?;
            let packers = Packers::new(&repository, Arc::clone(&index), uploader);
            let transfer = Transfer {
                source: &repository,
                index: &index,
                target: &repository,
                packers: &packers,
                compress: options.repack_uncompressed,
                step: "packs repacked",
            };
            if let Err(error) = transfer.run(&repack, events, &|_: &Blob, error| Err(error)) {
                // The next prune takes over what is stored anew by then.
                packers.part();
                return Err(error);
            }
            packers.finish()?;
            remove.extend(repack.iter().map(|pack| pack.id));
        }
        if options.no_free_space {
            return make_room(&repository, lock, &index, &remove, events);
        }
        if !remove.is_empty() {
            lock.confirm()?;
            events.message("rebuilding index");
            match rewrite_index(&repository, &remove, Vec::new(), &[], events) {
                // An index file that stays names the packs, so they have to stay too.
                Err(error) if error.is_retained() => {
                    events.warning(&format!("{error}; no pack was removed. Prune again when that is over"));
                    return Ok(());
                }
                outcome => outcome?,
            }
            lock.confirm()?;
            remove_files(&repository, FileKind::Pack, &remove, "removing old packs", events)?;
        }
        Ok(())
    }
}

/// Removes the index and the packs that nobody needs, and only then writes an index of what is left.
fn make_room(
    repository: &Repository,
    lock: &Lock,
    index: &Index,
    remove: &HashSet<FileId>,
    events: &dyn Events,
) -> Result<()> {
    let left = index.packs().into_iter().filter(|pack| !remove.contains(&pack.id));
    events.message("deleting index files");
    let files: Vec<FileId> = repository.list(FileKind::Index)?.into_iter().map(|(id, _)| id).collect();
    remove_files(repository, FileKind::Index, &files, "deleting index files", events)?;
    lock.confirm()?;
    remove_files(repository, FileKind::Pack, remove, "removing old packs", events)?;
    lock.confirm()?;
    events.message("rebuilding index");
    write_index(repository, left)
}

/// Removes files, several at once. Those that the storage keeps for a while are told, and found again by the next prune.
fn remove_files<'a>(
    repository: &Repository,
    kind: FileKind,
    files: impl IntoIterator<Item = &'a FileId>,
    step: &str,
    events: &dyn Events,
) -> Result<()> {
    let files: Vec<&FileId> = files.into_iter().collect();
    let total = files.len() as u64;
    let (done, retained) = (AtomicU64::new(0), Mutex::new(None));
    try_for_each(&files, repository.storage().small_calls(), |id| {
        repository.control().checkpoint()?;
        match repository.remove_file(Handle::new(kind, **id)) {
            Err(error) if kind == FileKind::Pack && error.is_retained() => {
                let mut retained = retained.lock();
                let (count, _) = retained.get_or_insert((0_u64, error));
                *count += 1;
            }
            outcome => outcome?,
        }
        events.step(step, done.fetch_add(1, Ordering::Relaxed) + 1, total);
        Ok::<_, Error>(())
    })?;
    if let Some((count, first)) = retained.into_inner() {
        events
            .warning(&format!("{count} packs could not be removed yet: {first}. A later prune removes them"));
    }
    Ok(())
}
