//! Going through the tree of a snapshot.

use std::sync::Arc;

use backstay_core::FileId;
use backstay_engine::format::{Node, Tree};

use crate::failure::{Exit, Failure, Outcome};
use crate::repository::Opened;

/// Whether to go into a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Into,
    Over,
}

/// What happens on the way.
pub(crate) trait Visitor {
    /// A node, with its path from the root and the tree it stands in. Folders come before what is in them.
    fn node(&mut self, path: &[u8], node: &Node, parent: &FileId) -> Outcome<Next>;

    /// Everything in a folder has been visited.
    fn leave(&mut self, _path: &[u8]) -> Outcome {
        Ok(())
    }

    /// A tree cannot be loaded. `Ok` goes on without it.
    fn broken(&mut self, _tree: &FileId, failure: Failure) -> Outcome {
        Err(failure)
    }
}

/// Visits everything in a tree, in the order of names.
pub(crate) fn walk(repository: &Opened, root: &FileId, visitor: &mut dyn Visitor) -> Outcome {
    // How far each folder on the way is done; no recursion, for trees may be deep.
    let mut levels = vec![Level::open(repository, *root, b"/".to_vec(), visitor)?];
    while let Some(level) = levels.last_mut() {
        let tree = Arc::clone(&level.tree);
        let Some(node) = tree.nodes.get(level.next) else {
            if let Some(left) = levels.pop()
                && !levels.is_empty()
            {
                visitor.leave(&left.path)?;
            }
            continue;
        };
        level.next += 1;
        let path = join(&level.path, &node.name);
        let next = visitor.node(&path, node, &level.id)?;
        if let (Next::Into, Some(subtree)) = (next, node.subtree) {
            levels.push(Level::open(repository, subtree, path, visitor)?);
        }
    }
    Ok(())
}

/// A folder that is being gone through.
struct Level {
    path: Vec<u8>,
    id: FileId,
    tree: Arc<Tree>,
    next: usize,
}

impl Level {
    fn open(repository: &Opened, id: FileId, path: Vec<u8>, visitor: &mut dyn Visitor) -> Outcome<Self> {
        let tree = match repository.tree(&id) {
            Ok(tree) => tree,
            Err(failure) if failure.exit == Exit::Interrupted => return Err(failure),
            Err(failure) => {
                visitor.broken(&id, failure)?;
                Arc::default()
            }
        };
        Ok(Self { path, id, tree, next: 0 })
    }
}

/// A path in a snapshot.
pub(crate) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(folder.len() + 1 + name.len());
    path.extend_from_slice(folder);
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// The components of a path in a snapshot.
pub(crate) fn components(path: &str) -> impl Iterator<Item = &[u8]> {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::as_bytes)
}

/// The tree of a folder in a snapshot; the empty path is the root.
pub(crate) fn subfolder(repository: &Opened, root: &FileId, path: &str) -> Outcome<FileId> {
    let mut tree = *root;
    for name in components(path) {
        let found = repository.tree(&tree)?;
        let shown = String::from_utf8_lossy(name).into_owned();
        let node = found.find(name).ok_or_else(|| {
            Failure::fatal(format!("path {path}: not found at {shown:?}")).hint("`ls` lists what there is")
        })?;
        tree = node
            .subtree
            .filter(|_| node.is_folder())
            .ok_or_else(|| Failure::fatal(format!("path {path}: {shown:?} is not a directory")))?;
    }
    Ok(tree)
}
