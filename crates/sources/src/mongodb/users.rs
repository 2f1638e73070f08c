//! Users and roles: how they are taken from a server, and how they come back.

use mongodb::bson::raw::RawDocumentBuf;
use mongodb::bson::{Document, doc};

use super::error::{MongoError, Result, Trouble};
use super::{Collection, Connection, Kind, nesting};

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

/// Compares what was merged into a collection with the dump. What else the collection has is not looked at.
pub(super) fn compare(
    connection: &Connection,
    database: &str,
    name: &str,
    documents: &[RawDocumentBuf],
) -> Result<()> {
    let handle = connection.database(database).collection::<Document>(name);
    for document in documents {
        let mut wanted = nesting::document(document)?;
        let Some(id) = wanted.get("_id").cloned() else { continue };
        let read = async { handle.find_one(doc! { "_id": id.clone() }).await };
        let mut there = connection.ask(format!("reading {database}.{name} again"), read)?;
        // A user who was there already may keep the number that the server gave him.
        for document in there.iter_mut().chain([&mut wanted]) {
            let _ = document.remove("userId");
        }
        if there.as_ref() != Some(&wanted) {
            let what = format!("{database}.{name} is not as in the dump");
            let found = if there.is_some() { "is another one" } else { "is not there" };
            let cause = format!("{id} {found} after the restore");
            return Err(MongoError::new(Trouble::Differs, what, cause));
        }
    }
    Ok(())
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

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::MongoServer;

    #[test]
    fn a_user_who_is_not_as_in_the_dump_is_found() {
        let Some(server) = MongoServer::start_new() else { return };
        let reads = |database: &str| vec![doc! { "role": "read", "db": database }];
        let _ = server.run("admin", doc! { "createUser": "bob", "pwd": "of a test", "roles": reads("shop") });
        let connection = server.connect();
        let of = server.documents(DATABASE, USERS);
        let of: Vec<_> = of.iter().map(|user| RawDocumentBuf::try_from(user).unwrap()).collect();
        assert_eq!(of.len(), 1);
        compare(&connection, DATABASE, USERS, &of).unwrap();
        let _ = server.run("admin", doc! { "updateUser": "bob", "roles": reads("blog") });
        let error = compare(&connection, DATABASE, USERS, &of).unwrap_err();
        assert_eq!(error.trouble, Trouble::Differs, "{error}");
        assert!(error.to_string().contains("bob") && !error.to_string().contains("SCRAM"), "{error}");
        let _ = server.run("admin", doc! { "dropUser": "bob" });
        let error = compare(&connection, DATABASE, USERS, &of).unwrap_err();
        assert!(error.to_string().contains("is not there"), "{error}");
    }
}
