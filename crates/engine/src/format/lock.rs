//! A lock file: tells other programs that the repository is in use.

use backstay_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockFile {
    /// When it was made or last refreshed.
    #[serde(with = "super::time::json")]
    pub time: Timestamp,
    /// Whether nobody else may use the repository meanwhile.
    #[serde(default, deserialize_with = "super::or_default")]
    pub exclusive: bool,
    /// The holder's host.
    #[serde(default, deserialize_with = "super::or_default")]
    pub hostname: String,
    /// The holder's user.
    #[serde(default, deserialize_with = "super::or_default")]
    pub username: String,
    /// The holder's process.
    #[serde(default, deserialize_with = "super::or_default")]
    pub pid: i64,
    /// The holder's numeric user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The holder's numeric group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
}

impl LockFile {
    /// Reads the decrypted and decompressed file.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is none.
    pub fn parse(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json).map_err(|error| Error::damaged("a lock", error))
    }

    /// The file as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}
