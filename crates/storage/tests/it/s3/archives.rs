//! Archives in a bucket: the conformance suite, and all that can happen to an upload in parts.

use std::cell::Cell;
use std::sync::atomic::Ordering;

use backstay_core::{ArchiveStore, ErrorKind, FileId, NewFile, StorageError};
use backstay_storage::archives::S3;
use backstay_storage::testing::archive_conformance;
use backstay_storage::{Http, Reach};
use sha2::{Digest, Sha256};

use super::multipart::{self, Kind, Uploads};
use super::server::{SECRET, Server};
use super::{NONE, address, settings};
use crate::archives::{chunk, file, noise};
use crate::proxy::{Proxy, Way};

/// The first of three chunks is this long.
const CHUNK: u64 = 100_000;

fn open(url: &str, path: &str) -> S3 {
    let address = address(&format!("s3:{url}/{path}"));
    S3::new(&address, &settings(SECRET), &Http::default(), None).unwrap().with_least_part(1)
}

/// A server with a bucket, and the archives in it.
fn ready(kind: Kind) -> (Server, Uploads, S3) {
    let (server, uploads) = multipart::start(kind);
    let store = open(&server.url, "bucket/db 1");
    store.prepare(NONE).unwrap();
    (server, uploads, store)
}

fn send(store: &S3, file: &NewFile, content: &[u8], token: &str, index: u64) -> Result<(), StorageError> {
    let (chunk, mut bytes) = chunk(file, content, index);
    store.send(file, token, &chunk, &mut bytes, NONE)
}

fn sample() -> (NewFile, Vec<u8>) {
    let content = noise(250_000);
    (file("2026/Data.zip", &content, CHUNK), content)
}

/// All that lies in the bucket, by its path.
fn lies_there(server: &Server) -> Vec<String> {
    fn walk(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path.display().to_string()) }
        }
    }
    let (mut found, root) = (Vec::new(), server.root().join("bucket"));
    walk(&root, &mut found);
    found.iter().map(|path| path.trim_start_matches(&root.display().to_string()).to_owned()).collect()
}

fn assert_whole(store: &S3, server: &Server, uploads: &Uploads, file: &NewFile, content: &[u8]) {
    let mut back = vec![0; content.len()];
    store.read_at(&file.name, 0, &mut back, NONE).unwrap();
    assert!(back == content);
    assert!(uploads.lock().unwrap().is_empty(), "an upload is left");
    assert_eq!(lies_there(server), ["/db 1/2026/Data.zip"], "something is left");
}

#[test]
fn services_of_all_kinds_conform() {
    let kind = |checksums, page| Kind { checksums, page, ..Kind::default() };
    for (kind, knows_conditions) in [
        (kind(true, 1000), true),
        (kind(true, 1), false),
        (kind(false, 2), true),
        (kind(false, 1000), false),
        (Kind { like_seaweedfs: true, ..kind(true, 2) }, true),
    ] {
        let (server, _) = multipart::start(kind);
        server.behave(|behaviour| behaviour.knows_conditions = knows_conditions);
        let number = Cell::new(0);
        archive_conformance(|| {
            number.set(number.get() + 1);
            let prefix = if number.get() % 2 == 0 { "/a prefix/x" } else { "" };
            Box::new(open(&server.url, &format!("bucket-{}{prefix}", number.get())))
        });
    }
}

#[test]
fn a_part_that_is_cut_or_garbled_does_not_count_and_is_sent_again() {
    for checksums in [true, false] {
        for (garbles, after) in [(false, 1_500), (false, 60_000), (true, 60_000)] {
            let (server, uploads, good) = ready(Kind { checksums, ..Kind::default() });
            let to = server.url.trim_start_matches("http://").parse().unwrap();
            let (file, content) = sample();
            let token = good.begin(&file, NONE).unwrap();
            send(&good, &file, &content, &token, 0).unwrap();
            let proxy = Proxy::start(to, Way { after, times: 1, garbles, ..Way::default() });
            let bad = open(&proxy.url("http"), "bucket/db 1");
            let error = send(&bad, &file, &content, &token, 1).unwrap_err();
            let expected = if garbles { ErrorKind::Corrupt } else { ErrorKind::Transient };
            assert_eq!(error.kind, expected, "{garbles} {after}: {error}");
            assert_eq!(proxy.left.load(Ordering::SeqCst), 0);
            let sent = good.sent(&file, &token, NONE).unwrap();
            assert_eq!(sent, [chunk(&file, &content, 0).0], "{garbles} {after}");
            for index in [1, 2] {
                send(&bad, &file, &content, &token, index).unwrap();
            }
            good.finish(&file, &token, NONE).unwrap();
            assert_whole(&good, &server, &uploads, &file, &content);
        }
    }
}

#[test]
fn another_process_goes_on_and_each_answer_may_be_lost() {
    // Which answer of those is lost that one process gets: of the begin, of a part, of the end.
    for lost in 0..14 {
        let (server, uploads, good) = ready(Kind { checksums: lost % 2 == 0, ..Kind::default() });
        let to = server.url.trim_start_matches("http://").parse().unwrap();
        let (file, content) = sample();
        let mut failed = 0;
        let all = |store: &S3| -> Result<(), StorageError> {
            let token = store.begin(&file, NONE)?;
            let there: Vec<u64> = store.sent(&file, &token, NONE)?.iter().map(|chunk| chunk.index).collect();
            for index in (0..3).filter(|index| !there.contains(index)) {
                send(store, &file, &content, &token, index)?;
            }
            store.finish(&file, &token, NONE).map(drop)
        };
        for _ in 0..20 {
            // Each connection of a new process loses its answer at some byte, as long as there is one to lose.
            let times = u64::from(failed == 0);
            let proxy = Proxy::start(to, Way { after: lost * 180, times, answers: true, ..Way::default() });
            match all(&open(&proxy.url("http"), "bucket/db 1")) {
                Ok(()) => break,
                // It was finished when its last answer was lost.
                Err(error) if error.kind == ErrorKind::Exists => break,
                Err(error) => {
                    assert!(error.kind.is_transient(), "{lost}: {error}");
                    failed += 1;
                }
            }
        }
        // Whoever has the token still tidies up what the lost answer left.
        let token = &FileId(Sha256::digest(&file.name).into()).to_hex()[..32];
        good.finish(&file, token, NONE).unwrap();
        uploads.lock().unwrap().retain(|_, upload| !upload.parts.is_empty());
        assert_whole(&good, &server, &uploads, &file, &content);
    }
}

