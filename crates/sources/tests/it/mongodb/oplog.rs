//! Dumps of one moment, and restores to any.

use std::sync::Arc;
use std::time::Duration;

use backstay_core::{Control, Silent};
use backstay_sources::mongodb::{
    CaptureOptions, Connection, Existing, MANIFEST, OpenEntry, Position, RestoreOptions, Segment, Selection,
    Shipper, Trouble, capture, probe,
};
use backstay_sources::testing::MongoServer;
use mongodb::bson::{Binary, Bson, Document, Timestamp, doc, spec::BinarySubtype};

use super::folder::FolderSink;
use super::{captured, restored, sorted, to_copy};

const SOON: Duration = Duration::from_secs(5);

#[test]
fn what_is_written_during_the_dump_is_in_it() {
    let Some(server) = MongoServer::start_new() else { return };
    let server = Arc::new(server);
    let documents: Vec<Document> = (10..20).map(|n| doc! { "_id": n, "v": 1 }).collect();
    server.insert("shop", "a", &documents);
    server.insert("shop", "b", &documents);
    server.insert("other", "x", &documents);
    let connection = server.connect();
    let sink = FolderSink::new();
    let writer = Arc::clone(&server);
    sink.on_write(move |count| {
        // The first collection was read and is being stored.
        if count != 0 {
            return;
        }
        writer.insert("shop", "a", &[doc! { "_id": 1, "late": true }]);
        let _ = writer.run("shop", doc! { "delete": "a", "deletes": [{ "q": { "_id": 15 }, "limit": 1 }] });
        let _ = writer
            .run("shop", doc! { "update": "a", "updates": [{ "q": { "_id": 16 }, "u": { "replaced": 1 } }] });
        let _ = writer.run("shop", doc! { "create": "made", "capped": true, "size": 4096 });
        writer.insert("shop", "made", &[doc! { "_id": 7 }]);
        let _ = writer
            .run("shop", doc! { "createIndexes": "a", "indexes": [{ "key": { "v": 1 }, "name": "later" }] });
        writer.insert("other", "x", &[doc! { "_id": 1 }]);
    });
    let options = CaptureOptions { parallel: 1, ..CaptureOptions::default() };
    // One collection after the other, `other` first.
    let manifest = capture(&connection, &sink, &options, &Control::new(), &Silent).unwrap();
    let span = manifest.oplog.unwrap();
    assert!(
        span.entries >= 6 && span.from < span.to && manifest.inconsistent_because.is_none(),
        "{manifest:?}"
    );

    let report = restored(&connection, &sink, &RestoreOptions { oplog: true, ..to_copy() }).unwrap();
    assert!(report.replayed >= 5 && report.moment == Some(span.to), "{report:?}");
    for collection in ["a", "b", "made"] {
        assert_eq!(sorted(&server, "copy", collection), sorted(&server, "shop", collection), "{collection}");
    }
    let made = report.restored.iter().find(|each| each.collection == "a").unwrap();
    assert_eq!(made.indexes, 1);
    assert_eq!(report.restored.len(), 3);
}

#[test]
fn a_server_without_an_oplog_is_captured_and_it_is_said() {
    let Some(server) = MongoServer::start_with(&["--standalone"]) else { return };
    server.insert("shop", "a", &[doc! { "_id": 1 }]);
    let connection = server.connect();
    let (sink, manifest) = captured(&connection, &CaptureOptions::default());
    assert!(manifest.oplog.is_none());
    assert!(manifest.inconsistent_because.unwrap().contains("no oplog"));
    assert!(!sink.files().contains(&"oplog.bson".to_owned()));
    let error = restored(&connection, &sink, &RestoreOptions { oplog: true, ..to_copy() }).unwrap_err();
    assert_eq!(error.trouble, Trouble::Settings, "{error}");
    let error = Shipper::after(Position { seconds: 1, counter: 1 })
        .next(&connection, SOON, &Control::new())
        .unwrap_err();
    assert_eq!(error.trouble, Trouble::Settings, "{error}");
}

