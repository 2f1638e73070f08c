//! Plans: sources to destinations, or one destination to others, on a schedule.

mod copies;
mod forms;
mod moments;
mod parts;
mod revisions;
mod runs;
mod schedule;
mod switches;

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::{Plan, PlanId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) use self::copies::check_mirrors;
use self::forms::{PlanForm, PlanUpdate};
pub(super) use self::parts::source_moves;
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
        .merge(moments::routes())
        .merge(revisions::routes())
        .merge(runs::routes())
        .merge(schedule::routes())
        .merge(switches::routes())
}

/// Plans, by name.
#[utoipa::path(get, path = "/plans", tag = "plans", params(OfProject), responses((status = 200, body = List<Plan>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(of): Query<OfProject>,
) -> Result<Json<List<Plan>>, Problem> {
    let projects = common::visible(&caller, of.project)?;
    let mut plans = state.store.plans(of.project).await?;
    plans.retain(|plan| projects.contains(&plan.project));
    Ok(Json(List::new(plans)))
}

/// Makes a plan. Hooks take the owner's role.
#[utoipa::path(post, path = "/plans", tag = "plans", request_body = PlanForm, responses((status = 201, body = Plan)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<PlanForm>,
) -> Result<(StatusCode, Json<Plan>), Problem> {
    let project = common::choose(&caller, Action::EditPlans, form.project)?;
    let (id, now) = (PlanId::new(&*state.clock, &*state.random), state.now());
    let plan = Plan { id, project, spec: form.spec, created: now, changed: now, revision: 1 };
    store_new(&state, &caller, "plan.create", plan).await
}

/// A plan.
#[utoipa::path(get, path = "/plans/{id}", tag = "plans", params(("id" = PlanId, Path)),
    responses((status = 200, body = Plan)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PlanId>,
) -> Result<Json<Plan>, Problem> {
    read(&state, &caller, id, Action::ViewNames).await.map(Json)
}

/// Changes a plan. To change its hooks, or to let them run on further nodes, takes the owner's role.
#[utoipa::path(put, path = "/plans/{id}", tag = "plans", params(("id" = PlanId, Path)), request_body = PlanUpdate,
    responses((status = 200, body = Plan)))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PlanId>,
    Json(form): Json<PlanUpdate>,
) -> Result<Json<Plan>, Problem> {
    let before = read(&state, &caller, id, Action::EditPlans).await?;
    let changed = Plan { spec: form.spec, ..before.clone() };
    store_changed(&state, &caller, "plan.update", &before, changed, form.revision).await
}

/// Removes a plan that has no run under way. Its revisions, runs and snapshots stay.
#[utoipa::path(delete, path = "/plans/{id}", tag = "plans", params(("id" = PlanId, Path)), responses(
    (status = 204),
    (status = 409, description = "Runs of it have not ended (`in_use`); they are named.",
        body = ProblemDetails, content_type = "application/problem+json")))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PlanId>,
) -> Result<StatusCode, Problem> {
    let before = read(&state, &caller, id, Action::EditPlans).await?;
    let runs = related::active_of_plan(&state, id).await?;
    related::refuse_if_used(&format!("plan {}", before.spec.name), runs)?;
    state.store.delete_plan(id, Some(before.revision)).await?;
    deed("plan.delete", &before).before(&before).by(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A plan, if the caller may do this with it.
async fn read(state: &AppState, caller: &Caller, id: PlanId, action: Action) -> Result<Plan, Problem> {
    common::found(caller, state.store.plan(id).await?, "plan", action, |plan| plan.project)
}

/// Checks and stores a new plan.
async fn store_new(
    state: &AppState,
    caller: &Caller,
    action: &'static str,
    mut plan: Plan,
) -> Result<(StatusCode, Json<Plan>), Problem> {
    parts::prepare(state, caller, &mut plan, None).await?;
    state.store.create_plan(&plan, &caller.actor()).await?;
    deed(action, &plan).after(&plan).by(state, caller).await?;
    Ok((StatusCode::CREATED, Json(plan)))
}

/// Checks and stores a plan in place of the one before.
async fn store_changed(
    state: &AppState,
    caller: &Caller,
    action: &'static str,
    before: &Plan,
    changed: Plan,
    expected: i64,
) -> Result<Json<Plan>, Problem> {
    related::check_revision(&format!("plan {}", before.spec.name), before.revision, expected)?;
    let mut changed = Plan { changed: state.now(), ..changed };
    parts::prepare(state, caller, &mut changed, Some(before)).await?;
    let after = state.store.update_plan(&changed, expected, &caller.actor()).await?;
    deed(action, &after).before(before).after(&after).by(state, caller).await?;
    Ok(Json(after))
}

fn deed(action: &'static str, plan: &Plan) -> Deed {
    Deed::new(action, format!("plan {} {}", plan.id, plan.spec.name)).project(plan.project)
}
