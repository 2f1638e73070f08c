//! The order of a restore: folders, contents, links, metadata.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use backstay_core::{EntryKind, Events, FileId, ItemAction, Meta, RestoreTarget, TargetError};
use parking_lot::Mutex;

use super::batch::Batch;
use super::folders::Folders;
use super::thaw::Thaw;
use super::{RestoreOptions, Select, verify};
use crate::crypto::{Hasher, hash};
use crate::format::Node;
use crate::format::node::is_valid_name;
use crate::index::Index;
use crate::repository::{Repository, TreeCache};
use crate::{Error, Result};

/// What a restore did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RestoreReport {
    /// Files, folders and others that were restored.
    pub items_restored: u64,
    /// Files among them.
    pub files_restored: u64,
    /// Bytes of their content.
    pub bytes_restored: u64,
    /// Bytes of it that were there already and not written.
    pub bytes_unchanged: u64,
    /// Files that were left alone.
    pub files_skipped: u64,
    /// Bytes of these.
    pub bytes_skipped: u64,
    /// Items that were removed from the target.
    pub deleted: u64,
    /// Items that could not be restored, or did not verify.
    pub failures: u64,
    /// Those among them for which what is stored is damaged or missing: trying again does not help.
    pub damaged: u64,
    /// Those among them for which there was no room at the target.
    pub without_room: u64,
    /// Files that were read again and found right.
    pub verified: u64,
}

/// Restores the tree `root` and all below it that `select` chooses.
///
/// # Errors
/// When the work is cancelled or its threads cannot run. Items that cannot be restored are reported as events and counted.
pub fn restore(
    repository: &Repository,
    index: &Arc<Index>,
    root: FileId,
    target: &dyn RestoreTarget,
    select: &Select<'_>,
    options: RestoreOptions,
    events: &dyn Events,
) -> Result<RestoreReport> {
    let run = Run {
        repository,
        index,
        target,
        select,
        options,
        events,
        trees: TreeCache::new(repository, Arc::clone(index)),
        counts: Counts::default(),
        totals: Mutex::new((0, 0)),
        failed: Mutex::default(),
        kept: Mutex::default(),
        thaw: Thaw::default(),
    };
    run.bring_back(root)?;
    run.restore(root)?;
    if options.verify && !options.dry_run {
        verify::verify(&run, root)?;
    }
    Ok(run.counts.report())
}

/// A restore under way.
pub(super) struct Run<'a> {
    pub(super) repository: &'a Repository,
    pub(super) index: &'a Arc<Index>,
    pub(super) target: &'a dyn RestoreTarget,
    pub(super) select: &'a Select<'a>,
    pub(super) options: RestoreOptions,
    pub(super) events: &'a dyn Events,
    pub(super) trees: TreeCache,
    pub(super) counts: Counts,
    totals: Mutex<(u64, u64)>,
    /// What could not be restored, so that nothing is linked to it.
    failed: Mutex<HashSet<Vec<u8>>>,
    /// Files that were left as they are, by the hashes of their paths: nothing is linked to them either, and nobody says
    /// that they are as in the snapshot.
    kept: Mutex<HashSet<FileId>>,
    pub(super) thaw: Thaw,
}

/// What is done with an item that is chosen.
pub(super) type Visit<'a> = dyn FnMut(&[u8], Node, bool) -> Result<()> + 'a;

/// Counters of a restore, updated from all threads.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) items: AtomicU64,
    pub(super) files: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) unchanged: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) bytes_skipped: AtomicU64,
    pub(super) deleted: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) damaged: AtomicU64,
    pub(super) without_room: AtomicU64,
    pub(super) verified: AtomicU64,
}

impl Counts {
    pub(super) fn add(counter: &AtomicU64, number: u64) {
        counter.fetch_add(number, Ordering::Relaxed);
    }

