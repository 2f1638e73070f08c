//! Nodes: the hosts that execute runs.

mod tokens;

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::command::{Answer, Ask, FolderSort};
use backstay_model::connection::check_path;
use backstay_model::{Node, NodeId};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, List, OfProject};
use super::related;
use super::snapshots::{FolderItems, page};
use crate::access::extract::{Caller, Json, Path, Query};
use crate::access::policy::Action;
use crate::audit::Deed;
use crate::problem::Problem;
use crate::state::AppState;

/// How long listing a folder may take.
const BROWSE: Duration = Duration::from_secs(30);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, update, remove))
        .routes(routes!(revoke))
        .routes(routes!(folder))
        .merge(tokens::routes())
}

/// What people decide about a node.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NodeForm {
    /// Its name, unique in the project.
    name: String,
}

/// Which folder is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct OfFolder {
    /// An absolute path; `/` when left out.
    #[serde(default = "top")]
    path: String,
    /// How many items are passed over; none when left out.
    #[serde(default)]
    skip: u64,
    /// How many are given, from 1 to 5000, which is meant when left out.
    limit: Option<u32>,
    /// By what they are sorted: `name`, `size` or `modified`. Folders come first.
    #[serde(default)]
    #[param(inline)]
    sort: FolderSort,
    /// Whether the last come first.
    #[serde(default)]
    descending: bool,
    /// Only items with this in their name; upper and lower case are the same.
    name: Option<String>,
}

fn top() -> String {
    "/".to_owned()
}

/// Nodes, by name.
#[utoipa::path(get, path = "/nodes", tag = "nodes", params(OfProject), responses((status = 200, body = List<Node>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(of): Query<OfProject>,
) -> Result<Json<List<Node>>, Problem> {
    let projects = common::visible(&caller, of.project)?;
    let mut nodes = state.store.nodes(of.project).await?;
    nodes.retain(|node| projects.contains(&node.project));
    Ok(Json(List::new(nodes)))
}

/// A node.
#[utoipa::path(get, path = "/nodes/{id}", tag = "nodes", params(("id" = NodeId, Path)),
    responses((status = 200, body = Node)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<NodeId>,
) -> Result<Json<Node>, Problem> {
    read(&state, &caller, id, Action::ViewNames).await.map(Json)
}

/// Renames a node.
#[utoipa::path(put, path = "/nodes/{id}", tag = "nodes", params(("id" = NodeId, Path)), request_body = NodeForm,
    responses((status = 200, body = Node)))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<NodeId>,
    Json(form): Json<NodeForm>,
) -> Result<Json<Node>, Problem> {
    let before = read(&state, &caller, id, Action::ManageNodes).await?;
    let after = Node { name: common::name("name", &form.name)?, ..before.clone() };
    changed(&state, &caller, "node.update", &before, &after).await?;
    Ok(Json(after))
}

/// Shuts a node out: nothing is taken from it or told to it any more. It can join anew with a token made for it.
#[utoipa::path(post, path = "/nodes/{id}/revoke", tag = "nodes", params(("id" = NodeId, Path)),
    responses((status = 200, body = Node)))]
async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<NodeId>,
) -> Result<Json<Node>, Problem> {
    let before = read(&state, &caller, id, Action::ManageNodes).await?;
    refuse_local(&before, "shut out")?;
    let after = Node { revoked: true, ..before.clone() };
    changed(&state, &caller, "node.revoke", &before, &after).await?;
    Ok(Json(after))
}

/// Removes a node that nothing is on any more. Its runs stay.
#[utoipa::path(delete, path = "/nodes/{id}", tag = "nodes", params(("id" = NodeId, Path)), responses((status = 204)))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<NodeId>,
) -> Result<StatusCode, Problem> {
    let before = read(&state, &caller, id, Action::ManageNodes).await?;
    refuse_local(&before, "removed")?;
    let connections = state.store.connections(Some(before.project)).await?;
    let sources = state.store.sources(Some(before.project)).await?;
    let connections = connections.iter().filter(|it| it.node == id);
    let sources = sources.iter().filter(|it| it.node == id);
    let users = connections.map(|it| format!("connection {}", it.name));
    let users = users.chain(sources.map(|it| format!("source {}", it.name))).collect();
    related::refuse_if_used(&format!("node {}", before.name), users)?;
    state.store.delete_node(id).await?;
    Deed::new("node.delete", subject(&before))
        .project(before.project)
        .before(&before)
        .by(&state, &caller)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The items of a folder of the host, as far as the host's own policy shows them.
#[utoipa::path(get, path = "/nodes/{id}/folder", tag = "nodes", params(("id" = NodeId, Path), OfFolder),
    responses((status = 200, body = FolderItems)))]
async fn folder(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<NodeId>,
    Query(of): Query<OfFolder>,
) -> Result<Json<FolderItems>, Problem> {
    let node = read(&state, &caller, id, Action::ViewContent).await?;
    check_path("path", &of.path)?;
    let page = page(of.skip, of.limit, (of.sort, of.descending), of.name)?;
    if node.revoked {
        return Err(Problem::conflict(format!("the node {} has been shut out", node.name)));
    }
    let ask = Ask::BrowseHost { path: of.path.clone(), page };
    let answer = state.hub.ask(id, &caller.actor(), ask, BROWSE).await?;
    let Answer::Folder { items, total } = answer else {
        return Err(Problem::internal("a node answered a question for a folder with something else"));
    };
    Deed::new("node.browse", format!("{}: {}", subject(&node), of.path))
        .project(node.project)
        .by(&state, &caller)
        .await?;
    Ok(Json(FolderItems { items, total }))
}

async fn read(state: &AppState, caller: &Caller, id: NodeId, action: Action) -> Result<Node, Problem> {
    common::found(caller, state.store.node(id).await?, "node", action, |node| node.project)
}

async fn changed(
    state: &AppState,
    caller: &Caller,
    action: &'static str,
    before: &Node,
    after: &Node,
) -> Result<(), Problem> {
    state.store.update_node(after).await?;
    let deed = Deed::new(action, subject(after)).project(after.project);
    deed.before(before).after(after).by(state, caller).await
}

fn subject(node: &Node) -> String {
    format!("node {} {}", node.id, node.name)
}

fn refuse_local(node: &Node, what: &str) -> Result<(), Problem> {
    if node.local {
        return Err(Problem::conflict(format!("the node in the server's own process cannot be {what}")));
    }
    Ok(())
}
