//! Tokens by which hosts join, once each.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use backstay_catalog::{OneTimeKind, OneTimeToken};
use backstay_model::{NodeId, ProjectId, Time};
use backstay_policy::duration_text;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::extract::{Caller, Json, OptionalJson, Path, Query};
use crate::access::policy::{Action, may};
use crate::api::common::{self, List, OfProject};
use crate::audit::Deed;
use crate::hosts;
use crate::link::join::{self, JoinGrant};
use crate::problem::Problem;
use crate::state::AppState;

/// For how long a token works at most.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);
/// Digits of a token's hash that name it.
const NAME: usize = 12;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(remove))
}

/// What a new token is for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct JoinTokenForm {
    /// The project that the host joins.
    project: Option<ProjectId>,
    /// The node's name; the host's own when left out.
    name: Option<String>,
    /// The node whose place the host takes: one that lost its data folder, or was shut out.
    rejoin: Option<NodeId>,
    /// For how long it works, as `1h`; seven days at most.
    #[serde(default = "an_hour", with = "duration_text")]
    #[schema(value_type = String)]
    expires_in: Duration,
}

const fn an_hour() -> Duration {
    Duration::from_secs(3600)
}

/// A token that was made just now.
#[derive(Serialize, utoipa::ToSchema)]
struct NewJoinToken {
    /// The token. It is shown this once.
    token: String,
    /// What it is called in lists.
    id: String,
    /// When it stops working.
    #[schema(value_type = String, format = DateTime)]
    expires: Time,
    /// What to enter on the host. The token goes into a file, so that no list of processes shows it.
    command: String,
}

/// A token that still works.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct JoinToken {
    /// What it is called: the first digits of its hash.
    id: String,
    /// The project that the host joins.
    project: ProjectId,
    /// The node's name, if it was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The node whose place the host takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejoin: Option<NodeId>,
    /// Who made it.
    by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Time,
    /// When it stops working.
    #[schema(value_type = String, format = DateTime)]
    expires: Time,
}

/// Makes a token with which a host joins, once.
#[utoipa::path(post, path = "/nodes/tokens", tag = "nodes",
    operation_id = "create_token", request_body = Option<JoinTokenForm>,
    responses((status = 201, body = NewJoinToken)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    OptionalJson(form): OptionalJson<JoinTokenForm>,
) -> Result<(StatusCode, Json<NewJoinToken>), Problem> {
    let project = common::choose(&caller, Action::ManageNodes, form.project)?;
    if !state.takes_agents {
        return Err(Problem::conflict("agents join over TLS, and this server speaks none").hint(
            "start it with --tls-cert and --tls-key, or let it listen on another address than loopback",
        ));
    }
    if form.expires_in.is_zero() || form.expires_in > LONGEST {
        return Err(Problem::invalid("expires_in", "it has to be longer than nothing, and 7d at most"));
    }
    let name = form.name.as_deref().map(|name| common::name("name", name)).transpose()?;
    if let Some(id) = form.rejoin {
        let node = state.store.node(id).await?.filter(|node| node.project == project && !node.local);
        node.ok_or_else(|| Problem::invalid("rejoin", "there is no such agent in this project"))?;
    }
    let grant = JoinGrant { project, name, by: caller.actor(), rejoin: form.rejoin };
    let (token, kept) = join::new_token(&state, &grant, form.expires_in).await?;
    let shown = shown(&kept, grant);
    deed("node.token_create", &shown).after(&shown).by(&state, &caller).await?;
    let command = format!("backstay agent join {} --join-token-file FILE", hosts::url_for(&state, &headers));
    Ok((StatusCode::CREATED, Json(NewJoinToken { token, id: shown.id, expires: kept.expires, command })))
}

/// Tokens that still work, the newest first.
#[utoipa::path(get, path = "/nodes/tokens", tag = "nodes", operation_id = "list_tokens", params(OfProject),
    responses((status = 200, body = List<JoinToken>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(of): Query<OfProject>,
) -> Result<Json<List<JoinToken>>, Problem> {
    if let Some(project) = of.project {
        caller.authorize(Action::ManageNodes, Some(project))?;
    }
    let mut tokens = all(&state).await?;
    tokens.retain(|(_, token)| {
        may(&caller.principal, Action::ManageNodes, Some(token.project))
            && of.project.is_none_or(|project| project == token.project)
    });
    Ok(Json(List::new(tokens.into_iter().map(|(_, token)| token).collect())))
}

/// Takes a token back before it was used.
#[utoipa::path(delete, path = "/nodes/tokens/{id}", tag = "nodes",
    operation_id = "remove_token", params(("id" = String, Path)),
    responses((status = 204)))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let found = all(&state).await?.into_iter().find(|(_, token)| token.id == id);
    let (hash, token) =
        common::found(&caller, found, "token", Action::ManageNodes, |(_, token)| token.project)?;
    state.store.delete_one_time(OneTimeKind::AgentJoin, &hash).await?;
    deed("node.token_delete", &token).before(&token).by(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn all(state: &AppState) -> Result<Vec<(String, JoinToken)>, Problem> {
    let kept = state.store.one_times(OneTimeKind::AgentJoin, state.now()).await?;
    let known = kept.into_iter().filter_map(|kept| {
        let grant: JoinGrant = serde_json::from_value(kept.about.clone()).ok()?;
        let token = shown(&kept, grant);
        Some((kept.hash, token))
    });
    Ok(known.collect())
}

fn shown(kept: &OneTimeToken, grant: JoinGrant) -> JoinToken {
    JoinToken {
        id: kept.hash.chars().take(NAME).collect(),
        project: grant.project,
        name: grant.name,
        rejoin: grant.rejoin,
        by: grant.by,
        created: kept.created,
        expires: kept.expires,
    }
}

fn deed(action: &'static str, token: &JoinToken) -> Deed {
    Deed::new(action, format!("join token {}", token.id)).project(token.project)
}
