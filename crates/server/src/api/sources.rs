//! Sources: what is backed up, each on one node.

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::{NodeId, ProjectId, Source, SourceId, SourceSpec};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, List, OfProject};
use super::{plans, related};
use crate::access::extract::{Caller, Json, Path, Query};
use crate::access::policy::Action;
use crate::audit::Deed;
use crate::problem::{Problem, ProblemDetails};
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, remove))
}

/// What is told of a new source.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SourceForm {
    /// The project; the caller's only one when left out.
    project: Option<ProjectId>,
    /// Its name, unique in the project.
    name: String,
    /// The node that reads it; the only one, or the server's own, when left out.
    node: Option<NodeId>,
    /// What it is.
    spec: SourceSpec,
}

/// What is told of a source that changes.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SourceUpdate {
    /// Its name, unique in the project.
    name: String,
    /// The node that reads it; the same as before when left out.
    node: Option<NodeId>,
    /// What it is.
    spec: SourceSpec,
    /// The revision that was changed.
    revision: i64,
}

/// Sources, by name.
#[utoipa::path(get, path = "/sources", tag = "sources", params(OfProject),
    responses((status = 200, body = List<Source>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(of): Query<OfProject>,
) -> Result<Json<List<Source>>, Problem> {
    let projects = common::visible(&caller, of.project)?;
    let mut sources = state.store.sources(of.project).await?;
    sources.retain(|source| projects.contains(&source.project));
    Ok(Json(List::new(sources)))
}

/// Makes a source. One that stops and starts a service takes the owner's role.
#[utoipa::path(post, path = "/sources", tag = "sources", request_body = SourceForm,
    responses((status = 201, body = Source)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<SourceForm>,
) -> Result<(StatusCode, Json<Source>), Problem> {
    let project = common::choose(&caller, Action::EditSources, form.project)?;
    let name = common::name("name", &form.name)?;
    form.spec.validate()?;
    let node = related::node(&state, project, form.node).await?.id;
    check_service(&caller, project, None, &form.spec)?;
    check_connection(&state, project, node, &form.spec).await?;
    let (id, now) = (SourceId::new(&*state.clock, &*state.random), state.now());
    let source = Source { id, project, name, node, spec: form.spec, created: now, changed: now, revision: 1 };
    state.store.create_source(&source).await?;
    deed("source.create", &source).after(&source).by(&state, &caller).await?;
    Ok((StatusCode::CREATED, Json(source)))
}

/// A source.
#[utoipa::path(get, path = "/sources/{id}", tag = "sources", params(("id" = SourceId, Path)),
    responses((status = 200, body = Source)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<SourceId>,
) -> Result<Json<Source>, Problem> {
    read(&state, &caller, id, Action::ViewNames).await.map(Json)
}

/// Changes a source. The plans that have it go on with it as it is then. To change what it stops and starts takes the owner's role.
#[utoipa::path(put, path = "/sources/{id}", tag = "sources", params(("id" = SourceId, Path)),
    request_body = SourceUpdate, responses((status = 200, body = Source)))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<SourceId>,
    Json(form): Json<SourceUpdate>,
) -> Result<Json<Source>, Problem> {
    let before = read(&state, &caller, id, Action::EditSources).await?;
    related::check_revision(&format!("source {}", before.name), before.revision, form.revision)?;
    let name = common::name("name", &form.name)?;
    form.spec.validate()?;
    let node = related::node(&state, before.project, Some(form.node.unwrap_or(before.node))).await?.id;
    let same_place = (node == before.node).then_some(&before.spec);
    check_service(&caller, before.project, same_place, &form.spec)?;
    check_connection(&state, before.project, node, &form.spec).await?;
    let changed = Source { name, node, spec: form.spec, changed: state.now(), ..before.clone() };
    if node != before.node {
        for plan in related::plans_of_source(&state, &before).await? {
            plans::source_moves(&state, &caller, &plan, &changed).await?;
        }
    }
    let after = state.store.update_source(&changed, form.revision).await?;
    deed("source.update", &after).before(&before).after(&after).by(&state, &caller).await?;
    Ok(Json(after))
}

/// Removes a source that no plan has.
#[utoipa::path(delete, path = "/sources/{id}", tag = "sources", params(("id" = SourceId, Path)), responses(
    (status = 204),
    (status = 409, description = "Plans have it, or runs read it (`in_use`); they are named.",
        body = ProblemDetails, content_type = "application/problem+json")))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<SourceId>,
) -> Result<StatusCode, Problem> {
    let before = read(&state, &caller, id, Action::EditSources).await?;
    let mut users = related::named(&related::plans_of_source(&state, &before).await?);
    users.extend(related::active_of_source(&state, id).await?);
    related::refuse_if_used(&format!("source {}", before.name), users)?;
    state.store.delete_source(id, Some(before.revision)).await?;
    deed("source.delete", &before).before(&before).by(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Services are stopped and commands run with the node's rights, so that whoever may only edit sources must not choose them.
fn check_service(
    caller: &Caller,
    project: ProjectId,
    before: Option<&SourceSpec>,
    spec: &SourceSpec,
) -> Result<(), Problem> {
    let SourceSpec::Mysql(mysql) = spec else { return Ok(()) };
    if let Some(SourceSpec::Mysql(before)) = before
        && before.cold() == mysql.cold()
    {
        return Ok(());
    }
    caller.authorize(Action::EditHooks, Some(project)).map_err(|problem| {
        problem.hint(
            "what is stopped and started for a backup, and by which commands, is for an owner to decide",
        )
    })
}

/// A connection has to be of the right type, and one of the node that reads the source.
async fn check_connection(
    state: &AppState,
    project: ProjectId,
    node: NodeId,
    spec: &SourceSpec,
) -> Result<(), Problem> {
    let Some(id) = spec.connection() else { return Ok(()) };
    let connection = related::connection(state, project, id).await?;
    let why = if connection.settings.type_name() != spec.type_name() {
        format!("connection {} is one of type {}", connection.name, connection.settings.type_name())
    } else if connection.node != node {
        format!("connection {} is one of another node", connection.name)
    } else {
        return Ok(());
    };
    Err(Problem::invalid("spec.connection", why)
        .hint(format!("make a connection of type {} on the node that reads the source", spec.type_name())))
}

async fn read(state: &AppState, caller: &Caller, id: SourceId, action: Action) -> Result<Source, Problem> {
    common::found(caller, state.store.source(id).await?, "source", action, |source| source.project)
}

fn deed(action: &'static str, source: &Source) -> Deed {
    Deed::new(action, format!("source {} {}", source.id, source.name)).project(source.project)
}
