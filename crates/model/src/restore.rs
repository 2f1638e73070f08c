//! What a restore brings back, and where to.

use serde::{Deserialize, Serialize};

use crate::bucket::check_prefix;
pub use crate::mongodb::IntoMongodb;
pub use crate::sqlite::IntoSqlite;
use crate::{ConnectionId, Invalid, SourceId};

/// What to bring back, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RestoreRequest {
    /// The snapshot: an id, the beginning of one, or `latest`.
    pub snapshot: String,
    /// Only these paths of the snapshot; all of it when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// The folder to restore to; `/` is the original place.
    pub target: String,
    /// What to do with files that are there.
    #[serde(default)]
    pub overwrite: OverwriteMode,
    /// Whether what the snapshot does not have is removed from the target.
    #[serde(default)]
    pub delete: bool,
    /// Only say what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// Bring back the instance of this source of the node instead of files: it is stopped, the files of the backup take the place of
    /// those it has, and these come back when the instance does not start or its tables are not whole. `target` is `/` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<SourceId>,
    /// Restore into a service or databases instead of a folder; `target` is `/` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<RestoreInto>,
}

/// What is restored into instead of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum RestoreInto {
    /// A bucket of an S3 service.
    S3(IntoBucket),
    /// A server of MongoDB.
    Mongodb(IntoMongodb),
    /// Databases of SQLite, in their place.
    Sqlite(IntoSqlite),
}

/// A bucket that is restored into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct IntoBucket {
    /// The connection that reaches it, of the type `s3` and on the node that restores.
    pub connection: ConnectionId,
    /// What the keys of all restored objects begin with; nothing for the keys that they had.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// What a restore does with files that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum OverwriteMode {
    /// Compares them by content and writes what differs.
    #[default]
    Always,
    /// Leaves those alone whose size and time are the same.
    IfChanged,
    /// Leaves those alone that are newer.
    IfNewer,
    /// Leaves all alone.
    Never,
}

/// Whether a text can name a snapshot: `latest`, an id, or the beginning of one.
///
/// # Errors
/// When it cannot.
pub fn check_snapshot(field: &str, name: &str) -> Result<(), Invalid> {
    let is_id = (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if name == "latest" || is_id {
        return Ok(());
    }
    Err(Invalid::new(field, "name a snapshot by its id, or say `latest`"))
}

impl RestoreRequest {
    /// Whether it can be carried out, as far as it alone can tell.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn validate(&self) -> Result<(), Invalid> {
        check_snapshot("restore.snapshot", &self.snapshot)?;
        crate::connection::check_path("restore.target", &self.target)?;
        let mut paths = self.paths.iter().enumerate();
        paths.try_for_each(|(place, path)| {
            crate::connection::check_path(&format!("restore.paths[{place}]"), path)
        })?;
        if self.instance.is_some() && (!self.paths.is_empty() || self.target != "/" || self.delete) {
            let why = "an instance comes back as a whole, in its place: leave paths and delete out, with `/` as the target";
            return Err(Invalid::new("restore.instance", why));
        }
        if let Some(into) = &self.into {
            if self.target != "/" || self.instance.is_some() {
                return Err(Invalid::new(
                    "restore.into",
                    "it takes the place of a folder: leave `/` as the target",
                ));
            }
            if matches!(into, RestoreInto::Mongodb(_)) && (!self.paths.is_empty() || self.delete) {
                let why = "databases and collections are chosen by `include`, and none are removed: leave paths and delete out";
                return Err(Invalid::new("restore.into", why));
            }
            if matches!(into, RestoreInto::Sqlite(_)) && (!self.paths.is_empty() || self.delete) {
                let why =
                    "databases are chosen by `databases`, and none are removed: leave paths and delete out";
                return Err(Invalid::new("restore.into", why));
            }
            return into.validate();
        }
        if self.delete && self.target == "/" && self.paths.is_empty() {
            let why = "deleting in `/` needs paths that say what it concerns";
            return Err(Invalid::new("restore.delete", why));
        }
        Ok(())
    }
}

impl RestoreInto {
    /// The connection that reaches it, if it is by one.
    #[must_use]
    pub const fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::S3(bucket) => Some(bucket.connection),
            Self::Mongodb(mongodb) => Some(mongodb.connection),
            Self::Sqlite(_) => None,
        }
    }

    /// Its type, which is that of the connection too.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::S3(_) => "s3",
            Self::Mongodb(_) => "mongodb",
            Self::Sqlite(_) => "sqlite",
        }
    }

    fn validate(&self) -> Result<(), Invalid> {
        match self {
            Self::S3(bucket) => check_prefix("restore.into.prefix", &bucket.prefix),
            Self::Mongodb(mongodb) => mongodb.validate(),
            Self::Sqlite(sqlite) => sqlite.validate(),
        }
    }
}
