//! Archives in Google Drive.

use std::cell::Cell;

use backstay_core::{ArchiveStore, CallContext, ErrorKind, NewFile, StorageError};
use backstay_storage::Http;
use backstay_storage::archives::GoogleDrive;
use backstay_storage::testing::archive_conformance;
use serde_json::json;

use super::server::{Failure, Server};
use super::storage::{account, settings};
use crate::archives::{chunk, file, noise};

const NONE: CallContext<'static> = CallContext::NONE;
const UNIT: u64 = 256 << 10;

fn connect(server: &Server) -> GoogleDrive {
    let store = GoogleDrive::new("Backstay/archives", account(settings(server)), &Http::default()).unwrap();
    store.prepare(NONE).unwrap();
    store
}

fn send(
    store: &dyn ArchiveStore,
    file: &NewFile,
    token: &str,
    content: &[u8],
    index: u64,
) -> Result<(), StorageError> {
    let (chunk, mut bytes) = chunk(file, content, index);
    store.send(file, token, &chunk, &mut bytes, NONE)
}

fn read(store: &dyn ArchiveStore, name: &str) -> Vec<u8> {
    let mut content = vec![0; store.stat(name, NONE).unwrap().size as usize];
    store.read_at(name, 0, &mut content, NONE).unwrap();
    content
}

/// Sends what is missing as a transfer does: what fails in passing again, what is unknown from its beginning.
pub(super) fn transfer(store: &dyn ArchiveStore, file: &NewFile, content: &[u8]) {
    let again = |error: &StorageError| error.kind.is_transient();
    'begin: loop {
        let token = loop {
            match store.begin(file, NONE) {
                Err(error) if again(&error) => {}
                token => break token.unwrap(),
            }
        };
        let sent = loop {
            match store.sent(file, &token, NONE) {
                Err(error) if again(&error) => {}
                sent => break sent.unwrap().len() as u64,
            }
        };
        for index in sent..file.chunks() {
            loop {
                match send(store, file, &token, content, index) {
                    Err(error) if again(&error) => {}
                    Err(error) if error.kind == ErrorKind::NotFound => continue 'begin,
                    sent => break sent.unwrap(),
                }
            }
        }
        loop {
            match store.finish(file, &token, NONE) {
                Err(error) if again(&error) => {}
                finished => {
                    finished.unwrap();
                    return;
                }
            }
        }
    }
}

#[test]
fn google_drive_conforms() {
    for tells_sha256 in [true, false] {
        let server = Server::start();
        (server.state().unit, server.state().tells_sha256) = (1, tells_sha256);
        let number = Cell::new(0);
        archive_conformance(|| {
            number.set(number.get() + 1);
            let path = format!("Backstay/archives/{}", number.get());
            Box::new(
                GoogleDrive::new(&path, account(settings(&server)), &Http::default()).unwrap().with_unit(1),
            )
        });
    }
}

#[test]
fn chunks_are_a_multiple_of_what_google_takes() {
    let server = Server::start();
    let store = connect(&server);
    assert_eq!((store.chunk_unit(), store.chunk_sizes()), (UNIT, UNIT..=64 << 20));
    let content = noise(1_000_000);
    let error = store.begin(&file("x", &content, 300_000), NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config, "{error}");
    let one = file("a/Data.zip", &content, 2_000_000);
    transfer(&store, &one, &content);
    let several = file("b/Data.zip", &content, UNIT);
    transfer(&store, &several, &content);
    assert!(read(&store, "a/Data.zip") == content && read(&store, "b/Data.zip") == content);
    assert_eq!(server.paths(), ["Backstay/archives/a/Data.zip", "Backstay/archives/b/Data.zip"]);
}

#[test]
fn what_fails_in_passing_costs_nothing_that_arrived() {
    let content = noise(1_500_000);
    for failure in [
        Failure::AnswerLost,
        Failure::Cut,
        Failure::Kept(UNIT as usize),
        Failure::Kept(0),
        Failure::Refused(403, "userRateLimitExceeded", None),
        Failure::Refused(503, "backendError", None),
    ] {
        for on in ["PUT /upload", "PATCH /upload", "POST /upload", "PATCH /drive", "GET /drive/v3/files"] {
            if matches!(failure, Failure::Kept(_)) && on != "PUT /upload" {
                continue;
            }
            let server = Server::start();
            let store = connect(&server);
            server.fail(on, 1, failure.clone());
            let file = file("Data.zip", &content, 2 * UNIT);
            transfer(&store, &file, &content);
            assert!(read(&store, "Data.zip") == content, "{failure:?} {on}");
            assert_eq!(server.paths().len(), 1, "{failure:?} {on}: {:?}", server.paths());
        }
    }
}

