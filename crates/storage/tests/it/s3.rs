//! S3 against a real server over HTTP, in this process.

mod archives;
mod keeping;
mod multipart;
mod seaweed;
pub(crate) mod server;
mod slow;
mod tls;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use backstay_core::{CallContext, Control, ErrorKind, FileId, FileKind, Handle, Storage, StorageError};
use backstay_storage::retry::Policy;
use backstay_storage::s3::{Credentials, S3, Settings};
use backstay_storage::testing::conformance;
use backstay_storage::{Address, Http, Options, S3Address, Secret, open};
use server::{KEY, SECRET, Server};

const NONE: CallContext<'static> = CallContext::NONE;
const PACK: Handle = Handle::new(FileKind::Pack, FileId([0xab; 32]));

fn settings(secret: &str) -> Settings {
    Settings {
        credentials: Some(Credentials {
            access_key_id: KEY.to_owned(),
            secret_access_key: Secret::new(secret),
            session_token: None,
        }),
        ..Settings::default()
    }
}

fn address(text: &str) -> S3Address {
    match Address::parse(text).unwrap() {
        Address::S3(address) => address,
        _ => panic!("{text} is no S3 address"),
    }
}

fn connect(server: &Server, path: &str) -> S3 {
    S3::new(&address(&format!("s3:{}/{path}", server.url)), &settings(SECRET), &Http::default(), None)
        .unwrap()
}

/// All that a storage can be asked, as failures.
fn failures(storage: &dyn Storage) -> Vec<StorageError> {
    [
        storage.size(&PACK, NONE).map(|_| ()),
        storage.read(&PACK, &mut Vec::new(), NONE),
        storage.read_at(&PACK, 0, &mut [0], NONE),
        storage.write(&PACK, b"pack", NONE),
        storage.list(FileKind::Pack, NONE, &mut |_, _| {}),
        storage.remove(&PACK, NONE),
    ]
    .into_iter()
    .filter_map(Result::err)
    .collect()
}

#[test]
fn s3_conforms() {
    let server = Server::start();
    let number = Mutex::new(0);
    conformance(|| {
        let mut number = number.lock().unwrap();
        *number += 1;
        Box::new(connect(&server, &format!("bucket-{number}/a prefix/x")))
    });
}

#[test]
fn a_server_without_conditional_creation_conforms() {
    let server = Server::start();
    server.behave(|behaviour| behaviour.knows_conditions = false);
    let storage = connect(&server, "bucket");
    storage.prepare(NONE).unwrap();
    for _ in 0..2 {
        storage.write(&PACK, b"pack", NONE).unwrap();
        assert_eq!(storage.write(&PACK, b"other", NONE).unwrap_err().kind, ErrorKind::Exists);
        storage.remove(&PACK, NONE).unwrap();
    }
}

#[test]
fn keys_follow_restics_layout() {
    let server = Server::start();
    let storage = connect(&server, "bucket/prefix");
    storage.prepare(NONE).unwrap();
    storage.write(&PACK, b"pack", NONE).unwrap();
    storage.write(&Handle::CONFIG, b"config", NONE).unwrap();
    let bucket = server.root().join("bucket/prefix");
    assert_eq!(std::fs::read(bucket.join("data/ab").join("ab".repeat(32))).unwrap(), b"pack");
    assert_eq!(std::fs::read(bucket.join("config")).unwrap(), b"config");
    // What does not belong there is passed over.
    std::fs::write(bucket.join("data/ab/readme"), b"").unwrap();
    std::fs::write(bucket.join("data").join("cd".repeat(32)), b"").unwrap();
    let mut listed = Vec::new();
    storage.list(FileKind::Pack, NONE, &mut |id, size| listed.push((id, size))).unwrap();
    assert_eq!(listed, [(PACK.id, 4)]);
    assert_eq!(storage.location(), format!("s3:{}/bucket/prefix", server.url));
}

#[test]
fn a_host_may_begin_with_the_buckets_name() {
    let server = Server::start();
    let url = server.url.replace("127.0.0.1", "localhost");
    let storage =
        S3::new(&address(&format!("s3:{url}/localhost")), &settings(SECRET), &Http::default(), None).unwrap();
    storage.prepare(NONE).unwrap();
    storage.write(&PACK, b"pack", NONE).unwrap();
    assert!(server.root().join("localhost/data/ab").exists());
}

