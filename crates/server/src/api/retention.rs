//! For how long the history of runs is kept.

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::extract::{Caller, Json};
use crate::access::policy::Action;
use crate::audit::Deed;
use crate::problem::Problem;
use crate::state::AppState;
use crate::upkeep::{self, RetentionSettings};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get, update))
}

/// For how long logs and runs are kept.
#[utoipa::path(get, path = "/settings/retention", tag = "settings",
    operation_id = "retention", responses((status = 200, body = RetentionSettings)))]
async fn get(State(state): State<AppState>, caller: Caller) -> Result<Json<RetentionSettings>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    upkeep::retention(&state).await.map(Json)
}

/// Changes for how long logs and runs are kept.
#[utoipa::path(put, path = "/settings/retention", tag = "settings",
    operation_id = "set_retention", request_body = RetentionSettings,
    responses((status = 200, body = RetentionSettings)))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<RetentionSettings>,
) -> Result<Json<RetentionSettings>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let before = upkeep::retention(&state).await?;
    upkeep::set_retention(&state, &form).await?;
    Deed::new("settings.retention", "setting retention")
        .before(&before)
        .after(&form)
        .by(&state, &caller)
        .await?;
    Ok(Json(form))
}
