//! Hosts that execute runs.

use serde::{Deserialize, Serialize};

use crate::run::Named;
use crate::{DestinationId, NodeId, PlanId, ProjectId, SourceId, Time};

/// A host that executes runs, as its server knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its name, unique in the project.
    pub name: String,
    /// Whether it is the node in the server's own process.
    #[serde(default)]
    pub local: bool,
    /// The key that secrets for it are sealed to, as text.
    #[serde(default)]
    pub public_key: String,
    /// When it was last heard of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub last_seen: Option<Time>,
    /// What it said of itself then.
    #[serde(default)]
    pub host: HostState,
    /// Whether it was shut out.
    #[serde(default)]
    pub revoked: bool,
    /// Why it needs attention: two processes with its identity, a clock that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// When it joined.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub created: Time,
}

/// What a node says of its host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HostState {
    /// The host's name.
    pub host_name: String,
    /// The version of Backstay it runs.
    pub version: String,
    /// Its operating system and kernel.
    pub system: String,
    /// Its cores.
    pub cores: u32,
    /// Load average of one minute.
    pub load: f64,
    /// Share of processor time in use, from 0 to 100 percent of all cores.
    pub cpu_percent: f64,
    /// Bytes of memory.
    pub memory_total: u64,
    /// Bytes of memory that could be used still.
    pub memory_available: u64,
    /// Bytes of the file system of the data folder.
    pub disk_total: u64,
    /// Bytes free there.
    pub disk_free: u64,
    /// Whether it runs on battery, where that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_battery: Option<bool>,
    /// Runs that wait.
    pub runs_pending: u32,
    /// Runs being executed.
    pub runs_running: u32,
    /// The logs that it follows between backups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<FollowedLog>,
}

/// What is kept of the log of a source at one destination of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FollowedLog {
    /// The plan.
    pub plan: PlanId,
    /// The source whose log it is.
    pub source: Named<SourceId>,
    /// The destination that keeps it.
    pub destination: Named<DestinationId>,
    /// One can go back to any moment of these, the oldest first. There is more than one where the log has a gap.
    pub moments: Vec<Moments>,
    /// Why nothing is added now, if nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// Any moment from one to another, both included, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Moments {
    /// The first.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub from: Time,
    /// The last.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub until: Time,
}
