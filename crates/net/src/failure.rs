//! Small helpers to build [`StorageError`]s and to obey a [`CallContext`].

use std::io;
use std::time::Instant;

use backstay_core::{CallContext, ErrorKind, Handle, StorageError};

/// Why a call ended that the caller no longer wanted.
#[derive(Debug, thiserror::Error)]
enum GaveUp {
    #[error("cancelled")]
    Cancelled,
    #[error("took too long")]
    Deadline,
}

/// A file that is shorter than what was asked of it.
#[derive(Debug, thiserror::Error)]
#[error("the file ends before byte {0}")]
struct TooShort(u64);

/// A file that is longer than its kind can be.
#[derive(Debug, thiserror::Error)]
#[error(
    "the file has {length} bytes or more, where {longest} are the most: something else lies in its place"
)]
struct TooLong {
    length: u64,
    longest: u64,
}

/// There is no such file.
#[derive(Debug, thiserror::Error)]
#[error("no such file")]
struct NoSuchFile;

/// The file is there already.
#[derive(Debug, thiserror::Error)]
#[error("the file exists already")]
struct ExistsAlready;

/// Fails once the caller has cancelled or its deadline has passed.
pub fn check(
    context: CallContext<'_>,
    action: &'static str,
    what: impl std::fmt::Display,
) -> Result<(), StorageError> {
    if context.is_cancelled() {
        return Err(cancelled(action, what));
    }
    if context.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
        return Err(timeout(action, what));
    }
    Ok(())
}

/// The caller has lost interest.
pub fn cancelled(action: &'static str, what: impl std::fmt::Display) -> StorageError {
    StorageError::new(ErrorKind::Cancelled, action, what, GaveUp::Cancelled)
}

/// It took longer than the caller waits.
pub fn timeout(action: &'static str, what: impl std::fmt::Display) -> StorageError {
    StorageError::new(ErrorKind::Timeout, action, what, GaveUp::Deadline)
}

/// There is no such file.
pub fn not_found(action: &'static str, handle: &Handle) -> StorageError {
    StorageError::new(ErrorKind::NotFound, action, handle, NoSuchFile)
}

/// The file is there already.
pub fn exists(action: &'static str, handle: &Handle) -> StorageError {
    StorageError::new(ErrorKind::Exists, action, handle, ExistsAlready)
}

/// The file ends before `offset + length`.
pub fn too_short(handle: &Handle, offset: u64, length: usize) -> StorageError {
    let end = offset.saturating_add(length as u64);
    StorageError::new(ErrorKind::Corrupt, "read", handle, TooShort(end))
}

/// Fails when a file of so many bytes cannot be what its kind says.
pub fn check_length(handle: &Handle, length: u64) -> Result<(), StorageError> {
    let longest = handle.kind.longest();
    if length > longest {
        return Err(StorageError::new(ErrorKind::Corrupt, "read", handle, TooLong { length, longest }));
    }
    Ok(())
}

/// Wraps an error of the operating system, classified by [`classify`].
pub fn from_io(
    action: &'static str,
    what: impl std::fmt::Display,
    error: impl Into<io::Error>,
) -> StorageError {
    let error = error.into();
    StorageError::new(classify(&error), action, what, error)
}

/// The class of an error of the operating system.
///
/// A failing disk (EIO) is not transient: a check over thousands of bad sectors would wait for each. What cannot be read from it
/// is damaged.
pub fn classify(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as Io;
    match error.kind() {
        Io::NotFound => ErrorKind::NotFound,
        Io::AlreadyExists => ErrorKind::Exists,
        Io::PermissionDenied => ErrorKind::Denied,
        Io::ReadOnlyFilesystem => ErrorKind::ReadOnly,
        Io::NotADirectory => ErrorKind::Config,
        Io::StorageFull | Io::QuotaExceeded => ErrorKind::NoSpace,
        Io::TimedOut => ErrorKind::Timeout,
        Io::UnexpectedEof => ErrorKind::Corrupt,
        Io::Interrupted
        | Io::WouldBlock
        | Io::ResourceBusy
        | Io::StaleNetworkFileHandle
        | Io::ConnectionAborted
        | Io::ConnectionRefused
        | Io::ConnectionReset
        | Io::BrokenPipe
        | Io::NotConnected
        | Io::HostUnreachable
        | Io::NetworkUnreachable
        | Io::NetworkDown => ErrorKind::Transient,
        _ if is_bad_sector(error) => ErrorKind::Corrupt,
        _ if out_of_descriptors(error) => ErrorKind::Transient,
        _ => ErrorKind::Other,
    }
}

#[cfg(unix)]
fn is_bad_sector(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

#[cfg(not(unix))]
fn is_bad_sector(_: &io::Error) -> bool {
    false
}

#[cfg(unix)]
fn out_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(not(unix))]
fn out_of_descriptors(_error: &io::Error) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn errors_are_classed_by_what_a_caller_can_do() {
        for (errno, kind) in [
            (Errno::NOENT, ErrorKind::NotFound),
            (Errno::EXIST, ErrorKind::Exists),
            (Errno::ACCESS, ErrorKind::Denied),
            (Errno::PERM, ErrorKind::Denied),
            (Errno::ROFS, ErrorKind::ReadOnly),
            (Errno::NOSPC, ErrorKind::NoSpace),
            (Errno::DQUOT, ErrorKind::NoSpace),
            (Errno::TIMEDOUT, ErrorKind::Timeout),
            (Errno::STALE, ErrorKind::Transient),
            (Errno::MFILE, ErrorKind::Transient),
            (Errno::IO, ErrorKind::Corrupt),
            (Errno::NAMETOOLONG, ErrorKind::Other),
        ] {
            assert_eq!(classify(&errno.into()), kind, "{errno:?}");
        }
    }
}
