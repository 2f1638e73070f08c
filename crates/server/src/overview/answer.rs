//! What the overview tells.

use backstay_model::run::Named;
use backstay_model::{
    DestinationId, NodeId, PlanId, ProjectId, RepositoryId, RunId, RunKind, SourceId, Time,
};
use serde::Serialize;

/// How everything stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Overview {
    /// The UTC days that `days` of plans and repositories speak of, the oldest first, each by its beginning.
    #[schema(value_type = Vec<String>)]
    pub(crate) days: Vec<Time>,
    /// Bytes of all sources, as their last backups that completed have seen them.
    pub(crate) protected_bytes: u64,
    /// When a backup last completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_backup: Option<Time>,
    /// The plans, by name.
    pub(crate) plans: Vec<PlanStanding>,
    /// The repositories, by the name of their destination.
    pub(crate) storage: Vec<StorageStanding>,
}

/// How a plan stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PlanStanding {
    /// The plan.
    #[schema(inline)]
    pub(crate) plan: Named<PlanId>,
    /// Its project.
    pub(crate) project: ProjectId,
    /// Whether its schedule is on.
    pub(crate) enabled: bool,
    /// What it is for: `backup` or `copy`.
    pub(crate) kind: RunKind,
    /// How its sources stand, or the repositories that it copies.
    pub(crate) sources: Vec<SourceStanding>,
    /// When it is next due; nothing when it runs only by hand or is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) next: Option<Time>,
    /// When it was due an hour ago or longer, and has not run since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) overdue_since: Option<Time>,
    /// When all its repositories were last verified, each by then or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) verified: Option<Time>,
    /// When a snapshot that it made was last restored, or part of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) restored: Option<Time>,
    /// What was found wrong with its repositories, and stands until a verification of them completes. Such a plan is in danger, however its
    /// backups end.
    pub(crate) faults: Vec<Fault>,
    /// How its backups of each day ended.
    pub(crate) days: Vec<DayOfPlan>,
}

/// Why a repository is not to be relied on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Fault {
    /// The repository.
    pub(crate) repository: RepositoryId,
    /// Its destination.
    #[schema(inline)]
    pub(crate) destination: Named<DestinationId>,
    /// `verify` for a verification that failed, `restore` for a restore that found damage.
    pub(crate) kind: RunKind,
    /// The run that has the whole story; it may be forgotten.
    pub(crate) run: RunId,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Time,
    /// Why it failed.
    pub(crate) reason: String,
}

/// How the last backup of a source by a plan ended, or its copy.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SourceStanding {
    /// The source; of a copy plan the repository that is copied.
    pub(crate) source: SourceId,
    /// The run that ended last by itself; nothing when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<RunId>,
    /// Whether it failed.
    pub(crate) failed: bool,
    /// Items and destinations that it left out.
    pub(crate) errors: u64,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) ended: Option<Time>,
    /// When one last completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_good: Option<Time>,
    /// Bytes of the source then.
    pub(crate) bytes: u64,
}

/// How the backups of a plan ended on a day.
#[derive(Debug, Clone, Copy, Default, Serialize, utoipa::ToSchema)]
pub(crate) struct DayOfPlan {
    /// Without errors.
    pub(crate) completed: u64,
    /// With items or destinations left out.
    pub(crate) with_errors: u64,
    /// Not made.
    pub(crate) failed: u64,
    /// Should have been, and were not.
    pub(crate) missed: u64,
}

/// How a repository stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StorageStanding {
    /// The repository.
    pub(crate) repository: RepositoryId,
    /// Its destination.
    #[schema(inline)]
    pub(crate) destination: Named<DestinationId>,
    /// Its project.
    pub(crate) project: ProjectId,
    /// The node that it is for, where each has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<NodeId>,
    /// Bytes that lie in it, as the last check or clean-up found; before the first, what backups have added.
    pub(crate) stored: u64,
    /// Bytes that were free where it is when a run last ended; nothing where that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) free: Option<u64>,
    /// When it is full if it goes on growing as over these days; nothing when that is far off or cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) full: Option<Time>,
    /// When a snapshot was last made in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_snapshot: Option<Time>,
    /// Bytes that lay in it on each day, where that is known.
    pub(crate) days: Vec<Option<u64>>,
}
