//! How a bucket keeps what is written to it: in classes, locked, encrypted; and how it gives back what it has frozen.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use backstay_core::{ArchiveStore, ErrorKind, FileId, FileKind, Handle, Storage};
use backstay_net::testing::{self, S3Server};
use backstay_storage::retry::Policy;
use backstay_storage::s3::{Encryption, Lock, LockMode, S3, Settings, Thaw, Tier};
use backstay_storage::testing::{archive_conformance, conformance};
use backstay_storage::{Http, Retry, archives};

use super::NONE;
use crate::archives::{chunk, file, noise};

pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn pack(number: u8) -> Handle {
    Handle::new(FileKind::Pack, FileId([number; 32]))
}

fn open(server: &S3Server, change: impl FnOnce(&mut Settings)) -> S3 {
    let mut settings = server.settings();
    change(&mut settings);
    S3::new(&server.address("bucket", "my/repo"), &settings, &Http::default(), None).unwrap()
}

/// What lies in the bucket under a file's name.
fn kept(server: &S3Server, handle: &Handle) -> testing::Object {
    server.get("bucket", &key_of("my/repo", handle)).unwrap()
}

/// The key of a file of a repository at a prefix.
pub(super) fn key_of(prefix: &str, handle: &Handle) -> String {
    let id = handle.id.to_hex();
    match handle.kind {
        FileKind::Config => format!("{prefix}/config"),
        FileKind::Pack => format!("{prefix}/data/{}/{id}", &id[..2]),
        kind => format!("{prefix}/{}/{id}", kind.folder()),
    }
}

/// Writes a file of each kind, and gives what was written.
pub(super) fn write_all(storage: &S3) -> Vec<Handle> {
    let id = FileId([9; 32]);
    let mut files: Vec<Handle> = FileKind::FOLDERS.iter().map(|kind| Handle::new(*kind, id)).collect();
    files.extend([Handle::CONFIG, pack(1), pack(2)]);
    storage.note_tree_pack(&pack(2).id);
    for handle in &files {
        storage.write(handle, b"content", NONE).unwrap();
    }
    files
}

#[test]
fn the_server_in_memory_conforms_plain_and_with_locks() {
    let (plain, locking) = (S3Server::start(), S3Server::start());
    plain.create_bucket("bucket");
    locking.create_bucket_of_locks("bucket");
    locking.lock_new_objects("bucket", "COMPLIANCE", 1);
    for server in [&plain, &locking] {
        let number = Cell::new(0);
        let address = || {
            number.set(number.get() + 1);
            server.address("bucket", &format!("place {}", number.get()))
        };
        conformance(|| {
            let settings = Settings { encryption: Some(Encryption::Aes256), ..server.settings() };
            Box::new(S3::new(&address(), &settings, &Http::default(), None).unwrap())
        });
        archive_conformance(|| {
            let store = archives::S3::new(&address(), &server.settings(), &Http::default(), None).unwrap();
            Box::new(store.with_least_part(1))
        });
    }
}

#[test]
fn packs_of_data_alone_go_to_the_class() {
    let server = S3Server::start();
    server.create_bucket("bucket");
    let storage = open(&server, |settings| settings.storage_class = Some("DEEP_ARCHIVE".into()));
    assert!(storage.may_freeze());
    for handle in write_all(&storage) {
        let is_data = handle.kind == FileKind::Pack && handle != pack(2);
        let class = if is_data { "DEEP_ARCHIVE" } else { "STANDARD" };
        assert_eq!(kept(&server, &handle).storage_class(), class, "{handle}");
    }
    let mut buffer = Vec::new();
    let error = storage.read(&pack(1), &mut buffer, NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Frozen, "{error}");
    let error = storage.read_at(&pack(1), 0, &mut [0; 3], NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Frozen, "{error}");
    storage.read(&pack(2), &mut buffer, NONE).unwrap();
    assert_eq!(storage.size(&pack(1), NONE).unwrap(), 7);
    // It costs money, so nothing is brought back unasked.
    let error = storage.frozen(&[pack(1)], true, NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Frozen);
    assert!(error.to_string().starts_with("bring back 1 packs: they lie in an archive class"), "{error}");
    assert_eq!(server.count("RestoreObject"), 0);
    assert!(!open(&server, |settings| settings.storage_class = Some("STANDARD_IA".into())).may_freeze());
}

#[test]
fn all_but_locks_of_ours_is_locked_and_encrypted() {
    let server = S3Server::start();
    server.create_bucket_of_locks("bucket");
    let key = Some("alias/backups".to_owned());
    let storage = open(&server, |settings| {
        settings.lock = Some(Lock { mode: LockMode::Governance, days: 30 });
        settings.encryption = Some(Encryption::Kms(key.clone()));
    });
    let files = write_all(&storage);
    for handle in &files {
        let object = kept(&server, handle);
        assert_eq!(object.attributes.encryption, Some(testing::Encryption::Kms(key.clone())), "{handle}");
        let Some(retention) = object.attributes.retention else {
            assert_eq!(handle.kind, FileKind::Lock);
            continue;
        };
        assert_eq!(retention.mode, "GOVERNANCE");
        let left = retention.until.duration_since(SystemTime::now()).unwrap();
        assert!(left > 29 * DAY && left <= 30 * DAY, "{left:?}");
    }
    // As at Amazon, a deletion hides the file and keeps its version.
    let version = kept(&server, &pack(1)).version;
    storage.remove(&pack(1), NONE).unwrap();
    assert_eq!(storage.size(&pack(1), NONE).unwrap_err().kind, ErrorKind::NotFound);
    let key = key_of("my/repo", &pack(1));
    assert_eq!(server.get_version("bucket", &key, &version).unwrap().bytes, "content");
    // Others refuse.
    server.behave(|behaviour| behaviour.refuses_deletes_of_locked = true);
    let error = storage.remove(&pack(2), NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retained, "{error}");
    assert!(error.to_string().contains("it is locked until 2"), "{error}");
    server.refuse_operation("DeleteObject", "AccessDenied", 1);
    assert_eq!(
        storage.remove(&Handle::new(FileKind::Lock, FileId([9; 32])), NONE).unwrap_err().kind,
        ErrorKind::Denied
    );
    storage.remove(&Handle::new(FileKind::Lock, FileId([9; 32])), NONE).unwrap();
}

