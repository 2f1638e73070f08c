//! What is captured comes back as it was.

use backstay_core::{Control, Silent};
use backstay_sources::mongodb::{
    CaptureOptions, EntriesDump, Existing, RestoreOptions, Selection, Trouble, Verify, restore,
};
use backstay_sources::testing::MongoServer;
use mongodb::bson::{Document, doc};

use super::{captured, fill, listing, restored, sorted, to_copy};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn every_type_option_and_index_comes_back() {
    let Some(server) = MongoServer::start_new() else { return };
    fill(&server, 2200);
    let connection = server.connect();
    let options = CaptureOptions {
        selection: Selection { include: names(&["shop"]), ..Selection::all() },
        ..CaptureOptions::default()
    };
    let (sink, manifest) = captured(&connection, &options);
    let files = sink.files();
    for file in [
        "backstay-mongodb.json",
        "oplog.bson",
        "shop/empty.bson",
        "shop/empty.metadata.json",
        "shop/few.metadata.json",
        "shop/odd%2Fname with.%25s \"q\" \t ü.bson",
        "shop/orders.bson",
    ] {
        assert!(files.iter().any(|name| name == file), "{file}: {files:#?}");
    }
    assert!(!files.iter().any(|name| name == "shop/few.bson" || name.starts_with("blog")), "{files:#?}");
    assert_eq!(manifest.counted("shop", "orders").unwrap().documents, 2200);
    assert_eq!(manifest.counted("shop", "empty").unwrap().documents, 0);
    assert!(sink.failed().is_empty());

    let report = restored(&connection, &sink, &to_copy()).unwrap();
    // This server forgets options when it renames; that they were there before is part of the restore.
    let expected = [
        "copy.empty lost its options validator, validationLevel when it was renamed",
        "copy.log lost its options capped, size, max when it was renamed",
        "copy.sorted lost its options collation when it was renamed",
    ];
    assert!(report.compared_documents && report.warnings == expected, "{report:?}");
    assert_eq!(report.restored.len(), 7);
    assert!(report.restored.iter().all(|each| each.agrees_with_manifest), "{report:#?}");
    assert_eq!(report.restored.iter().find(|each| each.collection == "orders").unwrap().indexes, 5);
    let without_options = |database: &str| {
        let mut all = listing(&server, database);
        all.iter_mut()
            .filter(|each| each.get_str("type").unwrap() != "view")
            .for_each(|each| drop(each.remove("options")));
        all
    };
    assert_eq!(without_options("copy"), without_options("shop"));
    for collection in ["orders", "types", "log", "few", "odd/name with.%s \"q\" \t ü"] {
        let (here, there) = (sorted(&server, "shop", collection), sorted(&server, "copy", collection));
        assert!(!here.is_empty());
        assert_eq!(here, there, "{collection}");
    }
    let in_order: Vec<i32> =
        server.documents("copy", "log").iter().map(|each| each.get_i32("_id").unwrap()).collect();
    assert_eq!(in_order, [8, 1, 7, 2, 6]);
}

#[test]
fn the_same_data_gives_the_same_bytes() {
    let Some(server) = MongoServer::start_new() else { return };
    let documents =
        |range: std::ops::Range<i32>| range.map(|n| doc! { "_id": n, "a": "b" }).collect::<Vec<Document>>();
    server.insert("shop", "up", &documents(0..300));
    let mut mixed = documents(0..300);
    mixed.reverse();
    server.insert("shop", "down", &mixed);
    let connection = server.connect();
    let (sink, manifest) = captured(&connection, &CaptureOptions::default());
    let read = |name: &str| std::fs::read(sink.path().join("shop").join(name)).unwrap();
    assert!(read("up.bson") == read("down.bson"));
    let (up, down) = (manifest.counted("shop", "up").unwrap(), manifest.counted("shop", "down").unwrap());
    assert_eq!((up.documents, &up.hash), (down.documents, &down.hash));
}

