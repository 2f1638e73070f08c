//! What a server lists: its databases, and in them collections with their indexes.
//!
//! A list has an end: a server that lists without one, or answers with nothing again and again, is not listened to for ever.

use std::future::Future;

use backstay_core::Control;
use backstay_mongodump::MOST_NAMESPACES;
use futures_util::StreamExt;
use mongodb::bson::raw::RawDocumentBuf;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Bson, Document, RawBsonRef};
use mongodb::raw_batch_cursor::RawBatchCursor;

use super::error::{MongoError, Result, Trouble, code_of};
use super::listing::{Collection, Kind};
use super::reader::{EMPTY, within};
use super::{Connection, Selection, nesting};

/// How many bytes a server may list of its collections and their indexes: an archive of `mongodump` takes no more.
const MOST_BYTES: usize = 128 << 20;

/// How much was listed.
#[derive(Debug, Default)]
struct Extent {
    collections: usize,
    bytes: usize,
}

impl Extent {
    fn check(&self, what: &str) -> Result<()> {
        let cause = if self.collections > MOST_NAMESPACES {
            format!("the server lists more than {MOST_NAMESPACES} collections")
        } else if self.bytes > MOST_BYTES {
            format!("the server lists more than {} MiB of them", MOST_BYTES >> 20)
        } else {
            return Ok(());
        };
        let mut error = MongoError::new(Trouble::Refused, what, cause);
        error.hint = "name the databases or collections that are meant, and back them up in several parts";
        Err(error)
    }
}

impl Connection {
    /// The names of all databases.
    fn databases(&self, control: &Control) -> Result<Vec<String>> {
        let what = "listing the databases";
        let asked = within(self.away(), async { self.client().list_database_names().await });
        let names = self.heed(control, asked)?.map_err(|error| MongoError::of(what, &error))?;
        if names.len() > MOST_NAMESPACES {
            let cause = format!("the server lists more than {MOST_NAMESPACES} databases");
            return Err(MongoError::new(Trouble::Refused, what, cause));
        }
        Ok(names)
    }

    /// What is selected, databases and names in order.
    pub(super) fn list(&self, selection: &Selection, control: &Control) -> Result<Vec<Collection>> {
        // A user who may not list all of them can still name some.
        let mut databases = match self.databases(control) {
            Err(error) if error.trouble == Trouble::Denied && !selection.is_whole() => Vec::new(),
            listed => listed?,
        };
        let named = selection.include.iter().filter_map(|name| name.split('.').next()).map(ToOwned::to_owned);
        databases.extend(named);
        databases.sort_unstable();
        databases.dedup();
        let (mut collections, mut extent) = (Vec::new(), Extent::default());
        for database in databases.iter().filter(|database| selection.touches(database)) {
            control.checkpoint()?;
            let all = self.collections_of(database, control, &mut extent)?;
            collections
                .extend(all.into_iter().filter(|collection| selection.takes(database, &collection.name)));
        }
        Ok(collections)
    }

    /// All collections of a database, the names in order, with their indexes.
    pub(super) fn collections(&self, database: &str, control: &Control) -> Result<Vec<Collection>> {
        self.collections_of(database, control, &mut Extent::default())
    }

    fn collections_of(
        &self,
        database: &str,
        control: &Control,
        extent: &mut Extent,
    ) -> Result<Vec<Collection>> {
        let what = format!("listing the collections of {database}");
        let handle = self.database(database);
        let listed =
            self.all(&what, control, extent, true, async { handle.list_collections().batch().await });
        let mut collections = Vec::new();
        for told in listed? {
            let text = |key: &str| told.get_str(key).unwrap_or_default().to_owned();
            let uuid = match told.get_document("info").ok().and_then(|info| info.get("uuid")) {
                Some(Bson::Binary(uuid)) if uuid.subtype == BinarySubtype::Uuid => {
                    Some(uuid.bytes.iter().map(|byte| format!("{byte:02x}")).collect())
                }
                _ => None,
            };
            let mut collection = Collection {
                database: database.to_owned(),
                name: text("name"),
                kind: Kind::of(&text("type")),
                options: told.get_document("options").cloned().unwrap_or_default(),
                indexes: Vec::new(),
                uuid,
            };
            if collection.kind != Kind::View {
                collection.indexes = self.indexes_of(database, &collection.name, control, extent)?;
            }
            collections.push(collection);
        }
        collections.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(collections)
    }

    /// The indexes of a collection, without the namespace that old servers put into each. None when there is no such collection.
    pub(super) fn indexes(
        &self,
        database: &str,
        collection: &str,
        control: &Control,
    ) -> Result<Vec<Document>> {
        self.indexes_of(database, collection, control, &mut Extent::default())
    }

    fn indexes_of(
        &self,
        database: &str,
        collection: &str,
        control: &Control,
        extent: &mut Extent,
    ) -> Result<Vec<Document>> {
        let what = format!("listing the indexes of {database}.{collection}");
        let handle = self.database(database).collection::<RawDocumentBuf>(collection);
        let mut indexes = self.all(&what, control, extent, false, async {
            match handle.list_indexes().batch().await {
                Ok(cursor) => Ok(Some(cursor)),
                // NamespaceNotFound: it was dropped in the meantime.
                Err(error) if code_of(&error) == Some(26) => Ok(None),
                Err(error) => Err(error),
            }
        })?;
        for index in &mut indexes {
            let _ = index.remove("ns");
        }
        Ok(indexes)
    }

    /// All that a cursor gives, one answer after the other. No answer takes longer than a server may be away.
    fn all<C: Into<Option<RawBatchCursor>>>(
        &self,
        what: &str,
        control: &Control,
        extent: &mut Extent,
        are_collections: bool,
        opening: impl Future<Output = mongodb::error::Result<C>>,
    ) -> Result<Vec<Document>> {
        let failed = |error: mongodb::error::Error| MongoError::of(what, &error);
        let opened = self.heed(control, within(self.away(), opening))?.map_err(failed)?;
        let mut documents = Vec::new();
        let Some(mut cursor) = opened.into() else { return Ok(documents) };
        let mut empty = 0;
        loop {
            control.checkpoint()?;
            let asked = within(self.away(), async { cursor.next().await.transpose() });
            let Some(batch) = self.heed(control, asked)?.map_err(failed)? else { return Ok(documents) };
            let before = documents.len();
            for document in batch.doc_slices().map_err(failed)?.into_iter() {
                let RawBsonRef::Document(document) = document? else { continue };
                extent.collections += usize::from(are_collections);
                extent.bytes += document.as_bytes().len();
                extent.check(what)?;
                documents.push(nesting::document(document)?);
            }
            empty = if documents.len() > before { 0 } else { empty + 1 };
            if empty > EMPTY {
                return Err(MongoError::new(
                    Trouble::Refused,
                    what,
                    "the server answers with nothing again and again",
                ));
            }
        }
    }
}
