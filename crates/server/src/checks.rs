//! Whether connections work: the one way to find out, and the task that tries them again from time to time.
//!
//! A connection is tried by the node that uses it, since what one host reaches another may not. Of several servers over one
//! catalog one does the round: the one with the lease.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use backstay_catalog::{Happening, Token};
use backstay_model::command::{Answer, Ask};
use backstay_model::secret::HoldsSecrets;
use backstay_model::{
    Connection, ConnectionId, ConnectionSettings, ConnectionStatus, Health, Invalid, Node, NodeId, Time,
};
use backstay_node::seals;
use backstay_policy::duration_text;
use backstay_vault::NodePublicKey;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::problem::Problem;
use crate::state::AppState;
use crate::state::later;
use crate::{repositories, settings, text};

/// How long an attempt to connect may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked which connections are due.
const ROUND: Duration = Duration::from_secs(60);
/// For how long one server has the round; longer than any attempt takes.
const LEASE: Duration = Duration::from_secs(180);
/// A node that was not heard of for so long is not asked.
const SEEN: Duration = Duration::from_secs(120);
/// A node that was asked in vain so often is said not to answer.
const SILENT: u32 = 3;
/// Attempts under way at once.
const AT_ONCE: usize = 8;
const RESOURCE: &str = "connection-checks";
const SETTING: &str = "connection_checks";
/// Who asks, where nobody does.
const ITSELF: &str = "server";

/// How often connections are tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CheckSettings {
    /// A connection is tried again after this time, as `6h`.
    #[serde(with = "duration_text")]
    #[schema(value_type = String)]
    pub(crate) every: Duration,
    /// One that failed is tried again after this time, as `30m`.
    #[serde(with = "duration_text")]
    #[schema(value_type = String)]
    pub(crate) failing_every: Duration,
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self { every: Duration::from_secs(6 * 3600), failing_every: Duration::from_secs(30 * 60) }
    }
}

impl CheckSettings {
    fn validate(&self) -> Result<(), Invalid> {
        for (field, value) in [("every", self.every), ("failing_every", self.failing_every)] {
            if !(60..=30 * 86_400).contains(&value.as_secs()) {
                return Err(Invalid::new(field, "it has to be from one minute to thirty days"));
            }
        }
        Ok(())
    }

    fn is_due(&self, status: &ConnectionStatus, now: Time) -> bool {
        let wait = if status.health == Health::Valid { self.every } else { self.failing_every };
        status.checked.is_none_or(|checked| later(checked, wait) <= now || checked > now)
    }
}

/// The settings in force.
pub(crate) async fn read_settings(state: &AppState) -> Result<CheckSettings, Problem> {
    settings::read(state, SETTING).await.map(Option::unwrap_or_default)
}

/// Changes the settings.
pub(crate) async fn write_settings(state: &AppState, new: &CheckSettings) -> Result<(), Problem> {
    new.validate()?;
    settings::write(state, SETTING, new).await
}

/// Lets a node try to reach a service. The settings hold their secrets; these travel sealed to the node.
pub(crate) async fn probe(
    state: &AppState,
    node: &Node,
    by: &str,
    mut settings: ConnectionSettings,
) -> Result<ConnectionStatus, Problem> {
    let secrets = settings.take_secrets();
    let key: NodePublicKey = node.public_key.parse()?;
    let secrets = seals::seal(&key, &seals::of_probe(node.id), &secrets, &*state.random);
    let ask = Ask::Probe { settings, secrets: secrets.map_err(Problem::internal)? };
    match state.hub.ask(node.id, by, ask, PATIENCE).await? {
        Answer::Probed { health, reason } => {
            Ok(ConnectionStatus { health, checked: Some(state.now()), reason })
        }
        _ => Err(Problem::internal("a node answered an attempt to connect with something else")),
    }
}

