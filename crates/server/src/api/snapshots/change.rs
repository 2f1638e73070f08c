//! Changes to single snapshots: tags and holds, and their removal by hand.

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::command::{Answer, Ask};
use backstay_model::plan::is_own_tag;
use backstay_model::run::check_snapshot;
use backstay_model::{NodeId, RepositoryId};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{ByNode, PATIENCE, Place, odd_answer};
use crate::access::extract::{Caller, Json, Path, Query};
use crate::access::policy::Action;
use crate::problem::{Problem, ProblemDetails};
use crate::state::AppState;

/// Tags in one request.
const MOST: usize = 50;
/// The longest tag, in bytes.
const LONGEST: usize = 100;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(tag)).routes(routes!(remove))
}

/// What tags change.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct TagForm {
    /// Tags that the snapshot gets. With `hold` no retention removes it.
    #[serde(default)]
    add: Vec<String>,
    /// Tags that it loses.
    #[serde(default)]
    remove: Vec<String>,
    /// The node that does it; the repository's own, or the one that was heard of last, when left out. To hand a node's own
    /// repository to another node takes an owner.
    node: Option<NodeId>,
}

/// A snapshot with other tags.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TaggedSnapshot {
    /// Its id now: it changes with its tags.
    snapshot: String,
}

/// Changes the tags of a snapshot, and with them its id. The tag by which a plan knows its snapshots stays as it is.
#[utoipa::path(post, path = "/repositories/{id}/snapshots/{snapshot}/tags", tag = "snapshots", operation_id = "tag",
    params(("id" = RepositoryId, Path), ("snapshot" = String, Path, description = "An id, the beginning of one, or `latest`.")),
    request_body = TagForm, responses((status = 200, body = TaggedSnapshot)))]
async fn tag(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, snapshot)): Path<(RepositoryId, String)>,
    Json(form): Json<TagForm>,
) -> Result<Json<TaggedSnapshot>, Problem> {
    let place = Place::find(&state, &caller, id, Action::TagSnapshots, form.node).await?;
    check_snapshot("snapshot", &snapshot)?;
    let TagForm { add, remove, .. } = form;
    check_tags("add", &add)?;
    check_tags("remove", &remove)?;
    if add.is_empty() && remove.is_empty() {
        return Err(Problem::invalid("add", "name a tag to add or to remove"));
    }
    let seen =
        serde_json::json!({ "snapshot": snapshot, "add": add, "remove": remove, "node": place.node.id });
    let ask = Ask::Tag { repository: place.sealed(&state).await?, snapshot, add, remove };
    let answer = state.hub.ask(place.node.id, &caller.actor(), ask, PATIENCE).await?;
    let Answer::Tagged { snapshot } = answer else { return Err(odd_answer()) };
    place.note(&state, &caller, "snapshot.tag", &seen).await?;
    Ok(Json(TaggedSnapshot { snapshot }))
}

fn check_tags(field: &str, tags: &[String]) -> Result<(), Problem> {
    if tags.len() > MOST {
        return Err(Problem::invalid(field, format!("at most {MOST} tags at once")));
    }
    for (place, tag) in tags.iter().enumerate() {
        let field = format!("{field}[{place}]");
        if tag.trim().is_empty() || tag.len() > LONGEST || tag.contains(',') || tag.contains(char::is_control)
        {
            let why = format!("a tag has from 1 to {LONGEST} bytes, and no comma or control character");
            return Err(Problem::invalid(&field, why));
        }
        if is_own_tag(tag) {
            let why = "by tags that begin with `plan:`, `copy:` or `log-` plans know their snapshots, copies and logs";
            return Err(Problem::invalid(&field, why));
        }
    }
    Ok(())
}

/// Removes a snapshot that is not held. What only it needs goes with the next clean-up, and cannot be brought back then.
#[utoipa::path(delete, path = "/repositories/{id}/snapshots/{snapshot}", tag = "snapshots",
    params(("id" = RepositoryId, Path), ("snapshot" = String, Path, description = "An id, or the beginning of one."), ByNode),
    responses((status = 204), (status = 409, body = ProblemDetails, content_type = "application/problem+json")))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, snapshot)): Path<(RepositoryId, String)>,
    Query(query): Query<ByNode>,
) -> Result<StatusCode, Problem> {
    let place = Place::find(&state, &caller, id, Action::ForgetSnapshots, query.node).await?;
    check_snapshot("snapshot", &snapshot)?;
    if snapshot == "latest" {
        return Err(Problem::invalid("snapshot", "name the snapshot to remove by its id"));
    }
    let seen = serde_json::json!({ "snapshot": snapshot, "node": place.node.id });
    let ask = Ask::Forget { repository: place.sealed(&state).await?, snapshot };
    let Answer::Done = state.hub.ask(place.node.id, &caller.actor(), ask, PATIENCE).await? else {
        return Err(odd_answer());
    };
    place.note(&state, &caller, "snapshot.remove", &seen).await?;
    Ok(StatusCode::NO_CONTENT)
}
