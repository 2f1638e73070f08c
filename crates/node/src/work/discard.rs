//! Reading what a restore will read without writing it anywhere, so that damage is found while nothing has been touched.

use std::io;

use backstay_core::{EntryKind, Events, FileId, Meta, RestoreTarget, TargetError, TargetFile};
use backstay_engine::repository::SnapshotEntry;
use backstay_engine::restore::{Overwrite, RestoreOptions, RestoreReport, Select, Selected, restore};
use backstay_model::Level;

use super::meter::Meter;
use super::repository::Open;
use super::{Class, Job, Result, WorkError};

/// Older snapshots that are tried where the one that was asked for is damaged.
const OLDER: usize = 10;

/// A target that lets everything go. What is there is that of another target, if there is one.
struct Discard<'a>(Option<&'a dyn RestoreTarget>);

struct Nothing;

impl TargetFile for Nothing {
    fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn write_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn set_metadata(&self, _: &Meta) -> io::Result<()> {
        Ok(())
    }
}

impl RestoreTarget for Discard<'_> {
    fn existing(&self, path: &[u8]) -> Result<Option<Meta>, TargetError> {
        self.0.map_or(Ok(None), |there| there.existing(path))
    }

    fn names(&self, _: &[u8]) -> Result<Vec<Vec<u8>>, TargetError> {
        Ok(Vec::new())
    }

    fn make_folder(&self, _: &[u8]) -> Result<(), TargetError> {
        Ok(())
    }

    fn open_file(&self, _: &[u8], _: u64) -> Result<Box<dyn TargetFile>, TargetError> {
        Ok(Box::new(Nothing))
    }

    fn read_file(&self, path: &[u8]) -> Result<Box<dyn TargetFile>, TargetError> {
        self.0.map_or_else(|| Ok(Box::new(Nothing) as Box<dyn TargetFile>), |there| there.read_file(path))
    }

    fn make_special(&self, _: &[u8], _: &Meta) -> Result<(), TargetError> {
        Ok(())
    }

    fn hard_link(&self, _: &[u8], _: &[u8]) -> Result<(), TargetError> {
        Ok(())
    }

    fn set_metadata(&self, _: &[u8], _: &Meta) -> Result<(), TargetError> {
        Ok(())
    }

    fn remove(&self, _: &[u8]) -> Result<(), TargetError> {
        Ok(())
    }
}

/// Reads all that is chosen of a snapshot, and says which older one is whole where this one is not.
pub(super) fn validate(job: &Job<'_>, open: &Open, entry: &SnapshotEntry, select: &Select<'_>) -> Result<()> {
    job.report.log(Level::Info, "verify", "reading all of it first: nothing is written before that");
    let meter = Meter::new(&job.report, "verifying");
    let report = read(open, entry.snapshot.tree, select, &Discard(None), RestoreOptions::default(), &meter)?;
    meter.finish();
    refuse_damage(job, open, entry, select, &report)
}

/// Reads what would be written into files that are there, and says which older snapshot is whole where this one is not. What differs in a file
/// is written in its place, so that it would be neither the old nor the new one.
pub(super) fn validate_in_place(
    job: &Job<'_>,
    open: &Open,
    entry: &SnapshotEntry,
    select: &Select<'_>,
    there: &(dyn RestoreTarget + Sync),
    overwrite: Overwrite,
) -> Result<()> {
    let changed = |path: &[u8], is_folder: bool| {
        let Selected { item, below } = select(path, is_folder);
        let is_there = || {
            let meta = there.existing(path).ok().flatten();
            meta.is_some_and(|meta| meta.kind == EntryKind::File)
        };
        Selected { item: item && !is_folder && is_there(), below }
    };
    job.report.log(Level::Info, "verify", "reading first what files that are there are changed to");
    let meter = Meter::new(&job.report, "verifying");
    let options = RestoreOptions { overwrite, ..RestoreOptions::default() };
    let report = read(open, entry.snapshot.tree, &changed, &Discard(Some(there)), options, &meter)?;
    meter.finish();
    refuse_damage(job, open, entry, &changed, &report)
}

/// An error that names what is whole, if anything failed.
fn refuse_damage(
    job: &Job<'_>,
    open: &Open,
    entry: &SnapshotEntry,
    select: &Select<'_>,
    report: &RestoreReport,
) -> Result<()> {
    let failures = report.failures;
    if failures == 0 {
        return Ok(());
    }
    if report.damaged == 0 {
        let text = format!("{failures} items of the snapshot cannot be read for now; nothing was written");
        return Err(WorkError::new(Class::Unreachable, text)
            .hint("see the warnings in the log for what is in the way"));
    }
    let text = format!(
        "snapshot {} is damaged: {failures} items cannot be read from the repository; nothing was written",
        entry.id.short()
    );
    let error = WorkError::new(Class::Damaged, text);
    let Older { said, whole } = older(job, open, entry, select)?;
    Err(error.hint(said).offering(whole))
}

/// What there is instead of a snapshot that is damaged.
pub(super) struct Older {
    /// The same in words.
    pub(super) said: String,
    /// The id of an older snapshot that has all that is chosen, if one has.
    pub(super) whole: Option<String>,
}

/// Which older snapshot has all that is chosen.
pub(super) fn older(job: &Job<'_>, open: &Open, entry: &SnapshotEntry, select: &Select<'_>) -> Result<Older> {
    let whole = newest_whole(job, open, entry, select)?;
    let said = match &whole {
        Some(whole) => {
            let time = backstay_engine::format::time::to_text(&whole.snapshot.time);
            format!("snapshot {} of {time} is whole: restore that one", whole.id.short())
        }
        None => "no older snapshot of the same source is whole either; a copy of the repository may have the rest, and \
                 `backstay check --read-data` says what is damaged"
            .to_owned(),
    };
    Ok(Older { said, whole: whole.map(|whole| whole.id.to_hex()) })
}

fn read(
    open: &Open,
    tree: FileId,
    select: &Select<'_>,
    target: &Discard<'_>,
    options: RestoreOptions,
    events: &dyn Events,
) -> Result<RestoreReport> {
    restore(&open.engine, &open.index()?, tree, target, select, options, events)
        .map_err(|error| open.explain(error))
}

/// The newest older snapshot of the same paths of which all that is chosen can be read.
fn newest_whole(
    job: &Job<'_>,
    open: &Open,
    damaged: &SnapshotEntry,
    select: &Select<'_>,
) -> Result<Option<SnapshotEntry>> {
    let (mut snapshots, _) = open.engine.load_snapshots().map_err(|error| open.explain(error))?;
    snapshots.retain(|other| {
        other.snapshot.paths == damaged.snapshot.paths && other.snapshot.time < damaged.snapshot.time
    });
    snapshots.sort_by_key(|entry| std::cmp::Reverse(entry.snapshot.time));
    for older in snapshots.into_iter().take(OLDER) {
        job.report.log(
            Level::Info,
            "verify",
            &format!("looking whether snapshot {} is whole", older.id.short()),
        );
        let meter = Meter::new(&job.report, "verifying");
        let options = RestoreOptions::default();
        if read(open, older.snapshot.tree, select, &Discard(None), options, &meter)?.failures == 0 {
            return Ok(Some(older));
        }
    }
    Ok(None)
}
