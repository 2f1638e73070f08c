//! An archive that MongoDB's own `mongodump` wrote, kept in the tree so that it is read where the tool cannot be had.

use std::io::Cursor;

use backstay_core::{Control, Silent};
use backstay_sources::mongodb::{ArchiveDump, Existing, Kind, RestoreOptions, Selection, restore};
use backstay_sources::testing::MongoServer;
use mongodb::bson::{Document, doc};

use super::{every_type, listing, sorted};

const RECORDED: &[u8] = include_bytes!("../../../../mongodump/recorded/mongodump-100.18.0.archive.gz");

/// What was on the server when the archive was written, but for `late`.
fn fill(server: &MongoServer) {
    let orders: Vec<Document> =
        (0..60).map(|n| doc! { "_id": n, "text": format!("order {n}"), "n": n % 7 }).collect();
    server.insert("shop", "orders", &orders);
    server.insert("shop", "types", &[every_type(1.5), every_type("text"), every_type(doc! { "a": 1 })]);
    let validated = doc! { "create": "empty", "validator": { "a": { "$exists": true } } };
    let sorted = doc! { "create": "sorted", "collation": { "locale": "en", "strength": 2 } };
    let capped = doc! { "create": "log", "capped": true, "size": 100_000, "max": 5 };
    let view = doc! { "create": "few", "viewOn": "orders", "pipeline": [{ "$match": { "n": 3 } }] };
    let indexes = doc! {
        "createIndexes": "orders",
        "indexes": [
            { "key": { "text": 1 }, "name": "unique text", "unique": true },
            { "key": { "z": 1, "a": -1 }, "name": "compound" },
            { "key": { "when": 1 }, "name": "ttl", "expireAfterSeconds": 3600 },
            { "key": { "n": 1 }, "name": "partial", "partialFilterExpression": { "n": { "$gt": 5 } } },
        ],
    };
    for command in [validated, sorted, capped, view, indexes] {
        let _ = server.run("shop", command);
    }
    for n in [9, 3, 8, 1, 7, 2, 6] {
        server.insert("shop", "log", &[doc! { "_id": n }]);
    }
    server.insert("shop", "odd/name ü", &[doc! { "_id": "x" }]);
    server.insert("blog", "posts", &[doc! { "_id": 1, "title": "one" }]);
}

fn dump() -> Box<ArchiveDump> {
    Box::new(ArchiveDump::open(Cursor::new(RECORDED), None).unwrap())
}

#[test]
fn what_mongodump_wrote_once_comes_back_as_it_was() {
    let Some(server) = MongoServer::start_new() else { return };
    fill(&server);
    let recorded = dump();
    let header = recorded.header();
    assert_eq!((&*header.tool_version, &*header.server_version), ("built-without-version-string", "8.2.11"));
    let collection = |name: &str| {
        let found = recorded.collections().iter().find(|each| each.name == name);
        found.unwrap_or_else(|| panic!("{name}")).clone()
    };
    // The options, which this server forgets when a collection is renamed.
    assert_eq!(collection("empty").options, doc! { "validator": { "a": { "$exists": true } } });
    let collation = collection("sorted").options.get_document("collation").unwrap().clone();
    assert_eq!((collation.get_str("locale").unwrap(), collation.get_i32("strength").unwrap()), ("en", 2));
    let log = collection("log");
    assert!(log.is_capped() && log.options.get_i32("max").ok() == Some(5), "{:?}", log.options);
    assert_eq!(collection("few").kind, Kind::View);
    assert_eq!(collection("orders").indexes.len(), 5);

    let options = RestoreOptions {
        selection: Selection { include: vec!["shop".to_owned(), "blog".to_owned()], ..Selection::all() },
        databases: [("shop", "copy"), ("blog", "journal")]
            .map(|(from, to)| (from.to_owned(), to.to_owned()))
            .into(),
        existing: Existing::Refuse,
        ..RestoreOptions::default()
    };
    let report = restore(&server.connect(), recorded, &options, &Control::new(), &Silent).unwrap();
    assert_eq!(report.restored.len(), 9, "{report:#?}");
    let without_options = |database: &str| {
        let mut all = listing(&server, database);
        all.retain(|each| each.get_str("name").ok() != Some("late"));
        let others = all.iter_mut().filter(|each| each.get_str("type").ok() != Some("view"));
        others.for_each(|each| drop(each.remove("options")));
        all
    };
    assert_eq!(without_options("copy"), without_options("shop"));
    for name in ["orders", "types", "empty", "sorted", "log", "few", "odd/name ü"] {
        assert_eq!(sorted(&server, "copy", name), sorted(&server, "shop", name), "{name}");
    }
    assert_eq!(sorted(&server, "journal", "posts"), sorted(&server, "blog", "posts"));
}

#[test]
fn its_oplog_brings_what_was_written_meanwhile() {
    let Some(server) = MongoServer::start_new() else { return };
    let only = |name: &str, oplog: bool| RestoreOptions {
        selection: Selection { include: vec!["shop.late".to_owned()], ..Selection::all() },
        databases: vec![("shop".to_owned(), name.to_owned())],
        oplog,
        ..RestoreOptions::default()
    };
    let mut counts = Vec::new();
    for (name, oplog) in [("before", false), ("after", true)] {
        let report =
            restore(&server.connect(), dump(), &only(name, oplog), &Control::new(), &Silent).unwrap();
        assert_eq!(report.moment.is_some(), oplog, "{report:?}");
        let late = sorted(&server, name, "late");
        assert!(late.iter().enumerate().all(|(n, each)| *each == doc! { "_id": n as i32 }), "{late:?}");
        counts.push(late.len());
    }
    assert_eq!(counts, LATE);
}

/// How many documents `late` has by the dump, and by the oplog after it.
const LATE: [usize; 2] = [18, 27];
