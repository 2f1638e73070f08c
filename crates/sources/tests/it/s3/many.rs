//! A bucket of very many objects.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// As many as the benchmark `cargo xtask bench-services --objects 100000` backs up.
const OBJECTS: u64 = 100_000;

#[test]
fn very_many_objects_are_listed_kept_and_restored() {
    let (server, vault, spool) =
        (S3Server::start(), vault_of(ChunkSizes::RESTIC, 4 << 20), tempfile::tempdir().unwrap());
    // Some levels have many folders, some none; one folder has more objects than a page.
    let key = |number: u64| match number % 4 {
        0 => format!("flat-{number:06}"),
        1 => format!("folders/{:04}/{number:06}", number % 1000),
        2 => format!("one/{number:06}"),
        _ => format!("deep/{}/{}/{}/{number}", number % 3, number % 7, number % 11),
    };
    for number in 0..OBJECTS {
        server.put("many", &key(number), format!("object {number}").into_bytes(), Attributes::default());
    }
    server.forget_counts();
    let asked = Arc::new(Mutex::new(HashSet::new()));
    let again = Arc::new(AtomicU64::new(0));
    let (seen, twice) = (Arc::clone(&asked), Arc::clone(&again));
    server.hook(move |request, _| {
        if request.operation == "GetObject" && !seen.lock().unwrap().insert(request.key.clone()) {
            twice.fetch_add(1, Ordering::Relaxed);
        }
    });
    let first = vault.take(&whole(&server, "many"), None);
    assert_eq!(first.report.files, OBJECTS);
    assert_eq!((asked.lock().unwrap().len() as u64, again.load(Ordering::Relaxed)), (OBJECTS, 0));
    server.hook(|_, _| ());

    // When nothing has changed, lists are all that is asked for.
    server.forget_counts();
    let second = vault.take(&whole(&server, "many"), Some(&first));
    assert_eq!(second.tree, first.tree);
    let counts = server.counts();
    let lists = counts.get("ListObjectsV2").copied().unwrap_or(0);
    assert_eq!(counts.values().sum::<u64>(), lists, "{counts:?}");
    assert!(lists < OBJECTS / 8, "{lists}");

    server.create_bucket("other");
    let tree = vault.bucket_tree(&first, "many");
    let (report, restored, heard) =
        vault.restore(tree, &bucket(&server, "other"), into(spool.path(), ""), all());
    assert_eq!(heard.failures(), [""; 0]);
    assert_eq!((report.failures, restored.failures), (0, 0));
    assert_eq!((restored.written, restored.verified), (OBJECTS, OBJECTS));
    assert_eq!(server.keys("other"), server.keys("many"));
    for key in server.keys("many") {
        let (here, there) = (server.get("other", &key).unwrap(), server.get("many", &key).unwrap());
        assert_eq!(here.bytes, there.bytes, "{key}");
    }
}
