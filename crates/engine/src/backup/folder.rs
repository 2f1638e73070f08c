//! A folder that is being filled, and what happens when it is full.

use std::sync::Arc;

use backstay_core::{EntryKind, FileId, ItemAction, Meta, SinkError};
use parking_lot::Mutex;

use super::sink::Shared;
use crate::format::{BlobKind, Node, Tree, tree};

/// A folder on its way into the repository.
pub(super) struct FolderState {
    pub(super) parent: Option<Arc<FolderState>>,
    pub(super) name: Vec<u8>,
    /// The folder as the parent snapshot has it.
    pub(super) previous: Option<Tree>,
    previous_node: Option<Node>,
    inner: Mutex<Inner>,
}

struct Inner {
    nodes: Vec<Node>,
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
        previous: Option<Tree>,
        previous_node: Option<Node>,
    ) -> Self {
        let inner = Mutex::new(Inner { nodes: Vec::new(), pending: 1, meta: None });
        Self { parent, name, previous, previous_node, inner }
    }

    /// The path of an entry of this folder, from the snapshot's root.
    pub(super) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        let mut names = vec![name];
        let mut at = Some(self);
        while let Some(folder) = at {
            names.push(&folder.name);
            at = folder.parent.as_deref();
        }
        names.reverse();
        names.join(&b'/')
    }

    /// The path of this folder, with a `/` at its end.
    pub(super) fn path(&self) -> Vec<u8> {
        self.path_of(b"")
    }

    /// The entry of this name in the parent snapshot.
    pub(super) fn previous(&self, name: &[u8]) -> Option<&Node> {
        self.previous.as_ref()?.find(name)
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
        self.inner.lock().nodes.push(node);
    }

    /// Adds an announced entry, or none if it failed; returns the nodes when it was the last.
    fn settle(&self, node: Option<Node>) -> Option<(Vec<Node>, Option<Meta>)> {
        let mut inner = self.inner.lock();
        inner.nodes.extend(node);
        inner.pending -= 1;
        (inner.pending == 0).then(|| (std::mem::take(&mut inner.nodes), inner.meta.take()))
    }
}

impl Shared {
    /// Ends an announced entry of a folder, then each folder that is complete by that, up to the root.
    pub(super) fn settle(&self, folder: &Arc<FolderState>, node: Option<Node>) -> Result<(), SinkError> {
        let mut folder = Arc::clone(folder);
        let mut node = node;
        while let Some((nodes, meta)) = folder.settle(node.take()) {
            let subtree = self.save_tree(&folder, nodes)?;
            let Some(parent) = folder.parent.clone() else {
                *self.root_tree.lock() = Some(subtree);
                self.root_done.notify_all();
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
            if let Some(journal) = &self.options.journal {
                journal.note_folder(&parent.path_of(&own.name), &subtree);
            }
            self.events.folder_done(&folder.path(), action);
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