pub(super) fn opened(segments: &[Segment]) -> Vec<OpenEntry> {
    let open = |segment: &Segment| -> OpenEntry {
        let data = segment.data.clone();
        Arc::new(move |_| Ok(Box::new(std::io::Cursor::new(data.clone())) as Box<dyn std::io::Read + Send>))
    };
    segments.iter().map(open).collect()
}

#[test]
fn shipped_oplog_brings_back_any_moment() {
    let Some(server) = MongoServer::start_new() else { return };
    server.insert("shop", "a", &[doc! { "_id": 1 }]);
    let connection = server.connect();
    let (sink, manifest) = captured(&connection, &CaptureOptions::default());
    let control = Control::new();
    let mut shipper = Shipper::after(manifest.oplog.unwrap().to);
    assert!(shipper.next(&connection, Duration::ZERO, &control).unwrap().is_none());
    let mut ship = || shipper.next(&connection, SOON, &control).unwrap().unwrap();

    server.insert("shop", "a", &[doc! { "_id": 2 }]);
    let _ = server.run("shop", doc! { "create": "later" });
    let first = ship();
    server.insert("shop", "later", &[doc! { "_id": "x" }]);
    let second = ship();
    let _ = server.run("shop", doc! { "drop": "a" });
    let _ = server.run("admin", doc! { "renameCollection": "shop.later", "to": "shop.last" });
    let third = ship();
    assert!(first.entries >= 3 && first.to == second.from && second.to == third.from);
    let mut names = [third.name(), first.name(), second.name()];
    names.sort();
    assert_eq!(names, [first.name(), second.name(), third.name()]);

    let segments = [first.clone(), second.clone(), third];
    let to = |database: &str, segments: &[Segment], until: Option<Position>| RestoreOptions {
        databases: vec![("shop".to_owned(), database.to_owned())],
        oplog: true,
        segments: opened(segments),
        until,
        ..to_copy()
    };
    let report = restored(&connection, &sink, &to("middle", &segments, Some(first.to))).unwrap();
    assert_eq!(report.moment, Some(first.to));
    assert_eq!(sorted(&server, "middle", "a").len(), 2);
    assert_eq!(sorted(&server, "middle", "later").len(), 0);
    assert_eq!(report.restored.len(), 2);
    let report = restored(&connection, &sink, &to("end", &segments, None)).unwrap();
    let names: Vec<&str> = report.restored.iter().map(|each| each.collection.as_str()).collect();
    assert_eq!(names, ["last"], "{report:?}");
    assert_eq!(sorted(&server, "end", "last").len(), 1);

    assert_eq!(report.warnings, Vec::<String>::new());
    // Where a collection is not brought to the moment, that is told.
    let file = sink.path().join(MANIFEST);
    let told = std::fs::read_to_string(&file).unwrap();
    let (null, why) = ("\"inconsistent_because\": null", "\"inconsistent_because\": \"t is a time series\"");
    std::fs::write(&file, told.replace(null, why)).unwrap();
    let report = restored(&connection, &sink, &to("series", &segments, None)).unwrap();
    assert_eq!(report.warnings, ["not all collections are of the moment: t is a time series"]);
    std::fs::write(&file, told).unwrap();

    // One that is missing is no moment that may be passed over.
    let [first, _, third] = segments;
    let error = restored(&connection, &sink, &to("gap", &[first, third], None)).unwrap_err();
    assert_eq!(error.trouble, Trouble::Gap, "{error}");
    assert!(super::listing(&server, "gap").is_empty());
    let before = Position { seconds: 1, counter: 1 };
    let error = restored(&connection, &sink, &to("before", &[], Some(before))).unwrap_err();
    assert_eq!(error.trouble, Trouble::Settings, "{error}");
}

