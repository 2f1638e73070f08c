//! Places for archives, through their conformance suite and over a bad network.

use std::cell::Cell;
use std::fs;
use std::sync::atomic::Ordering;

use backstay_core::{ArchiveStore, CallContext, Chunk, ErrorKind, FileId, NewFile};
use backstay_receiver::NewClient;
use backstay_storage::archives::{Folder, Receiver};
use backstay_storage::testing::archive_conformance;
use backstay_storage::{Http, Reach, Secret};
use sha2::{Digest, Sha256};

use crate::receiver::Server;

const NONE: CallContext<'static> = CallContext::NONE;

pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

pub(crate) fn file(name: &str, content: &[u8], chunk_size: u64) -> NewFile {
    let sha256 = FileId(Sha256::digest(content).into());
    NewFile { name: name.to_owned(), size: content.len() as u64, sha256, chunk_size }
}

pub(crate) fn chunk<'a>(file: &NewFile, content: &'a [u8], index: u64) -> (Chunk, &'a [u8]) {
    let (offset, size) = file.place(index).unwrap();
    let bytes = &content[offset as usize..(offset + size) as usize];
    (Chunk { index, offset, size, sha256: FileId(Sha256::digest(bytes).into()) }, bytes)
}

#[test]
fn a_folder_conforms() {
    let home = tempfile::tempdir().unwrap();
    let number = Cell::new(0);
    archive_conformance(|| {
        number.set(number.get() + 1);
        Box::new(Folder::new(home.path().join(format!("deep/{}/archives", number.get()))))
    });
}

#[test]
fn a_receiver_conforms() {
    let server = Server::start();
    archive_conformance(|| {
        let (_, credentials) = server.client();
        let credentials = Server::by_token(&credentials);
        Box::new(Receiver::new(&server.url, &credentials, &Http::default()).unwrap())
    });
}

