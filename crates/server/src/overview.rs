//! How everything stands: plan by plan and repository by repository. Reads what was noted as runs ended, and no runs but those
//! under way.

mod answer;
mod room;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use backstay_catalog::{
    PlanDay, PlanProof, RepositoryFault, RepositoryProof, RunFilter, ServerStore, SourceLast, StorageDay,
    StorageTotal,
};
use backstay_model::run::Named;
use backstay_model::{NodeId, Plan, PlanId, ProjectId, RunKind, RunState, SourceId, Time};
use backstay_node::plans::seed;

pub(crate) use answer::Overview;
use answer::{DayOfPlan, Fault, PlanStanding, SourceStanding, StorageStanding};

use crate::alerts::overdue_slot;
use crate::problem::Problem;
use crate::state::AppState;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Runs under way that are looked at.
const MOST: u32 = 200;

/// How the plans and repositories of these projects stand, and how it went on so many days.
pub(crate) async fn overview(
    state: &AppState,
    projects: &[ProjectId],
    days: u32,
) -> Result<Overview, Problem> {
    let now = state.now();
    let since = earlier(now, DAY.saturating_mul(days.saturating_sub(1)));
    let (first, _) = ServerStore::whole_days(since, now)?;
    let days: Vec<Time> = (0..days).filter_map(|number| later(first, DAY.saturating_mul(number))).collect();
    let under_way = under_way(state, projects).await?;
    let totals = state.store.storage_totals().await?;
    let (mut plans, mut storage) = (Vec::new(), Vec::new());
    for project in projects {
        let found = OfProject {
            lasts: state.store.source_lasts(*project).await?,
            plan_days: state.store.plan_days(*project, since, now).await?,
            verified: state.store.repository_proofs(*project).await?,
            restored: state.store.plan_proofs(*project).await?,
            faults: state.store.repository_faults(*project).await?,
            nodes: nodes_of(state, *project).await?,
            storage: state.store.storage_days(*project, since).await?,
            totals: totals.iter().filter(|total| total.project == *project).collect(),
        };
        let of_project = state.store.plans(Some(*project)).await?;
        let standing = |plan: &Plan| found.plan(plan, &days, now, under_way.contains(&plan.id));
        plans.extend(of_project.iter().map(standing));
        storage.extend(found.totals.iter().map(|total| found.storage(total, &days)));
    }
    plans.sort_by(|one, other| (&one.plan.name, one.plan.id).cmp(&(&other.plan.name, other.plan.id)));
    storage.sort_by(|one: &StorageStanding, other: &StorageStanding| {
        (&one.destination.name, one.repository).cmp(&(&other.destination.name, other.repository))
    });
    // A source of two plans is protected once.
    let mut bytes = HashMap::new();
    let backups = || plans.iter().filter(|plan| plan.kind == RunKind::Backup).flat_map(|plan| &plan.sources);
    for source in backups().filter(|source| source.last_good.is_some()) {
        let most: &mut u64 = bytes.entry(source.source).or_default();
        *most = (*most).max(source.bytes);
    }
    let last_backup = backups().filter_map(|source| source.last_good).max();
    let protected_bytes = bytes.into_values().fold(0, u64::saturating_add);
    Ok(Overview { days, protected_bytes, last_backup, plans, storage })
}

/// Plans of which a backup or a copy is under way.
async fn under_way(state: &AppState, projects: &[ProjectId]) -> Result<HashSet<PlanId>, Problem> {
    let mut plans = HashSet::new();
    for kind in [RunKind::Backup, RunKind::Copy] {
        let filter = RunFilter {
            projects: Some(projects.to_vec()),
            kind: Some(kind),
            states: vec![RunState::Pending, RunState::Running, RunState::Paused],
            ..RunFilter::default()
        };
        let runs = state.store.list_runs(&filter, None, MOST).await?.items;
        plans.extend(runs.into_iter().filter_map(|run| run.plan.map(|plan| plan.id)));
    }
    Ok(plans)
}

/// The nodes that a project's sources are of.
async fn nodes_of(state: &AppState, project: ProjectId) -> Result<HashMap<SourceId, NodeId>, Problem> {
    let sources = state.store.sources(Some(project)).await?;
    Ok(sources.into_iter().map(|source| (source.id, source.node)).collect())
}

/// What is known of a project.
struct OfProject<'a> {
    lasts: Vec<SourceLast>,
    plan_days: Vec<PlanDay>,
    verified: Vec<RepositoryProof>,
    restored: Vec<PlanProof>,
    faults: Vec<RepositoryFault>,
    nodes: HashMap<SourceId, NodeId>,
    storage: Vec<StorageDay>,
    totals: Vec<&'a StorageTotal>,
}

