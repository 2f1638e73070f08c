//! `recover`: a snapshot of all folders that no snapshot holds any more.

use std::collections::HashSet;
use std::sync::Arc;

use backstay_core::{Clock, EntryKind, FileId, FileKind, Meta};
use backstay_engine::format::{BlobKind, Node, Snapshot, Tree};
use backstay_engine::pack::{Packers, Uploader};

use crate::app::App;
use crate::failure::{Exit, Outcome};
use crate::repository::{Access, Opened};
use crate::terminal::StepProgress;

pub(super) fn run(app: &App) -> Outcome {
    let repository = Opened::open(app, Access::Exclusive)?;
    app.console.say("ensuring index is complete");
    super::repair::make_index_fit(app, &repository, false)?;
    let index = Arc::clone(repository.load_index(app)?);

    let roots = unreferenced(app, &repository)?;
    app.console.print(format!("\nfound {} unreferenced roots", roots.len()));
    if roots.is_empty() {
        app.console.say("no snapshot to write.");
        return Ok(());
    }
    let engine = repository.engine();
    let now = app.clock.now();
    let mut nodes: Vec<Node> = roots.into_iter().map(|id| folder(id, now)).collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    nodes.dedup_by(|a, b| a.name == b.name);
    let explain = |error: backstay_engine::Error| repository.explain(error.into());
    let uploader =
        Uploader::start(engine, Arc::clone(&index), repository.lock().cloned(), None).map_err(explain)?;
    let packers = Packers::new(engine, index, uploader);
    let json = Tree { nodes }.to_json();
    let tree = packers.with(|packer| packers.store(packer, BlobKind::Tree, &json)).map_err(explain)?.id;
    packers.finish().map_err(explain)?;

    let identity = &engine.environment().identity;
    let snapshot = Snapshot {
        time: now,
        parent: None,
        tree,
        paths: vec!["/recover".to_owned()],
        hostname: identity.host.clone(),
        username: identity.user.clone(),
        uid: identity.uid,
        gid: identity.gid,
        excludes: Vec::new(),
        tags: vec!["recovered".to_owned()],
        original: None,
        program_version: super::version::PROGRAM.to_owned(),
        summary: None,
    };
    repository.confirm_lock()?;
    let id = engine.save_unpacked(FileKind::Snapshot, &snapshot.to_json()).map_err(explain)?;
    app.console.print(format!("saved new snapshot {}", id.short()));
    Ok(())
}

/// The trees that neither another tree nor a snapshot refers to.
fn unreferenced(app: &App, repository: &Opened) -> Outcome<Vec<FileId>> {
    let trees = repository.trees()?;
    let all: HashSet<FileId> = trees
        .index()
        .loaded()
        .filter(|(_, blob)| blob.kind == BlobKind::Tree)
        .map(|(_, blob)| blob.id)
        .collect();
    let mut referenced: HashSet<FileId> = HashSet::new();
    let progress = StepProgress::start(&app.console);
    for (done, id) in all.iter().enumerate() {
        app.control.checkpoint()?;
        match trees.tree_once(id) {
            Ok(tree) => referenced.extend(tree.nodes.iter().filter_map(|node| node.subtree)),
            Err(error) => {
                let failure = crate::failure::Failure::from(error);
                if failure.exit == Exit::Interrupted {
                    return Err(failure);
                }
                app.console.complain(format!("unable to load tree {}: {failure}", id.short()));
            }
        }
        backstay_core::Events::step(&progress, "trees loaded", done as u64 + 1, all.len() as u64);
    }
    progress.finish();
    referenced.extend(repository.snapshots()?.iter().map(|entry| entry.snapshot.tree));
    Ok(all.difference(&referenced).copied().collect())
}

/// A folder that is named for its tree.
fn folder(tree: FileId, now: backstay_core::Timestamp) -> Node {
    Node {
        name: tree.short().into_bytes(),
        meta: Meta {
            kind: EntryKind::Folder,
            permissions: 0o755,
            modified: now,
            accessed: now,
            changed: now,
            ..Meta::default()
        },
        subtree: Some(tree),
        ..Node::default()
    }
}