#[test]
fn wrong_credentials_are_denied_and_not_shown() {
    let server = Server::start();
    connect(&server, "bucket").prepare(NONE).unwrap();
    let wrong = "an-entirely-wrong-secret";
    let storage =
        S3::new(&address(&format!("s3:{}/bucket", server.url)), &settings(wrong), &Http::default(), None)
            .unwrap();
    let failures = failures(&storage);
    assert_eq!(failures.len(), 6);
    for error in failures {
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        let shown = format!("{error} {error:?} {storage:?}");
        assert!(shown.contains("SignatureDoesNotMatch") && !shown.contains(wrong), "{shown}");
    }
}

#[test]
fn a_service_that_is_down_is_a_passing_fault() {
    // Nobody listens on the port of a listener that is gone.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("s3:http://127.0.0.1:{port}/bucket");
    let storage = S3::new(&self::address(&address), &settings(SECRET), &Http::default(), None).unwrap();
    let mut failures = failures(&storage);
    failures.extend(storage.prepare(NONE).err());
    assert_eq!(failures.len(), 7);
    for error in failures {
        assert_eq!(error.kind, ErrorKind::Transient, "{error}");
    }
    let options = Options { s3: settings(SECRET), retry: Policy::never(), ..Options::default() };
    let storage = open(&Address::parse(&address).unwrap(), &options).unwrap();
    assert_eq!(storage.size(&PACK, NONE).unwrap_err().kind, ErrorKind::Transient);
}

#[test]
fn a_service_that_does_not_answer_times_out_or_is_cancelled() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("s3:http://{}/bucket", listener.local_addr().unwrap());
    let storage = S3::new(&self::address(&address), &settings(SECRET), &Http::default(), None).unwrap();
    let soon = CallContext { deadline: Some(Instant::now() + Duration::from_millis(100)), control: None };
    assert_eq!(storage.size(&PACK, soon).unwrap_err().kind, ErrorKind::Timeout);
    let control = Control::new();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| storage.read(&PACK, &mut Vec::new(), CallContext::with(&control)));
        std::thread::sleep(Duration::from_millis(50));
        control.cancel();
        assert_eq!(reading.join().unwrap().unwrap_err().kind, ErrorKind::Cancelled);
    });
}

#[test]
fn a_service_under_load_is_asked_again() {
    let server = Server::start();
    let address = Address::parse(format!("s3:{}/bucket", server.url)).unwrap();
    let retry = Policy { first_pause: Duration::from_millis(1), ..Policy::default() };
    let storage = open(&address, &Options { s3: settings(SECRET), retry, ..Options::default() }).unwrap();
    storage.prepare(NONE).unwrap();
    server.behave(|behaviour| behaviour.busy_for = 3);
    storage.write(&PACK, b"pack", NONE).unwrap();
    server.behave(|behaviour| behaviour.busy_for = 2);
    assert_eq!(storage.size(&PACK, NONE).unwrap(), 4);
    server.behave(|behaviour| behaviour.busy_for = 1);
    let once = connect(&server, "bucket").size(&PACK, NONE).unwrap_err();
    assert_eq!(once.kind, ErrorKind::Transient, "{once}");
}

#[test]
fn a_missing_bucket_is_told() {
    let server = Server::start();
    let storage = connect(&server, "nowhere");
    let error = storage.list(FileKind::Pack, NONE, &mut |_, _| {}).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("NoSuchBucket"), "{error}");
    let error = storage.size(&Handle::CONFIG, NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    storage.prepare(NONE).unwrap();
    storage.prepare(NONE).unwrap();
    storage.write(&PACK, b"pack", NONE).unwrap();
}

#[test]
fn long_files_go_in_parts() {
    let server = Server::start();
    let storage = connect(&server, "bucket");
    storage.prepare(NONE).unwrap();
    let content = b"0123456789abcdefg".repeat(10 << 20);
    storage.write(&PACK, &content, NONE).unwrap();
    assert_eq!(storage.size(&PACK, NONE).unwrap(), content.len() as u64);
    let mut tail = [0; 1000];
    storage.read_at(&PACK, content.len() as u64 - 1000, &mut tail, NONE).unwrap();
    assert!(content.ends_with(&tail));
    assert_eq!(storage.write(&PACK, &content, NONE).unwrap_err().kind, ErrorKind::Exists);
}
