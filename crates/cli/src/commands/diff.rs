//! `diff`: what changed from one snapshot to another.

use std::cmp::Ordering;
use std::collections::HashSet;

use backstay_core::{EntryKind, FileId};
use backstay_engine::format::{BlobKind, Node};
use backstay_policy::SnapshotFilter;

use crate::app::App;
use crate::args::Diff;
use crate::console::Level;
use crate::failure::Outcome;
use crate::json::diff::{Change, Side, Statistics};
use crate::repository::{Access, Opened};
use crate::walk::{join, subfolder};
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
    comparison.trees(b"/", &before, &after)?;
    comparison.finish(args)
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

    fn trees(&mut self, folder: &[u8], before: &FileId, after: &FileId) -> Outcome {
        self.app.control.checkpoint()?;
        let (left, right) = (self.repository.tree(before)?, self.repository.tree(after)?);
        let (mut left, mut right) = (left.nodes.iter().peekable(), right.nodes.iter().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) => a.name.cmp(&b.name),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return Ok(()),
            };
            let gone = if order.is_le() { left.next() } else { None };
            let new = if order.is_ge() { right.next() } else { None };
            match (gone, new) {
                (Some(gone), Some(new)) => self.both(folder, gone, new)?,
                (Some(gone), None) => self.one_sided(folder, gone, "-")?,
                (None, Some(new)) => self.one_sided(folder, new, "+")?,
                (None, None) => {}
            }
        }
    }

    fn both(&mut self, folder: &[u8], gone: &Node, new: &Node) -> Outcome {
        note_blobs(&mut self.before, gone);
        note_blobs(&mut self.after, new);
        let path = shown_path(folder, new);
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
            self.change(&path, &marks)?;
        }
        if let (Some(before), Some(after)) = (&gone.subtree, &new.subtree) {
            let outcome =
                if before == after { self.collect(before) } else { self.trees(&path, before, after) };
            self.survive(outcome)?;
        }
        Ok(())
    }

    fn one_sided(&mut self, folder: &[u8], node: &Node, mark: &str) -> Outcome {
        self.app.control.checkpoint()?;
        let path = shown_path(folder, node);
        self.change(&path, mark)?;
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
        if let Some(subtree) = &node.subtree {
            let outcome = self.whole(&path, subtree, mark);
            self.survive(outcome)?;
        }
        Ok(())
    }

    fn whole(&mut self, folder: &[u8], tree: &FileId, mark: &str) -> Outcome {
        let tree = self.repository.tree(tree)?;
        tree.nodes.iter().try_for_each(|node| self.one_sided(folder, node, mark))
    }

    /// Takes in all blobs of a folder that is the same on both sides.
    fn collect(&mut self, tree: &FileId) -> Outcome {
        let mut waiting = vec![*tree];
        while let Some(id) = waiting.pop() {
            self.app.control.checkpoint()?;
            for node in &self.repository.tree(&id)?.nodes {
                note_blobs(&mut self.common, node);
                waiting.extend(node.subtree);
            }
        }
        Ok(())
    }

    /// A folder that cannot be read is told of, and the comparison goes on.
    fn survive(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Err(failure) if failure.exit == crate::failure::Exit::Interrupted => Err(failure),
            Err(failure) => {
                self.app.console.complain(format!("error: {failure}"));
                Ok(())
            }
            Ok(()) => Ok(()),
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

/// The path; a folder's with a slash at its end.
fn shown_path(folder: &[u8], node: &Node) -> Vec<u8> {
    let mut path = join(folder, &node.name);
    if node.meta.kind == EntryKind::Folder {
        path.push(b'/');
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_end_with_a_slash() {
        let mut node = Node { name: b"b".to_vec(), ..Node::default() };
        assert_eq!(shown_path(b"/a/", &node), b"/a/b");
        node.meta.kind = EntryKind::Folder;
        assert_eq!(shown_path(b"/", &node), b"/b/");
    }
}
