//! How everything stands, in one answer.

use axum::extract::State;
use backstay_model::ProjectId;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common;
use crate::access::extract::{Caller, Json, Query};
use crate::overview::{self, Overview};
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(overview))
}

/// Of what an overview tells.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct OverviewQuery {
    /// Only this project's plans; all that the caller may see when left out.
    project: Option<ProjectId>,
    /// How many days are told of, today being the last, from 1 to 366; 30 when left out.
    #[serde(default = "month")]
    days: u32,
}

const fn month() -> u32 {
    30
}

/// How plans and repositories stand: what went wrong or is overdue, what is protected and proved, and what room is left. Days are
/// UTC.
#[utoipa::path(get, path = "/overview", tag = "reports", params(OverviewQuery),
    responses((status = 200, body = Overview)))]
async fn overview(
    State(state): State<AppState>,
    caller: Caller,
    Query(query): Query<OverviewQuery>,
) -> Result<Json<Overview>, Problem> {
    let projects = common::visible(&caller, query.project)?;
    if !(1..=366).contains(&query.days) {
        return Err(Problem::invalid("days", "it has to be from 1 to 366"));
    }
    Ok(Json(overview::overview(&state, &projects, query.days).await?))
}
