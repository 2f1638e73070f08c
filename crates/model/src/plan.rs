//! Plans: what is backed up or copied where, when, and for how long it is kept.

use std::time::Duration;

use backstay_policy::{PlanRetention, Schedule, duration_text};
use serde::{Deserialize, Serialize};

use crate::{CopySpec, DestinationId, Hooks, Invalid, Limits, PlanId, ProjectId, RunKind, SourceId, Time};

/// Sources to destinations, or one destination to others, on a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Plan {
    /// Its id. Its snapshots carry it as the tag `plan:ID`, and copies it has made as `copy:ID`.
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
    /// What is backed up. Each source is a run of its own. A copy plan has none.
    pub sources: Vec<SourceId>,
    /// What is copied, which makes it a copy plan: one without sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopySpec>,
    /// Where to. A run succeeds for each by itself.
    pub destinations: Vec<DestinationId>,
    /// When.
    #[serde(default)]
    pub schedule: Schedule,
    /// What is kept. Only this plan's snapshots are ever forgotten by it.
    #[serde(default)]
    pub retention: PlanRetention,
    /// Whether what is written between the backups is kept too, so that one can go back to any moment. The plan says so and not the source,
    /// since it goes to the plan's destinations, follows on its backups and is kept as long as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continuous: Option<Continuous>,
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

/// How the log of the plan's sources is kept between backups: the oplog of a MongoDB replica set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Continuous {
    /// How often what was written is stored at each destination, as `60s`: no more is lost when the source is.
    #[serde(with = "duration_text")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub every: Duration,
    /// How far one can go back to any moment, as `7d`; `null` for as far as backups are kept. The backup that is needed for it is kept so
    /// long, whatever the retention says.
    #[serde(with = "duration_text::optional")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub keep: Option<Duration>,
}

impl Default for Continuous {
    fn default() -> Self {
        Self { every: Duration::from_secs(60), keep: Some(Duration::from_secs(7 * 24 * 3600)) }
    }
}

impl Continuous {
    /// The shortest time between two pieces: each is a snapshot.
    pub const SHORTEST: Duration = Duration::from_secs(1);
    /// The longest: a server does not keep its log for ever.
    pub const LONGEST: Duration = Duration::from_secs(3600);

    fn validate(&self) -> Result<(), Invalid> {
        if !(Self::SHORTEST..=Self::LONGEST).contains(&self.every) {
            return Err(Invalid::new("continuous.every", "it has to be from 1s to 1h"));
        }
        if self.keep.is_some_and(|keep| keep < Self::LONGEST) {
            return Err(Invalid::new(
                "continuous.keep",
                "it has to be 1h or more; null for as far as backups are kept",
            ));
        }
        Ok(())
    }
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
        match &self.copy {
            None if self.sources.is_empty() => {
                return Err(Invalid::new("sources", "name at least one source, or say what is copied"));
            }
            Some(_) if !self.sources.is_empty() => {
                return Err(Invalid::new(
                    "sources",
                    "a plan that copies has no sources; make another plan for them",
                ));
            }
            _ => {}
        }
        if self.destinations.is_empty() {
            return Err(Invalid::new("destinations", "name at least one destination"));
        }
        if let Some(copy) = &self.copy {
            copy.validate(&self.destinations)?;
            self.validate_copies(copy)?;
        }
        self.schedule.validate().map_err(|error| Invalid::new("schedule", error))?;
        self.retention.validate().map_err(|error| Invalid::new("retention", error))?;
        self.continuous.as_ref().map_or(Ok(()), Continuous::validate)?;
        self.hooks.validate()?;
        self.limits.validate()?;
        if !(0.0..=100.0).contains(&self.verification.read_percent) {
            return Err(Invalid::new("verification.read_percent", "it has to be from 0 to 100"));
        }
        for (place, tag) in self.tags.iter().enumerate() {
            if tag.is_empty() || tag.contains(',') || is_own_tag(tag) {
                let why = format!(
                    "a tag is not empty, holds no comma and does not begin with one of {}",
                    OWN_TAGS.join(", ")
                );
                return Err(Invalid::new(format!("tags[{place}]"), why));
            }
        }
        Ok(())
    }

    /// What its own runs do, beside checks and clean-ups.
    #[must_use]
    pub const fn kind(&self) -> RunKind {
        if self.copy.is_some() { RunKind::Copy } else { RunKind::Backup }
    }

    /// Whether it ever has anything forgotten.
    #[must_use]
    pub fn forgets(&self) -> bool {
        !self.retention.is_empty()
            || self.continuous.is_some()
            || self.copy.as_ref().is_some_and(|copy| copy.mirror)
    }

    fn validate_copies(&self, copy: &CopySpec) -> Result<(), Invalid> {
        if !self.tags.is_empty() {
            return Err(Invalid::new("tags", "copies keep the tags of what they are copied from"));
        }
        if self.continuous.is_some() {
            return Err(Invalid::new(
                "continuous",
                "a plan that copies has no sources that could be followed",
            ));
        }
        if copy.mirror && !self.retention.is_empty() {
            let why = "a mirror keeps what there is where it is copied from; say what is kept there, or make it no mirror";
            return Err(Invalid::new("retention", why));
        }
        Ok(())
    }
}

/// Whether a tag is one by which plans know their snapshots and copies.
#[must_use]
pub fn is_own_tag(tag: &str) -> bool {
    OWN_TAGS.iter().any(|own| tag.starts_with(own))
}

/// What the tags begin with that Backstay itself gives.
const OWN_TAGS: [&str; 5] = ["plan:", "copy:", "log-of:", "log-base:", "log-piece:"];

impl PlanId {
    /// The plan that made the snapshot with these tags where it lies: of a copy the copy plan, else the plan of the backup.
    #[must_use]
    pub fn of_tags(tags: &[String]) -> Option<Self> {
        let tagged = |own: &str| tags.iter().find_map(|tag| tag.strip_prefix(own)?.parse().ok());
        tagged("copy:").or_else(|| tagged("plan:"))
    }

    /// The tag by which what is kept between its backups is known in a repository.
    #[must_use]
    pub fn log_tag(&self) -> String {
        format!("log-of:{self}")
    }

    /// The tag by which its snapshots are known in a repository.
    #[must_use]
    pub fn tag(&self) -> String {
        format!("plan:{self}")
    }

    /// The tag by which the copies that it has made are known.
    #[must_use]
    pub fn copy_tag(&self) -> String {
        format!("copy:{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_of_the_plan_that_made_it_where_it_lies() {
        let (plan, copies) = (PlanId(uuid::Uuid::from_u128(1)), PlanId(uuid::Uuid::from_u128(2)));
        let of = |tags: &[String]| PlanId::of_tags(tags);
        assert_eq!(of(&["weekly".to_owned(), plan.tag()]), Some(plan));
        assert_eq!(of(&[plan.tag(), copies.copy_tag()]), Some(copies));
        assert_eq!(of(&["weekly".to_owned(), "plan:".to_owned(), "plan:home".to_owned()]), None);
        assert_eq!(of(&[]), None);
    }
}
