//! What a plan does around a backup.

use std::collections::BTreeMap;
use std::time::Duration;

use backstay_policy::duration_text;
use serde::{Deserialize, Serialize};

use crate::Invalid;

/// What a plan does before, after, and when something fails.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Hooks {
    /// Before the source is read, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Hook>,
    /// After the backup, whatever came of it, in this order: what `before` stopped is started here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Hook>,
    /// When the run fails, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_failure: Vec<Hook>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Hook {
    /// What to do.
    #[serde(flatten)]
    pub action: Action,
    /// How long it may take, as `5m`.
    #[serde(default = "default_timeout", with = "duration_text")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub timeout: Duration,
    /// Whether the run goes on when it fails.
    #[serde(default)]
    pub ignore_failure: bool,
}

/// What a hook does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Action {
    /// Runs a program, without a shell. The node's policy has to allow it.
    Command(CommandAction),
    /// Sends an HTTP request and expects an answer of 2xx.
    Http(HttpAction),
    /// Stops a service, by the system's service manager.
    StopService(String),
    /// Starts a service.
    StartService(String),
    /// Stops a container, by docker or podman.
    StopContainer(String),
    /// Starts a container.
    StartContainer(String),
}

/// A program to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CommandAction {
    /// An absolute path or a name to look up.
    pub program: String,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Variables to set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
}

/// An HTTP request to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HttpAction {
    /// Where to; `http` or `https`.
    pub url: String,
    /// `GET` or `POST`.
    #[serde(default)]
    pub method: HttpMethod,
    /// The body of a `POST`; the run as JSON when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// How an HTTP hook asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum HttpMethod {
    /// Without a body.
    #[default]
    Get,
    /// With one.
    Post,
}

const fn default_timeout() -> Duration {
    Duration::from_secs(300)
}

impl Hooks {
    /// Whether there is anything to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// All hooks.
    pub fn all(&self) -> impl Iterator<Item = &Hook> {
        self.before.iter().chain(&self.after).chain(&self.on_failure)
    }

    /// Whether each can be done.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn validate(&self) -> Result<(), Invalid> {
        for (list, hooks) in
            [("before", &self.before), ("after", &self.after), ("on_failure", &self.on_failure)]
        {
            for (place, hook) in hooks.iter().enumerate() {
                hook.validate(&format!("hooks.{list}[{place}]"))?;
            }
        }
        Ok(())
    }
}

impl Hook {
    /// What it does, in a few words for a log.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.action {
            Action::Command(command) => format!("command {}", command.program),
            Action::Http(http) => {
                let host = http.url.split_once("://").map_or(http.url.as_str(), |(_, rest)| rest);
                format!("request to {}", host.split(['/', '?', '#']).next().unwrap_or_default())
            }
            Action::StopService(name) => format!("stop service {name}"),
            Action::StartService(name) => format!("start service {name}"),
            Action::StopContainer(name) => format!("stop container {name}"),
            Action::StartContainer(name) => format!("start container {name}"),
        }
    }

    pub(crate) fn validate(&self, field: &str) -> Result<(), Invalid> {
        if self.timeout.is_zero() {
            return Err(Invalid::new(format!("{field}.timeout"), "it must be longer than nothing"));
        }
        match &self.action {
            Action::Command(command) if command.program.trim().is_empty() => {
                Err(Invalid::new(format!("{field}.command.program"), "it must not be empty"))
            }
            Action::Http(http) if !(http.url.starts_with("http://") || http.url.starts_with("https://")) => {
                Err(Invalid::new(format!("{field}.http.url"), "it has to begin with http:// or https://"))
            }
            Action::StopService(name)
            | Action::StartService(name)
            | Action::StopContainer(name)
            | Action::StartContainer(name) => check_unit(field, name),
            Action::Command(_) | Action::Http(_) => Ok(()),
        }
    }
}

/// Refuses what the service manager would take for an option or a path.
fn check_unit(field: &str, name: &str) -> Result<(), Invalid> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | ':');
    if name.is_empty() || name.starts_with('-') || !name.chars().all(plain) {
        return Err(Invalid::new(field, format!("{name:?} is no name of a service or container")));
    }
    Ok(())
}
