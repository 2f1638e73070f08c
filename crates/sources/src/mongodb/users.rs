//! Users and roles: how they are taken from a server, and how they come back.

use mongodb::bson::raw::RawDocumentBuf;
use mongodb::bson::{Document, doc};

use super::error::{MongoError, Result, Trouble};
use super::{Collection, Connection, Kind};

pub(super) const DATABASE: &str = "admin";
pub(super) const USERS: &str = "system.users";
pub(super) const ROLES: &str = "system.roles";
/// The version of the records, which `mongorestore` asks for.
pub(super) const VERSION: &str = "system.version";

/// The collections that users and roles are in.
pub(super) fn collections() -> Vec<Collection> {
    let index = doc! { "v": 2, "key": { "_id": 1 }, "name": "_id_" };
    let of = |name: &str| Collection {
        database: DATABASE.to_owned(),
        name: name.to_owned(),
        kind: Kind::Collection,
        options: Document::new(),
        indexes: vec![index.clone()],
        uuid: None,
    };
    [ROLES, USERS, VERSION].map(of).into()
}

/// Whether a collection is one of these.
pub(super) fn has(collection: &Collection) -> bool {
    collection.database == DATABASE && [USERS, ROLES, VERSION].contains(&collection.name.as_str())
}

/// Merges users and roles into those of a server: the way that `mongorestore` does it. Those that exist are replaced.
pub(super) fn merge(
    connection: &Connection,
    users: &[RawDocumentBuf],
    roles: &[RawDocumentBuf],
    mark: &str,
) -> Result<()> {
    let names = [format!("backstay-new-users-{mark}"), format!("backstay-new-roles-{mark}")];
    let database = connection.database(DATABASE);
    let work = || {
        for (name, documents) in names.iter().zip([users, roles]) {
            if !documents.is_empty() {
                let handle = database.collection::<RawDocumentBuf>(name);
                let _ = connection
                    .ask("writing users and roles", async { handle.insert_many(documents).await })?;
            }
        }
        let of = |name: &str| format!("{DATABASE}.{name}");
        let [users, roles] = &names;
        let command = doc! {
            "_mergeAuthzCollections": 1, "tempUsersCollection": of(users), "tempRolesCollection": of(roles), "drop": false, "db": "",
        };
        let merged = connection.command("merging users and roles", DATABASE, command);
        merged.map(drop).map_err(|error| {
            let trouble = if error.trouble == Trouble::Denied { Trouble::Denied } else { Trouble::Refused };
            MongoError::new(trouble, error.what, error.cause)
        })
    };
    let done = work();
    for name in &names {
        let handle = database.collection::<RawDocumentBuf>(name);
        let dropped = connection.ask("removing what was written for it", async { handle.drop().await });
        if done.is_ok() {
            dropped?;
        }
    }
    done
}
