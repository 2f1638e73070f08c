//! Questions about what lies in all snapshots of a repository, or in two of them.

use axum::extract::State;
use backstay_model::command::{Answer, Ask, Comparison, Hit, Version};
use backstay_model::connection::check_path;
use backstay_model::run::check_snapshot;
use backstay_model::{NodeId, RepositoryId};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{LONGEST_NAME, PATIENCE, Place, odd_answer};
use crate::access::extract::{Caller, Json, Path, Query};
use crate::access::policy::Action;
use crate::api::common::List;
use crate::problem::Problem;
use crate::state::AppState;

/// Items that one answer has at most.
const MOST: u32 = 1000;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(find)).routes(routes!(versions)).routes(routes!(compare))
}

/// What is looked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct FindQuery {
    /// A part of the name, or a pattern with `*`, `?` or `[`; upper and lower case are the same.
    name: String,
    /// How many hits are enough, from 1 to 1000; 200 when left out.
    limit: Option<u32>,
    /// The node that looks; the repository's own, or the one that was heard of last, when left out. To hand a node's own
    /// repository to another node takes an owner.
    node: Option<NodeId>,
}

/// What was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Found {
    /// Snapshot by snapshot, the newest first.
    items: Vec<Hit>,
    /// Whether there are more.
    truncated: bool,
}

/// Items by their name, in all snapshots of a repository. That somebody looked is written into the audit.
#[utoipa::path(get, path = "/repositories/{id}/find", tag = "snapshots",
    params(("id" = RepositoryId, Path), FindQuery), responses((status = 200, body = Found)))]
async fn find(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<RepositoryId>,
    Query(query): Query<FindQuery>,
) -> Result<Json<Found>, Problem> {
    let place = Place::find(&state, &caller, id, Action::ViewContent, query.node).await?;
    let FindQuery { name, limit, .. } = query;
    if name.trim().is_empty() || name.len() > LONGEST_NAME || name.contains(['/', '\0']) {
        let why = "it has to be a part of one name, without `/`";
        return Err(Problem::invalid("name", why));
    }
    let limit = limit.unwrap_or(200);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::invalid("limit", format!("it has to be from 1 to {MOST}")));
    }
    let seen = serde_json::json!({ "name": name, "node": place.node.id });
    let ask = Ask::Find { repository: place.sealed(&state).await?, name, limit };
    let answer = state.hub.ask(place.node.id, &caller.actor(), ask, PATIENCE).await?;
    let Answer::Found { hits, truncated } = answer else { return Err(odd_answer()) };
    place.note(&state, &caller, "snapshot.find", &seen).await?;
    Ok(Json(Found { items: hits, truncated }))
}

/// Of what the versions are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct VersionsQuery {
    /// The item, as an absolute path.
    path: String,
    /// The node that looks; the repository's own, or the one that was heard of last, when left out. To hand a node's own
    /// repository to another node takes an owner.
    node: Option<NodeId>,
}

/// The versions of an item in all snapshots of a repository, the newest first. That somebody looked is written into the audit.
#[utoipa::path(get, path = "/repositories/{id}/versions", tag = "snapshots",
    params(("id" = RepositoryId, Path), VersionsQuery), responses((status = 200, body = List<Version>)))]
async fn versions(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<RepositoryId>,
    Query(query): Query<VersionsQuery>,
) -> Result<Json<List<Version>>, Problem> {
    let place = Place::find(&state, &caller, id, Action::ViewContent, query.node).await?;
    let path = query.path;
    check_path("path", &path)?;
    let seen = serde_json::json!({ "path": path, "node": place.node.id });
    let ask = Ask::Versions { repository: place.sealed(&state).await?, path };
    let answer = state.hub.ask(place.node.id, &caller.actor(), ask, PATIENCE).await?;
    let Answer::Versions { versions } = answer else { return Err(odd_answer()) };
    place.note(&state, &caller, "snapshot.versions", &seen).await?;
    Ok(Json(List::new(versions)))
}

/// Which two snapshots.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct CompareQuery {
    /// The one before: an id, the beginning of one, or `latest`.
    from: String,
    /// The one after.
    to: String,
    /// How many changes are told one by one, from 1 to 1000, which is meant when left out. All are counted.
    limit: Option<u32>,
    /// The node that looks; the repository's own, or the one that was heard of last, when left out. To hand a node's own
    /// repository to another node takes an owner.
    node: Option<NodeId>,
}

/// What differs between two snapshots, and which folders grew by it. That somebody looked is written into the audit.
#[utoipa::path(get, path = "/repositories/{id}/compare", tag = "snapshots",
    params(("id" = RepositoryId, Path), CompareQuery), responses((status = 200, body = Comparison)))]
async fn compare(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<RepositoryId>,
    Query(query): Query<CompareQuery>,
) -> Result<Json<Comparison>, Problem> {
    let place = Place::find(&state, &caller, id, Action::ViewContent, query.node).await?;
    let CompareQuery { from, to, limit, .. } = query;
    check_snapshot("from", &from)?;
    check_snapshot("to", &to)?;
    let limit = limit.unwrap_or(MOST);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::invalid("limit", format!("it has to be from 1 to {MOST}")));
    }
    let seen = serde_json::json!({ "from": from, "to": to, "node": place.node.id });
    let ask = Ask::Compare { repository: place.sealed(&state).await?, from, to, limit };
    let answer = state.hub.ask(place.node.id, &caller.actor(), ask, PATIENCE).await?;
    let Answer::Compared { comparison } = answer else { return Err(odd_answer()) };
    place.note(&state, &caller, "snapshot.compare", &seen).await?;
    Ok(Json(comparison))
}