#[test]
fn a_rename_is_replayed_once_wherever_segments_begin() {
    let Some(server) = MongoServer::start_new() else { return };
    let rename = |from: &str, to: &str| {
        let names = doc! { "renameCollection": format!("shop.{from}"), "to": format!("shop.{to}") };
        let _ = server.run("admin", names);
    };
    server.insert("shop", "one", &[doc! { "_id": 1 }]);
    let connection = server.connect();
    let (_, earlier) = captured(&connection, &CaptureOptions::default());
    // The newest entry when the dump is taken, and within a segment that begins before the dump.
    rename("one", "two");
    let (sink, manifest) = captured(&connection, &CaptureOptions::default());
    let control = Control::new();
    let mut shippers = [earlier, manifest].map(|manifest| Shipper::after(manifest.oplog.unwrap().to));
    server.insert("shop", "two", &[doc! { "_id": 2 }]);
    // The last entry of one segment, and so the first one of the next.
    rename("two", "three");
    let mut both =
        shippers.each_mut().map(|shipper| vec![shipper.next(&connection, SOON, &control).unwrap().unwrap()]);
    server.insert("shop", "three", &[doc! { "_id": 3 }]);
    for (segments, shipper) in both.iter_mut().zip(&mut shippers) {
        segments.push(shipper.next(&connection, SOON, &control).unwrap().unwrap());
    }
    assert!(both[0][0].from < both[1][0].from && both[0][1] == both[1][1]);
    for (segments, database) in both.iter().zip(["straddling", "following"]) {
        let options = RestoreOptions {
            databases: vec![("shop".to_owned(), database.to_owned())],
            oplog: true,
            segments: opened(segments),
            ..to_copy()
        };
        let report = restored(&connection, &sink, &options).unwrap();
        let names: Vec<&str> = report.restored.iter().map(|each| each.collection.as_str()).collect();
        assert_eq!(names, ["three"], "{report:?}");
        assert_eq!(sorted(&server, database, "three"), sorted(&server, "shop", "three"));
        assert_eq!(super::listing(&server, database).len(), 1);
    }
}

#[test]
fn oplog_of_what_the_dump_does_not_have_changes_nothing() {
    let Some(server) = MongoServer::start_new() else { return };
    let all = [("shop", "orders"), ("shop", "logs"), ("shop", "secret"), ("shop", "scratch"), ("other", "x")];
    for (database, collection) in all {
        server.insert(database, collection, &[doc! { "_id": 1 }]);
    }
    let connection = server.connect();
    let selection = Selection { include: vec!["shop".to_owned()], exclude: vec!["shop.logs".to_owned()] };
    let (sink, manifest) = captured(&connection, &CaptureOptions { selection, ..CaptureOptions::default() });
    // As if these could not be read.
    for name in ["secret", "scratch"] {
        for ending in ["bson", "metadata.json"] {
            std::fs::remove_file(sink.path().join(format!("shop/{name}.{ending}"))).unwrap();
        }
    }
    for (database, collection) in all {
        server.insert(database, collection, &[doc! { "_id": 2 }]);
    }
    let _ = server.run("shop", doc! { "drop": "scratch" });
    let _ = server.run("shop", doc! { "create": "made" });
    server.insert("shop", "made", &[doc! { "_id": 2 }]);
    let mut shipper = Shipper::after(manifest.oplog.unwrap().to);
    let segment = shipper.next(&connection, SOON, &Control::new()).unwrap().unwrap();
    server.insert("shop", "orders", &[doc! { "_id": 3 }]);
    let options = RestoreOptions {
        oplog: true,
        segments: opened(&[segment]),
        existing: Existing::Replace,
        ..RestoreOptions::default()
    };
    let report = restored(&connection, &sink, &options).unwrap();
    let mut names: Vec<&str> = report.restored.iter().map(|each| each.collection.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["made", "orders"], "{report:?}");
    assert!(matches!(&*report.warnings, [one] if one.starts_with("shop.secret was left out")), "{report:?}");
    let there = [
        ("shop", "made", 1),
        ("shop", "orders", 2),
        ("shop", "logs", 2),
        ("shop", "secret", 2),
        ("other", "x", 2),
    ];
    for (database, collection, count) in there {
        assert_eq!(server.documents(database, collection).len(), count, "{database}.{collection}");
    }
    assert_eq!(super::listing(&server, "shop").len(), 4);
}

