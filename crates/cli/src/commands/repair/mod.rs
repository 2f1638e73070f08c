//! `repair`: an index from the packs, packs from what is whole in them, snapshots from what is left.

mod packs;
mod snapshots;

use backstay_engine::repair::repair_index;

use crate::app::App;
use crate::args::{Repair, RepairIndex};
use crate::failure::Outcome;
use crate::repository::{Access, Opened};
use crate::terminal::StepProgress;

pub(super) fn run(app: &App, repair: &Repair) -> Outcome {
    match repair {
        Repair::Index(args) => index(app, args),
        Repair::Packs(args) => packs::run(app, args),
        Repair::Snapshots(args) => snapshots::run(app, args),
    }
}

pub(super) fn index(app: &App, args: &RepairIndex) -> Outcome {
    let repository = Opened::open(app, Access::Exclusive)?;
    make_index_fit(app, &repository, args.read_all_packs)?;
    app.console.say("done");
    Ok(())
}

/// Repairs the index and tells what was done.
pub(super) fn make_index_fit(app: &App, repository: &Opened, read_all: bool) -> Outcome {
    repository.confirm_lock()?;
    let progress = StepProgress::start(&app.console);
    let report = repair_index(repository.engine(), read_all, &progress)
        .map_err(|error| repository.explain(error.into()))?;
    progress.finish();
    for id in &report.damaged {
        app.console.say(format!("removed invalid index {id}"));
    }
    for (id, why) in &report.unreadable {
        app.console.complain(format!("unable to read pack {id}: {why}"));
    }
    let (added, removed) = (report.added.len(), report.removed.len());
    app.console.detail(format!("{added} packs read into the index, {removed} missing ones taken out"));
    Ok(())
}
