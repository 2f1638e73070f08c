//! Whether a plan fits what is there, and what has to be there before it is carried out.

use std::collections::{BTreeSet, HashMap};

use backstay_model::plan::PlanSpec;
use backstay_model::{Connection, Destination, NodeId, Plan, Source, SourceId};

use super::copies;
use crate::access::extract::Caller;
use crate::access::policy::Action;
use crate::api::related;
use crate::problem::Problem;
use crate::repositories;
use crate::state::AppState;

/// Refuses a plan that cannot be carried out or that the caller may not make, and makes its repositories known: a plan without
/// them would be carried out to nowhere.
pub(super) async fn prepare(
    state: &AppState,
    caller: &Caller,
    plan: &mut Plan,
    before: Option<&Plan>,
) -> Result<(), Problem> {
    plan.spec.name = plan.spec.name.trim().to_owned();
    plan.spec.validate()?;
    let known: HashMap<SourceId, Source> = sources(state, plan).await?;
    check_sources(&plan.spec, &known)?;
    if before.is_some_and(|before| before.spec.kind() != plan.spec.kind()) {
        let why = "a plan that backs up does not become one that copies, nor the other way round";
        return Err(Problem::invalid("copy", why).hint("make a new plan, and switch this one off"));
    }
    check_continuous(&plan.spec, &known)?;
    let destinations = destinations(state, plan).await?;
    let origin = copies::origin(state, plan, &destinations).await?;
    let on = nodes(state, plan, &known).await?;
    check_hooks(state, caller, plan, before, &known).await?;
    for source in plan.spec.sources.iter().filter_map(|id| known.get(id)) {
        check_reaches(&destinations, source)?;
    }
    if let Some((origin, connection)) = &origin {
        for node in &on {
            let who = "the node that copies";
            related::check_reaches(
                "copy.from",
                connection,
                &format!("destination {}", origin.name),
                *node,
                who,
            )?;
            check_each_reaches(&destinations, *node, who)?;
        }
    }
    let others = state.store.plans(Some(plan.project)).await?;
    if others.iter().any(|other| other.id != plan.id && other.spec.name == plan.spec.name) {
        let detail = format!("there is a plan {:?} already", plan.spec.name);
        return Err(
            Problem::new(axum::http::StatusCode::CONFLICT, "name_taken", detail).hint("choose another name")
        );
    }
    for node in on {
        ensure(state, &destinations, node).await?;
    }
    Ok(())
}

/// Refuses to let a source of a plan move to another node where the plan cannot go on there, or where the caller may not let
/// its hooks run there; else makes its repositories there known.
pub(crate) async fn source_moves(
    state: &AppState,
    caller: &Caller,
    plan: &Plan,
    source: &Source,
) -> Result<(), Problem> {
    let mut known = sources(state, plan).await?;
    let before = with_sources(&plan.spec, &known);
    known.insert(source.id, source.clone());
    if !plan.spec.hooks.is_empty() && !with_sources(&plan.spec, &known).is_subset(&before) {
        may_edit_hooks(caller, plan)?;
    }
    let destinations = destinations(state, plan).await?;
    check_reaches(&destinations, source)?;
    ensure(state, &destinations, source.node).await
}

async fn sources(state: &AppState, plan: &Plan) -> Result<HashMap<SourceId, Source>, Problem> {
    let all = state.store.sources(Some(plan.project)).await?;
    Ok(all.into_iter().map(|source| (source.id, source)).collect())
}

fn check_sources(spec: &PlanSpec, known: &HashMap<SourceId, Source>) -> Result<(), Problem> {
    for (place, id) in spec.sources.iter().enumerate() {
        let wrong = |why: &str| Err(Problem::invalid(format!("sources[{place}]"), why));
        if !known.contains_key(id) {
            return wrong("there is no such source in this project");
        }
        if spec.sources.iter().take(place).any(|other| other == id) {
            return wrong("this source is named twice");
        }
    }
    Ok(())
}

