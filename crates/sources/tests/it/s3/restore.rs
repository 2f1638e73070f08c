//! What becomes of objects that are in the way, and of what a restore finds.

use super::*;

const ASIDE: &str = ".backstay-replaced/now/";

fn put(server: &S3Server, name: &str, objects: &[(&str, &str)]) {
    server.create_bucket(name);
    for (key, content) in objects {
        server.put(name, key, content.as_bytes().to_vec(), Attributes::default());
    }
}

fn keeping(spool: &Path) -> TargetOptions {
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
    let (server, vault, spool) = (S3Server::start(), vault(), tempfile::tempdir().unwrap());
    put(&server, "from", &[("a", "a"), ("d/x", "x")]);
    let taken = vault.take(&whole(&server, "from"), None);
    let tree = vault.bucket_tree(&taken, "from");
    put(&server, "target", &[("a/b", "1"), ("d/y", "2"), ("e/f/g", "3"), ("z", "4")]);
    let options = |remove: &str| TargetOptions { remove: vec![remove.to_owned()], ..keeping(spool.path()) };
    let (_, restored, heard) = vault.restore(tree, &bucket(&server, "target"), options("d"), all());
    assert_eq!((heard.failures(), restored.verified, restored.removed), (Vec::new(), 2, 1));
    assert_eq!(server.keys("target"), ["a", "a/b", "d/x", "e/f/g", "z"]);
    let (_, restored, heard) = vault.restore(tree, &bucket(&server, "target"), options(""), all());
    assert_eq!((heard.failures(), restored.unchanged, restored.removed), (Vec::new(), 2, 3));
    assert_eq!(server.keys("target"), ["a", "d/x"]);
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
