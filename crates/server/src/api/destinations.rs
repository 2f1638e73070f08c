//! Destinations: where backups go.

use axum::extract::State;
use axum::http::StatusCode;
use backstay_catalog::RunFilter;
use backstay_model::{
    Connection, ConnectionId, ConnectionSettings, Destination, DestinationId, Holds, Layout, ProjectId,
};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, List, OfProject};
use super::plans::check_mirrors;
use super::related;
use crate::access::extract::{Caller, Json, Path, Query};
use crate::access::policy::Action;
use crate::audit::Deed;
use crate::problem::{Problem, ProblemDetails};
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, remove))
}

/// What is told of a new destination.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct DestinationForm {
    /// The project; the caller's only one when left out.
    project: Option<ProjectId>,
    /// Its name, unique in the project.
    name: String,
    /// The connection that reaches it.
    connection: ConnectionId,
    /// The folder within what the connection reaches; its top when left out.
    #[serde(default)]
    path: String,
    /// Who shares a repository.
    #[serde(default)]
    layout: Layout,
    /// What it holds: repositories when left out, or archives.
    #[serde(default)]
    holds: Holds,
}

/// What is told of a destination that changes.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct DestinationUpdate {
    /// Its name, unique in the project.
    name: String,
    /// The connection that reaches it.
    connection: ConnectionId,
    /// The folder within what the connection reaches.
    path: String,
    /// Who shares a repository.
    layout: Layout,
    /// What it holds. Whether repositories or archives stays as it is once something was stored there.
    holds: Holds,
    /// The revision that was changed.
    revision: i64,
}

/// Destinations, by name.
#[utoipa::path(get, path = "/destinations", tag = "destinations", params(OfProject),
    responses((status = 200, body = List<Destination>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(of): Query<OfProject>,
) -> Result<Json<List<Destination>>, Problem> {
    let projects = common::visible(&caller, of.project)?;
    let mut destinations = state.store.destinations(of.project).await?;
    destinations.retain(|destination| projects.contains(&destination.project));
    Ok(Json(List::new(destinations)))
}

/// Makes a destination. Its repositories are made when they are first written to.
#[utoipa::path(post, path = "/destinations", tag = "destinations", request_body = DestinationForm,
    responses((status = 201, body = Destination)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<DestinationForm>,
) -> Result<(StatusCode, Json<Destination>), Problem> {
    let project = common::choose(&caller, Action::EditDestinations, form.project)?;
    let name = common::name("name", &form.name)?;
    Destination::check_path(&form.path)?;
    form.holds.validate()?;
    let connection = related::storage(&state, project, form.connection).await?.id;
    let (id, now) = (DestinationId::new(&*state.clock, &*state.random), state.now());
    let (path, layout, holds, created, changed) = (form.path, form.layout, form.holds, now, now);
    let destination =
        Destination { id, project, name, connection, path, layout, holds, created, changed, revision: 1 };
    check_alone(&state, &destination).await?;
    state.store.create_destination(&destination).await?;
    deed("destination.create", &destination).after(&destination).by(&state, &caller).await?;
    Ok((StatusCode::CREATED, Json(destination)))
}

/// A destination.
#[utoipa::path(get, path = "/destinations/{id}", tag = "destinations", params(("id" = DestinationId, Path)),
    responses((status = 200, body = Destination)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<DestinationId>,
) -> Result<Json<Destination>, Problem> {
    read(&state, &caller, id, Action::ViewNames).await.map(Json)
}

/// Changes a destination. Where it lies stays as it is once something was stored there.
#[utoipa::path(put, path = "/destinations/{id}", tag = "destinations", params(("id" = DestinationId, Path)),
    request_body = DestinationUpdate, responses(
    (status = 200, body = Destination),
    (status = 409, description = "It holds repositories, and would lie elsewhere (`holds_repositories`).",
        body = ProblemDetails, content_type = "application/problem+json")))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<DestinationId>,
    Json(form): Json<DestinationUpdate>,
) -> Result<Json<Destination>, Problem> {
    let before = read(&state, &caller, id, Action::EditDestinations).await?;
    related::check_revision(&format!("destination {}", before.name), before.revision, form.revision)?;
    let name = common::name("name", &form.name)?;
    Destination::check_path(&form.path)?;
    form.holds.validate()?;
    let connection = related::storage(&state, before.project, form.connection).await?;
    let changed = Destination {
        name,
        connection: connection.id,
        path: form.path,
        layout: form.layout,
        holds: form.holds,
        changed: state.now(),
        ..before.clone()
    };
    let place = |it: &Destination| (it.connection, it.path.clone(), it.layout, it.holds.is_archives());
    if place(&changed) != place(&before) {
        check_alone(&state, &changed).await?;
        refuse_to_lose(&state, &before, &changed).await?;
        check_reaches(&state, &changed, &connection).await?;
        check_mirrors(&state, &changed).await?;
    }
    let after = state.store.update_destination(&changed, form.revision).await?;
    deed("destination.update", &after).before(&before).after(&after).by(&state, &caller).await?;
    Ok(Json(after))
}