#[test]
fn what_nobody_goes_on_with_in_a_folder_is_given_up_after_a_week() {
    let home = tempfile::tempdir().unwrap();
    let store = Folder::new(home.path());
    store.prepare(CallContext::NONE).unwrap();
    let file =
        |name: &str| NewFile { name: name.to_owned(), size: 10, sha256: FileId([1; 32]), chunk_size: 10 };
    let tokens = ["old", "lately"].map(|name| store.begin(&file(name), CallContext::NONE).unwrap());
    for (token, days) in tokens.iter().zip([8, 6]) {
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(days * 86_400);
        for name in ["data", "chunks"] {
            let path = home.path().join(".backstay-parts").join(token).join(name);
            std::fs::File::options().append(true).open(path).unwrap().set_modified(then).unwrap();
        }
    }
    store.begin(&file("new"), CallContext::NONE).unwrap();
    let sent = |name: &str, token: &str| store.sent(&file(name), token, CallContext::NONE);
    assert_eq!(sent("old", &tokens[0]).unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(sent("lately", &tokens[1]).unwrap(), []);
}

#[test]
fn links_in_a_folder_are_not_followed() {
    let home = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let store = Folder::new(home.path());
    store.prepare(NONE).unwrap();
    std::os::unix::fs::symlink(outside.path(), home.path().join("out")).unwrap();
    let content = noise(100);
    let file = file("out/Data.zip", &content, 100);
    let token = store.begin(&file, NONE).unwrap();
    let (first, mut bytes) = chunk(&file, &content, 0);
    store.send(&file, &token, &first, &mut bytes, NONE).unwrap();
    store.finish(&file, &token, NONE).unwrap_err();
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

/// Sends a file over a way that breaks, at each try going on with what is there; gives how many bytes were sent in all.
fn send_stubbornly(store: &Receiver, file: &NewFile, content: &[u8], token: &str) -> u64 {
    let mut bytes_sent = 0;
    for _ in 0..50 {
        let Ok(sent) = store.sent(file, token, NONE) else { continue };
        let is_good = |index: &u64| sent.contains(&chunk(file, content, *index).0);
        let missing: Vec<u64> = (0..file.chunks()).filter(|index| !is_good(index)).collect();
        if missing.is_empty() && store.finish(file, token, NONE).is_ok() {
            return bytes_sent;
        }
        for index in missing {
            let (next, mut bytes) = chunk(file, content, index);
            bytes_sent += next.size;
            if let Err(error) = store.send(file, token, &next, &mut bytes, NONE) {
                let expected =
                    matches!(error.kind, ErrorKind::Transient | ErrorKind::Corrupt | ErrorKind::Timeout);
                assert!(expected, "{error}");
                break;
            }
        }
    }
    panic!("it does not come through");
}

#[test]
fn cuts_in_the_middle_and_at_the_boundaries_cost_a_chunk_each_at_most() {
    let server = Server::start();
    let content = noise(1_000_000);
    for (number, after) in
        [0, 150, 50_000, 99_999, 100_000, 100_500, 350_000, 400_900].into_iter().enumerate()
    {
        let (_, credentials) = server.client();
        let proxy = server.behind(after, 3, false);
        let store = Receiver::new(&server.url, &credentials, &Http::default()).unwrap();
        let file = file(&format!("Data{number}.zip"), &content, 100_000);
        // Begun over a good way: an answer that is lost there is another test's.
        let token = store.begin(&file, NONE).unwrap();
        let bad = Receiver::new(&proxy.url("http"), &credentials, &Http::default()).unwrap();
        // The token is told again.
        assert_eq!(store.begin(&file, NONE).unwrap(), token);
        let sent = send_stubbornly(&bad, &file, &content, &token);
        assert_eq!(proxy.left.load(Ordering::SeqCst), 0, "{after}: nothing was cut");
        assert!(sent <= 1_000_000 + 3 * 100_000, "{after}: {sent} bytes were sent");
        let mut back = vec![0; content.len()];
        store.read_at(&file.name, 0, &mut back, NONE).unwrap();
        assert!(back == content);
    }
}

#[test]
fn garbled_bytes_are_noticed_and_sent_again() {
    let server = Server::start();
    let content = noise(1_000_000);
    let (_, credentials) = server.client();
    let proxy = server.behind(60_000, 1, true);
    let store = Receiver::new(&proxy.url("http"), &credentials, &Http::default()).unwrap();
    let file = file("Data.zip", &content, 100_000);
    let token = store.begin(&file, NONE).unwrap();
    let sent = send_stubbornly(&store, &file, &content, &token);
    assert_eq!((proxy.left.load(Ordering::SeqCst), sent), (0, 1_100_000));
    let mut back = vec![0; content.len()];
    store.read_at(&file.name, 0, &mut back, NONE).unwrap();
    assert!(back == content);
}

#[test]
fn errors_say_what_the_receiver_says_and_no_secret() {
    let server = Server::start();
    let (_, mut credentials) = server.client();
    credentials.password = Some(Secret::new("bsr_an-entirely-wrong-token"));
    let store = Receiver::new(&server.url, &credentials, &Http::default()).unwrap();
    let error = store.prepare(NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    let error = store.list(NONE, &mut |_| ()).unwrap_err();
    let shown = format!("{error} {error:?} {store:?}");
    assert!(shown.contains("no client is known") && !shown.contains("entirely-wrong"), "{shown}");

    let quota = NewClient { name: "small".to_owned(), quota: Some(10), ..NewClient::default() };
    let (_, credentials) = server.client_with(quota);
    let store = Receiver::new(&server.url, &credentials, &Http::default()).unwrap();
    let error = store.begin(&file("Data.zip", &[1; 11], 10), NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoSpace, "{error}");
    assert!(error.to_string().contains("quota"), "{error}");

    let http = Http { reach: Reach::Public, ..Http::default() };
    let error = Receiver::new(&server.url, &credentials, &http).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config, "{error}");
}
