//! Going through the tree of a snapshot in the order of names, with paths.

use std::sync::Arc;

use backstay_core::FileId;

use super::TreeCache;
use crate::Error;
use crate::format::{Node, Tree};

/// Whether to go into a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Visit what is in it.
    Into,
    /// Pass over it.
    Over,
}

/// What happens on the way.
pub trait PathVisitor {
    /// Why a walk may end early.
    type Error: From<Error>;

    /// A node, with its path from the root and the tree it stands in. Folders come before what is in them.
    ///
    /// # Errors
    /// Whatever makes going on useless.
    fn node(&mut self, path: &[u8], node: &Node, parent: &FileId) -> Result<Next, Self::Error>;

    /// Everything in a folder has been visited.
    ///
    /// # Errors
    /// Whatever makes going on useless.
    fn leave(&mut self, _path: &[u8]) -> Result<(), Self::Error> {
        Ok(())
    }

    /// A tree cannot be loaded. `Ok` goes on without it.
    ///
    /// # Errors
    /// The error itself, unless the visitor can do without.
    fn broken(&mut self, _tree: &FileId, error: Error) -> Result<(), Self::Error> {
        Err(error.into())
    }
}

/// Visits everything in a tree, in the order of names.
///
/// # Errors
/// What the visitor returns, or that the work was cancelled.
pub fn walk_paths<V: PathVisitor>(trees: &TreeCache, root: &FileId, visitor: &mut V) -> Result<(), V::Error> {
    // How far each folder on the way is done; no recursion, for trees may be deep.
    let mut levels = vec![Level::open(trees, *root, b"/".to_vec(), visitor)?];
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
            levels.push(Level::open(trees, subtree, path, visitor)?);
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
    fn open<V: PathVisitor>(
        trees: &TreeCache,
        id: FileId,
        path: Vec<u8>,
        visitor: &mut V,
    ) -> Result<Self, V::Error> {
        let tree = match trees.tree(&id) {
            Ok(tree) => tree,
            Err(error) if error.is_interrupted() => return Err(error.into()),
            Err(error) => {
                visitor.broken(&id, error)?;
                Arc::default()
            }
        };
        Ok(Self { path, id, tree, next: 0 })
    }
}

/// The path of an item in a folder of a snapshot.
#[must_use]
pub fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(folder.len() + 1 + name.len());
    path.extend_from_slice(folder);
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}
