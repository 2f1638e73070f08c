//! What runs write down.

use serde::{Deserialize, Serialize};

use crate::{RunId, Time};

/// One line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LogLine {
    /// The run.
    pub run: RunId,
    /// Its number within the run, from 1 up without gaps.
    pub number: i64,
    /// When it was written.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub time: Time,
    /// How much it matters.
    pub level: Level,
    /// The step it belongs to: `queue`, `connect`, `read`, `upload`, `verify`, `hook` …
    pub step: String,
    /// What happened; may have several lines.
    pub text: String,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Level {
    /// For those who look closely.
    Debug,
    /// What goes on.
    Info,
    /// What should be looked at.
    Warning,
    /// What failed.
    Error,
}

impl Level {
    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The level of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Debug, Self::Info, Self::Warning, Self::Error].into_iter().find(|level| level.name() == name)
    }
}
