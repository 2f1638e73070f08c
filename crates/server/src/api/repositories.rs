//! Repositories at destinations: the server's own, and those that were there before.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::command::{Answer, Ask};
use backstay_model::secret::HoldsSecrets;
use backstay_model::{
    Destination, DestinationId, Layout, NodeId, ProjectId, Repository, RepositoryId, SecretText,
};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, List};
use super::related;
use crate::access::extract::{Caller, Json, Path, Query};
use crate::access::policy::Action;
use crate::audit::Deed;
use crate::problem::{Problem, ProblemDetails};
use crate::state::AppState;
use crate::{repositories, secrets};

/// How long opening a repository may take.
const OPEN: Duration = Duration::from_secs(60);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(adopt))
        .routes(routes!(get, forget))
        .routes(routes!(reveal_key))
}

/// Which repositories are asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct OfDestination {
    /// Only this project's; all that the caller may see when left out.
    project: Option<ProjectId>,
    /// Only those at this destination.
    destination: Option<DestinationId>,
}

/// A repository that is there already.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct AdoptForm {
    /// The destination it lies at.
    destination: DestinationId,
    /// The node that opens it, and the one that it is for where each node has its own; the only one, or the server's own,
    /// when left out.
    node: Option<NodeId>,
    /// Its folder within the destination; the destination's top when left out.
    #[serde(default)]
    path: String,
    /// The password that opens it.
    password: SecretText,
}

/// A repository that was adopted.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Adopted {
    /// The repository.
    repository: Repository,
    /// The id that it has in itself, as other programs show it.
    repository_id: String,
    /// How many snapshots are in it.
    snapshots: u64,
}

/// What opens a repository.
#[derive(Serialize, utoipa::ToSchema)]
struct RepositoryKey {
    /// The password.
    password: String,
}

/// A repository, with names for people.
#[derive(Serialize, utoipa::ToSchema)]
struct RepositoryInfo {
    #[serde(flatten)]
    repository: Repository,
    /// Its destination's name; where several nodes have one there, with the node's name behind a slash.
    name: String,
    /// Its destination's name.
    destination_name: String,
    /// The name of the one node that uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    node_name: Option<String>,
}

/// Repositories of one project with their names.
async fn named(
    state: &AppState,
    project: ProjectId,
    repositories: Vec<Repository>,
) -> Result<Vec<RepositoryInfo>, Problem> {
    let destinations: HashMap<_, _> =
        state.store.destinations(Some(project)).await?.into_iter().map(|it| (it.id, it.name)).collect();
    let nodes: HashMap<_, _> =
        state.store.nodes(Some(project)).await?.into_iter().map(|it| (it.id, it.name)).collect();
    let mut together: HashMap<_, usize> = HashMap::new();
    for repository in state.store.all_repositories(Some(project)).await? {
        *together.entry(repository.destination).or_default() += 1;
    }
    let each = repositories.into_iter().map(|repository| {
        let destination_name = destinations.get(&repository.destination).cloned().unwrap_or_default();
        let node_name = repository.node.and_then(|node| nodes.get(&node).cloned());
        let is_alone = together.get(&repository.destination).is_none_or(|count| *count < 2);
        let name = match &node_name {
            Some(node) if !is_alone => format!("{destination_name}/{node}"),
            _ => destination_name.clone(),
        };
        RepositoryInfo { repository, name, destination_name, node_name }
    });
    Ok(each.collect())
}

/// Repositories, the oldest first.
#[utoipa::path(get, path = "/repositories", tag = "repositories", params(OfDestination),
    responses((status = 200, body = List<RepositoryInfo>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(of): Query<OfDestination>,
) -> Result<Json<List<RepositoryInfo>>, Problem> {
    let mut items = Vec::new();
    for project in common::visible(&caller, of.project)? {
        let mut repositories = state.store.all_repositories(Some(project)).await?;
        repositories.retain(|repository| of.destination.is_none_or(|only| repository.destination == only));
        items.extend(named(&state, project, repositories).await?);
    }
    items.sort_by_key(|info| (info.repository.created, info.repository.id));
    Ok(Json(List::new(items)))
}

/// A repository.
#[utoipa::path(get, path = "/repositories/{id}", tag = "repositories", params(("id" = RepositoryId, Path)),
    responses((status = 200, body = RepositoryInfo)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<RepositoryId>,
) -> Result<Json<RepositoryInfo>, Problem> {
    let (repository, destination) = read(&state, &caller, id, Action::ViewNames).await?;
    let mut found = named(&state, destination.project, vec![repository]).await?;
    found.pop().map(Json).ok_or_else(|| Problem::not_found("repository"))
}

/// Makes a repository known that is there already, with all its snapshots. A node opens it first.
#[utoipa::path(post, path = "/repositories/adopt", tag = "repositories", request_body = AdoptForm, responses(
    (status = 201, body = Adopted),
    (status = 422, description = "A field is wrong, or the repository cannot be opened.",
        body = ProblemDetails, content_type = "application/problem+json")))]
