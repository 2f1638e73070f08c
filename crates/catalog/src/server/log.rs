//! Log lines of runs, as nodes told them.

use backstay_model::{Level, LogLine, PlanId, ProjectId, RunId, Time};

use super::ServerStore;
use super::run_filter::{Cursor, Page};
use crate::Result;
use crate::database::Change as Transaction;
use crate::node::line;
use crate::row::{Composed, micros, plain, sql};

/// Lines stored by one statement.
const LINES: usize = 100;

/// Lines removed by one transaction.
const BATCH: i64 = 10_000;

/// Lines in a page, at most.
const LIMIT: u32 = 10_000;

/// Which lines are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Of these projects; of all when left out.
    pub projects: Option<Vec<ProjectId>>,
    /// Of this run.
    pub run: Option<RunId>,
    /// Of this plan's runs.
    pub plan: Option<PlanId>,
    /// With this text in it, in capitals or not.
    pub text: Option<String>,
    /// That matter at least so much.
    pub level: Option<Level>,
    /// Written not before this moment.
    pub since: Option<Time>,
    /// Written before this moment.
    pub until: Option<Time>,
}

impl ServerStore {
    /// Lines of a run's log after a number, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn log(&self, run: RunId, after: i64, limit: u32) -> Result<Vec<LogLine>> {
        let text = "SELECT run, number, time, level, step, text FROM log_lines WHERE run = $1 AND number > $2 \
                    ORDER BY number LIMIT $3";
        let rows = sql!(text, run.to_string(), after, i64::from(limit.min(LIMIT)));
        rows.fetch_all(self.database.read()).await?.iter().map(line).collect()
    }

    /// A page of the lines that a filter asks for, the newest first, after where the page before ended. It looks at all lines of
    /// the span, so the span should not be long.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn search_log(
        &self,
        filter: &LogFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<LogLine>> {
        let limit = limit.clamp(1, LIMIT);
        let mut query =
            Composed::new("SELECT run, number, time, level, step, text FROM log_lines WHERE 1 = 1");
        if let Some(projects) = &filter.projects {
            query.push(" AND project IN ").texts(projects.iter().map(ToString::to_string));
        }
        if let Some(run) = filter.run {
            query.push(" AND run = ").text(run.to_string());
        }
        if let Some(plan) = filter.plan {
            query.push(" AND run IN (SELECT id FROM runs WHERE plan = ").text(plan.to_string()).push(")");
        }
        if let Some(since) = filter.since {
            query.push(" AND time >= ").int(micros(since));
        }
        if let Some(until) = filter.until {
            query.push(" AND time < ").int(micros(until));
        }
        if let Some(level) = filter.level {
            let all = [Level::Debug, Level::Info, Level::Warning, Level::Error];
            let asked = all.into_iter().filter(|each| *each >= level);
            query.push(" AND level IN ").texts(asked.map(|each| each.name().to_owned()));
        }
        if let Some(text) = filter.text.as_ref().filter(|text| !text.is_empty()) {
            query.push(" AND LOWER(text) LIKE LOWER(").text(pattern(text)).push(") ESCAPE '!'");
        }
        if let Some(after) = after {
            query.push(" AND (time, run, number) < (").int(after.time).push(", ");
            query.text(after.run.to_string()).push(", ").int(after.number).push(")");
        }
        query.push(" ORDER BY time DESC, run DESC, number DESC LIMIT ").int(i64::from(limit) + 1);
        let rows = query.query().fetch_all(self.database.read()).await?;
        let mut items: Vec<LogLine> = rows.iter().map(line).collect::<Result<_>>()?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let cursor = |last: &LogLine| Cursor { time: micros(last.time), run: last.run, number: last.number };
        let next = items.last().filter(|_| more).map(cursor);
        Ok(Page { items, next })
    }

    /// Removes lines older than a moment. Gives how many went.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_logs(&self, older_than: Time) -> Result<u64> {
        let mut removed = 0;
        loop {
            let text = "DELETE FROM log_lines WHERE (run, number) IN \
                        (SELECT run, number FROM log_lines WHERE time < $1 ORDER BY time LIMIT $2)";
            let query = sql!(text, micros(older_than), BATCH);
            let gone = query.execute(self.database.write()).await?.rows_affected();
            removed += gone;
            if gone == 0 {
                return Ok(removed);
            }
        }
    }
}

/// What `LIKE` takes for a text anywhere in a line.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in plain(text).chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// Stores lines; those that are there already stay as they are.
pub(super) async fn put(transaction: &mut Transaction, project: ProjectId, lines: &[&LogLine]) -> Result<()> {
    for part in lines.chunks(LINES) {
        let mut query =
            Composed::new("INSERT INTO log_lines (run, number, project, time, level, step, text) VALUES ");
        for (place, line) in part.iter().enumerate() {
            query.push(if place == 0 { "(" } else { ", (" });
            query.text(line.run.to_string()).push(", ").int(line.number).push(", ");
            query.text(project.to_string()).push(", ").int(micros(line.time)).push(", ");
            query.text(line.level.name()).push(", ").text(plain(&line.step)).push(", ");
            query.text(plain(&line.text)).push(")");
        }
        query.push(" ON CONFLICT (run, number) DO NOTHING");
        query.query().execute(&mut **transaction).await?;
    }
    Ok(())
}
