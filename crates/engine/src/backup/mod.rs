//! Backing up: the repository as a [`Sink`](backstay_core::Sink).
//!
//! A worker takes a small file, or a chunk of a big one, and carries it through: read, cut, hash, compress,
//! encrypt into the pack it fills. There is no queue between those steps, so the bytes stay in cache.
//! Each worker fills packs of its own; what is left at the end is put together.
//! A backup may go to several repositories and other sinks at once: what one of them needs is read once for all.
//! A folder is done when all that is in it is: whoever finishes its last entry writes its tree.

mod buffers;
mod chunks;
mod compare;
mod content;
mod crew;
mod destination;
mod finish;
mod folder;
mod guests;
mod pace;
mod patch;
mod patience;
mod pushed;
mod reading;
mod segments;
mod sink;
mod stats;
mod worker;

pub use compare::ChangeDetection;
pub use destination::{BackupOptions, Destination};
pub use finish::{BackupOutcome, Party, SnapshotDetails, save_snapshot};
pub use sink::{BackupSink, PATIENCE, Together};
