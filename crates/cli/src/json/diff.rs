//! Messages of `diff` and `stats`.

use serde::Serialize;

use super::{is_zero, is_zero_float};

/// An item that differs.
#[derive(Debug, Serialize)]
pub(crate) struct Change<'a> {
    pub(crate) message_type: &'static str,
    pub(crate) path: &'a str,
    pub(crate) modifier: &'a str,
}

/// What one side has that the other has not.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Side {
    pub(crate) files: u64,
    pub(crate) dirs: u64,
    pub(crate) others: u64,
    pub(crate) data_blobs: u64,
    pub(crate) tree_blobs: u64,
    pub(crate) bytes: u64,
}

/// All of it in figures.
#[derive(Debug, Serialize)]
pub(crate) struct Statistics<'a> {
    pub(crate) message_type: &'static str,
    pub(crate) source_snapshot: &'a str,
    pub(crate) target_snapshot: &'a str,
    pub(crate) changed_files: u64,
    pub(crate) added: Side,
    pub(crate) removed: Side,
}

/// The result of `stats`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Stats {
    pub(crate) total_size: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) total_uncompressed_size: u64,
    #[serde(skip_serializing_if = "is_zero_float")]
    pub(crate) compression_ratio: f64,
    #[serde(skip_serializing_if = "is_zero_float")]
    pub(crate) compression_progress: f64,
    #[serde(skip_serializing_if = "is_zero_float")]
    pub(crate) compression_space_saving: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) total_file_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) total_blob_count: u64,
    pub(crate) snapshots_count: u64,
}
