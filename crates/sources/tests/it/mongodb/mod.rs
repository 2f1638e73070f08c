//! A server of MongoDB's protocol: captured, archived, restored.

mod access;
mod archives;
mod faults;
mod folder;
mod hangs;
mod largest;
mod lies;
mod oplog;
mod options;
mod recorded;
mod round_trip;

use backstay_core::{Control, Silent};
use backstay_sources::mongodb::{
    CaptureOptions, Connection, EntriesDump, Manifest, MongoError, RestoreOptions, RestoreReport, Selection,
    capture, restore,
};
use backstay_sources::testing::MongoServer;
use folder::FolderSink;
use mongodb::bson::{
    Binary, Bson, DateTime, Document, JavaScriptCodeWithScope, Regex, Timestamp, doc, oid::ObjectId,
    spec::BinarySubtype,
};

/// Captures into a folder that entries are read from again.
fn captured(connection: &Connection, options: &CaptureOptions) -> (FolderSink, Manifest) {
    let sink = FolderSink::new();
    let manifest = capture(connection, &sink, options, &Control::new(), &Silent).unwrap();
    assert!(sink.is_closed());
    (sink, manifest)
}

fn restored(
    connection: &Connection,
    sink: &FolderSink,
    options: &RestoreOptions,
) -> Result<RestoreReport, MongoError> {
    let dump = EntriesDump::of_folder(sink.path()).unwrap();
    restore(connection, Box::new(dump), options, &Control::new(), &Silent)
}

/// Another database for what is in `shop`.
fn to_copy() -> RestoreOptions {
    RestoreOptions {
        selection: Selection { include: vec!["shop".to_owned()], ..Selection::all() },
        databases: vec![("shop".to_owned(), "copy".to_owned())],
        ..RestoreOptions::default()
    }
}

/// A document with a value of each type that a server stores.
fn every_type(id: impl Into<Bson>) -> Document {
    doc! {
        "_id": id.into(), "double": -0.0, "infinite": f64::INFINITY, "text": "a\u{0}\u{1f980}", "nested": { "b": { "a": [] } },
        "array": [1, "two", [3.0], {}], "bytes": Binary { subtype: BinarySubtype::Generic, bytes: vec![0, 255] },
        "uuid": Binary { subtype: BinarySubtype::Uuid, bytes: vec![7; 16] },
        "own": Binary { subtype: BinarySubtype::UserDefined(200), bytes: vec![] },
        "id": ObjectId::from_bytes([9; 12]), "yes": true, "when": DateTime::from_millis(-62_135_596_800_000), "nothing": null,
        "pattern": Regex { pattern: "^a.*\\/".try_into().unwrap(), options: "imsx".try_into().unwrap() }, "code": Bson::JavaScriptCode("f()".to_owned()),
        "scoped": JavaScriptCodeWithScope { code: "g".to_owned(), scope: doc! { "n": 1_i64 } },
        "int": i32::MIN, "long": i64::MAX, "time": Timestamp { time: 1, increment: 2 },
        "decimal": "1.10E+5".parse::<mongodb::bson::Decimal128>().unwrap(), "least": Bson::MinKey, "most": Bson::MaxKey, "": "empty key",
    }
}

/// Fills `shop` with collections of all kinds.
fn fill(server: &MongoServer, documents: i32) {
    let orders: Vec<Document> =
        (0..documents).map(|n| doc! { "_id": n, "text": format!("order {n}"), "n": n % 7 }).collect();
    server.insert("shop", "orders", &orders);
    for id in [Bson::from(1.5), "text".into(), doc! { "a": 1 }.into(), Bson::Null, true.into(), Bson::MaxKey]
    {
        server.insert("shop", "types", &[every_type(id)]);
    }
    let _ = server.run(
        "shop",
        doc! { "create": "empty", "validator": { "a": { "$exists": true } }, "validationLevel": "moderate" },
    );
    let _ = server.run("shop", doc! { "create": "sorted", "collation": { "locale": "en", "strength": 2 } });
    let _ = server.run("shop", doc! { "create": "log", "capped": true, "size": 100_000, "max": 5 });
    for n in [9, 3, 8, 1, 7, 2, 6] {
        server.insert("shop", "log", &[doc! { "_id": n }]);
    }
    let _ = server
        .run("shop", doc! { "create": "few", "viewOn": "orders", "pipeline": [{ "$match": { "n": 3 } }] });
    let indexes = doc! {
        "createIndexes": "orders",
        "indexes": [
            { "key": { "text": 1 }, "name": "unique text", "unique": true },
            { "key": { "z": 1, "a": -1 }, "name": "compound" },
            { "key": { "when": 1 }, "name": "ttl", "expireAfterSeconds": 3600 },
            { "key": { "n": 1 }, "name": "partial", "partialFilterExpression": { "n": { "$gt": 5 } } },
            { "key": { "s": 1 }, "name": "sparse", "sparse": true },
        ],
    };
    let _ = server.run("shop", indexes);
    server.insert("shop", "odd/name with.%s \"q\" \t ü", &[doc! { "_id": "x" }]);
    server.insert("blog", "posts", &[doc! { "_id": 1, "title": "one" }]);
}

/// What a listing says of a database, without what is of each server alone.
fn listing(server: &MongoServer, database: &str) -> Vec<Document> {
    let told = server.run(database, doc! { "listCollections": 1, "cursor": { "batchSize": 1000 } });
    let mut all: Vec<Document> = told
        .get_document("cursor")
        .unwrap()
        .get_array("firstBatch")
        .unwrap()
        .iter()
        .map(|each| each.as_document().unwrap().clone())
        .collect();
    all.sort_by_key(|each| each.get_str("name").unwrap().to_owned());
    for each in &mut all {
        let _ = each.remove("info");
        let _ = each.remove("idIndex");
        if each.get_str("type").unwrap() == "collection" {
            let told = server.run(database, doc! { "listIndexes": each.get_str("name").unwrap() });
            let mut indexes = told.get_document("cursor").unwrap().get_array("firstBatch").unwrap().clone();
            for index in &mut indexes {
                let Bson::Document(index) = index else { panic!("an index") };
                let _ = index.remove("ns");
            }
            indexes.sort_by_key(|index| index.as_document().unwrap().get_str("name").unwrap().to_owned());
            let _ = each.insert("indexes", indexes);
        }
    }
    all
}

/// All documents in an order that does not depend on how they were inserted.
fn sorted(server: &MongoServer, database: &str, collection: &str) -> Vec<Document> {
    let mut all = server.documents(database, collection);
    all.sort_by_cached_key(|document| document.to_vec().unwrap());
    all
}
