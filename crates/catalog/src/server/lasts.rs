//! How things last went: the last run of each source of a plan, and the room that is left. What is proved is in [`proofs`].
//!
//! Like the [sums](super::sums) they are noted as runs end, so that nobody looks through runs for them, and every row belongs to
//! one node.

use backstay_model::{PlanId, ProjectId, RepositoryId, Run, RunId, RunKind, SourceId, Time};

use super::sums::{Ended, MOST};
use super::tallies::{DAY, day};
use super::{ServerStore, proofs};
use crate::database::Change;
use crate::row::{Columns, micros, moment, sql, whole};
use crate::{CatalogError, Result};

/// How the last backup of a plan's source came to an end by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLast {
    /// The plan.
    pub plan: PlanId,
    /// The source; of a copy, the repository that it reads.
    pub source: SourceId,
    /// The run. It may be forgotten.
    pub run: RunId,
    /// Whether it failed.
    pub failed: bool,
    /// What it left out: items, or whole destinations.
    pub errors: u64,
    /// When it ended.
    pub at: Time,
    /// Bytes of the source, as the last one that completed has seen it.
    pub bytes: u64,
    /// When one last completed, with errors or without.
    pub good_at: Option<Time>,
}

/// What was last told of a repository on a UTC day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageDay {
    /// The repository.
    pub repository: RepositoryId,
    /// The beginning of the day.
    pub day: Time,
    /// Bytes that lie in it.
    pub stored: Option<u64>,
    /// Bytes that are free where it is.
    pub free: Option<u64>,
}

/// Notes how a run has ended.
pub(super) async fn note(change: &mut Change, run: &Run, ended: Ended, at: Time) -> Result<()> {
    if ended != Ended::Cancelled {
        note_source(change, run, ended, at).await?;
    }
    proofs::note(change, run, ended, at).await?;
    note_storage(change, run, at).await
}

async fn note_source(change: &mut Change, run: &Run, ended: Ended, at: Time) -> Result<()> {
    let source = run.source.as_ref().map(|source| source.id);
    // What a copy reads stands where a backup's source does.
    let source = source.or(run.from.as_ref().map(|from| SourceId(from.repository.0)));
    let (Some(plan), Some(source)) = (&run.plan, source) else { return Ok(()) };
    let failed = ended == Ended::Failed;
    let outcome = run.outcome.clone().unwrap_or_default();
    let missing = run.destinations.iter().filter(|it| it.state == backstay_model::RunState::Failed).count();
    let errors = whole(outcome.errors.saturating_add(missing as u64)).min(MOST);
    let text = "INSERT INTO source_lasts (project, plan, source, kind, node, run, ended, errors, at, bytes, good_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                ON CONFLICT (project, plan, source, kind, node) DO UPDATE SET \
                run = excluded.run, ended = excluded.ended, errors = excluded.errors, at = excluded.at, \
                bytes = CASE WHEN excluded.good_at IS NULL THEN source_lasts.bytes ELSE excluded.bytes END, \
                good_at = COALESCE(excluded.good_at, source_lasts.good_at) WHERE source_lasts.at <= excluded.at";
    let good_at = (!failed).then(|| micros(at));
    let (project, node) = (run.project.to_string(), run.node.to_string());
    let (plan, source) = (plan.id.to_string(), source.to_string());
    let bytes = whole(outcome.bytes).min(MOST);
    let run_id = run.id.to_string();
    let kind = run.kind.name();
    sql!(text, project, plan, source, kind, node, run_id, ended.name(), errors, micros(at), bytes, good_at)
        .execute(&mut **change)
        .await?;
    Ok(())
}