#[test]
fn another_process_goes_on_with_what_was_begun() {
    let server = Server::start();
    let content = noise(1_500_000);
    let file = file("Data.zip", &content, UNIT);
    let token = connect(&server).begin(&file, NONE).unwrap();
    for index in 0..3 {
        send(&connect(&server), &file, &token, &content, index).unwrap();
    }
    // The fourth one arrives, and its sender ends before it is noted.
    server.fail("PATCH /upload", 1, Failure::Cut);
    send(&connect(&server), &file, &token, &content, 3).unwrap_err();
    let store = connect(&server);
    assert_eq!(store.sent(&file, &token, NONE).unwrap().len(), 3);
    server.forget();
    send(&store, &file, &token, &content, 3).unwrap();
    assert_eq!(server.count("PUT /upload"), 1, "it is only asked for: all of the chunk is there");
    for index in 4..file.chunks() {
        send(&store, &file, &token, &content, index).unwrap();
    }
    connect(&server).finish(&file, &token, NONE).unwrap();
    connect(&server).finish(&file, &token, NONE).unwrap();
    assert!(read(&store, "Data.zip") == content);
    assert_eq!(server.paths(), ["Backstay/archives/Data.zip"]);
}

#[test]
fn an_upload_that_google_forgets_is_begun_again() {
    for gone in [404, 410] {
        let server = Server::start();
        server.state().gone = gone;
        let store = connect(&server);
        let content = noise(1_000_000);
        let file = file("Data.zip", &content, UNIT);
        let token = store.begin(&file, NONE).unwrap();
        send(&store, &file, &token, &content, 0).unwrap();
        server.lose_sessions();
        let failures = [
            send(&store, &file, &token, &content, 1).unwrap_err(),
            store.sent(&file, &token, NONE).map(drop).unwrap_err(),
            store.finish(&file, &token, NONE).map(drop).unwrap_err(),
        ];
        for error in failures {
            assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
        }
        transfer(&store, &file, &content);
        assert!(read(&store, "Data.zip") == content);
        assert_eq!(server.paths(), ["Backstay/archives/Data.zip"]);
    }
}

#[test]
fn all_of_it_arrived_and_the_upload_is_forgotten() {
    let server = Server::start();
    let store = connect(&server);
    let content = noise(600_000);
    let file = file("Data.zip", &content, UNIT);
    let token = store.begin(&file, NONE).unwrap();
    for index in 0..file.chunks() {
        send(&store, &file, &token, &content, index).unwrap();
    }
    server.lose_sessions();
    assert_eq!(store.sent(&file, &token, NONE).unwrap().len(), 3);
    // Moved, and then nobody heard of it.
    server.fail("PATCH /drive", 1, Failure::AnswerLost);
    store.finish(&file, &token, NONE).unwrap_err();
    connect(&server).finish(&file, &token, NONE).unwrap();
    assert_eq!(server.paths(), ["Backstay/archives/Data.zip"]);
    assert!(read(&store, "Data.zip") == content);
}

#[test]
fn content_that_arrives_garbled_gets_no_name() {
    let server = Server::start();
    let store = connect(&server);
    let content = noise(600_000);
    let file = file("Data.zip", &content, 2 * UNIT);
    let token = store.begin(&file, NONE).unwrap();
    server.fail("PUT /upload", 1, Failure::Garbled);
    for index in 0..2 {
        send(&store, &file, &token, &content, index).unwrap();
    }
    assert_eq!(store.finish(&file, &token, NONE).unwrap_err().kind, ErrorKind::Corrupt);
    store.abandon(&token, NONE).unwrap();
    assert!(server.paths().is_empty());
    transfer(&store, &file, &content);
    assert!(read(&store, "Data.zip") == content);
}

#[test]
fn a_full_drive_is_no_space_and_doubled_names_are_one_file() {
    let server = Server::start();
    let store = connect(&server);
    server.state().quota = Some(500_000);
    let content = noise(600_000);
    let error = store.begin(&file("Data.zip", &content, UNIT), NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoSpace, "{error}");
    server.state().quota = None;
    transfer(&store, &file("Data.zip", &content, UNIT), &content);
    {
        let mut state = server.state();
        let first = state.items.values().find(|item| item.name == "Data.zip").unwrap().clone();
        state.add(&json!({"name": "Data.zip", "parents": [first.parent]}), b"another".to_vec());
    }
    let mut listed = Vec::new();
    store.list(NONE, &mut |file| listed.push((file.name, file.size))).unwrap();
    assert_eq!(listed, [("Data.zip".to_owned(), 600_000)]);
    assert!(read(&store, "Data.zip") == content);
    store.remove("Data.zip", NONE).unwrap();
    assert!(server.paths().is_empty());
}
