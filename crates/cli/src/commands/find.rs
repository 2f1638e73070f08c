//! `find`: files by pattern, or blobs, trees and packs by id, in all snapshots.

use std::collections::{BTreeMap, BTreeSet};

use backstay_core::{EntryKind, FileId, Timestamp};
use backstay_engine::Error;
use backstay_engine::format::{BlobKind, Node};
use backstay_engine::repository::SnapshotEntry;
use backstay_sources::files::filter::{Case, List};

use crate::app::App;
use crate::args::Find;
use crate::choose;
use crate::failure::{Failure, Outcome};
use crate::json::node::{FoundObject, Match, Matches};
use crate::repository::{Access, Opened};
use crate::walk::{Next, PathVisitor, walk};
use crate::{json, moment, node_text};

pub(super) fn run(app: &App, args: &Find) -> Outcome {
    let oldest = args.oldest.as_deref().map(moment::parse_day_or_time).transpose()?;
    let newest = args.newest.as_deref().map(moment::parse_day_or_time).transpose()?;
    if let (Some(oldest), Some(newest)) = (&oldest, &newest)
        && oldest > newest
    {
        return Err(Failure::fatal("--oldest must specify a time before --newest"));
    }
    if [args.blob, args.tree, args.pack].into_iter().filter(|on| *on).count() > 1 {
        return Err(Failure::fatal("cannot have several ID types"));
    }
    let repository = Opened::open(app, Access::Read)?;
    // Before the index: what a snapshot needs is in an index that was written before it.
    let mut snapshots = choose::several(app, &repository, &args.snapshots, &args.choice.filter())?;
    repository.load_index(app)?;
    snapshots.sort_by_key(|entry| (entry.snapshot.time.seconds, entry.snapshot.time.nanos));
    if !args.reverse {
        snapshots.reverse();
    }
    if args.blob || args.tree || args.pack {
        let wanted = wanted_objects(&repository, args)?;
        find_objects(app, args, &repository, &snapshots, wanted)
    } else {
        let case = if args.ignore_case { Case::Insensitive } else { Case::Sensitive };
        let patterns = List::parse(&args.patterns, case).map_err(Failure::fatal)?;
        find_files(app, args, &repository, &snapshots, &FileQuery { patterns, oldest, newest })
    }
}

/// Which files are wanted.
struct FileQuery {
    patterns: List,
    oldest: Option<Timestamp>,
    newest: Option<Timestamp>,
}

fn find_files(
    app: &App,
    args: &Find,
    repository: &Opened,
    snapshots: &[SnapshotEntry],
    query: &FileQuery,
) -> Outcome {
    let mut all = Vec::new();
    for entry in snapshots {
        let mut search = FileSearch { app, args, query, entry, printed: false, matches: Vec::new() };
        walk(repository, &entry.snapshot.tree, &mut search)?;
        if !search.matches.is_empty() {
            let hits = search.matches.len();
            all.push(Matches { matches: search.matches, hits, snapshot: entry.id.to_hex() });
        }
    }
    if app.console.is_json() {
        app.console.write_line(&json::line(&all)?)?;
    }
    Ok(())
}

struct FileSearch<'a> {
    app: &'a App,
    args: &'a Find,
    query: &'a FileQuery,
    entry: &'a SnapshotEntry,
    printed: bool,
    matches: Vec<Match>,
}

impl PathVisitor for FileSearch<'_> {
    type Error = Failure;

    fn node(&mut self, path: &[u8], node: &Node, _parent: &FileId) -> Outcome<Next> {
        self.app.control.checkpoint()?;
        let verdict = self.query.patterns.matches(path);
        let in_time = self.query.oldest.is_none_or(|limit| node.meta.modified >= limit)
            && self.query.newest.is_none_or(|limit| node.meta.modified <= limit);
        if verdict.matched && in_time {
            if self.app.console.is_json() {
                self.matches.push(Match::new(path, node));
            } else {
                if !self.printed {
                    let time = moment::local(&self.entry.snapshot.time);
                    let id = self.entry.id.short();
                    self.app.console.say(format!("Found matching entries in snapshot {id} from {time}"));
                    self.printed = true;
                }
                self.app.console.write_line(&node_text::line(
                    path,
                    node,
                    self.args.long,
                    self.args.human_readable,
                ))?;
            }
        }
        Ok(if verdict.child_may_match { Next::Into } else { Next::Over })
    }

    fn broken(&mut self, tree: &FileId, error: Error) -> Outcome {
        report_broken_tree(self.app, tree, self.entry, &error.into());
        Ok(())
    }
}

fn report_broken_tree(app: &App, tree: &FileId, entry: &SnapshotEntry, failure: &Failure) {
    app.console.complain(format!("Unable to load tree {tree}: {failure}"));
    app.console.complain(format!(" ... which belongs to snapshot {}", entry.id));
}

/// Ids by their full or short form.
#[derive(Default)]
struct Wanted {
    blobs: BTreeSet<String>,
    trees: BTreeSet<String>,
}

