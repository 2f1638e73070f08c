//! What can go wrong with a server or a dump, by what can be done about it.

use std::fmt;

use backstay_core::{Interrupted, SinkError};
use mongodb::error::{ErrorKind, WriteFailure};

use backstay_mongodump::FormatError;

/// Classes of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The address or an option cannot be used as it is.
    Settings,
    /// The server does not answer: it is stopped, starting, or somewhere else.
    NoAnswer,
    /// The user or the password is wrong, or the user may not do it.
    Denied,
    /// The server answered with something else than was asked for.
    Refused,
    /// The oplog no longer reaches back to where it is needed.
    Gap,
    /// The target has something of that name.
    Exists,
    /// What is read is damaged or no dump.
    Damaged,
    /// What was restored is not what was captured.
    Differs,
    /// Where the dump goes to, or comes from, failed.
    Storage,
    /// The server's disk is full, or what its owner may store.
    NoSpace,
    /// The owner of the work cancelled it.
    Interrupted,
}

/// Something that did not work.
#[derive(Debug)]
pub struct MongoError {
    /// Its class.
    pub trouble: Trouble,
    /// What was tried, on what.
    pub what: String,
    /// Why it failed. No password is ever part of it.
    pub cause: String,
    /// What to do about it.
    pub hint: &'static str,
    /// The sink's own error, where that is the cause.
    pub sink: Option<SinkError>,
}

impl fmt::Display for MongoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.cause)
    }
}

impl std::error::Error for MongoError {}

pub(super) type Result<T> = std::result::Result<T, MongoError>;

impl MongoError {
    pub(super) fn new(trouble: Trouble, what: impl Into<String>, cause: impl ToString) -> Self {
        let hint = match trouble {
            Trouble::Settings => "see that the connection string and the options are right",
            Trouble::NoAnswer => "see that the server runs, and that host, port and TLS are right",
            Trouble::Denied => {
                "see that user, password and authentication database are right, and that the user has the role `backup` (or `restore`)"
            }
            Trouble::Refused => "see the server's own log",
            Trouble::Gap => "take a new full backup, and give the server a larger oplog (replSetResizeOplog)",
            Trouble::Exists => "restore to another name, or let what is there be put aside",
            Trouble::Damaged => "take another backup, or check this one",
            Trouble::Differs => {
                "the target's other data is as it was; see the server's log and restore again"
            }
            Trouble::Storage => "see the storage that the dump is in",
            Trouble::NoSpace => {
                "free some space where the server keeps its data and restore again: what was there is as it was"
            }
            Trouble::Interrupted => "start it again",
        };
        Self { trouble, what: what.into(), cause: cause.to_string(), hint, sink: None }
    }

    /// For errors of the driver.
    pub(super) fn of(what: impl Into<String>, error: &mongodb::error::Error) -> Self {
        Self::new(trouble_of(error), what, cause_of(error))
    }

    pub(super) fn damaged(what: impl Into<String>, cause: impl ToString) -> Self {
        Self::new(Trouble::Damaged, what, cause)
    }

    /// For reading or writing a dump.
    pub(super) fn storage(what: impl Into<String>, error: &std::io::Error) -> Self {
        Self::new(Trouble::Storage, what, error)
    }
}

impl From<Interrupted> for MongoError {
    fn from(interrupted: Interrupted) -> Self {
        Self::new(Trouble::Interrupted, "the work was given up", interrupted)
    }
}

impl From<SinkError> for MongoError {
    fn from(error: SinkError) -> Self {
        let trouble = match error {
            SinkError::Interrupted(_) => Trouble::Interrupted,
            SinkError::Failed(_) => Trouble::Storage,
        };
        let mut told = Self::new(trouble, "the backup cannot be stored", &error);
        told.sink = Some(error);
        told
    }
}

impl From<FormatError> for MongoError {
    fn from(error: FormatError) -> Self {
        let trouble = match &error {
            FormatError::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Trouble::Storage,
            _ => Trouble::Damaged,
        };
        Self::new(trouble, "the archive cannot be read", error)
    }
}

