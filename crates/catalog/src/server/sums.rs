//! What runs did, added up as they end, so that reports and metrics read no runs.
//!
//! A run counts once: when it ends. Nothing is taken off later, since what was added stays added; days go as a whole when
//! their runs are no longer kept. Every row belongs to one node, so two nodes that tell at once never wait for each other.

use backstay_model::{NodeId, PlanId, ProjectId, Run, RunKind, RunState, Time};

use super::lasts;
use super::tallies::day;
use crate::Result;
use crate::database::Change;
use crate::row::{micros, sql, whole};

/// More than this is believed of no run, and added up in no row: what a node makes up must not overflow.
pub(super) const MOST: i64 = 1 << 50;
/// The same for counts.
const MOST_RUNS: i64 = 1 << 40;

/// How what is counted in a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// All went well.
    Completed,
    /// It completed, and left something out.
    Incomplete,
    Failed,
    Cancelled,
    /// It never was, as its node says.
    Missed,
    /// It never was, as the server has seen.
    Overdue,
}

impl Ended {
    pub(super) const ALL: [Self; 6] =
        [Self::Completed, Self::Incomplete, Self::Failed, Self::Cancelled, Self::Missed, Self::Overdue];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Missed => "missed",
            Self::Overdue => "overdue",
        }
    }

    /// How a run ended; `None` while it has not.
    fn of(run: &Run) -> Option<Self> {
        let errors = run.outcome.as_ref().map_or(0, |outcome| outcome.errors);
        match run.state {
            RunState::Completed
                if errors > 0 || run.destinations.iter().any(|it| it.state == RunState::Failed) =>
            {
                Some(Self::Incomplete)
            }
            RunState::Completed => Some(Self::Completed),
            RunState::Failed => Some(Self::Failed),
            RunState::Cancelled => Some(Self::Cancelled),
            RunState::Pending | RunState::Running | RunState::Paused => None,
        }
    }
}

/// One more row's worth.
struct Row {
    project: ProjectId,
    kind: RunKind,
    day: i64,
    plan: PlanId,
    node: NodeId,
    ended: Ended,
    runs: i64,
    bytes: i64,
    added: i64,
    time: i64,
}

impl Row {
    async fn add(self, change: &mut Change) -> Result<()> {
        let text = "INSERT INTO run_sums (project, kind, day, plan, node, ended, runs, bytes, added, time, longest) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) \
                    ON CONFLICT (project, kind, day, plan, node, ended) DO UPDATE SET \
                    runs = CASE WHEN run_sums.runs + $7 > $12 THEN $12 ELSE run_sums.runs + $7 END, \
                    bytes = CASE WHEN run_sums.bytes + $8 > $11 THEN $11 ELSE run_sums.bytes + $8 END, \
                    added = CASE WHEN run_sums.added + $9 > $11 THEN $11 ELSE run_sums.added + $9 END, \
                    time = CASE WHEN run_sums.time + $10 > $11 THEN $11 ELSE run_sums.time + $10 END, \
                    longest = CASE WHEN run_sums.longest < $10 THEN $10 ELSE run_sums.longest END";
        let Self { project, kind, day, plan, node, ended, runs, bytes, added, time } = self;
        let (project, plan, node) = (project.to_string(), plan.to_string(), node.to_string());
        let query = sql!(
            text,
            project,
            kind.name(),
            day,
            plan,
            node,
            ended.name(),
            runs,
            bytes,
            added,
            time,
            MOST,
            MOST_RUNS
        );
        query.execute(&mut **change).await?;
        Ok(())
    }
}

/// Counts a run that has just ended.
pub(super) async fn count(change: &mut Change, run: &Run) -> Result<()> {
    let Some(ended) = Ended::of(run) else { return Ok(()) };
    let at = run.ended.unwrap_or(run.created);
    lasts::note(change, run, ended, at).await?;
    let outcome = run.outcome.clone().unwrap_or_default();
    if let Some(plan) = &run.plan {
        let time = run.started.map_or(0, |started| micros(at).saturating_sub(micros(started)));
        let row = Row {
            project: run.project,
            kind: run.kind,
            day: day(at),
            plan: plan.id,
            node: run.node,
            ended,
            runs: 1,
            bytes: whole(outcome.bytes).min(MOST),
            added: whole(outcome.bytes_added).min(MOST),
            time: time.clamp(0, MOST),
        };
        row.add(change).await?;
        if ended == Ended::Completed {
            let text = "INSERT INTO plan_lasts (project, plan, kind, node, ended) VALUES ($1, $2, $3, $4, $5) \
                        ON CONFLICT (project, plan, kind, node) DO UPDATE SET \
                        ended = CASE WHEN plan_lasts.ended < $5 THEN $5 ELSE plan_lasts.ended END";
            let (project, plan, node) = (run.project.to_string(), plan.id.to_string(), run.node.to_string());
            sql!(text, project, plan, run.kind.name(), node, micros(at)).execute(&mut **change).await?;
        }
    }
    if run.kind.is_scheduled() {
        for destination in
            run.destinations.iter().filter(|it| it.snapshot.is_some() || it.copied > 0 || it.bytes_added > 0)
        {
            let text = "INSERT INTO storage_sums (repository, project, node, added, snapshots, ended) \
                        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (repository, project, node) DO UPDATE SET \
                        added = CASE WHEN storage_sums.added + $4 > $7 THEN storage_sums.added ELSE storage_sums.added + $4 END, \
                        snapshots = storage_sums.snapshots + $5, \
                        ended = CASE WHEN storage_sums.ended < $6 AND $5 > 0 THEN $6 ELSE storage_sums.ended END";
            let snapshots = match run.kind {
                RunKind::Copy => whole(destination.copied).min(MOST_RUNS),
                _ => i64::from(destination.snapshot.is_some()),
            };
            let last = if snapshots > 0 { micros(at) } else { 0 };
            let (repository, project) = (destination.repository.to_string(), run.project.to_string());
            let added = whole(destination.bytes_added).min(MOST);
            sql!(text, repository, project, run.node.to_string(), added, snapshots, last, MOST << 10)
                .execute(&mut **change)
                .await?;
        }
    }
    Ok(())
}

/// Counts runs that were not.
pub(super) async fn count_missed(
    change: &mut Change,
    (project, plan, node): (ProjectId, PlanId, NodeId),
    due: Time,
    runs: u64,
    ended: Ended,
) -> Result<()> {
    let runs = whole(runs).min(MOST_RUNS);
    let (kind, day) = (RunKind::Backup, day(due));
    Row { project, kind, day, plan, node, ended, runs, bytes: 0, added: 0, time: 0 }.add(change).await
}

/// Forgets whole days before a moment.
pub(super) async fn forget(change: &mut Change, before: Time) -> Result<()> {
    sql!("DELETE FROM run_sums WHERE day < $1", day(before)).execute(&mut **change).await?;
    sql!("DELETE FROM plan_lasts WHERE ended < $1", micros(before)).execute(&mut **change).await?;
    lasts::forget(change, before).await
}
