//! Takes content out of a snapshot as a stream of bytes: a file, its beginning, or a folder as a zip archive.

use std::io::Write;

use backstay_archive::zip::{Zip, holds};
use backstay_core::{Control, EntryKind, FileId};
use backstay_engine::format::Node;
use backstay_engine::repository::{Next, PathVisitor, TreeCache, read_content, walk_paths};
use backstay_model::command::ContentForm;
use backstay_model::link::SealedRepository;

use super::repository::Open;
use super::restore::{find, find_snapshot};
use super::{Class, Result, WorkError, Workshop};
use crate::seals::Opened;

/// Content that can be taken out.
pub struct Extract {
    open: Open,
    trees: TreeCache,
    control: Control,
    /// The item; the top of the snapshot when `None`.
    node: Option<Node>,
    top: FileId,
    form: ContentForm,
    name: String,
}

impl Workshop {
    /// Finds content in a snapshot, and makes ready to take it out.
    ///
    /// # Errors
    /// When there is no such snapshot or item, the item has no content in that form, or the repository cannot be opened.
    pub fn extract(
        &self,
        repository: &SealedRepository,
        secrets: &Opened,
        snapshot: &str,
        path: &str,
        form: ContentForm,
    ) -> Result<Extract> {
        let control = Control::new();
        let open = self.look_with(repository, secrets, &control)?;
        let entry = find_snapshot(&open, snapshot)?;
        let trees = TreeCache::new(&open.engine, open.index()?);
        let node = find(&trees, &entry.snapshot.tree, path.as_bytes())?;
        let is_file = node.as_ref().is_some_and(|node| node.meta.kind == EntryKind::File);
        if form != ContentForm::Zip && !is_file {
            return Err(WorkError::new(Class::Other, format!("{path} is no file"))
                .hint("a folder can be had as a zip archive"));
        }
        let name = node.as_ref().map_or_else(
            || format!("snapshot {}", entry.id.short()),
            |node| String::from_utf8_lossy(&node.name).into_owned(),
        );
        let name = if form == ContentForm::Zip { format!("{name}.zip") } else { name };
        Ok(Extract { top: entry.snapshot.tree, open, trees, control, node, form, name })
    }
}

impl Extract {
    /// What people would call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many bytes it has, where that is known before.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match self.form {
            ContentForm::File => self.content_length(),
            ContentForm::Beginning(most) => self.content_length().map(|length| length.min(most)),
            ContentForm::Zip => None,
        }
    }

    /// What the content has, whatever the metadata says.
    fn content_length(&self) -> Option<u64> {
        let index = self.trees.index();
        let kind = backstay_engine::format::BlobKind::Data;
        let blobs = self.node.as_ref()?.blobs().iter();
        blobs.map(|id| index.content_length(kind, id).map(u64::from)).sum()
    }

    /// Ends the taking out, whatever it waits for.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Writes it out.
    ///
    /// # Errors
    /// When content is missing or damaged, or nobody takes it any more.
    pub fn write(&self, out: &mut dyn Write) -> Result<()> {
        match (self.form, &self.node) {
            (ContentForm::File, Some(node)) => self.content(node, u64::MAX, out),
            (ContentForm::Beginning(most), Some(node)) => self.content(node, most, out),
            (ContentForm::Zip, node) => self.zip(node.as_ref(), out),
            (_, None) => Ok(()),
        }
    }

    fn content(&self, node: &Node, most: u64, out: &mut dyn Write) -> Result<()> {
        let mut left = usize::try_from(most).unwrap_or(usize::MAX);
        let written = read_content(&self.open.engine, self.trees.index(), node.blobs(), &mut |bytes| {
            let some = bytes.get(..left.min(bytes.len())).unwrap_or_default();
            out.write_all(some).map_err(|error| Stopped::Failed(untaken(&error)))?;
            left -= some.len();
            if left == 0 { Err(Stopped::Enough) } else { Ok(()) }
        });
        match written {
            Ok(()) | Err(Stopped::Enough) => Ok(()),
            Err(Stopped::Failed(error)) => Err(self.open.explain(error)),
        }
    }

    fn zip(&self, node: Option<&Node>, out: &mut dyn Write) -> Result<()> {
        let mut packing = Packing { extract: self, archive: Zip::new(out), below: Vec::new() };
        match node {
            None => walk_paths(&self.trees, &self.top, &mut packing)?,
            Some(node) => {
                packing.add(&node.name, node)?;
                if let Some(tree) = node.subtree {
                    packing.below.clone_from(&node.name);
                    walk_paths(&self.trees, &tree, &mut packing)?;
                }
            }
        }
        packing.archive.finish().map_err(|error| untaken(&error))
    }
}

/// A zip archive that items are packed into.
struct Packing<'a> {
    extract: &'a Extract,
    archive: Zip<&'a mut dyn Write>,
    /// The folder of the archive that all is in.
    below: Vec<u8>,
}

impl Packing<'_> {
    fn add(&mut self, path: &[u8], node: &Node) -> Result<()> {
        // What others gave a name that leads elsewhere must not get into an archive by it.
        if !node.has_valid_name() || !holds(node.meta.kind) {
            return Ok(());
        }
        let Self { extract, archive, .. } = self;
        let failed = |error: std::io::Error| untaken(&error);
        match (&node.meta.kind, &node.meta.link_target) {
            (EntryKind::Folder, _) => archive.folder(path, &node.meta).map_err(failed),
            (EntryKind::Symlink, Some(target)) => archive.symlink(path, target, &node.meta).map_err(failed),
            (EntryKind::File, _) => {
                extract.content(node, u64::MAX, archive.file(path, &node.meta).map_err(failed)?)
            }
            _ => Ok(()),
        }
    }
}

impl PathVisitor for Packing<'_> {
    type Error = WorkError;

    fn node(&mut self, path: &[u8], node: &Node, _parent: &FileId) -> Result<Next> {
        self.extract.control.checkpoint()?;
        if !node.has_valid_name() {
            return Ok(Next::Over);
        }
        let mut inside = self.below.clone();
        inside.extend_from_slice(if inside.is_empty() {
            path.strip_prefix(b"/").unwrap_or(path)
        } else {
            path
        });
        self.add(&inside, node)?;
        Ok(Next::Into)
    }
}

/// Why content is not read on.
enum Stopped {
    Enough,
    Failed(WorkError),
}

impl From<backstay_engine::Error> for Stopped {
    fn from(error: backstay_engine::Error) -> Self {
        Self::Failed(error.into())
    }
}

fn untaken(error: &std::io::Error) -> WorkError {
    WorkError::new(Class::Other, "the content is not taken any more").because(error)
}
