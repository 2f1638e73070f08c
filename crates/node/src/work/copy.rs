//! What a copy plan does: snapshots from one repository into another, as far as they are missing there.
//!
//! Copies keep host, time, paths and tags, and say whose copy they are as restic's do; one more tag says which plan has made them. What
//! the plan's retention would forget at once is not copied, or each clean-up would undo what the copy before it did.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstay_core::{Events, FileId};
use backstay_engine::copy::{Copied, CopyOptions, Twins, copy};
use backstay_engine::forget::{facts, moment};
use backstay_engine::journal::Journal;
use backstay_engine::repository::SnapshotEntry;
use backstay_model::link::SealedRepository;
use backstay_model::{CopySpec, Level, PlanId, RepositoryId};
use backstay_policy::grouping::{GroupBy, group};
use backstay_policy::{PlanRetention, SnapshotFacts};

use super::meter::Meter;
use super::prune::{is_held, size};
use super::repository::{Access, Open, describe, make_folder};
use super::{Class, Job, Result, WorkError, Workshop, remove_if_there};
use crate::host::bytes;

/// What a copy plan copies.
pub struct CopyWork<'a> {
    /// The plan.
    pub plan: PlanId,
    /// Which snapshots.
    pub spec: &'a CopySpec,
    /// What is kept where they are copied to.
    pub retention: &'a PlanRetention,
}

/// What was found and done.
#[derive(Debug, Default)]
pub struct CopyDone {
    /// The repository that was read, in hexadecimal digits; empty where it could not be.
    pub source: String,
    /// Snapshots there that the plan is for.
    pub found: u64,
    /// Snapshots that were copied.
    pub copied: u64,
    /// Snapshots that had been there before.
    pub present: u64,
    /// The newest copy that was made.
    pub newest: Option<String>,
    /// Bytes that were stored.
    pub bytes: u64,
    /// What they were copied from, by its name, where that cuts files elsewhere than the repository that they were copied to.
    pub cut_apart_from: Option<String>,
}

/// What there is where a mirror copies from.
pub struct Originals {
    /// The repository, in hexadecimal digits.
    pub repository: String,
    snapshots: Vec<SnapshotEntry>,
}

impl Originals {
    /// How many of its snapshots the plan is for.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.snapshots.len() as u64
    }

    /// Which of these copies are of snapshots that are no longer there, but for those under a hold. A snapshot with other tags than its
    /// copy has is one that is no longer there, as soon as `all` that lies beside the copies has it with those tags.
    pub(super) fn gone(&self, copies: &[SnapshotFacts<SnapshotEntry>], all: &[SnapshotEntry]) -> Vec<FileId> {
        let (originals, all) = (Twins::of(&self.snapshots), Twins::of(all));
        let is_gone = |copy: &&SnapshotFacts<SnapshotEntry>| {
            !is_held(copy)
                && originals.find(&copy.id).is_none()
                && originals.kin(&copy.id).iter().all(|original| all.find(original).is_some())
        };
        copies.iter().filter(is_gone).map(|copy| copy.id.id).collect()
    }
}

impl Workshop {
    /// Copies what a repository has and another does not, and tells `done`, whatever the end. Where there is no other yet, one is made
    /// that cuts files as the first does.
    ///
    /// When the work is cancelled, what is stored stays and is not stored again. A snapshot that is damaged is left out and the
    /// others go on.
    ///
    /// # Errors
    /// When either repository cannot be used, or snapshots were left out.
    pub fn copy(
        &self,
        job: &Job<'_>,
        from: &Job<'_>,
        work: &CopyWork<'_>,
        done: &mut CopyDone,
    ) -> Result<()> {
        if let Some(place) = [job, from].into_iter().find(|place| place.repository.holds.is_archives()) {
            let text = format!("{} holds archives, which are not copied", place.repository.destination.name);
            return Err(WorkError::new(Class::Other, text)
                .hint("name destinations that hold repositories; archives are made by plans that back up"));
        }
        let source = self.open_origin(from)?;
        let cuts = source.engine.config().polynomial;
        let target = self.open_alike(job, Access::Shared, true, Some(cuts))?;
        let (here, there) = (&job.repository.destination.name, &from.repository.destination.name);
        if target.engine.config().polynomial != cuts {
            let text = format!(
                "{here} cuts files elsewhere than {there} does: copies share no data there with what was backed up to it directly"
            );
            job.report.log(Level::Info, "copy", &text);
            done.cut_apart_from = Some(there.clone());
        }
        let (mut snapshots, unreadable) =
            source.engine.load_snapshots().map_err(|error| source.explain(error))?;
        done.source = source.engine.config().id.to_hex();
        let mut damaged = Damaged::default();
        for (id, error) in unreadable {
            damaged.add(job, id, source.explain(error));
        }
        snapshots.retain(|entry| work.spec.takes(&facts(entry.clone())));
        done.found = snapshots.len() as u64;
        self.thin(work, &mut snapshots, &target)?;
        let Some(lock) = target.lock() else {
            return Err(WorkError::new(Class::Other, "the repository is not locked"));
        };
        let text = format!("{} of {} snapshots of {there} belong at {here}", snapshots.len(), done.found);
        job.report.log(Level::Info, "copy", &text);
        let meter = Arc::new(Meter::new(&job.report, "comparing"));
        let events: Arc<dyn Events> = meter.clone();
        let path = self.copy_notes(work.plan, from.repository.id, job.repository.id);
        let journal = journal(job, &target, &path);
        let options = CopyOptions { mark: Some(work.plan.copy_tag()), journal: journal.clone() };
        let (read, write) = (&source.engine, &target.engine);
        let mut tell = |entry: &SnapshotEntry, copied| match copied {
            Copied::As(id) => {
                done.copied += 1;
                done.newest = Some(id.to_hex());
                let time = backstay_engine::format::time::to_text(&entry.snapshot.time);
                let (id, origin, host) = (id.short(), entry.id.short(), &entry.snapshot.hostname);
                let text = format!("snapshot {id} is the copy of {origin}, of {host} at {time}");
                job.report.log(Level::Info, "copy", &text);
            }
            Copied::Before(_) => done.present += 1,
            Copied::Not(error) => damaged.add(job, entry.id, source.explain(error)),
        };
        let stored = copy(read, write, lock, &snapshots, &options, &*events, &mut tell);
        meter.finish();
        // Whoever of the two lost its lock ended the work of both.
        done.bytes = stored.map_err(|error| target.explain(source.explain(error)))?;
        if let Some(Err(error)) = journal.map(|journal| journal.complete()) {
            let text = format!("the notes on what was copied cannot be removed: {error}");
            job.report.log(Level::Warning, "save", &text);
        }
        let (copied, present, added) = (done.copied, done.present, bytes(done.bytes));
        let text = format!("{copied} snapshots copied, {present} were there already, {added} added");
        job.report.log(Level::Info, "save", &text);
        damaged.verdict()
    }

