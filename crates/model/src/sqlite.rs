//! Databases of SQLite as sources, and where they are put back.

use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::connection::check_path;

/// Databases of SQLite on a node's host. Each is copied within one transaction while programs go on with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SqliteSpec {
    /// Absolute paths of their files.
    pub databases: Vec<String>,
    /// The folder that the copies are made in; one of the node's own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spool: Option<String>,
}

/// Databases of SQLite that are put back in their place. What was there is kept beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct IntoSqlite {
    /// Only these, by the paths that they had; all of the backup when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<String>,
    /// The file that one database becomes; its old place when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl SqliteSpec {
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        if self.databases.is_empty() {
            return Err(Invalid::new("spec.databases", "name at least one database"));
        }
        check_databases("spec.databases", &self.databases)?;
        self.spool.as_deref().map_or(Ok(()), |spool| check_path("spec.spool", spool))
    }
}

impl IntoSqlite {
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        check_databases("restore.into.databases", &self.databases)?;
        let Some(to) = &self.to else { return Ok(()) };
        check_path("restore.into.to", to)?;
        if self.databases.len() > 1 {
            return Err(Invalid::new("restore.into.to", "only one database can become this file"));
        }
        if to.ends_with('/') {
            return Err(Invalid::new("restore.into.to", "name the file that it becomes, not a folder"));
        }
        Ok(())
    }
}

fn check_databases(field: &str, databases: &[String]) -> Result<(), Invalid> {
    for (place, path) in databases.iter().enumerate() {
        let field = format!("{field}[{place}]");
        check_path(&field, path)?;
        if path.ends_with('/') {
            return Err(Invalid::new(&field, "name the file of the database, not a folder"));
        }
        if databases.iter().take(place).any(|other| other == path) {
            return Err(Invalid::new(&field, "it is named twice"));
        }
    }
    Ok(())
}
