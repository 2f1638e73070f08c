//! What is known of backups that can be read: which repositories were verified, from which plans something was restored, and where
//! damage was found.
//!
//! A verification proves the repository that it read, and a restore the plan whose snapshot it brought back. What failed stands until a
//! later verification of the same repository completes; a backup says nothing about what lies there already.

use backstay_model::run::RunDestination;
use backstay_model::{PlanId, ProjectId, RepositoryId, Run, RunId, RunKind, RunState, Time};

use super::ServerStore;
use super::sums::Ended;
use crate::database::Change;
use crate::row::{Columns, micros, sql};
use crate::{CatalogError, Result};

/// When a repository was last verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryProof {
    /// The repository.
    pub repository: RepositoryId,
    /// When a verification of it last completed without errors.
    pub at: Time,
}

/// When something of a plan's backups was last restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanProof {
    /// The plan.
    pub plan: PlanId,
    /// When a restore of a snapshot of it last completed without errors.
    pub at: Time,
}

/// Why a repository is not to be relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFault {
    /// The repository.
    pub repository: RepositoryId,
    /// [`RunKind::Verify`] for a verification that failed, [`RunKind::Restore`] for a restore that found damage.
    pub kind: RunKind,
    /// The run. It may be forgotten.
    pub run: RunId,
    /// When it ended.
    pub at: Time,
    /// Why it failed.
    pub reason: String,
}

/// Notes what a run that has ended proves, or has found.
pub(super) async fn note(change: &mut Change, run: &Run, ended: Ended, at: Time) -> Result<()> {
    for destination in &run.destinations {
        if let Some(reason) = fault(run, destination) {
            note_fault(change, run, destination.repository, at, &reason).await?;
        } else if run.kind == RunKind::Verify && is_proved(run, destination) {
            note_verified(change, run, destination.repository, at).await?;
        }
    }
    let is_dry = run.restore.as_ref().is_some_and(|request| request.dry_run);
    let plan = run.outcome.as_ref().and_then(|outcome| outcome.restored_plan);
    if let Some(plan) = plan.filter(|_| run.kind == RunKind::Restore && ended == Ended::Completed && !is_dry)
    {
        let text = "INSERT INTO plan_restores (project, plan, node, ended) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (project, plan, node) DO UPDATE SET \
                    ended = CASE WHEN plan_restores.ended < $4 THEN $4 ELSE plan_restores.ended END";
        let (project, plan, node) = (run.project.to_string(), plan.to_string(), run.node.to_string());
        sql!(text, project, plan, node, micros(at)).execute(&mut **change).await?;
    }
    Ok(())
}

/// Why a run shows that what lies at a destination is not to be relied on.
fn fault(run: &Run, destination: &RunDestination) -> Option<String> {
    let error = run.error.clone().unwrap_or_default();
    let is_found = match run.kind {
        RunKind::Verify => match destination.state {
            RunState::Failed => true,
            RunState::Completed => false,
            _ => run.state == RunState::Failed,
        },
        RunKind::Restore => run.state == RunState::Failed && error.damaged,
        RunKind::Backup | RunKind::Prune | RunKind::Copy => false,
    };
    is_found.then(|| destination.error.clone().unwrap_or(error.message))
}

/// Whether a verification went well at a destination. Others may have failed.
fn is_proved(run: &Run, destination: &RunDestination) -> bool {
    let errors = run.outcome.as_ref().map_or(0, |outcome| outcome.errors);
    destination.state == RunState::Completed && errors == 0
}

async fn note_verified(change: &mut Change, run: &Run, repository: RepositoryId, at: Time) -> Result<()> {
    let text = "INSERT INTO repository_lasts (project, repository, kind, node, ended) VALUES ($1, $2, $3, $4, $5) \
                ON CONFLICT (project, repository, kind, node) DO UPDATE SET \
                ended = CASE WHEN repository_lasts.ended < $5 THEN $5 ELSE repository_lasts.ended END";
    let (project, node) = (run.project.to_string(), run.node.to_string());
    let query = sql!(text, project, repository.to_string(), run.kind.name(), node, micros(at));
    query.execute(&mut **change).await?;
    Ok(())
}

