//! `archive` with dumps of MongoDB, as a plan makes them and as `mongodump` does.

use std::path::PathBuf;
use std::sync::Arc;

use backstay_archive::ArchiveSink;
use backstay_archive::create::{Description, Settings};
use backstay_archive::crypt::{KeyPair, Recipients};
use backstay_archive::local::NewArchive;
use backstay_archive::manifest::{ArchiveId, Format, SourceFacts};
use backstay_core::{Control, CutHint, Meta, Silent, Sink, Timestamp};
use backstay_policy::BackupType;
use backstay_sources::mongodb::{CaptureOptions, capture};
use backstay_sources::testing::bson::{Document, doc};
use backstay_sources::testing::{MongoServer, mongo_tool};

use crate::world::World;

/// Makes an archive as a plan does; `fill` is the source.
fn make(world: &World, recipients: Option<Recipients>, fill: impl FnOnce(&dyn Sink)) -> PathBuf {
    let folder = world.path("out");
    std::fs::create_dir_all(&folder).unwrap();
    let settings = Settings { format: Format::Mongodump, recipients, ..Settings::plain_zip(folder.clone()) };
    let new = NewArchive::begin::<backstay_archive::ArchiveError>(&folder, &mut |_| {
        Ok(format!("shop{}", settings.extension()))
    })
    .unwrap();
    let description = Description {
        id: ArchiveId([3; 16]),
        name: new.name().to_owned(),
        created: Timestamp::utc(1_700_000_000, 0),
        backup_type: BackupType::Full,
        source: SourceFacts { kind: "mongodb".to_owned(), host: "db1".to_owned(), ..SourceFacts::default() },
        program: "backstay 0.1.0".to_owned(),
    };
    let (control, events) = (Control::new(), Arc::new(Silent));
    let sink =
        ArchiveSink::new(new.output().unwrap(), &settings, description, None, control, events).unwrap();
    fill(&sink);
    new.publish(&sink.finish().unwrap()).unwrap()
}

/// A dump of two collections.
fn shop(sink: &dyn Sink) {
    let root = sink.root().unwrap();
    let shop = root.folder(b"shop").unwrap();
    for name in ["orders", "people"] {
        let documents: Vec<u8> =
            (0..500).flat_map(|id| doc! { "_id": id, "in": name }.to_vec().unwrap()).collect();
        let metadata = format!(r#"{{"indexes":[],"collectionName":"{name}","type":"collection"}}"#);
        for (ending, content) in [("bson", documents), ("metadata.json", metadata.into_bytes())] {
            let mut pushed = shop.begin(format!("{name}.{ending}").as_bytes(), CutHint::ByContent).unwrap();
            pushed.write(&content).unwrap();
            let meta = Meta { size: content.len() as u64, permissions: 0o600, ..Meta::default() };
            pushed.finish(meta).unwrap();
        }
    }
    let meta = Meta { kind: backstay_core::EntryKind::Folder, permissions: 0o700, ..Meta::default() };
    shop.close(meta.clone()).unwrap();
    root.close(meta).unwrap();
}

#[test]
fn a_dump_is_listed_verified_extracted_and_deleted() {
    let world = World::without_settings();
    let archive = make(&world, None, shop);
    let name = archive.to_str().unwrap();
    assert!(name.ends_with("out/shop.archive.gz"), "{name}");
    world.run(["archive", "list", "out"]).succeeds().says("shop.archive.gz").says("full").says("1 archives");
    world
        .run(["archive", "list", name])
        .succeeds()
        .says("shop/orders.bson")
        .says("shop/people.metadata.json");
    world.run(["archive", "verify", "out"]).succeeds().says("4 files").says("no errors");
    let back = world.run(["archive", "extract", name, "--target", "back", "--json"]).succeeds();
    assert_eq!(back.message("summary")["files_restored"], 4);
    let files = world.contents("back");
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["shop/orders.bson", "shop/orders.metadata.json", "shop/people.bson", "shop/people.metadata.json"]
    );
    let first = Document::from_reader(&files["shop/people.bson"][..]).unwrap();
    assert_eq!(first, doc! { "_id": 0, "in": "people" });
    world.run(["archive", "extract", name, "--target", "some", "--include", "/shop/people.bson"]).succeeds();
    assert_eq!(world.contents("some").into_keys().collect::<Vec<_>>(), ["shop/people.bson"]);

    let whole = std::fs::read(&archive).unwrap();
    for damaged in [whole[..whole.len() / 2].to_vec(), [&whole[..200], &[0; 9], &whole[209..]].concat()] {
        std::fs::write(&archive, damaged).unwrap();
        world.run(["archive", "verify", "out"]).ends_with(1);
        world.run(["archive", "extract", name, "--target", "nothing"]).ends_with(1).complains("damaged");
        assert_eq!(world.contents("nothing").len(), 0);
    }
    world.run(["archive", "delete", name]).succeeds();
    assert_eq!(std::fs::read_dir(world.path("out")).unwrap().count(), 0);
}

