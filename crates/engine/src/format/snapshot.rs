//! A snapshot: one backup.

use backstay_core::{FileId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A snapshot file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When the backup was taken.
    #[serde(with = "super::time::json")]
    pub time: Timestamp,
    /// The snapshot it was compared with.
    #[serde(default, with = "super::hex_id::option", skip_serializing_if = "Option::is_none")]
    pub parent: Option<FileId>,
    /// Its root tree.
    #[serde(with = "super::hex_id")]
    pub tree: FileId,
    /// What was backed up, absolute.
    #[serde(default, deserialize_with = "super::or_default")]
    pub paths: Vec<String>,
    /// The host it was taken on.
    #[serde(default, deserialize_with = "super::or_default", skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// The user who took it.
    #[serde(default, deserialize_with = "super::or_default", skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// That user's number.
    #[serde(default, deserialize_with = "super::or_default", skip_serializing_if = "is_zero")]
    pub uid: u32,
    /// That user's group.
    #[serde(default, deserialize_with = "super::or_default", skip_serializing_if = "is_zero")]
    pub gid: u32,
    /// Patterns that were left out.
    #[serde(default, deserialize_with = "super::or_default", skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<String>,
    /// Its tags.
    #[serde(default, deserialize_with = "super::or_default", skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The snapshot this one was made from by copying or rewriting.
    #[serde(default, with = "super::hex_id::option", skip_serializing_if = "Option::is_none")]
    pub original: Option<FileId>,
    /// The program that took it.
    #[serde(default, deserialize_with = "super::or_default", skip_serializing_if = "String::is_empty")]
    pub program_version: String,
    /// Figures of the backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
}

/// Figures of a backup. What a program did not note is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// When it began.
    #[serde(with = "super::time::json")]
    pub backup_start: Timestamp,
    /// When it ended.
    #[serde(with = "super::time::json")]
    pub backup_end: Timestamp,
    /// Files that the parent does not have.
    pub files_new: u64,
    /// Files that differ from the parent's.
    pub files_changed: u64,
    /// Files that are as in the parent.
    pub files_unmodified: u64,
    /// Folders that the parent does not have.
    pub dirs_new: u64,
    /// Folders that differ from the parent's.
    pub dirs_changed: u64,
    /// Folders that are as in the parent.
    pub dirs_unmodified: u64,
    /// New data blobs.
    pub data_blobs: u64,
    /// New tree blobs.
    pub tree_blobs: u64,
    /// Bytes of new blobs before compression.
    pub data_added: u64,
    /// Bytes of new blobs as stored.
    pub data_added_packed: u64,
    /// Files looked at.
    pub total_files_processed: u64,
    /// Their bytes.
    pub total_bytes_processed: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Snapshot {
    /// Reads the decrypted and decompressed file.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is none.
    pub fn parse(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json).map_err(|error| Error::damaged("a snapshot", error))
    }

    /// The file as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}
