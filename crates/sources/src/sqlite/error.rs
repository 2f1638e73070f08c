//! What can go wrong with a database, by what can be done about it.

use std::path::Path;

use rusqlite::ErrorCode;

/// Classes of trouble with a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// There is no such file, or it cannot be read or written.
    Files,
    /// It is no database of SQLite, or one that is encrypted.
    NoDatabase,
    /// Its structure is damaged.
    Damaged,
    /// Others hold it so that it cannot be read or replaced.
    Locked,
    /// The disk is full.
    NoSpace,
    /// Nobody waits any more.
    Interrupted,
    /// SQLite refuses it for another reason.
    Refused,
}

/// Something about a database that did not work.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {cause}")]
pub struct SqliteError {
    /// Its class.
    pub trouble: Trouble,
    /// What was tried.
    pub what: String,
    /// Why it failed.
    pub cause: String,
}

pub(super) type Result<T> = std::result::Result<T, SqliteError>;

impl SqliteError {
    pub(super) fn new(trouble: Trouble, what: impl Into<String>, cause: impl ToString) -> Self {
        Self { trouble, what: what.into(), cause: cause.to_string() }
    }

    /// A database that is not what it should be.
    #[must_use]
    pub fn damaged(database: &str, cause: impl ToString) -> Self {
        Self::new(Trouble::Damaged, format!("checking {database}"), cause)
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self.trouble {
            Trouble::Files => "see that the file is there, and that Backstay runs as a user who may read it",
            Trouble::NoDatabase => {
                "name the file of a database; one that is encrypted can be backed up as a file while its program is stopped"
            }
            Trouble::Damaged => {
                "restore the newest backup from before the damage; what can still be read of it `sqlite3 FILE .recover` brings out"
            }
            Trouble::Locked => "stop the program that holds it, or try again when it is idle",
            Trouble::NoSpace => "free some space on that disk",
            Trouble::Interrupted => "start it again",
            Trouble::Refused => "see whether `sqlite3 FILE 'PRAGMA integrity_check'` can read it",
        }
    }
}

/// Explains an error of SQLite about a database.
pub(super) fn of<'a>(doing: &'a str, path: &'a Path) -> impl Fn(rusqlite::Error) -> SqliteError + 'a {
    move |error| {
        let trouble = match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Trouble::NoDatabase,
            Some(ErrorCode::DatabaseCorrupt) => Trouble::Damaged,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Trouble::Locked,
            Some(ErrorCode::DiskFull) => Trouble::NoSpace,
            Some(ErrorCode::OperationInterrupted) => Trouble::Interrupted,
            Some(
                ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure,
            ) => Trouble::Files,
            _ => Trouble::Refused,
        };
        SqliteError::new(trouble, format!("{doing} {}", path.display()), error)
    }
}

/// Explains an error of the file system about a file.
pub(super) fn of_file<'a>(doing: &'a str, path: &'a Path) -> impl Fn(std::io::Error) -> SqliteError + 'a {
    move |error| {
        let is_full =
            matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
        let trouble = if is_full { Trouble::NoSpace } else { Trouble::Files };
        SqliteError::new(trouble, format!("{doing} {}", path.display()), error)
    }
}