#[test]
fn an_upload_that_the_buckets_rules_end_is_begun_again() {
    let (server, uploads, store) = ready(Kind::default());
    let (file, content) = sample();
    let token = store.begin(&file, NONE).unwrap();
    send(&store, &file, &content, &token, 0).unwrap();
    uploads.lock().unwrap().clear();
    let failures = [
        send(&store, &file, &content, &token, 1).unwrap_err(),
        store.sent(&file, &token, NONE).unwrap_err(),
        store.finish(&file, &token, NONE).unwrap_err(),
    ];
    for error in failures {
        assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    }
    // Also another file may have the name now.
    let other = file_like(&file, &noise(10));
    let token = store.begin(&other, NONE).unwrap();
    store.abandon(&token, NONE).unwrap();
    let token = store.begin(&file, NONE).unwrap();
    assert!(store.sent(&file, &token, NONE).unwrap().is_empty());
    for index in 0..3 {
        send(&store, &file, &content, &token, index).unwrap();
    }
    store.finish(&file, &token, NONE).unwrap();
    assert_whole(&store, &server, &uploads, &file, &content);
}

fn file_like(like: &NewFile, content: &[u8]) -> NewFile {
    file(&like.name, content, like.chunk_size)
}

#[test]
fn a_part_that_another_has_replaced_is_not_taken_for_ours() {
    for checksums in [true, false] {
        let (_server, uploads, store) = ready(Kind { checksums, ..Kind::default() });
        let (file, content) = sample();
        let token = store.begin(&file, NONE).unwrap();
        send(&store, &file, &content, &token, 0).unwrap();
        send(&store, &file, &content, &token, 1).unwrap();
        for upload in uploads.lock().unwrap().values_mut() {
            upload.parts.get_mut(&2).unwrap()[7] ^= 1;
        }
        let sent = store.sent(&file, &token, NONE).unwrap();
        assert!(sent.contains(&chunk(&file, &content, 0).0));
        assert!(!sent.contains(&chunk(&file, &content, 1).0), "{checksums}");
    }
}

#[test]
fn files_are_cut_as_services_take_them() {
    let (server, _) = multipart::start(Kind { least_part: 5 << 20, ..Kind::default() });
    let address = address(&format!("s3:{}/bucket", server.url));
    let store = S3::new(&address, &settings(SECRET), &Http::default(), None).unwrap();
    store.prepare(NONE).unwrap();
    assert_eq!(store.chunk_sizes(), 5 << 20..=5 << 30);
    assert!(!store.proves_whole() && store.connections() > 1);
    let content = noise(6 << 20);
    for bad in [
        file("a", &content, 1 << 20),
        NewFile { size: 50_001 << 20, ..file("a", &content, 5 << 20) },
        NewFile { size: 20 << 30, ..file("a", &content, 6 << 30) },
        file(&format!("{0}/{0}/{0}/{0}/{0}", "x".repeat(210)), &content, 5 << 20),
    ] {
        let error = store.begin(&bad, NONE).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config, "{error}");
    }
    // One that is no longer than a chunk may be as short as it likes.
    for (file, content) in
        [(file("b", &content[..10], 1 << 20), &content[..10]), (file("c", &content, 5 << 20), &content[..])]
    {
        let token = store.begin(&file, NONE).unwrap();
        for index in 0..file.chunks() {
            send(&store, &file, content, &token, index).unwrap();
        }
        assert_eq!(store.finish(&file, &token, NONE).unwrap().size, content.len() as u64);
    }
}

#[test]
fn what_is_in_the_way_is_told_without_secrets() {
    let (server, _, store) = ready(Kind::default());
    let wrong = "an-entirely-wrong-secret";
    let address = address(&format!("s3:{}/bucket", server.url));
    let denied = S3::new(&address, &settings(wrong), &Http::default(), None).unwrap().with_least_part(1);
    let (file, _) = sample();
    let failures = [
        denied.begin(&file, NONE).unwrap_err(),
        denied.list(NONE, &mut |_| ()).unwrap_err(),
        denied.stat("x", NONE).unwrap_err(),
        denied.read_at("x", 0, &mut [0], NONE).unwrap_err(),
    ];
    for error in failures {
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        let shown = format!("{error} {error:?} {denied:?}");
        assert!(shown.contains("SignatureDoesNotMatch") && !shown.contains(wrong), "{shown}");
    }
    server.behave(|behaviour| behaviour.busy_for = 1);
    assert_eq!(store.begin(&file, NONE).unwrap_err().kind, ErrorKind::Transient);
    let nowhere = open(&server.url, "nowhere");
    let error = nowhere.list(NONE, &mut |_| ()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config, "{error}");
    let http = Http { reach: Reach::Public, ..Http::default() };
    let error = S3::new(&address, &settings(SECRET), &http, None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config, "{error}");
}
