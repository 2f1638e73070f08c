//! Going through the tree of a snapshot.

use backstay_core::FileId;
use backstay_engine::repository::walk_paths;
pub(crate) use backstay_engine::repository::{Next, PathVisitor, join};

use crate::failure::{Failure, Outcome};
use crate::repository::Opened;

/// Visits everything in a tree, in the order of names.
pub(crate) fn walk(
    repository: &Opened,
    root: &FileId,
    visitor: &mut impl PathVisitor<Error = Failure>,
) -> Outcome {
    walk_paths(repository.trees()?, root, visitor)
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
