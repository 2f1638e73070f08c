//! Packs that lie in an archive, and packs that cannot be removed for a while.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use backstay_core::{Control, ErrorKind, FileKind, Silent};
use backstay_engine::check::{CheckOptions, check};
use backstay_engine::prune::{MaxUnused, PruneOptions, prune_plan};
use backstay_engine::repository::Lock;
use backstay_engine::restore::{Overwrite, RestoreOptions, RestoreReport, Selected, restore};
use backstay_engine::{Error, Result};

use crate::support::freezer::Freezer;
use crate::support::noise;
use crate::support::recorder::Recorder;
use crate::support::shelf::Shelf;
use crate::support::source::add_file;
use crate::support::vault::{Taken, Vault, tiny};

const HOUR: Duration = Duration::from_secs(3600);

/// A repository with a snapshot whose content lies in many frozen packs.
fn frozen() -> (Freezer, Vault, Taken) {
    let freezer = Freezer::default();
    freezer.set(|state| state.pace = 1);
    let vault = Vault::made(Arc::new(freezer.clone()), tiny());
    let taken = vault.back_up(|root| {
        for number in 0..12 {
            add_file(root, &format!("file {number:02}"), &noise(number, 40_000));
        }
    });
    assert!(vault.ids(FileKind::Pack).len() > 4);
    (freezer, vault, taken)
}

fn try_restore(
    vault: &Vault,
    taken: &Taken,
    shelf: &Shelf,
    options: RestoreOptions,
    choose: &(dyn Fn(&[u8]) -> bool + Send + Sync),
) -> (Result<RestoreReport>, Arc<Recorder>) {
    let events = Recorder::new();
    let index = vault.repository.load_index().unwrap();
    let select = |path: &[u8], _: bool| Selected { item: choose(path), below: true };
    (restore(&vault.repository, &index, taken.snapshot.tree, shelf, &select, options, &*events), events)
}

fn waiting(time: Duration) -> RestoreOptions {
    RestoreOptions { wait_for_frozen: Some(time), verify: true, ..RestoreOptions::default() }
}

fn kind_of(error: &Error) -> ErrorKind {
    match error {
        Error::Storage(error) => error.kind,
        other => panic!("{other}"),
    }
}

fn expected() -> BTreeMap<String, Vec<u8>> {
    (0..12).map(|number| (format!("file {number:02}"), noise(number, 40_000))).collect()
}

#[test]
fn a_restore_asks_for_all_at_once_and_goes_on_as_they_come() {
    let (freezer, vault, taken) = frozen();
    let shelf = Shelf::default();
    // A service that is away for a moment in between does no harm.
    let (outcome, events) = try_restore(&vault, &taken, &shelf, waiting(HOUR), &|_| true);
    assert_eq!(outcome.unwrap().failures, 0);
    assert!(shelf.files() == expected());
    let (asked, ready, looks) = freezer.figures();
    assert!(asked > 4 && asked == ready, "{asked} {ready}");
    // The first look asks for all, and each further one finds one more.
    assert_eq!(looks, asked + 1);
    let messages = events.messages.lock().clone();
    assert!(messages.iter().any(|text| text.contains("within about 5 h")), "{messages:?}");
    let steps = events.steps.lock().clone();
    let steps: Vec<u64> =
        steps.iter().filter(|(name, ..)| name == "packs brought back").map(|(_, done, _)| *done).collect();
    assert_eq!(steps, (0..=asked as u64).collect::<Vec<_>>());
}

#[test]
fn a_service_that_is_away_while_packs_are_waited_for_does_no_harm() {
    let (freezer, vault, taken) = frozen();
    let failing = freezer.clone();
    let shelf = Shelf::default();
    let events = Recorder::new();
    let index = vault.repository.load_index().unwrap();
    // The choice of the last file is the end of the first walk: whatever is asked behind it fails a few times.
    let select = |_: &[u8], _: bool| {
        if failing.figures().0 > 0 {
            failing.set(|state| state.failures = 3);
        }
        Selected::ALL
    };
    let outcome =
        restore(&vault.repository, &index, taken.snapshot.tree, &shelf, &select, waiting(HOUR), &*events);
    assert_eq!(outcome.unwrap().failures, 0);
    assert!(shelf.files() == expected());
    assert!(events.warnings.lock().iter().any(|text| text.contains("looked again later")));
}

#[test]
fn where_nobody_waits_nothing_is_restored_and_all_was_asked_for() {
    let (freezer, vault, taken) = frozen();
    freezer.set(|state| state.pace = 100);
    let shelf = Shelf::default();
    let (outcome, _) = try_restore(&vault, &taken, &shelf, RestoreOptions::default(), &|_| true);
    let error = outcome.unwrap_err();
    assert_eq!(kind_of(&error), ErrorKind::Frozen);
    assert!(error.to_string().contains("were asked for; all can be read within about 5 h"), "{error}");
    assert!(shelf.files().is_empty());
    // Later they are there.
    let (outcome, _) = try_restore(&vault, &taken, &shelf, RestoreOptions::default(), &|_| true);
    assert_eq!(outcome.unwrap().failures, 0);
    assert!(shelf.files() == expected());
}

