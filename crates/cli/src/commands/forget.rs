//! `forget`: removes snapshots, by name or by policy.

use std::collections::{BTreeSet, HashMap};

use backstay_core::{Events, FileId, FileKind, Handle};
use backstay_engine::forget::{facts, moment, remove_snapshots};
use backstay_engine::repository::SnapshotEntry;
use backstay_policy::{GroupKey, Retention, Verdict, group};

use super::snapshots::{heading, table};
use crate::app::App;
use crate::args::Forget;
use crate::console::Level;
use crate::failure::{Exit, Failure, Outcome};
use crate::json::snapshot::{Entry, Forgotten, Reason, list};
use crate::repository::{Access, Opened};
use crate::terminal::StepProgress;
use crate::{choose, json};

pub(super) fn run(app: &App, args: &Forget) -> Outcome {
    let policy = args.retention();
    if policy.has_negative_span() {
        return Err(Failure::fatal(
            "durations containing negative values are not allowed for --keep-within*",
        ));
    }
    super::prune::check(app, &args.limits)?;
    if app.settings.no_lock && !args.dry_run {
        return Err(Failure::fatal(
            "--no-lock is only applicable in combination with --dry-run for forget command",
        ));
    }
    let access = if args.dry_run && app.settings.no_lock { Access::Unlocked } else { Access::Exclusive };
    let repository = Opened::open(app, access)?;
    let snapshots = choose::several(app, &repository, &args.snapshots, &args.filter())?;

    let mut groups = Vec::new();
    let removed: BTreeSet<FileId> = if args.snapshots.is_empty() {
        refuse_to_remove_everything(args, &policy)?;
        app.console.say(format!("Applying Policy: {policy}"));
        let now = moment(&backstay_core::Clock::now(&*app.clock));
        let mut removed = BTreeSet::new();
        for (key, snapshots) in group(snapshots.into_iter().map(facts).collect(), args.group_by) {
            app.control.checkpoint()?;
            let verdict = policy.apply(snapshots, now);
            if !policy.is_empty() && verdict.keep.is_empty() {
                return Err(Failure::fatal(format!(
                    "refusing to delete last snapshot of snapshot group \"{key}\""
                ))
                .hint("allow it with --unsafe-allow-remove-all and no --keep-* option"));
            }
            removed.extend(verdict.remove.iter().map(|facts| facts.id.id));
            print_group(app, args, &key, &verdict)?;
            groups.push(forgotten(key, verdict));
        }
        removed
    } else {
        snapshots.iter().map(|entry| entry.id).collect()
    };

    let failed = remove(app, args, &repository, &removed)?;
    if app.console.is_json() && !groups.is_empty() {
        app.console.write_line(&json::line(&groups)?)?;
    }
    if failed > 0 {
        return Err(Failure::new(Exit::Incomplete, "failed to remove one or more snapshots"));
    }
    if args.prune && !removed.is_empty() {
        let count = removed.len();
        app.console.say(match args.dry_run {
            true => format!("{count} snapshots would be removed, running prune dry run"),
            false => format!("{count} snapshots have been removed, running prune"),
        });
        super::prune::prune(app, &repository, &args.limits, args.dry_run, &removed)?;
    }
    Ok(())
}

/// A policy that keeps nothing is taken for a mistake, unless it is meant and does not concern everything.
fn refuse_to_remove_everything(args: &Forget, policy: &Retention) -> Outcome {
    match (policy.is_empty(), args.unsafe_allow_remove_all) {
        (false, _) => Ok(()),
        (true, false) => Err(Failure::fatal("no policy was specified, no snapshots will be removed")
            .hint("say what to keep, as with --keep-daily 7 --keep-monthly 12")),
        (true, true) if args.filter().is_empty() => Err(Failure::fatal(
            "--unsafe-allow-remove-all is not allowed unless a snapshot filter option is specified",
        )),
        (true, true) => Ok(()),
    }
}

fn print_group(app: &App, args: &Forget, key: &GroupKey, verdict: &Verdict<SnapshotEntry>) -> Outcome {
    let console = &app.console;
    if console.shows(Level::Verbose) {
        console.write_line(&heading(key))?;
    }
    if !console.shows(Level::Normal) {
        return Ok(());
    }
    if !verdict.keep.is_empty() {
        let reasons: HashMap<_, _> =
            verdict.keep.iter().map(|kept| (kept.snapshot.id.id, kept.matches.clone())).collect();
        let entries = verdict.keep.iter().map(|kept| kept.snapshot.id.clone()).collect();
        console.write_line(&format!("keep {} snapshots:", verdict.keep.len()))?;
        console.write_line(&format!("{}\n", table(entries, Some(&reasons), args.compact)))?;
    }
    if !verdict.remove.is_empty() {
        let entries = verdict.remove.iter().map(|facts| facts.id.clone()).collect();
        console.write_line(&format!("remove {} snapshots:", verdict.remove.len()))?;
        console.write_line(&format!("{}\n", table(entries, None, args.compact)))?;
    }
    Ok(())
}

fn forgotten(key: GroupKey, verdict: Verdict<SnapshotEntry>) -> Forgotten {
    let reasons = verdict.keep.iter().map(|kept| Reason {
        snapshot: Entry::from(kept.snapshot.id.clone()),
        matches: kept.matches.clone(),
    });
    Forgotten {
        tags: key.tags,
        host: key.host,
        paths: key.paths,
        reasons: list(reasons.collect()),
        keep: list(verdict.keep.into_iter().map(|kept| kept.snapshot.id.into()).collect()),
        remove: list(verdict.remove.into_iter().map(|facts| facts.id.into()).collect()),
    }
}

/// Removes the snapshots; returns how many could not be.
fn remove(app: &App, args: &Forget, repository: &Opened, removed: &BTreeSet<FileId>) -> Outcome<u64> {
    if removed.is_empty() {
        return Ok(0);
    }
    if args.dry_run {
        let ids: Vec<_> = removed.iter().map(FileId::short).collect();
        app.console.say(format!("Would have removed the following snapshots:\n{{{}}}\n", ids.join(" ")));
        return Ok(0);
    }
    let Some(lock) = repository.lock() else {
        return Err(Failure::fatal("snapshots cannot be removed without a lock"));
    };
    let progress = Progress { app, steps: StepProgress::start(&app.console) };
    let report = remove_snapshots(repository.engine(), lock, removed, &progress)
        .map_err(|error| repository.explain(error.into()))?;
    for id in &report.removed {
        app.console.debug(format!("removed {}", Handle::new(FileKind::Snapshot, *id)));
    }
    progress.steps.finish();
    Ok(report.failed.len() as u64)
}

/// Shows how far the removal is, and complains of what stays in restic's words.
struct Progress<'a> {
    app: &'a App,
    steps: StepProgress,
}

impl Events for Progress<'_> {
    fn step(&self, name: &str, done: u64, total: u64) {
        self.steps.step(name, done, total);
    }

    fn item_failed(&self, path: &[u8], _during: &str, error: &str) {
        let what = String::from_utf8_lossy(path);
        self.app.console.complain(format!("unable to remove {what} from the repository: {error}"));
    }
}
