//! Small messages of single commands.

use serde::Serialize;

/// Printed to standard error when a command fails.
#[derive(Debug, Serialize)]
pub(crate) struct ExitError<'a> {
    pub(crate) message_type: &'static str,
    pub(crate) code: i32,
    pub(crate) message: &'a str,
}

/// A trouble with one item; the work goes on.
#[derive(Debug, Serialize)]
pub(crate) struct ItemError<'a> {
    pub(crate) message_type: &'static str,
    pub(crate) error: ErrorText<'a>,
    pub(crate) during: &'a str,
    pub(crate) item: &'a str,
}

/// The text of an error.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorText<'a> {
    pub(crate) message: &'a str,
}

/// `init` made a repository.
#[derive(Debug, Serialize)]
pub(crate) struct Initialized<'a> {
    pub(crate) message_type: &'static str,
    pub(crate) id: &'a str,
    pub(crate) repository: &'a str,
}

/// `version`.
#[derive(Debug, Serialize)]
pub(crate) struct Version {
    pub(crate) message_type: &'static str,
    pub(crate) version: &'static str,
    /// restic names its compiler here; readers want the key to be there.
    pub(crate) go_version: &'static str,
    pub(crate) go_os: &'static str,
    pub(crate) go_arch: &'static str,
}

/// A line of `key list`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyInfo {
    pub(crate) current: bool,
    pub(crate) id: String,
    pub(crate) user_name: String,
    pub(crate) host_name: String,
    pub(crate) created: String,
}

/// `tag` replaced a snapshot.
#[derive(Debug, Serialize)]
pub(crate) struct Changed {
    pub(crate) message_type: &'static str,
    pub(crate) old_snapshot_id: String,
    pub(crate) new_snapshot_id: String,
}

/// `tag` is done.
#[derive(Debug, Serialize)]
pub(crate) struct ChangedSummary {
    pub(crate) message_type: &'static str,
    pub(crate) changed_snapshots: usize,
}
