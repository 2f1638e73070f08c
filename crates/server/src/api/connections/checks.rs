//! Trying connections again, by hand and from time to time.

use axum::extract::State;
use backstay_model::{Connection, ConnectionId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{deed, read};
use crate::access::extract::{Caller, Json, Path};
use crate::access::policy::Action;
use crate::api::related;
use crate::audit::Deed;
use crate::checks::{self, CheckSettings};
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(check)).routes(routes!(settings, set_settings))
}

/// Tries a connection again, and answers with how it went as its status. That it failed is no error of the request.
#[utoipa::path(post, path = "/connections/{id}/check", tag = "connections", params(("id" = ConnectionId, Path)),
    responses((status = 200, body = Connection)))]
async fn check(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Result<Json<Connection>, Problem> {
    let before = read(&state, &caller, id, Action::RunPlans).await?;
    let node = related::node(&state, before.project, Some(before.node)).await?;
    let status = checks::probe_again(&state, &node, &caller.actor(), &before).await?;
    checks::note(&state, &before, &status).await?;
    let after = read(&state, &caller, id, Action::RunPlans).await?;
    deed("connection.check", &after).before(&before.status).after(&after.status).by(&state, &caller).await?;
    Ok(Json(after))
}

/// How often connections are tried again.
#[utoipa::path(get, path = "/settings/connection-checks", tag = "settings",
    operation_id = "connection_checks", responses((status = 200, body = CheckSettings)))]
async fn settings(State(state): State<AppState>, caller: Caller) -> Result<Json<CheckSettings>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    checks::read_settings(&state).await.map(Json)
}

/// Changes how often connections are tried again.
#[utoipa::path(put, path = "/settings/connection-checks", tag = "settings",
    operation_id = "set_connection_checks", request_body = CheckSettings,
    responses((status = 200, body = CheckSettings)))]
async fn set_settings(
    State(state): State<AppState>,
    caller: Caller,
    Json(new): Json<CheckSettings>,
) -> Result<Json<CheckSettings>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let before = checks::read_settings(&state).await?;
    checks::write_settings(&state, &new).await?;
    Deed::new("settings.connection_checks", "how often connections are tried again")
        .before(&before)
        .after(&new)
        .by(&state, &caller)
        .await?;
    Ok(Json(new))
}
