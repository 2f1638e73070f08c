//! Files as Google Drive tells of them, and questions after them.

use std::collections::HashMap;

use backstay_core::{FileId, Timestamp};
use serde::Deserialize;

use crate::text::moment;

/// What a folder is a file of.
pub const FOLDER: &str = "application/vnd.google-apps.folder";
/// What is asked of each file.
pub(super) const FIELDS: &str =
    "id,name,mimeType,size,createdTime,modifiedTime,sha256Checksum,appProperties,parents";

/// A file or folder of Google Drive. Several in one folder may have the same name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct File {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its media type.
    #[serde(default)]
    pub mime_type: String,
    /// Its length in bytes, as text; folders have none.
    size: Option<String>,
    /// When it was made.
    #[serde(default)]
    pub created_time: String,
    /// When its content was last changed.
    #[serde(default)]
    pub modified_time: String,
    sha256_checksum: Option<String>,
    /// What the application noted at it.
    #[serde(default)]
    pub app_properties: HashMap<String, String>,
    /// The folders that it is in: one.
    #[serde(default)]
    pub parents: Vec<String>,
}

impl File {
    /// Its length in bytes.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.size.as_ref()?.parse().ok()
    }

    /// The SHA-256 of its content, where that is told.
    #[must_use]
    pub fn sha256(&self) -> Option<FileId> {
        FileId::from_hex(self.sha256_checksum.as_ref()?)
    }

    /// When it was last changed.
    #[must_use]
    pub fn modified(&self) -> Option<Timestamp> {
        moment(&self.modified_time)
    }

    /// Whether it is a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.mime_type == FOLDER
    }

    /// What decides among several of one name: the first one that was made.
    #[must_use]
    pub fn age(&self) -> (&str, &str) {
        (&self.created_time, &self.id)
    }
}

/// A page of a listing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    pub(super) next_page_token: Option<String>,
    #[serde(default)]
    pub(super) files: Vec<File>,
    #[serde(default)]
    pub(super) incomplete_search: bool,
}

/// A text as a question after files has it.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted() {
        assert_eq!(quoted(r"it's a \ b"), r"'it\'s a \\ b'");
    }
}
