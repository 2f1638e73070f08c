//! `repair snapshots`.

use std::sync::Arc;

use backstay_core::{FileKind, Handle};
use backstay_engine::rewrite::{Salvage, TreeRewriter, replace_snapshot};

use crate::app::App;
use crate::args::RepairSnapshots;
use crate::choose;
use crate::failure::{Failure, Outcome};
use crate::repository::{Access, Opened, Place};
use crate::terminal::StepProgress;

pub(super) fn run(app: &App, args: &RepairSnapshots) -> Outcome {
    let mut place = Place::main(app);
    if args.dry_run {
        place = place.discarding_writes();
    }
    let access = if args.dry_run { Access::Unlocked } else { Access::Exclusive };
    let repository = Opened::open_at(app, &place, access)?;
    let mut changed = remove_unreadable(app, args, &repository)?;
    let index = Arc::clone(repository.load_index(app)?);
    let explain = |error: backstay_engine::Error| repository.explain(error.into());
    let progress = StepProgress::start(&app.console);

    let rewriter =
        TreeRewriter::new(repository.engine(), &index, repository.lock().cloned()).map_err(explain)?;
    let mut repaired = Vec::new();
    for entry in choose::several_readable(app, &repository, &args.snapshots, &args.choice.filter())? {
        app.console.say(format!("\n{}", choose::describe(&entry)));
        let tree =
            Salvage::new(&index).salvage(&rewriter, entry.snapshot.tree, &progress).map_err(explain)?;
        repaired.push((entry, tree));
    }
    // Trees are stored before a snapshot names them.
    rewriter.finish().map_err(explain)?;
    for (entry, tree) in repaired {
        match tree {
            Some(tree) if tree == entry.snapshot.tree => continue,
            Some(tree) => {
                let mut snapshot = entry.snapshot.clone();
                snapshot.tree = tree;
                if !args.forget && !snapshot.tags.iter().any(|tag| tag == "repaired") {
                    snapshot.tags.push("repaired".to_owned());
                }
                if !args.dry_run {
                    repository.confirm_lock()?;
                    let id = replace_snapshot(repository.engine(), &entry, snapshot, args.forget)
                        .map_err(explain)?;
                    app.console.say(format!("saved new snapshot {} for {}", id.short(), entry.id.short()));
                }
            }
            None if !args.dry_run => {
                app.console
                    .say(format!("snapshot {} has no readable root, so it is removed", entry.id.short()));
                remove(app, &repository, entry.id)?;
            }
            None => app
                .console
                .say(format!("would remove snapshot {}: its root is not readable", entry.id.short())),
        }
        changed += 1;
    }
    progress.finish();
    app.console.say(match (changed, args.dry_run) {
        (0, false) => "\nno snapshots were modified".to_owned(),
        (0, true) => "\nno snapshots would be modified".to_owned(),
        (changed, false) => format!("\nmodified {changed} snapshots"),
        (changed, true) => format!("\nwould modify {changed} snapshots"),
    });
    Ok(())
}

/// Snapshot files that cannot be read go if they were named and `--forget` was given; returns how many did.
fn remove_unreadable(app: &App, args: &RepairSnapshots, repository: &Opened) -> Outcome<usize> {
    let mut removed = 0;
    let (_, damaged) = repository.engine().load_snapshots()?;
    for (id, error) in damaged {
        let named = args.snapshots.iter().any(|name| id.to_hex().starts_with(name.as_str()));
        if !(named && args.forget) {
            return Err(Failure::fatal(format!("snapshot file {id} is unreadable: {error}"))
                .hint(format!("`backstay repair snapshots --forget {id}` removes it")));
        }
        if args.dry_run {
            app.console.say(format!("would remove unreadable snapshot {id}"));
        } else {
            remove(app, repository, id)?;
            app.console.say(format!("removed unreadable snapshot {id}"));
        }
        removed += 1;
    }
    Ok(removed)
}

fn remove(app: &App, repository: &Opened, id: backstay_core::FileId) -> Outcome {
    repository.confirm_lock()?;
    let context = backstay_core::CallContext::with(&app.control);
    Ok(repository.engine().storage().remove(&Handle::new(FileKind::Snapshot, id), context)?)
}
