//! `/api/v1`: each resource in a file of its own, and the document that describes them all, made from the types.

mod account;
mod audit;
mod common;
mod connections;
mod destinations;
mod events;
mod health;
mod members;
mod metrics;
mod nodes;
mod notifiers;
#[cfg(feature = "oidc")]
mod oidc;
mod paged;
mod people;
mod plans;
mod projects;
mod related;
mod repositories;
mod restores;
mod retention;
mod runs;
mod settings;
mod snapshots;
mod sources;
mod vault;

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
        .nest("/api/v1", resources())
        .merge(health::routes())
        .merge(metrics::routes())
}

fn resources() -> OpenApiRouter<AppState> {
    let routes = OpenApiRouter::new();
    #[cfg(feature = "oidc")]
    let routes = routes.merge(oidc::routes());
    routes
        .merge(account::routes())
        .merge(audit::routes())
        .merge(connections::routes())
        .merge(destinations::routes())
        .merge(events::routes())
        .merge(members::routes())
        .merge(nodes::routes())
        .merge(notifiers::routes())
        .merge(people::routes())
        .merge(plans::routes())
        .merge(projects::routes())
        .merge(repositories::routes())
        .merge(restores::routes())
        .merge(retention::routes())
        .merge(runs::routes())
        .merge(settings::routes())
        .merge(snapshots::routes())
        .merge(sources::routes())
        .merge(vault::routes())
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
