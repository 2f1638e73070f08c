//! What runs wrote down: that of one in order, and that of all searched.

use std::time::Duration;

use axum::extract::State;
use backstay_catalog::LogFilter;
use backstay_model::{Level, LogLine, PlanId, ProjectId, RunId, Time};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::list::read;
use crate::access::extract::{Caller, Json, Path, Query};
use crate::access::policy::{Action, may};
use crate::api::common;
use crate::api::paged::{Page, Paged, Paging, limit};
use crate::audit::Deed;
use crate::problem::Problem;
use crate::state::AppState;

/// Lines that are given at once, where nobody says how many.
const USUAL: u32 = 500;
/// Lines that are given at once at most.
const MOST: u32 = 5_000;
/// Lines that are read for one request at most, when only those of a level are asked for.
const LOOKED_AT: usize = 20_000;
/// How far a search goes back where nobody says since when: it looks at every line of the span.
const SEARCHED: Duration = Duration::from_secs(7 * 24 * 3600);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(log)).routes(routes!(search))
}

/// Which lines of a run are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct LogQuery {
    /// Only lines after this number; all when left out.
    #[serde(default)]
    after: i64,
    /// How many at most, from 1 to 5000; 500 when left out.
    limit: Option<u32>,
    /// Only lines that matter at least so much.
    #[param(inline)]
    level: Option<Level>,
}

/// Lines of a run's log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct LogLines {
    /// In the order they were written.
    items: Vec<LogLine>,
    /// What to send as `after` for the lines that follow, those not written yet among them.
    next: i64,
}

/// The log of a run, in order. That somebody read it is written into the audit, once in ten minutes.
#[utoipa::path(get, path = "/runs/{id}/log", tag = "runs", params(("id" = RunId, Path), LogQuery),
    responses((status = 200, body = LogLines)))]
async fn log(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<RunId>,
    Query(query): Query<LogQuery>,
) -> Result<Json<LogLines>, Problem> {
    let run = read(&state, &caller, id, Action::ViewContent).await?;
    let limit = limit(query.limit, USUAL, MOST)?;
    let level = query.level.unwrap_or(Level::Debug);
    let (mut items, mut next, mut looked_at) = (Vec::new(), query.after.max(0), 0);
    while items.len() < limit as usize && looked_at < LOOKED_AT {
        let lines = state.store.log(id, next, limit).await?;
        let is_last = lines.len() < limit as usize;
        looked_at += lines.len();
        for line in lines {
            if items.len() == limit as usize {
                break;
            }
            next = line.number;
            if line.level >= level {
                items.push(line);
            }
        }
        if is_last {
            break;
        }
    }
    Deed::new("run.read_log", format!("run {id}")).project(run.project).read_by(&state, &caller).await?;
    Ok(Json(LogLines { items, next }))
}

/// Which lines are searched for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct SearchQuery {
    /// With this text in it, in capitals or not.
    q: Option<String>,
    /// Of this project's runs; of all whose content the caller may see when left out.
    project: Option<ProjectId>,
    /// Of this run.
    run: Option<RunId>,
    /// Of this plan's runs.
    plan: Option<PlanId>,
    /// That matter at least so much.
    #[param(inline)]
    level: Option<Level>,
    /// Written not before this moment; seven days before `until` when left out, unless a run is named.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// Written before this moment; now when left out.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
}

/// Lines of all runs' logs, the newest first. That somebody searched is written into the audit, once in ten minutes for the same
/// search.
#[utoipa::path(get, path = "/log", tag = "runs", operation_id = "search_log", params(SearchQuery, Paging),
    responses((status = 200, body = Page<LogLine>)))]
async fn search(
    State(state): State<AppState>,
    caller: Caller,
    query: Paged<SearchQuery>,
) -> Result<Json<Page<LogLine>>, Problem> {
    let of = query.of;
    if of.q.as_ref().is_some_and(|text| text.chars().count() > 500) {
        return Err(Problem::invalid("q", "it may have 500 characters at most"));
    }
    let mut projects = common::visible(&caller, of.project)?;
    if let Some(project) = of.project {
        caller.authorize(Action::ViewContent, Some(project))?;
    }
    projects.retain(|project| may(&caller.principal, Action::ViewContent, Some(*project)));
    if projects.is_empty() {
        return Err(Problem::forbidden("your role does not allow that")
            .hint("ask an owner of the project for a role that does"));
    }
    let asked = serde_json::json!({ "text": of.q, "run": of.run, "plan": of.plan });
    let span = jiff::SignedDuration::try_from(SEARCHED).unwrap_or(jiff::SignedDuration::ZERO);
    let back = || of.until.unwrap_or_else(|| state.now()).saturating_sub(span).unwrap_or(Time::MIN);
    let filter = LogFilter {
        projects: Some(projects.clone()),
        run: of.run,
        plan: of.plan,
        text: of.q,
        level: of.level,
        since: of.since.or_else(|| of.run.is_none().then(back)),
        until: of.until,
    };
    let page = state.store.search_log(&filter, query.cursor.as_ref(), query.limit).await?;
    for project in projects {
        let deed = Deed::new("run.search_log", format!("logs of project {project}"));
        deed.project(project).after(&asked).read_by(&state, &caller).await?;
    }
    Ok(Json(page.into()))
}
