//! Archives, between this program and MongoDB's own.

use std::fs::File;
use std::process::Command;
use std::sync::Arc;

use backstay_archive::ArchiveSink;
use backstay_archive::create::{Description, Settings};
use backstay_archive::manifest::{ArchiveId, Compression, Format, SourceFacts};
use backstay_core::{Control, Silent, Timestamp};
use backstay_policy::BackupType;
use backstay_sources::mongodb::{
    ArchiveDump, CaptureOptions, Connection, Manifest, RestoreOptions, Selection, capture, restore,
};
use backstay_sources::testing::{MongoServer, mongo_tool};
use tempfile::NamedTempFile;

use super::{fill, sorted, to_copy};

/// Everything but users, which this server cannot merge.
fn without_users() -> CaptureOptions {
    CaptureOptions { users: false, ..CaptureOptions::default() }
}

pub(super) fn archived(connection: &Connection, options: &CaptureOptions) -> (NamedTempFile, Manifest) {
    let file = NamedTempFile::new().unwrap();
    let (format, compression) = (Format::Mongodump, Compression::Deflate);
    let settings = Settings { format, compression, ..Settings::plain_zip(std::env::temp_dir()) };
    let description = Description {
        id: ArchiveId([7; 16]),
        name: "shop.archive.gz".to_owned(),
        created: Timestamp::default(),
        backup_type: BackupType::Full,
        source: SourceFacts {
            server_version: Some(connection.version().to_owned()),
            ..SourceFacts::default()
        },
        program: "backstay 0.1.0".to_owned(),
    };
    let output = Box::new(file.reopen().unwrap());
    let (control, events) = (Control::new(), Arc::new(Silent));
    let sink = ArchiveSink::new(output, &settings, description, None, control, events).unwrap();
    let manifest = capture(connection, &sink, options, &Control::new(), &Silent).unwrap();
    assert_eq!(sink.finish().unwrap().failed(), 0);
    (file, manifest)
}

pub(super) fn run(mut command: Command) -> String {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    told
}

const COLLECTIONS: [&str; 4] = ["orders", "types", "log", "odd/name with.%s \"q\" \t ü"];

#[test]
fn an_archive_is_read_as_it_was_written() {
    let Some(server) = MongoServer::start_new() else { return };
    fill(&server, 1200);
    let connection = server.connect();
    let (file, manifest) = archived(&connection, &without_users());
    let dump = ArchiveDump::open(file.reopen().unwrap(), Some(manifest)).unwrap();
    assert!(dump.header().tool_version.starts_with("backstay"));
    let report = restore(&connection, Box::new(dump), &to_copy(), &Control::new(), &Silent).unwrap();
    assert_eq!(report.restored.len(), 7);
    assert!(report.compared_documents);
    for each in &report.restored {
        assert!(each.agrees_with_manifest, "{}", each.collection);
    }
    for collection in COLLECTIONS {
        assert_eq!(sorted(&server, "copy", collection), sorted(&server, "shop", collection), "{collection}");
    }
    assert_eq!(sorted(&server, "copy", "few"), sorted(&server, "shop", "few"));
}

#[test]
fn mongorestore_reads_what_is_written_here() {
    let Some(server) = MongoServer::start_new() else { return };
    let Some(target) = MongoServer::start_new() else { return };
    fill(&server, 1200);
    let Some(mut mongorestore) = mongo_tool("mongorestore") else { return };
    let (file, _) = archived(&server.connect(), &without_users());
    let _ = mongorestore.arg("--uri").arg(target.uri()).args(["--drop", "--stopOnError", "--gzip"]);
    let _ = mongorestore.arg(format!("--archive={}", file.path().display()));
    let told = run(mongorestore);
    assert!(told.contains("0 document(s) failed to restore"), "{told}");
    for collection in COLLECTIONS {
        assert_eq!(sorted(&target, "shop", collection), sorted(&server, "shop", collection), "{collection}");
    }
    assert_eq!(super::listing(&target, "shop"), super::listing(&server, "shop"));
    assert_eq!(sorted(&target, "blog", "posts").len(), 1);
}

