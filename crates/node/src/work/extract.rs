//! Takes content out of a snapshot as a stream of bytes: a file, its beginning, or a folder as a zip archive.

use std::io::Write;

use backstay_archive::zip::{Zip, holds};
use backstay_core::{Control, EntryKind, FileId};
use backstay_engine::format::Node;
use backstay_engine::repository::{Next, PathVisitor, TreeCache, read_content, walk_paths};
use backstay_model::command::ContentForm;
use backstay_model::link::SealedRepository;

use super::archives::Taking;
use super::repository::Open;
use super::restore::{find, find_snapshot};
use super::{Class, Result, WorkError, Workshop};
use crate::seals::Opened;

/// Content that can be taken out.
pub struct Extract(From);

/// What it is taken from.
enum From {
    Snapshot(Box<FromSnapshot>),
    Archive(Box<Taking>),
}

struct FromSnapshot {
    open: Open,
    trees: TreeCache,
    control: Control,
    top: FileId,
    what: What,
    name: String,
}

/// What is taken out, in which form.
enum What {
    /// A file, or so many bytes of its beginning.
    Content(Box<Node>, u64),
    /// Items with all that is below them, as a zip archive.
    Zip(Vec<Packed>),
}

/// An item of an archive.
struct Packed {
    /// The folder of the archive that it lies in; nothing at its top.
    below: Vec<u8>,
    /// The item; the top of the snapshot when `None`.
    node: Option<Node>,
}

impl Workshop {
    /// Finds content in a snapshot, and makes ready to take it out: one file, or any items as a zip archive, in which they lie as
    /// they do below the folder that they share.
    ///
    /// # Errors
    /// When there is no such snapshot or item, the item has no content in that form, the repository cannot be opened, or the host's
    /// owner forbids it.
    pub fn extract(
        &self,
        repository: &SealedRepository,
        secrets: &Opened,
        snapshot: &str,
        paths: &[String],
        form: ContentForm,
    ) -> Result<Extract> {
        self.policy.check_download()?;
        if repository.holds.is_archives() {
            let taking = self
                .with_look(repository, secrets, |job| self.take_from_archive(job, snapshot, paths, form))?;
            return Ok(Extract(From::Archive(Box::new(taking))));
        }
        let control = Control::new();
        let open = self.look_with(repository, secrets, &control)?;
        let entry = find_snapshot(&open, snapshot)?;
        let trees = open.trees()?;
        let top = entry.snapshot.tree;
        let content = |most: u64| {
            let [path] = paths else {
                return Err(WorkError::new(Class::Other, "one file is taken out at a time")
                    .hint("several can be had as a zip archive"));
            };
            let node = find(&trees, &top, path.as_bytes())?;
            let hint = match node {
                Some(node) if node.meta.kind == EntryKind::File => {
                    let name = name(&node);
                    return Ok((What::Content(Box::new(node), most), name));
                }
                Some(node) if !node.is_folder() => {
                    "links, devices and pipes have no content: restore it to a folder"
                }
                _ => "a folder can be had as a zip archive",
            };
            Err(WorkError::new(Class::Other, format!("{path} is no file")).hint(hint))
        };
        let (what, name) = match form {
            ContentForm::File => content(u64::MAX)?,
            ContentForm::Beginning(most) => content(most)?,
            ContentForm::Zip => {
                let mut items = Vec::new();
                for (path, below) in arranged(paths) {
                    let node = find(&trees, &top, path.as_bytes())?;
                    if node.as_ref().is_some_and(|node| !holds(node.meta.kind)) {
                        let text = format!("a zip archive cannot hold {path}");
                        return Err(WorkError::new(Class::Other, text).hint("restore it to a folder"));
                    }
                    items.push(Packed { node, below });
                }
                let name = match items.as_slice() {
                    [Packed { node: Some(node), .. }] => name(node),
                    _ => format!("snapshot {}", entry.id.short()),
                };
                (What::Zip(items), format!("{name}.zip"))
            }
        };
        Ok(Extract(From::Snapshot(Box::new(FromSnapshot { open, trees, control, top, what, name }))))
    }
}

fn name(node: &Node) -> String {
    String::from_utf8_lossy(&node.name).into_owned()
}

/// Paths with the folder of an archive that each lies in. What lies in another one of them comes with that.
pub(super) fn arranged(paths: &[String]) -> Vec<(&str, Vec<u8>)> {
    let steps = |path: &'_ str| {
        path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = paths.iter().map(|path| (steps(path), path.as_str())).collect();
    all.sort_unstable();
    all.dedup_by(|later, kept| later.0.starts_with(&kept.0));
    let above = |steps: &[String]| steps.split_last().map_or_else(Vec::new, |(_, above)| above.to_vec());
    let shared = all.iter().map(|(steps, _)| above(steps)).reduce(|one, other| {
        one.into_iter().zip(other).take_while(|(a, b)| a == b).map(|(name, _)| name).collect()
    });
    let shared = shared.map_or(0, |shared| shared.len());
    let below = |steps: &[String]| above(steps).get(shared..).unwrap_or_default().join("/").into_bytes();
    all.iter().map(|(steps, path)| (*path, below(steps))).collect()
}

