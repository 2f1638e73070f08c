//! The operations that are interrupted, each as a front end would carry it out.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use backstay_core::{FileId, FileKind, Handle, Silent, Storage, Timestamp};
use backstay_engine::backup::{BackupOptions, BackupSink, SnapshotDetails, save_snapshot};
use backstay_engine::check::{CheckOptions, ReadData, check};
use backstay_engine::copy::{Copied, CopyOptions, copy};
use backstay_engine::prune::{PruneOptions, prune_plan};
use backstay_engine::repair::{repair_index, repair_packs};
use backstay_engine::repository::{Lock, SnapshotEntry, SnapshotSelector};
use backstay_engine::rewrite::{Salvage, TreeRewriter, replace_snapshot};
use backstay_engine::{Repository, Result};
use backstay_storage::Memory;

use crate::narrow::Narrow;
use crate::process::Process;
use crate::promise::{Promise, Promises, is_whole};
use crate::tree::Version;

/// One thing that a user asks for.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    /// Makes the repository.
    Init,
    /// Takes a snapshot of this version, compared with this snapshot.
    Backup { version: Arc<Version>, parent: Option<FileId> },
    /// Removes these snapshots.
    Forget(BTreeSet<FileId>),
    /// Gives another tag to a snapshot.
    Tag(FileId),
    /// Removes what no snapshot needs.
    Prune(PruneOptions),
    /// Both, as `forget --prune`.
    ForgetAndPrune(BTreeSet<FileId>, PruneOptions),
    /// Copies all snapshots of the other repository into this one.
    CopyHere,
    /// Copies all snapshots of this repository into the other one.
    CopyThere,
    /// Makes the index fit the packs.
    RepairIndex { read_all: bool },
    /// Saves what is whole in damaged packs.
    RepairPacks,
    /// Takes what is lost out of snapshots.
    RepairSnapshots,
    /// Restores all snapshots.
    Restore,
    /// Checks everything.
    Check,
}

/// What an operation works with besides its repository.
pub(crate) struct Surroundings<'a> {
    pub(crate) process: Process,
    /// The other repository of a copy.
    pub(crate) other: &'a Memory,
    /// What is owed by the repository that an operation reads snapshots from.
    pub(crate) promises: &'a Promises,
}

/// A snapshot that an operation reported.
pub(crate) struct Reported {
    pub(crate) id: FileId,
    /// The id that it had first, which is what it is owed by.
    pub(crate) origin: FileId,
    pub(crate) promise: Promise,
}

/// The id that a snapshot had before it was copied or written anew.
pub(crate) fn origin(entry: &SnapshotEntry) -> FileId {
    entry.snapshot.original.unwrap_or(entry.id)
}

/// What an operation told its user.
#[derive(Default)]
pub(crate) struct Told {
    /// Snapshots that it reported, complete or not.
    pub(crate) snapshots: Vec<Reported>,
    /// Something wrong that was passed off as right.
    pub(crate) wrong: Option<String>,
}

impl Operation {
    /// Its name, as it is counted by.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Backup { .. } => "backup",
            Self::Forget(_) => "forget",
            Self::Tag(_) => "tag",
            Self::Prune(_) => "prune",
            Self::ForgetAndPrune(..) => "forget --prune",
            Self::CopyHere => "copy (target)",
            Self::CopyThere => "copy (source)",
            Self::RepairIndex { .. } => "repair index",
            Self::RepairPacks => "repair packs",
            Self::RepairSnapshots => "repair snapshots",
            Self::Restore => "restore",
            Self::Check => "check",
        }
    }

    /// Whether it removes data or snapshots in favour of what it has just stored.
    pub(crate) fn replaces(&self) -> bool {
        matches!(
            self,
            Self::Prune(_)
                | Self::ForgetAndPrune(..)
                | Self::Tag(_)
                | Self::RepairPacks
                | Self::RepairSnapshots
        )
    }

    /// The snapshots that it removes on request.
    pub(crate) fn forgets(&self) -> BTreeSet<FileId> {
        match self {
            Self::Forget(ids) | Self::ForgetAndPrune(ids, _) => ids.clone(),
            _ => BTreeSet::new(),
        }
    }

    /// Carries it out on a storage. What was told before a failure stays told.
    pub(crate) fn run(
        &self,
        storage: Arc<dyn Storage>,
        around: &Surroundings<'_>,
        told: &mut Told,
    ) -> Result<()> {
        if matches!(self, Self::Init) {
            return around.process.init(storage).map(|_| ());
        }
        let repository = around.process.open(storage)?;
        match self {
            Self::Init => Ok(()),
            Self::Backup { version, parent } => backup(&repository, version, *parent, around.promises, told),
            Self::Forget(ids) => {
                let _lock = Lock::acquire(&repository, true)?;
                forget(&repository, ids)
            }
            Self::Tag(id) => {
                let lock = Lock::acquire(&repository, true)?;
                let old = repository.load_snapshot(*id)?;
                lock.confirm()?;
                let mut changed = old.snapshot.clone();
                changed.tags.push("new".into());
                replace_snapshot(&repository, &old, changed, true).map(|_| ())
            }
            Self::Prune(options) => prune(&repository, options, &BTreeSet::new()),
            Self::ForgetAndPrune(ids, options) => prune(&repository, options, ids),
            Self::CopyHere => {
                let source = around.process.open(Arc::new(Narrow(around.other.clone())))?;
                copy_all(&source, &repository, around.promises, told)
            }
            Self::CopyThere => {
                let target = around.process.open(Arc::new(Narrow(around.other.clone())))?;
                let _lock = Lock::acquire(&repository, false)?;
                copy_all(&repository, &target, around.promises, told)
            }
            Self::RepairIndex { read_all } => {
                let lock = Lock::acquire(&repository, true)?;
                lock.confirm()?;
                repair_index(&repository, *read_all, &Silent).map(|_| ())
            }
            Self::RepairPacks => {
                let lock = Arc::new(Lock::acquire(&repository, true)?);
                let broken = check(&repository, &everything(), &Silent)?.broken_packs;
                repair_packs(&repository, &broken, &lock, &Silent).map(|_| ())
            }
            Self::RepairSnapshots => repair_snapshots(&repository),
            Self::Restore => restore_all(&repository, around.promises, told),
            Self::Check => {
                let _lock = Lock::acquire(&repository, false)?;
                check(&repository, &everything(), &Silent).map(|_| ())
            }
        }
    }
}

