//! What a node and its server exchange. The node always asks; nothing dials a node.
//!
//! A node calls [`SyncRequest`] again and again: it tells how its host is, hands over what lies in its outbox, and takes home
//! commands and, when they have changed, its plans. The outbox is numbered without gaps. The server says up to which number it
//! has everything, and the node keeps the rest, so that each entry is taken in once, whatever is lost on the way.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::archives::Holds;
use crate::command::{Command, CommandResult};
use crate::destination::Layout;
use crate::plan::PlanSpec;
use crate::run::Named;
use crate::{
    ConnectionId, ConnectionSettings, DestinationId, HostState, LogLine, NodeId, PlanId, ProjectId,
    RepositoryId, Run, SourceId, SourceSpec, Time,
};

/// What a node tells its server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyncRequest {
    /// Who tells.
    pub node: NodeId,
    /// Which process of it: a random number, new at each start. Two at once are two hosts with one identity.
    pub incarnation: u64,
    /// The node's clock.
    pub now: Time,
    /// How its host is.
    pub host: HostState,
    /// Up to which number the node believes the server to have its outbox.
    pub acknowledged: i64,
    /// The next entries of its outbox, in order.
    pub entries: Vec<OutboxEntry>,
    /// What came of commands. They are told once; a server that misses one has stopped waiting for it.
    pub results: Vec<CommandResult>,
    /// The version of the configuration that the node has; 0 for none.
    pub configuration: i64,
    /// How long the server may wait for something to say, in milliseconds.
    pub patience_ms: u64,
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyncResponse {
    /// Up to which number the server has the node's outbox. Less than the node believed: the server was set back to an
    /// earlier state, and the node tells everything it still knows again.
    pub acknowledged: i64,
    /// What to do.
    pub commands: Vec<Command>,
    /// Everything the node has to do by itself, if it has changed.
    pub configuration: Option<NodeConfiguration>,
}

/// An entry of a node's outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// Its number, from 1 up without gaps.
    pub number: i64,
    /// What there is to tell.
    pub news: News,
}

/// What there is to tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    /// A run as it is now.
    Run {
        /// The whole of it.
        run: Box<Run>,
    },
    /// Lines of logs.
    Log {
        /// In the order they were written.
        lines: Vec<LogLine>,
    },
    /// A run that should have been and was not.
    Missed {
        /// Of which plan.
        plan: PlanId,
        /// When it was due.
        due: Time,
        /// How many more were.
        more: u64,
        /// Why it was not.
        reason: String,
    },
    /// Something that people have to see to.
    Trouble {
        /// In words, with what to do.
        text: String,
    },
}

/// What a node has to do by itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeConfiguration {
    /// Its version, which grows with each change.
    pub version: i64,
    /// The plans that have sources on this node, or copies to make.
    pub plans: Vec<NodePlan>,
    /// The connections to be tried again from time to time.
    pub repositories: Vec<SealedRepository>,
}

/// A plan, with what a node needs to carry it out alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodePlan {
    /// Its id.
    pub id: PlanId,
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its version.
    pub revision: i64,
    /// When it was last changed or switched on: nothing was due before.
    pub since: Time,
    /// What it does.
    pub spec: PlanSpec,
    /// Its sources on this node.
    pub sources: Vec<NodeSource>,
    /// The repository that it copies from, if it is a copy plan and there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<RepositoryId>,
    /// The repositories that it writes to, in the order of its destinations.
    pub repositories: Vec<RepositoryId>,
}

/// A source, as a node needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSource {
    /// Which.
    #[serde(flatten)]
    pub named: Named<SourceId>,
    /// What it is.
    pub spec: SourceSpec,
    /// The connection it is reached by, if it is by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<SealedConnection>,
}

/// The way to a service, with secrets that only one node can open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedConnection {
    /// Which.
    pub id: ConnectionId,
    /// How to reach it.
    pub settings: ConnectionSettings,
    /// Its secrets.
    pub secrets: SealedSecrets,
}

/// Secrets sealed to a node's own key, in base64; empty where there are none.
pub type SealedSecrets = String;

/// A repository and the way to it, with secrets that only one node can open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedRepository {
    /// Which.
    pub id: RepositoryId,
    /// The destination it lies at, with its name.
    pub destination: Named<DestinationId>,
    /// Whether others use it too.
    pub layout: Layout,
    /// How to reach it.
    pub settings: ConnectionSettings,
    /// Its folder within what the connection reaches.
    pub path: String,
    /// What lies there.
    #[serde(default)]
    pub holds: Holds,
    /// Whether it may be made when it is missing.
    pub may_create: bool,
    /// The connection's secrets and, as `password`, the one that opens the repository.
    pub secrets: SealedSecrets,
}

/// What the sealed secrets of a repository hold, once opened.
pub type OpenSecrets = BTreeMap<String, String>;

/// The name that agents ask their server for in TLS. It is no public name, so no other server can show a certificate for it.
pub const AGENTS: &str = "agents.backstay.internal";

/// What a token for joining begins with.
pub const JOIN_PREFIX: &str = "bsj_";

/// What an agent sends to join.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// The token, whole.
    pub token: String,
    /// The node's id, which the agent has chosen.
    pub node: NodeId,
    /// The host's name.
    pub name: String,
    /// A certificate request (PKCS #10, PEM) for the key that it will show.
    pub certificate_request: String,
    /// The key that secrets for it are sealed to.
    pub public_key: String,
}

impl std::fmt::Debug for JoinRequest {
    /// Without the token, which is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JoinRequest({} {:?})", self.node, self.name)
    }
}

/// What an agent gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// Its certificate, as PEM.
    pub certificate: String,
    /// The authority's certificate, as PEM.
    pub authority: String,
    /// Its name on the server.
    pub name: String,
}
