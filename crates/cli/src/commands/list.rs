//! `list`: the ids of the repository's files and blobs.

use std::collections::BTreeSet;

use backstay_core::{FileId, FileKind};
use backstay_engine::format::{BlobKind, Node};
use backstay_policy::SnapshotFilter;

use crate::app::App;
use crate::args::List;
use crate::choose;
use crate::failure::{Failure, Outcome};
use crate::repository::{Access, Opened};
use crate::walk::{Next, PathVisitor, walk};

pub(super) fn run(app: &App, args: &List) -> Outcome {
    let kind = match args.kind.as_str() {
        "packs" => Some(FileKind::Pack),
        "index" => Some(FileKind::Index),
        "snapshots" => Some(FileKind::Snapshot),
        "keys" => Some(FileKind::Key),
        "locks" => Some(FileKind::Lock),
        _ => None,
    };
    if args.snapshot.is_some() && kind != Some(FileKind::Pack) {
        return Err(Failure::fatal("only the list of packs can be that of a snapshot"));
    }
    let access = if kind == Some(FileKind::Lock) { Access::Unlocked } else { Access::Read };
    let repository = Opened::open(app, access)?;
    match (kind, &args.snapshot) {
        (Some(_), Some(snapshot)) => packs_of(app, &repository, snapshot),
        (Some(kind), None) => {
            let files = repository.engine().list(kind)?;
            files.into_iter().try_for_each(|(id, _)| app.console.write_line(&id.to_hex()))
        }
        (None, _) => {
            let index = repository.load_index(app)?;
            index.loaded().try_for_each(|(_, blob)| {
                app.console.write_line(&format!("{} {}", blob.kind.name(), blob.id))
            })
        }
    }
}

/// The packs that a restore of the snapshot would read.
fn packs_of(app: &App, repository: &Opened, snapshot: &str) -> Outcome {
    let (entry, _) = choose::one(repository, snapshot, &SnapshotFilter::default())?;
    repository.load_index(app)?;
    let mut search = PackSearch { app, repository, packs: BTreeSet::new(), seen: BTreeSet::new() };
    search.note(BlobKind::Tree, &entry.snapshot.tree)?;
    walk(repository, &entry.snapshot.tree, &mut search)?;
    search.packs.iter().try_for_each(|id| app.console.write_line(&id.to_hex()))
}

struct PackSearch<'a> {
    app: &'a App,
    repository: &'a Opened,
    packs: BTreeSet<FileId>,
    seen: BTreeSet<FileId>,
}

impl PackSearch<'_> {
    fn note(&mut self, kind: BlobKind, id: &FileId) -> Outcome {
        self.packs.extend(self.repository.trees()?.index().find(kind, id).map(|place| place.pack));
        Ok(())
    }
}

impl PathVisitor for PackSearch<'_> {
    type Error = Failure;

    fn node(&mut self, _path: &[u8], node: &Node, _parent: &FileId) -> Outcome<Next> {
        self.app.control.checkpoint()?;
        for id in node.blobs() {
            self.note(BlobKind::Data, id)?;
        }
        match node.subtree {
            Some(subtree) if self.seen.insert(subtree) => {
                self.note(BlobKind::Tree, &subtree)?;
                Ok(Next::Into)
            }
            _ => Ok(Next::Over),
        }
    }
}
