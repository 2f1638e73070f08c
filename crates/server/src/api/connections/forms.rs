//! From a form to a connection that works.

use axum::http::StatusCode;
use backstay_model::connection::{GoogleDriveSettings, MysqlSettings, ReceiverSettings, S3Settings};
use backstay_model::mongodb::MongodbSettings;
use backstay_model::secret::HoldsSecrets;
use backstay_model::{
    Connection, ConnectionId, ConnectionSettings, ConnectionStatus, Health, Node, NodeId, ProjectId,
};
use serde::Deserialize;

use crate::access::extract::Caller;
use crate::access::policy::Action;
use crate::api::{common, related};
use crate::problem::Problem;
use crate::state::AppState;
use crate::{checks, repositories, secrets};

/// What is told of a new connection.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConnectionForm {
    /// The project; the caller's only one when left out.
    project: Option<ProjectId>,
    /// Its name, unique in the project.
    name: String,
    /// The node that uses it; the only one, or the server's own, when left out.
    node: Option<NodeId>,
    /// How to reach the service.
    settings: ConnectionSettings,
}

/// What is told of a connection that changes.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConnectionUpdate {
    /// Its name, unique in the project.
    name: String,
    /// The node that uses it; the same as before when left out.
    node: Option<NodeId>,
    /// How to reach the service. Secrets that are left out stay as they are.
    settings: ConnectionSettings,
    /// The revision that was changed.
    pub(super) revision: i64,
}

impl ConnectionForm {
    /// What is told of a connection that comes of a sign-in.
    pub(super) const fn new(
        project: ProjectId,
        name: String,
        node: NodeId,
        settings: ConnectionSettings,
    ) -> Self {
        Self { project: Some(project), name, node: Some(node), settings }
    }

    /// The connection without its secrets, and these sealed, after its node has reached the service.
    pub(super) async fn into_tried(
        self,
        state: &AppState,
        caller: &Caller,
    ) -> Result<(Connection, Option<String>), Problem> {
        let project = common::choose(caller, Action::EditConnections, self.project)?;
        let name = common::name("name", &self.name)?;
        self.settings.validate()?;
        if allows_private(&self.settings) {
            may_allow_private(caller, project)?;
        }
        let node = related::node(state, project, self.node).await?;
        let status = attempt(state, caller, &node, &self.settings).await?;
        let (id, now) = (ConnectionId::new(&*state.clock, &*state.random), state.now());
        let (created, changed) = (now, now);
        let settings = self.settings;
        let connection =
            Connection { id, project, name, node: node.id, settings, status, created, changed, revision: 1 };
        sealed(state, connection)
    }
}

impl ConnectionUpdate {
    /// What changes with another sign-in, which was begun when the connection had this revision.
    pub(super) fn new(before: &Connection, revision: i64, settings: ConnectionSettings) -> Self {
        Self { name: before.name.clone(), node: None, settings, revision }
    }

    /// The same for a connection that is there.
    pub(super) async fn into_tried(
        self,
        state: &AppState,
        caller: &Caller,
        before: &Connection,
    ) -> Result<(Connection, Option<String>), Problem> {
        related::check_revision(&format!("connection {}", before.name), before.revision, self.revision)?;
        let name = common::name("name", &self.name)?;
        let node = related::node(state, before.project, Some(self.node.unwrap_or(before.node))).await?;
        let mut settings = self.settings;
        if same_way(&before.settings, &settings) && node.id == before.node {
            let kept = repositories::connection_secrets(&state.store, &state.vault, before).await?;
            settings.put_secrets(&kept);
        } else {
            // Who may change a connection may not thereby send its secrets to a server of their own.
            let missing = settings.secrets().into_iter().find(|(_, secret)| !secret.is_set());
            if let Some((field, _)) = missing {
                let why = "it has to be given again, since it would go somewhere else than before";
                return Err(Problem::invalid(format!("settings.{field}"), why));
            }
        }
        settings.validate()?;
        let reaches_more = !allows_private(&before.settings) || !same_way(&before.settings, &settings);
        if allows_private(&settings) && (reaches_more || node.id != before.node) {
            may_allow_private(caller, before.project)?;
        }
        if node.id != before.node || !same_kind(&before.settings, &settings) {
            refuse_to_move(state, before, &node, &settings).await?;
        }
        let status = attempt(state, caller, &node, &settings).await?;
        let changed = state.now();
        sealed(state, Connection { name, node: node.id, settings, status, changed, ..before.clone() })
    }
}