#[test]
fn what_mongodump_wrote_is_read_here() {
    let Some(server) = MongoServer::start_new() else { return };
    fill(&server, 1200);
    let connection = server.connect();
    for is_gzip in [true, false] {
        let Some(mut mongodump) = mongo_tool("mongodump") else { return };
        let file = NamedTempFile::new().unwrap();
        let _ = mongodump.arg("--uri").arg(server.uri()).arg(format!("--archive={}", file.path().display()));
        if is_gzip {
            let _ = mongodump.arg("--gzip");
        }
        let _ = run(mongodump);
        let dump = ArchiveDump::open(File::open(file.path()).unwrap(), None).unwrap();
        let database = if is_gzip { "zipped" } else { "plain" };
        let options =
            RestoreOptions { databases: vec![("shop".to_owned(), database.to_owned())], ..to_copy() };
        let report = restore(&connection, Box::new(dump), &options, &Control::new(), &Silent).unwrap();
        assert_eq!(report.restored.len(), 7, "{report:#?}");
        for collection in COLLECTIONS {
            assert_eq!(
                sorted(&server, database, collection),
                sorted(&server, "shop", collection),
                "{collection}"
            );
        }
    }
}

#[test]
fn the_oplog_of_mongodump_is_replayed() {
    let Some(server) = MongoServer::start_new() else { return };
    fill(&server, 10);
    let Some(mut mongodump) = mongo_tool("mongodump") else { return };
    let file = NamedTempFile::new().unwrap();
    let _ = mongodump
        .arg("--uri")
        .arg(server.uri())
        .arg("--oplog")
        .arg(format!("--archive={}", file.path().display()));
    let _ = run(mongodump);
    let dump = Box::new(ArchiveDump::open(File::open(file.path()).unwrap(), None).unwrap());
    let options = RestoreOptions { oplog: true, ..to_copy() };
    let report = restore(&server.connect(), dump, &options, &Control::new(), &Silent).unwrap();
    assert!(report.moment.is_some(), "{report:?}");
    assert_eq!(sorted(&server, "copy", "orders"), sorted(&server, "shop", "orders"));
}

#[test]
fn a_folder_of_mongodump_is_read_here() {
    let Some(server) = MongoServer::start_new() else { return };
    fill(&server, 1000);
    let Some(mut mongodump) = mongo_tool("mongodump") else { return };
    let folder = tempfile::tempdir().unwrap();
    let _ = mongodump.arg("--uri").arg(server.uri()).arg("--out").arg(folder.path());
    let _ = run(mongodump);
    let dump = backstay_sources::mongodb::EntriesDump::of_folder(folder.path()).unwrap();
    let report = restore(&server.connect(), Box::new(dump), &to_copy(), &Control::new(), &Silent).unwrap();
    assert_eq!(report.restored.len(), 7, "{report:#?}");
    for collection in COLLECTIONS {
        assert_eq!(sorted(&server, "copy", collection), sorted(&server, "shop", collection), "{collection}");
    }
}

#[test]
fn a_damaged_archive_leaves_nothing_behind() {
    let Some(server) = MongoServer::start_new() else { return };
    fill(&server, 1200);
    let Some(mut mongodump) = mongo_tool("mongodump") else { return };
    let file = NamedTempFile::new().unwrap();
    let _ = mongodump.arg("--uri").arg(server.uri()).arg(format!("--archive={}", file.path().display()));
    let _ = run(mongodump);
    let connection = server.connect();
    let whole = std::fs::read(file.path()).unwrap();
    let at = whole.windows(10).position(|window| window == b"order 1100").unwrap();
    let mut changed = whole.clone();
    changed[at] ^= 1;
    for (archive, says) in
        [(changed, "checksum of shop.orders"), (whole[..at].to_vec(), "ends in the middle")]
    {
        let dump = ArchiveDump::open(std::io::Cursor::new(archive), None).unwrap();
        let error = restore(&connection, Box::new(dump), &to_copy(), &Control::new(), &Silent).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(super::listing(&server, "copy").is_empty());
    }
}

#[test]
fn a_selection_is_archived_alone() {
    let Some(server) = MongoServer::start_new() else { return };
    fill(&server, 10);
    let selection = Selection { include: vec!["blog".to_owned(), "shop.log".to_owned()], ..Selection::all() };
    let options = CaptureOptions { selection, oplog: false, ..CaptureOptions::default() };
    let (file, _) = archived(&server.connect(), &options);
    let dump = ArchiveDump::open(file.reopen().unwrap(), None).unwrap();
    let mut names: Vec<String> =
        dump.collections().iter().map(backstay_sources::mongodb::Collection::full_name).collect();
    names.sort();
    assert_eq!(names, ["blog.posts", "shop.log"]);
}
