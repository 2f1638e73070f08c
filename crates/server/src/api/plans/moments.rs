//! Which moments one can go back to with what a plan keeps.

use axum::extract::State;
use backstay_model::{FollowedLog, PlanId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::read;
use crate::access::extract::{Caller, Json, Path};
use crate::access::policy::Action;
use crate::api::common::List;
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(moments))
}

/// Which moments one can go back to, for each source whose log the plan keeps and each destination that keeps it, as the nodes last told.
#[utoipa::path(get, path = "/plans/{id}/moments", tag = "plans", params(("id" = PlanId, Path)),
    responses((status = 200, body = List<FollowedLog>)))]
async fn moments(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PlanId>,
) -> Result<Json<List<FollowedLog>>, Problem> {
    let plan = read(&state, &caller, id, Action::ViewNames).await?;
    let nodes = state.store.nodes(Some(plan.project)).await?;
    let logs = nodes.into_iter().filter(|node| !node.revoked).flat_map(|node| node.host.logs);
    Ok(Json(List::new(logs.filter(|log| log.plan == id).collect())))
}