#[test]
fn moments_after_a_restore_into_the_followed_server_come_back() {
    let Some(server) = MongoServer::start_new() else { return };
    for collection in ["a", "b"] {
        server.insert("shop", collection, &[doc! { "_id": 1 }]);
    }
    let connection = server.connect();
    let selection = Selection { include: vec!["shop.a".to_owned()], ..Selection::all() };
    let (sink, manifest) = captured(&connection, &CaptureOptions { selection, ..CaptureOptions::default() });
    let mut shipper = Shipper::after(manifest.oplog.unwrap().to);
    let mut ship = || shipper.next(&connection, SOON, &Control::new()).unwrap().unwrap();
    server.insert("shop", "a", &[doc! { "_id": 2 }]);
    let mut segments = vec![ship()];
    let replace = RestoreOptions { existing: Existing::Replace, ..RestoreOptions::default() };
    let _ = restored(&connection, &sink, &replace).unwrap();
    segments.push(ship());
    let restored_at = segments[1].to;
    server.insert("shop", "a", &[doc! { "_id": 3 }]);
    // What a restore does that fails in the end, and what an aggregation does that writes with `$out`.
    for (from, to) in [("a", "a.backstay-old-x-1"), ("a.backstay-old-x-1", "a")] {
        let names = doc! { "renameCollection": format!("shop.{from}"), "to": format!("shop.{to}") };
        let _ = server.run("admin", names);
    }
    segments.push(ship());
    let _ = server.run("shop", doc! { "create": "tmp.agg_out.1" });
    server.insert("shop", "tmp.agg_out.1", &[doc! { "_id": 4 }]);
    segments.push(ship());
    let under_way = segments[3].to;
    let onto = doc! { "renameCollection": "shop.tmp.agg_out.1", "to": "shop.a", "dropTarget": true };
    let _ = server.run("admin", onto);
    segments.push(ship());

    let moments = [
        ("before", Some(segments[0].to), &[1, 2][..]),
        ("restored", Some(restored_at), &[1]),
        ("later", Some(segments[2].to), &[1, 3]),
        ("meanwhile", Some(under_way), &[1, 3]),
        ("last", None, &[4]),
    ];
    for (database, until, expected) in moments {
        let options = RestoreOptions {
            databases: vec![("shop".to_owned(), database.to_owned())],
            oplog: true,
            segments: opened(&segments),
            until,
            ..RestoreOptions::default()
        };
        let report = restored(&connection, &sink, &options).unwrap();
        let names: Vec<&str> = report.restored.iter().map(|each| each.collection.as_str()).collect();
        assert_eq!((names, report.warnings.len()), (vec!["a"], 0), "{database}: {report:?}");
        let mut ids: Vec<i32> =
            server.documents(database, "a").iter().map(|each| each.get_i32("_id").unwrap()).collect();
        ids.sort_unstable();
        assert_eq!(ids, expected, "{database}");
        assert_eq!(super::listing(&server, database).len(), 1, "{database}");
    }
}