fn is_wanted(names: &BTreeSet<String>, id: &FileId) -> bool {
    !names.is_empty() && (names.contains(&id.short()) || names.contains(&id.to_hex()))
}

/// What the patterns mean; a pack stands for all that is in it.
fn wanted_objects(repository: &Opened, args: &Find) -> Outcome<Wanted> {
    let names: BTreeSet<String> = args.patterns.iter().map(|name| name.to_lowercase()).collect();
    if args.blob {
        return Ok(Wanted { blobs: names, ..Wanted::default() });
    }
    if args.tree {
        return Ok(Wanted { trees: names, ..Wanted::default() });
    }
    let mut wanted = Wanted::default();
    let mut missing = names.clone();
    for pack in repository.trees()?.index().packs() {
        if !is_wanted(&names, &pack.id) {
            continue;
        }
        missing.remove(&pack.id.short());
        missing.remove(&pack.id.to_hex());
        for blob in pack.blobs {
            match blob.kind {
                BlobKind::Data => wanted.blobs.insert(blob.id.to_hex()),
                BlobKind::Tree => wanted.trees.insert(blob.id.to_hex()),
            };
        }
    }
    if missing.is_empty() {
        return Ok(wanted);
    }
    let listed = missing.into_iter().collect::<Vec<_>>().join(" ");
    Err(Failure::fatal(format!("unable to find pack(s): [{listed}]"))
        .hint("`list packs` shows what there is"))
}

fn find_objects(
    app: &App,
    args: &Find,
    repository: &Opened,
    snapshots: &[SnapshotEntry],
    wanted: Wanted,
) -> Outcome {
    let mut search = ObjectSearch { app, wanted, entry: None, found: Vec::new(), seen: BTreeMap::new() };
    for entry in snapshots {
        search.entry = Some(entry);
        search.tree_met(&entry.snapshot.tree, b"/")?;
        walk(repository, &entry.snapshot.tree, &mut search)?;
    }
    if app.console.is_json() {
        app.console.write_line(&json::line(&search.found)?)?;
    }
    if args.show_pack_id {
        for (id, kind) in &search.seen {
            let found = repository.trees()?.index().find(*kind, id);
            app.console.print(match found {
                Some(place) => format!(
                    "Object belongs to pack {}\n ... Pack {}: {} {id}",
                    place.pack,
                    place.pack.short(),
                    kind.name()
                ),
                None => format!("Object {id} of type {} is not in the index", kind.name()),
            });
        }
    }
    Ok(())
}

struct ObjectSearch<'a> {
    app: &'a App,
    wanted: Wanted,
    entry: Option<&'a SnapshotEntry>,
    found: Vec<FoundObject>,
    seen: BTreeMap<FileId, BlobKind>,
}

impl ObjectSearch<'_> {
    fn tree_met(&mut self, tree: &FileId, path: &[u8]) -> Outcome {
        if is_wanted(&self.wanted.trees, tree) {
            self.hit(BlobKind::Tree, tree, path, None)?;
        }
        Ok(())
    }

    fn hit(&mut self, kind: BlobKind, id: &FileId, path: &[u8], parent: Option<&FileId>) -> Outcome {
        let Some(entry) = self.entry else { return Ok(()) };
        self.seen.insert(*id, kind);
        let word = match kind {
            BlobKind::Data => "blob",
            BlobKind::Tree => "tree",
        };
        if self.app.console.is_json() {
            self.found.push(FoundObject {
                object_type: word,
                id: id.to_hex(),
                path: String::from_utf8_lossy(path).into_owned(),
                parent_tree: parent.map(FileId::to_hex).unwrap_or_default(),
                snapshot: entry.id.to_hex(),
                time: backstay_engine::format::time::to_text(&entry.snapshot.time),
            });
            return Ok(());
        }
        let console = &self.app.console;
        console.write_line(&format!("Found {word} {id}"))?;
        let path = crate::format::quote(path);
        match parent {
            Some(tree) => console.write_line(&format!(" ... in file {path}\n     (tree {tree})"))?,
            None => console.write_line(&format!(" ... path {path}"))?,
        }
        let time = moment::local(&entry.snapshot.time);
        console.write_line(&format!(" ... in snapshot {} ({time})", entry.id.short()))
    }
}

impl PathVisitor for ObjectSearch<'_> {
    type Error = Failure;

    fn node(&mut self, path: &[u8], node: &Node, parent: &FileId) -> Outcome<Next> {
        self.app.control.checkpoint()?;
        if let Some(subtree) = &node.subtree {
            self.tree_met(subtree, path)?;
        }
        if node.meta.kind == EntryKind::File && !self.wanted.blobs.is_empty() {
            for id in node.blobs() {
                if is_wanted(&self.wanted.blobs, id) {
                    self.hit(BlobKind::Data, id, path, Some(parent))?;
                }
            }
        }
        Ok(Next::Into)
    }

    fn broken(&mut self, tree: &FileId, error: Error) -> Outcome {
        if let Some(entry) = self.entry {
            report_broken_tree(self.app, tree, entry, &error.into());
        }
        Ok(())
    }
}
