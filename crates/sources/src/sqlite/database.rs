//! Opening databases: all of them are taken for hostile.

use std::path::Path;
use std::time::Duration;

use backstay_core::Control;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::{Result, SqliteError, Trouble, of};

/// How often a lock of somebody else is asked for, and how long is waited between: half a minute, in steps so short that one who writes
/// all the time does not shut us out.
const TRIES: i32 = 15_000;
const PAUSE: Duration = Duration::from_millis(2);
/// Instructions of SQLite's machine between two looks at whether the work goes on.
const LOOK_EVERY: i32 = 10_000;

/// Opens a database that others use, to read it.
pub(super) fn open_shared(path: &Path, control: &Control) -> Result<Connection> {
    open(path, control, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Opens a database that nobody else uses and nobody writes: its files are not locked, and none is made beside it.
pub(super) fn open_still(path: &Path, control: &Control) -> Result<Connection> {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte))
            }
            other => uri.push_str(&format!("%{other:02x}")),
        }
    }
    uri.push_str("?immutable=1");
    open(Path::new(&uri), control, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
        .map_err(|error| SqliteError { what: format!("opening {}", path.display()), ..error })
}

/// Opens the file of a new database.
pub(super) fn create(path: &Path) -> Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let new = Connection::open_with_flags(path, flags).map_err(of("making", path))?;
    // A copy that is cut short is thrown away, so it needs no journal.
    new.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").map_err(of("making", path))?;
    Ok(new)
}

fn open(path: &Path, control: &Control, flags: OpenFlags) -> Result<Connection> {
    let opened = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(of("opening", path))?;
    let set = || -> rusqlite::Result<()> {
        opened.busy_handler(Some(|tries| {
            std::thread::sleep(PAUSE);
            tries < TRIES
        }))?;
        // Nothing that the schema says is run, and cells that do not fit their page are found.
        opened.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        opened.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        opened.pragma_update(None, "cell_size_check", true)?;
        let control = control.clone();
        opened.progress_handler(LOOK_EVERY, Some(move || control.checkpoint().is_err()))
    };
    set().map_err(of("opening", path))?;
    Ok(opened)
}

/// The work was cancelled.
pub(super) fn interrupted(path: &Path) -> SqliteError {
    SqliteError::new(Trouble::Interrupted, format!("reading {}", path.display()), backstay_core::Interrupted)
}
