//! What can go wrong with a store, told apart by what can be done about it.

use sqlx::error::{DatabaseError, ErrorKind};

/// The result of a call to a store.
pub type Result<T, E = CatalogError> = std::result::Result<T, E>;

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// There is no such record.
    #[error("there is no {what}")]
    NotFound {
        /// Its kind and id.
        what: String,
    },
    /// It does not fit what is stored already.
    #[error("{what}")]
    Conflict {
        /// In which way.
        clash: Clash,
        /// What clashes, in words.
        what: String,
    },
    /// A node told of something that is not its own.
    #[error("node {node} told of {what}, which is not its own")]
    Foreign {
        /// The node.
        node: String,
        /// What it told of.
        what: String,
    },
    /// Somebody else holds the store; trying again later may help.
    #[error("the store is in use: {what}")]
    Locked {
        /// What the database says.
        what: String,
    },
    /// What is stored cannot be read.
    #[error("the store is damaged: {what}")]
    Corrupt {
        /// What is wrong.
        what: String,
    },
    /// There is no room to write.
    #[error("there is no space for the store: {what}")]
    Full {
        /// What the database says.
        what: String,
    },
    /// The store may be read and not written.
    #[error("the store cannot be written: {what}")]
    ReadOnly {
        /// What the database says.
        what: String,
    },
    /// A newer version of Backstay has changed the store's form.
    #[error("the store has form {found}, and this version of Backstay knows forms up to {known}")]
    TooNew {
        /// The form it has.
        found: i64,
        /// The newest known form.
        known: i64,
    },
    /// A step that gave the store its form is not the one that this version of Backstay has.
    #[error("step {number} of the store's form is another one than this version of Backstay has")]
    Altered {
        /// The step's number.
        number: i64,
    },
    /// The database cannot be reached.
    #[error("the database cannot be reached: {what}")]
    Unavailable {
        /// Why.
        what: String,
    },
    /// Anything else.
    #[error("the store failed: {what}")]
    Other {
        /// What the database says.
        what: String,
    },
}

/// In which way a record does not fit what is stored already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clash {
    /// Somebody else has changed it since it was read.
    Revision,
    /// Its name, or what else is unique, is taken.
    Name,
    /// Others need it, or it needs what is not there.
    InUse,
}

impl CatalogError {
    /// What to do about it, where there is something.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Conflict { clash: Clash::Revision, .. } => Some("load it again and repeat the change"),
            Self::Conflict { clash: Clash::Name, .. } => Some("choose another name"),
            Self::Conflict { clash: Clash::InUse, .. } => Some("look at what belongs to it first"),
            Self::Locked { .. } => Some("see whether another process uses the store, and try again"),
            Self::Corrupt { .. } => Some("put the file aside and restore it from a backup"),
            Self::Full { .. } => Some("free some space"),
            Self::ReadOnly { .. } => Some("see that the file, its folder and its file system can be written"),
            Self::TooNew { .. } => {
                Some("use the newer version of Backstay again, or restore the store as it was before")
            }
            Self::Altered { .. } => Some("use the version of Backstay that made the store"),
            Self::Unavailable { .. } => {
                Some("see that the database runs, and that its address and password are right")
            }
            Self::NotFound { .. } | Self::Foreign { .. } | Self::Other { .. } => None,
        }
    }

    pub(crate) fn not_found(kind: &str, id: impl std::fmt::Display) -> Self {
        Self::NotFound { what: format!("{kind} {id}") }
    }

    pub(crate) fn changed(kind: &str, id: impl std::fmt::Display) -> Self {
        let what = format!("somebody else has changed {kind} {id} since it was read");
        Self::Conflict { clash: Clash::Revision, what }
    }

    pub(crate) fn other(what: impl std::fmt::Display) -> Self {
        Self::Other { what: what.to_string() }
    }

    pub(crate) fn corrupt(what: impl std::fmt::Display) -> Self {
        Self::Corrupt { what: what.to_string() }
    }

    /// Says in words which record clashes, where the database says that one does.
    pub(crate) fn naming(self, kind: &str, name: &str) -> Self {
        match self {
            Self::Conflict { clash: Clash::Name, .. } => {
                Self::Conflict { clash: Clash::Name, what: format!("there is a {kind} {name:?} already") }
            }
            Self::Conflict { clash: Clash::InUse, .. } => Self::Conflict {
                clash: Clash::InUse,
                what: format!("{kind} {name:?} is in use, or refers to what is not there"),
            },
            other => other,
        }
    }
}

impl From<sqlx::Error> for CatalogError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error;
        let what = words(&error);
        match &error {
            Error::Database(found) => of_database(found.as_ref(), what),
            Error::PoolTimedOut => {
                Self::Unavailable { what: "no connection was to be had in time".to_owned() }
            }
            Error::Io(_) | Error::Tls(_) | Error::PoolClosed | Error::WorkerCrashed => {
                Self::Unavailable { what }
            }
            Error::RowNotFound => Self::NotFound { what },
            Error::ColumnDecode { .. } | Error::Decode(_) | Error::TypeNotFound { .. } => {
                Self::Corrupt { what }
            }
            _ => Self::Other { what },
        }
    }
}

impl From<serde_json::Error> for CatalogError {
    fn from(error: serde_json::Error) -> Self {
        Self::corrupt(format_args!("a record cannot be read: {error}"))
    }
}

/// The error without what it quotes of a configuration: addresses hold passwords.
fn words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(found) => found.message().to_owned(),
        sqlx::Error::Configuration(_) => "the database's address cannot be understood".to_owned(),
        other => other.to_string(),
    }
}

fn of_database(error: &dyn DatabaseError, what: String) -> CatalogError {
    match error.kind() {
        ErrorKind::UniqueViolation => return CatalogError::Conflict { clash: Clash::Name, what },
        ErrorKind::ForeignKeyViolation => return CatalogError::Conflict { clash: Clash::InUse, what },
        _ => {}
    }
    let code = error.code().unwrap_or_default();
    // SQLite's codes are numbers, with details in the bits above the lowest eight; PostgreSQL's have five characters.
    match code.parse::<u32>().map(|number| number & 0xff) {
        Ok(number) if code.len() < 5 => of_sqlite(number, what),
        _ => of_postgres(&code, what),
    }
}

fn of_sqlite(number: u32, what: String) -> CatalogError {
    match number {
        5 | 6 => CatalogError::Locked { what },
        8 | 14 => CatalogError::ReadOnly { what },
        11 | 26 => CatalogError::Corrupt { what },
        13 => CatalogError::Full { what },
        _ => CatalogError::Other { what },
    }
}

fn of_postgres(code: &str, what: String) -> CatalogError {
    match code {
        // A deadlock, a lock that cannot be had, transactions that cannot be put in an order.
        "40P01" | "55P03" | "40001" => CatalogError::Locked { what },
        "53100" => CatalogError::Full { what },
        "25006" => CatalogError::ReadOnly { what },
        "XX001" | "XX002" => CatalogError::Corrupt { what },
        // Connections, authentication, a database that is not there, too many clients, a server that starts or stops.
        _ if code.starts_with("08") || code.starts_with("28") || code.starts_with("57P") => {
            CatalogError::Unavailable { what }
        }
        "3D000" | "53300" => CatalogError::Unavailable { what },
        _ => CatalogError::Other { what },
    }
}
