//! Repositories and archives in a bucket over connections that are cut, stand still or are slow.

use std::time::{Duration, Instant};

use backstay_core::{ArchiveStore, CallContext, ErrorKind, FileId, FileKind, Handle, Storage, StorageError};
use backstay_net::testing::{Attributes, Cut, S3Server};
use backstay_storage::s3::S3;
use backstay_storage::{Http, archives};

use super::NONE;
use crate::archives::noise;

const PACK: Handle = Handle::new(FileKind::Pack, FileId([0xab; 32]));

/// A service with these bytes as a pack and as an archive, which is taken for gone when it is silent for a while.
fn ready(content: &[u8]) -> (S3Server, S3, archives::S3) {
    let server = S3Server::start();
    for key in [format!("data/ab/{}", "ab".repeat(32)), "Data.zip".to_owned()] {
        server.put("bucket", &key, content.to_vec(), Attributes::default());
    }
    let http = Http { patience: Some(Duration::from_millis(400)), ..Http::default() };
    let (address, settings) = (server.address("bucket", ""), server.settings());
    let storage = S3::new(&address, &settings, &http, None).unwrap();
    let store = archives::S3::new(&address, &settings, &http, None).unwrap();
    (server, storage, store)
}

/// What is in the middle, read in both ways, and all of it.
fn reads(storage: &S3, store: &archives::S3, length: usize) -> Result<[Vec<u8>; 3], StorageError> {
    let [mut part, mut archived] = [vec![0; length - 2000], vec![0; length - 2000]];
    let mut whole = Vec::new();
    storage.read(&PACK, &mut whole, NONE)?;
    storage.read_at(&PACK, 1000, &mut part, NONE)?;
    store.read_at("Data.zip", 1000, &mut archived, NONE)?;
    Ok([whole, part, archived])
}

#[test]
fn an_answer_that_is_cut_or_stands_still_goes_on_where_it_was() {
    let content = noise(1_000_000);
    let (server, storage, store) = ready(&content);
    let middle = &content[1000..999_000];
    // Each answer ends so: nothing comes whole that begins anew.
    let cut = Some(Cut { after: 300_000, times: u32::MAX });
    server.behave(|behaviour| behaviour.cut = cut);
    let [whole, part, archived] = reads(&storage, &store, content.len()).unwrap();
    assert!(whole == content && part == middle && archived == middle);
    server.behave(|behaviour| (behaviour.cut, behaviour.stall) = (None, cut));
    let [whole, part, archived] = reads(&storage, &store, content.len()).unwrap();
    assert!(whole == content && part == middle && archived == middle);
}

#[test]
fn an_answer_that_is_slow_and_moves_is_not_cut_off() {
    let content = noise(12_000);
    let (server, storage, store) = ready(&content);
    server.behave(|behaviour| behaviour.bytes_per_second = Some(6000));
    let [whole, part, archived] = reads(&storage, &store, content.len()).unwrap();
    let middle = &content[1000..11_000];
    assert!(whole == content && part == middle && archived == middle);
    assert_eq!(server.count("GetObject"), 3);
}

#[test]
fn a_service_that_stands_still_for_good_ends_it_with_an_error() {
    let content = noise(100_000);
    let (server, storage, store) = ready(&content);
    server.behave(|behaviour| behaviour.stall = Some(Cut { after: 0, times: u32::MAX }));
    let error = storage.read_at(&PACK, 0, &mut [0; 10_000], NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
    assert!(error.to_string().contains(&PACK.to_string()), "{error}");
    let error = store.read_at("Data.zip", 0, &mut [0; 10_000], NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
    assert_eq!(server.count("GetObject"), 2, "nothing had come, so that nothing goes on");

    // After some of it came it is asked for a few times more, and not beyond the caller's own time.
    server.hook(|_, buckets| {
        let after = if buckets.count("GetObject") == 3 { 5000 } else { 0 };
        buckets.behave(|behaviour| behaviour.stall = Some(Cut { after, times: u32::MAX }));
    });
    let error = storage.read_at(&PACK, 0, &mut [0; 10_000], NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
    assert_eq!(server.count("GetObject"), 6);
    server.forget_counts();
    server.hook(|_, buckets| {
        buckets.behave(|behaviour| behaviour.stall = Some(Cut { after: 100, times: u32::MAX }));
    });
    let soon = CallContext { deadline: Some(Instant::now() + Duration::from_millis(900)), control: None };
    let error = storage.read_at(&PACK, 0, &mut [0; 10_000], soon).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
}

#[test]
fn a_service_that_goes_on_elsewhere_is_not_believed() {
    let content = noise(100_000);
    let (server, storage, _store) = ready(&content);
    server.behave(|behaviour| behaviour.cut = Some(Cut { after: 30_000, times: 1 }));
    // What it was is gone when the rest is asked for, and what is there now is shorter.
    server.hook(|asked, buckets| {
        if asked.operation == "GetObject" && buckets.count("GetObject") == 2 {
            buckets.put(&asked.bucket, &asked.key, vec![7; 10_000], Attributes::default());
        }
    });
    let error = storage.read_at(&PACK, 0, &mut [0; 100_000], NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Corrupt, "{error}");
}
