//! `copy`: snapshots from one repository into another.

use backstay_engine::copy::{Copied, CopyOptions, copy};

use crate::app::App;
use crate::args::Copy;
use crate::choose;
use crate::failure::{Failure, Outcome};
use crate::repository::{Access, Opened, Place};
use crate::terminal::StepProgress;

pub(super) fn run(app: &App, args: &Copy) -> Outcome {
    let from = Place::secondary(&args.from)?.ok_or_else(|| {
        Failure::fatal("Please specify a source repository location (--from-repo or --from-repository-file)")
    })?;
    let source = Opened::open_at(app, &from, Access::Read)?;
    let target = Opened::open(app, Access::Append)?;
    let Some(lock) = target.lock() else { return Err(Failure::fatal("the destination could not be locked")) };
    if source.engine().config().polynomial != target.engine().config().polynomial {
        app.console
            .detail("the repositories cut files differently: copies share no data with backups made here");
    }
    let mut snapshots = choose::several(app, &source, &args.snapshots, &args.choice.filter())?;
    snapshots.sort_by_key(|entry| (entry.snapshot.time.seconds, entry.snapshot.time.nanos));

    let progress = StepProgress::start(&app.console);
    let (mut copied, mut left_out) = (0, None);
    copy(
        source.engine(),
        target.engine(),
        lock,
        &snapshots,
        &CopyOptions::default(),
        &progress,
        &mut |entry, outcome| match outcome {
            Copied::As(id) => {
                copied += 1;
                app.console.say(format!("\n{}", choose::describe(entry)));
                app.console.say(format!(
                    "snapshot {} saved, copied from source snapshot {}",
                    id.short(),
                    entry.id.short()
                ));
            }
            Copied::Before(id) => {
                app.console.detail(format!("\n{}", choose::describe(entry)));
                app.console.detail(format!(
                    "skipping source snapshot {}, was already copied to snapshot {}",
                    entry.id.short(),
                    id.short()
                ));
            }
            Copied::Not(error) => {
                app.console.say(format!("\n{}", choose::describe(entry)));
                app.console.complain(format!("snapshot {} cannot be copied: {error}", entry.id.short()));
                left_out.get_or_insert((entry.id, error));
            }
        },
    )
    .map_err(|error| target.explain(source.explain(error.into())))?;
    progress.finish();
    app.console.say(format!("copied {copied} of {} snapshots", snapshots.len()));
    match left_out {
        None => Ok(()),
        Some((id, error)) => Err(source
            .explain(error.into())
            .context(format!("snapshot {} is damaged at the source", id.short()))),
    }
}
