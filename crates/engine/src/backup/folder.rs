//! A folder that is being filled, and what happens when it is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use backstay_core::{EntryKind, FileId, ItemAction, Meta, SinkError};
use parking_lot::Mutex;

use super::destination::Shared;
use crate::format::{BlobKind, Node, Tree, tree};

/// A folder on its way into the repository.
pub(super) struct FolderState {
    pub(super) parent: Option<Arc<FolderState>>,
    pub(super) name: Vec<u8>,
    /// The folder as the parent snapshot has it.
    previous: Option<Previous>,
    previous_node: Option<Node>,
    /// Where the entry in `previous` lies that is likely asked for next: sources mostly come in order.
    next: AtomicUsize,
    inner: Mutex<Inner>,
}

/// A tree of the parent snapshot.
pub(super) struct Previous {
    pub(super) id: FileId,
    pub(super) tree: Tree,
}

/// The entries that are done.
#[derive(Default)]
struct Done {
    nodes: Vec<Node>,
    /// Those that are just what lies at these places in the previous tree.
    as_before: Vec<usize>,
}

/// All that came into a folder.
struct Full {
    done: Done,
    meta: Option<Meta>,
}

struct Inner {
    done: Done,
    /// Entries that are not done, and one for the folder itself until it is closed.
    pending: usize,
    meta: Option<Meta>,
}

impl Drop for FolderState {
    /// One after the other: each within the last would take a deep stack where folders are nested deeply.
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(parent) = next {
            next = Arc::into_inner(parent).and_then(|mut folder| folder.parent.take());
        }
    }
}

impl FolderState {
    pub(super) fn new(
        parent: Option<Arc<Self>>,
        name: Vec<u8>,
        previous: Option<Previous>,
        previous_node: Option<Node>,
    ) -> Self {
        let inner = Mutex::new(Inner { done: Done::default(), pending: 1, meta: None });
        Self { parent, name, previous, previous_node, next: AtomicUsize::new(0), inner }
    }

    /// The path of an entry of this folder, from the snapshot's root.
    pub(super) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        let folders = || std::iter::successors(Some(self), |folder| folder.parent.as_deref());
        let length = folders().map(|folder| folder.name.len() + 1).sum::<usize>() + name.len();
        let mut path = Vec::with_capacity(length);
        // From its end to its start, each name turned around, and then the whole.
        path.extend(name.iter().rev());
        for folder in folders() {
            path.push(b'/');
            path.extend(folder.name.iter().rev());
        }
        path.reverse();
        path
    }

    /// The path of this folder, with a `/` at its end.
    pub(super) fn path(&self) -> Vec<u8> {
        self.path_of(b"")
    }

    /// The entry of this name in the parent snapshot.
    pub(super) fn previous(&self, name: &[u8]) -> Option<&Node> {
        self.previous.as_ref()?.tree.nodes.get(self.place(name)?)
    }

    /// Where the entry of this name lies in the previous tree.
    fn place(&self, name: &[u8]) -> Option<usize> {
        let nodes = &self.previous.as_ref()?.tree.nodes;
        let next = self.next.load(Ordering::Relaxed);
        let place = match nodes.get(next) {
            Some(node) if node.name == name => next,
            _ => nodes.binary_search_by(|node| node.name.as_slice().cmp(name)).ok()?,
        };
        self.next.store(place + 1, Ordering::Relaxed);
        Some(place)
    }

    /// Announces an entry that will be done later.
    pub(super) fn expect(&self) {
        self.inner.lock().pending += 1;
    }

    /// Sets the metadata that the folder itself will have.
    pub(super) fn set_meta(&self, meta: Meta) {
        self.inner.lock().meta = Some(meta);
    }

    /// Adds an entry that was not announced.
    pub(super) fn push(&self, node: Node) {
        let place = self.unchanged_place(&node);
        self.inner.lock().done.push(node, place);
    }

    /// Adds an unannounced entry with the content it had. Most are the same in all: nothing of those is copied.
    pub(super) fn push_kept(&self, name: Vec<u8>, meta: Meta, previous: &Node) {
        let same = previous.meta == meta && previous.subtree.is_none() && previous.error.is_empty();
        let place = self.place(&name).filter(|_| same && previous.name == name);
        if let Some(place) = place {
            self.inner.lock().done.as_before.push(place);
        } else {
            let node = Node { name, meta, content: previous.content.clone(), ..Node::default() };
            self.inner.lock().done.nodes.push(node);
        }
    }

    /// Where the very same entry lies in the previous tree.
    fn unchanged_place(&self, node: &Node) -> Option<usize> {
        self.place(&node.name).filter(|_| self.previous(&node.name) == Some(node))
    }

    /// Adds an announced entry, or none if it failed; returns all when it was the last.
    fn settle(&self, node: Option<Node>) -> Option<Full> {
        let node = node.map(|node| (self.unchanged_place(&node), node));
        let mut inner = self.inner.lock();
        if let Some((place, node)) = node {
            inner.done.push(node, place);
        }
        inner.pending -= 1;
        (inner.pending == 0).then(|| Full { done: std::mem::take(&mut inner.done), meta: inner.meta.take() })
    }

    /// The previous tree's id, if these entries are that tree.
    fn unchanged(&self, done: &Done) -> Option<FileId> {
        let Previous { id, tree } = self.previous.as_ref().filter(|_| done.nodes.is_empty())?;
        let mut missing = vec![true; tree.nodes.len()];
        for place in &done.as_before {
            // One that comes twice is told from one that is missing.
            *missing.get_mut(*place).filter(|missing| **missing)? = false;
        }
        let valid = tree.nodes.iter().all(Node::has_valid_name);
        (valid && !missing.contains(&true)).then_some(*id)
    }

    /// The entries in full.
    fn nodes(&self, done: Done) -> Vec<Node> {
        let previous = |place| self.previous.as_ref()?.tree.nodes.get(place).cloned();
        let mut nodes = done.nodes;
        nodes.extend(done.as_before.into_iter().filter_map(previous));
        nodes
    }
}