#[test]
fn patience_ends_and_so_does_cancelled_work() {
    let (freezer, vault, taken) = frozen();
    freezer.set(|state| state.pace = 0);
    let (outcome, _) = try_restore(&vault, &taken, &Shelf::default(), waiting(HOUR), &|_| true);
    let error = outcome.unwrap_err();
    assert_eq!(kind_of(&error), ErrorKind::Frozen);
    assert!(error.to_string().contains("did not come back within 60 min"), "{error}");
    assert_eq!(freezer.figures().2, 61);
    // Nobody may wait for hours when the work is not wanted any more.
    let control = Control::default();
    freezer.set(|state| state.cancelled_at = Some((65, control.clone())));
    let cancelled = vault.steered_by(&control);
    let (outcome, _) = try_restore(&cancelled, &taken, &Shelf::default(), waiting(HOUR), &|_| true);
    assert!(outcome.unwrap_err().is_interrupted());
    assert_eq!(freezer.figures().2, 65);
}

#[test]
fn only_what_is_needed_is_asked_for() {
    let (freezer, vault, taken) = frozen();
    let one = |path: &[u8]| path == b"file 03";
    let dry = RestoreOptions { dry_run: true, ..RestoreOptions::default() };
    let shelf = Shelf::default();
    assert!(try_restore(&vault, &taken, &shelf, dry, &|_| true).0.is_ok());
    assert_eq!(freezer.figures().0, 0);
    assert_eq!(try_restore(&vault, &taken, &shelf, waiting(HOUR), &one).0.unwrap().failures, 0);
    let asked = freezer.figures().0;
    // How the blobs are spread over packs is a matter of threads.
    assert!(asked > 0 && asked < vault.ids(FileKind::Pack).len() * 3 / 4, "{asked}");
    // What is there and is not to be touched needs nothing.
    let never = RestoreOptions { overwrite: Overwrite::Never, ..RestoreOptions::default() };
    freezer.set(|state| state.pace = 0);
    assert_eq!(try_restore(&vault, &taken, &shelf, never, &one).0.unwrap().files_skipped, 1);
    assert_eq!(freezer.figures().0, asked);
}

#[test]
fn checks_say_what_they_could_not_read() {
    let (_freezer, vault, _) = frozen();
    let report = vault.check();
    assert_eq!(report.errors(), 0, "{:#?}", report.findings);
    let told = report.findings.iter().find(|finding| finding.text.contains("archive class")).unwrap();
    assert!(told.text.ends_with("were not read"), "{}", told.text);
    // The packs of trees were.
    assert!(report.packs_read > 0 && report.packs_read < vault.ids(FileKind::Pack).len() as u64);
    let report = check(&vault.repository, &CheckOptions::default(), &Silent).unwrap();
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
}

#[test]
fn a_prune_removes_frozen_packs_and_writes_none_anew() {
    let (freezer, vault, first) = frozen();
    // Of each pack something is kept, but for those that only the first snapshot needs.
    let second = vault.back_up(|root| {
        for number in (0..12).step_by(2) {
            add_file(root, &format!("file {number:02}"), &noise(number, 40_000));
        }
    });
    vault.forget(first.id);
    let before = vault.ids(FileKind::Pack).len();
    vault.prune().unwrap();
    assert_eq!(freezer.figures().0, 0);
    assert!(vault.ids(FileKind::Pack).len() <= before);
    assert_eq!(vault.check().errors(), 0);
    vault.forget(second.id);
    vault.prune().unwrap();
    assert_eq!(vault.ids(FileKind::Pack), []);
}

#[test]
fn packs_that_are_kept_for_a_while_are_told_and_found_again() {
    let (freezer, vault, taken) = frozen();
    let packs: HashSet<_> = vault.ids(FileKind::Pack).into_iter().collect();
    let indexes: HashSet<_> = vault.ids(FileKind::Index).into_iter().collect();
    vault.forget(taken.id);
    let prune = || {
        let lock = Arc::new(Lock::acquire(&vault.repository, true).unwrap());
        let options = PruneOptions { max_unused: MaxUnused::Bytes(0), ..PruneOptions::default() };
        let events = Recorder::new();
        let plan = prune_plan(&vault.repository, &options, &HashSet::new(), &*events).unwrap();
        plan.execute(&lock, &*events).unwrap();
        events.warnings.lock().clone()
    };
    // As long as the index names them they stay.
    freezer.set(|state| state.retained = packs.union(&indexes).copied().collect());
    let warnings = prune();
    assert!(warnings.iter().any(|text| text.contains("no pack was removed")), "{warnings:?}");
    assert_eq!(vault.ids(FileKind::Pack).len(), packs.len());
    assert_eq!(vault.check().errors(), 0);
    freezer.set(|state| state.retained = packs.clone());
    let warnings = prune();
    let told = format!("{} packs could not be removed yet", packs.len());
    assert!(warnings.iter().any(|text| text.starts_with(&told)), "{warnings:?}");
    assert_eq!(vault.check().errors(), 0);
    freezer.set(|state| state.retained.clear());
    assert!(prune().is_empty());
    assert_eq!(vault.ids(FileKind::Pack), []);
}