async fn note_fault(
    change: &mut Change,
    run: &Run,
    repository: RepositoryId,
    at: Time,
    reason: &str,
) -> Result<()> {
    let text = "INSERT INTO repository_faults (project, repository, kind, node, run, at, reason) \
                VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (project, repository, kind, node) DO UPDATE SET \
                run = excluded.run, at = excluded.at, reason = excluded.reason WHERE repository_faults.at <= excluded.at";
    let (project, node, id) = (run.project.to_string(), run.node.to_string(), run.id.to_string());
    let query =
        sql!(text, project, repository.to_string(), run.kind.name(), node, id, micros(at), reason.to_owned());
    query.execute(&mut **change).await?;
    Ok(())
}

/// Forgets plans and repositories that are gone.
pub(super) async fn forget(change: &mut Change) -> Result<()> {
    for text in [
        "DELETE FROM repository_lasts WHERE repository NOT IN (SELECT id FROM repositories)",
        "DELETE FROM repository_faults WHERE repository NOT IN (SELECT id FROM repositories)",
        "DELETE FROM plan_restores WHERE plan NOT IN (SELECT id FROM plans)",
    ] {
        sql!(text).execute(&mut **change).await?;
    }
    Ok(())
}

impl ServerStore {
    /// When each of a project's repositories was last verified.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn repository_proofs(&self, project: ProjectId) -> Result<Vec<RepositoryProof>> {
        let text = "SELECT repository, MAX(ended) AS ended FROM repository_lasts WHERE project = $1 AND kind = $2 \
                    GROUP BY repository ORDER BY repository";
        let rows = sql!(text, project.to_string(), RunKind::Verify.name());
        let rows = rows.fetch_all(self.database.read()).await?;
        let of = |row: &sqlx::any::AnyRow| {
            Ok(RepositoryProof { repository: row.parsed("repository")?, at: row.time("ended")? })
        };
        rows.iter().map(of).collect()
    }

    /// When something was last restored of each of a project's plans. Some may be of plans that are gone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn plan_proofs(&self, project: ProjectId) -> Result<Vec<PlanProof>> {
        let text = "SELECT plan, MAX(ended) AS ended FROM plan_restores WHERE project = $1 GROUP BY plan ORDER BY plan";
        let rows = sql!(text, project.to_string()).fetch_all(self.database.read()).await?;
        let of =
            |row: &sqlx::any::AnyRow| Ok(PlanProof { plan: row.parsed("plan")?, at: row.time("ended")? });
        rows.iter().map(of).collect()
    }

    /// What was last found wrong with each of a project's repositories and stands: no verification of it has completed since.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn repository_faults(&self, project: ProjectId) -> Result<Vec<RepositoryFault>> {
        let text = "SELECT repository, kind, run, at, reason FROM repository_faults f WHERE project = $1 AND NOT EXISTS \
                    (SELECT 1 FROM repository_lasts l WHERE l.project = f.project AND l.repository = f.repository \
                    AND l.kind = $2 AND l.ended >= f.at) ORDER BY repository, at";
        let rows = sql!(text, project.to_string(), RunKind::Verify.name());
        let rows = rows.fetch_all(self.database.read()).await?;
        let mut faults: Vec<RepositoryFault> = Vec::with_capacity(rows.len());
        for row in &rows {
            let kind = RunKind::from_name(&row.text("kind")?);
            let fault = RepositoryFault {
                repository: row.parsed("repository")?,
                kind: kind.ok_or_else(|| CatalogError::corrupt("a fault is of no kind"))?,
                run: row.parsed("run")?,
                at: row.time("at")?,
                reason: row.text("reason")?,
            };
            faults.pop_if(|before| before.repository == fault.repository);
            faults.push(fault);
        }
        Ok(faults)
    }
}
