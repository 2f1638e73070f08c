//! A copy of a database as it is at one moment.

use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use backstay_core::{Control, Events};
use rusqlite::backup::{Backup, StepResult};

use super::database::{create, interrupted, open_shared};
use super::error::{Result, SqliteError, Trouble, of, of_file};

/// Pages that are copied between two looks at whether the work goes on.
const STEP: i32 = 1000;

/// Copies a database into a new file, with owner, permissions and time of the old one, and tells how much was copied.
///
/// All of it is read in one read transaction. Where the database has a write-ahead log, writers go on meanwhile; where it has a rollback
/// journal, their transactions wait at their end until the copy is made.
///
/// # Errors
/// When the database cannot be read or the copy not be written. What there is of the copy is to be removed then.
pub fn copy(database: &Path, to: &Path, control: &Control, events: &dyn Events) -> Result<()> {
    let meta = std::fs::metadata(database).map_err(of_file("reading", database))?;
    if !meta.is_file() {
        return Err(SqliteError::new(
            Trouble::NoDatabase,
            format!("reading {}", database.display()),
            "it is no file",
        ));
    }
    let source = open_shared(database, control)?;
    let reading = || of("reading", database);
    // With the transaction open, pages that others write meanwhile are not seen and do not make the copy begin anew.
    source.execute_batch("BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1").map_err(reading())?;
    let page: u32 = source.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(reading())?;
    let mut target = create(to)?;
    {
        let backup = Backup::new(&source, &mut target).map_err(reading())?;
        let mut done = 0;
        loop {
            control.checkpoint().map_err(|_| interrupted(database))?;
            let step = backup.step(STEP).map_err(of("copying", database))?;
            let progress = backup.progress();
            let total = u64::try_from(progress.pagecount).unwrap_or(0);
            let copied = total.saturating_sub(u64::try_from(progress.remaining).unwrap_or(0));
            events.bytes_done(copied.saturating_sub(done) * u64::from(page));
            done = copied;
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                // Others hold a lock on it: SQLite has waited for that already.
                _ => {
                    return Err(SqliteError::new(
                        Trouble::Locked,
                        format!("copying {}", database.display()),
                        "it is locked by another program",
                    ));
                }
            }
        }
    }
    target.close().map_err(|(_, error)| of("making", to)(error))?;
    let file = std::fs::File::options().write(true).open(to).map_err(of_file("making", to))?;
    let dress = || -> std::io::Result<()> {
        fchown(&file, Some(meta.uid()), Some(meta.gid()))?;
        file.set_permissions(std::fs::Permissions::from_mode(meta.mode() & 0o7777))?;
        file.set_modified(meta.modified()?)
    };
    dress().map_err(of_file("making", to))
}
