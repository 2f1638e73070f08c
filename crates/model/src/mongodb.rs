//! MongoDB as a source, and as a target of restores.

use serde::{Deserialize, Serialize};

use crate::{ConnectionId, Invalid, SecretText, Time};

/// A server, a replica set or a cluster of MongoDB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MongodbSettings {
    /// `mongodb://host:27017/` or `mongodb+srv://name/`, with options as `?replicaSet=rs0`; user and password stand apart.
    pub uri: String,
    /// The user; nobody when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The password.
    #[serde(default, skip_serializing_if = "SecretText::is_untold")]
    pub password: SecretText,
    /// The database that knows the user; as the address says, else `admin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_database: Option<String>,
    /// Whether addresses of this host and of its private network may be reached; an owner has to say so.
    #[serde(default)]
    pub allow_private: bool,
}

impl MongodbSettings {
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        let rest = self.uri.strip_prefix("mongodb://").or_else(|| self.uri.strip_prefix("mongodb+srv://"));
        let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace)) else {
            return Err(Invalid::new(
                "settings.uri",
                "it has to be an address as mongodb://db.example.org:27017/",
            ));
        };
        if rest.contains('@') {
            return Err(Invalid::new(
                "settings.uri",
                "user and password are given apart, not within the address",
            ));
        }
        if self.user.as_ref().is_some_and(|user| user.trim().is_empty()) {
            return Err(Invalid::new(
                "settings.user",
                "it must not be empty; leave it out to connect as nobody",
            ));
        }
        if self.user.is_some() && !self.password.is_set() {
            return Err(Invalid::new("settings.password", "it must be given; an empty text is no password"));
        }
        Ok(())
    }
}

/// What of a server is backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MongodbSpec {
    /// The connection that reaches it, of the type `mongodb` and on the same node.
    pub connection: ConnectionId,
    /// Databases and collections, as `shop` or `shop.orders`; all but the server's own when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Databases and collections that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Take along what is written meanwhile, so that the backup is of one moment. It takes a replica set.
    #[serde(default = "yes")]
    pub oplog: bool,
    /// Take users and roles along where everything is backed up.
    #[serde(default = "yes")]
    pub users: bool,
}

const fn yes() -> bool {
    true
}

/// A server that is restored into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct IntoMongodb {
    /// The connection that reaches it, of the type `mongodb` and on the node that restores.
    pub connection: ConnectionId,
    /// Databases and collections, by the names in the backup; all of them when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Databases that get another name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<Rename>,
    /// Collections that get another name, both as `database.collection`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<Rename>,
    /// What becomes of collections that are in the way.
    #[serde(default)]
    pub existing: ExistingCollections,
    /// Whether users and roles of the backup are merged into the server's own.
    #[serde(default)]
    pub users: bool,
    /// Whether what was written while the backup was taken is brought back too, so that all is of one moment.
    #[serde(default = "yes")]
    pub oplog: bool,
    /// Go back to this moment: the newest backup before it, and the oplog that was kept after that, up to and with this second. It takes a plan
    /// that keeps the oplog between backups; any of its snapshots of this source, or `latest`, says whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Time>,
}

/// A name that becomes another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Rename {
    /// As it is in the backup.
    pub from: String,
    /// As it shall be.
    pub to: String,
}

/// What becomes of collections that have the name of one that is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ExistingCollections {
    /// Nothing is restored then.
    #[default]
    Refuse,
    /// They are put aside, and dropped once everything that was restored is right.
    Replace,
    /// They are put aside under another name, and stay.
    PutAside,
}

impl MongodbSpec {
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        names("spec.include", &self.include)?;
        names("spec.exclude", &self.exclude)
    }
}

impl IntoMongodb {
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        names("restore.into.include", &self.include)?;
        if self.until.is_some() && !self.oplog {
            return Err(Invalid::new(
                "restore.into.until",
                "the oplog leads to a moment, so leave `oplog` on",
            ));
        }
        for (place, rename) in self.databases.iter().enumerate() {
            name(&format!("restore.into.databases[{place}].to"), &rename.to)?;
        }
        for (place, rename) in self.collections.iter().enumerate() {
            let field = format!("restore.into.collections[{place}].to");
            name(&field, &rename.to)?;
            if !rename.to.contains('.') || !rename.from.contains('.') {
                return Err(Invalid::new(field, "name a collection with its database, as shop.orders"));
            }
        }
        Ok(())
    }
}

fn names(field: &str, all: &[String]) -> Result<(), Invalid> {
    let mut all = all.iter().enumerate();
    all.try_for_each(|(place, one)| name(&format!("{field}[{place}]"), one))
}

fn name(field: &str, one: &str) -> Result<(), Invalid> {
    if one.is_empty() || one.contains('\0') || one.starts_with('.') {
        return Err(Invalid::new(field, "name a database or a collection, as shop or shop.orders"));
    }
    Ok(())
}
