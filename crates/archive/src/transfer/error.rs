//! Why a file was not sent.

use std::io;
use std::time::Duration;

use backstay_core::{ErrorKind, Interrupted, StorageError};
use backstay_policy::duration_text;

/// Why a file was not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The owner of the work cancelled it. It can be gone on with.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The file itself cannot be read.
    #[error("cannot read {name}: {cause}")]
    Local {
        /// The file.
        name: String,
        /// Why.
        cause: io::Error,
    },
    /// The file is not what it was when its hash was taken.
    #[error("{name} changed while it was sent")]
    Changed {
        /// The file.
        name: String,
    },
    /// There is another file of this name.
    #[error("the name {name} is taken: {cause}")]
    NameTaken {
        /// The name.
        name: String,
        /// What the store says.
        cause: StorageError,
    },
    /// The store is full, or over its quota.
    #[error("there is no room for {name}: {cause}")]
    NoSpace {
        /// The file.
        name: String,
        /// What the store says.
        cause: StorageError,
    },
    /// The store failed for longer than it is tried.
    #[error("nothing came through for {}: {cause}", duration_text::print(*.after))]
    GaveUp {
        /// For how long.
        after: Duration,
        /// The last failure.
        cause: StorageError,
    },
    /// The store failed in a way that trying again does not help.
    #[error(transparent)]
    Store(StorageError),
    /// Resume tokens cannot be kept.
    #[error("cannot keep the resume token: {0}")]
    Tokens(#[source] io::Error),
}

impl TransferError {
    pub(super) fn of(error: StorageError, name: &str) -> Self {
        match error.kind {
            ErrorKind::Cancelled => Self::Interrupted(Interrupted),
            ErrorKind::Exists => Self::NameTaken { name: name.to_owned(), cause: error },
            ErrorKind::NoSpace => Self::NoSpace { name: name.to_owned(), cause: error },
            _ => Self::Store(error),
        }
    }

    /// What its user can do about it, where there is something.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NameTaken { .. } => {
                "nothing is overwritten: choose another name, or put {n} or {date} into the pattern"
            }
            Self::NoSpace { .. } => "make room there and send it again: it goes on where it was",
            Self::GaveUp { .. } => {
                "look whether the store can be reached, and send it again: it goes on where it was"
            }
            Self::Changed { .. } => "make the archive anew",
            _ => return None,
        })
    }
}
