//! Runs, one by one and in pages.

use std::collections::HashMap;

use backstay_model::{ProjectId, Run, RunId};

use super::ServerStore;
use super::run_filter::{Cursor, Key, Page, RunFilter};
use crate::Result;
use crate::database::Change;
use crate::row::{Columns, Composed, sql};

/// Steps in one query; SQLite takes some hundreds at most.
const STEPS: usize = 64;

/// Runs in a page, at most.
const LIMIT: u32 = 1000;

impl ServerStore {
    /// A run.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>> {
        let query = sql!("SELECT doc FROM runs WHERE id = $1", id.to_string());
        query.fetch_optional(self.database.read()).await?.map(|row| row.doc("doc")).transpose()
    }

    /// A page of the runs that a filter asks for, the newest first, after where the page before ended. 1000 runs at most.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_runs(
        &self,
        filter: &RunFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<Run>> {
        let limit = limit.clamp(1, LIMIT);
        let mut look = self.database.look().await?;
        let projects = asked_projects(&mut look, filter, false).await?;
        let steps = filter.keys(&projects, false);
        let mut found = Vec::new();
        for part in steps.chunks(STEPS) {
            found.extend(places(&mut look, filter, part, after, i64::from(limit) + 1).await?);
        }
        found.sort_unstable_by(|one, other| other.cmp(one));
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let last = found.last().filter(|_| more);
        let next = match last {
            Some((time, run)) => Some(Cursor { time: *time, run: parse(run)?, number: 0 }),
            None => None,
        };
        Ok(Page { items: docs(&mut look, found).await?, next })
    }
}

fn parse(run: &str) -> Result<RunId> {
    run.parse().map_err(crate::CatalogError::corrupt)
}

/// The projects to look in: those of the filter, or all where they are needed.
pub(super) async fn asked_projects(
    look: &mut Change,
    filter: &RunFilter,
    kinds: bool,
) -> Result<Vec<ProjectId>> {
    if let Some(projects) = &filter.projects {
        return Ok(projects.clone());
    }
    if !filter.is_narrow() && !kinds {
        return Ok(Vec::new());
    }
    let rows = sql!("SELECT id FROM projects").fetch_all(&mut **look).await?;
    rows.iter().map(|row| row.parsed("id")).collect()
}

/// When the newest runs of some steps were asked for, with their ids as text, which sorts as the database does.
async fn places(
    look: &mut Change,
    filter: &RunFilter,
    steps: &[Key],
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<(i64, String)>> {
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Composed::new("SELECT created, id FROM (");
    for (place, step) in steps.iter().enumerate() {
        if place > 0 {
            query.push(" UNION ALL ");
        }
        let id = match step {
            Key::Destination(..) => "run",
            _ => "id",
        };
        query.push("SELECT created, id FROM (SELECT r.created AS created, r.").push(id).push(" AS id");
        filter.write(step, &mut query);
        if let Some(after) = after {
            query.push(" AND (r.created, r.").push(id).push(") < (");
            query.int(after.time).push(", ").text(after.run.to_string()).push(")");
        }
        query.push(" ORDER BY r.created DESC, r.").push(id).push(" DESC LIMIT ").int(limit);
        query.push(&format!(") AS step{place}"));
    }
    query.push(") AS steps ORDER BY created DESC, id DESC LIMIT ").int(limit);
    let rows = query.query().fetch_all(&mut **look).await?;
    rows.iter().map(|row| Ok((row.int("created")?, row.text("id")?))).collect()
}

/// The runs, in the given order.
async fn docs(look: &mut Change, places: Vec<(i64, String)>) -> Result<Vec<Run>> {
    let mut query = Composed::new("SELECT id, doc FROM runs WHERE id IN ");
    query.texts(places.iter().map(|(_, id)| id.clone()));
    let rows = query.query().fetch_all(&mut **look).await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in &rows {
        found.insert(row.text("id")?, row.doc("doc")?);
    }
    Ok(places.into_iter().filter_map(|(_, id)| found.remove(&id)).collect())
}