/// Lets the node reach the service.
async fn attempt(
    state: &AppState,
    caller: &Caller,
    node: &Node,
    settings: &ConnectionSettings,
) -> Result<ConnectionStatus, Problem> {
    let status = checks::probe(state, node, &caller.actor(), settings.clone()).await?;
    if status.health == Health::Valid {
        return Ok(status);
    }
    let reason = status.reason.unwrap_or_else(|| "the node gave no reason".to_owned());
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "connection_failed", reason)
        .hint("nothing was saved; see that what is entered is right, and that the node reaches the service"))
}

fn sealed(state: &AppState, mut connection: Connection) -> Result<(Connection, Option<String>), Problem> {
    let taken = connection.settings.take_secrets();
    let record = secrets::record("connection", connection.id);
    let sealed = secrets::seal(&state.vault, &record, &taken, &*state.random)?;
    Ok((connection, sealed))
}

/// What lies on one node, a folder as an instance of a database, is not found on another any more.
async fn refuse_to_move(
    state: &AppState,
    before: &Connection,
    node: &Node,
    settings: &ConnectionSettings,
) -> Result<(), Problem> {
    if same_kind(&before.settings, settings) && !settings.is_of_one_host() {
        return Ok(());
    }
    let users = related::users_of_connection(state, before).await?;
    if users.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "the connection cannot become one of {} on {} while it is in use by {}",
        settings.type_name(),
        node.name,
        users.join(", ")
    );
    Err(Problem::new(StatusCode::CONFLICT, "in_use", detail).hint("make another connection"))
}

fn same_kind(before: &ConnectionSettings, after: &ConnectionSettings) -> bool {
    before.type_name() == after.type_name()
}

/// Whether secrets would go where they went before.
fn same_way(before: &ConnectionSettings, after: &ConnectionSettings) -> bool {
    fn way(s3: &S3Settings) -> impl PartialEq + '_ {
        (&s3.endpoint, &s3.region, &s3.bucket, &s3.access_key, s3.style)
    }
    match (before, after) {
        (ConnectionSettings::Local(before), ConnectionSettings::Local(after)) => before == after,
        (ConnectionSettings::S3(before), ConnectionSettings::S3(after)) => way(before) == way(after),
        (ConnectionSettings::Mysql(before), ConnectionSettings::Mysql(after)) => {
            let way = |it: &MysqlSettings| (it.socket.clone(), it.host.clone(), it.port, it.user.clone());
            way(before) == way(after)
        }
        (ConnectionSettings::Receiver(before), ConnectionSettings::Receiver(after)) => {
            let way = |it: &ReceiverSettings| (it.url(), it.authority.clone(), it.pin());
            way(before) == way(after)
        }
        (ConnectionSettings::GoogleDrive(before), ConnectionSettings::GoogleDrive(after)) => {
            let way = |it: &GoogleDriveSettings| (it.client_id.clone(), it.endpoint.clone());
            way(before) == way(after)
        }
        (ConnectionSettings::Mongodb(before), ConnectionSettings::Mongodb(after)) => {
            let way = |it: &MongodbSettings| (it.uri.clone(), it.user.clone(), it.auth_database.clone());
            way(before) == way(after)
        }
        _ => false,
    }
}

const fn allows_private(settings: &ConnectionSettings) -> bool {
    match settings {
        ConnectionSettings::Local(_) => false,
        ConnectionSettings::S3(s3) => s3.allow_private,
        ConnectionSettings::Receiver(receiver) => receiver.allow_private,
        ConnectionSettings::GoogleDrive(drive) => drive.allow_private,
        ConnectionSettings::Mongodb(mongodb) => mongodb.allow_private,
        // An instance on the node's own host.
        ConnectionSettings::Mysql(_) => true,
    }
}

pub(super) fn may_allow_private(caller: &Caller, project: ProjectId) -> Result<(), Problem> {
    caller.authorize(Action::AllowPrivate, Some(project)).map_err(|problem| {
        problem.hint(
            "the connection reaches the node's own host, or its private network: an owner has to say so",
        )
    })
}
