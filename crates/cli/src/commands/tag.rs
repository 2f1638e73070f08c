//! `tag`: other tags on snapshots.

use backstay_core::{CallContext, FileKind, Handle};
use backstay_engine::format::Snapshot;
use backstay_policy::TagList;

use crate::app::App;
use crate::args::Tag;
use crate::choose;
use crate::failure::{Failure, Outcome};
use crate::json::message::{Changed, ChangedSummary};
use crate::repository::{Access, Opened};

pub(super) fn run(app: &App, args: &Tag) -> Outcome {
    if args.set.is_empty() && args.add.is_empty() && args.remove.is_empty() {
        return Err(Failure::fatal("nothing to do!").hint("give --set, --add or --remove"));
    }
    if !args.set.is_empty() && (!args.add.is_empty() || !args.remove.is_empty()) {
        return Err(Failure::fatal("--set and --add/--remove cannot be given at the same time"));
    }
    app.console.say("create exclusive lock for repository");
    let repository = Opened::open(app, Access::Exclusive)?;
    let mut changed = 0;
    for entry in choose::several(app, &repository, &args.snapshots, &args.choice.filter())? {
        app.control.checkpoint()?;
        let mut snapshot = entry.snapshot;
        if !change_tags(&mut snapshot, args) {
            continue;
        }
        // The id of the first of them all stays, however often tags change.
        snapshot.original.get_or_insert(entry.id);
        repository.confirm_lock()?;
        let new = repository.engine().save_unpacked(FileKind::Snapshot, &snapshot.to_json())?;
        let old = Handle::new(FileKind::Snapshot, entry.id);
        repository.engine().storage().remove(&old, CallContext::with(&app.control))?;
        changed += 1;
        if app.console.is_json() {
            let (old_snapshot_id, new_snapshot_id) = (entry.id.to_hex(), new.to_hex());
            app.console.message(&Changed { message_type: "changed", old_snapshot_id, new_snapshot_id });
        } else {
            app.console.detail(format!("old snapshot ID: {} -> new snapshot ID: {new}", entry.id));
        }
    }
    if app.console.is_json() {
        app.console.message(&ChangedSummary { message_type: "summary", changed_snapshots: changed });
    } else {
        app.console.say(match changed {
            0 => "no snapshots were modified".to_owned(),
            changed => format!("modified {changed} snapshots"),
        });
    }
    Ok(())
}

/// Returns whether anything changed. Setting counts as a change in any case.
fn change_tags(snapshot: &mut Snapshot, args: &Tag) -> bool {
    if !args.set.is_empty() {
        snapshot.tags = TagList::flatten(&args.set);
        return true;
    }
    let mut changed = false;
    for tag in TagList::flatten(&args.add) {
        if !snapshot.tags.contains(&tag) {
            snapshot.tags.push(tag);
            changed = true;
        }
    }
    for tag in TagList::flatten(&args.remove) {
        if let Some(at) = snapshot.tags.iter().position(|other| *other == tag) {
            snapshot.tags.remove(at);
            changed = true;
        }
    }
    changed
}
