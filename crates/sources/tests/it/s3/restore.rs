//! What becomes of objects that are in the way, and of what a restore finds.

use backstay_sources::s3::restore::Extra;

use super::*;

const ASIDE: &str = ".backstay-replaced/now/";

pub(super) fn put(server: &dyn AnyService, name: &str, objects: &[(&str, &str)]) {
    server.make_bucket(name, Keeps::ObjectsAlone);
    for (key, content) in objects {
        server.put(name, key, content.as_bytes().to_vec(), Attributes::default());
    }
}

pub(super) fn keeping(spool: &Path) -> TargetOptions {
    TargetOptions { aside: Some(ASIDE.to_owned()), ..into(spool, "") }
}

#[test]
fn what_is_there_already_is_left_and_what_is_replaced_goes_only_when_all_is_right() {
    let (server, vault, spool) = (S3Server::start(), vault(), tempfile::tempdir().unwrap());
    put(&server, "from", &[("same", "same"), ("other", "old"), ("gone", "gone")]);
    let taken = vault.take(&whole(&server, "from"), None);
    let tree = vault.bucket_tree(&taken, "from");
    server.put("from", "other", b"new".to_vec(), Attributes::default());
    server.erase("from", "gone");
    server.forget_counts();
    let (_, restored, _) = vault.restore(tree, &bucket(&server, "from"), keeping(spool.path()), all());
    assert_eq!((restored.written, restored.unchanged, restored.replaced, restored.verified), (2, 1, 1, 2));
    assert_eq!(restored.kept_at, None);
    assert_eq!((server.count("PutObject"), server.count("CopyObject")), (2, 1));
    assert_eq!(server.keys("from"), ["gone", "other", "same"]);
    assert_eq!(server.get("from", "other").unwrap().bytes, "old");

    // What differs in what belongs to it is written again.
    let changed = Attributes { content_type: Some("text/x".to_owned()), ..Attributes::default() };
    server.put("from", "same", b"same".to_vec(), changed);
    let (_, restored, _) = vault.restore(tree, &bucket(&server, "from"), keeping(spool.path()), all());
    assert_eq!((restored.written, restored.unchanged), (1, 2));
}

#[test]
fn what_was_replaced_stays_beside_when_something_fails() {
    let (server, vault, spool) = (S3Server::start(), vault(), tempfile::tempdir().unwrap());
    put(&server, "from", &[("a", "old"), ("b", "old")]);
    let taken = vault.take(&whole(&server, "from"), None);
    let tree = vault.bucket_tree(&taken, "from");
    for key in ["a", "b"] {
        server.put("from", key, b"new".to_vec(), Attributes::default());
    }
    // One of the two is changed by somebody else before the end.
    let buckets = server.buckets();
    let lists = Mutex::new(0);
    server.hook(move |asked, _| {
        let mut lists = lists.lock().unwrap();
        if asked.operation == "ListObjectsV2" {
            *lists += 1;
            if *lists == 3 {
                buckets.change("from", "b", |object| object.etag = "another".to_owned());
            }
        }
    });
    let (_, restored, heard) = vault.restore(tree, &bucket(&server, "from"), keeping(spool.path()), all());
    assert_eq!((restored.verified, restored.failures), (1, 1), "{:?}", heard.failures());
    assert_eq!(restored.kept_at.as_deref(), Some(ASIDE));
    assert_eq!(server.get("from", &format!("{ASIDE}a")).unwrap().bytes, "new");
    assert!(heard.failures()[0].contains("somebody else"), "{:?}", heard.failures());
}

#[test]
fn a_bucket_that_keeps_versions_needs_no_copies() {
    let (server, vault, spool) = (S3Server::start(), vault(), tempfile::tempdir().unwrap());
    server.create_bucket_of_versions("from");
    server.put("from", "a", b"old".to_vec(), Attributes::default());
    let taken = vault.take(&whole(&server, "from"), None);
    server.put("from", "a", b"new".to_vec(), Attributes::default());
    let tree = vault.bucket_tree(&taken, "from");
    let (_, restored, _) = vault.restore(tree, &bucket(&server, "from"), keeping(spool.path()), all());
    assert_eq!((restored.replaced, server.count("CopyObject")), (1, 0));
    assert_eq!(server.get("from", "a").unwrap().bytes, "old");
}

#[test]
fn what_is_not_in_the_snapshot_is_removed_when_that_is_asked_for() {
    removes_others(&S3Server::start());
}

pub(super) fn removes_others(server: &dyn AnyService) {
    let (vault, spool) = (vault(), tempfile::tempdir().unwrap());
    put(server, "from", &[("a", "a"), ("d/x", "x")]);
    let taken = vault.take(&whole(server, "from"), None);
    let tree = vault.bucket_tree(&taken, "from");
    put(server, "target", &[("a/b", "1"), ("d/y", "2"), ("e/f/g", "3"), ("z", "4")]);
    let options = |extra| TargetOptions { remove: vec![extra], ..keeping(spool.path()) };
    let folder = options(Extra::Prefix("d/".to_owned()));
    let (_, restored, heard) = vault.restore(tree, &bucket(server, "target"), folder, all());
    assert_eq!((heard.failures(), restored.verified, restored.removed), (Vec::new(), 2, 1));
    assert_eq!(server.keys("target"), ["a", "a/b", "d/x", "e/f/g", "z"]);
    let one = options(Extra::Key("e".to_owned()));
    let (_, restored, _) = vault.restore(tree, &bucket(server, "target"), one, all());
    assert_eq!(restored.removed, 0);
    // What an earlier restore has put aside is no part of it.
    let earlier = ".backstay-replaced/earlier/x";
    server.put("target", earlier, b"x".to_vec(), Attributes::default());
    let whole = options(Extra::Prefix(String::new()));
    let (_, restored, heard) = vault.restore(tree, &bucket(server, "target"), whole, all());
    assert_eq!((heard.failures(), restored.unchanged, restored.removed), (Vec::new(), 2, 3));
    assert_eq!(server.keys("target"), [earlier, "a", "d/x"]);
}

