//! Where plain archives lie: files under names that people read, sent in chunks, and taken up again when that was interrupted.

use std::ops::RangeInclusive;

use crate::Timestamp;
use crate::storage::{CallContext, FileId, StorageError};

/// A file that lies in an [`ArchiveStore`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its name: folders and a file name, with `/` between them; it neither begins nor ends with one.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// When it was put there.
    pub modified: Timestamp,
}

/// A file that is to be put into an [`ArchiveStore`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Its name; see [`StoredFile::name`].
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// The SHA-256 of its content.
    pub sha256: FileId,
    /// The length in bytes of each of its chunks but the last, which may be shorter. Greater than 0.
    pub chunk_size: u64,
}

/// One chunk of a [`NewFile`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Which, from 0 up.
    pub index: u64,
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub size: u64,
    /// The SHA-256 of its content.
    pub sha256: FileId,
}

impl NewFile {
    /// How many chunks it has; an empty file has none.
    #[must_use]
    pub const fn chunks(&self) -> u64 {
        self.size.div_ceil(self.chunk_size)
    }

    /// Where a chunk begins, and its length, in bytes; `None` when there is no such chunk.
    #[must_use]
    pub fn place(&self, index: u64) -> Option<(u64, u64)> {
        let offset = index.checked_mul(self.chunk_size).filter(|offset| *offset < self.size)?;
        Some((offset, self.chunk_size.min(self.size - offset)))
    }
}

/// A place that holds archives, as files under names.
///
/// A file is written once: it is begun, its chunks are sent, and it is finished; only then is it there, whole, under its name. What was
/// begun is known by a *resume token*, which survives restarts of both ends. No file is ever overwritten. All calls block; all may come
/// from many threads at once.
pub trait ArchiveStore: Send + Sync {
    /// The address for people, without secrets.
    fn location(&self) -> String;

    /// How many chunks of one file may be sent at once; 1 when they have to come one after the other, in the order of their indexes.
    fn connections(&self) -> usize;

    /// How long chunks may be, in bytes; the last one of a file may be shorter.
    fn chunk_sizes(&self) -> RangeInclusive<u64> {
        1..=u64::MAX
    }

    /// What the length of each chunk but the last of a file is a multiple of, in bytes.
    fn chunk_unit(&self) -> u64 {
        1
    }

    /// Whether [`ArchiveStore::finish`] compares the whole file with its hash. Where it does not, it compares chunks alone, and who sends
    /// has to look before that those which [`ArchiveStore::sent`] tells of are the file's.
    fn proves_whole(&self) -> bool {
        true
    }

    /// Makes what is needed to put files here. Fine if it is there.
    ///
    /// # Errors
    /// When it cannot be made, or the place cannot be written to.
    fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError>;

    /// Calls `each` with every file that is whole, in no order.
    ///
    /// # Errors
    /// When the listing cannot be finished.
    fn list(&self, context: CallContext<'_>, each: &mut dyn FnMut(StoredFile)) -> Result<(), StorageError>;

    /// One file.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when there is none of this name.
    fn stat(&self, name: &str, context: CallContext<'_>) -> Result<StoredFile, StorageError>;

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when there is no such file, [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt)
    /// when it ends too soon.
    fn read_at(
        &self,
        name: &str,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError>;

    /// Removes a file.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when there is none of this name.
    fn remove(&self, name: &str, context: CallContext<'_>) -> Result<(), StorageError>;

    /// Begins a file and gives its resume token. Its name is taken from now on, for as long as the store keeps what was begun. When the very
    /// same file (name, length and hash) was begun before and not finished, that one is gone on with: its token is given again, so that
    /// nobody is locked out who was killed before the token was kept.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`](crate::ErrorKind::Exists) when the name is taken by a file, or by another one that was begun, [`ErrorKind::NoSpace`](crate::ErrorKind::NoSpace) when there
    /// is no room for it.
    fn begin(&self, file: &NewFile, context: CallContext<'_>) -> Result<String, StorageError>;

    /// Which chunks are there already, each with the SHA-256 of what lies there now, read back. A chunk that is there in part is not
    /// among them.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when the token is not known, or not any more: the file has to be begun again.
    fn sent(&self, file: &NewFile, token: &str, context: CallContext<'_>)
    -> Result<Vec<Chunk>, StorageError>;

    /// Sends a chunk, which the store checks against its hash before it keeps it. `content` gives exactly its bytes. A chunk that is there
    /// already is replaced.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) when what arrived is not what was sent,
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when the token is not known any more: the file has to be begun again. So it is
    /// where a chunk would take the place of another one and the store cannot replace it: it has given up what was begun then. Else as the
    /// store fails.
    fn send(
        &self,
        file: &NewFile,
        token: &str,
        chunk: &Chunk,
        content: &mut (dyn std::io::Read + Send),
        context: CallContext<'_>,
    ) -> Result<(), StorageError>;

    /// Puts the chunks together, checks the whole file against its hash (see [`ArchiveStore::proves_whole`]), and gives it its name, at
    /// once or not at all. The token need not be known afterwards. Fine if it was finished before, with this content.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) when it is not what it should be, or not all of it is there.
    fn finish(
        &self,
        file: &NewFile,
        token: &str,
        context: CallContext<'_>,
    ) -> Result<StoredFile, StorageError>;

    /// Gives up what was begun. Fine if it is not known. Of a file that is finished, only what is remembered of its token goes.
    ///
    /// # Errors
    /// When the store cannot be reached or fails.
    fn abandon(&self, token: &str, context: CallContext<'_>) -> Result<(), StorageError>;
}
