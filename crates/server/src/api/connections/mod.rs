//! Connections: tried by the node that uses them before they are saved.

mod checks;
mod forms;
mod google;

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::{Connection, ConnectionId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::forms::{ConnectionForm, ConnectionUpdate};
use super::common::{self, List, OfProject};
use super::related;
use crate::access::extract::{Caller, Json, Path, Query};
use crate::access::policy::Action;
use crate::audit::Deed;
use crate::problem::{Problem, ProblemDetails};
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, remove))
        .merge(checks::routes())
        .merge(google::routes())
}

/// Connections, by name, each with how the last attempt to connect went.
#[utoipa::path(get, path = "/connections", tag = "connections", params(OfProject),
    responses((status = 200, body = List<Connection>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(of): Query<OfProject>,
) -> Result<Json<List<Connection>>, Problem> {
    let projects = common::visible(&caller, of.project)?;
    let mut connections = state.store.connections(of.project).await?;
    connections.retain(|connection| projects.contains(&connection.project));
    Ok(Json(List::new(connections)))
}

/// Makes a connection. Its node connects first; nothing is saved if that fails.
#[utoipa::path(post, path = "/connections", tag = "connections", request_body = ConnectionForm, responses(
    (status = 201, body = Connection),
    (status = 422, description = "A field is wrong (`invalid`), or the service cannot be used (`connection_failed`).",
        body = ProblemDetails, content_type = "application/problem+json")))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<ConnectionForm>,
) -> Result<(StatusCode, Json<Connection>), Problem> {
    let (connection, sealed) = form.into_tried(&state, &caller).await?;
    state.store.create_connection(&connection, sealed.as_deref()).await?;
    deed("connection.create", &connection).after(&connection).by(&state, &caller).await?;
    Ok((StatusCode::CREATED, Json(connection)))
}

/// A connection.
#[utoipa::path(get, path = "/connections/{id}", tag = "connections", params(("id" = ConnectionId, Path)),
    responses((status = 200, body = Connection)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Result<Json<Connection>, Problem> {
    read(&state, &caller, id, Action::ViewNames).await.map(Json)
}

/// Changes a connection. Its node connects first; nothing is saved if that fails. Secrets that are left out stay as they are,
/// unless they would go somewhere else than before: then they have to be given again.
#[utoipa::path(put, path = "/connections/{id}", tag = "connections", params(("id" = ConnectionId, Path)),
    request_body = ConnectionUpdate, responses(
    (status = 200, body = Connection),
    (status = 422, description = "A field is wrong (`invalid`), or the service cannot be used (`connection_failed`).",
        body = ProblemDetails, content_type = "application/problem+json")))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
    Json(form): Json<ConnectionUpdate>,
) -> Result<Json<Connection>, Problem> {
    let before = read(&state, &caller, id, Action::EditConnections).await?;
    let revision = form.revision;
    let (changed, sealed) = form.into_tried(&state, &caller, &before).await?;
    let after = state.store.update_connection(&changed, sealed.as_deref(), revision).await?;
    deed("connection.update", &after).before(&before).after(&after).by(&state, &caller).await?;
    Ok(Json(after))
}

/// Removes a connection that nothing uses.
#[utoipa::path(delete, path = "/connections/{id}", tag = "connections", params(("id" = ConnectionId, Path)), responses(
    (status = 204),
    (status = 409, description = "Destinations, sources, plans or runs use it (`in_use`); they are named.",
        body = ProblemDetails, content_type = "application/problem+json")))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Result<StatusCode, Problem> {
    let before = read(&state, &caller, id, Action::EditConnections).await?;
    let mut users = related::users_of_connection(&state, &before).await?;
    for destination in related::destinations_of(&state, &before).await? {
        users.extend(related::named(&related::plans_of_destination(&state, &destination).await?));
        users.extend(related::active_of_destination(&state, destination.id).await?);
    }
    for source in related::sources_of(&state, &before).await? {
        users.extend(related::named(&related::plans_of_source(&state, &source).await?));
        users.extend(related::active_of_source(&state, source.id).await?);
    }
    related::refuse_if_used(&format!("connection {}", before.name), users)?;
    state.store.delete_connection(id, Some(before.revision)).await?;
    deed("connection.delete", &before).before(&before).by(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read(
    state: &AppState,
    caller: &Caller,
    id: ConnectionId,
    action: Action,
) -> Result<Connection, Problem> {
    let connection = state.store.connection(id).await?;
    common::found(caller, connection, "connection", action, |connection| connection.project)
}

fn deed(action: &'static str, connection: &Connection) -> Deed {
    let subject = format!("connection {} {}", connection.id, connection.name);
    Deed::new(action, subject).project(connection.project)
}