#[test]
fn nothing_is_removed_and_copies_stay_when_something_failed_before() {
    let (server, vault, spool) = (S3Server::start(), vault(), tempfile::tempdir().unwrap());
    put(&server, "from", &[("a", "old")]);
    let taken = vault.take(&whole(&server, "from"), None);
    let tree = vault.bucket_tree(&taken, "from");
    put(&server, "target", &[("a", "new"), ("z", "z")]);
    let options = TargetOptions { remove: vec![Extra::Prefix(String::new())], ..keeping(spool.path()) };
    let events: Arc<dyn Events> = Arc::new(Heard::default());
    let target = BucketTarget::open(&bucket(&server, "target"), options, &vault.control, &events).unwrap();
    let index = vault.repository.load_index().unwrap();
    restore(&vault.repository, &index, tree, &target, &|_, _| Selected::ALL, all(), &*events).unwrap();
    let restored = target.finish(1).unwrap();
    assert_eq!((restored.removed, restored.kept_at.as_deref()), (0, Some(ASIDE)));
    assert_eq!(server.keys("target"), [format!("{ASIDE}a").as_str(), "a", "z"]);

    // Another try keeps the original that is put aside, and lets go of it when all is right.
    server.put("target", "a", b"newer".to_vec(), Attributes::default());
    let (_, restored, _) = vault.restore(tree, &bucket(&server, "target"), keeping(spool.path()), all());
    assert_eq!((restored.replaced, server.count("CopyObject")), (1, 1));
    assert_eq!(server.keys("target"), ["a", "z"]);
}

#[test]
fn objects_that_are_there_are_left_alone_when_that_is_asked_for() {
    let (server, vault, spool) = (S3Server::start(), vault(), tempfile::tempdir().unwrap());
    put(&server, "from", &[("a", "old"), ("b", "old")]);
    let taken = vault.take(&whole(&server, "from"), None);
    let tree = vault.bucket_tree(&taken, "from");
    put(&server, "target", &[("a", "new")]);
    let how = RestoreOptions { overwrite: Overwrite::Never, ..RestoreOptions::default() };
    let options = TargetOptions { shows_existing: true, ..into(spool.path(), "") };
    let (report, restored, _) = vault.restore(tree, &bucket(&server, "target"), options, how);
    assert_eq!((report.files_skipped, restored.written), (1, 1));
    assert_eq!(server.get("target", "a").unwrap().bytes, "new");
}

#[test]
fn long_objects_go_in_parts_and_are_proven_by_them() {
    let (server, vault, spool) =
        (S3Server::start(), vault_of(ChunkSizes::default(), 16 << 20), tempfile::tempdir().unwrap());
    let long: Vec<u8> = (0..70_u32 << 18).flat_map(u32::to_le_bytes).collect();
    put(&server, "from", &[]);
    server.put(
        "from",
        "long",
        long.clone(),
        Attributes { content_type: Some("x/y".into()), ..Attributes::default() },
    );
    let taken = vault.take(&whole(&server, "from"), None);
    let tree = vault.bucket_tree(&taken, "from");
    put(&server, "target", &[]);
    server.refuse_operation("UploadPart", "SlowDown", 1);
    let (_, restored, heard) = vault.restore(tree, &bucket(&server, "target"), into(spool.path(), ""), all());
    assert_eq!(heard.failures(), [""; 0]);
    assert_eq!((restored.verified, server.count("CompleteMultipartUpload")), (1, 1));
    let object = server.get("target", "long").unwrap();
    assert!(object.bytes == long && object.attributes.content_type.as_deref() == Some("x/y"));
    assert!(object.etag.ends_with("-3"), "{}", object.etag);
    assert_eq!((server.open_uploads("target"), server.count("GetObject")), (0, 1));
}

#[test]
fn older_objects_are_replaced_and_newer_ones_left_when_that_is_asked_for() {
    let (server, vault, spool) = (S3Server::start(), vault(), tempfile::tempdir().unwrap());
    put(&server, "from", &[("a", "from"), ("b", "from")]);
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    server.buckets().change("from", "a", |object| object.modified = later);
    let taken = vault.take(&whole(&server, "from"), None);
    let tree = vault.bucket_tree(&taken, "from");
    put(&server, "target", &[("a", "there"), ("b", "there")]);
    server.buckets().change("target", "b", |object| object.modified = later);
    let how = RestoreOptions { overwrite: Overwrite::IfNewer, ..RestoreOptions::default() };
    let options = TargetOptions { shows_existing: true, ..into(spool.path(), "") };
    let (_, restored, heard) = vault.restore(tree, &bucket(&server, "target"), options, how);
    assert_eq!((heard.failures(), restored.written), (Vec::new(), 1));
    assert_eq!(server.get("target", "a").unwrap().bytes, "from");
    assert_eq!(server.get("target", "b").unwrap().bytes, "there");
}
