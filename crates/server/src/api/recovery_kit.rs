//! The recovery kit: what opens the repositories without this server.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use backstay_model::ProjectId;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, List, OfProject};
use crate::access::extract::{Caller, Json, OptionalJson, Query};
use crate::access::policy::{Action, may};
use crate::audit::Deed;
use crate::problem::Problem;
use crate::recovery_kit::{self, KitState};
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(states, issue))
}

/// How the recovery kits stand of the projects whose keys the caller may read: whether one was issued, and whether it is stale.
#[utoipa::path(get, path = "/recovery-kit", tag = "repositories", params(OfProject),
    responses((status = 200, body = List<KitState>)))]
async fn states(
    State(state): State<AppState>,
    caller: Caller,
    Query(of): Query<OfProject>,
) -> Result<Json<List<KitState>>, Problem> {
    let mut projects = common::visible(&caller, of.project)?;
    projects.retain(|project| may(&caller.principal, Action::RevealKeys, Some(*project)));
    let mut kits = Vec::with_capacity(projects.len());
    for project in projects {
        kits.push(recovery_kit::state(&state, project).await?);
    }
    Ok(Json(List::new(kits)))
}

/// Of which project.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct KitForm {
    /// The project; the caller's only one when left out.
    project: Option<ProjectId>,
}

/// Issues the recovery kit of a project: a page with the locations and passwords of its repositories, and how to restore from them
/// without this server. That it was read out is written into the audit.
#[utoipa::path(post, path = "/recovery-kit", tag = "repositories", request_body = Option<KitForm>,
    responses((status = 200, body = String, content_type = "text/html")))]
async fn issue(
    State(state): State<AppState>,
    caller: Caller,
    OptionalJson(form): OptionalJson<KitForm>,
) -> Result<Response, Problem> {
    let project = common::choose(&caller, Action::RevealKeys, form.project)?;
    let page = recovery_kit::issue(&state, project, &caller.actor()).await?;
    // What cannot be written down is not read out.
    Deed::new("recovery_kit.issue", format!("project {project}"))
        .project(project)
        .by(&state, &caller)
        .await?;
    let mut response = page.into_response();
    let told = response.headers_mut();
    told.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let name = "attachment; filename=\"backstay-recovery-kit.html\"";
    told.insert(CONTENT_DISPOSITION, HeaderValue::from_static(name));
    told.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("sandbox; default-src 'none'; style-src 'unsafe-inline'"),
    );
    told.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
