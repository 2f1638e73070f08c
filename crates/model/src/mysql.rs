//! Instances of MySQL and MariaDB as sources.

use std::time::Duration;

use backstay_policy::duration_text;
use serde::{Deserialize, Serialize};

use crate::connection::check_path;
use crate::hook::{Action, CommandAction, Hook};
use crate::{ConnectionId, Invalid};

/// An instance of MySQL or MariaDB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MysqlSpec {
    /// The connection that reaches it, of the type `mysql` and on the same node.
    pub connection: ConnectionId,
    /// How it is backed up.
    pub method: MysqlMethod,
}

/// How an instance is backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum MysqlMethod {
    /// It is stopped, all its files are copied, and it is started again.
    Cold(ColdSpec),
}

/// A copy of all files of an instance that is stopped for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ColdSpec {
    /// How the instance is stopped and started.
    pub service: ServiceControl,
    /// What is done while it is stopped.
    #[serde(default)]
    pub sequence: Sequence,
    /// Its data directory, where the instance shall not be asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<String>,
    /// Further files that belong to it, as its configuration where that is at no usual place. What lies outside the data directory is found
    /// without being named here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// The folder that copies are made in before they are stored; one of the node's own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spool: Option<String>,
    /// How long stopping may take, as `5m`.
    #[serde(default = "minutes", with = "duration_text")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub stop_timeout: Duration,
    /// How long the copy may take, as `6h`. When it takes longer, the instance is started and the backup fails.
    #[serde(default = "hours", with = "duration_text")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub copy_timeout: Duration,
    /// How long starting may take, until the instance answers.
    #[serde(default = "minutes", with = "duration_text")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub start_timeout: Duration,
}

/// How an instance is stopped and started. The node's policy has to allow it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ServiceControl {
    /// By the system's service manager, under this name.
    Service(String),
    /// As a container of docker or podman.
    Container(String),
    /// By commands of one's own.
    Commands(ServiceCommands),
}

/// Commands that stop and start an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ServiceCommands {
    /// Stops it, and ends when it is stopped.
    pub stop: CommandAction,
    /// Starts it.
    pub start: CommandAction,
}

/// What is done while an instance is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Sequence {
    /// The copy first where there is space for it, else all of it.
    #[default]
    Auto,
    /// Its files are copied on the host; then it is started, and the copy is stored.
    CopyFirst,
    /// Its files are stored at all destinations; then it is started.
    SendFirst,
}

const fn minutes() -> Duration {
    Duration::from_secs(5 * 60)
}

const fn hours() -> Duration {
    Duration::from_secs(6 * 3600)
}

impl MysqlSpec {
    /// The copy of a stopped instance.
    #[must_use]
    pub const fn cold(&self) -> &ColdSpec {
        let MysqlMethod::Cold(cold) = &self.method;
        cold
    }

    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        self.cold().validate("spec.method")
    }
}

impl ColdSpec {
    /// What stops the instance.
    #[must_use]
    pub fn stop(&self) -> Hook {
        let action = match &self.service {
            ServiceControl::Service(name) => Action::StopService(name.clone()),
            ServiceControl::Container(name) => Action::StopContainer(name.clone()),
            ServiceControl::Commands(commands) => Action::Command(commands.stop.clone()),
        };
        Hook { action, timeout: self.stop_timeout, ignore_failure: false }
    }

    /// What starts the instance.
    #[must_use]
    pub fn start(&self) -> Hook {
        let action = match &self.service {
            ServiceControl::Service(name) => Action::StartService(name.clone()),
            ServiceControl::Container(name) => Action::StartContainer(name.clone()),
            ServiceControl::Commands(commands) => Action::Command(commands.start.clone()),
        };
        Hook { action, timeout: self.start_timeout, ignore_failure: false }
    }

    fn validate(&self, field: &str) -> Result<(), Invalid> {
        let within = |error: Invalid| Invalid::new(format!("{field}.service"), error.why);
        self.stop().validate("").map_err(within)?;
        self.start().validate("").map_err(within)?;
        if self.copy_timeout.is_zero() {
            return Err(Invalid::new(format!("{field}.copy_timeout"), "it must be longer than nothing"));
        }
        for (name, path) in [("data_dir", &self.data_dir), ("spool", &self.spool)] {
            path.as_ref().map_or(Ok(()), |path| check_path(&format!("{field}.{name}"), path))?;
        }
        let mut include = self.include.iter().enumerate();
        include.try_for_each(|(place, path)| check_path(&format!("{field}.include[{place}]"), path))
    }
}
