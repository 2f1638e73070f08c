//! `/api/v1`: each resource in a file of its own, and the document that describes them all, made from the types.

mod account;
mod audit;
mod common;
mod connections;
mod destinations;
mod document;
mod events;
mod health;
mod members;
mod metrics;
mod nodes;
mod notifiers;
#[cfg(feature = "oidc")]
mod oidc;
mod overview;
mod paged;
mod people;
mod plans;
mod projects;
mod receiver;
mod recovery_kit;
mod related;
mod reports;
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
use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

/// What bodies may be large at most.
const LARGEST_BODY: usize = 1 << 20;

fn api() -> OpenApiRouter<AppState> {
    let mut api = OpenApiRouter::with_openapi(document::empty())
        .nest("/api/v1", resources())
        .merge(health::routes())
        .merge(metrics::routes());
    document::complete(api.get_openapi_mut());
    api
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
        .merge(overview::routes())
        .merge(receiver::routes())
        .merge(recovery_kit::routes())
        .merge(reports::routes())
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
