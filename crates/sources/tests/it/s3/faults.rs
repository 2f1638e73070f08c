//! Services that fail, and objects that change and vanish while they are read.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use backstay_core::SinkError;
use backstay_net::s3::S3Address;
use backstay_net::testing::Cut;

use super::*;

fn many(server: &S3Server, name: &str, number: usize) {
    server.create_bucket(name);
    for at in 0..number {
        server.put(name, &format!("k{at:04}"), format!("content {at}").into_bytes(), Attributes::default());
    }
}

#[test]
fn a_service_that_is_busy_or_cuts_answers_is_asked_again() {
    let (server, vault, spool) = (S3Server::start(), vault(), tempfile::tempdir().unwrap());
    many(&server, "from", 20);
    let long: Vec<u8> = (0..3_u32 << 20).flat_map(u32::to_le_bytes).collect();
    server.put("from", "long", long, Attributes::default());
    server.refuse_operation("GetObject", "SlowDown", 5);
    server.refuse_operation("GetObject", "InternalError", 2);
    server.behave(|behaviour| behaviour.cut = Some(Cut { after: 2 << 20, times: 3 }));
    let taken = vault.take(&whole(&server, "from"), None);
    server.create_bucket("target");
    server.refuse_operation("PutObject", "SlowDown", 3);
    let tree = vault.bucket_tree(&taken, "from");
    let (_, restored, heard) = vault.restore(tree, &bucket(&server, "target"), into(spool.path(), ""), all());
    assert_eq!((restored.verified, heard.failures()), (21, Vec::new()));
    assert_eq!(objects(&server, "target"), objects(&server, "from"));
}

#[test]
fn objects_that_are_replaced_or_removed_meanwhile_are_taken_as_they_are_or_left_out() {
    let (server, vault, spool) = (S3Server::start(), vault(), tempfile::tempdir().unwrap());
    many(&server, "from", 50);
    server.put("from", "long", vec![1; 6 << 20], Attributes::default());
    let done = Mutex::new(Vec::new());
    server.hook(move |asked, buckets| {
        let mut done = done.lock().unwrap();
        if asked.operation != "GetObject" || done.contains(&asked.key) {
            return;
        }
        done.push(asked.key.clone());
        match asked.key.as_str() {
            key @ ("k0001" | "k0010" | "k0040" | "long") => {
                let rich = Attributes { content_type: Some("new/one".to_owned()), ..Attributes::default() };
                buckets.put("from", key, vec![9; 5 << 20], rich);
            }
            key @ ("k0020" | "k0049") => buckets.erase("from", key),
            _ => {}
        }
    });
    let taken = vault.take(&whole(&server, "from"), None);
    assert_eq!(taken.outcome.failures, 0);
    server.create_bucket("target");
    let tree = vault.bucket_tree(&taken, "from");
    vault.restore(tree, &bucket(&server, "target"), into(spool.path(), ""), all());
    let (from, to) = (objects(&server, "from"), objects(&server, "target"));
    assert_eq!(to, from);
    assert_eq!(to.len(), 49);
    let messages = taken.heard.messages.lock().unwrap().join("; ");
    assert!(messages.contains("long: it was replaced meanwhile"), "{messages}");

    // The next backup has what changed.
    let next = vault.take(&whole(&server, "from"), Some(&taken));
    let tree = vault.bucket_tree(&next, "from");
    server.create_bucket("then");
    vault.restore(tree, &bucket(&server, "then"), into(spool.path(), ""), all());
    assert_eq!(objects(&server, "then"), from);
}

#[test]
fn keys_that_no_listing_tells_rightly_are_read_all_the_same() {
    for mangles in [false, true] {
        let (server, vault, spool) = (S3Server::start(), vault(), tempfile::tempdir().unwrap());
        server.behave(|behaviour| behaviour.mangles_keys = mangles);
        many(&server, "from", 3);
        server.put("from", "control \u{1} character", b"x".to_vec(), Attributes::default());
        server.put("from", "a real \u{fffd}", b"x".to_vec(), Attributes::default());
        let taken = vault.take(&whole(&server, "from"), None);
        assert_eq!(taken.outcome.failures, 0);
        server.create_bucket("target");
        let tree = vault.bucket_tree(&taken, "from");
        vault.restore(tree, &bucket(&server, "target"), into(spool.path(), ""), all());
        assert_eq!(objects(&server, "target"), objects(&server, "from"));
    }
}

#[test]
fn what_is_listed_and_not_there_is_a_failure() {
    let (server, vault) = (S3Server::start(), vault());
    many(&server, "from", 3);
    server.refuse_operation("GetObject", "NoSuchKey", 2);
    let taken = vault.try_take(&whole(&server, "from"), None).unwrap();
    assert_eq!(taken.outcome.failures, 2);
    let failures = taken.heard.failures();
    assert!(failures.iter().all(|text| text.contains("the service lists it")), "{failures:?}");
}

