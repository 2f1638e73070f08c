//! What a node has to tell its server, numbered without gaps.
//!
//! An entry about a run or its log lines only names them: what it says is filled in when it is read. So the outbox of a node
//! whose server is away stays small. Of several entries about one run that are read together, the first and the last tell how it
//! is now, and those between tell nothing: the server learns of the run before it gets its lines, and has its last state
//! whatever part of the entries it had already.

use std::collections::HashMap;

use backstay_model::link::{News, OutboxEntry};
use backstay_model::{LogLine, RunId};
use sqlx::any::AnyRow;

use crate::database::Change;
use crate::node::NodeStore;
use crate::node::log::line;
use crate::row::{Columns, json, sql};
use crate::{CatalogError, Result};

/// Lines told in one entry when everything is told again.
const LINES: i64 = 256;

/// How much of the outbox to read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Entries at most.
    pub entries: u32,
    /// Bytes of JSON, more or less; the first entry is read whatever its size.
    pub bytes: usize,
}

/// Whether a node and its server mean the same by the numbers of the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Agreement {
    /// They do; what the server has is gone from the outbox.
    Agreed,
    /// The server, or the node, was set back to an earlier state. Nothing was removed;
    /// [`NodeStore::retell_everything`] mends it.
    Disagreed,
}

impl NodeStore {
    /// The entries after a number, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn outbox(&self, after: i64, limits: OutboxLimits) -> Result<Vec<OutboxEntry>> {
        let mut look = self.database.look().await?;
        let text = "SELECT number, run, first_line, last_line, news FROM outbox WHERE number > $1 ORDER BY number LIMIT $2";
        let rows = sql!(text, after, i64::from(limits.entries)).fetch_all(&mut *look).await?;
        let mut entries: Vec<OutboxEntry> = Vec::with_capacity(rows.len());
        // Where each run was told of last, to be emptied when it is told of again.
        let mut places: HashMap<RunId, (usize, usize)> = HashMap::new();
        let mut bytes = 0;
        for row in &rows {
            let number = row.int("number")?;
            let (news, size) = read(&mut look, row).await?;
            if !entries.is_empty() && bytes + size > limits.bytes {
                break;
            }
            bytes += size;
            if let News::Run { run } = &news {
                let here = entries.len();
                let (first, last) = places.entry(run.id).or_insert((here, here));
                if last != first
                    && let Some(between) = entries.get_mut(*last)
                {
                    between.news = News::Log { lines: Vec::new() };
                    bytes -= size;
                }
                *last = here;
            }
            entries.push(OutboxEntry { number, news });
        }
        Ok(entries)
    }

    /// Removes what the server has, up to a number.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn acknowledge(&self, up_to: i64) -> Result<Agreement> {
        let mut change = self.database.change().await?;
        let text =
            "UPDATE outbox_state SET acknowledged = $1 WHERE id = 1 AND acknowledged <= $1 AND last >= $1";
        if sql!(text, up_to).execute(&mut *change).await?.rows_affected() == 0 {
            return Ok(Agreement::Disagreed);
        }
        sql!("DELETE FROM outbox WHERE number <= $1", up_to).execute(&mut *change).await?;
        change.commit().await?;
        Ok(Agreement::Agreed)
    }

    /// Up to which number the server is known to have everything, and the last number there is. They are equal when nothing
    /// waits.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn outbox_range(&self) -> Result<(i64, i64)> {
        let row = sql!("SELECT acknowledged, last FROM outbox_state WHERE id = 1");
        let row = row.fetch_one(self.database.read()).await?;
        Ok((row.int("acknowledged")?, row.int("last")?))
    }

    /// Fills the outbox anew with all runs and all their lines, and with what else waits, numbered from `after` on: for when
    /// the server says it has another part than it should.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn retell_everything(&self, after: i64) -> Result<()> {
        let mut change = self.database.change().await?;
        let others = sql!("SELECT news FROM outbox WHERE news IS NOT NULL ORDER BY number");
        let others = others.fetch_all(&mut *change).await?;
        sql!("DELETE FROM outbox").execute(&mut *change).await?;
        sql!("UPDATE outbox_state SET last = $1, acknowledged = $1 WHERE id = 1", after)
            .execute(&mut *change)
            .await?;
        let text = "SELECT id, (SELECT MIN(number) FROM log_lines WHERE run = id) AS first_line, last_line FROM runs \
                    ORDER BY created, id";
        for row in sql!(text).fetch_all(&mut *change).await? {
            let run: RunId = row.parsed("id")?;
            put_run(&mut change, run).await?;
            let Some(mut first) = row.int_or_none("first_line")? else { continue };
            let last = row.int("last_line")?;
            while first <= last {
                let to = last.min(first + LINES - 1);
                put_lines(&mut change, run, first, to).await?;
                first = to + 1;
            }
        }
        for row in &others {
            put_news(&mut change, &row.doc("news")?).await?;
        }
        change.commit().await?;
        Ok(())
    }

    /// Puts news into the outbox. Runs and log lines get there by themselves.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tell(&self, news: &News) -> Result<()> {
        let mut change = self.database.change().await?;
        put_news(&mut change, news).await?;
        change.commit().await?;
        Ok(())
    }
}

/// What an entry says now, and about how many bytes that is.
async fn read(look: &mut Change, row: &AnyRow) -> Result<(News, usize)> {
    if let Some(text) = row.text_or_none("news")? {
        return Ok((serde_json::from_str(&text)?, text.len()));
    }
    let run = row.text("run")?;
    let (Some(first), Some(last)) = (row.int_or_none("first_line")?, row.int_or_none("last_line")?) else {
        let found = sql!("SELECT doc FROM runs WHERE id = $1", run).fetch_one(&mut **look).await?;
        let text = found.text("doc")?;
        return Ok((News::Run { run: serde_json::from_str(&text)? }, text.len()));
    };
    let text = "SELECT run, number, time, level, step, text FROM log_lines WHERE run = $1 AND number BETWEEN $2 AND $3 \
                ORDER BY number";
    let rows = sql!(text, run, first, last).fetch_all(&mut **look).await?;
    let lines: Vec<LogLine> = rows.iter().map(line).collect::<Result<_>>()?;
    let size = lines.iter().map(|line| line.text.len() + 160).sum();
    Ok((News::Log { lines }, size))
}

/// The next number.
async fn number(change: &mut Change) -> Result<i64> {
    let row = sql!("UPDATE outbox_state SET last = last + 1 WHERE id = 1 RETURNING last");
    let row = row.fetch_optional(&mut **change).await?;
    row.ok_or_else(|| CatalogError::corrupt("the outbox has lost its count"))?.int("last")
}

/// Tells of a run as it will be when the entry is read.
pub(super) async fn put_run(change: &mut Change, run: RunId) -> Result<()> {
    let number = number(change).await?;
    sql!("INSERT INTO outbox (number, run) VALUES ($1, $2)", number, run.to_string())
        .execute(&mut **change)
        .await?;
    Ok(())
}

/// Tells of lines of a run.
pub(super) async fn put_lines(change: &mut Change, run: RunId, first: i64, last: i64) -> Result<()> {
    let number = number(change).await?;
    let text = "INSERT INTO outbox (number, run, first_line, last_line) VALUES ($1, $2, $3, $4)";
    sql!(text, number, run.to_string(), first, last).execute(&mut **change).await?;
    Ok(())
}

async fn put_news(change: &mut Change, news: &News) -> Result<()> {
    let number = number(change).await?;
    sql!("INSERT INTO outbox (number, news) VALUES ($1, $2)", number, json(news)?)
        .execute(&mut **change)
        .await?;
    Ok(())
}
