//! Failures of archives and of transfers, by what a node can do about them.

use std::error::Error as StdError;

use backstay_archive::ArchiveError;
use backstay_archive::transfer::TransferError;
use backstay_core::StorageError;

use crate::work::{Class, WorkError};

impl From<ArchiveError> for WorkError {
    fn from(error: ArchiveError) -> Self {
        let class = match &error {
            ArchiveError::Interrupted(_) => return Self::interrupted(),
            ArchiveError::Store(cause) => return of_store(&error, cause),
            ArchiveError::Io { cause, .. } => {
                if let Some(storage) = storage_error(cause) {
                    return of_store(&error, storage);
                }
                match cause.kind() {
                    std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                        return Self::new(Class::NoSpace, &error)
                            .hint("free some space there; an archive is made in the data folder of the node before it is sent");
                    }
                    _ => Class::Other,
                }
            }
            ArchiveError::NeedsIdentity(_)
            | ArchiveError::WrongIdentity(_)
            | ArchiveError::BadIdentity { .. } => {
                return Self::new(Class::WrongPassword, &error)
                    .hint("the identity of this destination opens only what was encrypted for it; the recovery kit has it");
            }
            ArchiveError::NoRoom { .. } => Class::NoSpace,
            ArchiveError::Damaged { .. }
            | ArchiveError::Unknown(_)
            | ArchiveError::Chain { .. }
            | ArchiveError::Unsafe { .. } => Class::Damaged,
            _ => Class::Other,
        };
        let hint = error.hint();
        let error = Self::new(class, &error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl From<TransferError> for WorkError {
    fn from(error: TransferError) -> Self {
        match &error {
            TransferError::Interrupted(_) => Self::interrupted(),
            TransferError::Store(cause) => of_store(&error, cause),
            TransferError::NoSpace { .. } => Self::new(Class::NoSpace, &error)
                .hint("free some space there, raise the quota, or keep fewer archives; the archive waits on this host and is sent by the next run"),
            TransferError::GaveUp { .. } => Self::new(Class::Unreachable, &error)
                .hint("check the network, and whether the destination is up; what was sent is kept, and it goes on by itself"),
            TransferError::NameTaken { .. } => Self::new(Class::Other, &error)
                .hint("put {date} with the time, or {n}, into the pattern of names of the destination"),
            _ => Self::new(Class::Other, &error),
        }
    }
}

/// What a store says, in the words of the one who was told.
fn of_store(told: &dyn StdError, cause: &StorageError) -> WorkError {
    let (text, storage) = (told.to_string(), WorkError::of_archive_store(cause));
    if storage.message() == text || text.is_empty() { storage } else { storage.context(text) }
}

/// The failure of a store within one of reading.
fn storage_error(error: &std::io::Error) -> Option<&StorageError> {
    error.get_ref()?.downcast_ref::<StorageError>()
}
