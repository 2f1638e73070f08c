//! How everything stands: plan by plan and repository by repository. Reads what was noted as runs ended, and no runs but those
//! under way.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use backstay_catalog::{
    PlanDay, RepositoryLast, RunFilter, ServerStore, SourceLast, StorageDay, StorageTotal,
};
use backstay_model::run::Named;
use backstay_model::{
    DestinationId, NodeId, Plan, PlanId, ProjectId, RepositoryId, RunId, RunKind, RunState, SourceId, Time,
};
use backstay_node::plans::seed;
use serde::Serialize;

use crate::alerts::overdue_slot;
use crate::problem::Problem;
use crate::state::AppState;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// A disk that fills later than that is not told of.
const FAR: i64 = 5 * 365;
/// Runs under way that are looked at.
const MOST: u32 = 200;

/// How everything stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Overview {
    /// The UTC days that `days` of plans and repositories speak of, the oldest first, each by its beginning.
    #[schema(value_type = Vec<String>)]
    pub(crate) days: Vec<Time>,
    /// Bytes of all sources, as their last backups that completed have seen them.
    pub(crate) protected_bytes: u64,
    /// When a backup last completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_backup: Option<Time>,
    /// The plans, by name.
    pub(crate) plans: Vec<PlanStanding>,
    /// The repositories, by the name of their destination.
    pub(crate) storage: Vec<StorageStanding>,
}

/// How a plan stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PlanStanding {
    /// The plan.
    #[schema(inline)]
    pub(crate) plan: Named<PlanId>,
    /// Its project.
    pub(crate) project: ProjectId,
    /// Whether its schedule is on.
    pub(crate) enabled: bool,
    /// What it is for: `backup` or `copy`.
    pub(crate) kind: RunKind,
    /// How its sources stand, or the repositories that it copies.
    pub(crate) sources: Vec<SourceStanding>,
    /// When it is next due; nothing when it runs only by hand or is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) next: Option<Time>,
    /// When it was due an hour ago or longer, and has not run since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) overdue_since: Option<Time>,
    /// When all its repositories were last verified, each by then or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) verified: Option<Time>,
    /// When something was last restored from one of its repositories.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) restored: Option<Time>,
    /// How its backups of each day ended.
    pub(crate) days: Vec<DayOfPlan>,
}

/// How the last backup of a source by a plan ended, or its copy.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SourceStanding {
    /// The source; of a copy plan the repository that is copied.
    pub(crate) source: SourceId,
    /// The run that ended last by itself; nothing when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<RunId>,
    /// Whether it failed.
    pub(crate) failed: bool,
    /// Items and destinations that it left out.
    pub(crate) errors: u64,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) ended: Option<Time>,
    /// When one last completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_good: Option<Time>,
    /// Bytes of the source then.
    pub(crate) bytes: u64,
}

/// How the backups of a plan ended on a day.
#[derive(Debug, Clone, Copy, Default, Serialize, utoipa::ToSchema)]
pub(crate) struct DayOfPlan {
    /// Without errors.
    pub(crate) completed: u64,
    /// With items or destinations left out.
    pub(crate) with_errors: u64,
    /// Not made.
    pub(crate) failed: u64,
    /// Should have been, and were not.
    pub(crate) missed: u64,
}

/// How a repository stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StorageStanding {
    /// The repository.
    pub(crate) repository: RepositoryId,
    /// Its destination.
    #[schema(inline)]
    pub(crate) destination: Named<DestinationId>,
    /// Its project.
    pub(crate) project: ProjectId,
    /// The node that it is for, where each has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<NodeId>,
    /// Bytes that lie in it, as the last check or clean-up found; before the first, what backups have added.
    pub(crate) stored: u64,
    /// Bytes that were free where it is when a run last ended; nothing where that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) free: Option<u64>,
    /// When it is full if it goes on growing as over these days; nothing when that is far off or cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) full: Option<Time>,
    /// When a snapshot was last made in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_snapshot: Option<Time>,
    /// Bytes that lay in it on each day, where that is known.
    pub(crate) days: Vec<Option<u64>>,
}

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
            repositories: state.store.repository_lasts(*project).await?,
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

/// What is known of a project.
struct OfProject<'a> {
    lasts: Vec<SourceLast>,
    plan_days: Vec<PlanDay>,
    repositories: Vec<RepositoryLast>,
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
        let own: Vec<RepositoryId> = self
            .totals
            .iter()
            .filter(|total| plan.spec.destinations.contains(&total.destination))
            .map(|total| total.repository)
            .collect();
        let proved = |repository: &RepositoryId, kind: RunKind| {
            let mut found = self.repositories.iter();
            found.find(|last| last.repository == *repository && last.kind == kind).map(|last| last.at)
        };
        // Nothing at all counts as the oldest.
        let verified = own.iter().map(|repository| proved(repository, RunKind::Verify)).min().flatten();
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
            verified,
            restored: own.iter().filter_map(|repository| proved(repository, RunKind::Restore)).max(),
            days: of_days.into_values().collect(),
            sources,
        }
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
            full: free.and_then(|free| full(&told, free)),
            last_snapshot: total.last,
            days: days.iter().map(on).collect(),
        }
    }
}

/// When a repository is full that grows on as it did from the first of these days to the last.
fn full(told: &[&StorageDay], free: u64) -> Option<Time> {
    let known = || told.iter().filter_map(|told| Some((told.day, told.stored?)));
    let ((from, before), (to, after)) = (known().next()?, known().next_back()?);
    let grown = after.checked_sub(before).filter(|grown| *grown > 0)?;
    let hours =
        u128::from(to.duration_since(from).as_hours().unsigned_abs()).checked_mul(u128::from(free))?;
    let left = i64::try_from(hours.checked_div(u128::from(grown))?).ok()?;
    if left / 24 > FAR {
        return None;
    }
    to.checked_add(jiff::SignedDuration::from_hours(left)).ok()
}

fn earlier(time: Time, by: Duration) -> Time {
    time.saturating_sub(by).unwrap_or(Time::MIN)
}

fn later(time: Time, by: Duration) -> Option<Time> {
    time.checked_add(by).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(day: i64, stored: Option<u64>) -> StorageDay {
        let day = Time::from_second(day * 86_400).unwrap();
        StorageDay { repository: RepositoryId(uuid::Uuid::nil()), day, stored, free: None }
    }

    fn days_until_full(told: &[StorageDay], free: u64) -> Option<i64> {
        let told: Vec<&StorageDay> = told.iter().collect();
        full(&told, free).map(|full| full.as_second() / 86_400)
    }

    #[test]
    fn a_disk_is_full_when_its_growth_meets_its_room() {
        let grows = [told(0, Some(100)), told(5, None), told(10, Some(200))];
        assert_eq!(days_until_full(&grows, 50), Some(15));
        assert_eq!(days_until_full(&grows, 0), Some(10));
        assert_eq!(days_until_full(&grows, u64::MAX), None);
        assert_eq!(days_until_full(&[told(0, Some(100)), told(9, Some(90))], 50), None);
        assert_eq!(days_until_full(&[told(0, Some(100)), told(9, Some(100))], 50), None);
        assert_eq!(days_until_full(&[told(3, Some(100))], 50), None);
        assert_eq!(days_until_full(&[], 50), None);
    }
}