async fn adopt(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<AdoptForm>,
) -> Result<(StatusCode, Json<Adopted>), Problem> {
    let destination = state.store.destination(form.destination).await?;
    let destination =
        common::found(&caller, destination, "destination", Action::EditDestinations, |it| it.project)?;
    Destination::check_path(&form.path)?;
    if form.password.expose().is_none_or(str::is_empty) {
        return Err(Problem::invalid("password", "it must be given"));
    }
    let node = related::node(&state, destination.project, form.node).await?;
    let connection = related::connection(&state, destination.project, destination.connection).await?;
    let (place, subject) = (format!("destination {}", destination.name), format!("node {}", node.name));
    related::check_reaches("node", &connection, &place, node.id, &subject)?;
    let owner = (destination.layout == Layout::PerNode).then_some(node.id);
    if let Some(known) = state.store.repository_at(destination.id, owner).await? {
        let detail = format!("destination {} has repository {} for it already", destination.name, known.id);
        return Err(Problem::conflict(detail)
            .hint("make a destination for the repository that is to be adopted, and no plan to it before"));
    }
    let mut repository = Repository {
        id: RepositoryId::new(&*state.clock, &*state.random),
        destination: destination.id,
        node: owner,
        path: form.path,
        password: form.password,
        adopted: true,
        created: state.now(),
    };
    let taken = repository.take_secrets();
    let (store, random) = (&state.store, &*state.random);
    let sealed =
        repositories::seal_with(store, &state.vault, random, &node, &destination, &repository, &taken)
            .await?;
    let ask = Ask::OpenRepository { repository: sealed, create: false };
    let answer = state.hub.ask(node.id, &caller.actor(), ask, OPEN).await?;
    let Answer::Opened { repository_id, snapshots, .. } = answer else {
        return Err(Problem::internal("a node answered a question for a repository with something else"));
    };
    let record = secrets::record("repository", repository.id);
    let kept = secrets::seal(&state.vault, &record, &taken, random)?;
    state.store.create_repository(&repository, kept.as_deref()).await?;
    deed("repository.adopt", &repository, &destination).after(&repository).by(&state, &caller).await?;
    Ok((StatusCode::CREATED, Json(Adopted { repository, repository_id, snapshots })))
}

/// Reads out the password of a repository, with which it can be opened without this server.
#[utoipa::path(post, path = "/repositories/{id}/reveal-key", tag = "repositories", params(("id" = RepositoryId, Path)),
    responses((status = 200, body = RepositoryKey)))]
async fn reveal_key(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<RepositoryId>,
) -> Result<Json<RepositoryKey>, Problem> {
    let (repository, destination) = read(&state, &caller, id, Action::RevealKeys).await?;
    let sealed = state.store.repository_sealed(id).await?;
    let mut opened = secrets::open(&state.vault, &secrets::record("repository", id), sealed.as_deref())?;
    let password = opened.remove("password");
    let password =
        password.ok_or_else(|| Problem::conflict("the server does not have this repository's password"))?;
    // What cannot be written down is not read out.
    deed("repository.reveal_key", &repository, &destination).by(&state, &caller).await?;
    Ok(Json(RepositoryKey { password }))
}

/// Forgets a repository, and with it the password that opens it. What lies there stays. No plan may go there.
#[utoipa::path(delete, path = "/repositories/{id}", tag = "repositories", params(("id" = RepositoryId, Path)), responses(
    (status = 204),
    (status = 409, description = "Plans or runs need it (`in_use`); they are named.",
        body = ProblemDetails, content_type = "application/problem+json")))]
async fn forget(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<RepositoryId>,
) -> Result<StatusCode, Problem> {
    // Whoever loses a key loses what it opens, so that it takes the one who may read it.
    let (repository, destination) = read(&state, &caller, id, Action::RevealKeys).await?;
    let mut users = related::named(&related::plans_of_destination(&state, &destination).await?);
    users.extend(related::active_of_destination(&state, destination.id).await?);
    related::refuse_if_used(&format!("the repository at destination {}", destination.name), users)?;
    state.store.delete_repository(id).await?;
    deed("repository.forget", &repository, &destination).before(&repository).by(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A repository and its destination, if the caller may do this with it.
async fn read(
    state: &AppState,
    caller: &Caller,
    id: RepositoryId,
    action: Action,
) -> Result<(Repository, Destination), Problem> {
    let found = match state.store.repository(id).await? {
        Some(repository) => {
            let destination = state.store.destination(repository.destination).await?;
            destination.map(|destination| (repository, destination))
        }
        None => None,
    };
    common::found(caller, found, "repository", action, |(_, destination)| destination.project)
}

fn deed(action: &'static str, repository: &Repository, destination: &Destination) -> Deed {
    let subject = format!("repository {} at {}", repository.id, destination.name);
    Deed::new(action, subject).project(destination.project)
}
