//! The few traits and types in which Backstay's parts meet.
//!
//! A *source* produces entries ([`Entry`]) into a *sink* ([`Sink`]); a repository or an archive is a
//! sink. A repository keeps its files behind [`Storage`]. Restores go the other way, from a repository
//! into a [`RestoreTarget`]. All long work obeys a [`Control`] and tells its progress to
//! [`Events`]. Nothing here reads a file, a clock or the environment
//! (but `testing`, a feature).

#![forbid(unsafe_code)]

pub mod archive_store;
pub mod control;
pub mod entry;
pub mod environment;
pub mod events;
pub mod restore;
pub mod sink;
pub mod storage;
#[cfg(feature = "testing")]
#[allow(clippy::expect_used)]
pub mod testing;

pub use archive_store::{ArchiveStore, Chunk, NewFile, StoredFile};
pub use control::{Control, Interrupted};
pub use entry::{EntryKind, Meta, Timestamp, Xattr};
pub use environment::{Clock, Random};
pub use events::{Events, ItemAction, Silent};
pub use restore::{RestoreTarget, TargetError, TargetFile};
pub use sink::{Content, CutHint, Entry, Folder, Opener, Pushed, Sink, SinkError};
pub use storage::{CallContext, ErrorKind, FileId, FileKind, Frozen, Handle, Storage, StorageError};
