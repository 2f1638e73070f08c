//! Where a restore puts files that can be written at any place: the random-access kind of target.
//!
//! The engine plans by pack and calls from many threads, so blobs of one file come in any order.
//! Paths are relative to the target, components separated by `/`, raw bytes, never absolute and
//! never with `.` or `..`; a target opens beneath its root and follows no symbolic link.

use crate::Meta;

/// Why an item could not be restored. The restore goes on with the others.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}: {cause}", String::from_utf8_lossy(path))]
pub struct TargetError {
    /// What was tried.
    pub action: &'static str,
    /// On which item.
    pub path: Vec<u8>,
    /// Why it failed.
    pub cause: std::io::Error,
}

/// A file that is open for restoring. Dropped when the engine is done with it.
pub trait TargetFile: Send + Sync {
    /// Fills as much of `buffer` as the file has from `offset` on; returns how much.
    ///
    /// # Errors
    /// When reading fails.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize>;

    /// Writes all of `data` at `offset`.
    ///
    /// # Errors
    /// When writing fails.
    fn write_at(&self, offset: u64, data: &[u8]) -> std::io::Result<()>;

    /// Sets owner, permissions, attributes and times, once all content is there: what
    /// [`RestoreTarget::set_metadata`] does, without looking for the file again.
    ///
    /// # Errors
    /// When something cannot be set; everything else is set all the same.
    fn set_metadata(&self, meta: &Meta) -> std::io::Result<()>;
}

/// Takes in restored items.
pub trait RestoreTarget: Send + Sync {
    /// What is at this path now, without following a symbolic link; `None` when there is nothing.
    ///
    /// # Errors
    /// When that cannot be told.
    fn existing(&self, path: &[u8]) -> Result<Option<Meta>, TargetError>;

    /// The names in a folder.
    ///
    /// # Errors
    /// When it cannot be listed.
    fn names(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, TargetError>;

    /// Makes a folder that can be written to, with the folders above it; one that exists is fine, anything else in its place is removed first.
    ///
    /// # Errors
    /// When it cannot be made.
    fn make_folder(&self, path: &[u8]) -> Result<(), TargetError>;

    /// Opens a file for writing with this final length, making it if needed; content that is there stays.
    /// New ranges that are never written read as zeros. Anything in its place that is no plain file is removed first,
    /// and a file with other hard links is replaced. Where content is there, there is room for all of the final length.
    ///
    /// # Errors
    /// When it cannot be opened, or there is no room; content that is there is then as it was.
    fn open_file(&self, path: &[u8], size: u64) -> Result<Box<dyn TargetFile>, TargetError>;

    /// Opens a file that was restored for reading.
    ///
    /// # Errors
    /// When it cannot be opened or is no plain file.
    fn read_file(&self, path: &[u8]) -> Result<Box<dyn TargetFile>, TargetError>;

    /// Makes a symbolic link, device, pipe or the like from its metadata, in place of whatever is there.
    ///
    /// # Errors
    /// When it cannot be made.
    fn make_special(&self, path: &[u8], meta: &Meta) -> Result<(), TargetError>;

    /// Makes `path` another name of the file at `original`.
    ///
    /// # Errors
    /// When it cannot be linked.
    fn hard_link(&self, original: &[u8], path: &[u8]) -> Result<(), TargetError>;

    /// Sets owner, permissions, attributes and times. For a folder, called when nothing more is written in it.
    ///
    /// # Errors
    /// When something cannot be set; everything else is set all the same.
    fn set_metadata(&self, path: &[u8], meta: &Meta) -> Result<(), TargetError>;

    /// Removes an item and all that is in it.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn remove(&self, path: &[u8]) -> Result<(), TargetError>;
}
