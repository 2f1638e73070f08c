//! Runs: one execution of a backup, copy, restore, check or clean-up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::Priority;
pub use crate::restore::{
    IntoBucket, IntoMongodb, IntoSqlite, OverwriteMode, RestoreInto, RestoreRequest, check_snapshot,
};
use crate::{DestinationId, NodeId, PersonId, PlanId, ProjectId, RepositoryId, RunId, SourceId, Time};

/// One execution, as its node last told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The project it belongs to.
    pub project: ProjectId,
    /// The node that executes it.
    pub node: NodeId,
    /// What it does.
    pub kind: RunKind,
    /// The plan it executes, if it is a plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Named<PlanId>>,
    /// What it reads, if it is a backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Named<SourceId>>,
    /// What it copies, if it is a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<RunOrigin>,
    /// The destinations it concerns, each with what came of it.
    #[serde(default)]
    pub destinations: Vec<RunDestination>,
    /// What a restore brings back, and where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<RestoreRequest>,
    /// Why it was started.
    pub trigger: Trigger,
    /// Who asked for it, if it was a person or a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// Where it stands.
    pub state: RunState,
    /// What it was asked to become, until it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// Why it waits, while it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// Which of the waiting runs goes first.
    #[serde(default)]
    pub priority: Priority,
    /// How often it was begun; more than once when it was interrupted or had to wait.
    pub attempt: u32,
    /// The moment it was due, for scheduled ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub due: Option<Time>,
    /// When it was asked for.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub created: Time,
    /// When it was first begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub started: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub ended: Option<Time>,
    /// How far it is.
    #[serde(default)]
    pub progress: Progress,
    /// What it did, when it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// Counts its changes, from 1 up.
    pub revision: i64,
}

/// A record, with the name that it had when it was referred to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Named<Id> {
    /// Which.
    pub id: Id,
    /// Its name then.
    pub name: String,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum RunKind {
    /// A source into destinations.
    Backup,
    /// A snapshot back to files.
    Restore,
    /// Checks a repository.
    Verify,
    /// Forgets what retention no longer keeps, and frees its space.
    Prune,
    /// One destination to others.
    Copy,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum RunState {
    /// It waits for its turn, or for what it needs.
    Pending,
    /// It is being executed.
    Running,
    /// It was interrupted and keeps its place.
    Paused,
    /// It did all it was asked to, or all but single files.
    Completed,
    /// It could not.
    Failed,
    /// Somebody ended it.
    Cancelled,
}

/// What a run was asked to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Intent {
    /// It stops after the file in hand.
    Pausing,
    /// It ends and cleans up.
    Cancelling,
}

/// Why a run was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Trigger {
    /// Its time had come.
    Schedule,
    /// Its time had come while nobody could run it.
    CatchUp,
    /// Somebody asked for it.
    Manual,
    /// `backstay guard` asked for it before a critical operation.
    Guard,
    /// The repository was due for it.
    Maintenance,
}

/// Why a pending run waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Waiting {
    /// In words for people.
    pub reason: String,
    /// When it will be tried next; `null` when it waits for its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub next_try: Option<Time>,
}

/// The destination that a run copies from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunOrigin {
    /// Which.
    pub id: DestinationId,
    /// Its name then.
    pub name: String,
    /// The repository there.
    pub repository: RepositoryId,
}

/// A destination of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunDestination {
    /// Which.
    pub id: DestinationId,
    /// Its name then.
    pub name: String,
    /// The repository there.
    pub repository: RepositoryId,
    /// What came of it; `pending` until it has been its turn.
    pub state: RunState,
    /// The snapshot that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Snapshots that were copied there.
    #[serde(default)]
    pub copied: u64,
    /// Bytes that were added there, as stored.
    #[serde(default)]
    pub bytes_added: u64,
    /// Bytes that lie in the repository after it, where the run found that out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<u64>,
    /// Bytes that are free where the repository is, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<u64>,
    /// The destination whose repository cuts files elsewhere than the one here does, by its name: what goes to both is cut apart for this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_apart_from: Option<String>,
    /// Why it failed there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How far a run is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Progress {
    /// The step in hand: connecting, reading, verifying …
    pub step: String,
    /// Files done.
    pub files: u64,
    /// Bytes done.
    pub bytes: u64,
    /// Files in all, as far as known.
    pub total_files: u64,
    /// Bytes in all, as far as known.
    pub total_bytes: u64,
    /// Bytes per second of late.
    pub bytes_per_second: u64,
    /// Seconds until the end, as far as can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<u64>,
    /// What is in hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// Items that could not be read or written.
    pub errors: u64,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Outcome {
    /// Files that were not in the snapshot before.
    pub files_new: u64,
    /// Files that had changed.
    pub files_changed: u64,
    /// Files that were as before.
    pub files_unmodified: u64,
    /// Bytes of the source, or bytes restored.
    pub bytes: u64,
    /// Bytes added to all destinations, as stored.
    pub bytes_added: u64,
    /// Bytes freed at all destinations.
    pub bytes_freed: u64,
    /// Snapshots that were forgotten.
    pub snapshots_forgotten: u64,
    /// Snapshots that were copied, to all destinations.
    pub snapshots_copied: u64,
    /// Items that could not be read or written.
    pub errors: u64,
    /// The plan that made the snapshot which was restored, where the snapshot says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored_plan: Option<PlanId>,
    /// What else is worth telling, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, String>,
}

/// Why a run failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunError {
    /// What failed, on what and why.
    pub message: String,
    /// What lies beneath, from the outermost to the root cause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether what is stored is damaged or missing: trying again does not help.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub damaged: bool,
    /// Where what was to be restored is damaged: the id of the snapshot to restore instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
}

impl RunState {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Running, Self::Paused, Self::Completed, Self::Failed, Self::Cancelled];

    /// Whether it stays so for ever.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl RunKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Backup, Self::Restore, Self::Verify, Self::Prune, Self::Copy];

    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Verify => "verify",
            Self::Prune => "prune",
            Self::Copy => "copy",
        }
    }

    /// Whether it is what a plan is for, as against the checks and clean-ups that follow from it.
    #[must_use]
    pub const fn is_scheduled(self) -> bool {
        matches!(self, Self::Backup | Self::Copy)
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Who is named as having asked for something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Requester {
    /// The person, if it is one that the server knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// The name to show.
    pub name: String,
}
