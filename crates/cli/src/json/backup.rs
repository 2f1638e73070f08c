//! Messages of `backup`.

use serde::Serialize;

use super::is_zero;

/// How far the work is.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Status {
    pub(crate) message_type: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) seconds_elapsed: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) seconds_remaining: u64,
    pub(crate) percent_done: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) total_files: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) files_done: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) total_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) bytes_done: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) error_count: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) current_files: Vec<String>,
}

/// What became of an item, with `-v`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct VerboseStatus<'a> {
    pub(crate) message_type: &'static str,
    pub(crate) action: &'a str,
    pub(crate) item: &'a str,
    pub(crate) duration: f64,
    pub(crate) data_size: u64,
    pub(crate) data_size_in_repo: u64,
    pub(crate) metadata_size: u64,
    pub(crate) metadata_size_in_repo: u64,
    pub(crate) total_files: u64,
}

/// The backup is done.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Summary {
    pub(crate) message_type: &'static str,
    pub(crate) files_new: u64,
    pub(crate) files_changed: u64,
    pub(crate) files_unmodified: u64,
    pub(crate) dirs_new: u64,
    pub(crate) dirs_changed: u64,
    pub(crate) dirs_unmodified: u64,
    pub(crate) data_blobs: u64,
    pub(crate) tree_blobs: u64,
    pub(crate) data_added: u64,
    pub(crate) data_added_packed: u64,
    pub(crate) total_files_processed: u64,
    pub(crate) total_bytes_processed: u64,
    pub(crate) total_duration: f64,
    pub(crate) backup_start: String,
    pub(crate) backup_end: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) snapshot_id: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) dry_run: bool,
}
