//! Where a repository keeps its files: a small, blocking key-value store.

use std::fmt;
use std::time::{Duration, Instant};

use crate::Control;

/// The kinds of files in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// The one configuration file; its id is all zero and never shown.
    Config,
    /// A key file.
    Key,
    /// A lock.
    Lock,
    /// A snapshot.
    Snapshot,
    /// An index file.
    Index,
    /// A pack of blobs, in the folder `data`.
    Pack,
}

impl FileKind {
    /// The kinds that are kept in folders, that is all but [`FileKind::Config`].
    pub const FOLDERS: [Self; 5] = [Self::Pack, Self::Index, Self::Key, Self::Lock, Self::Snapshot];

    /// The folder's name in restic's layout (`config` for the configuration).
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Key => "keys",
            Self::Lock => "locks",
            Self::Snapshot => "snapshots",
            Self::Index => "index",
            Self::Pack => "data",
        }
    }

    /// Most bytes that a file of this kind can sensibly have. A longer one is something else in its place, and is never
    /// read whole: it would fill the memory of whoever only meant to open a repository.
    #[must_use]
    pub const fn longest(self) -> u64 {
        match self {
            // A few hundred bytes each, as a rule.
            Self::Config | Self::Key | Self::Lock => 1 << 20,
            // As much as they may be when decompressed: repositories of version 1 do not compress them.
            Self::Snapshot | Self::Index => 1 << 30,
            // Places in a pack are 32 bits wide.
            Self::Pack => u32::MAX as u64,
        }
    }
}

/// The name of a repository file: the SHA-256 of its content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FileId(pub [u8; 32]);

impl FileId {
    /// Reads 64 hexadecimal digits, lower or upper case.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 64 {
            return None;
        }
        let mut id = [0; 32];
        for (byte, pair) in id.iter_mut().zip(bytes.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = hex_digit(*high)? << 4 | hex_digit(*low)?;
        }
        Some(Self(id))
    }

    /// The 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        let mut text = String::with_capacity(64);
        self.push_hex(&mut text);
        text
    }

    /// Appends the 64 lower-case hexadecimal digits.
    pub fn push_hex(&self, text: &mut String) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for byte in self.0 {
            text.push(DIGITS[usize::from(byte >> 4)] as char);
            text.push(DIGITS[usize::from(byte & 15)] as char);
        }
    }

    /// The first eight digits, as people are shown.
    #[must_use]
    pub fn short(&self) -> String {
        let mut text = self.to_hex();
        text.truncate(8);
        text
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// Names one file of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle {
    /// Its kind.
    pub kind: FileKind,
    /// Its id.
    pub id: FileId,
}

impl Handle {
    /// The configuration file.
    pub const CONFIG: Self = Self { kind: FileKind::Config, id: FileId([0; 32]) };

    /// A file of this kind and id.
    #[must_use]
    pub const fn new(kind: FileKind, id: FileId) -> Self {
        Self { kind, id }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FileKind::Config => f.write_str("config"),
            kind => write!(f, "{}/{}", kind.folder(), self.id),
        }
    }
}

/// What every call carries: until when it may take, and whether it is still wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallContext<'a> {
    /// Give up with [`ErrorKind::Timeout`] after this moment.
    pub deadline: Option<Instant>,
    /// Give up with [`ErrorKind::Cancelled`] when this is cancelled.
    pub control: Option<&'a Control>,
}

impl<'a> CallContext<'a> {
    /// No deadline, not cancellable.
    pub const NONE: CallContext<'static> = CallContext { deadline: None, control: None };

    /// Wanted until the control is cancelled.
    #[must_use]
    pub const fn with(control: &'a Control) -> Self {
        Self { deadline: None, control: Some(control) }
    }

    /// Whether the caller has lost interest.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.control.is_some_and(Control::is_cancelled)
    }
}

/// Classes of failure, by what a caller can do about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No such file.
    NotFound,
    /// The file is there already and is never overwritten.
    Exists,
    /// Credentials or permissions do not suffice.
    Denied,
    /// The storage is full, or over its quota.
    NoSpace,
    /// The storage cannot be written to.
    ReadOnly,
    /// The deadline passed.
    Timeout,
    /// The caller cancelled.
    Cancelled,
    /// A passing fault: trying again may help.
    Transient,
    /// The file lies in an archive, from which it has to be brought back before it can be read.
    Frozen,
    /// The storage keeps the file from being changed or removed until a time that was set when it was written.
    Retained,
    /// What came back is not what was stored.
    Corrupt,
    /// The address or an option is wrong.
    Config,
    /// Anything else; trying again will not help.
    Other,
}

