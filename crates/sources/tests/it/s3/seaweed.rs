//! The same with SeaweedFS, a service that others wrote. Passed over where it is not installed (`cargo xtask test --peers=all`).

use backstay_net::testing::Seaweed;

use super::restore::{keeping, put, removes_others};
use super::*;

/// It keeps no empty part of a key, and takes the backslash for a slash unless it is started with `-s3.allowBackslashInKey`.
fn is_kept_as_it_is(key: &str) -> bool {
    !key.contains("//") && !key.starts_with('/') && !key.contains('\\')
}

#[test]
fn a_bucket_of_seaweedfs_comes_back_as_it_was() {
    let Some(server) = Seaweed::start() else { return };
    let (vault, spool) = (vault(), tempfile::tempdir().unwrap());
    let keys: Vec<_> = ODD_KEYS.into_iter().filter(|key| is_kept_as_it_is(key)).collect();
    odd_bucket(&*server, "odd", &keys);
    let number = keys.len() as u64 + 3;
    let first = vault.take(&whole(&*server, "odd"), None);
    assert_eq!(first.report.files, number);
    let second = vault.take(&whole(&*server, "odd"), Some(&first));
    assert_eq!(
        (second.outcome.summary.files_unmodified, second.tree == first.tree),
        (number, true),
        "nothing changed"
    );

    server.make_bucket("other", Keeps::ObjectsAlone);
    let tree = vault.bucket_tree(&first, "odd");
    let (report, restored, heard) =
        vault.restore(tree, &bucket(&*server, "other"), into(spool.path(), ""), all());
    assert_eq!(heard.failures(), [""; 0]);
    assert_eq!((report.failures, restored.written, restored.verified), (0, number, number));
    let (there, here) = (objects(&*server, "odd"), objects(&*server, "other"));
    assert_eq!(there["rich"].1, rich());
    assert_eq!(here, there);
    let (_, restored, _) = vault.restore(tree, &bucket(&*server, "other"), into(spool.path(), ""), all());
    assert_eq!((restored.written, restored.unchanged), (0, number));

    server.put("odd", "a-b", b"changed".to_vec(), Attributes::default());
    server.put("odd", "new", b"new".to_vec(), Attributes::default());
    server.delete("odd", "a");
    let third = vault.take(&whole(&*server, "odd"), Some(&second));
    let summary = &third.outcome.summary;
    assert_eq!((summary.files_new, summary.files_changed, summary.files_unmodified), (1, 1, number - 2));
    let tree = vault.bucket_tree(&third, "odd");
    let options = TargetOptions {
        remove: vec![backstay_sources::s3::restore::Extra::Prefix(String::new())],
        ..keeping(spool.path())
    };
    let (_, restored, heard) = vault.restore(tree, &bucket(&*server, "other"), options, all());
    assert_eq!((heard.failures(), restored.replaced, restored.removed), (Vec::new(), 1, 1));
    assert_eq!(objects(&*server, "other"), objects(&*server, "odd"));
}

/// Its answer to a write is a success, whatever becomes of the key: that an object is not where it should be is found in the listing.
#[test]
fn what_seaweedfs_does_not_keep_as_it_is_is_told() {
    let (Some(server), memory) = (Seaweed::start(), S3Server::start()) else { return };
    let (vault, spool) = (vault(), tempfile::tempdir().unwrap());
    odd_bucket(&memory, "odd", &ODD_KEYS);
    let taken = vault.take(&whole(&memory, "odd"), None);
    let tree = vault.bucket_tree(&taken, "odd");
    server.make_bucket("other", Keeps::ObjectsAlone);
    let (_, restored, heard) = vault.restore(tree, &bucket(&*server, "other"), into(spool.path(), ""), all());
    let (failures, here) = (heard.failures(), objects(&*server, "other"));
    for (key, object) in objects(&memory, "odd") {
        let is_told = failures.iter().any(|failure| failure.starts_with(&format!("{}: ", key)));
        let is_right = here.get(&key).is_some_and(|there| there.0 == object.0);
        assert!(is_told != is_right, "{key}: {failures:#?}");
        assert!(is_right || !is_kept_as_it_is(&key) || ["a/b", "x/"].contains(&key.as_str()), "{key}");
    }
    assert_eq!(restored.failures, failures.len() as u64);
}

