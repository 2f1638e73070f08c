//! What is backed up.

use serde::{Deserialize, Serialize};

use crate::bucket::BucketSpec;
use crate::connection::check_path;
use crate::mongodb::MongodbSpec;
use crate::mysql::MysqlSpec;
use crate::sqlite::SqliteSpec;
use crate::{ConnectionId, Invalid, NodeId, ProjectId, SourceId, Time};

/// Something that is backed up, on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its name, unique in the project.
    pub name: String,
    /// The node that reads it.
    pub node: NodeId,
    /// What it is.
    pub spec: SourceSpec,
    /// When it was made.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub created: Time,
    /// When it was last changed.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub changed: Time,
    /// Counts its versions, from 1 up.
    pub revision: i64,
}

/// What a source is, by its type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum SourceSpec {
    /// Files and folders of the node.
    Files(FilesSpec),
    /// An instance of MySQL or MariaDB on the node's host.
    Mysql(MysqlSpec),
    /// A bucket of an S3 service.
    S3(BucketSpec),
    /// A server of MongoDB.
    Mongodb(MongodbSpec),
    /// Databases of SQLite on the node's host.
    Sqlite(SqliteSpec),
}

/// Files and folders of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FilesSpec {
    /// Absolute paths.
    pub paths: Vec<String>,
    /// Patterns of what is left out, as `backstay backup --exclude` takes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<String>,
    /// Folders that hold a file of such a name are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_if_present: Vec<String>,
    /// Leave out folders that are marked as caches.
    #[serde(default)]
    pub exclude_caches: bool,
    /// Leave out files larger than this, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_larger_than: Option<u64>,
    /// Do not cross into other file systems.
    #[serde(default)]
    pub one_file_system: bool,
}

impl SourceSpec {
    /// The type's name, as in `type`.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Files(_) => "files",
            Self::Mysql(_) => "mysql",
            Self::S3(_) => "s3",
            Self::Mongodb(_) => "mongodb",
            Self::Sqlite(_) => "sqlite",
        }
    }

    /// The connection it is reached by, if it is by one.
    #[must_use]
    pub const fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Files(_) | Self::Sqlite(_) => None,
            Self::Mysql(mysql) => Some(mysql.connection),
            Self::S3(bucket) => Some(bucket.connection),
            Self::Mongodb(mongodb) => Some(mongodb.connection),
        }
    }

    /// Why a plan cannot keep what is written between its backups, if it cannot.
    #[must_use]
    pub const fn has_no_log(&self) -> Option<&'static str> {
        match self {
            Self::Mongodb(mongodb) if mongodb.oplog => None,
            Self::Mongodb(_) => {
                Some("its oplog is left out of backups, which nothing can follow on then: let them have it")
            }
            Self::Files(_) | Self::Mysql(_) | Self::S3(_) | Self::Sqlite(_) => {
                Some("it has no log that could be followed; a replica set of MongoDB has")
            }
        }
    }

    /// Whether the form is filled in sensibly.
    ///
    /// # Errors
    /// The first field that is not.
    pub fn validate(&self) -> Result<(), Invalid> {
        match self {
            Self::Files(files) => files.validate(),
            Self::Mysql(mysql) => mysql.validate(),
            Self::S3(bucket) => bucket.validate(),
            Self::Mongodb(mongodb) => mongodb.validate(),
            Self::Sqlite(sqlite) => sqlite.validate(),
        }
    }
}

impl FilesSpec {
    fn validate(&self) -> Result<(), Invalid> {
        if self.paths.is_empty() {
            return Err(Invalid::new("spec.paths", "name at least one path"));
        }
        let mut paths = self.paths.iter().enumerate();
        paths.try_for_each(|(place, path)| check_path(&format!("spec.paths[{place}]"), path))
    }
}
