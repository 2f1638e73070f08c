//! `ls`: what is in a snapshot.

use backstay_core::{EntryKind, FileId};
use backstay_engine::format::Node;

use crate::app::App;
use crate::args::{Ls, SortMode};
use backstay_engine::repository::SnapshotEntry;

use crate::choose;
use crate::failure::{Failure, Outcome};
use crate::json::node::{Listed, Ncdu};
use crate::json::snapshot::{Entry, Head};
use crate::repository::{Access, Opened};
use crate::walk::{Next, PathVisitor, subfolder, walk};
use crate::{json, node_text};

pub(super) fn run(app: &App, args: &Ls) -> Outcome {
    if args.ncdu && app.console.is_json() {
        return Err(Failure::fatal("only either '--json' or '--ncdu' can be specified"));
    }
    let sorted = args.sort != SortMode::Name || args.reverse;
    if args.ncdu && sorted {
        return Err(Failure::fatal("--sort and --reverse cannot be used together with --ncdu"));
    }
    if args.folders.iter().any(|folder| !folder.starts_with('/')) {
        return Err(Failure::fatal("All path filters must be absolute, starting with a forward slash '/'"));
    }
    let repository = Opened::open(app, Access::Read)?;
    let (mut loaded, folder) = choose::one(&repository, &args.snapshot, &args.choice.filter())?;
    repository.load_index(app)?;
    loaded.snapshot.tree = subfolder(&repository, &loaded.snapshot.tree, &folder)?;

    let mut listing = Listing { app, args, sorted, collected: Vec::new(), depth: 0 };
    listing.head(&loaded)?;
    walk(&repository, &loaded.snapshot.tree, &mut listing)?;
    listing.finish()
}

struct Listing<'a> {
    app: &'a App,
    args: &'a Ls,
    /// Whether nodes are collected and sorted before they are printed.
    sorted: bool,
    collected: Vec<(Vec<u8>, Node)>,
    /// How deep the list of `ncdu` is nested.
    depth: usize,
}

impl Listing<'_> {
    fn head(&mut self, loaded: &SnapshotEntry) -> Outcome {
        let console = &self.app.console;
        if console.is_json() {
            let entry = Entry::from(loaded.clone());
            let head = Head { entry, message_type: "snapshot", struct_type: "snapshot" };
            console.write_line(&json::line(&head)?)
        } else if self.args.ncdu {
            self.depth = 1;
            let snapshot = json::line(&loaded.snapshot)?;
            console.write(format!("[1, 2, {snapshot}, [{{\"name\":\"/\"}}").as_bytes())
        } else {
            console.say(format!(
                "{} filtered by [{}]:",
                choose::describe(loaded),
                self.args.folders.join(" ")
            ));
            Ok(())
        }
    }

    fn print(&mut self, path: &[u8], node: &Node) -> Outcome {
        let console = &self.app.console;
        if console.is_json() {
            console.write_line(&json::line(&Listed::new(path, node))?)
        } else if self.args.ncdu {
            let entry = json::line(&Ncdu::new(node))?;
            let indent = "  ".repeat(self.depth);
            if node.meta.kind == EntryKind::Folder {
                self.depth += 1;
                console.write(format!(",\n{indent}[\n{indent}  {entry}").as_bytes())
            } else {
                console.write(format!(",\n{indent}{entry}").as_bytes())
            }
        } else {
            console.write_line(&node_text::line(path, node, self.args.long, self.args.human_readable))
        }
    }

    fn emit(&mut self, path: &[u8], node: &Node, on_the_way: bool) -> Outcome {
        if on_the_way && !self.args.ncdu {
            return Ok(());
        }
        if self.sorted {
            self.collected.push((path.to_vec(), node.clone()));
            return Ok(());
        }
        self.print(path, node)
    }

    fn finish(mut self) -> Outcome {
        let mut collected = std::mem::take(&mut self.collected);
        let file_size = |node: &Node| if node.meta.kind == EntryKind::File { node.meta.size } else { 0 };
        collected.sort_by(|(a_path, a), (b_path, b)| {
            let order = match self.args.sort {
                SortMode::Name => return std::cmp::Ordering::Equal,
                SortMode::Size => file_size(a).cmp(&file_size(b)),
                SortMode::Mtime => a.meta.modified.cmp(&b.meta.modified),
                SortMode::Atime => a.meta.accessed.cmp(&b.meta.accessed),
                SortMode::Ctime => a.meta.changed.cmp(&b.meta.changed),
                SortMode::Extension => extension(&a.name).cmp(extension(&b.name)),
            };
            order.then_with(|| a_path.cmp(b_path))
        });
        if self.args.reverse {
            collected.reverse();
        }
        for (path, node) in &collected {
            self.print(path, node)?;
        }
        if self.args.ncdu { self.app.console.write(b"\n]\n]\n") } else { Ok(()) }
    }

    fn is_within(&self, path: &[u8]) -> bool {
        self.args.folders.is_empty() || self.args.folders.iter().any(|folder| is_in(path, folder.as_bytes()))
    }

    fn leads_to(&self, path: &[u8]) -> bool {
        self.args.folders.is_empty() || self.args.folders.iter().any(|folder| is_in(folder.as_bytes(), path))
    }
}

impl PathVisitor for Listing<'_> {
    type Error = Failure;

    fn node(&mut self, path: &[u8], node: &Node, _parent: &FileId) -> Outcome<Next> {
        self.app.control.checkpoint()?;
        let within = self.is_within(path);
        let leads = self.leads_to(path);
        if within || leads {
            self.emit(path, node, !within)?;
        }
        if leads || within && self.args.recursive {
            return Ok(Next::Into);
        }
        if within && node.subtree.is_some() {
            self.leave(path)?;
        }
        Ok(Next::Over)
    }

    fn leave(&mut self, _path: &[u8]) -> Outcome {
        if !self.args.ncdu {
            return Ok(());
        }
        self.depth = self.depth.saturating_sub(1);
        self.app.console.write(format!("\n{}]", "  ".repeat(self.depth)).as_bytes())
    }
}

/// Whether a path is a folder or lies in it.
fn is_in(path: &[u8], folder: &[u8]) -> bool {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// What follows the last point of a name, with the point.
fn extension(name: &[u8]) -> &[u8] {
    name.iter().rposition(|byte| *byte == b'.').and_then(|at| name.get(at..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_holds_what_lies_beneath_it_alone() {
        assert!(is_in(b"/a/b", b"/a") && is_in(b"/a", b"/a") && is_in(b"/a", b"/a/") && is_in(b"/a", b"/"));
        assert!(!is_in(b"/ab", b"/a") && !is_in(b"/a", b"/a/b"));
    }

    #[test]
    fn extensions_begin_at_the_last_point() {
        assert_eq!(
            (extension(b"a.tar.gz"), extension(b"plain"), extension(b".x")),
            (&b".gz"[..], &b""[..], &b".x"[..])
        );
    }
}
