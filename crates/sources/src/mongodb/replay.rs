//! Replays an oplog onto what is being restored.
//!
//! Operations are carried out as what they say, not by the server's own `applyOps`: that needs rights over the whole server, and it knows
//! nothing of collections that have other names for now. Those of the dump's own oplog may be carried out again without harm, as it begins
//! before the collections were read; a rename cannot be, and what was shipped is replayed only from where that ends.

mod diff;
pub(super) mod known;

use std::collections::{BTreeSet, HashMap};
use std::io::Read;

use backstay_core::Control;
use mongodb::Collection as Handle;
use mongodb::bson::{Bson, Document, doc};

use super::dump::each_entry;
use super::error::{MongoError, Result, Trouble, code_of};
use super::names::is_on_its_way;
use super::restore::{RestoreOptions, Targets};
use super::{Collection, Connection, Kind, Position, nesting};

/// What a description of an index has; an entry of the oplog may have more about how it was built.
const OF_INDEXES: [&str; 22] = [
    "2dsphereIndexVersion",
    "bits",
    "bucketSize",
    "collation",
    "default_language",
    "expireAfterSeconds",
    "hidden",
    "key",
    "language_override",
    "max",
    "min",
    "name",
    "partialFilterExpression",
    "prepareUnique",
    "sparse",
    "storageEngine",
    "textIndexVersion",
    "unique",
    "v",
    "weights",
    "wildcardProjection",
    "background",
];

/// What can be modified of a collection or view.
const OF_COLLECTIONS: [&str; 9] = [
    "cappedMax",
    "cappedSize",
    "changeStreamPreAndPostImages",
    "expireAfterSeconds",
    "pipeline",
    "validationAction",
    "validationLevel",
    "validator",
    "viewOn",
];

pub(super) struct Replay<'a> {
    connection: &'a Connection,
    targets: &'a mut Targets,
    control: &'a Control,
    until: Option<Position>,
    moment: Option<Position>,
    count: u64,
    /// Parts of transactions that are not committed yet, by session and number.
    transactions: HashMap<Vec<u8>, Vec<Document>>,
    /// Collections that were written to, of which the dump has nothing.
    lacking: BTreeSet<String>,
    warnings: Vec<String>,
}

/// Commands that change nothing which a restore brings back, or whose end is a command of its own.
const PASSED_OVER: [&str; 4] =
    ["startIndexBuild", "abortIndexBuild", "modifyCollectionShardingIndexCatalog", "emptycapped"];

