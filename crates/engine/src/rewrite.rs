//! Snapshots written anew: with other tags, without some items, or without what is lost.

use std::sync::Arc;

use backstay_core::{EntryKind, Events, FileId, FileKind, Handle};

use crate::format::{BlobKind, Node, Snapshot, Tree};
use crate::index::Index;
use crate::pack::{Packers, Uploader};
use crate::repository::{Lock, Repository, SnapshotEntry, TreeCache};
use crate::{Error, Result};

/// Stores a changed snapshot; with `forget`, removes the one it replaces once that is done.
///
/// # Errors
/// When something cannot be stored or removed.
pub fn replace_snapshot(
    repository: &Repository,
    old: &SnapshotEntry,
    mut changed: Snapshot,
    forget: bool,
) -> Result<FileId> {
    changed.original = Some(old.snapshot.original.unwrap_or(old.id));
    let id = repository.save_unpacked(FileKind::Snapshot, &changed.to_json())?;
    if forget && id != old.id {
        repository.remove_file(Handle::new(FileKind::Snapshot, old.id))?;
    }
    Ok(id)
}

/// What a rewrite does with a node at a path, before its subtree is looked at: `None` leaves it out.
pub type RewriteNode<'a> = dyn FnMut(&[u8], Node) -> Option<Node> + 'a;
/// What stands in for a tree that cannot be read: `None` leaves its folder out, an error ends the rewrite.
pub type RewriteFailed<'a> = dyn FnMut(&[u8], Error) -> Result<Option<Tree>> + 'a;

/// Writes trees anew.
pub struct TreeRewriter {
    repository: Repository,
    trees: TreeCache,
    packers: Packers,
}

impl TreeRewriter {
    /// A rewriter that stores what it changes, once `lock` is confirmed.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn new(repository: &Repository, index: &Arc<Index>, lock: Option<Arc<Lock>>) -> Result<Self> {
        let uploader = Uploader::start(repository, Arc::clone(index), lock, None)?;
        Ok(Self {
            repository: repository.clone(),
            trees: TreeCache::new(repository, Arc::clone(index)),
            packers: Packers::new(repository, Arc::clone(index), uploader),
        })
    }

    /// Rewrites the tree of a snapshot; `None` when nothing is left of it. An unchanged tree keeps its id.
    ///
    /// # Errors
    /// When something cannot be read for other reasons than damage, or not be stored.
    pub fn rewrite(
        &self,
        root: FileId,
        node: &mut RewriteNode<'_>,
        failed: &mut RewriteFailed<'_>,
    ) -> Result<Option<FileId>> {
        self.rewrite_tree(b"/", root, node, failed)
    }

    fn rewrite_tree(
        &self,
        path: &[u8],
        id: FileId,
        change: &mut RewriteNode<'_>,
        failed: &mut RewriteFailed<'_>,
    ) -> Result<Option<FileId>> {
        // A stack of our own: a hostile repository may nest folders without end.
        struct Level {
            path: Vec<u8>,
            id: Option<FileId>,
            rest: std::vec::IntoIter<Node>,
            done: Vec<Node>,
            /// The folder that the level above waits for.
            pending: Option<Node>,
            changed: bool,
        }
        let open =
            |path: Vec<u8>, id: Option<FileId>, failed: &mut RewriteFailed<'_>| -> Result<Option<Level>> {
                let tree = match id {
                    Some(id) => self.trees.tree_once(&id),
                    None => Err(Error::damaged("a folder", "it has no tree")),
                };
                let (tree, intact) = match tree {
                    Ok(tree) => (tree, true),
                    Err(error) if error.is_about_content() => match failed(&path, error)? {
                        Some(tree) => (tree, false),
                        None => return Ok(None),
                    },
                    Err(error) => return Err(error),
                };
                let id = id.filter(|_| intact);
                Ok(Some(Level {
                    path,
                    id,
                    rest: tree.nodes.into_iter(),
                    done: Vec::new(),
                    pending: None,
                    changed: !intact,
                }))
            };
        let Some(level) = open(path.to_vec(), Some(id), failed)? else { return Ok(None) };
        let mut stack = vec![level];
        loop {
            self.repository.control().checkpoint()?;
            let Some(level) = stack.last_mut() else { return Ok(None) };
            if let Some(node) = level.rest.next() {
                let path = join(&level.path, &node.name);
                let before = node.clone();
                let Some(node) = change(&path, node) else {
                    level.changed = true;
                    continue;
                };
                level.changed |= node != before;
                if node.meta.kind == EntryKind::Folder {
                    let subtree = node.subtree;
                    level.pending = Some(node);
                    match open(path, subtree, failed)? {
                        Some(below) => stack.push(below),
                        None => {
                            level.pending = None;
                            level.changed = true;
                        }
                    }
                } else {
                    level.done.push(node);
                }
                continue;
            }
            let Some(level) = stack.pop() else { return Ok(None) };
            let id = match level.id {
                Some(id) if !level.changed => id,
                _ => {
                    let json = Tree { nodes: level.done }.to_json();
                    self.packers.with(|packer| self.packers.store(packer, BlobKind::Tree, &json))?.id
                }
            };
            let Some(above) = stack.last_mut() else { return Ok(Some(id)) };
            if let Some(mut folder) = above.pending.take() {
                above.changed |= folder.subtree != Some(id);
                folder.subtree = Some(id);
                above.done.push(folder);
            }
        }
    }

    /// Stores what was rewritten. Only then may snapshots name it.
    ///
    /// # Errors
    /// When something cannot be stored.
    pub fn finish(self) -> Result<()> {
        self.packers.finish().map(drop)
    }
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = folder.to_vec();
    if path != b"/" {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// What is lost of a snapshot, and what it is without it.
pub struct Salvage<'a> {
    index: &'a Index,
    /// What was taken out or put right, for people.
    pub notes: Vec<String>,
}