/// A plan that keeps what is written between its backups takes a source that has a log of it.
fn check_continuous(spec: &PlanSpec, known: &HashMap<SourceId, Source>) -> Result<(), Problem> {
    if spec.continuous.is_none() {
        return Ok(());
    }
    let mut reasons =
        spec.sources.iter().filter_map(|id| known.get(id)).map(|source| (source, source.spec.has_no_log()));
    let mut first = None;
    let has_one = reasons.any(|(source, why)| match why {
        None => true,
        Some(why) => {
            let _ = first.get_or_insert_with(|| format!("source {}: {why}", source.name));
            false
        }
    });
    match first {
        Some(why) if !has_one => Err(Problem::invalid("continuous", why)),
        _ => Ok(()),
    }
}

async fn destinations(state: &AppState, plan: &Plan) -> Result<Vec<(Destination, Connection)>, Problem> {
    let mut found: Vec<(Destination, Connection)> = Vec::new();
    for (place, id) in plan.spec.destinations.iter().enumerate() {
        let wrong = |why: &str| Problem::invalid(format!("destinations[{place}]"), why);
        if found.iter().any(|(other, _)| other.id == *id) {
            return Err(wrong("this destination is named twice"));
        }
        let destination = state.store.destination(*id).await?.filter(|it| it.project == plan.project);
        let destination = destination.ok_or_else(|| wrong("there is no such destination in this project"))?;
        let connection = related::connection(state, plan.project, destination.connection).await?;
        found.push((destination, connection));
    }
    Ok(found)
}

fn check_reaches(destinations: &[(Destination, Connection)], source: &Source) -> Result<(), Problem> {
    check_each_reaches(destinations, source.node, &format!("source {}", source.name))
}

fn check_each_reaches(
    destinations: &[(Destination, Connection)],
    node: NodeId,
    subject: &str,
) -> Result<(), Problem> {
    for (place, (destination, connection)) in destinations.iter().enumerate() {
        let (field, name) = (format!("destinations[{place}]"), format!("destination {}", destination.name));
        related::check_reaches(&field, connection, &name, node, subject)?;
    }
    Ok(())
}

/// Commands run with the node's rights, so that whoever may only edit plans must neither change them nor bring them to
/// another node.
async fn check_hooks(
    state: &AppState,
    caller: &Caller,
    plan: &Plan,
    before: Option<&Plan>,
    known: &HashMap<SourceId, Source>,
) -> Result<(), Problem> {
    let fine = match before {
        _ if plan.spec.hooks.is_empty() => before.is_none_or(|before| before.spec.hooks.is_empty()),
        None => false,
        Some(before) => {
            let (now, then) = (nodes(state, plan, known).await?, nodes(state, before, known).await?);
            plan.spec.hooks == before.spec.hooks && now.is_subset(&then)
        }
    };
    if fine { Ok(()) } else { may_edit_hooks(caller, plan) }
}

fn may_edit_hooks(caller: &Caller, plan: &Plan) -> Result<(), Problem> {
    caller.authorize(Action::EditHooks, Some(plan.project)).map_err(|problem| {
        problem.hint("what runs before and after a backup, and on which nodes, is for an owner to decide")
    })
}

/// The nodes that carry a plan out.
async fn nodes(
    state: &AppState,
    plan: &Plan,
    known: &HashMap<SourceId, Source>,
) -> Result<BTreeSet<NodeId>, Problem> {
    let mut nodes = with_sources(&plan.spec, known);
    nodes.extend(copies::nodes(state, plan).await?);
    Ok(nodes)
}

/// The nodes that a plan has sources on.
fn with_sources(spec: &PlanSpec, known: &HashMap<SourceId, Source>) -> BTreeSet<NodeId> {
    spec.sources.iter().filter_map(|id| known.get(id)).map(|source| source.node).collect()
}

async fn ensure(
    state: &AppState,
    destinations: &[(Destination, Connection)],
    node: NodeId,
) -> Result<(), Problem> {
    for (destination, _) in destinations {
        let (clock, random) = (&*state.clock, &*state.random);
        repositories::ensure(&state.store, &state.vault, clock, random, destination, node).await?;
    }
    Ok(())
}