impl<'a> Replay<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        targets: &'a mut Targets,
        control: &'a Control,
        options: &RestoreOptions,
    ) -> Self {
        Self {
            connection,
            targets,
            control,
            until: options.until,
            moment: None,
            count: 0,
            transactions: HashMap::new(),
            lacking: BTreeSet::new(),
            warnings: Vec::new(),
        }
    }

    /// The last entry that was seen, replayed or not.
    pub(super) const fn moment(&self) -> Option<Position> {
        self.moment
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings
    }

    /// Replays the oplog of a dump.
    pub(super) fn entries(&mut self, input: impl Read) -> Result<()> {
        each_entry(input, "the oplog", |entry| self.entry(nesting::document(&entry)?))
    }

    /// Replays oplog that was shipped. It has to begin with an entry that what is before it reaches to; what it has of that is passed over.
    pub(super) fn segment(
        &mut self,
        input: impl Read,
        reached: Option<Position>,
        index: usize,
    ) -> Result<()> {
        // What comes after the moment is not looked at.
        if reached.zip(self.until).is_some_and(|(reached, until)| reached >= until) {
            return Ok(());
        }
        each_shipped(input, reached, index, |entry| self.entry(entry))
    }

    /// What is left of transactions was never committed before the moment, and what is on its way then is nothing yet.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.control.checkpoint()?;
        self.transactions.clear();
        let left_out = |name| {
            format!(
                "{name} was left out: the oplog changes it and does not make it, and the backup does not have it"
            )
        };
        self.warnings.extend(std::mem::take(&mut self.lacking).into_iter().map(left_out));
        self.targets.drop_unwanted(self.connection)
    }

    fn entry(&mut self, entry: Document) -> Result<()> {
        let at = position_of(&entry)?;
        if self.moment.is_some_and(|moment| at < moment) || self.until.is_some_and(|until| at > until) {
            return Ok(());
        }
        self.moment = Some(at);
        if self.count.is_multiple_of(128) {
            self.control.checkpoint()?;
        }
        self.operation(&entry).map_err(|mut error| {
            error.what = format!("replaying the oplog at {at}: {}", error.what);
            error
        })
    }

    fn operation(&mut self, entry: &Document) -> Result<()> {
        let namespace = entry.get_str("ns").unwrap_or_default();
        let (database, collection) = namespace.split_once('.').unwrap_or((namespace, ""));
        let operation = entry.get_str("op").unwrap_or_default();
        let Ok(object) = entry.get_document("o") else { return Ok(()) };
        match operation {
            "n" => return Ok(()),
            "c" => return self.command(database, object, entry),
            "i" | "u" | "d" => {}
            other => return Err(damaged(format!("an entry has the operation {other:?}"))),
        }
        if collection == "system.js" {
            return Ok(());
        }
        let Some(target) = self.targets.find_mut(database, collection) else {
            // A part of it must not stand for the whole.
            if self.targets.wants(database, collection) {
                let _ = self.lacking.insert(namespace.to_owned());
            }
            return Ok(());
        };
        target.is_changed = true;
        let handle = self.connection.database(&target.database).collection::<Document>(&target.written_as());
        self.count += 1;
        let what = format!("changing {database}.{collection}");
        match operation {
            "i" => self.put(&what, &handle, &id_of(object)?, object, true),
            "d" => {
                let filter = id_of(object)?;
                self.connection.ask(what, async { handle.delete_one(filter).await }).map(drop)
            }
            _ => {
                let filter =
                    id_of(entry.get_document("o2").map_err(|_| damaged("an update does not say of what"))?)?;
                self.update(&what, &handle, filter, object)
            }
        }
    }

    fn put(
        &self,
        what: &str,
        handle: &Handle<Document>,
        filter: &Document,
        document: &Document,
        is_new: bool,
    ) -> Result<()> {
        let write = async {
            handle.replace_one(filter.clone(), document).upsert(is_new).bypass_document_validation(true).await
        };
        self.connection.ask(what, write).map(drop)
    }

    fn update(
        &self,
        what: &str,
        handle: &Handle<Document>,
        filter: Document,
        object: &Document,
    ) -> Result<()> {
        if let Ok(changes) = object.get_document("diff") {
            let there = self.connection.ask(what, async { handle.find_one(filter.clone()).await })?;
            // It was deleted later, before it was read.
            let Some(mut document) = there else { return Ok(()) };
            diff::apply(&mut document, changes)?;
            return self.put(what, handle, &filter, &document, false);
        }
        if object.keys().any(|key| key.starts_with('$')) {
            let mut changes = object.clone();
            let _ = changes.remove("$v");
            let write = async { handle.update_one(filter, changes).bypass_document_validation(true).await };
            return self.connection.ask(what, write).map(drop);
        }
        self.put(what, handle, &filter, object, false)
    }

    fn command(&mut self, database: &str, object: &Document, entry: &Document) -> Result<()> {
        let Some((name, value)) = object.iter().next() else { return Ok(()) };
        let collection = value.as_str().unwrap_or_default();
        match name.as_str() {
            "applyOps" => return self.several(object, entry),
            "commitTransaction" | "abortTransaction" => {
                let parts = self.transactions.remove(&transaction_of(entry)?).unwrap_or_default();
                let is_committed = name == "commitTransaction";
                return if is_committed {
                    parts.iter().try_for_each(|part| self.operation(part))
                } else {
                    Ok(())
                };
            }
            "dropDatabase" => {
                self.lacking.retain(|name| name.split('.').next() != Some(database));
                for collection in self.targets.of_database(database) {
                    self.targets.drop(self.connection, database, &collection)?;
                    self.count += 1;
                }
                return Ok(());
            }
            "renameCollection" => return self.rename(object),
            name if PASSED_OVER.contains(&name) => return Ok(()),
            _ => {}
        }
        if !self.targets.follows(database, collection) {
            return Ok(());
        }
        match name.as_str() {
            "create" => {
                let _ = self.lacking.remove(&format!("{database}.{collection}"));
                if self.targets.find(database, collection).is_none() {
                    let mut made = plain(database, collection);
                    made.options = object.clone();
                    let _ = made.options.remove("create");
                    if made.options.contains_key("viewOn") {
                        made.kind = Kind::View;
                    }
                    self.targets.create(self.connection, made)?;
                }
            }
            "drop" => {
                let _ = self.lacking.remove(&format!("{database}.{collection}"));
                self.targets.drop(self.connection, database, collection)?;
            }
            "createIndexes" | "commitIndexBuild" => {
                let several = object.get_array("indexes").ok();
                let mut indexes: Vec<Document> =
                    several.into_iter().flatten().filter_map(Bson::as_document).cloned().collect();
                if several.is_none() {
                    // One index stands for itself, beside the name of the command.
                    let mut index = object.clone();
                    let _ = index.remove(name);
                    indexes.push(index);
                }
                if let Some(target) = self.targets.find_mut(database, collection) {
                    for mut index in indexes {
                        index =
                            index.into_iter().filter(|(key, _)| OF_INDEXES.contains(&key.as_str())).collect();
                        target.source.indexes.retain(|other| other.get("name") != index.get("name"));
                        target.source.indexes.push(index);
                    }
                }
            }
            "dropIndexes" | "deleteIndexes" => {
                if let Some(target) = self.targets.find_mut(database, collection) {
                    let dropped = object.get_str("index").unwrap_or_default();
                    target.source.indexes.retain(|index| {
                        let name = index.get_str("name").unwrap_or_default();
                        name == "_id_" || (name != dropped && dropped != "*")
                    });
                }
            }
            "collMod" => self.modify(database, collection, object)?,
            other => self.warnings.push(format!(
                "the oplog's command {other} on {database}.{collection} is not known and was left out"
            )),
        }
        self.count += 1;
        Ok(())
    }

    /// Carries out what belongs together, or keeps it until it is committed.
    fn several(&mut self, object: &Document, entry: &Document) -> Result<()> {
        let parts = object.get_array("applyOps").map_err(|_| damaged("a transaction has no operations"))?;
        let parts = parts.iter().filter_map(Bson::as_document).cloned();
        let is = |key: &str| object.get_bool(key).unwrap_or_default();
        if !is("partialTxn")
            && !is("prepare")
            && (entry.get("lsid").is_none() || self.transactions.is_empty())
        {
            let parts: Vec<Document> = parts.collect();
            return parts.iter().try_for_each(|part| self.operation(part));
        }
        let key = transaction_of(entry)?;
        let all = self.transactions.entry(key.clone()).or_default();
        all.extend(parts);
        if is("partialTxn") || is("prepare") {
            return Ok(());
        }
        let all = self.transactions.remove(&key).unwrap_or_default();
        all.iter().try_for_each(|part| self.operation(part))
    }

    fn rename(&mut self, object: &Document) -> Result<()> {
        let (old, new) = (
            object.get_str("renameCollection").unwrap_or_default(),
            object.get_str("to").unwrap_or_default(),
        );
        let (Some(from), Some(to)) = (old.split_once('.'), new.split_once('.')) else {
            return Err(damaged("a rename lacks a name"));
        };
        let _ = (self.lacking.remove(old), self.lacking.remove(new));
        let fails = |cause: &str| {
            let mut error =
                MongoError::new(Trouble::Settings, format!("replaying the rename of {old} to {new}"), cause);
            error.hint = "restore a moment before that, or one after a later backup";
            Err(error)
        };
        let (is_wanted, becomes_wanted) =
            (self.targets.wants(from.0, from.1), self.targets.wants(to.0, to.1));
        if self.targets.find(from.0, from.1).is_some() {
            // It may become something that is selected again.
            return if becomes_wanted || from.0 == to.0 {
                self.targets.rename(self.connection, from, to)
            } else {
                self.targets.drop(self.connection, from.0, from.1)
            };
        }
        if !becomes_wanted {
            return Ok(());
        }
        if is_wanted && self.targets.find(to.0, to.1).is_none() {
            let _ = self.lacking.insert(new.to_owned());
            return Ok(());
        }
        if is_wanted || is_on_its_way(from.1) {
            return fails("the backup does not have what is renamed");
        }
        fails("what is renamed is not selected")
    }

    fn modify(&mut self, database: &str, collection: &str, object: &Document) -> Result<()> {
        let Some(target) = self.targets.find_mut(database, collection) else { return Ok(()) };
        if let Ok(change) = object.get_document("index") {
            for index in &mut target.source.indexes {
                let is_it = change.get("name").is_some_and(|name| index.get("name") == Some(name))
                    || change.get("keyPattern").is_some_and(|key| index.get("key") == Some(key));
                if is_it {
                    for (key, value) in
                        change.iter().filter(|(key, _)| !["name", "keyPattern"].contains(&key.as_str()))
                    {
                        let _ = index.insert(key, value.clone());
                    }
                }
            }
            return Ok(());
        }
        let mut command = doc! { "collMod": target.written_as() };
        let changes = object.iter().filter(|(key, _)| OF_COLLECTIONS.contains(&key.as_str()));
        command.extend(changes.map(|(key, value)| (key.clone(), value.clone())));
        if target.source.kind == Kind::View {
            target.source.options.extend(command.into_iter().skip(1));
            return Ok(());
        }
        let database = target.database.clone();
        let modified =
            self.connection.wait(async { self.connection.database(&database).run_command(command).await })?;
        match modified {
            Ok(_) => Ok(()),
            // InvalidOptions: an option of another version.
            Err(error) if code_of(&error) == Some(72) => {
                let cause = MongoError::of("", &error).cause;
                self.warnings.push(format!("{collection} was not modified as the oplog says: {cause}"));
                Ok(())
            }
            Err(error) => Err(MongoError::of(format!("modifying {collection}"), &error)),
        }
    }
}

