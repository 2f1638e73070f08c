//! Plans: what is backed up where, when, and for how long it is kept.

use std::time::Duration;

use backstay_policy::{PlanRetention, Schedule, duration_text};
use serde::{Deserialize, Serialize};

use crate::{DestinationId, Hooks, Invalid, Limits, PlanId, ProjectId, SourceId, Time};

/// Sources to destinations, on a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Plan {
    /// Its id. Its snapshots carry it as the tag `plan:ID`.
    pub id: PlanId,
    /// The project it belongs to.
    pub project: ProjectId,
    /// What it does.
    #[serde(flatten)]
    pub spec: PlanSpec,
    /// When it was made.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub created: Time,
    /// When it was last changed.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub changed: Time,
    /// Counts its versions, from 1 up.
    pub revision: i64,
}

/// What a plan does: all of it that people write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PlanSpec {
    /// Its name, unique in the project.
    pub name: String,
    /// What is backed up. Each source is a run of its own.
    pub sources: Vec<SourceId>,
    /// Where to. A run succeeds for each by itself.
    pub destinations: Vec<DestinationId>,
    /// When.
    #[serde(default)]
    pub schedule: Schedule,
    /// What is kept. Only this plan's snapshots are ever forgotten by it.
    #[serde(default)]
    pub retention: PlanRetention,
    /// How backups are proved.
    #[serde(default)]
    pub verification: Verification,
    /// What is done around a backup.
    #[serde(default, skip_serializing_if = "Hooks::is_empty")]
    pub hooks: Hooks,
    /// How much of the host a run may take.
    #[serde(default)]
    pub limits: Limits,
    /// Tags for its snapshots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whether the schedule is on. A plan that is off can still be run by hand.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// How backups are proved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Verification {
    /// How often the repository is checked, as `7d`; `null` for never.
    #[serde(with = "duration_text::optional")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub every: Option<Duration>,
    /// How much of the stored data is read back at each check, from 0 to 100 percent.
    pub read_percent: f64,
}

impl Default for Verification {
    fn default() -> Self {
        Self { every: Some(Duration::from_secs(7 * 24 * 3600)), read_percent: 5.0 }
    }
}

const fn yes() -> bool {
    true
}

impl PlanSpec {
    /// Whether the plan can be carried out, as far as it alone can tell.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn validate(&self) -> Result<(), Invalid> {
        Invalid::check_name("name", &self.name)?;
        if self.sources.is_empty() {
            return Err(Invalid::new("sources", "name at least one source"));
        }
        if self.destinations.is_empty() {
            return Err(Invalid::new("destinations", "name at least one destination"));
        }
        self.schedule.validate().map_err(|error| Invalid::new("schedule", error))?;
        self.retention.validate().map_err(|error| Invalid::new("retention", error))?;
        self.hooks.validate()?;
        self.limits.validate()?;
        if !(0.0..=100.0).contains(&self.verification.read_percent) {
            return Err(Invalid::new("verification.read_percent", "it has to be from 0 to 100"));
        }
        for (place, tag) in self.tags.iter().enumerate() {
            if tag.is_empty() || tag.contains(',') || tag.starts_with("plan:") {
                let why = "a tag is not empty, holds no comma and does not begin with `plan:`";
                return Err(Invalid::new(format!("tags[{place}]"), why));
            }
        }
        Ok(())
    }
}

impl PlanId {
    /// The tag by which its snapshots are known in a repository.
    #[must_use]
    pub fn tag(&self) -> String {
        format!("plan:{self}")
    }
}
