//! After the crash: is everything there that was promised, and can work go on?

use std::collections::BTreeSet;
use std::sync::Arc;

use backstay_core::{FileId, FileKind, Handle, Silent};
use backstay_engine::check::{CheckReport, check};
use backstay_engine::prune::PruneOptions;
use backstay_engine::repository::{SnapshotEntry, remove_locks};
use backstay_engine::{Error, Repository};
use backstay_storage::Memory;
use backstay_storage::testing::Damage;

use crate::fault::Demand;
use crate::narrow::Narrow;
use crate::operation::{Operation, Surroundings, Told, everything, origin};
use crate::process::Process;
use crate::promise::{Promise, Promises, is_whole, keep};
use crate::tree::Version;

/// What a storage is examined for.
pub(crate) struct Question<'a> {
    pub(crate) process: Process,
    pub(crate) demand: Demand,
    /// What is owed.
    pub(crate) promises: &'a Promises,
    /// What snapshots that nobody reported may be; any when `None`.
    pub(crate) candidates: Option<Vec<&'a Promise>>,
    /// Snapshots whose removal was asked for, and is asked for once more.
    pub(crate) forgotten: &'a BTreeSet<FileId>,
    /// What is backed up afterwards.
    pub(crate) next: &'a Arc<Version>,
}

type Verdict<T = ()> = Result<T, String>;

fn open(storage: &Memory, process: Process) -> Verdict<Repository> {
    process.open(Arc::new(Narrow(storage.clone()))).map_err(|error| format!("it does not open: {error}"))
}

/// Looks for anything that is not as it has to be.
pub(crate) fn examine(storage: &Memory, question: &Question<'_>) -> Verdict {
    let repository = open(storage, question.process)?;
    remove_locks(&repository, true, &|_| false).map_err(|error| format!("locks stay: {error}"))?;
    for id in question.forgotten {
        // Gone already is what it should be.
        let _ = storage.damage(&Handle::new(FileKind::Snapshot, *id), Damage::Delete);
    }
    match question.demand {
        Demand::Clean => {}
        Demand::Mended => mend(storage, question)?,
        Demand::Honest => {
            honest(&repository, question)?;
            mend(storage, question)?;
        }
    }
    clean(&repository, "check")?;
    if question.demand == Demand::Honest {
        return go_on(storage, question, &Promises::new());
    }
    kept(&repository, question.promises)?;
    unreported(&repository, question)?;
    go_on(storage, question, question.promises)
}

/// A repository whose making was interrupted: either it is there, or it can be seen that it is not, and making it again works once
/// the leftovers are gone.
pub(crate) fn examine_new(storage: &Memory, process: Process, whole: bool) -> Verdict {
    let narrow = || Arc::new(Narrow(storage.clone()));
    match process.open(narrow()) {
        Ok(repository) => return clean(&repository, "check of the new repository"),
        Err(error) if whole => return Err(format!("it was reported made, but does not open: {error}")),
        Err(
            Error::NoRepository { .. }
            | Error::RepositoryExists { .. }
            | Error::Damaged { .. }
            | Error::WrongPassword { .. },
        ) => {}
        Err(error) => return Err(format!("a wrong error for a repository that is not whole: {error}")),
    }
    for handle in storage.handles() {
        storage.damage(&handle, Damage::Delete);
    }
    process.numbered(process.number + 1).init(narrow()).map(|_| ()).map_err(|error| error.to_string())
}

/// What repairs promise: everything is as the check wants it afterwards.
fn mend(storage: &Memory, question: &Question<'_>) -> Verdict {
    let repository = open(storage, question.process)?;
    let mut number = question.process.number;
    let mut run = |operation: Operation| {
        number += 1;
        run(storage, question.process.numbered(number), &operation, question.promises).map(|_| ())
    };
    if repository.load_index().is_err() {
        run(Operation::RepairIndex { read_all: false })?;
    }
    // Twice: a broken pack whose repair was interrupted right before its removal is found again by the repair of the index.
    for _ in 0..2 {
        if !report(&repository)?.broken_packs.is_empty() {
            run(Operation::RepairPacks)?;
        }
        run(Operation::RepairIndex { read_all: false })?;
    }
    let (_, damaged) = repository.load_snapshots().map_err(|error| error.to_string())?;
    for (id, error) in damaged {
        if question.promises.contains_key(&id) {
            return Err(format!("a snapshot that was complete cannot be read: {error}"));
        }
        storage.damage(&Handle::new(FileKind::Snapshot, id), Damage::Delete);
    }
    run(Operation::RepairSnapshots)
}

