//! Whether a file is as the parent snapshot has it.

use backstay_core::{EntryKind, Meta};

use crate::format::{BlobKind, Node};
use crate::index::Index;

/// What counts as a change of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChangeDetection {
    /// Pay no heed to the time of the last metadata change.
    pub ignore_ctime: bool,
    /// Pay no heed to the inode number.
    pub ignore_inode: bool,
    /// Take all files for changed: for copies, whose times say nothing of their content.
    pub all: bool,
}

impl ChangeDetection {
    /// Whether the content may have changed since `previous` was saved.
    pub(super) fn has_changed(self, meta: &Meta, previous: &Node) -> bool {
        let before = &previous.meta;
        self.all
            || before.kind != EntryKind::File
            || meta.size != before.size
            || !meta.modified.same_instant(&before.modified)
            || (!self.ignore_ctime && !meta.changed.same_instant(&before.changed))
            || (!self.ignore_inode && meta.inode != before.inode)
    }
}

/// Whether the repository has all of a file's content.
pub(super) fn is_complete(node: &Node, index: &Index) -> bool {
    node.content.as_ref().is_some_and(|content| content.iter().all(|id| index.contains(BlobKind::Data, id)))
}