#[test]
fn segments_of_whole_seconds_have_all_that_was_written_in_them() {
    let Some(server) = MongoServer::start_new() else { return };
    server.insert("shop", "a", &[doc! { "_id": 0 }]);
    let connection = server.connect();
    let (sink, manifest) = captured(&connection, &CaptureOptions::default());
    let control = Control::new();
    let mut shipper = Shipper::after(manifest.oplog.unwrap().to);
    let (mut segments, mut id) = (Vec::new(), 0);
    let mut until = 0;
    while segments.len() < 3 {
        for _ in 0..5 {
            id += 1;
            server.insert("shop", "a", &[doc! { "_id": id }]);
        }
        let (segment, whole) = shipper.next_whole(&connection, &control).unwrap();
        assert!(whole >= until, "{whole} after {until}");
        if segment.entries > 1 {
            assert!(segment.to.seconds <= whole, "{} {whole}", segment.to);
            until = whole;
            segments.push(segment);
        }
    }
    let last = segments.last().unwrap().to;
    let options = RestoreOptions {
        oplog: true,
        segments: opened(&segments),
        until: Some(Position { seconds: until, counter: u32::MAX }),
        ..to_copy()
    };
    assert_eq!(restored(&connection, &sink, &options).unwrap().moment, Some(last));
    let there = sorted(&server, "copy", "a");
    let later = server.documents("shop", "a").len() - there.len();
    assert!(there.len() > 3 && later > 0, "{} and {later}", there.len());
    // Without pause: the next one goes on where the last one ended, and says so when nothing was written.
    let end = loop {
        let (segment, _) = shipper.next_whole(&connection, &control).unwrap();
        assert_eq!(segment.from, last.max(segment.from));
        if segment.entries == 1 {
            break segment;
        }
    };
    assert_eq!((end.from, end.to), (shipper.position(), shipper.position()));
}

#[test]
fn oplog_that_is_gone_is_a_gap() {
    let Some(server) = MongoServer::start_new() else { return };
    server.insert("shop", "a", &[doc! { "_id": 1 }]);
    let connection = server.connect();
    for position in [Position { seconds: 1, counter: 1 }, Position { seconds: u32::MAX, counter: 1 }] {
        let error = Shipper::after(position).next(&connection, SOON, &Control::new()).unwrap_err();
        assert_eq!(error.trouble, Trouble::Gap, "{error}");
        let whole = Shipper::after(position).next_whole(&connection, &Control::new()).unwrap_err();
        assert_eq!(whole.trouble, Trouble::Gap, "{whole}");
        assert!(error.hint.contains("full backup"), "{}", error.hint);
    }
}

#[test]
fn an_oplog_that_is_too_small_for_the_dump_is_told() {
    let Some(server) = MongoServer::start_with(&["--oplog-max-entries", "20"]) else { return };
    let server = Arc::new(server);
    server.insert("shop", "a", &[doc! { "_id": 1 }]);
    let connection = server.connect();
    let sink = FolderSink::new();
    let writer = Arc::clone(&server);
    sink.on_write(move |count| {
        if count == 0 {
            for n in 0..10 {
                let documents: Vec<Document> = (0..500).map(|m| doc! { "_id": n * 500 + m }).collect();
                writer.insert("shop", "much", &documents);
            }
        }
    });
    let error =
        capture(&connection, &sink, &CaptureOptions::default(), &Control::new(), &Silent).unwrap_err();
    assert_eq!(error.trouble, Trouble::Gap, "{error}");
    assert!(!sink.is_closed());
}

#[test]
fn a_collection_that_is_dropped_meanwhile_is_no_failure() {
    let Some(server) = MongoServer::start_new() else { return };
    let server = Arc::new(server);
    for collection in ["a", "b"] {
        server.insert("shop", collection, &[doc! { "_id": 1 }]);
    }
    let connection = server.connect();
    let sink = FolderSink::new();
    let writer = Arc::clone(&server);
    sink.on_write(move |count| {
        if count == 0 {
            let _ = writer.run("shop", doc! { "drop": "b" });
        }
    });
    let options = CaptureOptions { parallel: 1, ..CaptureOptions::default() };
    let manifest = capture(&connection, &sink, &options, &Control::new(), &Silent).unwrap();
    assert_eq!(manifest.counted("shop", "b").unwrap().documents, 0);
    let report = restored(&connection, &sink, &RestoreOptions { oplog: true, ..to_copy() }).unwrap();
    let names: Vec<&str> = report.restored.iter().map(|each| each.collection.as_str()).collect();
    assert_eq!(names, ["a"]);
}