fn run(storage: &Memory, process: Process, operation: &Operation, promises: &Promises) -> Verdict<Told> {
    let around = Surroundings { process, other: storage, promises };
    let mut told = Told::default();
    operation
        .run(Arc::new(Narrow(storage.clone())), &around, &mut told)
        .map_err(|error| format!("{} afterwards failed: {error}", operation.name()))?;
    Ok(told)
}

fn report(repository: &Repository) -> Verdict<CheckReport> {
    check(repository, &everything(), &Silent).map_err(|error| format!("check failed: {error}"))
}

fn clean(repository: &Repository, when: &str) -> Verdict {
    let report = report(repository)?;
    match report.findings.iter().find(|finding| finding.is_error) {
        Some(finding) => Err(format!("{when}: {} ({} errors)", finding.text, report.errors())),
        None => Ok(()),
    }
}

fn snapshots(repository: &Repository) -> Verdict<Vec<SnapshotEntry>> {
    let (snapshots, damaged) = repository.load_snapshots().map_err(|error| error.to_string())?;
    match damaged.into_iter().next() {
        Some((_, error)) => Err(error.to_string()),
        None => Ok(snapshots),
    }
}

/// Restores every snapshot that is owed.
fn kept(repository: &Repository, promises: &Promises) -> Verdict {
    let index = repository.load_index().map_err(|error| error.to_string())?;
    let snapshots = snapshots(repository)?;
    for (id, promise) in promises {
        let mut found = false;
        for entry in &snapshots {
            if origin(entry) == *id {
                found = true;
                keep(repository, &index, entry, promise)?;
            }
        }
        if !found && !promise.is_void() {
            return Err(format!("snapshot {} is gone", id.short()));
        }
    }
    Ok(())
}

/// A snapshot that was not reported yet may be there, but then it is whole.
fn unreported(repository: &Repository, question: &Question<'_>) -> Verdict {
    let Some(candidates) = &question.candidates else { return Ok(()) };
    let is_known = |entry: &&SnapshotEntry| question.promises.contains_key(&origin(entry));
    let index = repository.load_index().map_err(|error| error.to_string())?;
    for entry in snapshots(repository)?.iter().filter(|entry| !is_known(entry)) {
        if !candidates.iter().any(|promise| keep(repository, &index, entry, promise).is_ok()) {
            return Err(format!("snapshot {} was not reported complete, and is not", entry.id.short()));
        }
    }
    Ok(())
}

/// After a storage lost what it had said to have: whatever is missing has to be told.
fn honest(repository: &Repository, question: &Question<'_>) -> Verdict {
    let errors = report(repository)?.errors();
    let Ok(index) = repository.load_index() else { return Ok(()) };
    let (snapshots, _) = repository.load_snapshots().map_err(|error| error.to_string())?;
    for entry in &snapshots {
        let Some(promise) = question.promises.get(&origin(entry)) else { continue };
        if !is_whole(repository, &index, entry, promise)? && errors == 0 {
            return Err(format!("snapshot {} is not whole, and check says nothing", entry.id.short()));
        }
    }
    Ok(())
}

/// The next backup and the next prune.
fn go_on(storage: &Memory, question: &Question<'_>, promises: &Promises) -> Verdict {
    let repository = open(storage, question.process)?;
    let parent = snapshots(&repository)?.last().map(|entry| entry.id);
    let backup = Operation::Backup { version: Arc::clone(question.next), parent };
    let number = question.process.number;
    let told = run(storage, question.process.numbered(number + 10), &backup, promises)?;
    if !told.snapshots.iter().all(|reported| reported.promise.version().is_some()) {
        return Err("the backup afterwards was not complete".into());
    }
    let prune = Operation::Prune(PruneOptions::default());
    run(storage, question.process.numbered(number + 11), &prune, promises)?;
    clean(&repository, "check after the next prune")?;
    let mut promises = promises.clone();
    promises.extend(told.snapshots.into_iter().map(|reported| (reported.origin, reported.promise)));
    kept(&repository, &promises)
}
