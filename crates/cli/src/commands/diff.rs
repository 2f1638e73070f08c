//! `diff`: what changed from one snapshot to another.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use backstay_core::{EntryKind, FileId};
use backstay_engine::format::{BlobKind, Node, Tree};
use backstay_policy::SnapshotFilter;

use crate::app::App;
use crate::args::Diff;
use crate::console::Level;
use crate::failure::Outcome;
use crate::json::diff::{Change, Side, Statistics};
use crate::repository::{Access, Opened};
use crate::walk::subfolder;
use crate::{choose, format, json};

type Blobs = HashSet<(BlobKind, FileId)>;

pub(super) fn run(app: &App, args: &Diff) -> Outcome {
    let repository = Opened::open(app, Access::Read)?;
    let everything = SnapshotFilter::default();
    let (before, folder_before) = choose::one(&repository, &args.before, &everything)?;
    let (after, folder_after) = choose::one(&repository, &args.after, &everything)?;
    app.console.say(format!("comparing snapshot {} to {}:\n", before.id.short(), after.id.short()));
    repository.load_index(app)?;
    let before = subfolder(&repository, &before.snapshot.tree, &folder_before)?;
    let after = subfolder(&repository, &after.snapshot.tree, &folder_after)?;

    let mut comparison = Comparison::new(app, args, &repository);
    comparison.before.insert((BlobKind::Tree, before));
    comparison.after.insert((BlobKind::Tree, after));
    comparison.trees(before, after)?;
    comparison.finish(args)
}

/// The folders below an item, before and after.
type Below = (Option<FileId>, Option<FileId>);

/// A folder that is being gone through on both sides; where it is on one side only, the other one is empty.
struct Pair {
    /// How much of the path at hand is its own.
    path: usize,
    left: Progress,
    right: Progress,
}

/// How far a tree is done.
struct Progress {
    tree: Arc<Tree>,
    next: usize,
}

struct Comparison<'a> {
    app: &'a App,
    repository: &'a Opened,
    metadata: bool,
    changed_files: u64,
    added: Side,
    removed: Side,
    before: Blobs,
    after: Blobs,
    /// Of folders that are the same on both sides.
    common: Blobs,
}

impl<'a> Comparison<'a> {
    fn new(app: &'a App, args: &Diff, repository: &'a Opened) -> Self {
        Self {
            app,
            repository,
            metadata: args.metadata,
            changed_files: 0,
            added: Side::default(),
            removed: Side::default(),
            before: Blobs::new(),
            after: Blobs::new(),
            common: Blobs::new(),
        }
    }

    /// Compares two trees and all below them. How far each folder on the way is done is kept in a list and not on the
    /// stack, for trees may be deep.
    fn trees(&mut self, before: FileId, after: FileId) -> Outcome {
        let mut path = b"/".to_vec();
        let mut levels = vec![self.open((Some(before), Some(after)), path.len())?];
        while let Some(level) = levels.last_mut() {
            self.app.control.checkpoint()?;
            path.truncate(level.path);
            let (left, right) = (Arc::clone(&level.left.tree), Arc::clone(&level.right.tree));
            let (gone, new) = (left.nodes.get(level.left.next), right.nodes.get(level.right.next));
            let order = match (gone, new) {
                (Some(gone), Some(new)) => gone.name.cmp(&new.name),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => {
                    levels.pop();
                    continue;
                }
            };
            level.left.next += usize::from(order.is_le());
            level.right.next += usize::from(order.is_ge());
            let below = match (gone.filter(|_| order.is_le()), new.filter(|_| order.is_ge())) {
                (Some(gone), Some(new)) => self.both(&mut path, gone, new)?,
                (Some(gone), None) => (self.one_sided(&mut path, gone, "-")?, None),
                (None, Some(new)) => (None, self.one_sided(&mut path, new, "+")?),
                (None, None) => (None, None),
            };
            if below != (None, None) {
                let opened = self.open(below, path.len());
                levels.extend(self.survive(opened)?);
            }
        }
        Ok(())
    }

    /// Begins with a folder, or with one on each side.
    fn open(&self, (before, after): Below, path: usize) -> Outcome<Pair> {
        let open = |id: Option<FileId>| -> Outcome<Progress> {
            let tree = id.map(|id| self.repository.tree(&id)).transpose()?.unwrap_or_default();
            Ok(Progress { tree, next: 0 })
        };
        Ok(Pair { path, left: open(before)?, right: open(after)? })
    }

    /// Compares two items of a name; returns the folders to go into.
    fn both(&mut self, path: &mut Vec<u8>, gone: &Node, new: &Node) -> Outcome<Below> {
        note_blobs(&mut self.before, gone);
        note_blobs(&mut self.after, new);
        push_shown(path, new);
        let is_file = |node: &Node| node.meta.kind == EntryKind::File;
        let mut marks = String::new();
        if gone.meta.kind != new.meta.kind {
            marks.push('T');
        }
        if is_file(gone) && is_file(new) && gone.content != new.content {
            marks.push('M');
            self.changed_files += 1;
            if gone.meta == new.meta && gone.error == new.error {
                marks.push('?');
            }
        } else if self.metadata && !is_same(gone, new) {
            marks.push('U');
        }
        if !marks.is_empty() {
            self.change(path, &marks)?;
        }
        match (gone.subtree, new.subtree) {
            (Some(before), Some(after)) if before == after => {
                let outcome = self.collect(before);
                self.survive(outcome)?;
                Ok((None, None))
            }
            (Some(before), Some(after)) => Ok((Some(before), Some(after))),
            _ => Ok((None, None)),
        }
    }

