//! Google Drive over connections that are cut, stand still or are slow.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use backstay_core::{ArchiveStore, CallContext, ErrorKind, FileId, FileKind, Handle, Storage, StorageError};
use backstay_storage::gdrive::{Endpoints, GoogleDrive};
use backstay_storage::retry::Policy;
use backstay_storage::{Http, Options, archives, wrapped};
use sha2::{Digest, Sha256};

use super::archives::transfer;
use super::server::{Failure, Server, Way};
use super::storage::{account, settings};
use crate::archives::{file, noise};
use crate::proxy::{self, Proxy};

const NONE: CallContext<'static> = CallContext::NONE;
const DOWNLOAD: &str = "GET /drive/v3/files/";

/// A service that is silent for so long is taken for gone.
fn hasty() -> Http {
    Http { patience: Some(Duration::from_millis(400)), ..Http::default() }
}

fn packs(server: &Server, http: &Http) -> GoogleDrive {
    let storage = GoogleDrive::new("x", account(settings(server)), http, None).unwrap();
    storage.prepare(NONE).unwrap();
    storage
}

fn archives(server: &Server, http: &Http) -> archives::GoogleDrive {
    let store = archives::GoogleDrive::new("x", account(settings(server)), http).unwrap();
    store.prepare(NONE).unwrap();
    store
}

fn pack(content: &[u8]) -> Handle {
    Handle::new(FileKind::Pack, FileId(Sha256::digest(content).into()))
}

fn read_at(
    storage: &dyn Storage,
    handle: &Handle,
    offset: u64,
    length: usize,
) -> Result<Vec<u8>, StorageError> {
    let mut content = vec![0; length];
    storage.read_at(handle, offset, &mut content, NONE).map(|()| content)
}

/// A folder with one pack of this content.
fn stored(server: &Server, content: &[u8]) -> GoogleDrive {
    let storage = packs(server, &hasty());
    storage.write(&pack(content), content, NONE).unwrap();
    server.forget();
    storage
}

#[test]
fn a_download_that_is_cut_or_stands_still_goes_on_where_it_was() {
    let content = noise(1_000_000);
    let handle = pack(&content);
    for way in [Way::Broken(300_000), Way::Stalled(300_000)] {
        for times in [1, 3] {
            let server = Server::start();
            let storage = stored(&server, &content);
            server.fail(DOWNLOAD, times, Failure::Answered(way));
            let mut whole = Vec::new();
            storage.read(&handle, &mut whole, NONE).unwrap();
            assert!(whole == content, "{way:?}");
            let begins = ["", "bytes=300000-", "bytes=600000-", "bytes=900000-"];
            assert_eq!(server.state().ranges, begins[..=times as usize], "{way:?}");

            server.forget();
            server.fail(DOWNLOAD, times, Failure::Answered(way));
            assert!(
                read_at(&storage, &handle, 50_000, 949_000).unwrap() == content[50_000..999_000],
                "{way:?}"
            );
            let begins = [50_000, 350_000, 650_000, 950_000].map(|begin| format!("bytes={begin}-998999"));
            assert_eq!(server.state().ranges, begins[..=times as usize], "{way:?}");
        }
    }
}

#[test]
fn an_archive_that_is_cut_on_its_way_here_goes_on_where_it_was() {
    let server = Server::start();
    let store = archives(&server, &hasty());
    let content = noise(1_000_000);
    transfer(&store, &file("Data.zip", &content, 1 << 20), &content);
    server.forget();
    for way in [Way::Broken(400_000), Way::Stalled(400_000)] {
        server.fail(DOWNLOAD, 2, Failure::Answered(way));
        let mut back = vec![0; content.len()];
        store.read_at("Data.zip", 0, &mut back, NONE).unwrap();
        assert!(back == content, "{way:?}");
    }
    let begins = [0, 400_000, 800_000].map(|begin| format!("bytes={begin}-999999"));
    assert_eq!(server.state().ranges, [begins.clone(), begins].concat());
}

#[test]
fn a_download_that_is_slow_and_moves_is_not_cut_off() {
    let server = Server::start();
    let content = noise(12_000);
    let storage = stored(&server, &content);
    // It is silent for a quarter of what is waited for at a time, and takes several times as long in all.
    server.fail(DOWNLOAD, 2, Failure::Answered(Way::Trickling(600, Duration::from_millis(100))));
    assert!(read_at(&storage, &pack(&content), 0, content.len()).unwrap() == content);
    let mut whole = Vec::new();
    storage.read(&pack(&content), &mut whole, NONE).unwrap();
    assert!(whole == content);
    assert_eq!(server.state().ranges, ["bytes=0-11999", ""]);
}