impl Done {
    fn push(&mut self, node: Node, unchanged_place: Option<usize>) {
        match unchanged_place {
            Some(place) => self.as_before.push(place),
            None => self.nodes.push(node),
        }
    }
}

impl Shared {
    /// Ends an announced entry of a folder, then each folder that is complete by that, up to the root.
    pub(super) fn settle(&self, folder: &Arc<FolderState>, node: Option<Node>) -> Result<(), SinkError> {
        let mut folder = Arc::clone(folder);
        let mut node = node;
        while let Some(Full { done, meta }) = folder.settle(node.take()) {
            let unchanged = folder.unchanged(&done);
            let subtree = match unchanged {
                Some(id) => id,
                None => self.save_tree(&folder, folder.nodes(done))?,
            };
            let Some(parent) = folder.parent.clone() else {
                *self.root_tree.lock() = Some(subtree);
                self.standing.ring();
                return Ok(());
            };
            let meta = Meta { kind: EntryKind::Folder, ..meta.unwrap_or_default() };
            let own = Node { name: folder.name.clone(), meta, subtree: Some(subtree), ..Node::default() };
            let action = match &folder.previous_node {
                None => ItemAction::New,
                Some(previous) if *previous == own => ItemAction::Unchanged,
                Some(_) => ItemAction::Changed,
            };
            self.stats.folder(action);
            if let Some(journal) = self.options.journal.as_ref().filter(|_| unchanged.is_none()) {
                journal.note_folder(&parent.path_of(&own.name), &subtree);
            }
            if self.is_told() {
                self.events.folder_done(&folder.path(), action);
            }
            node = Some(own);
            folder = parent;
        }
        Ok(())
    }

    fn save_tree(&self, folder: &FolderState, mut nodes: Vec<Node>) -> Result<FileId, SinkError> {
        nodes.retain(|node| {
            let valid = node.has_valid_name();
            if !valid {
                self.item_failed(folder, &node.name, "archival", "no folder can have this name");
            }
            valid
        });
        nodes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        nodes.dedup_by(|later, earlier| {
            let twice = later.name == earlier.name;
            if twice {
                self.item_failed(folder, &later.name, "archival", "the folder has this name twice");
            }
            twice
        });
        let mut json = Vec::with_capacity(32 + nodes.len() * 420);
        tree::write(&nodes, &mut json);
        self.packers()?.with(|packer| self.store(packer, BlobKind::Tree, &json)).map(|(id, _)| id)
    }
}
