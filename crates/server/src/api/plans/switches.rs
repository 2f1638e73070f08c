//! Switching plans on and off, and making one out of another.

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::plan::PlanSpec;
use backstay_model::{Plan, PlanId};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{read, store_changed, store_new};
use crate::access::extract::{Caller, Json, Path};
use crate::access::policy::Action;
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(enable)).routes(routes!(disable)).routes(routes!(duplicate))
}

/// What a clone is called.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CloneForm {
    /// Its name, unique in the project.
    name: String,
}

/// Switches a plan's schedule on. Nothing was due before.
#[utoipa::path(post, path = "/plans/{id}/enable", tag = "plans", params(("id" = PlanId, Path)),
    responses((status = 200, body = Plan)))]
async fn enable(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PlanId>,
) -> Result<Json<Plan>, Problem> {
    switch(&state, &caller, id, "plan.enable", true).await
}

/// Switches a plan's schedule off. It can still be run by hand.
#[utoipa::path(post, path = "/plans/{id}/disable", tag = "plans", params(("id" = PlanId, Path)),
    responses((status = 200, body = Plan)))]
async fn disable(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PlanId>,
) -> Result<Json<Plan>, Problem> {
    switch(&state, &caller, id, "plan.disable", false).await
}

async fn switch(
    state: &AppState,
    caller: &Caller,
    id: PlanId,
    action: &'static str,
    enabled: bool,
) -> Result<Json<Plan>, Problem> {
    let before = read(state, caller, id, Action::EditPlans).await?;
    if before.spec.enabled == enabled {
        return Ok(Json(before));
    }
    let spec = PlanSpec { enabled, ..before.spec.clone() };
    let changed = Plan { spec, ..before.clone() };
    store_changed(state, caller, action, &before, changed, before.revision).await
}

/// Makes a plan like this one, switched off.
#[utoipa::path(post, path = "/plans/{id}/clone", tag = "plans", params(("id" = PlanId, Path)), request_body = CloneForm,
    responses((status = 201, body = Plan)))]
async fn duplicate(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PlanId>,
    Json(form): Json<CloneForm>,
) -> Result<(StatusCode, Json<Plan>), Problem> {
    let origin = read(&state, &caller, id, Action::EditPlans).await?;
    let (id, now) = (PlanId::new(&*state.clock, &*state.random), state.now());
    let spec = PlanSpec { name: form.name, enabled: false, ..origin.spec };
    let plan = Plan { id, project: origin.project, spec, created: now, changed: now, revision: 1 };
    store_new(&state, &caller, "plan.clone", plan).await
}