/// The most thorough check.
pub(crate) fn everything() -> CheckOptions {
    CheckOptions { read_data: ReadData::All, ..CheckOptions::default() }
}

fn backup(
    repository: &Repository,
    version: &Arc<Version>,
    parent: Option<FileId>,
    promises: &Promises,
    told: &mut Told,
) -> Result<()> {
    let lock = Arc::new(Lock::acquire(repository, false)?);
    let before = parent.map(|id| repository.load_snapshot(id)).transpose()?;
    let parent_tree = before.as_ref().map(|entry| entry.snapshot.tree);
    let index = repository.load_index()?;
    let options = BackupOptions { parent_tree, ..BackupOptions::default() };
    let sink = BackupSink::start(repository, index, Some(Arc::clone(&lock)), options, Arc::new(Silent))?;
    let base = before.and_then(|entry| promises.get(&origin(&entry))).and_then(Promise::version);
    version.feed(&sink, base.map(|base| &**base))?;
    let outcome = sink.finish()?;
    lock.confirm()?;
    let clock = repository.environment().clock.now();
    let details = SnapshotDetails {
        time: Some(Timestamp::utc(clock.seconds, 0)),
        started: clock,
        parent,
        paths: vec!["/simulated".into()],
        program: "simulator".into(),
        ..SnapshotDetails::default()
    };
    let (id, _) = save_snapshot(repository, &outcome, details)?;
    let version = Arc::clone(version);
    let promise = if outcome.failures == 0 { Promise::Whole(version) } else { Promise::Part(version) };
    told.snapshots.push(Reported { id, origin: id, promise });
    Ok(())
}

/// Removes snapshots; those that are gone already are fine.
pub(crate) fn forget(repository: &Repository, ids: &BTreeSet<FileId>) -> Result<()> {
    for id in ids {
        let handle = Handle::new(FileKind::Snapshot, *id);
        if let Err(error) = repository.storage().remove(&handle, backstay_core::CallContext::NONE)
            && error.kind != backstay_core::ErrorKind::NotFound
        {
            return Err(error.into());
        }
    }
    Ok(())
}

fn prune(repository: &Repository, options: &PruneOptions, ids: &BTreeSet<FileId>) -> Result<()> {
    let lock = Arc::new(Lock::acquire(repository, true)?);
    let ignore: HashSet<FileId> = ids.iter().copied().collect();
    let plan = prune_plan(repository, options, &ignore, &Silent)?;
    lock.confirm()?;
    forget(repository, ids)?;
    plan.execute(&lock, &Silent)
}

fn copy_all(source: &Repository, target: &Repository, promises: &Promises, told: &mut Told) -> Result<()> {
    let lock = Arc::new(Lock::acquire(target, false)?);
    let snapshots = source.select_snapshots(&SnapshotSelector::default())?;
    let mut left_out = None;
    copy(source, target, &lock, &snapshots, &CopyOptions::default(), &Silent, &mut |entry, copied| {
        let id = match copied {
            Copied::As(id) | Copied::Before(id) => id,
            Copied::Not(error) => {
                left_out.get_or_insert(error);
                return;
            }
        };
        let origin = origin(entry);
        if let Some(promise) = promises.get(&origin).cloned() {
            told.snapshots.push(Reported { id, origin, promise });
        }
    })?;
    left_out.map_or(Ok(()), Err)
}

/// As `repair snapshots --forget`.
fn repair_snapshots(repository: &Repository) -> Result<()> {
    let lock = Arc::new(Lock::acquire(repository, true)?);
    lock.confirm()?;
    let (snapshots, _) = repository.load_snapshots()?;
    let index = repository.load_index()?;
    let rewriter = TreeRewriter::new(repository, &index, Some(Arc::clone(&lock)))?;
    let mut repaired = Vec::new();
    for entry in snapshots {
        let tree = Salvage::new(&index).salvage(&rewriter, entry.snapshot.tree, &Silent)?;
        repaired.push((entry, tree));
    }
    rewriter.finish()?;
    lock.confirm()?;
    for (entry, tree) in repaired {
        match tree {
            Some(tree) if tree == entry.snapshot.tree => {}
            Some(tree) => {
                let mut changed = entry.snapshot.clone();
                changed.tree = tree;
                replace_snapshot(repository, &entry, changed, true)?;
            }
            None => forget(repository, &BTreeSet::from([entry.id]))?,
        }
    }
    Ok(())
}

fn restore_all(repository: &Repository, promises: &Promises, told: &mut Told) -> Result<()> {
    let _lock = Lock::acquire(repository, false)?;
    let index = repository.load_index()?;
    for entry in repository.select_snapshots(&SnapshotSelector::default())? {
        if let Some(promise) = promises.get(&origin(&entry))
            && let Err(why) = is_whole(repository, &index, &entry, promise)
        {
            told.wrong.get_or_insert(why);
        }
    }
    Ok(())
}
