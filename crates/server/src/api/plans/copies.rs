//! What a copy plan needs beyond what every plan does: where it copies from, and who does it.

use std::collections::BTreeSet;

use backstay_model::{Connection, Destination, Layout, NodeId, Plan};

use crate::api::related;
use crate::problem::Problem;
use crate::state::AppState;

/// Where a plan copies from; `None` for one that backs up. Where all nodes share what is there, the plan is given the node that copies.
pub(super) async fn origin(
    state: &AppState,
    plan: &mut Plan,
    destinations: &[(Destination, Connection)],
) -> Result<Option<(Destination, Connection)>, Problem> {
    let Some(copy) = &mut plan.spec.copy else { return Ok(None) };
    let origin = state.store.destination(copy.from).await?.filter(|it| it.project == plan.project);
    let origin = origin
        .ok_or_else(|| Problem::invalid("copy.from", "there is no such destination in this project"))?;
    refuse_archives("copy.from", &origin)?;
    for (place, (destination, _)) in destinations.iter().enumerate() {
        refuse_archives(&format!("destinations[{place}]"), destination)?;
    }
    if copy.node.is_some() || origin.layout == Layout::Shared {
        copy.node = Some(related::node(state, plan.project, copy.node).await?.id);
    }
    let connection = related::connection(state, plan.project, origin.connection).await?;
    Ok(Some((origin, connection)))
}

fn refuse_archives(field: &str, destination: &Destination) -> Result<(), Problem> {
    if !destination.holds.is_archives() {
        return Ok(());
    }
    let why = format!(
        "destination {} holds archives; snapshots are copied between destinations that hold repositories",
        destination.name
    );
    Err(Problem::invalid(field, why)
        .hint("to have archives as well, add that destination to the plan that backs up"))
}

/// The nodes that copy: the one that is named, or all that have a repository of their own where is copied from.
pub(super) async fn nodes(state: &AppState, plan: &Plan) -> Result<BTreeSet<NodeId>, Problem> {
    let Some(copy) = &plan.spec.copy else { return Ok(BTreeSet::new()) };
    if let Some(node) = copy.node {
        return Ok(BTreeSet::from([node]));
    }
    let repositories = state.store.repositories(copy.from).await?;
    Ok(repositories.into_iter().filter_map(|repository| repository.node).collect())
}
