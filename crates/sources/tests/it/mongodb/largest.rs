//! Documents of 16 MiB, which is as large as they get: alone, in the oplog of a dump, in archives, and shipped.

use std::sync::Arc;
use std::time::Duration;

use backstay_core::{Control, Silent};
use backstay_sources::mongodb::{
    ArchiveDump, CaptureOptions, RestoreOptions, Selection, Shipper, capture, restore,
};
use backstay_sources::testing::{MongoServer, mongo_tool};
use mongodb::bson::{Document, doc};

use super::archives::{archived, run};
use super::folder::FolderSink;
use super::oplog::opened;
use super::{captured, restored, sorted, to_copy};

/// A document that is as large as they get.
fn largest(id: i32, letter: &str) -> Document {
    let empty = doc! { "_id": id, "text": "" }.to_vec().unwrap().len();
    let document = doc! { "_id": id, "text": letter.repeat((16 << 20) - empty) };
    assert_eq!(document.to_vec().unwrap().len(), 16 << 20);
    document
}

fn assert_same(one: &MongoServer, database: &str, other: &MongoServer) {
    let (copy, original) = (sorted(one, database, "large"), sorted(other, "shop", "large"));
    assert!(copy == original, "{} documents, and {}", copy.len(), original.len());
}

#[test]
fn a_document_as_large_as_they_get_comes_back() {
    let Some(server) = MongoServer::start_new() else { return };
    server.insert("shop", "large", &[largest(1, "x")]);
    server.insert("shop", "large", &[doc! { "_id": 2 }]);
    let connection = server.connect();
    let options = CaptureOptions { oplog: false, ..CaptureOptions::default() };
    let (sink, manifest) = captured(&connection, &options);
    assert_eq!(manifest.counted("shop", "large").unwrap().documents, 2);
    let _ = restored(&connection, &sink, &to_copy()).unwrap();
    assert_same(&server, "copy", &server);
}

#[test]
fn one_that_is_written_during_a_dump_comes_with_its_oplog() {
    let Some(server) = MongoServer::start_new() else { return };
    let server = Arc::new(server);
    server.insert("shop", "large", &[largest(1, "x"), doc! { "_id": 2 }]);
    let connection = server.connect();
    let sink = FolderSink::new();
    let writer = Arc::clone(&server);
    sink.on_write(move |count| {
        if count == 0 {
            // The one that is being read is another one afterwards.
            let first = doc! { "q": { "_id": 1 }, "limit": 1 };
            let _ = writer.run("shop", doc! { "delete": "large", "deletes": [first] });
            writer.insert("shop", "large", &[largest(1, "y")]);
            writer.insert("shop", "large", &[doc! { "_id": 3 }]);
        }
    });
    let options = CaptureOptions { parallel: 1, ..CaptureOptions::default() };
    let manifest = capture(&connection, &sink, &options, &Control::new(), &Silent).unwrap();
    assert!(manifest.oplog.unwrap().entries >= 3, "{manifest:?}");
    let report = restored(&connection, &sink, &RestoreOptions { oplog: true, ..to_copy() }).unwrap();
    assert!(report.replayed >= 3, "{report:?}");
    assert_eq!(sorted(&server, "copy", "large").len(), 3);
    assert_same(&server, "copy", &server);
}

#[test]
fn one_in_an_archive_is_read_here_and_by_mongorestore() {
    let Some(server) = MongoServer::start_new() else { return };
    server.insert("shop", "large", &[largest(1, "x")]);
    server.insert("shop", "large", &[doc! { "_id": 2 }]);
    let connection = server.connect();
    let options = CaptureOptions { users: false, ..CaptureOptions::default() };
    let (file, manifest) = archived(&connection, &options);
    let span = manifest.oplog.unwrap();
    let dump = ArchiveDump::open(file.reopen().unwrap(), Some(manifest)).unwrap();
    let back = RestoreOptions { oplog: true, ..to_copy() };
    let report = restore(&connection, Box::new(dump), &back, &Control::new(), &Silent).unwrap();
    assert!(report.restored.iter().all(|each| each.agrees_with_manifest), "{report:#?}");
    assert!(span.entries > 0 && report.moment == Some(span.to), "{report:?}");
    assert_same(&server, "copy", &server);

    // Of an oplog, `mongorestore` takes no entry in an archive that is larger than a document.
    let (file, _) = archived(&connection, &CaptureOptions { oplog: false, ..options });
    let Some(mut mongorestore) = mongo_tool("mongorestore") else { return };
    let target = MongoServer::start_new().unwrap();
    let _ = mongorestore.arg("--uri").arg(target.uri()).args(["--stopOnError", "--gzip"]);
    let _ = mongorestore.args(["--nsInclude", "shop.*"]).arg(format!("--archive={}", file.path().display()));
    let told = run(mongorestore);
    assert!(told.contains("0 document(s) failed to restore"), "{told}");
    assert_same(&target, "shop", &server);
}

#[test]
fn those_that_are_shipped_come_back_and_hold_nothing_up() {
    let Some(server) = MongoServer::start_new() else { return };
    server.insert("shop", "large", &[doc! { "_id": 0 }]);
    let connection = server.connect();
    let (sink, manifest) = captured(&connection, &CaptureOptions::default());
    for id in 1..=2 {
        server.insert("shop", "large", &[largest(id, "x")]);
        server.insert("shop", "large", &[doc! { "_id": id + 10 }]);
    }
    let mut shipper = Shipper::after(manifest.oplog.unwrap().to);
    let mut segments = Vec::new();
    while let Some(segment) = shipper.next(&connection, Duration::ZERO, &Control::new()).unwrap() {
        assert!(segment.to > segment.from, "it does not get on: {}", segment.name());
        segments.push(segment);
    }
    assert!(segments.len() >= 2, "{}", segments.len());
    let selection = Selection { include: vec!["shop.large".to_owned()], ..Selection::all() };
    let options = RestoreOptions { oplog: true, segments: opened(&segments), selection, ..to_copy() };
    let report = restored(&connection, &sink, &options).unwrap();
    assert_eq!(report.moment, segments.last().map(|last| last.to));
    assert_eq!(sorted(&server, "copy", "large").len(), 5);
    assert_same(&server, "copy", &server);
}
