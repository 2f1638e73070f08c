//! What can go wrong with an archive.

use std::io;

use backstay_core::{Interrupted, SinkError, StorageError, TargetError};

/// Why an archive cannot be made, read, or taken apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The owner of the work cancelled it.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// Reading or writing failed.
    #[error("cannot {action} {what}: {cause}")]
    Io {
        /// What was tried: `read`, `write` …
        action: &'static str,
        /// On what.
        what: String,
        /// Why it failed.
        cause: io::Error,
    },
    /// A place that holds archives failed.
    #[error(transparent)]
    Store(#[from] StorageError),
    /// A target of a restore failed.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// It begins like no archive that is known.
    #[error("{0} is no archive: it begins neither as zip nor as tar, tar.zst, mongodump or age")]
    Unknown(String),
    /// It is damaged.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// The archive.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// Its manifest is of a format that this program does not know.
    #[error("{what} has a manifest of format {found}; this program reads formats up to {known}")]
    Newer {
        /// The archive.
        what: String,
        /// The format it has.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// It is encrypted, and no identity was given.
    #[error("{0} is encrypted, and no identity was given")]
    NeedsIdentity(String),
    /// It is encrypted to others.
    #[error("{0} is encrypted, and none of the given identities opens it")]
    WrongIdentity(String),
    /// A text that is no recipient.
    #[error("line {line} of the recipients is no age recipient: {why}")]
    BadRecipient {
        /// Which line, from 1 up.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// A text that is no identity. The text itself is never told.
    #[error("line {line} of the identities is no age identity: {why}")]
    BadIdentity {
        /// Which line, from 1 up.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// Another archive is missing without which this one cannot be read.
    #[error("{what} needs the archive {name} ({id}), which cannot be read: {why}")]
    Chain {
        /// The archive.
        what: String,
        /// The name of the one it needs.
        name: String,
        /// The id of the one it needs.
        id: String,
        /// Why that cannot be read.
        why: String,
    },
    /// It has something in it that may not be taken out.
    #[error("{what} has an item that is not safe to extract, {path:?}: {why}")]
    Unsafe {
        /// The archive.
        what: String,
        /// The item.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It holds more than may be taken out.
    #[error("{what} holds {found} {unit}, and {most} are the most here")]
    TooMuch {
        /// The archive.
        what: String,
        /// How much it says it holds.
        found: u64,
        /// How much may be.
        most: u64,
        /// Of what.
        unit: &'static str,
    },
    /// There is no room for what is to be taken out.
    #[error(
        "there is no space left for {what}: its files take {needed} bytes more than is there, and {free} are free"
    )]
    NoRoom {
        /// The archive.
        what: String,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free at the target.
        free: u64,
    },
    /// A backup cannot lean on that one.
    #[error("{0}")]
    Parent(String),
    /// A setting that cannot be.
    #[error("{0}")]
    Setting(String),
}

impl ArchiveError {
    /// An error of the operating system, with what was tried on what.
    pub(crate) fn io(action: &'static str, what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |cause| match find_interruption(&cause) {
            true => Self::Interrupted(Interrupted),
            false => Self::Io { action, what, cause },
        }
    }

    /// Damage to an archive.
    pub(crate) fn damaged(what: &str, why: impl Into<String>) -> Self {
        Self::Damaged { what: what.to_owned(), why: why.into() }
    }

    /// What its user can do about it, where there is something.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Damaged { .. } => "take another copy of this archive, or an earlier backup",
            Self::Newer { .. } => "use a newer version of this program",
            Self::NeedsIdentity(_) => {
                "give the identity with --identity-file, or in BACKSTAY_ARCHIVE_IDENTITY; the recovery kit has it"
            }
            Self::WrongIdentity(_) => "the identity that belongs to the recipient of this archive is needed",
            Self::BadRecipient { .. } => "a recipient is a line that begins with age1",
            Self::BadIdentity { .. } => "an identity is a line that begins with AGE-SECRET-KEY-1",
            Self::Chain { .. } => "put the archive that is named into the same folder",
            Self::TooMuch { .. } => "raise the limit if the archive is to be trusted",
            Self::NoRoom { .. } => "free some space there, or extract to where there is room",
            _ => return None,
        })
    }
}

impl From<ArchiveError> for SinkError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            other => Self::failed(other),
        }
    }
}

/// An interruption on its way through the traits of `std::io`.
pub(crate) fn interrupted() -> io::Error {
    io::Error::other(Interrupted)
}

fn find_interruption(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Interrupted>())
}

/// Whether a failure of reading tells of what was read, and not of the reading. What decompressors find wrong has no kind of its own.
pub(crate) fn is_damage(error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => true,
        io::ErrorKind::Other => {
            error.get_ref().is_none_or(|inner| !inner.is::<StorageError>() && !inner.is::<Interrupted>())
        }
        _ => false,
    }
}
