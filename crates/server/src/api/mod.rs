//! `/api/v1`: each resource in a file of its own, and the document that describes them all, made from the types.

mod common;
mod events;
mod health;
mod metrics;
mod notifiers;
mod paged;
mod projects;
mod restores;
mod retention;
mod runs;
mod snapshots;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::problem::ProblemDetails;
use crate::state::AppState;

/// What bodies may be large at most.
const LARGEST_BODY: usize = 1 << 20;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Backstay",
        description = "Everything that a Backstay server does. Errors are `application/problem+json`. Sign in for a session \
                       cookie, or send an API token as `Authorization: Bearer`."
    ),
    components(schemas(ProblemDetails)),
    modifiers(&Security)
)]
struct Document;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        let cookie = ApiKeyValue::with_description("backstay", "Named `__Host-backstay` over TLS.");
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .nest(
            "/api/v1",
            OpenApiRouter::new()
                .merge(events::routes())
                .merge(notifiers::routes())
                .merge(projects::routes())
                .merge(restores::routes())
                .merge(retention::routes())
                .merge(runs::routes())
                .merge(snapshots::routes()),
        )
        .merge(health::routes())
        .merge(metrics::routes())
}

/// The routes of the API.
pub(crate) fn routes() -> Router<AppState> {
    let (router, document) = api().split_for_parts();
    let text = document.to_pretty_json().unwrap_or_default();
    let served = move || {
        let text = text.clone();
        async move { ([(axum::http::header::CONTENT_TYPE, "application/json")], text) }
    };
    router
        .route("/api/v1/openapi.json", axum::routing::get(served))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

/// The document that describes the API, as JSON.
#[must_use]
pub fn document() -> String {
    api().into_openapi().to_pretty_json().unwrap_or_default()
}