#[test]
fn a_collection_that_was_renamed_just_before_is_no_failure_and_stays_when_the_oplog_is_replayed() {
    let Some(server) = MongoServer::start_new() else { return };
    server.insert("shop", "before", &[doc! { "_id": 1 }]);
    let _ = server.run("admin", doc! { "renameCollection": "shop.before", "to": "shop.after" });
    let connection = server.connect();
    let (sink, manifest) = captured(&connection, &CaptureOptions::default());
    assert_eq!(manifest.counted("shop", "after").unwrap().documents, 1);
    let report = restored(&connection, &sink, &RestoreOptions { oplog: true, ..to_copy() }).unwrap();
    let names: Vec<&str> = report.restored.iter().map(|each| each.collection.as_str()).collect();
    assert_eq!((names, sorted(&server, "copy", "after").len()), (vec!["after"], 1));
}

/// Entries as a server of MongoDB 5.0 or newer writes them; the tests' own server writes other updates.
fn entries_of_mongodb() -> Vec<Document> {
    let session = |n: u8| doc! { "id": Binary { subtype: BinarySubtype::Uuid, bytes: vec![n; 16] } };
    let insert = |id: i32| doc! { "op": "i", "ns": "shop.a", "o": { "_id": id } };
    let apply = |parts: Vec<Document>, more: Document| {
        let mut object = doc! { "applyOps": parts };
        object.extend(more);
        object
    };
    let command = |object: Document| doc! { "op": "c", "ns": "shop.$cmd", "o": object };
    let of_transaction = |number: u8, object: Document| {
        doc! { "op": "c", "ns": "admin.$cmd", "lsid": session(number), "txnNumber": 1_i64, "o": object }
    };
    vec![
        doc! { "op": "n", "ns": "", "o": { "msg": "periodic noop" } },
        doc! { "op": "u", "ns": "shop.a", "o": { "$v": 2, "diff": { "u": { "v": 2 }, "i": { "w": [1] }, "sin": { "d": { "x": false } } } }, "o2": { "_id": 1 } },
        doc! { "op": "u", "ns": "shop.a", "o": { "$v": 1, "$set": { "old": true }, "$unset": { "v": true } }, "o2": { "_id": 2 } },
        doc! { "op": "u", "ns": "shop.a", "o": { "_id": 3, "whole": 1 }, "o2": { "_id": 3 } },
        // Of a document that is deleted later, and so was never read.
        doc! { "op": "u", "ns": "shop.a", "o": { "$v": 2, "diff": { "u": { "v": 2 } } }, "o2": { "_id": 99 } },
        doc! { "op": "d", "ns": "shop.a", "o": { "_id": 4 } },
        doc! { "op": "i", "ns": "not.selected", "o": { "_id": 1 } },
        // In one, in parts, prepared and committed, and given up.
        of_transaction(1, apply(vec![insert(10), insert(11)], doc! {})),
        of_transaction(2, apply(vec![insert(20)], doc! { "partialTxn": true })),
        of_transaction(3, apply(vec![insert(30)], doc! { "prepare": true })),
        of_transaction(4, apply(vec![insert(40)], doc! { "prepare": true })),
        of_transaction(5, apply(vec![insert(50)], doc! { "partialTxn": true })),
        of_transaction(2, apply(vec![insert(21)], doc! { "count": 2_i64 })),
        of_transaction(
            3,
            doc! { "commitTransaction": 1, "commitTimestamp": Timestamp { time: 1, increment: 1 } },
        ),
        of_transaction(4, doc! { "abortTransaction": 1 }),
        command(doc! { "createIndexes": "a", "v": 2, "key": { "w": 1, "b": -1 }, "name": "w_b" }),
        command(
            doc! { "commitIndexBuild": "a", "indexes": [{ "v": 2, "key": { "s": 1 }, "name": "s" }, { "v": 2, "key": { "t": 1 }, "name": "t" }] },
        ),
        command(doc! { "dropIndexes": "a", "index": "s" }),
        command(doc! { "dropIndexes": "a", "index": "first" }),
        command(doc! { "collMod": "a", "index": { "name": "t", "expireAfterSeconds": 7200 } }),
        command(
            doc! { "create": "view", "viewOn": "a", "pipeline": [{ "$match": { "_id": { "$gte": 20 } } }] },
        ),
        command(doc! { "somethingNew": "a" }),
    ]
}

