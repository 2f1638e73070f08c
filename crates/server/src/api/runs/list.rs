//! Runs in pages, counted, and one by one.

use axum::extract::State;
use backstay_catalog::{RunCounts, RunFilter};
use backstay_model::{
    DestinationId, NodeId, PlanId, ProjectId, Run, RunId, RunKind, RunState, SourceId, Time,
};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::extract::{Caller, Json, Path};
use crate::access::policy::Action;
use crate::api::common;
use crate::api::paged::{Page, Paged, Paging, Params};
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(counts)).routes(routes!(get))
}

/// Which runs are asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct RunQuery {
    /// Of this project; of all that the caller may see when left out.
    project: Option<ProjectId>,
    /// Of this kind.
    #[param(inline)]
    kind: Option<RunKind>,
    /// In one of these states, as `failed,cancelled`; may be repeated.
    state: Option<String>,
    /// Of this plan.
    plan: Option<PlanId>,
    /// Of this source.
    source: Option<SourceId>,
    /// To this destination.
    destination: Option<DestinationId>,
    /// On this node.
    node: Option<NodeId>,
    /// Asked for not before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// Asked for before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
}

impl RunQuery {
    fn filter(self, caller: &Caller) -> Result<RunFilter, Problem> {
        let known = |name: &str| {
            let unknown = || {
                Problem::invalid(
                    "state",
                    "a state is pending, running, paused, completed, failed or cancelled",
                )
            };
            RunState::from_name(name).ok_or_else(unknown)
        };
        let states = self.state.as_deref().unwrap_or_default();
        let states = states.split(',').map(str::trim).filter(|name| !name.is_empty()).map(known);
        Ok(RunFilter {
            projects: Some(common::visible(caller, self.project)?),
            kind: self.kind,
            states: states.collect::<Result<_, _>>()?,
            plan: self.plan,
            source: self.source,
            destination: self.destination,
            node: self.node,
            since: self.since,
            until: self.until,
        })
    }
}

/// How many runs there are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Counts {
    /// Runs that did what they were to do.
    successful: u64,
    /// Runs that could not.
    failed: u64,
    /// Runs being executed.
    running: u64,
    /// Runs that wait.
    pending: u64,
    /// Runs that were interrupted and keep their place.
    paused: u64,
    /// Runs that somebody ended.
    cancelled: u64,
    /// All of them.
    total: u64,
}

impl From<RunCounts> for Counts {
    fn from(counts: RunCounts) -> Self {
        Self {
            successful: counts.completed,
            failed: counts.failed,
            running: counts.running,
            pending: counts.pending,
            paused: counts.paused,
            cancelled: counts.cancelled,
            total: counts.total(),
        }
    }
}

/// Runs, the newest first.
#[utoipa::path(get, path = "/runs", tag = "runs", params(RunQuery, Paging),
    responses((status = 200, body = Page<Run>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    query: Paged<RunQuery>,
) -> Result<Json<Page<Run>>, Problem> {
    let filter = query.of.filter(&caller)?;
    let page = state.store.list_runs(&filter, query.cursor.as_ref(), query.limit).await?;
    Ok(Json(page.into()))
}

/// How many runs a filter asks for, by state.
#[utoipa::path(get, path = "/runs/counts", tag = "runs", params(RunQuery), responses((status = 200, body = Counts)))]
async fn counts(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<RunQuery>,
) -> Result<Json<Counts>, Problem> {
    let filter = query.filter(&caller)?;
    Ok(Json(state.store.count_runs(&filter).await?.into()))
}

/// A run.
#[utoipa::path(get, path = "/runs/{id}", tag = "runs", params(("id" = RunId, Path)),
    responses((status = 200, body = Run)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<RunId>,
) -> Result<Json<Run>, Problem> {
    read(&state, &caller, id, Action::ViewNames).await.map(Json)
}

/// A run, if the caller may do this in its project.
pub(super) async fn read(
    state: &AppState,
    caller: &Caller,
    id: RunId,
    action: Action,
) -> Result<Run, Problem> {
    common::found(caller, state.store.run(id).await?, "run", action, |run| run.project)
}
