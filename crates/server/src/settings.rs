//! Settings of the whole server, as its owners change them.

use std::time::Duration;

use backstay_model::{Invalid, ProjectId};
use backstay_policy::duration_text;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::state::AppState;

const SIGN_IN: &str = "sign_in";
const HOME: &str = "home_project";

/// How people stay signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SignInSettings {
    /// After so long without a request a session ends, as `12h`.
    #[serde(with = "duration_text")]
    #[schema(value_type = String)]
    pub(crate) idle_timeout: Duration,
}

impl Default for SignInSettings {
    fn default() -> Self {
        Self { idle_timeout: Duration::from_secs(12 * 3600) }
    }
}

impl SignInSettings {
    /// Whether somebody could work under them.
    ///
    /// # Errors
    /// When they throw people out within a minute, or keep them for longer than thirty days.
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        if !(60..=30 * 24 * 3600).contains(&self.idle_timeout.as_secs()) {
            return Err(Invalid::new("sign_in.idle_timeout", "it has to be from one minute to thirty days"));
        }
        Ok(())
    }
}

/// The settings in force for sessions.
pub(crate) async fn sign_in(state: &AppState) -> Result<SignInSettings, Problem> {
    read(state, SIGN_IN).await.map(Option::unwrap_or_default)
}

/// Changes the settings for sessions.
pub(crate) async fn set_sign_in(state: &AppState, settings: &SignInSettings) -> Result<(), Problem> {
    settings.validate()?;
    write(state, SIGN_IN, settings).await
}

/// The project whose owners own the server; none before it was set up.
pub(crate) async fn home_project(state: &AppState) -> Result<Option<ProjectId>, Problem> {
    read(state, HOME).await
}

/// Says which project's owners own the server. It is said once: false when it was said before.
pub(crate) async fn set_home_project(state: &AppState, project: ProjectId) -> Result<bool, Problem> {
    Ok(state.store.add_setting(HOME, &value(&project)?, None).await?)
}

/// A setting, if it was ever set.
pub(crate) async fn read<T: serde::de::DeserializeOwned>(
    state: &AppState,
    name: &str,
) -> Result<Option<T>, Problem> {
    let Some(value) = state.store.setting(name).await? else { return Ok(None) };
    serde_json::from_value(value).map(Some).map_err(Problem::internal)
}

/// Sets a setting that holds no secret.
pub(crate) async fn write<T: Serialize>(state: &AppState, name: &str, setting: &T) -> Result<(), Problem> {
    Ok(state.store.set_setting(name, &value(setting)?, None).await?)
}

fn value<T: Serialize>(setting: &T) -> Result<serde_json::Value, Problem> {
    serde_json::to_value(setting).map_err(Problem::internal)
}
