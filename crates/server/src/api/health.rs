//! Whether the server lives and is ready, for those who watch it.

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::{Problem, ProblemDetails};
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz))
}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", tag = "health",
    security(()), responses((status = 200, body = String)))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether requests can be answered: the catalog answers.
#[utoipa::path(get, path = "/readyz", tag = "health",
    security(()),
    responses((status = 200, body = String), (status = 503, body = ProblemDetails, content_type = "application/problem+json")))]
async fn readyz(State(state): State<AppState>) -> Result<&'static str, Problem> {
    match state.store.ping().await {
        Ok(()) => Ok("ready\n"),
        Err(error) => {
            tracing::error!(cause = %error, "the catalog does not answer");
            Err(Problem::unavailable("the catalog does not answer"))
        }
    }
}
