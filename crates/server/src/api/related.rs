//! What records refer to, and what refers to them.
//!
//! A record of another project is one that is not there.

use axum::http::StatusCode;
use backstay_catalog::RunFilter;
use backstay_model::connection::ConnectionSettings;
use backstay_model::{
    Connection, ConnectionId, Destination, DestinationId, Node, NodeId, Plan, PlanId, ProjectId, RunState,
    Source, SourceId,
};

use crate::problem::Problem;
use crate::state::AppState;

/// Runs that are named at most where many stand in the way.
const NAMED: u32 = 10;

/// The node that a record is to be on: the one that is named; else the only one, or the one of the server itself.
pub(crate) async fn node(
    state: &AppState,
    project: ProjectId,
    named: Option<NodeId>,
) -> Result<Node, Problem> {
    if let Some(id) = named {
        let node = state.store.node(id).await?.filter(|node| node.project == project);
        let node = node.ok_or_else(|| Problem::invalid("node", "there is no such node in this project"))?;
        return if node.revoked { Err(shut_out("node", &node)) } else { Ok(node) };
    }
    let mut nodes = state.store.nodes(Some(project)).await?;
    nodes.retain(|node| !node.revoked);
    if nodes.len() > 1 {
        nodes.retain(|node| node.local);
    }
    match nodes.pop() {
        Some(node) if nodes.is_empty() => Ok(node),
        _ => Err(Problem::invalid("node", "say on which node: the project has none, or several")
            .hint("GET /api/v1/nodes lists them; `backstay agent join` lets a host join")),
    }
}

fn shut_out(field: &str, node: &Node) -> Problem {
    Problem::invalid(field, format!("the node {} has been shut out", node.name))
}

/// A connection of this project that a form names.
pub(crate) async fn connection(
    state: &AppState,
    project: ProjectId,
    id: ConnectionId,
) -> Result<Connection, Problem> {
    let connection = state.store.connection(id).await?.filter(|connection| connection.project == project);
    connection.ok_or_else(|| Problem::invalid("connection", "there is no such connection in this project"))
}

/// The same for one that repositories can lie at.
pub(crate) async fn storage(
    state: &AppState,
    project: ProjectId,
    id: ConnectionId,
) -> Result<Connection, Problem> {
    let connection = connection(state, project, id).await?;
    if connection.settings.is_storage() {
        return Ok(connection);
    }
    let why = format!(
        "connection {} is one of type {}, where no repository can lie",
        connection.name,
        connection.settings.type_name()
    );
    Err(Problem::invalid("connection", why).hint("name a connection to a folder, a bucket or a receiver"))
}

/// Refuses a folder of one host as the place for what another host stores: there it would be another folder.
pub(crate) fn check_reaches(
    field: &str,
    connection: &Connection,
    destination: &str,
    node: NodeId,
    subject: &str,
) -> Result<(), Problem> {
    if matches!(connection.settings, ConnectionSettings::Local(_)) && connection.node != node {
        let why = format!(
            "{destination} lies in a folder of another node than {subject}, and connection {} reaches it there only",
            connection.name
        );
        return Err(Problem::invalid(field, why)
            .hint("make a connection on that node, or one to a service that all nodes reach"));
    }
    Ok(())
}

/// The plans that have this source.
pub(crate) async fn plans_of_source(state: &AppState, source: &Source) -> Result<Vec<Plan>, Problem> {
    let mut plans = state.store.plans(Some(source.project)).await?;
    plans.retain(|plan| plan.spec.sources.contains(&source.id));
    Ok(plans)
}

/// The plans that go to this destination, or copy from it.
pub(crate) async fn plans_of_destination(
    state: &AppState,
    destination: &Destination,
) -> Result<Vec<Plan>, Problem> {
    let mut plans = state.store.plans(Some(destination.project)).await?;
    let copies = |plan: &Plan| plan.spec.copy.as_ref().is_some_and(|copy| copy.from == destination.id);
    plans.retain(|plan| plan.spec.destinations.contains(&destination.id) || copies(plan));
    Ok(plans)
}

/// The destinations that a connection reaches.
pub(crate) async fn destinations_of(
    state: &AppState,
    connection: &Connection,
) -> Result<Vec<Destination>, Problem> {
    let mut destinations = state.store.destinations(Some(connection.project)).await?;
    destinations.retain(|destination| destination.connection == connection.id);
    Ok(destinations)
}

/// The sources that a connection reaches.
pub(crate) async fn sources_of(state: &AppState, connection: &Connection) -> Result<Vec<Source>, Problem> {
    let mut sources = state.store.sources(Some(connection.project)).await?;
    sources.retain(|source| source.spec.connection() == Some(connection.id));
    Ok(sources)
}

/// The destinations and sources that a connection reaches, in words.
pub(crate) async fn users_of_connection(
    state: &AppState,
    connection: &Connection,
) -> Result<Vec<String>, Problem> {
    let destinations = destinations_of(state, connection).await?;
    let sources = sources_of(state, connection).await?;
    let destinations = destinations.iter().map(|it| format!("destination {}", it.name));
    Ok(destinations.chain(sources.iter().map(|it| format!("source {}", it.name))).collect())
}

/// The runs that have not ended, in words.
async fn active(state: &AppState, filter: RunFilter) -> Result<Vec<String>, Problem> {
    let states = vec![RunState::Pending, RunState::Running, RunState::Paused];
    let page = state.store.list_runs(&RunFilter { states, ..filter }, None, NAMED).await?;
    let run =
        |run: &backstay_model::Run| format!("{} run {} ({})", run.kind.name(), run.id, run.state.name());
    let mut runs: Vec<_> = page.items.iter().map(run).collect();
    if page.next.is_some() {
        runs.push("further runs".to_owned());
    }
    Ok(runs)
}

/// The runs of a plan that have not ended.
pub(crate) async fn active_of_plan(state: &AppState, plan: PlanId) -> Result<Vec<String>, Problem> {
    active(state, RunFilter { plan: Some(plan), ..RunFilter::default() }).await
}

/// The runs of a source that have not ended.
pub(crate) async fn active_of_source(state: &AppState, source: SourceId) -> Result<Vec<String>, Problem> {
    active(state, RunFilter { source: Some(source), ..RunFilter::default() }).await
}

/// The runs to a destination, or from it, that have not ended.
pub(crate) async fn active_of_destination(
    state: &AppState,
    destination: DestinationId,
) -> Result<Vec<String>, Problem> {
    active(state, RunFilter { destination: Some(destination), ..RunFilter::default() }).await
}

/// Plans in words.
pub(crate) fn named(plans: &[Plan]) -> Vec<String> {
    plans.iter().map(|plan| format!("plan {}", plan.spec.name)).collect()
}

/// Refuses to remove what others use, naming them.
pub(crate) fn refuse_if_used(what: &str, mut users: Vec<String>) -> Result<(), Problem> {
    if users.is_empty() {
        return Ok(());
    }
    users.dedup();
    let detail = format!("{what} is in use by {}", users.join(", "));
    Err(Problem::new(StatusCode::CONFLICT, "in_use", detail)
        .hint("change or remove what uses it, and wait for its runs or cancel them"))
}

/// Refuses a form that was filled in over an older version.
pub(crate) fn check_revision(what: &str, found: i64, expected: i64) -> Result<(), Problem> {
    if found == expected {
        return Ok(());
    }
    let detail = format!("somebody else has changed {what} since it was read");
    Err(Problem::new(StatusCode::CONFLICT, "changed_meanwhile", detail)
        .hint("load it again and repeat the change"))
}
