//! Repositories in Google Drive.

use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Handle, Storage, StorageError};
use backstay_storage::gdrive::{Account, App, Endpoints, GoogleDrive, Settings, SignedOut};
use backstay_storage::retry::Policy;
use backstay_storage::testing::conformance;
use backstay_storage::{Http, Options, Retry, Secret, wrapped};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::server::{CLIENT, Failure, REFRESH, SECRET, Server};
use crate::archives::noise;

const NONE: CallContext<'static> = CallContext::NONE;

pub(super) fn settings(server: &Server) -> Settings {
    Settings {
        app: App { client_id: CLIENT.to_owned(), client_secret: Secret::new(SECRET) },
        refresh_token: Secret::new(REFRESH),
        endpoints: Endpoints::at(&server.url),
        on_rotation: None,
    }
}

pub(super) fn account(settings: Settings) -> Arc<Account> {
    Arc::new(Account::new(settings))
}

fn connect(server: &Server, path: &str) -> GoogleDrive {
    GoogleDrive::new(path, account(settings(server)), &Http::default(), None).unwrap()
}

fn prepared(server: &Server) -> GoogleDrive {
    let storage = connect(server, "Backstay/db1");
    storage.prepare(NONE).unwrap();
    storage
}

fn pack(content: &[u8]) -> Handle {
    Handle::new(FileKind::Pack, FileId(Sha256::digest(content).into()))
}

fn listed(storage: &dyn Storage, kind: FileKind) -> Vec<(FileId, u64)> {
    let mut found = Vec::new();
    storage.list(kind, NONE, &mut |id, size| found.push((id, size))).unwrap();
    found
}

fn read(storage: &dyn Storage, handle: &Handle) -> Vec<u8> {
    let mut content = Vec::new();
    storage.read(handle, &mut content, NONE).unwrap();
    content
}

/// All that a storage can be asked, as failures.
fn failures(storage: &dyn Storage) -> Vec<StorageError> {
    let handle = pack(b"pack");
    [
        storage.size(&handle, NONE).map(|_| ()),
        storage.read(&handle, &mut Vec::new(), NONE),
        storage.read_at(&handle, 0, &mut [0], NONE),
        storage.write(&handle, b"pack", NONE),
        storage.list(FileKind::Pack, NONE, &mut |_, _| {}),
        storage.remove(&handle, NONE),
        storage.prepare(NONE),
    ]
    .into_iter()
    .filter_map(Result::err)
    .collect()
}

fn quick() -> Policy {
    Policy { first_pause: Duration::from_millis(1), ..Policy::default() }
}

#[test]
fn google_drive_conforms() {
    let server = Server::start();
    let number = Cell::new(0);
    conformance(|| {
        number.set(number.get() + 1);
        Box::new(connect(&server, &format!("Backstay/it's {}", number.get())))
    });
}

#[test]
fn it_conforms_with_small_pages_and_without_checksums() {
    let server = Server::start();
    (server.state().page, server.state().tells_sha256) = (7, false);
    let number = Cell::new(0);
    conformance(|| {
        number.set(number.get() + 1);
        Box::new(connect(&server, &format!("x/{}", number.get())))
    });
}

#[test]
fn files_lie_in_restics_layout_in_a_folder_of_its_own() {
    let server = Server::start();
    // Somebody else's folder of the same name is not ours.
    server
        .state()
        .add(&json!({"name": "Backstay", "mimeType": "application/vnd.google-apps.folder"}), Vec::new());
    let storage = prepared(&server);
    let handle = pack(b"pack");
    storage.write(&handle, b"pack", NONE).unwrap();
    storage.write(&Handle::CONFIG, b"config", NONE).unwrap();
    let hex = handle.id.to_hex();
    assert_eq!(
        server.paths(),
        ["Backstay/db1/config".to_owned(), format!("Backstay/db1/data/{}/{hex}", &hex[..2])]
    );
    assert_eq!(storage.location(), "gdrive:Backstay/db1");
    let other = connect(&server, "Backstay/db1");
    assert_eq!(listed(&other, FileKind::Pack), [(handle.id, 4)]);
    let tops = server.state().items.values().filter(|item| item.name == "Backstay").count();
    assert_eq!(tops, 2);
    for bad in ["", "/", "a/../b", ".", "a\nb"] {
        let error = GoogleDrive::new(bad, account(settings(&server)), &Http::default(), None).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config, "{bad:?}");
    }
}