/// A service that answers each request line with headers and a body.
fn answering(answer: impl Fn(&str) -> (&'static str, &'static str) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                while let Some(asked) = lines.next() {
                    let _ = lines.by_ref().find(String::is_empty);
                    let (headers, body) = answer(&asked);
                    let length = body.len();
                    let all = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
                    if stream.write_all(all.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("http://{address}")
}

fn of_service(endpoint: &str) -> Capture {
    let server = S3Server::start();
    let address = S3Address { endpoint: endpoint.to_owned(), ..server.address("from", "") };
    let http = Http { patience: Some(Duration::from_secs(5)), ..Http::default() };
    let bucket = Bucket::open(&address, &server.settings(), &http).unwrap();
    Capture { bucket, options: CaptureOptions::default() }
}

#[test]
fn what_is_no_listing_does_not_pass_for_an_empty_bucket() {
    for body in [
        "<html><body><p>Please log in</p></body></html>",
        "<Error xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Code>AccessDenied</Code></Error>",
        "<ListAllMyBucketsResult></ListAllMyBucketsResult>",
    ] {
        let capture = of_service(&answering(move |_| ("", body)));
        let error = vault().try_take(&capture, None).err();
        assert!(error.is_some() || capture.bucket.lost().is_some(), "{body} passes for an empty bucket");
    }
}

#[test]
fn an_object_that_is_not_as_long_as_it_is_listed_is_a_failure() {
    let capture = of_service(&answering(|asked| match asked.contains("list-type=2") {
        true => (
            "",
            "<ListBucketResult><Name>from</Name><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>10</Size>\
             <ETag>&quot;e&quot;</ETag><LastModified>2026-01-01T00:00:00Z</LastModified></Contents></ListBucketResult>",
        ),
        false => ("ETag: \"e\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n", "abc"),
    }));
    let taken = vault().try_take(&capture, None).unwrap();
    assert_eq!(taken.outcome.failures, 1);
    let failures = taken.heard.failures();
    assert!(failures[0].contains("lists it with 10 bytes, and delivers 3"), "{failures:?}");
}

#[test]
fn a_key_that_is_not_taken_any_more_ends_the_backup_with_what_the_service_says() {
    let (server, vault) = (S3Server::start(), vault());
    many(&server, "from", 5);
    server.refuse_operation("ListObjectsV2", "ExpiredToken", 100);
    let error = vault.try_take(&whole(&server, "from"), None).err().unwrap();
    assert!(
        matches!(&error, CaptureError::Service(error) if error.kind == backstay_core::ErrorKind::Denied),
        "{error}"
    );
    assert!(error.to_string().contains("ExpiredToken"), "{error}");
    server.accept();
    server.refuse_operation("GetObject", "AccessDenied", 1000);
    let taken = vault.try_take(&whole(&server, "from"), None).unwrap();
    assert_eq!((taken.outcome.failures, taken.heard.failures().len()), (5, 5));
}

#[test]
fn who_may_not_read_tags_backs_up_without_them_and_is_told() {
    let (server, vault) = (S3Server::start(), vault());
    let tagged = Attributes { tags: [("a".to_owned(), "b".to_owned())].into(), ..Attributes::default() };
    for key in ["x", "y", "z"] {
        server.put("from", key, b"x".to_vec(), tagged.clone());
    }
    server.refuse_operation("GetObjectTagging", "AccessDenied", 100);
    let taken = vault.take(&whole(&server, "from"), None);
    assert_eq!(taken.report.files, 3);
    let warnings = taken.heard.warnings.lock().unwrap().clone();
    assert!(warnings.iter().any(|text| text.contains("tags are not backed up")), "{warnings:?}");
}

#[test]
fn parts_of_keys_that_are_dots_are_told_and_left_out() {
    let (server, vault) = (S3Server::start(), vault());
    many(&server, "from", 1);
    server.put("from", "a/../b", b"x".to_vec(), Attributes::default());
    let taken = vault.try_take(&whole(&server, "from"), None).unwrap();
    assert_eq!(taken.outcome.failures, 1);
    assert!(taken.heard.failures()[0].contains("`..`"), "{:?}", taken.heard.failures());
}

#[test]
fn cancelling_ends_the_backup_though_the_service_is_silent() {
    let (server, vault) = (S3Server::start(), vault());
    many(&server, "from", 3000);
    server.behave(|behaviour| behaviour.latency = Duration::from_millis(300));
    let control = vault.control.clone();
    let started = Instant::now();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(1200));
        control.cancel();
    });
    let error = vault.try_take(&whole(&server, "from"), None).err().unwrap();
    let is_cancelled = match &error {
        CaptureError::Sink(error) => matches!(error, SinkError::Interrupted(_)),
        CaptureError::Service(error) => error.kind == backstay_core::ErrorKind::Cancelled,
        _ => false,
    };
    assert!(is_cancelled, "{error}");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn a_service_that_goes_away_in_the_middle_is_told_and_no_object_passes_for_gone() {
    let (server, vault) = (S3Server::start(), vault());
    many(&server, "from", 40);
    let capture = whole(&server, "from");
    server.refuse_operation("GetObject", "SlowDown", 100_000);
    let error = vault.try_take(&capture, None).err();
    // The capture may be over before the first object is given up: then the bucket says it.
    assert!(error.is_some() || capture.bucket.lost().is_some());
    assert!(capture.bucket.lost().unwrap().to_string().contains("SlowDown"));
}

#[test]
fn a_listing_that_is_busy_is_asked_for_again() {
    let (server, vault) = (S3Server::start(), vault());
    many(&server, "from", 10);
    server.refuse_operation("ListObjectsV2", "SlowDown", 3);
    assert_eq!(vault.take(&whole(&server, "from"), None).report.files, 10);
}
