//! What a copy plan needs beyond what every plan does: where it copies from, and who does it.

use std::collections::BTreeSet;

use backstay_model::{Connection, CopySpec, Destination, DestinationId, Layout, NodeId, Plan};

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
    let mut targets = destinations.iter().map(|(destination, _)| destination);
    if let Some(target) = targets.find(|target| is_crowded_mirror(copy, &origin, target)) {
        let why = format!(
            "nodes share destination {}: there the clean-up of each would take the copies of the others for copies of what is gone",
            target.name
        );
        return Err(Problem::invalid("copy.node", why)
            .hint("name the node whose repository is mirrored, mirror to a destination where each node has a repository of its own, or make it no mirror"));
    }
    let connection = related::connection(state, plan.project, origin.connection).await?;
    Ok(Some((origin, connection)))
}

/// Refuses a change of a destination by which several nodes would make a mirror in one repository.
pub(in crate::api) async fn check_mirrors(state: &AppState, changed: &Destination) -> Result<(), Problem> {
    let all = state.store.destinations(Some(changed.project)).await?;
    let find = |id: DestinationId| {
        if id == changed.id { Some(changed) } else { all.iter().find(|other| other.id == id) }
    };
    for plan in related::plans_of_destination(state, changed).await? {
        let Some(copy) = &plan.spec.copy else { continue };
        let Some(origin) = find(copy.from) else { continue };
        let mut targets = plan.spec.destinations.iter().filter_map(|id| find(*id));
        if targets.any(|target| is_crowded_mirror(copy, origin, target)) {
            let why = format!(
                "plan {} is a mirror that each node makes of a repository of its own",
                plan.spec.name
            );
            return Err(
                Problem::invalid("layout", why).hint("name one node in the plan, or make it no mirror")
            );
        }
    }
    Ok(())
}

/// Whether several nodes would mirror repositories of their own to one that they share. There each would remove the copies of the others.
fn is_crowded_mirror(copy: &CopySpec, origin: &Destination, target: &Destination) -> bool {
    let each_its_own = copy.node.is_none() && origin.layout == Layout::PerNode;
    copy.mirror && each_its_own && target.layout == Layout::Shared
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