impl OfProject<'_> {
    fn plan(&self, plan: &Plan, days: &[Time], now: Time, is_under_way: bool) -> PlanStanding {
        let sources: Vec<SourceStanding> =
            self.read_by(plan).into_iter().map(|source| self.source(plan.id, source)).collect();
        let mut of_days: BTreeMap<Time, DayOfPlan> =
            days.iter().map(|day| (*day, DayOfPlan::default())).collect();
        for told in self.plan_days.iter().filter(|told| told.plan == plan.id) {
            if let Some(day) = of_days.get_mut(&told.day) {
                *day = DayOfPlan {
                    completed: told.completed,
                    with_errors: told.incomplete,
                    failed: told.failed,
                    missed: told.missed,
                };
            }
        }
        let own = self.own(plan);
        let verified = |total: &&StorageTotal| {
            self.verified.iter().find(|proof| proof.repository == total.repository).map(|proof| proof.at)
        };
        let slot =
            if plan.spec.enabled && !is_under_way { overdue_slot(plan, now).ok().flatten() } else { None };
        let has_run = |slot: &Time| sources.iter().all(|source| source.ended.is_some_and(|it| it >= *slot));
        let next = plan.spec.schedule.next_after(now, seed(plan.id)).ok().flatten();
        PlanStanding {
            plan: Named { id: plan.id, name: plan.spec.name.clone() },
            project: plan.project,
            enabled: plan.spec.enabled,
            kind: plan.spec.kind(),
            next: next.filter(|_| plan.spec.enabled),
            overdue_since: slot.filter(|slot| !has_run(slot)),
            // Nothing at all counts as the oldest.
            verified: own.iter().map(verified).min().flatten(),
            restored: self.restored.iter().find(|proof| proof.plan == plan.id).map(|proof| proof.at),
            faults: own.iter().filter_map(|total| self.fault(total)).collect(),
            days: of_days.into_values().collect(),
            sources,
        }
    }

    /// The repositories that a plan stores to: where each node has its own, those of the nodes that it reads.
    fn own(&self, plan: &Plan) -> Vec<&StorageTotal> {
        let reads: HashSet<_> =
            plan.spec.sources.iter().filter_map(|source| self.nodes.get(source)).collect();
        let is_own = |total: &&StorageTotal| {
            plan.spec.destinations.contains(&total.destination)
                && (plan.spec.copy.is_some() || total.node.is_none_or(|node| reads.contains(&node)))
        };
        self.totals.iter().copied().filter(is_own).collect()
    }

    fn fault(&self, total: &StorageTotal) -> Option<Fault> {
        let found = self.faults.iter().find(|fault| fault.repository == total.repository)?;
        let RepositoryFault { repository, kind, run, at, reason } = found.clone();
        let destination = Named { id: total.destination, name: total.name.clone() };
        Some(Fault { repository, destination, kind, run, at, reason })
    }

    /// What a plan reads: its sources, or the repositories that it copies.
    fn read_by(&self, plan: &Plan) -> Vec<SourceId> {
        let Some(copy) = &plan.spec.copy else { return plan.spec.sources.clone() };
        let is_copied = |total: &&&StorageTotal| {
            total.destination == copy.from
                && (copy.node.is_none() || total.node.is_none() || total.node == copy.node)
        };
        self.totals.iter().filter(is_copied).map(|total| SourceId(total.repository.0)).collect()
    }

    fn source(&self, plan: PlanId, source: SourceId) -> SourceStanding {
        let last = self.lasts.iter().find(|last| last.plan == plan && last.source == source);
        SourceStanding {
            source,
            run: last.map(|last| last.run),
            failed: last.is_some_and(|last| last.failed),
            errors: last.map_or(0, |last| last.errors),
            ended: last.map(|last| last.at),
            last_good: last.and_then(|last| last.good_at),
            bytes: last.map_or(0, |last| last.bytes),
        }
    }

    fn storage(&self, total: &StorageTotal, days: &[Time]) -> StorageStanding {
        let told: Vec<&StorageDay> =
            self.storage.iter().filter(|told| told.repository == total.repository).collect();
        let stored = told.iter().rev().find_map(|told| told.stored);
        let free = told.iter().rev().find_map(|told| told.free);
        let on = |day: &Time| told.iter().find(|told| told.day == *day).and_then(|told| told.stored);
        StorageStanding {
            repository: total.repository,
            destination: Named { id: total.destination, name: total.name.clone() },
            project: total.project,
            node: total.node,
            stored: stored.unwrap_or(total.added),
            free,
            full: free.and_then(|free| room::full(&told, free)),
            last_snapshot: total.last,
            days: days.iter().map(on).collect(),
        }
    }
}

fn earlier(time: Time, by: Duration) -> Time {
    time.saturating_sub(by).unwrap_or(Time::MIN)
}

fn later(time: Time, by: Duration) -> Option<Time> {
    time.checked_add(by).ok()
}