impl ErrorKind {
    /// Whether trying again may help.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Transient | Self::Timeout)
    }
}

/// A storage call that failed.
#[derive(Debug, thiserror::Error)]
#[error("{action} {what}: {cause}")]
pub struct StorageError {
    /// Its class.
    pub kind: ErrorKind,
    /// What was tried: `read`, `write`, `list` …
    pub action: &'static str,
    /// On what: a file or the storage's address, without secrets.
    pub what: String,
    /// Why it failed.
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

impl StorageError {
    /// Puts an error together.
    pub fn new(
        kind: ErrorKind,
        action: &'static str,
        what: impl fmt::Display,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, action, what: what.to_string(), cause: cause.into() }
    }
}

/// Files that lie in an archive, from which they have to be brought back before they can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frozen {
    /// Which.
    pub files: Vec<Handle>,
    /// How long it takes at most until all can be read that are being brought back, as far as that is known.
    pub ready_in: Option<Duration>,
    /// After how long it is worth looking again.
    pub look_again_in: Duration,
}

/// A place that holds the files of one repository.
///
/// Files are written once, whole and durably, and never changed. All calls block; all may come from many threads at once.
pub trait Storage: Send + Sync {
    /// The address for people, without secrets.
    fn location(&self) -> String;

    /// How many calls at once serve best.
    fn connections(&self) -> usize;

    /// How many calls at once serve best where each carries little, as a small file or a removal does. It is more than
    /// [`Storage::connections`] where a call waits for its answer most of the time.
    fn small_calls(&self) -> usize {
        self.connections()
    }

    /// Makes what a new repository needs (folders, a bucket). Fine if it is there.
    ///
    /// # Errors
    /// When it cannot be made.
    fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError>;

    /// The length of a file in bytes.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such file.
    fn size(&self, handle: &Handle, context: CallContext<'_>) -> Result<u64, StorageError>;

    /// Calls `each` with the id and length of every file of a kind, in no order. A folder that does not exist lists as empty;
    /// names that are no ids are passed over.
    ///
    /// # Errors
    /// When the listing cannot be finished.
    fn list(
        &self,
        kind: FileKind,
        context: CallContext<'_>,
        each: &mut dyn FnMut(FileId, u64),
    ) -> Result<(), StorageError>;

    /// Replaces the content of `buffer` by the whole file.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such file, [`ErrorKind::Corrupt`] when it is longer than
    /// [`FileKind::longest`] says, before so much of it is in memory.
    fn read(
        &self,
        handle: &Handle,
        buffer: &mut Vec<u8>,
        context: CallContext<'_>,
    ) -> Result<(), StorageError>;

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such file, [`ErrorKind::Corrupt`] when it ends too soon.
    fn read_at(
        &self,
        handle: &Handle,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError>;

    /// Writes a new file. On return it is durable, and nobody ever sees a part of it.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] when the file is there.
    fn write(&self, handle: &Handle, content: &[u8], context: CallContext<'_>) -> Result<(), StorageError>;

    /// Removes a file.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such file (back ends that cannot tell return `Ok`).
    fn remove(&self, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError>;

    /// Tells that a pack holds trees: it will be read often and in small pieces, so a cache keeps it whole. Said before the
    /// pack is written or read. Storages that are no cache, nor wrap one, ignore it.
    fn note_tree_pack(&self, _pack: &FileId) {}

    /// Whether files may lie in an archive, so that it is worth asking which do ([`Storage::frozen`]).
    fn may_freeze(&self) -> bool {
        false
    }

    /// Which of these files cannot be read now since they lie in an archive. With `bring_back` those are asked for which were not yet,
    /// all at once; this does not wait for them.
    ///
    /// # Errors
    /// When that cannot be found out, or they cannot be asked for.
    fn frozen(
        &self,
        _files: &[Handle],
        _bring_back: bool,
        _context: CallContext<'_>,
    ) -> Result<Frozen, StorageError> {
        Ok(Frozen::default())
    }
}