#[test]
fn an_access_token_is_asked_for_once_and_again_when_it_expires() {
    let server = Server::start();
    let storage = prepared(&server);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| listed(&storage, FileKind::Key));
        }
    });
    assert_eq!(server.count("POST /token"), 1);
    // Google takes it for expired before we do.
    server.state().sign_in.expire();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| listed(&storage, FileKind::Key));
        }
    });
    assert_eq!(server.count("POST /token"), 2);
    // One that has less than a minute left is not used.
    server.state().sign_in.lasts = Duration::from_secs(61);
    server.state().sign_in.expire();
    listed(&storage, FileKind::Key);
    assert_eq!(server.count("POST /token"), 3);
    std::thread::sleep(Duration::from_millis(1100));
    listed(&storage, FileKind::Key);
    assert_eq!(server.count("POST /token"), 4);
}

#[test]
fn a_refresh_token_that_is_replaced_is_handed_out_before_it_is_used() {
    let server = Server::start();
    server.state().sign_in.rotates = true;
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    let mut settings = settings(&server);
    settings.on_rotation = Some(Arc::new(move |token: &Secret| {
        keep.lock().unwrap().push(token.expose().to_owned());
        Ok(())
    }));
    let storage = GoogleDrive::new("x", account(settings.clone()), &Http::default(), None).unwrap();
    storage.prepare(NONE).unwrap();
    server.state().sign_in.expire();
    storage.write(&pack(b"a"), b"a", NONE).unwrap();
    let kept = kept.lock().unwrap().clone();
    assert_eq!(kept.len(), 2);
    assert!(server.state().sign_in.refresh.contains(&kept[1]) && kept[0] != kept[1]);
    // Where it cannot be kept, the call fails.
    settings.refresh_token = Secret::new(kept[1].clone());
    settings.on_rotation = Some(Arc::new(|_: &Secret| Err(std::io::ErrorKind::StorageFull.into())));
    let storage = GoogleDrive::new("x", account(settings.clone()), &Http::default(), None).unwrap();
    assert_eq!(storage.prepare(NONE).unwrap_err().kind, ErrorKind::NoSpace);
}

