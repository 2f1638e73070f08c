//! Where backups go.

use serde::{Deserialize, Serialize};

use crate::archives::Holds;
use crate::secret::HoldsSecrets;
use crate::{ConnectionId, DestinationId, Invalid, NodeId, ProjectId, RepositoryId, SecretText, Time};

/// A place for repositories, reached by a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Destination {
    /// Its id.
    pub id: DestinationId,
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its name, unique in the project.
    pub name: String,
    /// The connection that reaches it.
    pub connection: ConnectionId,
    /// The folder within what the connection reaches; empty for its top.
    #[serde(default)]
    pub path: String,
    /// Who shares a repository.
    #[serde(default)]
    pub layout: Layout,
    /// What it holds.
    #[serde(default)]
    pub holds: Holds,
    /// When it was made.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub created: Time,
    /// When it was last changed.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub changed: Time,
    /// Counts its versions, from 1 up.
    pub revision: i64,
}

/// Who shares a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Layout {
    /// Each node has a repository of its own, in a folder named by its id, with a key of its own. A folder of archives is named as the
    /// node is.
    #[default]
    PerNode,
    /// All nodes share one repository. Each of them can read and delete what the others store.
    Shared,
}

/// One repository at a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Repository {
    /// Its id.
    pub id: RepositoryId,
    /// The destination it lies at.
    pub destination: DestinationId,
    /// The one node that uses it; `null` when all share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// Its folder within the destination; empty for its top.
    pub path: String,
    /// The password that opens it.
    #[serde(default, skip_serializing_if = "SecretText::is_untold")]
    pub password: SecretText,
    /// Whether it was there before and may hold snapshots of others: then it is never made anew when it is missing.
    #[serde(default)]
    pub adopted: bool,
    /// When it was made known.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub created: Time,
}

impl Destination {
    /// Whether the path stays within what the connection reaches.
    ///
    /// # Errors
    /// When it does not.
    pub fn check_path(path: &str) -> Result<(), Invalid> {
        let odd = |part: &str| part.is_empty() || part == "." || part == "..";
        if !path.is_empty() && (path.contains(['\0', '\\']) || path.split('/').any(odd)) {
            return Err(Invalid::new("path", "it has to be a plain relative path, as backups/office"));
        }
        Ok(())
    }
}

impl HoldsSecrets for Repository {
    fn secrets(&mut self) -> Vec<(&'static str, &mut SecretText)> {
        vec![("password", &mut self.password)]
    }
}
