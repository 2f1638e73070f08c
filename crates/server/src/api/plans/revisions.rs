//! A plan as it was, and back to that.

use axum::extract::State;
use backstay_catalog::PlanRevision;
use backstay_model::{Plan, PlanId, Time};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{read, store_changed};
use crate::access::extract::{Caller, Json, Path};
use crate::access::policy::Action;
use crate::api::common::List;
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(revert))
}

/// A plan as it was at a revision.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Revision {
    /// The revision.
    revision: i64,
    /// When it became so.
    #[schema(value_type = String, format = DateTime)]
    changed: Time,
    /// Who made it so.
    changed_by: String,
    /// The plan as it was.
    plan: Plan,
}

/// Which revision a plan goes back to.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct RevertForm {
    /// The revision to go back to.
    revision: i64,
    /// The revision that the plan has now; it is not checked when left out.
    expected: Option<i64>,
}

/// All revisions of a plan, the newest first.
#[utoipa::path(get, path = "/plans/{id}/revisions", tag = "plans",
    operation_id = "list_revisions", params(("id" = PlanId, Path)),
    responses((status = 200, body = List<Revision>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PlanId>,
) -> Result<Json<List<Revision>>, Problem> {
    read(&state, &caller, id, Action::ViewNames).await?;
    let revision = |it: PlanRevision| Revision {
        revision: it.plan.revision,
        changed: it.changed,
        changed_by: it.changed_by,
        plan: it.plan,
    };
    let revisions = state.store.plan_revisions(id).await?;
    Ok(Json(List::new(revisions.into_iter().map(revision).collect())))
}

/// Makes a plan what it was at an earlier revision. That is a change like any other: it gets a new revision, and can be taken
/// back in turn.
#[utoipa::path(post, path = "/plans/{id}/revert", tag = "plans", params(("id" = PlanId, Path)),
    request_body = RevertForm, responses((status = 200, body = Plan)))]
async fn revert(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PlanId>,
    Json(form): Json<RevertForm>,
) -> Result<Json<Plan>, Problem> {
    let before = read(&state, &caller, id, Action::EditPlans).await?;
    let revisions = state.store.plan_revisions(id).await?;
    let earlier = revisions.into_iter().find(|it| it.plan.revision == form.revision);
    let earlier = earlier.ok_or_else(|| Problem::invalid("revision", "the plan has no such revision"))?;
    let changed = Plan { spec: earlier.plan.spec, ..before.clone() };
    let expected = form.expected.unwrap_or(before.revision);
    store_changed(&state, &caller, "plan.revert", &before, changed, expected).await
}
