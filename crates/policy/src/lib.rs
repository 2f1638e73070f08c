//! Pure rules over plain data: which snapshots a repository keeps.
//!
//! Nothing here reads a repository, a clock or a zone database. A caller describes its snapshots as
//! [`SnapshotFacts`], groups them ([`group`]) and applies a [`Retention`] to each group. The rules and
//! their names are restic's, so that both programs, given the same snapshots and the same options, forget the same ones.

#![forbid(unsafe_code)]

mod calendar;
pub mod filter;
pub mod grouping;
pub mod retention;
pub mod span;

pub use filter::{SnapshotFilter, TagList};
pub use grouping::{GroupBy, GroupKey, group};
pub use retention::{Counters, Keep, Kept, Retention, Verdict};
pub use span::Span;

/// A moment as a snapshot records it: an instant and the zone offset of the host that made it.
///
/// Calendar rules ("one a day") count days where the snapshot was made, as restic does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Moment {
    /// Seconds since 1970-01-01T00:00:00Z, negative before.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanos: u32,
    /// Seconds east of UTC.
    pub offset: i32,
}

impl Moment {
    /// The instant alone, which is what moments are ordered by.
    #[must_use]
    pub const fn instant(&self) -> (i64, u32) {
        (self.seconds, self.nanos)
    }
}

/// What the rules need to know about a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotFacts<Id> {
    /// Whatever the caller tells snapshots apart by.
    pub id: Id,
    /// When it was made.
    pub time: Moment,
    /// The host it was made on.
    pub host: String,
    /// What was backed up.
    pub paths: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
}
