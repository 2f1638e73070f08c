//! How many runs a filter asks for, by state.
//!
//! Whole days come from the tallies; the hours at both ends of a span come from the indexes. Runs of three things or more
//! together are few, and have indexes of their own that hold all that is asked.

use backstay_model::{RunState, Time};
use sqlx::any::AnyRow;

use super::ServerStore;
use super::run_filter::RunFilter;
use super::run_list::asked_projects;
use super::tallies::DAY;
use crate::database::Change;
use crate::row::{Columns, Composed, micros, moment};
use crate::{CatalogError, Result};

/// Steps in one query.
const STEPS: usize = 64;

/// How many runs there are, by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// Runs that wait.
    pub pending: u64,
    /// Runs being executed.
    pub running: u64,
    /// Runs that were interrupted.
    pub paused: u64,
    /// Runs that did what they were to do.
    pub completed: u64,
    /// Runs that could not.
    pub failed: u64,
    /// Runs that somebody ended.
    pub cancelled: u64,
}

impl RunCounts {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.pending + self.running + self.paused + self.completed + self.failed + self.cancelled
    }

    /// Those in a state.
    #[must_use]
    pub const fn of(&self, state: RunState) -> u64 {
        match state {
            RunState::Pending => self.pending,
            RunState::Running => self.running,
            RunState::Paused => self.paused,
            RunState::Completed => self.completed,
            RunState::Failed => self.failed,
            RunState::Cancelled => self.cancelled,
        }
    }

    const fn of_mut(&mut self, state: RunState) -> &mut u64 {
        match state {
            RunState::Pending => &mut self.pending,
            RunState::Running => &mut self.running,
            RunState::Paused => &mut self.paused,
            RunState::Completed => &mut self.completed,
            RunState::Failed => &mut self.failed,
            RunState::Cancelled => &mut self.cancelled,
        }
    }

    fn add(&mut self, rows: &[AnyRow]) -> Result<()> {
        for row in rows {
            let state = state(&row.text("state")?)?;
            *self.of_mut(state) += u64::try_from(row.int("runs")?).unwrap_or(0);
        }
        Ok(())
    }
}

/// The state of a name in the store.
pub(super) fn state(name: &str) -> Result<RunState> {
    RunState::from_name(name)
        .ok_or_else(|| CatalogError::corrupt(format_args!("{name:?} is no state of a run")))
}

impl ServerStore {
    /// How many runs a filter asks for, by state.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn count_runs(&self, filter: &RunFilter) -> Result<RunCounts> {
        let mut look = self.database.look().await?;
        let mut counts = RunCounts::default();
        let Some(subject) = filter.subject() else {
            let mut query = Composed::new("SELECT r.state AS state, COUNT(*) AS runs");
            filter.write_together(&mut query);
            query.push(" GROUP BY r.state");
            counts.add(&query.query().fetch_all(&mut *look).await?)?;
            return Ok(counts);
        };
        let Some(days) = whole_days(filter) else {
            count_each(&mut look, filter, &mut counts).await?;
            return Ok(counts);
        };
        counts.add(&tallied(&mut look, filter, subject, days).await?)?;
        for (since, until) in edges(filter, days)? {
            let edge = RunFilter { since: Some(since), until: Some(until), ..filter.clone() };
            count_each(&mut look, &edge, &mut counts).await?;
        }
        Ok(counts)
    }
}

/// The whole days of a filter's span, the second one excluded; `None` when it has none.
fn whole_days(filter: &RunFilter) -> Option<(i64, i64)> {
    let first = filter.since.map_or(i64::MIN, |since| micros(since).saturating_add(DAY - 1).div_euclid(DAY));
    let end = filter.until.map_or(i64::MAX, |until| micros(until).div_euclid(DAY));
    (first < end).then_some((first, end))
}

/// What lies before and after the whole days.
fn edges(filter: &RunFilter, (first, end): (i64, i64)) -> Result<Vec<(Time, Time)>> {
    let mut edges = Vec::new();
    if let Some(since) = filter.since {
        edges.push((since, moment(first.saturating_mul(DAY))?));
    }
    if let Some(until) = filter.until {
        edges.push((moment(end.saturating_mul(DAY))?, until));
    }
    edges.retain(|(since, until)| since < until);
    Ok(edges)
}

async fn tallied(
    look: &mut Change,
    filter: &RunFilter,
    subject: Option<String>,
    (first, end): (i64, i64),
) -> Result<Vec<AnyRow>> {
    let mut query =
        Composed::new("SELECT state, CAST(SUM(runs) AS BIGINT) AS runs FROM run_tallies WHERE subject");
    match (subject, &filter.projects) {
        (Some(subject), projects) => {
            query.push(" = ").text(subject);
            if let Some(projects) = projects {
                query.push(" AND project IN ").texts(projects.iter().map(ToString::to_string));
            }
        }
        (None, _) => {
            // By name: of a join with so small a table a database may think that it needs all tallies.
            let projects = asked_projects(look, filter, true).await?;
            query.push(" IN ").texts(projects.iter().map(ToString::to_string));
        }
    }
    if let Some(kind) = filter.kind {
        query.push(" AND kind = ").text(kind.name());
    }
    if !filter.states.is_empty() {
        query.push(" AND state IN ").texts(filter.states.iter().map(|state| state.name().to_owned()));
    }
    query.push(" AND day >= ").int(first).push(" AND day < ").int(end).push(" GROUP BY state");
    Ok(query.query().fetch_all(&mut **look).await?)
}

/// Counts one by one, in the indexes.
async fn count_each(look: &mut Change, filter: &RunFilter, counts: &mut RunCounts) -> Result<()> {
    let projects = asked_projects(look, filter, true).await?;
    for steps in filter.keys(&projects, true).chunks(STEPS) {
        let mut query = Composed::default();
        for (place, step) in steps.iter().enumerate() {
            if place > 0 {
                query.push(" UNION ALL ");
            }
            query.push("SELECT r.state AS state, COUNT(*) AS runs");
            filter.write(step, &mut query);
            query.push(" GROUP BY r.state");
        }
        counts.add(&query.query().fetch_all(&mut **look).await?)?;
    }
    Ok(())
}
