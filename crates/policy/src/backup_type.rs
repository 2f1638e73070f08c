//! How much of its source a backup holds by itself.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether a backup stands alone, and what it leans on if it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum BackupType {
    /// Everything is in it.
    #[default]
    Full,
    /// What changed since the last full backup.
    Differential,
    /// What changed since the last backup of any type.
    Incremental,
}

impl BackupType {
    /// The word for it, as it is written in names and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Differential => "differential",
            Self::Incremental => "incremental",
        }
    }
}

impl fmt::Display for BackupType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