/// Removes a destination that no plan goes to, and whose repositories were forgotten. What lies there stays.
#[utoipa::path(delete, path = "/destinations/{id}", tag = "destinations", params(("id" = DestinationId, Path)), responses(
    (status = 204),
    (status = 409, description = "Plans, runs or repositories need it (`in_use`); they are named.",
        body = ProblemDetails, content_type = "application/problem+json")))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<DestinationId>,
) -> Result<StatusCode, Problem> {
    let before = read(&state, &caller, id, Action::EditDestinations).await?;
    let what = format!("destination {}", before.name);
    let mut users = related::named(&related::plans_of_destination(&state, &before).await?);
    users.extend(related::active_of_destination(&state, id).await?);
    related::refuse_if_used(&what, users)?;
    let repositories = state.store.repositories(id).await?;
    if let Some(repository) = repositories.first() {
        let detail = format!(
            "{what} has {} known repositories, as {}; with it the keys that open them would go",
            repositories.len(),
            repository.id
        );
        return Err(Problem::new(StatusCode::CONFLICT, "in_use", detail).hint(
            "keep the keys with POST /repositories/{id}/reveal-key, then forget each with DELETE /repositories/{id}",
        ));
    }
    state.store.delete_destination(id, Some(before.revision)).await?;
    deed("destination.delete", &before).before(&before).by(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses a second destination in the same place: two would make their repositories in one folder.
async fn check_alone(state: &AppState, destination: &Destination) -> Result<(), Problem> {
    let others = state.store.destinations(Some(destination.project)).await?;
    let same = |it: &&Destination| {
        it.id != destination.id && it.connection == destination.connection && it.path == destination.path
    };
    match others.iter().find(same) {
        Some(other) => {
            let why = format!("destination {} lies there already", other.name);
            Err(Problem::invalid("path", why).hint("choose another folder, or use that destination"))
        }
        None => Ok(()),
    }
}

/// Refuses to look for repositories elsewhere than they lie. Those that nothing was ever written to do not count: no run
/// is known that could have made them.
async fn refuse_to_lose(
    state: &AppState,
    before: &Destination,
    changed: &Destination,
) -> Result<(), Problem> {
    let repositories = state.store.repositories(before.id).await?;
    if repositories.is_empty() {
        return Ok(());
    }
    let runs = RunFilter { destination: Some(before.id), ..RunFilter::default() };
    let used = !state.store.list_runs(&runs, None, 1).await?.items.is_empty();
    let adopted = repositories.iter().any(|repository| repository.adopted);
    let same = changed.layout == before.layout && changed.holds.is_archives() == before.holds.is_archives();
    if !used && !adopted && same {
        return Ok(());
    }
    let detail = format!(
        "destination {} has repositories where it lies now; elsewhere their snapshots would seem lost",
        before.name
    );
    Err(Problem::new(StatusCode::CONFLICT, "holds_repositories", detail)
        .hint("make a new destination, and add it to the plans; this one keeps what it has"))
}

/// Whether the plans that go there, or copy from there, still can.
async fn check_reaches(
    state: &AppState,
    destination: &Destination,
    connection: &Connection,
) -> Result<(), Problem> {
    if !matches!(connection.settings, ConnectionSettings::Local(_)) {
        return Ok(());
    }
    let plans = related::plans_of_destination(state, destination).await?;
    for source in state.store.sources(Some(destination.project)).await? {
        if plans.iter().any(|plan| plan.spec.sources.contains(&source.id)) {
            let subject = format!("source {}", source.name);
            let place = format!("destination {}", destination.name);
            related::check_reaches("connection", connection, &place, source.node, &subject)?;
        }
    }
    for plan in plans.iter().filter(|plan| plan.spec.copy.is_some()) {
        for node in state.store.nodes_of_plan(plan.id).await? {
            let (subject, place) = ("the node that copies", format!("destination {}", destination.name));
            related::check_reaches("connection", connection, &place, node, subject)?;
        }
    }
    Ok(())
}

async fn read(
    state: &AppState,
    caller: &Caller,
    id: DestinationId,
    action: Action,
) -> Result<Destination, Problem> {
    let destination = state.store.destination(id).await?;
    common::found(caller, destination, "destination", action, |destination| destination.project)
}

fn deed(action: &'static str, destination: &Destination) -> Deed {
    let subject = format!("destination {} {}", destination.id, destination.name);
    Deed::new(action, subject).project(destination.project)
}
