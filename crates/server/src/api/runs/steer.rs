//! Pausing, resuming and cancelling.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::command::Ask;
use backstay_model::{Run, RunId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::list::read;
use crate::access::extract::{Caller, Json, Path};
use crate::access::policy::Action;
use crate::audit::Deed;
use crate::problem::{Problem, ProblemDetails};
use crate::state::AppState;

/// How long a node may take to acknowledge it. The work itself may take longer to stop.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(pause)).routes(routes!(resume)).routes(routes!(cancel))
}

/// Stops a run after the file in hand. It keeps its place.
#[utoipa::path(post, path = "/runs/{id}/pause", tag = "runs", params(("id" = RunId, Path)),
    responses((status = 202, body = Run), (status = 409, body = ProblemDetails, content_type = "application/problem+json")))]
async fn pause(
    State(state): State<AppState>,
    caller: Caller,
    Path(run): Path<RunId>,
) -> Result<(StatusCode, Json<Run>), Problem> {
    steer(&state, &caller, "run.pause", run, Ask::Pause { run }).await
}

/// Goes on with a paused run.
#[utoipa::path(post, path = "/runs/{id}/resume", tag = "runs", params(("id" = RunId, Path)),
    responses((status = 202, body = Run), (status = 409, body = ProblemDetails, content_type = "application/problem+json")))]
async fn resume(
    State(state): State<AppState>,
    caller: Caller,
    Path(run): Path<RunId>,
) -> Result<(StatusCode, Json<Run>), Problem> {
    steer(&state, &caller, "run.resume", run, Ask::Resume { run }).await
}

/// Ends a run and cleans up.
#[utoipa::path(post, path = "/runs/{id}/cancel", tag = "runs", params(("id" = RunId, Path)),
    responses((status = 202, body = Run), (status = 409, body = ProblemDetails, content_type = "application/problem+json")))]
async fn cancel(
    State(state): State<AppState>,
    caller: Caller,
    Path(run): Path<RunId>,
) -> Result<(StatusCode, Json<Run>), Problem> {
    steer(&state, &caller, "run.cancel", run, Ask::Cancel { run }).await
}

/// Has the node do it, and gives the run as it is known then.
async fn steer(
    state: &AppState,
    caller: &Caller,
    deed: &'static str,
    id: RunId,
    ask: Ask,
) -> Result<(StatusCode, Json<Run>), Problem> {
    let before = read(state, caller, id, Action::SteerRuns).await?;
    state.hub.ask(before.node, &caller.actor(), ask, PATIENCE).await?;
    let after = state.store.run(id).await?.unwrap_or_else(|| before.clone());
    let stands = |run: &Run| serde_json::json!({ "state": run.state, "intent": run.intent });
    Deed::new(deed, format!("run {id}"))
        .project(before.project)
        .before(&stands(&before))
        .after(&stands(&after))
        .by(state, caller)
        .await?;
    Ok((StatusCode::ACCEPTED, Json(after)))
}
