//! Collections with all that is needed to make them again.

use mongodb::bson::{Bson, Document, doc};

use super::error::{MongoError, Result};
use super::json;

/// What a collection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It holds documents.
    Collection,
    /// It holds the definition of a query.
    View,
    /// It holds measurements, in buckets that are documents of a collection behind it.
    TimeSeries,
}

impl Kind {
    /// As the server says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Collection => "collection",
            Self::View => "view",
            Self::TimeSeries => "timeseries",
        }
    }

    pub(super) fn of(name: &str) -> Self {
        match name {
            "view" => Self::View,
            "timeseries" => Self::TimeSeries,
            _ => Self::Collection,
        }
    }
}

/// A collection, view or time series with what is needed to make it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection {
    /// Its database.
    pub database: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// How it was made: capped, validator, collation, and so on.
    pub options: Document,
    /// Its indexes, that of `_id` included.
    pub indexes: Vec<Document>,
    /// Its UUID in hexadecimal digits.
    pub uuid: Option<String>,
}

impl Collection {
    /// `database.collection`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.database, self.name)
    }

    /// Whether its order is that of insertion, and only so many documents are kept.
    #[must_use]
    pub fn is_capped(&self) -> bool {
        matches!(self.options.get("capped"), Some(Bson::Boolean(true)))
    }

    /// Whether it can be read in the order of `_id` without sorting.
    pub(super) fn is_ordered(&self) -> bool {
        let has_index =
            self.indexes.iter().any(|index| index.get_str("name").is_ok_and(|name| name == "_id_"));
        !self.is_capped() && has_index && self.kind == Kind::Collection
    }

    /// The collection that has its documents.
    pub(super) fn stored_as(&self) -> String {
        match self.kind {
            Kind::TimeSeries => format!("system.buckets.{}", self.name),
            Kind::Collection | Kind::View => self.name.clone(),
        }
    }

    /// Its metadata as `mongodump` writes it.
    pub(super) fn metadata(&self) -> String {
        let mut metadata = doc! { "options": self.options.clone() };
        if self.options.is_empty() {
            metadata.clear();
        }
        let _ = metadata.insert("indexes", self.indexes.clone());
        if let Some(uuid) = &self.uuid {
            let _ = metadata.insert("uuid", uuid);
        }
        let _ = metadata.insert("collectionName", &self.name);
        let _ = metadata.insert("type", self.kind.name());
        json::write(&metadata)
    }

    /// Reads such metadata. `name` is used where it has none, as in dumps of old versions.
    pub(super) fn from_metadata(database: &str, name: &str, text: &str) -> Result<Self> {
        let what = format!("the metadata of {database}.{name}");
        let metadata = if text.is_empty() { Document::new() } else { json::read(text, &what)? };
        let options = metadata.get_document("options").cloned().unwrap_or_default();
        let mut indexes = Vec::new();
        for index in metadata.get_array("indexes").map(Vec::as_slice).unwrap_or_default() {
            let index =
                index.as_document().ok_or_else(|| MongoError::damaged(&*what, "an index is no document"))?;
            indexes.push(index.clone());
        }
        let named = metadata.get_str("collectionName").unwrap_or(name);
        let kind = match metadata.get_str("type") {
            Ok(kind) => Kind::of(kind),
            Err(_) if options.contains_key("viewOn") => Kind::View,
            Err(_) => Kind::Collection,
        };
        let uuid = metadata.get_str("uuid").ok().map(ToOwned::to_owned);
        Ok(Self { database: database.to_owned(), name: named.to_owned(), kind, options, indexes, uuid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_comes_back() {
        let collection = Collection {
            database: "shop".to_owned(),
            name: "orders/2".to_owned(),
            kind: Kind::Collection,
            options: doc! { "capped": true, "size": 4096 },
            indexes: vec![doc! { "v": 2, "key": { "z": 1, "a": -1.0 }, "name": "z_1_a_-1" }],
            uuid: Some("00ff".to_owned()),
        };
        let text = collection.metadata();
        assert_eq!(
            text,
            r#"{"options":{"capped":true,"size":{"$numberInt":"4096"}},"indexes":[{"v":{"$numberInt":"2"},"key":{"z":{"$numberInt":"1"},"a":{"$numberDouble":"-1.0"}},"name":"z_1_a_-1"}],"uuid":"00ff","collectionName":"orders/2","type":"collection"}"#
        );
        assert_eq!(Collection::from_metadata("shop", "?", &text).unwrap(), collection);
        assert!(Collection::from_metadata("shop", "x", "{\"indexes\":[1]}").is_err());
        assert_eq!(Collection::from_metadata("shop", "x", "").unwrap().name, "x");
        let view =
            Collection::from_metadata("shop", "x", r#"{"options":{"viewOn":"y","pipeline":[]}}"#).unwrap();
        assert_eq!(view.kind, Kind::View);
    }
}