#[test]
fn a_download_that_stands_still_for_good_ends_with_an_error() {
    let server = Server::start();
    let content = noise(100_000);
    let storage = stored(&server, &content);
    for (way, requests) in [(Way::Silent, 1), (Way::Stalled(0), 1), (Way::Stalled(10_000), 4)] {
        server.forget();
        server.fail(DOWNLOAD, 1, Failure::Answered(way));
        server.fail(DOWNLOAD, requests - 1, Failure::Answered(Way::Stalled(0)));
        let error = read_at(&storage, &pack(&content), 0, content.len()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout, "{way:?}: {error}");
        let text = error.to_string();
        assert!(text.contains("read") && text.contains(&pack(&content).to_string()), "{text}");
        assert_eq!(server.state().ranges.len(), requests as usize, "{way:?}");
    }
    // Nor is it waited for beyond the caller's own time.
    server.fail(DOWNLOAD, 1, Failure::Answered(Way::Stalled(10_000)));
    let soon = CallContext { deadline: Some(Instant::now() + Duration::from_millis(200)), control: None };
    let error = storage.read_at(&pack(&content), 0, &mut [0; 100_000], soon).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
}

#[test]
fn an_upload_that_nobody_answers_is_made_again_and_leaves_one_file() {
    let server = Server::start();
    let retry = Policy { first_pause: Duration::from_millis(1), ..Policy::default() };
    let storage = wrapped(Box::new(packs(&server, &hasty())), &Options { retry, ..Options::default() });
    let content = noise(1000);
    server.fail("POST /upload", 1, Failure::Answered(Way::Silent));
    storage.write(&pack(&content), &content, NONE).unwrap();
    assert_eq!(server.paths().len(), 1);
    assert!(read_at(&*storage, &pack(&content), 0, 1000).unwrap() == content);

    for on in ["POST /upload", "PUT /upload", "PATCH /upload", "PATCH /drive"] {
        let server = Server::start();
        server.state().unit = 1;
        let store = archives(&server, &hasty()).with_unit(1);
        server.fail(on, 1, Failure::Answered(Way::Silent));
        transfer(&store, &file("Data.zip", &content, 300), &content);
        let mut back = vec![0; content.len()];
        store.read_at("Data.zip", 0, &mut back, NONE).unwrap();
        assert!(back == content, "{on}");
        assert_eq!(server.paths(), ["x/Data.zip"], "{on}");
    }
}

/// The server over a way.
fn behind(server: &Server, way: proxy::Way) -> (Proxy, backstay_storage::gdrive::Settings) {
    let proxy = Proxy::start(server.url.strip_prefix("http://").unwrap().parse().unwrap(), way);
    let settings = settings(server);
    let settings =
        backstay_storage::gdrive::Settings { endpoints: Endpoints::at(&proxy.url("http")), ..settings };
    (proxy, settings)
}

#[test]
fn an_upload_over_a_way_that_breaks_arrives_whole() {
    let server = Server::start();
    // Each connection but the last brings less than a MB.
    let way = proxy::Way { after: 1_000_000, times: 7, ..proxy::Way::default() };
    let (proxy, settings) = behind(&server, way);
    let storage = GoogleDrive::new("x", account(settings.clone()), &Http::default(), None).unwrap();
    storage.prepare(NONE).unwrap();
    let content = noise(6 << 20);
    storage.write(&pack(&content), &content, NONE).unwrap();
    assert_eq!(proxy.left.load(Ordering::SeqCst), 0);
    assert!(read_at(&storage, &pack(&content), 0, content.len()).unwrap() == content);
    assert_eq!(server.paths().len(), 1);

    proxy.left.store(2, Ordering::SeqCst);
    let store = archives::GoogleDrive::new("y", account(settings), &Http::default()).unwrap();
    store.prepare(NONE).unwrap();
    transfer(&store, &file("Data.zip", &content, 512 << 10), &content);
    assert_eq!(proxy.left.load(Ordering::SeqCst), 0);
    let mut back = vec![0; content.len()];
    store.read_at("Data.zip", 0, &mut back, NONE).unwrap();
    assert!(back == content);
}

#[test]
fn an_upload_that_is_slow_and_moves_is_not_cut_off() {
    let server = Server::start();
    let (_proxy, settings) =
        behind(&server, proxy::Way { after: u64::MAX, rate: 100_000, ..proxy::Way::default() });
    let patient = Http { patience: Some(Duration::from_secs(2)), ..Http::default() };
    let storage = GoogleDrive::new("x", account(settings), &patient, None).unwrap();
    storage.prepare(NONE).unwrap();
    // It takes twice as long as the service may be silent.
    let content = noise(400_000);
    server.forget();
    storage.write(&pack(&content), &content, NONE).unwrap();
    assert_eq!(server.count("POST /upload"), 1);
    assert!(read_at(&packs(&server, &hasty()), &pack(&content), 0, content.len()).unwrap() == content);
}
