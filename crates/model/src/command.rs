//! What a server asks of a node, and what the node answers.

use serde::{Deserialize, Serialize};

use crate::link::{SealedRepository, SealedSecrets};
use crate::run::{RestoreRequest, RunKind};
use crate::{CommandId, ConnectionSettings, Health, PlanId, ProjectId, RepositoryId, RunId, Time};

/// Something a server asks of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Its id. A node that gets a command twice executes it once.
    pub id: CommandId,
    /// Who asked for it, for the log.
    pub requested_by: String,
    /// After this moment nobody waits for it any more, and it is not begun.
    pub expires: Time,
    /// What is asked.
    pub ask: Ask,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Try to reach a service with settings that are not saved yet, or again.
    Probe {
        /// How to reach it.
        settings: ConnectionSettings,
        /// Its secrets, sealed to the node.
        secrets: SealedSecrets,
    },
    /// Run a plan now: a backup of each of its sources on this node.
    RunPlan {
        /// Which.
        plan: PlanId,
        /// What to do.
        kind: RunKind,
        /// Whether it is a guard's.
        guard: bool,
        /// The ids that the new runs are to have, so that who asked can follow them; one for each source of the plan on
        /// this node, or one alone for other kinds.
        runs: Vec<RunId>,
    },
    /// Restore a snapshot.
    Restore {
        /// The id that the run is to have.
        run: RunId,
        /// The project it belongs to.
        project: ProjectId,
        /// From where.
        repository: SealedRepository,
        /// What, and where to.
        request: RestoreRequest,
    },
    /// Stop a run after the file in hand; it keeps its place.
    Pause {
        /// Which.
        run: RunId,
    },
    /// Go on with a paused run.
    Resume {
        /// Which.
        run: RunId,
    },
    /// End a run and clean up.
    Cancel {
        /// Which.
        run: RunId,
    },
    /// Open a repository, or make it where it may be made; says what is in it.
    OpenRepository {
        /// Which.
        repository: SealedRepository,
        /// Whether to make it if there is none.
        create: bool,
    },
    /// List the snapshots of a repository.
    Snapshots {
        /// Which.
        repository: SealedRepository,
    },
    /// List a folder of a snapshot.
    Browse {
        /// Of which repository.
        repository: SealedRepository,
        /// Of which snapshot.
        snapshot: String,
        /// Which folder, as an absolute path.
        path: String,
    },
    /// List a folder of the host, for choosing what to back up.
    BrowseHost {
        /// Which, as an absolute path.
        path: String,
    },
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandResult {
    /// Of which.
    pub id: CommandId,
    /// The answer, or why there is none.
    pub answer: Result<Answer, CommandError>,
}

/// Why a node did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct CommandError {
    /// What kind of refusal it is.
    pub kind: Refusal,
    /// What failed, on what and why.
    pub message: String,
    /// What to do about it.
    #[serde(default)]
    pub hint: Option<String>,
}

/// What kind of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is no such thing.
    NotFound,
    /// It does not fit the state things are in.
    Conflict,
    /// The node's policy file forbids it.
    Forbidden,
    /// It was tried and failed.
    Failed,
    /// What was asked makes no sense.
    Invalid,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// It is done, or under way.
    Done,
    /// How an attempt to connect went.
    Probed {
        /// Its outcome.
        health: Health,
        /// Why it failed.
        reason: Option<String>,
    },
    /// The runs that were queued.
    Queued {
        /// Their ids.
        runs: Vec<RunId>,
    },
    /// What a repository is like.
    Opened {
        /// The id of the repository itself.
        repository_id: String,
        /// Whether it was made just now.
        created: bool,
        /// How many snapshots it has.
        snapshots: u64,
    },
    /// Snapshots.
    Snapshots {
        /// The newest first.
        snapshots: Vec<SnapshotInfo>,
    },
    /// A folder's items.
    Folder {
        /// By name.
        items: Vec<FolderItem>,
    },
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SnapshotInfo {
    /// Its id.
    pub id: String,
    /// The repository it is in.
    pub repository: RepositoryId,
    /// When it was made.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub time: Time,
    /// The host it was made on.
    pub host: String,
    /// What was backed up.
    pub paths: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Files in it, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// Bytes in it, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Bytes it added to the repository, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_added: Option<u64>,
}

/// An item of a folder, in a snapshot or on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FolderItem {
    /// Its name; bytes that are no text are replaced.
    pub name: String,
    /// What it is: `folder`, `file`, `link`, or `other`.
    pub kind: ItemKind,
    /// Its length in bytes, for files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub modified: Option<Time>,
}

/// What an item of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ItemKind {
    /// A folder.
    Folder,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A device, pipe or socket.
    Other,
}