    fn report(&self) -> RestoreReport {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RestoreReport {
            items_restored: get(&self.items),
            files_restored: get(&self.files),
            bytes_restored: get(&self.bytes),
            bytes_unchanged: get(&self.unchanged),
            files_skipped: get(&self.skipped),
            bytes_skipped: get(&self.bytes_skipped),
            deleted: get(&self.deleted),
            failures: get(&self.failures),
            damaged: get(&self.damaged),
            without_room: get(&self.without_room),
            verified: get(&self.verified),
        }
    }
}

/// A hard-link group: device, inode, and a hash of the list of blobs. Files that claim to be one although their content differs, as
/// when one changed between two reads, are restored apart.
type LinkGroup = (u64, u64, FileId);

fn link_group(node: &Node) -> LinkGroup {
    let mut hasher = Hasher::default();
    node.blobs().iter().for_each(|id| hasher.update(&id.0));
    (node.meta.device_id, node.meta.inode, hasher.finish())
}

impl Run<'_> {
    /// An item that could not be restored because of what is stored.
    pub(super) fn fail_to_read(&self, path: &[u8], error: &Error) {
        Counts::add(&self.counts.damaged, u64::from(error.is_about_content()));
        self.fail(path, error);
    }

    /// An item that the target does not take.
    pub(super) fn fail_to_write(&self, error: &TargetError) {
        let is_full = matches!(error.cause.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
        Counts::add(&self.counts.without_room, u64::from(is_full));
        self.fail(&error.path, error);
    }

    pub(super) fn fail(&self, path: &[u8], error: &dyn std::fmt::Display) {
        Counts::add(&self.counts.failures, 1);
        self.failed.lock().insert(path.to_vec());
        self.events.item_failed(path, "restore", &error.to_string());
    }

    /// Notes that a file was left as it is, where somebody will ask.
    pub(super) fn keep(&self, path: &[u8], meta: &Meta) {
        if meta.links > 1 || self.options.verify {
            self.kept.lock().insert(hash(path));
        }
    }

    /// Whether a file was left as it is.
    pub(super) fn has_kept(&self, path: &[u8]) -> bool {
        self.kept.lock().contains(&hash(path))
    }

    /// Tells a watcher of so many more files and bytes.
    pub(super) fn expect(&self, files: u64, bytes: u64) {
        let mut totals = self.totals.lock();
        totals.0 += files;
        totals.1 = totals.1.saturating_add(bytes);
        self.events.totals(totals.0, totals.1, false);
    }

    fn restore(&self, root: FileId) -> Result<()> {
        let mut folders = Folders::default();
        let mut first_links: HashMap<LinkGroup, Vec<u8>> = HashMap::new();
        let mut links: Vec<(Vec<u8>, Vec<u8>, Node)> = Vec::new();
        let mut batch = Batch::default();
        if !self.options.dry_run
            && let Err(error) = self.target.make_folder(b"")
        {
            return Err(Error::Invalid(error.to_string()));
        }
        self.walk(root, &mut |path, node, selected| {
            match node.meta.kind {
                EntryKind::Folder => {
                    if selected {
                        self.make_folder(path);
                        folders.push(path, node.meta);
                    }
                }
                EntryKind::File if node.meta.links > 1 => {
                    let group = link_group(&node);
                    if let Some(first) = first_links.get(&group) {
                        links.push((first.clone(), path.to_vec(), node));
                    } else {
                        first_links.insert(group, path.to_vec());
                        batch.push(path, node);
                    }
                }
                EntryKind::File => batch.push(path, node),
                _ => self.special(path, &node.meta),
            }
            if batch.is_full() { self.run_batch(std::mem::take(&mut batch)) } else { Ok(()) }
        })?;
        self.run_batch(batch)?;
        let mut apart = Batch::default();
        for (first, path, node) in links {
            self.repository.control().checkpoint()?;
            if self.has_kept(&first) {
                apart.push(&path, node);
            } else {
                self.link(&first, &path, &node.meta);
            }
            if apart.is_full() {
                self.run_batch(std::mem::take(&mut apart))?;
            }
        }
        self.run_batch(apart)?;
        let totals = *self.totals.lock();
        self.events.totals(totals.0, totals.1, true);
        // Deepest first: a folder's time must be set when nothing more is written in it.
        folders.for_each_reversed(|path, meta| self.finish_folder(path, meta));
        Ok(())
    }

    fn make_folder(&self, path: &[u8]) {
        if !self.options.dry_run
            && let Err(error) = self.target.make_folder(path)
        {
            self.fail_to_write(&error);
        }
    }

    fn finish_folder(&self, path: &[u8], meta: &Meta) {
        Counts::add(&self.counts.items, 1);
        if !self.options.dry_run
            && let Err(error) = self.target.set_metadata(path, meta)
        {
            self.fail_to_write(&error);
        }
        self.events.folder_done(path, ItemAction::New);
    }

    fn special(&self, path: &[u8], meta: &Meta) {
        // A socket without the program that serves it is of no use, and none is made.
        if meta.kind == EntryKind::Socket {
            return;
        }
        if !matches!(self.target.existing(path), Ok(Some(existing)) if !self.options.overwrite.touches(&existing, meta))
        {
            if !self.options.dry_run {
                let made =
                    self.target.make_special(path, meta).and_then(|()| self.target.set_metadata(path, meta));
                if let Err(error) = made {
                    return self.fail_to_write(&error);
                }
            }
            Counts::add(&self.counts.items, 1);
        }
        self.events.file_done(path, ItemAction::New, 0, 0);
    }

    fn link(&self, first: &[u8], path: &[u8], meta: &Meta) {
        if self.failed.lock().contains(first) {
            return self.fail(path, &"the file that it shares its content with could not be restored");
        }
        let kept = matches!(self.target.existing(path), Ok(Some(existing)) if !self.options.overwrite.touches(&existing, meta));
        if kept {
            self.keep(path, meta);
        } else if !self.options.dry_run {
            let linked =
                self.target.hard_link(first, path).and_then(|()| self.target.set_metadata(path, meta));
            if let Err(error) = linked {
                return self.fail_to_write(&error);
            }
        }
        Counts::add(&self.counts.items, 1);
        Counts::add(&self.counts.files, 1);
        self.events.file_done(path, ItemAction::New, meta.size, 0);
    }

    /// Calls `visit` for each item that is chosen, folders before what is in them; with `--delete`, removes what the snapshot does
    /// not have.
    pub(super) fn walk(&self, root: FileId, visit: &mut Visit<'_>) -> Result<()> {
        // What waits lies in the folders above the one at hand, so its path needs not be kept: only how much of this one's it shares.
        let mut stack = vec![(0, Vec::new(), root)];
        let mut folder = Vec::new();
        while let Some((above, name, id)) = stack.pop() {
            self.repository.control().checkpoint()?;
            folder.truncate(above);
            folder = join(&folder, &name);
            let tree = match self.trees.tree_once(&id) {
                Ok(tree) => tree,
                Err(error) if error.is_interrupted() => return Err(error),
                Err(error) => {
                    self.fail_to_read(&folder, &error);
                    continue;
                }
            };
            let known: HashSet<Vec<u8>> = if self.options.delete {
                tree.nodes.iter().map(|node| node.name.clone()).collect()
            } else {
                HashSet::new()
            };
            if self.options.delete {
                self.delete_unknown(&folder, &known);
            }
            for node in tree.nodes {
                let path = join(&folder, &node.name);
                if !is_valid_name(&node.name) {
                    self.fail(&path, &"the snapshot has an invalid name here; it is passed over");
                    continue;
                }
                let selected = (self.select)(&path, node.is_folder());
                if node.is_folder() {
                    match node.subtree {
                        Some(subtree) if selected.below => {
                            stack.push((folder.len(), node.name.clone(), subtree));
                        }
                        None => self.fail(&path, &"the snapshot does not say what is in it"),
                        Some(_) => {}
                    }
                    if selected.item {
                        visit(&path, node, true)?;
                    }
                } else if selected.item {
                    visit(&path, node, true)?;
                }
            }
        }
        Ok(())
    }
}

pub(super) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, name].join(&b'/') }
}