impl<'a> Salvage<'a> {
    /// Nothing salvaged so far.
    #[must_use]
    pub fn new(index: &'a Index) -> Self {
        Self { index, notes: Vec::new() }
    }

    /// Rewrites a snapshot's tree without what is missing; `None` when not even its root can be read.
    ///
    /// # Errors
    /// As [`TreeRewriter::rewrite`].
    pub fn salvage(
        &mut self,
        rewriter: &TreeRewriter,
        root: FileId,
        events: &dyn Events,
    ) -> Result<Option<FileId>> {
        let mut notes = Vec::new();
        let mut lost = Vec::new();
        let outcome = rewriter.rewrite(
            root,
            &mut |path, mut node| {
                let name = String::from_utf8_lossy(path).into_owned();
                if node.meta.kind == EntryKind::Irregular {
                    notes.push(format!("file {name:?}: removed node with invalid type"));
                    return None;
                }
                if let Some(content) = &mut node.content {
                    let before = content.len();
                    let mut size = 0;
                    content.retain(|id| match self.index.content_length(BlobKind::Data, id) {
                        Some(length) => {
                            size += u64::from(length);
                            true
                        }
                        None => false,
                    });
                    if content.len() != before {
                        notes.push(format!("file {name:?}: removed missing content"));
                    } else if size != node.meta.size {
                        notes.push(format!("file {name:?}: fixed incorrect size"));
                    }
                    node.meta.size = size;
                }
                Some(node)
            },
            &mut |path, _| {
                let name = String::from_utf8_lossy(path);
                if path == b"/" {
                    lost.push(format!("dir {name:?}: not readable"));
                    return Ok(None);
                }
                lost.push(format!("dir {name:?}: replaced with empty directory"));
                Ok(Some(Tree::default()))
            },
        )?;
        for note in notes.into_iter().chain(lost) {
            events.message(&note);
            self.notes.push(note);
        }
        Ok(outcome)
    }
}