/// Tries a stored connection again, with its stored secrets.
pub(crate) async fn probe_again(
    state: &AppState,
    node: &Node,
    by: &str,
    connection: &Connection,
) -> Result<ConnectionStatus, Problem> {
    let mut settings = connection.settings.clone();
    settings.put_secrets(&repositories::connection_secrets(&state.store, &state.vault, connection).await?);
    probe(state, node, by, settings).await
}

/// Stores how an attempt went, unless the connection has changed meanwhile; one that no longer works is told to people.
pub(crate) async fn note(
    state: &AppState,
    connection: &Connection,
    status: &ConnectionStatus,
) -> Result<(), Problem> {
    let now = state.store.connection(connection.id).await?;
    let Some(now) = now.filter(|now| now.revision == connection.revision) else { return Ok(()) };
    state.store.set_connection_status(connection.id, status).await?;
    if now.status.health != Health::Failing && status.health == Health::Failing {
        let reason = status.reason.as_deref().unwrap_or("no reason was given");
        let text = format!("connection {} no longer works: {reason}", connection.name);
        let happening = Happening::Trouble { project: connection.project, node: connection.node, text };
        state.store.add_event(&happening).await?;
    }
    Ok(())
}

/// Tries connections again, as long as the server runs.
pub(crate) async fn run(state: AppState) {
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let silences = Arc::<Silences>::default();
    let work = async {
        loop {
            rounds.tick().await;
            if let Err(problem) = round(&state, &silences).await {
                tracing::warn!(%problem, "connections could not be tried again");
            }
        }
    };
    tokio::select! {
        () = work => {}
        () = ended(state.ending.clone()) => {}
    }
}

async fn ended(mut ending: tokio::sync::watch::Receiver<bool>) {
    // A sender that is gone is an end too.
    let _ = ending.wait_for(|end| *end).await;
}

/// How often connections were tried in vain, one after the other, since their nodes did not answer.
#[derive(Debug, Default)]
struct Silences(Mutex<HashMap<ConnectionId, u32>>);

impl Silences {
    /// One more time. Whether that is so often that it has to be said; then it is counted anew.
    fn again(&self, connection: ConnectionId) -> bool {
        let mut times = self.0.lock();
        let count = times.entry(connection).or_default();
        *count += 1;
        let enough = *count >= SILENT;
        if enough {
            times.remove(&connection);
        }
        enough
    }

    fn broken(&self, connection: ConnectionId) {
        self.0.lock().remove(&connection);
    }

    fn keep_only(&self, due: &[Connection]) {
        self.0.lock().retain(|id, _| due.iter().any(|connection| connection.id == *id));
    }
}

async fn round(state: &AppState, silences: &Arc<Silences>) -> Result<(), Problem> {
    let holder = text::random_hex(&*state.random, 8);
    let Some(lease) = state.store.claim(RESOURCE, &holder, state.now(), LEASE).await? else {
        return Ok(());
    };
    let checked = check_due(state, silences, lease).await;
    state.store.release(RESOURCE, lease).await?;
    checked
}

async fn check_due(state: &AppState, silences: &Arc<Silences>, lease: Token) -> Result<(), Problem> {
    let (settings, now) = (read_settings(state).await?, state.now());
    let there = |node: &Node| !node.revoked && node.last_seen.is_some_and(|seen| later(seen, SEEN) >= now);
    let (nodes, away): (Vec<Node>, Vec<Node>) = state.store.nodes(None).await?.into_iter().partition(there);
    let nodes: HashMap<NodeId, Node> = nodes.into_iter().map(|node| (node.id, node)).collect();
    let mut due = state.store.connections(None).await?;
    due.retain(|connection| settings.is_due(&connection.status, now));
    silences.keep_only(&due);
    for connection in due.iter().filter(|connection| connection.status.health == Health::Valid) {
        if let Some(node) = away.iter().find(|node| node.id == connection.node) {
            unknown(state, lease, connection, connection.status.checked, away_since(node)).await?;
        }
    }
    due.retain(|connection| nodes.contains_key(&connection.node));
    due.sort_by_key(|connection| connection.status.checked);
    let mut under_way = JoinSet::new();
    for connection in due {
        let Some(node) = nodes.get(&connection.node).cloned() else { continue };
        if under_way.len() >= AT_ONCE {
            under_way.join_next().await;
        }
        if !state.store.renew(RESOURCE, lease, state.now(), LEASE).await? {
            tracing::info!("another server tries the connections now");
            break;
        }
        let (state, silences) = (state.clone(), Arc::clone(silences));
        under_way.spawn(async move {
            if let Err(problem) = check_again(&state, &silences, lease, &node, &connection).await {
                let name = &connection.name;
                tracing::warn!(%problem, connection = %name, "a connection could not be tried again");
            }
        });
    }
    while under_way.join_next().await.is_some() {}
    Ok(())
}