async fn note_storage(change: &mut Change, run: &Run, at: Time) -> Result<()> {
    for destination in run.destinations.iter().filter(|it| it.stored.is_some() || it.free.is_some()) {
        let text = "INSERT INTO storage_days (project, repository, day, node, at, stored, free) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (project, repository, day, node) DO UPDATE SET \
                    at = excluded.at, stored = COALESCE(excluded.stored, storage_days.stored), \
                    free = COALESCE(excluded.free, storage_days.free) WHERE storage_days.at <= excluded.at";
        let (project, node) = (run.project.to_string(), run.node.to_string());
        let bytes = |bytes: Option<u64>| bytes.map(|bytes| whole(bytes).min(MOST));
        let (stored, free) = (bytes(destination.stored), bytes(destination.free));
        let repository = destination.repository.to_string();
        sql!(text, project, repository, day(at), node, micros(at), stored, free)
            .execute(&mut **change)
            .await?;
    }
    Ok(())
}

/// Forgets days before a moment. How things last went is kept as long as the plan or repository is.
pub(super) async fn forget(change: &mut Change, before: Time) -> Result<()> {
    sql!("DELETE FROM storage_days WHERE day < $1", day(before)).execute(&mut **change).await?;
    for text in [
        "DELETE FROM source_lasts WHERE plan NOT IN (SELECT id FROM plans)",
        "DELETE FROM storage_days WHERE repository NOT IN (SELECT id FROM repositories)",
    ] {
        sql!(text).execute(&mut **change).await?;
    }
    proofs::forget(change).await
}

impl ServerStore {
    /// How the backups and copies of a project's plans last went, source by source. Some may be of plans or sources that are gone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn source_lasts(&self, project: ProjectId) -> Result<Vec<SourceLast>> {
        let text = "SELECT plan, source, run, ended, errors, at, bytes, good_at FROM source_lasts \
                    WHERE project = $1 AND kind IN ($2, $3) ORDER BY plan, source, at";
        let rows = sql!(text, project.to_string(), RunKind::Backup.name(), RunKind::Copy.name());
        let rows = rows.fetch_all(self.database.read()).await?;
        let mut lasts: Vec<SourceLast> = Vec::with_capacity(rows.len());
        for row in &rows {
            let number = |name: &str| row.int(name).map(|number| u64::try_from(number).unwrap_or(0));
            let last = SourceLast {
                plan: row.parsed("plan")?,
                source: row.parsed("source")?,
                run: row.parsed("run")?,
                failed: row.text("ended")? == Ended::Failed.name(),
                errors: number("errors")?,
                at: row.time("at")?,
                bytes: number("bytes")?,
                good_at: row.time_or_none("good_at")?,
            };
            // A source that has moved to another node has a row of each; the later one counts.
            lasts.pop_if(|before| (before.plan, before.source) == (last.plan, last.source));
            lasts.push(last);
        }
        Ok(lasts)
    }

    /// What was told of a project's repositories on the UTC days from a moment on, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn storage_days(&self, project: ProjectId, since: Time) -> Result<Vec<StorageDay>> {
        let text = "SELECT repository, day, node, stored, free FROM storage_days WHERE project = $1 AND day >= $2 \
                    ORDER BY repository, day, at";
        let rows = sql!(text, project.to_string(), day(since)).fetch_all(self.database.read()).await?;
        let mut days: Vec<StorageDay> = Vec::with_capacity(rows.len());
        for row in &rows {
            let bytes = |name: &str| {
                let number = row.int_or_none(name)?;
                Ok::<_, CatalogError>(number.map(|number| u64::try_from(number).unwrap_or(0)))
            };
            let (repository, stored, free) = (row.parsed("repository")?, bytes("stored")?, bytes("free")?);
            let day = moment(row.int("day")?.saturating_mul(DAY))?;
            // What another node told later on the same day.
            match days.last_mut().filter(|last| (last.repository, last.day) == (repository, day)) {
                Some(last) => {
                    last.stored = stored.or(last.stored);
                    last.free = free.or(last.free);
                }
                None => days.push(StorageDay { repository, day, stored, free }),
            }
        }
        Ok(days)
    }
}