    /// What there is where a mirror copies from.
    ///
    /// # Errors
    /// When that cannot be read whole.
    pub fn read_origin(&self, from: &Job<'_>, spec: &CopySpec) -> Result<Originals> {
        let source = self.open_origin(from)?;
        let (mut snapshots, unreadable) =
            source.engine.load_snapshots().map_err(|error| source.explain(error))?;
        if let Some((id, error)) = unreadable.into_iter().next() {
            let text =
                format!("snapshot {} of {} cannot be read", id.short(), from.repository.destination.name);
            return Err(source.explain(error).context(text));
        }
        snapshots.retain(|entry| spec.takes(&facts(entry.clone())));
        Ok(Originals { repository: source.engine.config().id.to_hex(), snapshots })
    }

    /// Opens what is copied from. It is never made.
    fn open_origin(&self, from: &Job<'_>) -> Result<Open> {
        let repository = SealedRepository { may_create: false, ..from.repository.clone() };
        let job = Job { repository: &repository, ..from.clone() };
        self.open(&job, Access::Shared, true).map_err(|error| {
            if error.class() != Class::NoRepository {
                return error;
            }
            let text = format!("there is nothing to copy yet in {}", describe(from.repository));
            error.context(text).hint("run a plan that backs up there first")
        })
    }

    /// Takes out the snapshots that retention would forget at once beside the copies that are there.
    fn thin(&self, work: &CopyWork<'_>, snapshots: &mut Vec<SnapshotEntry>, target: &Open) -> Result<()> {
        if work.retention.is_empty() {
            return Ok(());
        }
        let (mut copies, _) = target.engine.load_snapshots().map_err(|error| target.explain(error))?;
        let (mark, originals) = (work.plan.copy_tag(), Twins::of(snapshots));
        // A copy and what it was copied from count once.
        copies.retain(|copy| copy.snapshot.tags.contains(&mark) && originals.find(copy).is_none());
        let all = snapshots.iter().cloned().chain(copies).map(facts).collect();
        let now = moment(&self.environment.clock.now());
        let mut kept = HashSet::new();
        for (_, snapshots) in group(all, GroupBy::HOST_AND_PATHS) {
            let verdict = work.retention.apply(snapshots, size, is_held, now);
            kept.extend(verdict.keep.into_iter().map(|kept| kept.snapshot.id.id));
        }
        snapshots.retain(|entry| kept.contains(&entry.id));
        Ok(())
    }

    /// Removes what an interrupted copy noted. Nothing to remove is fine.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn discard_copy_notes(
        &self,
        plan: PlanId,
        from: RepositoryId,
        to: RepositoryId,
    ) -> std::io::Result<()> {
        remove_if_there(&self.copy_notes(plan, from, to))
    }

    fn copy_notes(&self, plan: PlanId, from: RepositoryId, to: RepositoryId) -> PathBuf {
        self.notes_path(&format!("{plan}.{from}.{to}"))
    }
}

/// Snapshots that were left out.
#[derive(Default)]
struct Damaged {
    count: u64,
    first: Option<WorkError>,
}

impl Damaged {
    fn add(&mut self, job: &Job<'_>, id: FileId, error: WorkError) {
        self.count += 1;
        let text = format!("snapshot {} cannot be copied: {}", id.short(), error.message());
        job.report.log(Level::Error, "copy", &text);
        self.first.get_or_insert(error.context(text));
    }

    fn verdict(self) -> Result<()> {
        let Some(first) = self.first else { return Ok(()) };
        let text = format!(
            "{} snapshots are damaged where they are copied from and were left out, all others are copied; the first: {}",
            self.count,
            first.message()
        );
        Err(first.context(text).hint(
            "check what is copied from with `backstay check --read-data`; a copy that was made before the damage is whole",
        ))
    }
}

/// Opens the notes on what an interrupted copy has stored. `None` where there can be none: the copy goes well without.
fn journal(job: &Job<'_>, target: &Open, path: &Path) -> Option<Arc<Journal>> {
    let opened = path.parent().map_or(Ok(()), make_folder).and_then(|()| Journal::open(&target.engine, path));
    match opened {
        Ok(journal) => journal.map(Arc::new),
        Err(error) => {
            let text = format!(
                "it cannot be noted in {} what was copied, so an interruption would cost time: {error}",
                path.display()
            );
            job.report.log(Level::Warning, "copy", &text);
            None
        }
    }
}