#[test]
fn a_sign_in_that_is_taken_back_says_so_and_shows_no_secret() {
    let server = Server::start();
    let storage = prepared(&server);
    server.state().sign_in.revoke();
    let errors = failures(&storage);
    assert_eq!(errors.len(), 7);
    for error in errors {
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        assert!(error.cause.downcast_ref::<SignedOut>().is_some(), "{error:?}");
        let shown = format!("{error} {error:?} {storage:?} {:?}", settings(&server));
        assert!(shown.contains("sign in again"), "{shown}");
        for secret in [SECRET, REFRESH, "ya29"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    // It is asked once, not by each call anew.
    assert_eq!(server.count("POST /token"), 2);
}

#[test]
fn a_client_that_google_does_not_know_is_denied() {
    let server = Server::start();
    let mut settings = settings(&server);
    settings.app.client_secret = Secret::new("another");
    let error = GoogleDrive::new("x", account(settings.clone()), &Http::default(), None)
        .unwrap()
        .prepare(NONE)
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    assert!(
        error.cause.downcast_ref::<SignedOut>().is_none() && error.to_string().contains("invalid_client")
    );
}

#[test]
fn refusals_are_classed() {
    for (status, reason, kind) in [
        (403, "userRateLimitExceeded", ErrorKind::Transient),
        (403, "rateLimitExceeded", ErrorKind::Transient),
        (403, "dailyLimitExceeded", ErrorKind::Transient),
        (403, "storageQuotaExceeded", ErrorKind::NoSpace),
        (403, "insufficientFilePermissions", ErrorKind::Denied),
        (429, "rateLimitExceeded", ErrorKind::Transient),
        (500, "backendError", ErrorKind::Transient),
        (503, "backendError", ErrorKind::Transient),
    ] {
        let server = Server::start();
        let storage = prepared(&server);
        server.fail("GET /drive", 7, Failure::Refused(status, reason, None));
        let errors = failures(&storage);
        assert_eq!(errors.len(), 7, "{reason}");
        for error in errors {
            assert_eq!(error.kind, kind, "{reason}: {error}");
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}

#[test]
fn what_fails_in_passing_is_tried_again_after_the_wait_that_is_named() {
    let server = Server::start();
    let waits = Arc::new(Mutex::new(Vec::new()));
    let waited = Arc::clone(&waits);
    let storage = Retry::new(Box::new(prepared(&server)), Policy::default())
        .with_time(move |wait| waited.lock().unwrap().push(wait), || 0.5);
    server.fail("GET /drive", 1, Failure::Refused(429, "rateLimitExceeded", Some(17)));
    server.fail("GET /drive", 1, Failure::Refused(403, "userRateLimitExceeded", None));
    server.fail("GET /drive", 1, Failure::Cut);
    let handle = pack(b"pack");
    storage.write(&handle, b"pack", NONE).unwrap();
    assert_eq!(read(&storage, &handle), b"pack");
    assert_eq!(
        *waits.lock().unwrap(),
        [Duration::from_secs(17), Duration::from_secs(1), Duration::from_secs(2)]
    );
}

#[test]
fn an_answer_that_is_lost_leaves_one_file() {
    let server = Server::start();
    let options = Options { retry: quick(), ..Options::default() };
    let storage = wrapped(Box::new(prepared(&server)), &options);
    for (number, on) in ["POST /upload", "GET /drive", "DELETE /drive"].into_iter().enumerate() {
        let content = [number as u8; 100];
        let handle = pack(&content);
        server.fail(on, 1, Failure::AnswerLost);
        storage.write(&handle, &content, NONE).unwrap();
        assert_eq!(listed(&*storage, FileKind::Pack), [(handle.id, 100)]);
        storage.remove(&handle, NONE).unwrap();
        assert!(server.paths().is_empty());
    }
}

#[test]
fn long_files_go_on_where_they_were() {
    let server = Server::start();
    let storage = prepared(&server);
    let content = noise(6 << 20);
    for failure in [
        Failure::Kept(1 << 20),
        Failure::Kept(0),
        Failure::AnswerLost,
        Failure::Cut,
        Failure::Refused(503, "backendError", None),
    ] {
        server.fail("PUT /upload", 2, failure.clone());
        server.forget();
        let handle = pack(&content);
        storage.write(&handle, &content, NONE).unwrap();
        assert_eq!(server.count("POST /upload"), 1, "{failure:?}: it was begun once");
        assert!(read(&storage, &handle) == content, "{failure:?}");
        assert_eq!(server.paths().len(), 1);
        storage.remove(&handle, NONE).unwrap();
    }
}

#[test]
fn an_upload_that_google_forgets_is_begun_again() {
    for gone in [404, 410] {
        let server = Server::start();
        let options = Options { retry: quick(), ..Options::default() };
        let storage = wrapped(Box::new(prepared(&server)), &options);
        let content = noise(6 << 20);
        server.fail("PUT /upload", 1, Failure::Refused(gone, "notFound", None));
        storage.write(&pack(&content), &content, NONE).unwrap();
        assert_eq!(server.count("POST /upload"), 2);
        assert!(read(&*storage, &pack(&content)) == content);
    }
}

#[test]
fn an_upload_that_swings_to_and_fro_is_given_up() {
    let server = Server::start();
    let storage = prepared(&server);
    server.state().swings = true;
    let content = noise(6 << 20);
    let error = storage.write(&pack(&content), &content, NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient, "{error}");
    let sent = server.count("PUT /upload");
    assert!(sent < 20, "{sent} times");
}

#[test]
fn a_token_that_is_said_to_last_for_ever_is_used() {
    let server = Server::start();
    server.state().sign_in.lasts = Duration::from_secs(u64::MAX);
    prepared(&server);
}

#[test]
fn content_that_arrives_garbled_is_not_left_there() {
    let server = Server::start();
    let storage = prepared(&server);
    for (size, on) in [(1000, "POST /upload"), (6 << 20, "PUT /upload")] {
        let content = noise(size);
        server.fail(on, 1, Failure::Garbled);
        let error = storage.write(&pack(&content), &content, NONE).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt, "{error}");
        assert!(server.paths().is_empty());
        storage.write(&pack(&content), &content, NONE).unwrap();
        storage.remove(&pack(&content), NONE).unwrap();
    }
}

#[test]
fn a_full_drive_is_no_space() {
    let server = Server::start();
    let storage = prepared(&server);
    server.state().quota = Some(1 << 20);
    storage.write(&pack(b"small"), b"small", NONE).unwrap();
    for size in [2 << 20, 6 << 20] {
        let content = noise(size);
        let error = storage.write(&pack(&content), &content, NONE).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NoSpace, "{error}");
    }
}

#[test]
fn of_several_files_of_one_name_the_first_counts() {
    let server = Server::start();
    let storage = prepared(&server);
    let handle = pack(b"pack");
    storage.write(&handle, b"pack", NONE).unwrap();
    let copy = |content: &[u8]| {
        let mut state = server.state();
        let first = state.items.values().find(|item| item.name == handle.id.to_hex()).unwrap().clone();
        state.add(&json!({"name": first.name, "parents": [first.parent]}), content.to_vec());
    };
    copy(b"pack");
    copy(b"another");
    assert_eq!(listed(&storage, FileKind::Pack), [(handle.id, 4)]);
    assert_eq!(read(&storage, &handle), b"pack");
    assert_eq!(storage.write(&handle, b"pack", NONE).unwrap_err().kind, ErrorKind::Exists);
    // The copy of the same content is gone, the other is left for somebody to look at.
    assert_eq!(server.paths().len(), 2);
    storage.remove(&handle, NONE).unwrap();
    assert!(server.paths().is_empty());
}

#[test]
fn folders_of_one_name_are_all_read() {
    let server = Server::start();
    let storage = prepared(&server);
    let (one, other) = (pack(b"one"), pack(b"other"));
    storage.write(&one, b"one", NONE).unwrap();
    {
        // Another program made the same folders at the same moment, and wrote to its own.
        let mut state = server.state();
        let data = state.items.values().find(|item| item.name == "data").unwrap().clone();
        let folder = "application/vnd.google-apps.folder";
        let data =
            state.add(&json!({"name": "data", "parents": [data.parent], "mimeType": folder}), Vec::new());
        let hex = other.id.to_hex();
        let shard =
            state.add(&json!({"name": hex[..2], "parents": [data.id], "mimeType": folder}), Vec::new());
        state.add(&json!({"name": hex, "parents": [shard.id]}), b"other".to_vec());
    }
    let storage = connect(&server, "Backstay/db1");
    let mut found = listed(&storage, FileKind::Pack);
    found.sort();
    let mut expected = [(one.id, 3), (other.id, 5)];
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(read(&storage, &other), b"other");
    assert_eq!(storage.write(&other, b"other", NONE).unwrap_err().kind, ErrorKind::Exists);
}

#[test]
fn folders_that_somebody_removed_are_made_again() {
    let server = Server::start();
    let storage = prepared(&server);
    storage.write(&pack(b"one"), b"one", NONE).unwrap();
    server.state().items.clear();
    let error = storage.read(&pack(b"one"), &mut Vec::new(), NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    storage.write(&pack(b"one"), b"one", NONE).unwrap();
    assert_eq!(read(&storage, &pack(b"one")), b"one");
}

#[test]
fn packs_are_listed_by_few_questions() {
    let server = Server::start();
    let storage = prepared(&server);
    for number in 0..120_u8 {
        storage.write(&pack(&[number]), &[number], NONE).unwrap();
    }
    let storage = connect(&server, "Backstay/db1");
    server.forget();
    assert_eq!(listed(&storage, FileKind::Pack).len(), 120);
    // Two names that lead there, `data`, the folders in it, and those in groups of forty.
    assert!(server.count("GET /drive") <= 4 + 3, "{}", server.count("GET /drive"));
    server.forget();
    assert_eq!(read(&storage, &pack(&[7])), [7]);
    assert_eq!(server.count("GET /drive"), 1, "its id is known from the listing");
}