/// The name of a collection, how many documents it has, and how long each is.
type Shape = (&'static str, i32, fn(i32) -> usize);

#[test]
fn documents_of_any_size_come_once_and_in_order() {
    let Some(server) = MongoServer::start_new() else { return };
    // Answers hold many small documents, few large ones, and what they should hold is told by the first.
    let sizes: [Shape; 4] = [
        ("tiny", 5000, |_| 0),
        ("usual", 3000, |_| 400),
        ("large", 60, |_| 400_000),
        ("growing", 2000, |n| if n < 1500 { 10 } else { 40_000 }),
    ];
    for (name, count, size) in sizes {
        let documents: Vec<Document> =
            (0..count).map(|n| doc! { "_id": n, "text": "x".repeat(size(n)) }).collect();
        for some in documents.chunks(20) {
            server.insert("shop", name, some);
        }
    }
    let connection = server.connect();
    let options = CaptureOptions { oplog: false, ..CaptureOptions::default() };
    let (sink, manifest) = captured(&connection, &options);
    for (name, count, size) in sizes {
        assert_eq!(manifest.counted("shop", name).unwrap().documents, count as u64);
        let bytes = std::fs::read(sink.path().join(format!("shop/{name}.bson"))).unwrap();
        let mut rest = bytes.as_slice();
        for n in 0..count {
            let document = Document::from_reader(&mut rest).unwrap();
            assert!(document == doc! { "_id": n, "text": "x".repeat(size(n)) }, "{name} {n}");
        }
        assert!(rest.is_empty());
    }
}

#[test]
fn what_is_in_the_way_is_refused_or_put_aside_or_replaced() {
    let Some(server) = MongoServer::start_new() else { return };
    fill(&server, 10);
    let connection = server.connect();
    let (sink, _) = captured(&connection, &CaptureOptions::default());
    server.insert("shop", "orders", &[doc! { "_id": "new" }]);
    let before = listing(&server, "shop");

    let error = restored(&connection, &sink, &RestoreOptions::default()).unwrap_err();
    assert_eq!(error.trouble, Trouble::Exists, "{error}");
    assert!(error.to_string().contains("more, are there already"), "{error}");
    assert_eq!(listing(&server, "shop"), before);

    let only = Selection { include: names(&["shop.orders", "shop.few"]), ..Selection::all() };
    let at = backstay_core::Timestamp::utc(1_700_000_000, 0);
    let options = RestoreOptions {
        existing: Existing::PutAside,
        selection: only.clone(),
        at,
        ..RestoreOptions::default()
    };
    let report = restored(&connection, &sink, &options).unwrap();
    let aside =
        report.restored.iter().find(|each| each.collection == "orders").unwrap().put_aside.clone().unwrap();
    assert!(aside.starts_with("orders.backstay-old-20231114T221320Z-"), "{aside}");
    assert_eq!(server.documents("shop", &aside).len(), 11);
    assert_eq!(server.documents("shop", "orders").len(), 10);
    assert_eq!(server.documents("shop", "few").len(), 1);

    let options =
        RestoreOptions { existing: Existing::Replace, selection: only, ..RestoreOptions::default() };
    let report = restored(&connection, &sink, &options).unwrap();
    assert!(report.restored.iter().all(|each| each.put_aside.is_none()));
    let left: Vec<String> =
        listing(&server, "shop").iter().map(|each| each.get_str("name").unwrap().to_owned()).collect();
    assert_eq!(left.iter().filter(|name| name.contains("backstay")).count(), 2, "{left:?}");
}

#[test]
fn some_collections_come_back_under_other_names() {
    let Some(server) = MongoServer::start_new() else { return };
    fill(&server, 10);
    let connection = server.connect();
    let (sink, _) = captured(&connection, &CaptureOptions::default());
    let options = RestoreOptions {
        selection: Selection { include: names(&["shop.orders", "shop.few", "blog"]), ..Selection::all() },
        databases: vec![("blog".to_owned(), "journal".to_owned())],
        collections: vec![
            ("shop.orders".to_owned(), "old.sales".to_owned()),
            ("shop.few".to_owned(), "old.some".to_owned()),
        ],
        verify: Verify::Counts,
        ..RestoreOptions::default()
    };
    let report = restored(&connection, &sink, &options).unwrap();
    assert!(!report.compared_documents);
    assert_eq!(report.restored.len(), 3);
    assert_eq!(server.documents("old", "sales").len(), 10);
    assert_eq!(server.documents("journal", "posts").len(), 1);
    // The view names the collection as it is called now.
    assert_eq!(server.documents("old", "some"), server.documents("shop", "few"));

    let clash = RestoreOptions {
        collections: vec![
            ("shop.orders".to_owned(), "new.x".to_owned()),
            ("shop.types".to_owned(), "new.x".to_owned()),
        ],
        ..RestoreOptions::default()
    };
    assert_eq!(restored(&connection, &sink, &clash).unwrap_err().trouble, Trouble::Settings);
    let nothing = RestoreOptions {
        selection: Selection { include: names(&["nothing"]), ..Selection::all() },
        ..RestoreOptions::default()
    };
    assert_eq!(restored(&connection, &sink, &nothing).unwrap_err().trouble, Trouble::Settings);
}

#[test]
fn a_damaged_dump_leaves_nothing_behind() {
    let Some(server) = MongoServer::start_new() else { return };
    fill(&server, 1200);
    let connection = server.connect();
    let (sink, _) = captured(&connection, &CaptureOptions::default());
    let path = sink.path().join("shop/orders.bson");
    let whole = std::fs::read(&path).unwrap();
    let at = whole.windows(10).position(|window| window == b"order 1100").unwrap();
    let mut changed = whole.clone();
    changed[at] ^= 1;
    let first = 4 + whole.len() / 2;
    for (damaged, trouble, says) in [
        (whole[..whole.len() - 7].to_vec(), Trouble::Damaged, "in the middle of a document"),
        (changed, Trouble::Damaged, "were captured"),
        ([&whole[..], &[255, 255, 255, 127, 0]].concat(), Trouble::Damaged, "is said to follow"),
        ([&whole[..], &whole[..]].concat(), Trouble::Damaged, "E11000"),
        (whole[..first].to_vec(), Trouble::Damaged, "middle"),
    ] {
        std::fs::write(&path, damaged).unwrap();
        let error = restored(&connection, &sink, &to_copy()).unwrap_err();
        assert_eq!(error.trouble, trouble, "{error}");
        assert!(
            error.to_string().contains(says) || says == "E11000" && error.to_string().contains("11000"),
            "{error}"
        );
        assert!(listing(&server, "copy").is_empty(), "{:#?}", listing(&server, "copy"));
    }
    std::fs::write(&path, &whole).unwrap();
    std::fs::remove_file(sink.path().join("shop/log.bson")).unwrap();
    assert_eq!(EntriesDump::of_folder(sink.path()).map(drop).unwrap_err().trouble, Trouble::Damaged);
}

#[test]
fn a_cancelled_restore_leaves_nothing_behind_and_what_was_there_in_place() {
    let Some(server) = MongoServer::start_new() else { return };
    fill(&server, 3200);
    let connection = server.connect();
    let (sink, _) = captured(&connection, &CaptureOptions::default());
    let before = listing(&server, "shop");
    struct After(Control, std::sync::atomic::AtomicU32);
    impl backstay_core::Events for After {
        fn bytes_done(&self, _: u64) {
            if self.1.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 1 {
                self.0.cancel();
            }
        }
    }
    let control = Control::new();
    let events = After(control.clone(), 0.into());
    let dump = Box::new(EntriesDump::of_folder(sink.path()).unwrap());
    let options = RestoreOptions { existing: Existing::Replace, ..RestoreOptions::default() };
    let error = restore(&connection, dump, &options, &control, &events).unwrap_err();
    assert_eq!(error.trouble, Trouble::Interrupted, "{error}");
    assert_eq!(listing(&server, "shop"), before);
    assert_eq!(server.documents("shop", "orders").len(), 3200);
    let dump = Box::new(EntriesDump::of_folder(sink.path()).unwrap());
    assert!(restore(&connection, dump, &options, &Control::new(), &Silent).is_ok());
}

#[test]
fn users_are_captured_and_a_server_that_cannot_merge_them_is_left_as_it_was() {
    let Some(server) = MongoServer::start_new() else { return };
    server.insert("shop", "a", &[doc! { "_id": 1 }]);
    let roles = vec![doc! { "role": "read", "db": "shop" }];
    let _ = server.run("admin", doc! { "createUser": "bob", "pwd": "of a test", "roles": roles });
    let connection = server.connect();
    let (sink, manifest) = captured(&connection, &CaptureOptions::default());
    assert!(manifest.has_users);
    assert_eq!(manifest.counted("admin", "system.users").unwrap().documents, 1);
    assert!(sink.files().contains(&"admin/system.users.bson".to_owned()));
    let error = restored(&connection, &sink, &RestoreOptions { users: true, ..to_copy() }).unwrap_err();
    assert!(error.to_string().contains("merging users and roles"), "{error}");
    assert!(listing(&server, "copy").is_empty());
    let left = listing(&server, "admin");
    assert!(!left.iter().any(|each| each.get_str("name").unwrap().contains("backstay")), "{left:?}");
    assert!(restored(&connection, &sink, &to_copy()).is_ok());
}

#[test]
fn metadata_that_says_more_than_it_should_does_nothing() {
    let Some(server) = MongoServer::start_new() else { return };
    server.insert("shop", "a", &[doc! { "_id": 1 }]);
    let connection = server.connect();
    let (sink, _) = captured(&connection, &CaptureOptions::default());
    let path = sink.path().join("shop/a.metadata.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let options =
        r#"{"options":{"create":"elsewhere","$db":"admin","drop":"a","validator":{"b":{"$exists":true}}},"#;
    std::fs::write(&path, text.replacen('{', options, 1)).unwrap();
    let _ = restored(&connection, &sink, &to_copy()).unwrap();
    let names: Vec<String> =
        listing(&server, "copy").iter().map(|each| each.get_str("name").unwrap().to_owned()).collect();
    assert_eq!(names, ["a"]);
    for broken in ["{\"options\":", "[]", "{\"indexes\":[7]}"] {
        std::fs::write(&path, broken).unwrap();
        let error = EntriesDump::of_folder(sink.path()).map(drop).unwrap_err();
        assert!(error.to_string().contains("shop.a"), "{error}");
    }
}