#[test]
fn operations_as_mongodb_writes_them_are_replayed() {
    let Some(server) = MongoServer::start_new() else { return };
    let documents = [
        doc! { "_id": 1, "v": 1, "in": { "x": 1, "y": 2 } },
        doc! { "_id": 2, "v": 1 },
        doc! { "_id": 3, "v": 1 },
        doc! { "_id": 4, "v": 1 },
    ];
    server.insert("shop", "a", &documents);
    let _ = server
        .run("shop", doc! { "createIndexes": "a", "indexes": [{ "key": { "f": 1 }, "name": "first" }] });
    let connection = server.connect();
    let (sink, manifest) = captured(&connection, &CaptureOptions::default());
    let end = manifest.oplog.unwrap().to;
    let mut oplog = Vec::new();
    let mut last = end;
    for (n, mut entry) in (1..).zip(entries_of_mongodb()) {
        last = Position { seconds: end.seconds + 1, counter: n };
        let _ = entry.insert("ts", Timestamp { time: last.seconds, increment: last.counter });
        entry.to_writer(&mut oplog).unwrap();
    }
    std::fs::write(sink.path().join("oplog.bson"), &oplog).unwrap();

    let report = restored(&connection, &sink, &RestoreOptions { oplog: true, ..to_copy() }).unwrap();
    assert_eq!(report.moment, Some(last));
    assert_eq!(report.warnings, ["the oplog's command somethingNew on shop.a is not known and was left out"]);
    let mut expected = vec![
        doc! { "_id": 1, "v": 2, "in": { "y": 2 }, "w": [1] },
        doc! { "_id": 2, "old": true },
        doc! { "_id": 3, "whole": 1 },
    ];
    expected.extend([10, 11, 20, 21, 30].map(|id| doc! { "_id": id }));
    let by_id = |document: &Document| document.get_i32("_id").unwrap();
    let mut there = server.documents("copy", "a");
    there.sort_by_key(by_id);
    assert_eq!(there, expected);
    let listed = super::listing(&server, "copy");
    let of_a = listed.iter().find(|each| each.get_str("name").unwrap() == "a").unwrap();
    let indexes: Vec<&Document> =
        of_a.get_array("indexes").unwrap().iter().filter_map(Bson::as_document).collect();
    let names: Vec<&str> = indexes.iter().map(|index| index.get_str("name").unwrap()).collect();
    assert_eq!(names, ["_id_", "t", "w_b"]);
    assert_eq!(indexes[1].get_i32("expireAfterSeconds").unwrap(), 7200);
    assert_eq!(sorted(&server, "copy", "view").len(), 3);

    // Only as far as it is asked for.
    let until = Position { seconds: end.seconds + 1, counter: 6 };
    let options = RestoreOptions {
        databases: vec![("shop".to_owned(), "until".to_owned())],
        oplog: true,
        until: Some(until),
        ..to_copy()
    };
    let report = restored(&connection, &sink, &options).unwrap();
    assert_eq!((report.moment, sorted(&server, "until", "a").len()), (Some(until), 3));

    // What is not understood ends it, and leaves nothing.
    for wrong in [
        doc! { "op": "u", "ns": "shop.a", "ts": Timestamp { time: u32::MAX, increment: 1 }, "o": { "$v": 2, "diff": { "what": 1 } }, "o2": { "_id": 1 } },
        doc! { "op": "u", "ns": "shop.a", "ts": Timestamp { time: u32::MAX, increment: 1 }, "o": { "a": 1 } },
        doc! { "op": "?", "ns": "shop.a", "ts": Timestamp { time: u32::MAX, increment: 1 }, "o": { "a": 1 } },
        doc! { "op": "i", "ns": "shop.a", "o": { "_id": 1 } },
    ] {
        let mut damaged = oplog.clone();
        wrong.to_writer(&mut damaged).unwrap();
        std::fs::write(sink.path().join("oplog.bson"), &damaged).unwrap();
        let options = RestoreOptions {
            databases: vec![("shop".to_owned(), "none".to_owned())],
            oplog: true,
            ..to_copy()
        };
        let error = restored(&connection, &sink, &options).unwrap_err();
        let is_unknown = error.to_string().contains("is not known");
        let trouble = if is_unknown { Trouble::Settings } else { Trouble::Damaged };
        assert_eq!((error.trouble, is_unknown), (trouble, wrong.to_string().contains("what")), "{error}");
        assert!(super::listing(&server, "none").is_empty());
    }
}