#[test]
fn a_bucket_that_takes_no_locks_says_so() {
    let server = S3Server::start();
    server.create_bucket("bucket");
    let storage =
        open(&server, |settings| settings.lock = Some(Lock { mode: LockMode::Compliance, days: 1 }));
    let error = storage.write(&pack(1), b"content", NONE).unwrap_err();
    assert!(error.to_string().contains("Object Lock"), "{error}");
    assert!(server.keys("bucket").is_empty());
}

/// Whether lists tell what was asked for makes no difference but in the number of requests.
#[test]
fn what_is_frozen_is_asked_for_at_once_and_waited_for() {
    for lists_restores in [true, false] {
        let server = S3Server::start();
        server.create_bucket("bucket");
        server.behave(|behaviour| {
            behaviour.thaw_time = Duration::from_secs(3600);
            behaviour.lists_restores = lists_restores;
        });
        let thaw = Thaw { tier: Tier::Bulk, days: 3, ..Thaw::default() };
        let cold = |settings: &mut Settings| {
            settings.storage_class = Some("GLACIER".into());
            settings.thaw = Some(thaw);
        };
        let storage = open(&server, cold);
        storage.note_tree_pack(&pack(9).id);
        let files: Vec<Handle> = (1..=9).map(pack).collect();
        for handle in &files {
            storage.write(handle, b"content", NONE).unwrap();
        }
        let looked = storage.frozen(&files, false, NONE).unwrap();
        assert_eq!(looked.files, files[..8]);
        assert_eq!(server.count("RestoreObject"), 0);
        let frozen = storage.frozen(&files[..6], true, NONE).unwrap();
        assert_eq!(frozen.files, files[..6]);
        let ready_in = frozen.ready_in.unwrap();
        assert!(ready_in > Duration::from_secs(11 * 3600) && ready_in <= Duration::from_secs(12 * 3600));
        assert_eq!(server.count("RestoreObject"), 6);
        // Another look asks nobody again.
        assert_eq!(storage.frozen(&files[..6], true, NONE).unwrap().files, files[..6]);
        assert_eq!(server.count("RestoreObject"), 6);
        // Nor does another process harm.
        let other = Retry::new(Box::new(open(&server, cold)), Policy::default());
        assert_eq!(other.frozen(&files[..6], true, NONE).unwrap().files, files[..6]);
        server.thaw();
        assert!(storage.frozen(&files[..6], true, NONE).unwrap().files.is_empty());
        assert!(other.frozen(&files[..6], true, NONE).unwrap().files.is_empty());
        let mut buffer = Vec::new();
        files[..6].iter().for_each(|file| storage.read(file, &mut buffer, NONE).unwrap());
        assert_eq!(storage.frozen(&files, false, NONE).unwrap().files, files[6..8]);
        if lists_restores {
            assert_eq!(
                (server.count("RestoreObject"), server.count("HeadObject")),
                (6, 8),
                "{:?}",
                server.counts()
            );
        }
    }
}

#[test]
fn archives_are_kept_so_too() {
    let server = S3Server::start();
    server.create_bucket_of_locks("bucket");
    let settings = Settings {
        storage_class: Some("GLACIER_IR".into()),
        lock: Some(Lock { mode: LockMode::Compliance, days: 7 }),
        encryption: Some(Encryption::Aes256),
        ..server.settings()
    };
    let address = server.address("bucket", "archives");
    let store = archives::S3::new(&address, &settings, &Http::default(), None).unwrap().with_least_part(1);
    for content in [noise(250_000), Vec::new()] {
        let file = file(&format!("{}.zip", content.len()), &content, 100_000);
        let token = store.begin(&file, NONE).unwrap();
        for index in 0..file.chunks() {
            let (chunk, mut bytes) = chunk(&file, &content, index);
            store.send(&file, &token, &chunk, &mut bytes, NONE).unwrap();
        }
        store.finish(&file, &token, NONE).unwrap();
        let object = server.get("bucket", &format!("archives/{}", file.name)).unwrap();
        assert!(object.bytes == content);
        assert_eq!(object.storage_class(), "GLACIER_IR");
        assert_eq!(object.attributes.retention.unwrap().mode, "COMPLIANCE");
        assert_eq!(object.attributes.encryption, Some(testing::Encryption::Aes256));
    }
    // What was noted for them is gone, and could go.
    assert_eq!(server.keys("bucket").len(), 2);
}
