//! What is in repositories: their snapshots, and what lies in them. A node looks; the server never opens a repository.

use std::time::Duration;

use axum::extract::State;
use backstay_model::command::{Answer, Ask, FolderItem, SnapshotInfo};
use backstay_model::connection::check_path;
use backstay_model::link::SealedRepository;
use backstay_model::run::check_snapshot;
use backstay_model::{Destination, Node, NodeId, Repository, RepositoryId};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, List};
use crate::access::extract::{Caller, Json, Path, Query};
use crate::access::policy::Action;
use crate::audit::Deed;
use crate::problem::Problem;
use crate::repositories;
use crate::state::AppState;

/// How long a node may take to look.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(folder))
}

/// Who looks.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ByNode {
    /// The node that looks; the repository's own, or the one that was heard of last, when left out. To hand a node's own
    /// repository to another node takes an owner.
    node: Option<NodeId>,
}

/// The snapshots of a repository, the newest first. That somebody looked is written into the audit, once in ten minutes.
#[utoipa::path(get, path = "/repositories/{id}/snapshots", tag = "snapshots",
    params(("id" = RepositoryId, Path), ByNode), responses((status = 200, body = List<SnapshotInfo>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<RepositoryId>,
    Query(query): Query<ByNode>,
) -> Result<Json<List<SnapshotInfo>>, Problem> {
    let place = Place::find(&state, &caller, id, Action::ViewContent, query.node).await?;
    let ask = Ask::Snapshots { repository: place.sealed(&state).await? };
    let answer = state.hub.ask(place.node.id, &caller.actor(), ask, PATIENCE).await?;
    let Answer::Snapshots { snapshots } = answer else { return Err(odd_answer()) };
    Deed::new("snapshot.list", format!("repository {id}"))
        .project(place.destination.project)
        .read_by(&state, &caller)
        .await?;
    Ok(Json(List::new(snapshots)))
}

/// Which folder of a snapshot.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct FolderQuery {
    /// The folder, as an absolute path; the top when left out.
    path: Option<String>,
    /// The node that looks; the repository's own, or the one that was heard of last, when left out. To hand a node's own
    /// repository to another node takes an owner.
    node: Option<NodeId>,
}

/// A folder of a snapshot. That somebody looked is written into the audit.
#[utoipa::path(get, path = "/repositories/{id}/snapshots/{snapshot}/folder", tag = "snapshots",
    params(("id" = RepositoryId, Path), ("snapshot" = String, Path, description = "An id, the beginning of one, or `latest`."),
        FolderQuery),
    responses((status = 200, body = List<FolderItem>)))]
async fn folder(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, snapshot)): Path<(RepositoryId, String)>,
    Query(query): Query<FolderQuery>,
) -> Result<Json<List<FolderItem>>, Problem> {
    let place = Place::find(&state, &caller, id, Action::ViewContent, query.node).await?;
    let path = query.path.unwrap_or_else(|| "/".to_owned());
    check_snapshot("snapshot", &snapshot)?;
    check_path("path", &path)?;
    let seen = serde_json::json!({ "snapshot": snapshot, "path": path, "node": place.node.id });
    let ask = Ask::Browse { repository: place.sealed(&state).await?, snapshot, path };
    let Answer::Folder { items } = state.hub.ask(place.node.id, &caller.actor(), ask, PATIENCE).await? else {
        return Err(odd_answer());
    };
    Deed::new("snapshot.browse", format!("repository {id}"))
        .project(place.destination.project)
        .after(&seen)
        .by(&state, &caller)
        .await?;
    Ok(Json(List::new(items)))
}

/// A repository, and the node that is to open it.
pub(super) struct Place {
    pub(super) repository: Repository,
    pub(super) destination: Destination,
    pub(super) node: Node,
}

impl Place {
    /// A repository, if the caller may do this in its project, and the node that is asked for or suits best.
    pub(super) async fn find(
        state: &AppState,
        caller: &Caller,
        id: RepositoryId,
        action: Action,
        asked: Option<NodeId>,
    ) -> Result<Self, Problem> {
        let repository = state.store.repository(id).await?;
        let destination = match &repository {
            Some(repository) => state.store.destination(repository.destination).await?,
            None => None,
        };
        let both = repository.zip(destination);
        let (repository, destination) =
            common::found(caller, both, "repository", action, |(_, destination)| destination.project)?;
        let mut nodes = state.store.nodes(Some(destination.project)).await?;
        nodes.retain(|node| !node.revoked);
        let wanted = asked.or(repository.node);
        let node = match wanted {
            Some(wanted) => nodes.into_iter().find(|node| node.id == wanted),
            None => nodes.into_iter().max_by_key(|node| node.last_seen),
        };
        let node = node.ok_or_else(|| match asked {
            Some(_) => Problem::not_found("node in the project"),
            None => Problem::conflict("there is no node left that uses this repository")
                .hint("name one in `node` that reaches its destination"),
        })?;
        if repository.node.is_some_and(|own| own != node.id) {
            // Whoever rules over that host holds the key of the repository from then on.
            caller.authorize(Action::RevealKeys, Some(destination.project))?;
        }
        Ok(Self { repository, destination, node })
    }

    /// The repository with its secrets, sealed to the node.
    pub(super) async fn sealed(&self, state: &AppState) -> Result<SealedRepository, Problem> {
        let Self { repository, destination, node } = self;
        let sealed =
            repositories::seal_to(&state.store, &state.vault, &*state.random, node, destination, repository);
        Ok(sealed.await?)
    }
}

/// A node answered something else than it was asked.
pub(super) fn odd_answer() -> Problem {
    Problem::internal("a node gave an answer of another kind")
}
