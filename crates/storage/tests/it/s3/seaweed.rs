//! The same with SeaweedFS, a service that others wrote. Passed over where it is not installed (`cargo xtask test --peers=all`).

use std::cell::Cell;
use std::sync::Mutex;
use std::time::SystemTime;

use backstay_core::{ErrorKind, FileKind, Storage};
use backstay_net::testing::{AnyService, Keeps, Seaweed};
use backstay_storage::s3::{Encryption, Lock, LockMode, S3, Settings};
use backstay_storage::testing::{archive_conformance, conformance};
use backstay_storage::{Http, Secret, archives};

use super::keeping::{DAY, key_of, pack, write_all};
use super::{NONE, failures};

fn open(server: &Seaweed, bucket: &str, prefix: &str, change: impl FnOnce(&mut Settings)) -> S3 {
    let mut settings = server.settings();
    change(&mut settings);
    S3::new(&server.address(bucket, prefix), &settings, &Http::default(), None).unwrap()
}

/// A week's lock of this mode.
fn week(mode: LockMode) -> impl Fn(&mut Settings) {
    move |settings| settings.lock = Some(Lock { mode, days: 7 })
}

#[test]
fn seaweedfs_conforms_plain_and_with_locks_and_encryption() {
    let Some(server) = Seaweed::start() else { return };
    let number = Mutex::new(0);
    let next = || {
        let mut number = number.lock().unwrap();
        *number += 1;
        *number
    };
    // A bucket that is not there is made.
    conformance(|| Box::new(open(&server, &format!("bucket-{}", next()), "a prefix/x", |_| ())));
    server.make_bucket("locking", Keeps::Locks);
    conformance(|| {
        let prefix = format!("place {}", next());
        Box::new(open(&server, "locking", &prefix, |settings| {
            week(LockMode::Governance)(settings);
            settings.encryption = Some(Encryption::Aes256);
        }))
    });
}

/// Parts have at least 5 MiB there, as at Amazon.
#[test]
fn archives_are_kept_by_seaweedfs() {
    let Some(server) = Seaweed::start() else { return };
    server.make_bucket("plain", Keeps::ObjectsAlone);
    server.make_bucket("locking", Keeps::Locks);
    let number = Cell::new(0);
    for bucket in ["plain", "locking"] {
        archive_conformance(|| {
            number.set(number.get() + 1);
            let address = server.address(bucket, &format!("place {}", number.get()));
            let mut settings = server.settings();
            if bucket == "locking" {
                week(LockMode::Compliance)(&mut settings);
            }
            Box::new(archives::S3::new(&address, &settings, &Http::default(), None).unwrap())
        });
    }
    for key in server.keys("locking") {
        // Notes on what was begun may go as soon as it is finished.
        let is_note = key.contains("/.backstay-parts/");
        assert_eq!(server.locked_until("locking", &key).is_some(), !is_note, "{key}");
    }
}

#[test]
fn seaweedfs_denies_a_wrong_secret_and_an_unknown_key() {
    let Some(server) = Seaweed::start() else { return };
    open(&server, "bucket", "", |_| ()).prepare(NONE).unwrap();
    let wrong = "an-entirely-wrong-secret";
    let with = |change: fn(&mut backstay_storage::s3::Credentials)| {
        open(&server, "bucket", "", |settings| change(settings.credentials.as_mut().unwrap()))
    };
    let secret = with(|credentials| credentials.secret_access_key = Secret::new("an-entirely-wrong-secret"));
    let unknown = with(|credentials| credentials.access_key_id = "nobody".to_owned());
    for storage in [secret, unknown] {
        let failures = failures(&storage);
        assert_eq!(failures.len(), 6);
        for error in failures {
            assert_eq!(error.kind, ErrorKind::Denied, "{error}");
            let shown = format!("{error} {error:?} {storage:?}");
            let says_why = shown.contains("SignatureDoesNotMatch") || shown.contains("InvalidAccessKeyId");
            assert!(says_why && !shown.contains(wrong), "{shown}");
        }
    }
}

/// It hides what is deleted, as Amazon does, and refuses to delete the version that is locked.
#[test]
fn seaweedfs_locks_what_is_written_until_its_time_is_over() {
    let Some(server) = Seaweed::start() else { return };
    server.make_bucket("bucket", Keeps::Locks);
    for mode in [LockMode::Governance, LockMode::Compliance] {
        let storage = open(&server, "bucket", mode.name(), week(mode));
        let key = |handle: &_| key_of(mode.name(), handle);
        for handle in write_all(&storage) {
            let object = server.get("bucket", &key(&handle)).unwrap();
            let Some(retention) = object.attributes.retention else {
                assert_eq!(handle.kind, FileKind::Lock, "{handle}");
                continue;
            };
            assert_eq!(retention.mode, mode.name());
            let left = retention.until.duration_since(SystemTime::now()).unwrap();
            assert!(left > 6 * DAY && left <= 7 * DAY, "{left:?}");
        }
        let version = server.get("bucket", &key(&pack(1))).unwrap().version;
        storage.remove(&pack(1), NONE).unwrap();
        assert_eq!(storage.size(&pack(1), NONE).unwrap_err().kind, ErrorKind::NotFound);
        let refused = server.try_delete("bucket", &key(&pack(1)), Some(&version)).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Denied, "{refused}");
        let versions = server.versions("bucket");
        assert!(versions.objects.iter().any(|it| it.version_id == version && !it.is_latest));
        // What is hidden comes back when the mark goes.
        let marker = versions.markers.iter().find(|marker| marker.key == key(&pack(1))).unwrap();
        server.try_delete("bucket", &marker.key, Some(&marker.version_id)).unwrap();
        let mut content = Vec::new();
        storage.read(&pack(1), &mut content, NONE).unwrap();
        assert_eq!(content, b"content");
    }
    server.make_bucket("plain", Keeps::ObjectsAlone);
    let storage = open(&server, "plain", "", week(LockMode::Governance));
    let error = storage.write(&pack(1), b"content", NONE).unwrap_err();
    assert!(error.to_string().contains("made with Object Lock"), "{error}");
}
