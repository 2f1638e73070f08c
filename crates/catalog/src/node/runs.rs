//! The runs of a node, and how each stands.

use backstay_model::run::Progress;
use backstay_model::{Run, RunId};
use serde_json::Value;
use sqlx::any::AnyRow;

use crate::database::Change;
use crate::node::log::append;
use crate::node::outbox::put_run;
use crate::node::{NewLine, NodeStore};
use crate::row::{Columns, json, micros, sql};
use crate::{CatalogError, Result};

impl NodeStore {
    /// Stores a new run and tells of it. `private` is what only the node needs to carry it out.
    ///
    /// # Errors
    /// When there is one with its id, or the store fails.
    pub async fn insert_run(&self, run: &Run, private: &Value) -> Result<()> {
        let mut change = self.database.change().await?;
        insert(&mut change, run, private).await?;
        change.commit().await?;
        Ok(())
    }

    /// A run, with what only the node needs.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run(&self, id: RunId) -> Result<Option<(Run, Value)>> {
        let row = sql!("SELECT doc, private FROM runs WHERE id = $1", id.to_string());
        let row = row.fetch_optional(self.database.read()).await?;
        row.as_ref().map(run).transpose()
    }

    /// All runs that have not ended, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open_runs(&self) -> Result<Vec<(Run, Value)>> {
        let rows = sql!("SELECT doc, private FROM runs WHERE final = 0 ORDER BY created, id");
        rows.fetch_all(self.database.read()).await?.iter().map(run).collect()
    }

    /// Stores a run in its new state and tells of it. `expected` is the revision that is stored now; the run's own is higher.
    ///
    /// # Errors
    /// [`Clash::Revision`](crate::Clash::Revision) when somebody else has changed it since; when there is none, or the store fails.
    pub async fn update_run(&self, run: &Run, expected: i64) -> Result<()> {
        self.change_run(run, expected, &[], None).await
    }

    /// As [`NodeStore::update_run`], with lines for the run's log and, where it changes, with what only the node needs: all of it or
    /// nothing.
    ///
    /// # Errors
    /// As [`NodeStore::update_run`].
    pub async fn change_run(
        &self,
        run: &Run,
        expected: i64,
        lines: &[NewLine],
        private: Option<&Value>,
    ) -> Result<()> {
        if run.revision <= expected {
            return Err(CatalogError::other(format_args!("run {} has no revision after {expected}", run.id)));
        }
        let mut change = self.database.change().await?;
        let text =
            "UPDATE runs SET final = $3, ended = $4, revision = $5, doc = $6 WHERE id = $1 AND revision = $2";
        let (last, ended) = (i64::from(run.state.is_final()), run.ended.map(micros));
        let result = sql!(text, run.id.to_string(), expected, last, ended, run.revision, json(run)?)
            .execute(&mut *change)
            .await?;
        if result.rows_affected() == 0 {
            let found = sql!("SELECT 1 AS one FROM runs WHERE id = $1", run.id.to_string());
            return Err(match found.fetch_optional(&mut *change).await? {
                Some(_) => CatalogError::changed("run", run.id),
                None => CatalogError::not_found("run", run.id),
            });
        }
        put_run(&mut change, run.id).await?;
        if let Some(private) = private {
            keep(&mut change, run.id, private).await?;
        }
        append(&mut change, run.id, lines).await?;
        change.commit().await?;
        Ok(())
    }

    /// Stores what only the node needs for a run, in place of what was before.
    ///
    /// # Errors
    /// When there is no such run, or the store fails.
    pub async fn set_private(&self, id: RunId, private: &Value) -> Result<()> {
        let mut change = self.database.change().await?;
        keep(&mut change, id, private).await?;
        change.commit().await?;
        Ok(())
    }

    /// Stores how far a run is, without a new revision; tells of it if `tell` says so. A run that has ended stays as it is.
    ///
    /// # Errors
    /// When there is no such run, or the store fails.
    pub async fn update_progress(&self, id: RunId, progress: &Progress, tell: bool) -> Result<()> {
        let mut change = self.database.change().await?;
        let row = sql!("SELECT doc, private FROM runs WHERE id = $1", id.to_string());
        let row = row.fetch_optional(&mut *change).await?;
        let (mut run, _) = run(&row.ok_or_else(|| CatalogError::not_found("run", id))?)?;
        if run.state.is_final() {
            return Ok(());
        }
        run.progress = progress.clone();
        sql!("UPDATE runs SET doc = $2 WHERE id = $1", id.to_string(), json(&run)?)
            .execute(&mut *change)
            .await?;
        if tell {
            put_run(&mut change, id).await?;
        }
        change.commit().await?;
        Ok(())
    }
}

/// Stores a new run and tells of it.
pub(super) async fn insert(change: &mut Change, run: &Run, private: &Value) -> Result<()> {
    let text = "INSERT INTO runs (id, final, created, ended, revision, doc, private) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let (last, created, ended) =
        (i64::from(run.state.is_final()), micros(run.created), run.ended.map(micros));
    sql!(text, run.id.to_string(), last, created, ended, run.revision, json(run)?, json(private)?)
        .execute(&mut **change)
        .await
        .map_err(|error| CatalogError::from(error).naming("run", &run.id.to_string()))?;
    put_run(change, run.id).await
}

async fn keep(change: &mut Change, id: RunId, private: &Value) -> Result<()> {
    let text = "UPDATE runs SET private = $2 WHERE id = $1";
    let result = sql!(text, id.to_string(), json(private)?).execute(&mut **change).await?;
    if result.rows_affected() == 0 {
        return Err(CatalogError::not_found("run", id));
    }
    Ok(())
}

fn run(row: &AnyRow) -> Result<(Run, Value)> {
    Ok((row.doc("doc")?, row.doc("private")?))
}
