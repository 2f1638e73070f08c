//! Who changed what, and who read data out.

use axum::extract::State;
use backstay_catalog::AuditFilter;
use backstay_model::{AuditEntry, ProjectId, Time};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::extract::{Caller, Json, Query};
use crate::access::policy::{Action, may};
use crate::problem::Problem;
use crate::settings;
use crate::state::AppState;

const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 500;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(verify))
}

/// Which entries are asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Of this project.
    project: Option<ProjectId>,
    /// By this actor, as entries name it.
    actor: Option<String>,
    /// Of this action, as `plan.update`.
    action: Option<String>,
    /// Not before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// Before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
    /// The `next` of the page before.
    cursor: Option<i64>,
    /// How many at most: 100 when left out, 500 at the most.
    limit: Option<u32>,
}

/// A page of entries, the newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AuditPage {
    /// The entries.
    items: Vec<AuditEntry>,
    /// The `cursor` of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

/// What came of looking through all entries.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AuditCheck {
    /// Entries that are as they were written, from the first on.
    good: i64,
    /// The number of the first entry that was changed or is missing, if there is one.
    first_bad: Option<i64>,
}

/// Entries of the audit: all for owners of the server; for others those of the projects that they administer.
#[utoipa::path(get, path = "/audit", tag = "audit", params(Asked), responses((status = 200, body = AuditPage)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<AuditPage>, Problem> {
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let filter = AuditFilter {
        projects: allowed(&state, &caller, asked.project).await?,
        actor: asked.actor,
        action: asked.action,
        since: asked.since,
        until: asked.until,
        below: asked.cursor,
    };
    let mut items = state.store.audit(&filter, limit + 1).await?;
    let more = items.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if more {
        items.pop();
    }
    let next = items.last().map(|entry| entry.number).filter(|_| more);
    Ok(Json(AuditPage { items, next }))
}

/// The projects whose entries the caller may read; `None` for all, and what is in none.
async fn allowed(
    state: &AppState,
    caller: &Caller,
    asked: Option<ProjectId>,
) -> Result<Option<Vec<ProjectId>>, Problem> {
    let home = settings::home_project(state).await?;
    if home.is_some() && may(&caller.principal, Action::ManageServer, home) {
        return Ok(asked.map(|project| vec![project]));
    }
    if let Some(project) = asked {
        caller.authorize(Action::ReadAudit, Some(project))?;
        return Ok(Some(vec![project]));
    }
    let mut projects = caller.principal.projects();
    projects.retain(|project| may(&caller.principal, Action::ReadAudit, Some(*project)));
    if projects.is_empty() {
        return Err(Problem::forbidden("your role does not allow that")
            .hint("administrators read the entries of their projects"));
    }
    Ok(Some(projects))
}

/// Looks through all entries, whether one was changed or left out. It takes a while where there are many.
#[utoipa::path(get, path = "/audit/verify", tag = "audit", responses((status = 200, body = AuditCheck)))]
async fn verify(State(state): State<AppState>, caller: Caller) -> Result<Json<AuditCheck>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let verdict = state.store.verify_audit().await?;
    Ok(Json(AuditCheck { good: verdict.good, first_bad: verdict.first_bad }))
}