#[test]
fn what_cannot_be_replayed_is_told_when_it_is_shipped_and_before_anything_is_written() {
    let Some(server) = MongoServer::start_new() else { return };
    let documents: Vec<Document> = (0..5).map(|n| doc! { "_id": n }).collect();
    server.insert("shop", "a", &documents);
    server.insert("shop", "b", &documents);
    let connection = server.connect();
    let (sink, manifest) = captured(&connection, &CaptureOptions::default());
    let (control, base) = (Control::new(), manifest.oplog.unwrap().to);
    let mut shipper = Shipper::after(base);
    server.insert("shop", "b", &[doc! { "_id": 5 }]);
    let _ = server.run("shop", doc! { "delete": "a", "deletes": [{ "q": { "_id": 1 }, "limit": 1 }] });
    let first = shipper.next(&connection, SOON, &control).unwrap().unwrap();
    assert_eq!(first.cannot, None);
    std::thread::sleep(Duration::from_secs(2));
    // This server does not write it as MongoDB does.
    let all = doc! { "q": {}, "u": { "$set": { "x": 1 } }, "multi": true };
    let _ = server.run("shop", doc! { "update": "a", "updates": [all] });
    let second = Shipper::after(first.to).next(&connection, SOON, &control).unwrap().unwrap();
    let (at, why) = second.cannot.clone().unwrap();
    assert!(at > first.to && why.contains("updatedFields"), "{at}: {why}");
    let of_b = Selection { include: vec!["shop.b".to_owned()], ..Selection::all() };
    let other = Shipper::after(first.to).selecting(of_b.clone()).next(&connection, SOON, &control);
    assert_eq!(other.unwrap().unwrap().cannot, None);

    let segments = [first.clone(), second];
    let to = |until: Option<Position>| RestoreOptions {
        oplog: true,
        segments: opened(&segments),
        until,
        ..to_copy()
    };
    let end = connection_end(&connection);
    let error = restored(&connection, &sink, &to(None)).unwrap_err();
    assert_eq!(connection_end(&connection), end, "something was written");
    assert_eq!(error.trouble, Trouble::Settings, "{error}");
    for says in ["nothing was written", "shop.a", "updatedFields", "is the last moment"] {
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
    assert!(error.hint.contains("nothing that is stored is damaged"), "{}", error.hint);
    // What is before it comes back, with the number of documents after the replay, and so does what it is not of.
    let until = Position { seconds: at.seconds - 1, counter: u32::MAX };
    let report = restored(&connection, &sink, &to(Some(until))).unwrap();
    let numbers: Vec<_> = report.restored.iter().map(|each| (each.digest.documents, each.replayed)).collect();
    assert_eq!(numbers, [(5, Some(4)), (5, Some(6))]);
    let options = RestoreOptions {
        selection: of_b,
        databases: vec![("shop".to_owned(), "third".to_owned())],
        ..to(None)
    };
    let report = restored(&connection, &sink, &options).unwrap();
    assert_eq!((report.restored.len(), report.restored[0].replayed), (1, Some(6)));
}

/// The end of a server's oplog.
fn connection_end(connection: &Connection) -> (Position, Position) {
    probe(connection, None).unwrap().oplog.unwrap()
}