#[test]
fn an_encrypted_dump_is_opened_by_its_identity() {
    let world = World::without_settings();
    let pair = KeyPair::generate();
    let recipients = Recipients::parse(&pair.recipient()).unwrap();
    let archive = make(&world, Some(recipients), shop);
    let name = archive.to_str().unwrap();
    assert!(name.ends_with(".archive.gz.age"), "{name}");
    pair.with_secret(|secret| world.file("identity.txt", secret));
    world.run(["archive", "list", name]).ends_with(1).complains("--identity-file");
    let opened = world.run(["archive", "list", name, "--identity-file", "identity.txt"]);
    opened.succeeds().says("shop/orders.bson");
    world.run(["archive", "verify", "out", "--identity-file", "identity.txt"]).succeeds().says("4 files");
}

#[test]
fn what_mongodump_makes_is_read_and_what_is_made_here_it_reads() {
    let Some(server) = MongoServer::start_new() else { return };
    let Some(mut mongodump) = mongo_tool("mongodump") else { return };
    let Some(mut mongorestore) = mongo_tool("mongorestore") else { return };
    let orders: Vec<_> = (0..2000).map(|id| doc! { "_id": id, "text": format!("order {id}") }).collect();
    server.insert("shop", "orders", &orders);
    server.insert("shop", "people", &[doc! { "_id": 1, "name": "Anna" }]);
    let world = World::without_settings();
    let theirs = world.at("theirs.archive.gz");
    mongodump.arg("--uri").arg(server.uri()).args(["--gzip", "--db", "shop"]);
    let dumped = mongodump.arg(format!("--archive={theirs}")).output().unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    world
        .run(["archive", "list", &theirs])
        .succeeds()
        .says("shop/orders.bson")
        .says("shop/people.metadata.json");
    world.run(["archive", "verify", &theirs]).succeeds().says("4 files");
    world.run(["archive", "extract", &theirs, "--target", "back"]).succeeds();
    let all: Vec<u8> = orders.iter().flat_map(|order| order.to_vec().unwrap()).collect();
    assert_eq!(world.contents("back")["shop/orders.bson"].len(), all.len());

    let ours = make(&world, None, |sink| {
        let options = CaptureOptions { users: false, ..CaptureOptions::default() };
        capture(&server.connect(), sink, &options, &Control::new(), &Silent).unwrap();
    });
    let _ = server.run("shop", doc! { "dropDatabase": 1 });
    // What `extract` makes is a dump in a folder.
    world.run(["archive", "extract", ours.to_str().unwrap(), "--target", "dump"]).succeeds();
    let dump = world.path("dump/shop");
    mongorestore.arg("--uri").arg(server.uri()).args(["--stopOnError", "--db", "shop", "--dir"]).arg(dump);
    let restored = mongorestore.output().unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    assert_eq!(server.documents("shop", "orders").len(), 2000);
    assert_eq!(server.documents("shop", "people").len(), 1);
}
