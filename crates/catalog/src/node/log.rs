//! What the runs of a node write down.

use backstay_model::{Level, LogLine, RunId, Time};
use sqlx::any::AnyRow;

use crate::database::Change;
use crate::node::NodeStore;
use crate::row::{Columns, micros, sql, whole};
use crate::{CatalogError, Result};

/// Lines that go into the outbox as one entry, at most.
const LINES: usize = 256;

/// A line that has no number yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLine {
    /// When it was written.
    pub time: Time,
    /// How much it matters.
    pub level: Level,
    /// The step it belongs to.
    pub step: String,
    /// What happened.
    pub text: String,
}

impl NodeStore {
    /// Appends lines to a run's log and puts them into the outbox. Gives them back with their numbers.
    ///
    /// # Errors
    /// When there is no such run, or the store fails.
    pub async fn append_log(&self, run: RunId, lines: &[NewLine]) -> Result<Vec<LogLine>> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let mut change = self.database.change().await?;
        let numbered = append(&mut change, run, lines).await?;
        change.commit().await?;
        Ok(numbered)
    }

    /// Lines of a run's log after a number, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn log(&self, run: RunId, after: i64, limit: u32) -> Result<Vec<LogLine>> {
        let text = "SELECT run, number, time, level, step, text FROM log_lines WHERE run = $1 AND number > $2 \
                    ORDER BY number LIMIT $3";
        let rows =
            sql!(text, run.to_string(), after, i64::from(limit)).fetch_all(self.database.read()).await?;
        rows.iter().map(line).collect()
    }
}

/// Appends lines to a run's log and tells of them.
pub(super) async fn append(change: &mut Change, run: RunId, lines: &[NewLine]) -> Result<Vec<LogLine>> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let text = "UPDATE runs SET last_line = last_line + $2 WHERE id = $1 RETURNING last_line";
    let row = sql!(text, run.to_string(), whole(lines.len() as u64)).fetch_optional(&mut **change).await?;
    let last = row.ok_or_else(|| CatalogError::not_found("run", run))?.int("last_line")?;
    let first = last - whole(lines.len() as u64) + 1;
    let mut numbered = Vec::with_capacity(lines.len());
    for (number, line) in (first..).zip(lines) {
        let text =
            "INSERT INTO log_lines (run, number, time, level, step, text) VALUES ($1, $2, $3, $4, $5, $6)";
        let (level, step) = (line.level.name(), line.step.clone());
        sql!(text, run.to_string(), number, micros(line.time), level, step, line.text.clone())
            .execute(&mut **change)
            .await?;
        let NewLine { time, level, step, text } = line.clone();
        numbered.push(LogLine { run, number, time, level, step, text });
    }
    for part in numbered.chunks(LINES) {
        if let [from, ..] = part
            && let [.., to] = part
        {
            super::outbox::put_lines(change, run, from.number, to.number).await?;
        }
    }
    Ok(numbered)
}

/// A line out of its row.
pub(crate) fn line(row: &AnyRow) -> Result<LogLine> {
    let level = row.text("level")?;
    Ok(LogLine {
        run: row.parsed("run")?,
        number: row.int("number")?,
        time: row.time("time")?,
        level: Level::from_name(&level)
            .ok_or_else(|| CatalogError::corrupt(format_args!("{level:?} is no level of a line")))?,
        step: row.text("step")?,
        text: row.text("text")?,
    })
}
