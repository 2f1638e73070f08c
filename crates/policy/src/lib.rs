//! Pure rules over plain data: which snapshots a repository keeps, when plans run, how long retries wait.
//!
//! Nothing here reads a repository or a clock: the time comes in as `now`, randomness as a seed.
//!
//! - *Retention.* A caller describes its snapshots as [`SnapshotFacts`], groups them ([`group`]) and applies a
//!   [`Retention`] to each group. The rules and their names are restic's, so that both programs, given the same
//!   snapshots and the same options, forget the same ones. A [`PlanRetention`] is what a plan says: these rules, and
//!   limits by age, count and size that never take the newest.
//! - *Schedules.* A [`Schedule`] says when a plan runs. Names of time zones are looked up in the machine's zone
//!   database, which is all that is not an argument.
//! - *Points in time.* [`point_in_time`] says which moments backups and the log after them make.
//! - *Names.* A [`naming::Pattern`] makes the names of archives, a [`naming::Layout`] those of their folders.
//! - *Retries.* A [`Backoff`] says how long to wait before the next try.
//!
//! These are written by people in files and by programs in messages; both use the same `serde` forms, and lengths
//! of time are texts ([`duration_text`]). The feature `schema` describes them for an OpenAPI document.

#![forbid(unsafe_code)]

pub mod archive_retention;
pub mod backoff;
mod backup_type;
mod calendar;
pub mod duration_text;
pub mod filter;
pub mod grouping;
pub mod naming;
pub mod plan_retention;
pub mod point_in_time;
pub mod retention;
pub mod schedule;
pub mod span;
mod spread;
mod text_form;

pub use backoff::Backoff;
pub use backup_type::BackupType;
pub use filter::{SnapshotFilter, TagList};
pub use grouping::{GroupBy, GroupKey, group};
pub use plan_retention::PlanRetention;
pub use retention::{Counters, Keep, Kept, Retention, Verdict};
pub use schedule::{Due, Schedule, When, Window};
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

impl<Id> SnapshotFacts<Id> {
    /// The same facts about something told apart in another way.
    pub(crate) fn map_id<Other>(self, map: impl FnOnce(Id) -> Other) -> SnapshotFacts<Other> {
        let Self { id, time, host, paths, tags } = self;
        SnapshotFacts { id: map(id), time, host, paths, tags }
    }
}
