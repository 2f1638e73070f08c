//! Whether a database is whole.

use std::path::Path;

use backstay_core::Control;

use super::database::open_still;
use super::error::{Result, SqliteError, Trouble, of};

/// Problems of one database that are told.
const TOLD: usize = 3;

/// Checks a database that nobody writes: its structure, its indexes, and what its tables demand of their rows.
///
/// # Errors
/// When it is damaged, is no database, or cannot be read.
pub fn check(database: &Path, control: &Control) -> Result<()> {
    let opened = open_still(database, control)?;
    let mut problems = Vec::new();
    let checking = || of("checking", database);
    // Keys that lead nowhere are the business of who made it: SQLite itself looks after them only where it is told to.
    let mut statement = opened.prepare("PRAGMA integrity_check(100)").map_err(checking())?;
    let mut rows = statement.query([]).map_err(checking())?;
    while let Some(row) = rows.next().map_err(checking())? {
        let text: String = row.get(0).map_err(checking())?;
        if text != "ok" {
            problems.push(text);
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let more = problems.len().saturating_sub(TOLD);
    problems.truncate(TOLD);
    let mut cause = problems.join("; ").replace('\n', " ");
    if more > 0 {
        cause.push_str(&format!(" (and {more} more)"));
    }
    Err(SqliteError::new(Trouble::Damaged, format!("checking {}", database.display()), cause))
}
