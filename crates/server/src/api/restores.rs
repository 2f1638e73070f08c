//! Restores: runs that bring data back.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::command::{Answer, Ask};
use backstay_model::connection::S3Settings;
use backstay_model::link::SealedConnection;
use backstay_model::run::{OverwriteMode, RestoreInto, RestoreRequest};
use backstay_model::{ConnectionSettings, Node, NodeId, ProjectId, RepositoryId, RunId, SourceId};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::related;
use super::snapshots::{Place, odd_answer};
use crate::access::extract::{Caller, Json};
use crate::access::policy::Action;
use crate::audit::Deed;
use crate::problem::{Problem, ProblemDetails};
use crate::repositories::{full_path, seal_connection};
use crate::state::AppState;

/// How long a node may take to queue it.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create))
}

/// What is told of a restore.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct RestoreForm {
    /// From which repository.
    repository: RepositoryId,
    /// On which node; the repository's own, or the one that was heard of last, when left out. To hand a node's own repository
    /// to another node takes an owner.
    node: Option<NodeId>,
    /// The snapshot: an id, the beginning of one, or `latest`.
    snapshot: String,
    /// Only these paths of the snapshot; all of it when empty.
    #[serde(default)]
    paths: Vec<String>,
    /// The folder to restore to; `/` is the original place.
    target: String,
    /// What to do with files that are there.
    #[serde(default)]
    overwrite: OverwriteMode,
    /// Whether what the snapshot does not have is removed from the target.
    #[serde(default)]
    delete: bool,
    /// Only say what would be done.
    #[serde(default)]
    dry_run: bool,
    /// Bring back the instance of this source of the node instead of files, in its place: `target` is `/` then. It is stopped and started
    /// for that.
    instance: Option<SourceId>,
    /// Restore into a service or databases instead of a folder: `target` is `/` then. Its connection, if it has one, is one of the node
    /// that restores.
    into: Option<RestoreInto>,
}

/// The run that was queued.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct QueuedRun {
    /// Its id.
    run: RunId,
}

/// Queues a restore. That data was brought back is written into the audit.
#[utoipa::path(post, path = "/restores", tag = "runs", operation_id = "restore", request_body = RestoreForm,
    responses((status = 201, body = QueuedRun), (status = 403, body = ProblemDetails, content_type = "application/problem+json")))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<RestoreForm>,
) -> Result<(StatusCode, Json<QueuedRun>), Problem> {
    let RestoreForm { repository, node, snapshot, paths, target, overwrite, delete, dry_run, instance, into } =
        form;
    let place = Place::find(&state, &caller, repository, Action::Restore, node).await?;
    let request = RestoreRequest { snapshot, paths, target, overwrite, delete, dry_run, instance, into };
    request.validate().map_err(|mut invalid| {
        invalid.field = invalid.field.trim_start_matches("restore.").to_owned();
        invalid
    })?;
    let run = RunId::new(&*state.clock, &*state.random);
    let project = place.destination.project;
    let connection = match &request.into {
        None => None,
        Some(into) => way_into(&state, project, &place.node, into, request.delete).await?,
    };
    let repository = place.sealed(&state).await?;
    let subject = format!("run {run} from repository {}", place.repository.id);
    let deed = Deed::new("restore.create", subject)
        .project(project)
        .after(&serde_json::json!({ "node": place.node.id, "request": request }));
    let (request, connection) = (Box::new(request), connection.map(Box::new));
    let ask = Ask::Restore { run, project, repository, request, connection };
    let Answer::Queued { .. } = state.hub.ask(place.node.id, &caller.actor(), ask, PATIENCE).await? else {
        return Err(odd_answer());
    };
    deed.by(&state, &caller).await?;
    Ok((StatusCode::CREATED, Json(QueuedRun { run })))
}

/// The connection that is restored into, for the node that restores; `None` where none is needed.
async fn way_into(
    state: &AppState,
    project: ProjectId,
    node: &Node,
    into: &RestoreInto,
    delete: bool,
) -> Result<Option<SealedConnection>, Problem> {
    let Some(id) = into.connection() else { return Ok(None) };
    let connection = related::connection(state, project, id).await?;
    let why = if connection.settings.type_name() != into.type_name() {
        format!("connection {} is one of type {}", connection.name, connection.settings.type_name())
    } else if connection.node != node.id {
        format!("connection {} is one of another node", connection.name)
    } else {
        let (store, vault, random) = (&state.store, &state.vault, &*state.random);
        if let (RestoreInto::S3(bucket), ConnectionSettings::S3(s3)) = (into, &connection.settings) {
            refuse_repositories(state, s3, &bucket.prefix, delete).await?;
        }
        return Ok(Some(seal_connection(store, vault, random, node, connection.id).await?));
    };
    Err(Problem::invalid("into.connection", why)
        .hint(format!("choose a connection of type {} on the node that restores", into.type_name())))
}

/// Refuses to write into what holds backups, and to remove objects where some lie: of any project, since it is the same bucket.
async fn refuse_repositories(
    state: &AppState,
    into: &S3Settings,
    prefix: &str,
    delete: bool,
) -> Result<(), Problem> {
    let mut ways = state.store.connections(None).await?;
    ways.retain(|way| matches!(&way.settings, ConnectionSettings::S3(s3) if s3.is_same_bucket(into)));
    let mut destinations = state.store.destinations(None).await?;
    destinations.retain(|destination| ways.iter().any(|way| way.id == destination.connection));
    for destination in destinations {
        for repository in state.store.repositories(destination.id).await? {
            let path = full_path(&destination, &repository);
            let folder = if path.is_empty() { path } else { format!("{path}/") };
            let lies_in = if folder.is_empty() { prefix.is_empty() } else { prefix.starts_with(&folder) };
            if lies_in || (delete && (folder.starts_with(prefix) || folder.is_empty())) {
                let why = match delete {
                    true => "backups lie in what objects would be removed from",
                    false => "backups lie there, and would have objects among them that are none",
                };
                return Err(Problem::invalid("into.prefix", why)
                    .hint("restore below another prefix, into another bucket, or without removing"));
            }
        }
    }
    Ok(())
}
