//! How much of a host a run may take.

use std::time::Duration;

use backstay_policy::duration_text;
use serde::{Deserialize, Serialize};

use crate::Invalid;

/// How much of a host a run may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Limits {
    /// Bytes per second sent to destinations; no limit when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<u64>,
    /// Bytes per second received from destinations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download: Option<u64>,
    /// Bytes per second read from the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<u64>,
    /// Files read at once; as many as there are cores when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Which of the waiting runs goes first.
    pub priority: Priority,
    /// After this time a run is ended as failed.
    #[serde(with = "duration_text")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub time: Duration,
    /// After so long without any progress a run is ended as failed.
    #[serde(with = "duration_text")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub no_progress: Duration,
}

/// Which of the waiting runs goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Priority {
    /// When nothing else waits.
    Low,
    /// In the order of asking.
    #[default]
    Normal,
    /// Before the others.
    High,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload: None,
            download: None,
            read: None,
            concurrency: None,
            priority: Priority::Normal,
            time: Duration::from_secs(7 * 24 * 3600),
            no_progress: Duration::from_secs(30 * 60),
        }
    }
}

impl Limits {
    /// Whether a run can get anything done within them.
    ///
    /// # Errors
    /// The first field that lets nothing through.
    pub fn validate(&self) -> Result<(), Invalid> {
        for (field, value) in [("upload", self.upload), ("download", self.download), ("read", self.read)] {
            if value == Some(0) {
                return Err(Invalid::new(
                    format!("limits.{field}"),
                    "0 lets nothing through; leave it out for no limit",
                ));
            }
        }
        if self.concurrency.is_some_and(|number| !(1..=256).contains(&number)) {
            return Err(Invalid::new("limits.concurrency", "it has to be from 1 to 256"));
        }
        for (field, value) in [("time", self.time), ("no_progress", self.no_progress)] {
            if value.is_zero() {
                return Err(Invalid::new(format!("limits.{field}"), "it must be longer than nothing"));
            }
        }
        Ok(())
    }
}