/// Reads the entries of shipped oplog after what is before it reaches to.
fn each_shipped(
    input: impl Read,
    reached: Option<Position>,
    index: usize,
    mut take: impl FnMut(Document) -> Result<()>,
) -> Result<()> {
    let mut is_first = true;
    each_entry(input, "shipped oplog", |entry| {
        let entry = nesting::document(&entry)?;
        let at = position_of(&entry)?;
        let is_new = reached.is_none_or(|reached| at > reached);
        if std::mem::take(&mut is_first) && is_new {
            let reached = reached.map_or_else(|| "nothing".to_owned(), |reached| reached.to_string());
            let cause =
                format!("segment {} begins at {at}, and what is before it reaches to {reached}", index + 1);
            return Err(MongoError::new(
                Trouble::Gap,
                "the shipped oplog does not follow on the dump",
                cause,
            ));
        }
        // A rename cannot be carried out twice.
        if is_new { take(entry) } else { Ok(()) }
    })
}

fn plain(database: &str, collection: &str) -> Collection {
    Collection {
        database: database.to_owned(),
        name: collection.to_owned(),
        kind: Kind::Collection,
        options: Document::new(),
        indexes: Vec::new(),
        uuid: None,
    }
}

fn damaged(cause: impl Into<String>) -> MongoError {
    MongoError::damaged("the oplog cannot be read", cause.into())
}

fn id_of(document: &Document) -> Result<Document> {
    document
        .get("_id")
        .map(|id| doc! { "_id": { "$eq": id.clone() } })
        .ok_or_else(|| damaged("an operation does not say on what"))
}

pub(super) fn position_of(entry: &Document) -> Result<Position> {
    match entry.get("ts") {
        Some(Bson::Timestamp(at)) => Ok(Position { seconds: at.time, counter: at.increment }),
        _ => Err(damaged("an entry has no time")),
    }
}

fn transaction_of(entry: &Document) -> Result<Vec<u8>> {
    let key = doc! {
        "session": entry.get("lsid").cloned().unwrap_or(Bson::Null), "number": entry.get("txnNumber").cloned().unwrap_or(Bson::Null),
    };
    Ok(key.to_vec()?)
}