impl Extract {
    /// What people would call it.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.0 {
            From::Snapshot(from) => &from.name,
            From::Archive(taking) => &taking.name,
        }
    }

    /// How many bytes it has, where that is known before.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            From::Snapshot(from) => from.length(),
            From::Archive(taking) => taking.length(),
        }
    }

    /// Ends the taking out, whatever it waits for.
    #[must_use]
    pub fn control(&self) -> Control {
        match &self.0 {
            From::Snapshot(from) => from.control.clone(),
            From::Archive(taking) => taking.control(),
        }
    }

    /// Writes it out.
    ///
    /// # Errors
    /// When content is missing or damaged, or nobody takes it any more.
    pub fn write(&self, out: &mut dyn Write) -> Result<()> {
        match &self.0 {
            From::Snapshot(from) => from.write(out),
            From::Archive(taking) => taking.write(out),
        }
    }
}

impl FromSnapshot {
    fn length(&self) -> Option<u64> {
        match &self.what {
            What::Content(node, most) => self.content_length(node).map(|length| length.min(*most)),
            What::Zip(_) => None,
        }
    }

    /// What the content has, whatever the metadata says.
    fn content_length(&self, node: &Node) -> Option<u64> {
        let index = self.trees.index();
        let kind = backstay_engine::format::BlobKind::Data;
        node.blobs().iter().map(|id| index.content_length(kind, id).map(u64::from)).sum()
    }

    fn write(&self, out: &mut dyn Write) -> Result<()> {
        match &self.what {
            What::Content(node, most) => self.content(node, *most, out),
            What::Zip(items) => self.zip(items, out),
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

    fn zip(&self, items: &[Packed], out: &mut dyn Write) -> Result<()> {
        let mut packing = Packing { extract: self, archive: Zip::new(out), below: Vec::new() };
        for Packed { below, node } in items {
            packing.below.clone_from(below);
            match node {
                None => walk_paths(&self.trees, &self.top, &mut packing)?,
                Some(node) => {
                    let path = packing.inside(&node.name);
                    packing.add(&path, node)?;
                    if let Some(tree) = node.subtree {
                        packing.below = path;
                        walk_paths(&self.trees, &tree, &mut packing)?;
                    }
                }
            }
        }
        packing.archive.finish().map_err(|error| untaken(&error))
    }
}

/// A zip archive that items are packed into.
struct Packing<'a> {
    extract: &'a FromSnapshot,
    archive: Zip<&'a mut dyn Write>,
    /// The folder of the archive that all is put into.
    below: Vec<u8>,
}

impl Packing<'_> {
    /// Where a path lies in the archive.
    fn inside(&self, path: &[u8]) -> Vec<u8> {
        let path = path.strip_prefix(b"/").unwrap_or(path);
        if self.below.is_empty() { path.to_vec() } else { [&self.below, &b"/"[..], path].concat() }
    }

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
                archive.file(path, &node.meta, |out| extract.content(node, u64::MAX, out)).map_err(failed)?
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
        self.add(&self.inside(path), node)?;
        Ok(Next::Into)
    }
}

/// Why content is not read on.
enum Stopped {
    Enough,
    Failed(WorkError),
}

impl std::convert::From<backstay_engine::Error> for Stopped {
    fn from(error: backstay_engine::Error) -> Self {
        Self::Failed(error.into())
    }
}

pub(super) fn untaken(error: &std::io::Error) -> WorkError {
    WorkError::new(Class::Other, "the content is not taken any more").because(error)
}

#[cfg(test)]
mod tests {
    fn arranged(paths: &[&str]) -> Vec<(String, String)> {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let text = |(path, below): (&str, Vec<u8>)| (path.to_owned(), String::from_utf8(below).unwrap());
        super::arranged(&paths).into_iter().map(text).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(path, below)| ((*path).to_owned(), (*below).to_owned())).collect()
    }

    #[test]
    fn items_lie_in_an_archive_as_below_the_folder_that_they_share() {
        assert_eq!(arranged(&["/home/ada/letters"]), pairs(&[("/home/ada/letters", "")]));
        assert_eq!(arranged(&["/"]), pairs(&[("/", "")]));
        assert_eq!(
            arranged(&["/home/ada/b/deep/c", "/home/ada/a", "/home/ada/b/d"]),
            pairs(&[("/home/ada/a", ""), ("/home/ada/b/d", "b"), ("/home/ada/b/deep/c", "b/deep")]),
        );
        assert_eq!(arranged(&["/home/a", "/etc/a"]), pairs(&[("/etc/a", "etc"), ("/home/a", "home")]));
        // What is begun alike is not the same folder.
        assert_eq!(arranged(&["/a/bc", "/a/b"]), pairs(&[("/a/b", ""), ("/a/bc", "")]));
    }

    #[test]
    fn what_lies_in_another_item_comes_once() {
        assert_eq!(arranged(&["/a/b/c", "/a/b", "/a/b/", "/a/b/d"]), pairs(&[("/a/b", "")]));
        assert_eq!(arranged(&["/a", "/"]), pairs(&[("/", "")]));
        assert_eq!(arranged(&[]), pairs(&[]));
    }
}