    /// Counts what is on one side only; returns the folder to go into.
    fn one_sided(&mut self, path: &mut Vec<u8>, node: &Node, mark: &str) -> Outcome<Option<FileId>> {
        push_shown(path, node);
        self.change(path, mark)?;
        let (side, blobs) = match mark {
            "+" => (&mut self.added, &mut self.after),
            _ => (&mut self.removed, &mut self.before),
        };
        match node.meta.kind {
            EntryKind::File => side.files += 1,
            EntryKind::Folder => side.dirs += 1,
            _ => side.others += 1,
        }
        note_blobs(blobs, node);
        Ok(node.subtree)
    }

    /// Takes in all blobs of a folder that is the same on both sides.
    fn collect(&mut self, tree: FileId) -> Outcome {
        let mut waiting = vec![tree];
        while let Some(id) = waiting.pop() {
            self.app.control.checkpoint()?;
            for node in &self.repository.tree(&id)?.nodes {
                // Folders that share a tree are taken in once.
                waiting.extend(node.subtree.filter(|id| !self.common.contains(&(BlobKind::Tree, *id))));
                note_blobs(&mut self.common, node);
            }
        }
        Ok(())
    }

    /// A folder that cannot be read is told of, and the comparison goes on.
    fn survive<T>(&self, outcome: Outcome<T>) -> Outcome<Option<T>> {
        match outcome {
            Err(failure) if failure.exit == crate::failure::Exit::Interrupted => Err(failure),
            Err(failure) => {
                self.app.console.complain(format!("error: {failure}"));
                Ok(None)
            }
            Ok(value) => Ok(Some(value)),
        }
    }

    fn change(&self, path: &[u8], marks: &str) -> Outcome {
        let console = &self.app.console;
        if console.level() == Level::Quiet {
            return Ok(());
        }
        if console.is_json() {
            let change =
                Change { message_type: "change", path: &String::from_utf8_lossy(path), modifier: marks };
            return console.write_line(&json::line(&change)?);
        }
        console.write_line(&format!("{marks:<5}{}", format::quote(path)))
    }

    fn finish(mut self, args: &Diff) -> Outcome {
        let shared: Blobs = self.before.intersection(&self.after).copied().collect();
        let index = self.repository.trees()?.index();
        let sides = [(&self.before, &mut self.removed), (&self.after, &mut self.added)];
        for (blobs, side) in sides {
            for (kind, id) in
                blobs.iter().filter(|blob| !shared.contains(*blob) && !self.common.contains(*blob))
            {
                match kind {
                    BlobKind::Data => side.data_blobs += 1,
                    BlobKind::Tree => side.tree_blobs += 1,
                }
                match index.content_length(*kind, id) {
                    Some(length) => side.bytes += u64::from(length),
                    None => self
                        .app
                        .console
                        .complain(format!("unable to find blob size for {} {id}", kind.name())),
                }
            }
        }
        let Self { added, removed, changed_files, app, .. } = self;
        if app.console.is_json() {
            app.console.message(&Statistics {
                message_type: "statistics",
                source_snapshot: &args.before,
                target_snapshot: &args.after,
                changed_files,
                added,
                removed,
            });
            return Ok(());
        }
        let rows = [
            String::new(),
            format!(
                "Files:       {:5} new, {:5} removed, {changed_files:5} changed",
                added.files, removed.files
            ),
            format!("Dirs:        {:5} new, {:5} removed", added.dirs, removed.dirs),
            format!("Others:      {:5} new, {:5} removed", added.others, removed.others),
            format!("Data Blobs:  {:5} new, {:5} removed", added.data_blobs, removed.data_blobs),
            format!("Tree Blobs:  {:5} new, {:5} removed", added.tree_blobs, removed.tree_blobs),
            format!("  Added:   {}", format::bytes(added.bytes)),
            format!("  Removed: {}", format::bytes(removed.bytes)),
        ];
        rows.iter().try_for_each(|row| app.console.write_line(row))
    }
}

fn note_blobs(blobs: &mut Blobs, node: &Node) {
    if node.meta.kind == EntryKind::File {
        blobs.extend(node.blobs().iter().map(|id| (BlobKind::Data, *id)));
    }
    blobs.extend(node.subtree.map(|id| (BlobKind::Tree, id)));
}

/// Whether two nodes agree in everything, what lies in a folder included.
fn is_same(a: &Node, b: &Node) -> bool {
    a.meta == b.meta && a.content == b.content && a.error == b.error && a.subtree == b.subtree
}

/// Makes a folder's path that of an item in it; a folder's has a slash at its end.
fn push_shown(path: &mut Vec<u8>, node: &Node) {
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(&node.name);
    if node.meta.kind == EntryKind::Folder {
        path.push(b'/');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_end_with_a_slash() {
        let mut node = Node { name: b"b".to_vec(), ..Node::default() };
        let shown = |folder: &[u8], node: &Node| {
            let mut path = folder.to_vec();
            push_shown(&mut path, node);
            path
        };
        assert_eq!(shown(b"/a/", &node), b"/a/b");
        node.meta.kind = EntryKind::Folder;
        assert_eq!(shown(b"/", &node), b"/b/");
    }
}
