//! `rewrite`: snapshots without some files, or with another host or time.

use std::sync::Arc;

use backstay_core::{CallContext, EntryKind, FileKind, Handle, Timestamp};
use backstay_engine::format::{Node, Snapshot, Summary};
use backstay_engine::repository::SnapshotEntry;
use backstay_engine::rewrite::{TreeRewriter, replace_snapshot};

use crate::app::App;
use crate::args::Rewrite;
use crate::failure::{Failure, Outcome};
use crate::patterns::Patterns;
use crate::repository::{Access, Opened, Place};
use crate::{choose, moment};

pub(super) fn run(app: &App, args: &Rewrite) -> Outcome {
    let exclude = Patterns::exclude(&args.exclude)?;
    let include = Patterns::include(&args.include)?;
    let filters = !exclude.is_empty() || !include.is_empty();
    if !exclude.is_empty() && !include.is_empty() {
        return Err(Failure::fatal("exclude and include patterns are mutually exclusive"));
    }
    if !filters && !args.snapshot_summary && args.new_host.is_none() && args.new_time.is_none() {
        return Err(Failure::fatal(
            "Nothing to do: no excludes or includes provided and no new metadata provided",
        ));
    }
    let time = args.new_time.as_deref().map(moment::parse_time).transpose()?;
    let mut place = Place::main(app);
    if args.dry_run {
        place = place.discarding_writes();
    }
    // Removing snapshots needs the repository alone, adding them does not.
    let access = match (args.dry_run, args.forget) {
        (true, _) => Access::Unlocked,
        (false, true) => Access::Exclusive,
        (false, false) => Access::Append,
    };
    let repository = Opened::open_at(app, &place, access)?;
    let explain = |error: backstay_engine::Error| repository.explain(error.into());
    // Before the index: what a snapshot needs is in an index that was written before it.
    let snapshots = choose::several(app, &repository, &args.snapshots, &args.choice.filter())?;
    let index = Arc::clone(repository.load_index(app)?);
    let rewriter =
        TreeRewriter::new(repository.engine(), &index, repository.lock().cloned()).map_err(explain)?;

    let mut rewritten = Vec::new();
    for entry in snapshots {
        app.console.say(format!("\n{}", choose::describe(&entry)));
        let mut tally = Tally::default();
        let tree = if filters || args.snapshot_summary {
            let mut change = |path: &[u8], node: Node| {
                if filters && !is_kept(path, &node, &exclude, &include) {
                    app.console.say(format!("excluding {}", crate::format::quote(path)));
                    return None;
                }
                tally.count(&node);
                Some(node)
            };
            rewriter.rewrite(entry.snapshot.tree, &mut change, &mut |_, error| Err(error)).map_err(explain)?
        } else {
            Some(entry.snapshot.tree)
        };
        let changed = changed_snapshot(&entry, tree, args, time.as_ref(), &tally);
        rewritten.push((entry, changed));
    }
    rewriter.finish().map_err(explain)?;

    let mut count = 0;
    for (entry, changed) in rewritten {
        let Some(changed) = changed else {
            app.console.say(format!("snapshot {}: nothing is left of it", entry.id.short()));
            if args.forget && !args.dry_run {
                repository.confirm_lock()?;
                let handle = Handle::new(FileKind::Snapshot, entry.id);
                repository.engine().storage().remove(&handle, CallContext::with(&app.control))?;
            }
            count += 1;
            continue;
        };
        if changed == entry.snapshot {
            continue;
        }
        count += 1;
        if !args.dry_run {
            save(app, args, &repository, &entry, changed)?;
        }
    }
    app.console.say(match (count, args.dry_run) {
        (0, false) => "\nno snapshots were modified".to_owned(),
        (0, true) => "\nno snapshots would be modified".to_owned(),
        (count, false) => format!("\nmodified {count} snapshots"),
        (count, true) => format!("\nwould modify {count} snapshots"),
    });
    Ok(())
}

fn save(
    app: &App,
    args: &Rewrite,
    repository: &Opened,
    entry: &SnapshotEntry,
    mut changed: Snapshot,
) -> Outcome {
    if !args.forget && !changed.tags.iter().any(|tag| tag == "rewrite") {
        changed.tags.push("rewrite".to_owned());
    }
    repository.confirm_lock()?;
    let id = replace_snapshot(repository.engine(), entry, changed, args.forget)
        .map_err(|error| repository.explain(error.into()))?;
    app.console.say(format!("saved new snapshot {}", id.short()));
    if args.forget {
        app.console.say(format!("removed old snapshot {}", entry.id.short()));
    }
    Ok(())
}

/// Files and bytes of what is kept.
#[derive(Default)]
struct Tally {
    files: u64,
    bytes: u64,
}

impl Tally {
    fn count(&mut self, node: &Node) {
        if node.meta.kind == EntryKind::File {
            self.files += 1;
            self.bytes += node.meta.size;
        }
    }
}

/// The snapshot as it shall be; `None` when nothing is left of it.
fn changed_snapshot(
    entry: &SnapshotEntry,
    tree: Option<backstay_core::FileId>,
    args: &Rewrite,
    time: Option<&Timestamp>,
    tally: &Tally,
) -> Option<Snapshot> {
    let mut snapshot = Snapshot { tree: tree?, ..entry.snapshot.clone() };
    if let Some(host) = &args.new_host {
        snapshot.hostname.clone_from(host);
    }
    if let Some(time) = time {
        snapshot.time = *time;
    }
    let rewritten = snapshot.tree != entry.snapshot.tree;
    if args.snapshot_summary || (rewritten && snapshot.summary.is_some()) {
        let summary = snapshot.summary.get_or_insert(EMPTY_SUMMARY);
        summary.total_files_processed = tally.files;
        summary.total_bytes_processed = tally.bytes;
    }
    Some(snapshot)
}

/// The summary of a snapshot that had none: nothing is known but what is in it. restic writes its earliest time too.
const EMPTY_SUMMARY: Summary = Summary {
    backup_start: EARLIEST,
    backup_end: EARLIEST,
    files_new: 0,
    files_changed: 0,
    files_unmodified: 0,
    dirs_new: 0,
    dirs_changed: 0,
    dirs_unmodified: 0,
    data_blobs: 0,
    tree_blobs: 0,
    data_added: 0,
    data_added_packed: 0,
    total_files_processed: 0,
    total_bytes_processed: 0,
};
/// The first second of the year 1.
const EARLIEST: Timestamp = Timestamp { seconds: -62_135_596_800, nanos: 0, offset: 0 };

fn is_kept(path: &[u8], node: &Node, exclude: &Patterns, include: &Patterns) -> bool {
    if include.is_empty() {
        return !exclude.sensitive.is_match(path) && !exclude.insensitive.is_match(path);
    }
    [&include.sensitive, &include.insensitive].into_iter().any(|list| {
        let verdict = list.matches(path);
        verdict.matched || (node.is_folder() && verdict.child_may_match)
    })
}
