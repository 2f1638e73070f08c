//! What plans did over a span of time.

use std::time::Duration;

use axum::extract::State;
use backstay_model::{ProjectId, Time};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common;
use crate::access::extract::{Caller, Json, Query};
use crate::problem::Problem;
use crate::reports::{self, Summary};
use crate::state::AppState;

/// How far a report goes back where nobody says since when.
const USUAL: Duration = Duration::from_secs(30 * 24 * 3600);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(summary))
}

/// Of what a report tells.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ReportQuery {
    /// Only this project's plans; all that the caller may see when left out.
    project: Option<ProjectId>,
    /// From the UTC day of this moment on; 30 days before `to` when left out.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    /// To the UTC day of this moment; now when left out.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Time>,
}

/// What the backups of each plan did over some days, and all together. Days are whole, in UTC, and as long past as runs are kept;
/// what ended before the server added runs up is not in it.
#[utoipa::path(get, path = "/reports/summary", tag = "reports", params(ReportQuery),
    responses((status = 200, body = Summary)))]
async fn summary(
    State(state): State<AppState>,
    caller: Caller,
    Query(query): Query<ReportQuery>,
) -> Result<Json<Summary>, Problem> {
    let projects = common::visible(&caller, query.project)?;
    let to = query.to.unwrap_or_else(|| state.now());
    let back = jiff::SignedDuration::try_from(USUAL).unwrap_or(jiff::SignedDuration::ZERO);
    let from = query.from.unwrap_or_else(|| to.saturating_sub(back).unwrap_or(Time::MIN));
    if from >= to {
        return Err(Problem::invalid("from", "it has to be before `to`"));
    }
    // The end of the last day has to be a moment too.
    let calendars = Time::UNIX_EPOCH..Time::MAX.saturating_sub(back).unwrap_or(Time::MAX);
    for (field, time) in [("from", from), ("to", to)] {
        if !calendars.contains(&time) {
            return Err(Problem::invalid(field, "it has to be a moment from 1970 to 9999"));
        }
    }
    Ok(Json(reports::summary(&state, &projects, from, to).await?))
}
