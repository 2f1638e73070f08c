//! What can go wrong with an instance, by what can be done about it.

/// Classes of trouble with an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It does not answer: it is stopped, starting, or somewhere else.
    NoAnswer,
    /// The user or the password is wrong, or the user may not do it.
    Denied,
    /// It answered with something else than was asked for.
    Refused,
    /// A file of it cannot be read.
    Files,
    /// Nobody waits any more.
    Interrupted,
}

/// Something about an instance that did not work.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {cause}")]
pub struct MysqlError {
    /// Its class.
    pub trouble: Trouble,
    /// What was tried.
    pub what: String,
    /// Why it failed. No password is ever part of it.
    pub cause: String,
    /// What to do about it.
    pub hint: &'static str,
}

impl MysqlError {
    pub(super) fn new(trouble: Trouble, what: impl Into<String>, cause: impl ToString) -> Self {
        let hint = match trouble {
            Trouble::NoAnswer => {
                "see that the instance runs, and that host and port, or the socket, are right"
            }
            Trouble::Denied => "see that user and password are right, and what the user may do (SHOW GRANTS)",
            Trouble::Refused => "see the instance's own error log",
            Trouble::Files => "run Backstay as a user who may read the instance's files",
            Trouble::Interrupted => "start it again",
        };
        Self { trouble, what: what.into(), cause: cause.to_string(), hint }
    }

    pub(super) fn of(what: impl Into<String>, error: &mysql::Error) -> Self {
        match error {
            mysql::Error::MySqlError(told) => {
                Self::new(trouble_of(error), what, format!("{} (error {})", told.message, told.code))
            }
            other => Self::new(trouble_of(error), what, other),
        }
    }
}

/// The codes are those of both servers: <https://mariadb.com/kb/en/mariadb-error-code-reference/>.
fn trouble_of(error: &mysql::Error) -> Trouble {
    const DENIED: [u16; 6] = [1044, 1045, 1142, 1227, 1698, 3118];
    // Too many connections, shutting down, starting up.
    const BUSY: [u16; 3] = [1040, 1053, 1203];
    match error {
        mysql::Error::MySqlError(told) if DENIED.contains(&told.code) => Trouble::Denied,
        mysql::Error::MySqlError(told) if BUSY.contains(&told.code) => Trouble::NoAnswer,
        mysql::Error::IoError(_) | mysql::Error::DriverError(_) | mysql::Error::CodecError(_) => {
            Trouble::NoAnswer
        }
        _ => Trouble::Refused,
    }
}
