//! Running a plan now.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::command::{Answer, Ask, CommandError, Refusal};
use backstay_model::{Node, NodeId, Plan, PlanId, RunId, RunKind};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{deed, read};
use crate::access::extract::{Caller, Json, OptionalJson, Path};
use crate::access::policy::Action;
use crate::link::hub::AskError;
use crate::problem::Problem;
use crate::state::AppState;

/// How long the nodes may take to queue the runs.
const PATIENCE: Duration = Duration::from_secs(15);
/// A plan that has not reached its node yet is asked for again after this time.
const AGAIN: Duration = Duration::from_millis(200);
/// How long it is waited for the nodes to tell of the runs, so that who asked finds them.
const KNOWN_WITHIN: Duration = Duration::from_secs(2);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(run))
}

/// What is run.
#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct RunForm {
    /// `backup`, `copy`, `verify` or `prune`; what the plan is for when left out.
    #[serde(default)]
    kind: Option<RunKind>,
    /// Whether it is made before a critical operation.
    #[serde(default)]
    guard: bool,
}

/// What came of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Queued {
    /// The runs: for backups one for each source, else one for each node.
    runs: Vec<RunId>,
    /// The nodes that did not take theirs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<RefusedNode>,
}

/// A node that did not take its runs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RefusedNode {
    /// Which.
    node: NodeId,
    /// Its name.
    name: String,
    /// Why.
    reason: String,
}

/// Runs a plan now, on each of the nodes that carry it out. It is an error only when none of them takes it.
#[utoipa::path(post, path = "/plans/{id}/run", tag = "plans", params(("id" = PlanId, Path)), request_body = Option<RunForm>,
    responses((status = 201, body = Queued)))]
async fn run(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PlanId>,
    OptionalJson(form): OptionalJson<RunForm>,
) -> Result<(StatusCode, Json<Queued>), Problem> {
    let plan = read(&state, &caller, id, Action::RunPlans).await?;
    let kind = form.kind.unwrap_or(plan.spec.kind());
    if kind == RunKind::Restore {
        return Err(Problem::invalid("kind", "a plan is run to back up, copy, verify or prune")
            .hint("restore a snapshot with POST /api/v1/restores"));
    }
    if kind.is_scheduled() && kind != plan.spec.kind() {
        let why = format!("the plan is for a {}; run that, or leave the kind out", plan.spec.kind().name());
        return Err(Problem::invalid("kind", why));
    }
    if form.guard && kind != RunKind::Backup {
        return Err(Problem::invalid("guard", "only a backup guards an operation"));
    }
    let mut asked = JoinSet::new();
    let shares = shares(&state, &plan, kind).await?;
    if shares.is_empty() {
        return Err(Problem::conflict("no node has a repository yet where the plan copies from")
            .hint("run a plan that backs up there first"));
    }
    for (node, runs) in shares {
        let (state, by) = (state.clone(), caller.actor());
        asked.spawn(async move {
            let queued = ask(&state, &node, &by, id, (kind, form.guard), runs).await;
            (node, queued)
        });
    }
    let (mut queued, mut first) = (Queued { runs: Vec::new(), refused: Vec::new() }, None);
    while let Some(answer) = asked.join_next().await {
        match answer.map_err(Problem::internal)? {
            (_, Ok(runs)) => queued.runs.extend(runs),
            (node, Err(problem)) => {
                let reason = problem.to_string();
                queued.refused.push(RefusedNode { node: node.id, name: node.name, reason });
                first.get_or_insert(problem);
            }
        }
    }
    if let Some(problem) = first
        && queued.runs.is_empty()
    {
        return Err(problem);
    }
    queued.runs.sort_unstable();
    deed("plan.run", &plan).after(&queued).by(&state, &caller).await?;
    until_known(&state, &queued.runs).await?;
    Ok((StatusCode::CREATED, Json(queued)))
}

/// The nodes of a plan, each with the ids of its runs: one for each source in the plan's order, or one alone.
async fn shares(state: &AppState, plan: &Plan, kind: RunKind) -> Result<Vec<(Node, Vec<RunId>)>, Problem> {
    let mut shares: Vec<(Node, Vec<RunId>)> = Vec::new();
    for id in &plan.spec.sources {
        let Some(source) = state.store.source(*id).await? else { continue };
        let run = RunId::new(&*state.clock, &*state.random);
        match shares.iter_mut().find(|(node, _)| node.id == source.node) {
            Some((_, runs)) if kind == RunKind::Backup => runs.push(run),
            Some(_) => {}
            None => {
                let node = state.store.node(source.node).await?;
                let node = node.ok_or_else(|| Problem::conflict("a node of the plan is gone"))?;
                shares.push((node, vec![run]));
            }
        }
    }
    if plan.spec.copy.is_some() {
        for id in state.store.nodes_of_plan(plan.id).await? {
            let Some(node) = state.store.node(id).await? else { continue };
            shares.push((node, vec![RunId::new(&*state.clock, &*state.random)]));
        }
    }
    Ok(shares)
}

async fn ask(
    state: &AppState,
    node: &Node,
    by: &str,
    plan: PlanId,
    (kind, guard): (RunKind, bool),
    runs: Vec<RunId>,
) -> Result<Vec<RunId>, Problem> {
    if node.revoked {
        return Err(Problem::conflict(format!("the node {} has been shut out", node.name)));
    }
    let end = Instant::now() + PATIENCE;
    let mut early = None;
    loop {
        let ask = Ask::RunPlan { plan, kind, guard, runs: runs.clone() };
        let left = end.saturating_duration_since(Instant::now());
        match state.hub.ask(node.id, by, ask, left).await {
            Ok(Answer::Queued { runs }) => return Ok(runs),
            Ok(_) => {
                return Err(Problem::internal("a node answered the wish to run a plan with something else"));
            }
            // A plan that was made or changed just now is on its way to the node.
            Err(AskError::Node(error)) if is_early(&error) && Instant::now() + AGAIN < end => {
                early = Some(error);
                tokio::time::sleep(AGAIN).await;
            }
            // The little time that was left for the last question says nothing; what the node said before does.
            Err(AskError::Silent(_)) if let Some(error) = early.take() => {
                return Err(AskError::Node(error).into());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether the node does not have the plan as the server has it.
const fn is_early(error: &CommandError) -> bool {
    matches!(error.kind, Refusal::NotFound | Refusal::Conflict)
}

/// Waits a little for the runs to be told of.
async fn until_known(state: &AppState, runs: &[RunId]) -> Result<(), Problem> {
    let end = Instant::now() + KNOWN_WITHIN;
    for run in runs {
        while state.store.run(*run).await?.is_none() {
            if Instant::now() >= end {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
    Ok(())
}
