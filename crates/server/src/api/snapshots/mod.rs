//! What is in repositories: their snapshots, and what lies in them. A node looks; the server never opens a repository.

mod change;
mod content;
mod search;

use std::time::Duration;

use axum::extract::State;
use backstay_model::command::{Answer, Ask, FolderItem, FolderPage, FolderSort, SnapshotInfo};
use backstay_model::connection::check_path;
use backstay_model::link::SealedRepository;
use backstay_model::run::check_snapshot;
use backstay_model::{Destination, Node, NodeId, Repository, RepositoryId};
use serde::{Deserialize, Serialize};
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
/// No name of a file is longer than that, in bytes.
const LONGEST_NAME: usize = 255;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(folder))
        .merge(search::routes())
        .merge(change::routes())
        .merge(content::routes())
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

/// Which folder of a snapshot, and which of its items.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct FolderQuery {
    /// The folder, as an absolute path; the top when left out.
    path: Option<String>,
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
    /// The node that looks; the repository's own, or the one that was heard of last, when left out. To hand a node's own
    /// repository to another node takes an owner.
    node: Option<NodeId>,
}

/// A folder of a snapshot. That somebody looked is written into the audit.
#[utoipa::path(get, path = "/repositories/{id}/snapshots/{snapshot}/folder", tag = "snapshots",
    params(("id" = RepositoryId, Path), ("snapshot" = String, Path, description = "An id, the beginning of one, or `latest`."),
        FolderQuery),
    responses((status = 200, body = FolderItems)))]
async fn folder(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, snapshot)): Path<(RepositoryId, String)>,
    Query(query): Query<FolderQuery>,
) -> Result<Json<FolderItems>, Problem> {
    let place = Place::find(&state, &caller, id, Action::ViewContent, query.node).await?;
    let page = page(query.skip, query.limit, (query.sort, query.descending), query.name)?;
    let path = query.path.unwrap_or_else(|| "/".to_owned());
    check_snapshot("snapshot", &snapshot)?;
    check_path("path", &path)?;
    let seen = serde_json::json!({ "snapshot": snapshot, "path": path, "node": place.node.id });
    let ask = Ask::Browse { repository: place.sealed(&state).await?, snapshot, path, page };
    let answer = state.hub.ask(place.node.id, &caller.actor(), ask, PATIENCE).await?;
    let Answer::Folder { items, total } = answer else { return Err(odd_answer()) };
    place.note(&state, &caller, "snapshot.browse", &seen).await?;
    Ok(Json(FolderItems { items, total }))
}

/// Items of a folder.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct FolderItems {
    /// Those that were asked for.
    pub(super) items: Vec<FolderItem>,
    /// How many there are, with those that were passed over or are too many for one answer.
    pub(super) total: u64,
}

/// The page that is asked for, if there is such a one.
pub(super) fn page(
    skip: u64,
    limit: Option<u32>,
    (sort, descending): (FolderSort, bool),
    name: Option<String>,
) -> Result<FolderPage, Problem> {
    let limit = limit.unwrap_or(FolderPage::MOST);
    if !(1..=FolderPage::MOST).contains(&limit) {
        return Err(Problem::invalid("limit", format!("it has to be from 1 to {}", FolderPage::MOST)));
    }
    if name.as_ref().is_some_and(|name| name.len() > LONGEST_NAME) {
        return Err(Problem::invalid("name", "it is too long for a name"));
    }
    Ok(FolderPage { skip, limit, sort, descending, name })
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

    /// Writes what somebody did here into the audit.
    async fn note(
        &self,
        state: &AppState,
        caller: &Caller,
        what: &'static str,
        seen: &serde_json::Value,
    ) -> Result<(), Problem> {
        Deed::new(what, format!("repository {}", self.repository.id))
            .project(self.destination.project)
            .after(seen)
            .by(state, caller)
            .await
    }
}

/// A node answered something else than it was asked.
pub(super) fn odd_answer() -> Problem {
    Problem::internal("a node gave an answer of another kind")
}
