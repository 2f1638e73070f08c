//! Forgets what a plan no longer keeps, and frees its space.
//!
//! Only snapshots that carry the plan's tag are looked at, for a copy plan those that say that it has copied them: what others store in
//! the same repository is not this plan's to forget. A snapshot with the tag `hold` stays whatever the rules say.

use std::collections::{BTreeSet, HashSet};

use backstay_core::FileId;
use backstay_engine::forget::{facts, moment, remove_snapshots};
use backstay_engine::prune::{PruneOptions, prune_plan};
use backstay_engine::repository::SnapshotEntry;
use backstay_model::run::Outcome;
use backstay_model::{Continuous, Level, PlanId};
use backstay_policy::grouping::{GroupBy, group};
use backstay_policy::{PlanRetention, SnapshotFacts};

use super::copy::Originals;
use super::meter::Meter;
use super::repository::Access;
use super::shipping::{bases_for, pieces_in_vain};
use super::{Class, Job, Result, Stored, WorkError, Workshop};
use crate::host::bytes;

/// The tag of snapshots that nothing may forget.
pub const HOLD: &str = "hold";

/// What a clean-up forgets.
pub enum Rule<'a> {
    /// Of a plan's backups what its retention no longer keeps, and of what it keeps between them what is too old.
    Backups(&'a PlanRetention, Option<&'a Continuous>),
    /// The same of the copies that a plan has made.
    Copies(&'a PlanRetention),
    /// Copies of snapshots that are no longer where they were copied from.
    Mirror(&'a Originals),
}

/// The size that limits of retention count.
pub(super) fn size(facts: &SnapshotFacts<SnapshotEntry>) -> u64 {
    facts.id.snapshot.summary.map_or(0, |summary| summary.total_bytes_processed)
}

/// Whether nothing may forget a snapshot.
pub(super) fn is_held(facts: &SnapshotFacts<SnapshotEntry>) -> bool {
    facts.tags.iter().any(|tag| tag == HOLD)
}

/// The snapshots that have a tag.
fn with_tag(snapshots: Vec<SnapshotEntry>, tag: &str) -> Vec<SnapshotFacts<SnapshotEntry>> {
    snapshots.into_iter().map(facts).filter(|facts| facts.tags.iter().any(|own| own == tag)).collect()
}

impl Workshop {
    /// Applies a rule to a plan's snapshots, retention to each host and set of paths by itself, then removes what no snapshot needs. What is
    /// kept between backups goes when it is older than the plan says, or when no backup is left that it follows on.
    ///
    /// Gives the bytes that stay stored. `done` is told what cannot be undone as soon as it is: work that is interrupted after that finds nothing left to forget.
    ///
    /// # Errors
    /// When snapshots could not be removed, or the work cannot be done.
    pub fn prune(
        &self,
        job: &Job<'_>,
        plan: PlanId,
        rule: &Rule<'_>,
        done: &dyn Fn(&Outcome),
    ) -> Result<Stored> {
        if job.repository.holds.is_archives() {
            let Rule::Backups(retention, _) = rule else {
                return Err(WorkError::new(Class::Other, "there are no copies of snapshots among archives"));
            };
            return self.thin_archives(job, plan, retention, done);
        }
        let open = self.open(job, Access::Exclusive, true)?;
        let (snapshots, damaged) = open.engine.load_snapshots().map_err(|error| open.explain(error))?;
        if let Some((id, error)) = damaged.into_iter().next() {
            return Err(WorkError::from(error)
                .context(format!("snapshot {} cannot be read, so nothing is forgotten", id.short())));
        }
        let gone = match rule {
            Rule::Backups(retention, continuous) => {
                self.backups_gone(job, plan, snapshots, retention, *continuous)
            }
            Rule::Copies(retention) => {
                self.forgotten(job, with_tag(snapshots, &plan.copy_tag()), retention, &HashSet::new())
            }
            Rule::Mirror(originals) => {
                let own = with_tag(snapshots.clone(), &plan.copy_tag());
                let gone = originals.gone(&own, &snapshots);
                let text = format!("{} copies stay, {} go", own.len() - gone.len(), gone.len());
                job.report.log(Level::Info, "forget", &text);
                gone.into_iter().collect()
            }
        };
        let Some(lock) = open.lock() else {
            return Err(WorkError::new(Class::Other, "the repository is not locked"));
        };
        let meter = Meter::new(&job.report, "forgetting");
        let removed =
            remove_snapshots(&open.engine, lock, &gone, &meter).map_err(|error| open.explain(error))?;
        let forgotten = removed.removed.len() as u64;
        if forgotten > 0 {
            done(&Outcome { snapshots_forgotten: forgotten, ..Outcome::default() });
        }
        if let Some((id, error)) = removed.failed.into_iter().next() {
            return Err(
                WorkError::from(error).context(format!("snapshot {} could not be removed", id.short()))
            );
        }
        meter.enter("pruning");
        let plan = prune_plan(&open.engine, &PruneOptions::default(), &HashSet::new(), &meter)
            .map_err(|error| open.explain(error))?;
        let stays = plan.stats().bytes.remaining;
        let freed = plan.stats().bytes.remove_total + plan.stats().bytes.unreferenced;
        plan.execute(lock, &meter).map_err(|error| open.explain(error))?;
        meter.finish();
        done(&Outcome { bytes_freed: freed, ..Outcome::default() });
        job.report.log(
            Level::Info,
            "prune",
            &format!("{forgotten} snapshots forgotten, {} freed", bytes(freed)),
        );
        Ok(Stored(stays))
    }

    /// Which of a plan's backups go, and which pieces of the log between them.
    fn backups_gone(
        &self,
        job: &Job<'_>,
        plan: PlanId,
        snapshots: Vec<SnapshotEntry>,
        retention: &PlanRetention,
        continuous: Option<&Continuous>,
    ) -> BTreeSet<FileId> {
        let now = moment(&self.environment.clock.now());
        let since =
            continuous.and_then(|it| it.keep).map(|keep| now.seconds.saturating_sub_unsigned(keep.as_secs()));
        let needed = bases_for(&snapshots, plan, since);
        let mut gone = self.forgotten(job, with_tag(snapshots.clone(), &plan.tag()), retention, &needed);
        let vain = pieces_in_vain(snapshots, plan, since, &gone);
        if !vain.is_empty() {
            let text = format!("{} pieces of the log go: nothing that stays needs them", vain.len());
            job.report.log(Level::Info, "forget", &text);
        }
        gone.extend(vain);
        gone
    }

    /// Which of these snapshots retention no longer keeps; those that are needed stay.
    fn forgotten(
        &self,
        job: &Job<'_>,
        own: Vec<SnapshotFacts<SnapshotEntry>>,
        retention: &PlanRetention,
        needed: &HashSet<FileId>,
    ) -> BTreeSet<FileId> {
        let now = moment(&self.environment.clock.now());
        let stays = |facts: &SnapshotFacts<SnapshotEntry>| is_held(facts) || needed.contains(&facts.id.id);
        let mut gone = BTreeSet::new();
        for (key, snapshots) in group(own, GroupBy::HOST_AND_PATHS) {
            let verdict = retention.apply(snapshots, size, stays, now);
            let text = format!("{key}: {} snapshots stay, {} go", verdict.keep.len(), verdict.remove.len());
            job.report.log(Level::Info, "forget", &text);
            gone.extend(verdict.remove.iter().map(|facts| facts.id.id));
        }
        gone
    }
}