impl From<mongodb::bson::error::Error> for MongoError {
    fn from(error: mongodb::bson::error::Error) -> Self {
        Self::damaged("a document cannot be read", error)
    }
}

/// Its code, where the server gave one.
pub(super) fn code_of(error: &mongodb::error::Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(told) => Some(told.code),
        ErrorKind::Write(WriteFailure::WriteError(told)) => Some(told.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(told)) => Some(told.code),
        ErrorKind::InsertMany(told) => {
            let first = told.write_errors.as_ref().and_then(|errors| errors.first()).map(|error| error.code);
            first.or(told.write_concern_error.as_ref().map(|error| error.code))
        }
        _ => None,
    }
}

/// The codes are those of MongoDB's `error_codes.yml`.
fn trouble_of(error: &mongodb::error::Error) -> Trouble {
    // Unauthorized, AuthenticationFailed, and the same as Atlas says it.
    const DENIED: [i32; 3] = [13, 18, 8000];
    // Interrupted at shutdown, shutting down, no primary, a primary that steps down, host gone, recovering, network timeouts.
    const AWAY: [i32; 12] = [6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436];
    // OutOfDiskSpace, and a quota as Atlas says it.
    const FULL: i32 = 14031;
    match (error.kind.as_ref(), code_of(error)) {
        (_, Some(FULL)) => Trouble::NoSpace,
        (_, Some(8000)) if cause_of(error).contains("space quota") => Trouble::NoSpace,
        (ErrorKind::Authentication { .. }, _) => Trouble::Denied,
        (_, Some(code)) if DENIED.contains(&code) => Trouble::Denied,
        (_, Some(code)) if AWAY.contains(&code) => Trouble::NoAnswer,
        (
            ErrorKind::Io(_)
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::ProxyConnect { .. },
            _,
        ) => Trouble::NoAnswer,
        (ErrorKind::InvalidArgument { .. } | ErrorKind::InvalidTlsConfig { .. }, _) => Trouble::Settings,
        _ => Trouble::Refused,
    }
}

fn cause_of(error: &mongodb::error::Error) -> String {
    match error.kind.as_ref() {
        ErrorKind::Command(told) => format!("{} ({}, code {})", told.message, told.code_name, told.code),
        ErrorKind::InsertMany(told) => match told.write_errors.as_ref().and_then(|errors| errors.first()) {
            Some(first) => format!("{} (code {})", first.message, first.code),
            None => error.kind.to_string(),
        },
        ErrorKind::Io(cause) => cause.to_string(),
        other => other.to_string(),
    }
}

/// Whether asking again can help: the server is away for a while, or forgot a cursor or session.
pub(super) fn is_passing(error: &mongodb::error::Error) -> bool {
    // CursorNotFound, CappedPositionLost, QueryPlanKilled, NoSuchSession, CursorKilled.
    const FORGOTTEN: [i32; 5] = [43, 136, 175, 206, 237];
    trouble_of(error) == Trouble::NoAnswer || code_of(error).is_some_and(|code| FORGOTTEN.contains(&code))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{deserialize_from_document, doc};
    use mongodb::error::{CommandError, Error};

    use super::*;

    #[test]
    fn what_a_server_says_is_classed_by_its_code() {
        for (code, message, trouble) in [
            (14031, "Available disk space is too low", Trouble::NoSpace),
            (8000, "you are over your space quota, using 513 MB of 512 MB", Trouble::NoSpace),
            (8000, "bad auth : authentication failed", Trouble::Denied),
            (13, "not authorized on shop to execute command", Trouble::Denied),
            (11602, "interrupted by a change of state", Trouble::NoAnswer),
            (72, "unknown", Trouble::Refused),
        ] {
            let told = doc! { "code": code, "codeName": "Name", "errmsg": message };
            let told: CommandError = deserialize_from_document(told).unwrap();
            let error = MongoError::of("writing to shop.orders", &Error::from(ErrorKind::Command(told)));
            assert_eq!(error.trouble, trouble, "{message}");
            assert!(error.cause.contains(message) && !error.hint.is_empty());
        }
    }
}
