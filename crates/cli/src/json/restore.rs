//! Messages of `restore`.

use serde::Serialize;

use super::is_zero;

/// The figures that status and summary share.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Figures {
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) total_files: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) files_restored: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) files_skipped: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) files_deleted: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) total_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) bytes_restored: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) bytes_skipped: u64,
}

/// How far the work is.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) message_type: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) seconds_elapsed: u64,
    pub(crate) percent_done: f64,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// What became of an item, with `-vv`.
#[derive(Debug, Serialize)]
pub(crate) struct VerboseStatus<'a> {
    pub(crate) message_type: &'static str,
    pub(crate) action: &'a str,
    pub(crate) item: &'a str,
    pub(crate) size: u64,
}

/// The restore is done.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) message_type: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) seconds_elapsed: u64,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}