#[test]
fn seaweedfs_gives_up_what_is_not_in_the_snapshot() {
    let Some(server) = Seaweed::start() else { return };
    removes_others(&*server);
}

#[test]
fn a_bucket_of_versions_is_taken_as_it_is_now_and_what_is_replaced_stays_in_it() {
    let Some(server) = Seaweed::start() else { return };
    let (vault, spool) = (vault(), tempfile::tempdir().unwrap());
    server.make_bucket("kept", Keeps::Versions);
    for content in ["first", "second"] {
        for key in ["a", "a/b", "gone"] {
            server.put("kept", key, content.into(), Attributes::default());
        }
    }
    server.delete("kept", "gone");
    let taken = vault.take(&whole(&*server, "kept"), None);
    assert_eq!(taken.report.files, 2, "what was deleted is no object any more");
    let tree = vault.bucket_tree(&taken, "kept");
    let trees = TreeCache::new(&vault.repository, vault.repository.load_index().unwrap());
    let bucket_tree = trees.tree(&tree).unwrap();
    let node = bucket_tree.find(b"a%").unwrap();
    let version = node.meta.xattrs.iter().find(|one| one.name == "user.s3.version-id").unwrap();
    let versions = server.versions("kept");
    let newest = versions.objects.iter().find(|it| it.key == "a" && it.is_latest).unwrap();
    assert_eq!(version.value, newest.version_id.as_bytes());
    assert_eq!((versions.objects.len(), versions.markers.len()), (6, 1));

    server.put("kept", "a", b"third".to_vec(), Attributes::default());
    let (_, restored, heard) = vault.restore(tree, &bucket(&*server, "kept"), keeping(spool.path()), all());
    assert_eq!((heard.failures(), restored.replaced, restored.unchanged), (Vec::new(), 1, 1));
    assert_eq!(server.get("kept", "a").unwrap().bytes, "second");
    // What was replaced is an earlier version, and no copy beside.
    assert_eq!(server.versions("kept").objects.iter().filter(|it| it.key == "a").count(), 4);
    assert_eq!(server.keys("kept"), ["a", "a/b"]);
}

#[test]
fn long_objects_and_long_listings_of_seaweedfs_are_read_to_their_end() {
    let Some(server) = Seaweed::start() else { return };
    let (vault, spool) = (vault_of(ChunkSizes::default(), 16 << 20), tempfile::tempdir().unwrap());
    put(&*server, "from", &[]);
    // Pages end within folders and between; a slash comes behind a hyphen and before a digit.
    let keys: Vec<String> =
        (0..2200).map(|n| format!("k{:02}{}x{n}", n % 20, ["/", "-", "0", "/y/"][n % 4])).collect();
    for key in &keys {
        server.put("from", key, key.clone().into_bytes(), Attributes::default());
    }
    let long: Vec<u8> = (0..70_u32 << 18).flat_map(u32::to_le_bytes).collect();
    server.put("from", "long", long.clone(), rich());
    let taken = vault.take(&whole(&*server, "from"), None);
    assert_eq!(taken.report.files, 2201);
    let tree = vault.bucket_tree(&taken, "from");
    put(&*server, "target", &[]);
    let (_, restored, heard) =
        vault.restore(tree, &bucket(&*server, "target"), into(spool.path(), ""), all());
    assert_eq!((heard.failures(), restored.verified), (Vec::new(), 2201));
    assert_eq!(server.keys("target"), server.keys("from"));
    let object = server.get("target", "long").unwrap();
    assert!(object.bytes == long && object.attributes == rich());
    assert!(object.etag.ends_with("-3"), "{}", object.etag);
}
