//! What a server asks of a node, and what the node answers.

use serde::{Deserialize, Serialize};

use crate::link::{SealedConnection, SealedRepository, SealedSecrets};
use crate::run::{RestoreRequest, RunKind};
use crate::{
    CommandId, ConnectionSettings, Health, PlanId, ProjectId, RepositoryId, RunId, Time, TransferId,
};

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
        request: Box<RestoreRequest>,
        /// The service that it goes to, if it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connection: Option<Box<SealedConnection>>,
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
        /// Which of its items.
        page: FolderPage,
    },
    /// List a folder of the host, for choosing what to back up.
    BrowseHost {
        /// Which, as an absolute path.
        path: String,
        /// Which of its items.
        page: FolderPage,
    },
    /// Find items by name in all snapshots of a repository.
    Find {
        /// Which.
        repository: SealedRepository,
        /// Part of the name, or a pattern with `*`, `?` or `[`; upper and lower case are the same.
        name: String,
        /// How many are enough.
        limit: u32,
    },
    /// Find the versions of one item in all snapshots of a repository.
    Versions {
        /// Which.
        repository: SealedRepository,
        /// Of which item, as an absolute path.
        path: String,
    },
    /// Tell two snapshots apart.
    Compare {
        /// Of which repository.
        repository: SealedRepository,
        /// The one before.
        from: String,
        /// The one after.
        to: String,
        /// How many changes are enough; all are counted.
        limit: u32,
    },
    /// Change the tags of a snapshot.
    Tag {
        /// Of which repository.
        repository: SealedRepository,
        /// Of which snapshot.
        snapshot: String,
        /// Tags that it gets.
        add: Vec<String>,
        /// Tags that it loses.
        remove: Vec<String>,
    },
    /// Hand over content of a snapshot.
    Send {
        /// Of which repository.
        repository: SealedRepository,
        /// Of which snapshot.
        snapshot: String,
        /// Which items, as absolute paths: one file, or any as a zip archive.
        paths: Vec<String>,
        /// In which form.
        form: ContentForm,
        /// Under which id it is expected.
        transfer: TransferId,
    },
    /// Remove a snapshot. What only it needs goes with the next clean-up.
    Forget {
        /// Of which repository.
        repository: SealedRepository,
        /// Which.
        snapshot: String,
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
        /// In the order that was asked for.
        items: Vec<FolderItem>,
        /// How many there are that the page is a part of.
        total: u64,
    },
    /// Items that were found.
    Found {
        /// Snapshot by snapshot, the newest first.
        hits: Vec<Hit>,
        /// Whether there are more.
        truncated: bool,
    },
    /// Versions of an item.
    Versions {
        /// The newest first.
        versions: Vec<Version>,
    },
    /// What differs.
    Compared {
        /// It.
        comparison: Comparison,
    },
    /// Content is on its way.
    Sending {
        /// What people would call it.
        name: String,
        /// How many bytes it has, where that is known before.
        length: Option<u64>,
    },
    /// A snapshot has other tags, and so another id.
    Tagged {
        /// Its id now.
        snapshot: String,
    },
}

/// In which form content is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentForm {
    /// A file as it is.
    File,
    /// The beginning of a file, of so many bytes at most.
    Beginning(u64),
    /// A file, or a folder with all that is below it, as a zip archive.
    Zip,
}

/// Which items of a folder are asked for, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FolderPage {
    /// How many are passed over.
    pub skip: u64,
    /// How many are given at most.
    pub limit: u32,
    /// By what they are sorted; folders come first, and what is the same in this is sorted by name.
    pub sort: FolderSort,
    /// Whether the last come first.
    pub descending: bool,
    /// Only those with this in their name; upper and lower case are the same.
    pub name: Option<String>,
}

impl FolderPage {
    /// Items that one answer has at most.
    pub const MOST: u32 = 5_000;
}

impl Default for FolderPage {
    fn default() -> Self {
        Self { skip: 0, limit: Self::MOST, sort: FolderSort::default(), descending: false, name: None }
    }
}

/// By what the items of a folder are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum FolderSort {
    /// Their names.
    #[default]
    Name,
    /// Their sizes.
    Size,
    /// When they were last changed.
    Modified,
}

/// An item that was found in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Hit {
    /// The snapshot.
    pub snapshot: String,
    /// When that was made.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub time: Time,
    /// The folder that it is in, as an absolute path.
    pub folder: String,
    /// The item.
    pub item: FolderItem,
}

/// A version of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Version {
    /// The snapshots that have it, the newest first.
    pub snapshots: Vec<SnapshotMoment>,
    /// The item in them.
    pub item: FolderItem,
}

/// A snapshot, and when it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SnapshotMoment {
    /// Its id.
    pub id: String,
    /// When it was made.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub time: Time,
}

/// What differs between two snapshots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Comparison {
    /// What changed, by path; the first ones only where `truncated` says so.
    pub changes: Vec<ItemChange>,
    /// Whether there are more changes than these.
    pub truncated: bool,
    /// Items that are only in the later one.
    pub added: ChangeSum,
    /// Items that are only in the earlier one.
    pub removed: ChangeSum,
    /// Files whose content changed, with the bytes by which they grew.
    pub grown: ChangeSum,
    /// Files whose content changed, with the bytes by which they shrank, or did not grow.
    pub shrunk: ChangeSum,
    /// The folders that grew or shrank most, the one that grew most first. Each has all that is below it.
    pub folders: Vec<FolderChange>,
}

/// How many items, and how many bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChangeSum {
    /// Items.
    pub items: u64,
    /// Bytes of files.
    pub bytes: u64,
}

/// An item that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ItemChange {
    /// Its absolute path.
    pub path: String,
    /// What it is, or was.
    pub kind: ItemKind,
    /// What happened to it.
    pub change: ChangeKind,
    /// Its length before, for files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Its length after, for files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// What happened to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its content is another.
    Content,
    /// It is something else now: a folder in the place of a file.
    Kind,
}

/// By how much a folder changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FolderChange {
    /// Its absolute path.
    pub path: String,
    /// By how many bytes the files in it and below grew; negative when they shrank.
    pub bytes: i64,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SnapshotInfo {
    /// Its id.
    pub id: String,
    /// The repository it is in.
    pub repository: RepositoryId,
    /// For an archive, its file, with the folders that it lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
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
    /// What is wrong with it, where it is an archive that cannot be whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
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
