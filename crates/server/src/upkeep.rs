//! Clears away what has had its time: sessions, one-time tokens, counts of failures, commands, logs, runs and old keys.

use std::time::Duration;

use backstay_model::{Invalid, Time};
use backstay_policy::duration_text;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::state::AppState;
use crate::{rotation, settings};

const SETTING: &str = "retention";
const LEASE: &str = "upkeep";
/// How often it is done by one of all servers over a catalog.
const EVERY: Duration = Duration::from_secs(3600);
/// How often a server looks whether it is its turn.
const LOOK_EVERY: Duration = Duration::from_secs(300);
/// Commands are kept for so long after they have expired, for those who ask late what came of them.
const COMMANDS: Duration = Duration::from_secs(3600);
/// Counts of failed attempts are kept for so long.
const FAILURES: Duration = Duration::from_secs(2 * 24 * 3600);

const DAY: u64 = 24 * 3600;

/// For how long the history of runs is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetentionSettings {
    /// Log lines, as `90d`.
    #[serde(with = "duration_text")]
    #[schema(value_type = String)]
    pub(crate) logs: Duration,
    /// Runs that have ended, as `400d`. What they wrote down goes with them.
    #[serde(with = "duration_text")]
    #[schema(value_type = String)]
    pub(crate) runs: Duration,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self { logs: Duration::from_secs(90 * DAY), runs: Duration::from_secs(400 * DAY) }
    }
}

impl RetentionSettings {
    /// Whether they keep anything, and let anything go.
    ///
    /// # Errors
    /// When a time is shorter than a day or longer than a hundred years.
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        for (field, time) in [("logs", self.logs), ("runs", self.runs)] {
            if !(DAY..=36_500 * DAY).contains(&time.as_secs()) {
                return Err(Invalid::new(field, "it has to be from one day to a hundred years"));
            }
        }
        Ok(())
    }
}

/// For how long history is kept.
pub(crate) async fn retention(state: &AppState) -> Result<RetentionSettings, Problem> {
    settings::read(state, SETTING).await.map(Option::unwrap_or_default)
}

/// Changes for how long history is kept.
pub(crate) async fn set_retention(state: &AppState, retention: &RetentionSettings) -> Result<(), Problem> {
    retention.validate()?;
    settings::write(state, SETTING, retention).await
}

/// Clears away about every hour until the server ends.
pub(crate) async fn run(state: AppState) {
    let holder = crate::text::random_hex(&*state.random, 8);
    loop {
        // The lease is kept until it runs out: so it is done once an hour, by whichever server comes first.
        match state.store.claim(LEASE, &holder, state.now(), EVERY).await {
            Ok(Some(_)) => {
                if let Err(error) = clear(&state).await {
                    tracing::error!(cause = %error, "clearing away what is old failed");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::error!(cause = %error, "clearing away what is old could not begin"),
        }
        // Every server does this: each has a key ring to read.
        if let Err(error) = rotation::tidy(&state.store, &state.vault, &*state.clock, &state.random).await {
            tracing::error!(cause = %error, "the exchange of the vault's keys does not go on");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = state.ended() => return,
        }
    }
}

async fn clear(state: &AppState) -> Result<(), Problem> {
    let now = state.now();
    let keep = retention(state).await?;
    let idle = settings::sign_in(state).await?.idle_timeout;
    let store = &state.store;
    let sessions = store.prune_sessions(now, before(now, idle)).await?;
    let tokens = store.prune_one_times(now).await?;
    store.prune_failures(before(now, FAILURES)).await?;
    let commands = store.prune_commands(before(now, COMMANDS)).await?;
    let lines = store.prune_logs(before(now, keep.logs)).await?;
    let runs = store.prune_runs(before(now, keep.runs)).await?;
    if sessions + tokens + commands + lines + runs > 0 {
        tracing::info!(sessions, tokens, commands, lines, runs, "cleared away what was old");
    }
    Ok(())
}

/// A moment so long before; the beginning of time where there is none.
fn before(now: Time, time: Duration) -> Time {
    let time = jiff::SignedDuration::try_from(time).unwrap_or(jiff::SignedDuration::MAX);
    now.saturating_sub(time).unwrap_or(Time::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_kept_for_a_day_at_least() {
        assert!(RetentionSettings::default().validate().is_ok());
        let short: RetentionSettings = serde_json::from_str(r#"{"logs": "1h"}"#).unwrap();
        assert_eq!(short.validate().unwrap_err().field, "logs");
        assert!(serde_json::from_str::<RetentionSettings>(r#"{"log": "1d"}"#).is_err());
    }
}
