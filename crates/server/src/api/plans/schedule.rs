//! When a plan is due, and when it would be.

use axum::extract::State;
use backstay_model::{PlanId, Time};
use backstay_node::plans::seed;
use backstay_policy::Schedule;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::read;
use crate::access::extract::{Caller, Json, Path, Query};
use crate::access::policy::Action;
use crate::problem::Problem;
use crate::state::AppState;

/// Moments that are told at most.
const MOST: usize = 100;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(next)).routes(routes!(preview))
}

/// How many moments are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Count {
    /// How many, from 1 to 100; 5 when left out.
    #[serde(default = "five")]
    count: usize,
}

/// A schedule that is thought about.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PreviewForm {
    /// The schedule.
    schedule: Schedule,
    /// How many moments are asked for, from 1 to 100; 5 when left out.
    #[serde(default = "five")]
    count: usize,
}

/// What a schedule comes to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Upcoming {
    /// The schedule in plain words.
    description: String,
    /// The next moments that a run is due; none when the plan is run only by hand or is switched off.
    #[schema(value_type = Vec<String>)]
    next: Vec<Time>,
}

const fn five() -> usize {
    5
}

/// When a plan is next due.
#[utoipa::path(get, path = "/plans/{id}/next", tag = "plans", params(("id" = PlanId, Path), Count),
    responses((status = 200, body = Upcoming)))]
async fn next(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PlanId>,
    Query(Count { count }): Query<Count>,
) -> Result<Json<Upcoming>, Problem> {
    let plan = read(&state, &caller, id, Action::ViewNames).await?;
    let mut upcoming = upcoming(&plan.spec.schedule, state.now(), count, seed(id))?;
    if !plan.spec.enabled {
        upcoming.next.clear();
    }
    Ok(Json(upcoming))
}

/// What a schedule would come to, before a plan has it.
#[utoipa::path(post, path = "/plans/preview", tag = "plans", request_body = PreviewForm,
    responses((status = 200, body = Upcoming)))]
async fn preview(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<PreviewForm>,
) -> Result<Json<Upcoming>, Problem> {
    caller.authorize(Action::ViewSelf, None)?;
    upcoming(&form.schedule, state.now(), form.count, 0).map(Json)
}

fn upcoming(schedule: &Schedule, now: Time, count: usize, seed: u64) -> Result<Upcoming, Problem> {
    if !(1..=MOST).contains(&count) {
        return Err(Problem::invalid("count", "it has to be from 1 to 100"));
    }
    let next = schedule.preview(now, count, seed);
    let next = next.map_err(|error| Problem::invalid("schedule", error.to_string()))?;
    Ok(Upcoming { description: schedule.describe(), next })
}