async fn check_again(
    state: &AppState,
    silences: &Arc<Silences>,
    lease: Token,
    node: &Node,
    connection: &Connection,
) -> Result<(), Problem> {
    let status = match probe_again(state, node, ITSELF, connection).await {
        Err(problem) if problem.kind() == "node_silent" => {
            if silences.again(connection.id) && connection.status.health != Health::Failing {
                let reason = format!("node {} did not answer when it was asked {SILENT} times", node.name);
                unknown(state, lease, connection, Some(state.now()), reason).await?;
            }
            return Err(problem);
        }
        other => other?,
    };
    silences.broken(connection.id);
    if state.store.check(RESOURCE, lease, state.now()).await? {
        note(state, connection, &status).await?;
    }
    Ok(())
}

/// Says that nobody knows any more whether a connection works.
async fn unknown(
    state: &AppState,
    lease: Token,
    connection: &Connection,
    checked: Option<Time>,
    reason: String,
) -> Result<(), Problem> {
    let status = ConnectionStatus { health: Health::Unchecked, checked, reason: Some(reason) };
    if state.store.check(RESOURCE, lease, state.now()).await? {
        note(state, connection, &status).await?;
    }
    Ok(())
}

fn away_since(node: &Node) -> String {
    if node.revoked {
        return format!("node {} was shut out", node.name);
    }
    match node.last_seen {
        Some(seen) => {
            format!("node {} was last heard of at {seen:.0}; it is asked when it is back", node.name)
        }
        None => format!("node {} was never heard of", node.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_tried_again_sooner_and_a_clock_set_back_holds_nothing_up() {
        let now: Time = "2026-01-01T12:00:00Z".parse().unwrap();
        let ago = |seconds| now.checked_sub(jiff::SignedDuration::from_secs(seconds)).unwrap();
        let settings = CheckSettings::default();
        let status = |health, checked| ConnectionStatus { health, checked, reason: None };
        assert!(settings.is_due(&status(Health::Unchecked, None), now));
        assert!(!settings.is_due(&status(Health::Valid, Some(ago(3600))), now));
        assert!(settings.is_due(&status(Health::Unchecked, Some(ago(3600))), now));
        assert!(settings.is_due(&status(Health::Failing, Some(ago(3600))), now));
        assert!(settings.is_due(&status(Health::Valid, Some(ago(6 * 3600))), now));
        assert!(settings.is_due(&status(Health::Valid, Some(ago(-60))), now));
    }

    #[test]
    fn a_node_that_is_silent_again_and_again_is_said_to_be() {
        let (one, other) = (ConnectionId(uuid::Uuid::from_u128(1)), ConnectionId(uuid::Uuid::from_u128(2)));
        let silences = Silences::default();
        assert!(!silences.again(one) && !silences.again(one) && !silences.again(other));
        assert!(silences.again(one));
        assert!(!silences.again(one) && !silences.again(one));
        silences.broken(one);
        assert!(!silences.again(one) && !silences.again(one));
        silences.keep_only(&[]);
        assert!(!silences.again(one));
    }

    #[test]
    fn settings_that_would_hammer_services_are_refused() {
        let mut settings = CheckSettings::default();
        assert!(settings.validate().is_ok());
        settings.failing_every = Duration::from_secs(1);
        assert_eq!(settings.validate().unwrap_err().field, "failing_every");
    }
}
