//! What a server holds, and what the user may not read of it.

use backstay_core::Control;
use mongodb::bson::{Bson, Document, doc};

use super::error::{MongoError, Result, Trouble};
use super::{Connection, Position};

/// What a server says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its version.
    pub version: String,
    /// The replica set that it is of.
    pub replica_set: Option<String>,
    /// Whether it is a router of a sharded cluster.
    pub is_router: bool,
    /// Whether it takes writes.
    pub is_writable: bool,
    /// Its databases, the system's own left out.
    pub databases: Vec<Database>,
    /// The stretch of time that its oplog has, when it may be read.
    pub oplog: Option<(Position, Position)>,
    /// What the user may not do that a whole backup needs.
    pub missing: Vec<Missing>,
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// How much room it takes on disk, in bytes.
    pub size: u64,
}

/// A right that the user lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What cannot be done without it.
    pub what: String,
    /// The server's answer.
    pub cause: String,
    /// The command that an administrator gives it with, in `mongosh`.
    pub grant: String,
}

/// Asks a server about itself, and tries what a backup will do.
///
/// # Errors
/// When it does not answer, does not let the user in, or wants a user and is given none.
pub fn probe(connection: &Connection, user: Option<&str>) -> Result<Facts> {
    let mut facts = Facts {
        version: connection.version().to_owned(),
        replica_set: connection.replica_set().map(ToOwned::to_owned),
        is_router: connection.is_router(),
        is_writable: connection.is_writable(),
        databases: Vec::new(),
        oplog: None,
        missing: Vec::new(),
    };
    let name = user.unwrap_or("USER");
    let quoted = serde_json::Value::from(name);
    let grant = format!("use admin; db.grantRolesToUser({quoted}, [{{ role: \"backup\", db: \"admin\" }}])");
    let mut tried = |what: &str, done: Result<()>| match done {
        Ok(()) => Ok(()),
        Err(error) if [Trouble::Denied, Trouble::Refused].contains(&error.trouble) => {
            facts.missing.push(Missing { what: what.to_owned(), cause: error.cause, grant: grant.clone() });
            Ok(())
        }
        Err(error) => Err(error),
    };
    let mut databases = Vec::new();
    let listing = connection.command("listing the databases", "admin", doc! { "listDatabases": 1 });
    if user.is_none()
        && let Err(error) = &listing
        && error.trouble == Trouble::Denied
    {
        let what = format!("{} wants a user and a password", connection.place());
        return Err(MongoError::new(Trouble::Denied, what, &error.cause));
    }
    tried(
        "list all databases",
        listing.map(|listing| {
            let of = |database: &Document| Database {
                name: database.get_str("name").unwrap_or_default().to_owned(),
                size: number(database.get("sizeOnDisk")),
            };
            let told =
                listing.get_array("databases").into_iter().flatten().filter_map(Bson::as_document).map(of);
            databases = told
                .filter(|database| !["admin", "config", "local"].contains(&database.name.as_str()))
                .collect();
        }),
    )?;
    for database in &databases {
        tried(
            &format!("read the database {}", database.name),
            connection.collections(&database.name, &Control::new()).and_then(|collections| {
                let Some(first) = collections.iter().find(|collection| collection.kind != super::Kind::View)
                else {
                    return Ok(());
                };
                look(connection, &database.name, &first.name)
            }),
        )?;
    }
    let mut oplog = None;
    if facts.replica_set.is_some() && !facts.is_router {
        let ends = connection.oldest().and_then(|oldest| Ok(oldest.zip(connection.newest()?)));
        tried(
            "read the oplog (local.oplog.rs), which makes a backup of one moment",
            ends.map(|ends| oplog = ends),
        )?;
        tried(
            "see transactions under way (config.transactions)",
            look(connection, "config", "transactions"),
        )?;
    }
    tried("read users and roles", look(connection, "admin", "system.users"))?;
    (facts.databases, facts.oplog) = (databases, oplog);
    Ok(facts)
}

fn look(connection: &Connection, database: &str, collection: &str) -> Result<()> {
    let handle = connection.database(database).collection::<mongodb::bson::RawDocumentBuf>(collection);
    connection
        .ask(format!("reading {database}.{collection}"), async { handle.find_one(doc! {}).await })
        .map(drop)
}

fn number(value: Option<&Bson>) -> u64 {
    match value {
        Some(Bson::Double(size)) => *size as u64,
        Some(Bson::Int32(size)) => u64::try_from(*size).unwrap_or_default(),
        Some(Bson::Int64(size)) => u64::try_from(*size).unwrap_or_default(),
        _ => 0,
    }
}
