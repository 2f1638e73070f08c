//! Why the engine could not do what it was asked to.

use backstay_core::storage::{ErrorKind, FileId, StorageError};
use backstay_core::{Interrupted, SinkError};

/// An engine operation that failed. Trouble with single files is reported through
/// [`Events`](backstay_core::Events) instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There is no repository at this place.
    #[error("there is no repository at {location}")]
    NoRepository {
        /// The storage's address.
        location: String,
    },
    /// There is a repository already.
    #[error("there is a repository at {location} already")]
    RepositoryExists {
        /// The storage's address.
        location: String,
    },
    /// No key of the repository opens with the password.
    #[error("wrong password: it opens none of the repository's {keys} keys")]
    WrongPassword {
        /// How many keys were tried.
        keys: usize,
    },
    /// Somebody else holds a lock that stands in the way.
    #[error("the repository is locked {}by {holder} since {since} (lock {})", if *exclusive { "exclusively " } else { "" }, lock.short())]
    Locked {
        /// Who: process, user and host.
        holder: String,
        /// Since when.
        since: String,
        /// Whether the other lock is exclusive.
        exclusive: bool,
        /// The lock's id.
        lock: FileId,
    },
    /// A lock that cannot be read: whether it stands in the way cannot be told.
    #[error("lock {} cannot be read: {why}", lock.short())]
    UnreadableLock {
        /// The lock's id.
        lock: FileId,
        /// Why not.
        why: String,
    },
    /// Our own lock was removed or could not be refreshed in time, so the repository is no longer ours to write.
    #[error("the lock on the repository was lost: {why}")]
    LockLost {
        /// How it was lost.
        why: String,
    },
    /// Something in the repository is not as it was written.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// Which file or blob.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The repository has a version that this program cannot read.
    #[error("the repository has format version {0}; versions 1 and 2 are supported")]
    Version(u32),
    /// No snapshot, file or blob of this name.
    #[error("{0}")]
    NotFound(String),
    /// A short id or other request that cannot be met as it stands.
    #[error("{0}")]
    Invalid(String),
    /// The owner of the work cancelled it.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Error {
    /// Something stored is not as it was written.
    pub(crate) fn damaged(what: impl std::fmt::Display, why: impl std::fmt::Display) -> Self {
        Self::Damaged { what: what.to_string(), why: why.to_string() }
    }

    /// The same error once more, for work on several threads that one failure ends: each of them can say why.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Storage(StorageError { kind, action, what, cause }) => {
                StorageError::new(*kind, action, what, cause.to_string()).into()
            }
            Self::NoRepository { location } => Self::NoRepository { location: location.clone() },
            Self::RepositoryExists { location } => Self::RepositoryExists { location: location.clone() },
            Self::WrongPassword { keys } => Self::WrongPassword { keys: *keys },
            Self::Locked { holder, since, exclusive, lock } => Self::Locked {
                holder: holder.clone(),
                since: since.clone(),
                exclusive: *exclusive,
                lock: *lock,
            },
            Self::UnreadableLock { lock, why } => Self::UnreadableLock { lock: *lock, why: why.clone() },
            Self::LockLost { why } => Self::LockLost { why: why.clone() },
            Self::Damaged { what, why } => Self::Damaged { what: what.clone(), why: why.clone() },
            Self::Version(version) => Self::Version(*version),
            Self::NotFound(what) => Self::NotFound(what.clone()),
            Self::Invalid(why) => Self::Invalid(why.clone()),
            Self::Interrupted(interrupted) => Self::Interrupted(*interrupted),
        }
    }

    /// Whether the storage said that a file does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
            || matches!(self, Self::Storage(error) if error.kind == ErrorKind::NotFound)
    }

    /// Whether this tells something about what is stored: it is damaged or not there. A storage that does not answer, or denies
    /// access, says nothing about it.
    #[must_use]
    pub fn is_about_content(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::NotFound(_) => true,
            Self::Storage(error) => matches!(error.kind, ErrorKind::Corrupt | ErrorKind::NotFound),
            _ => false,
        }
    }

    /// Whether the storage keeps a file from being removed for a while.
    #[must_use]
    pub fn is_retained(&self) -> bool {
        matches!(self, Self::Storage(error) if error.kind == ErrorKind::Retained)
    }

    /// Whether the work was cancelled, at whichever layer that was noticed.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Interrupted(_))
            || matches!(self, Self::Storage(error) if error.kind == ErrorKind::Cancelled)
    }
}

impl From<Error> for SinkError {
    fn from(error: Error) -> Self {
        if error.is_interrupted() { Self::Interrupted(Interrupted) } else { Self::failed(error) }
    }
}

impl From<SinkError> for Error {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            SinkError::Failed(cause) => match cause.downcast::<Self>() {
                Ok(error) => *error,
                Err(cause) => Self::Invalid(cause.to_string()),
            },
        }
    }
}

/// The engine's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
