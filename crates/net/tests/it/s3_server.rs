//! The S3 service of the tests does what Amazon documents, since other tests trust it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use backstay_core::{CallContext, ErrorKind};
use backstay_net::Http;
use backstay_net::s3::client::{Answer, Ask, Call, Client};
use backstay_net::s3::{Credentials, Settings};
use backstay_net::testing::{Attributes, Cut, Encryption, Retention, S3Server};
use http::Method;

const CALL: Call<'static> = Call { context: CallContext::NONE, action: "ask", what: &"the service" };
const ODD: [&str; 9] =
    ["a", "a/b", "a//b", "a/b/", "ü ß", "日本/🦀", "plus+percent%2F&=?#", "quote\"'<>", "back\\slash|~*"];

fn client(server: &S3Server, bucket: &str) -> Client {
    Client::open(&server.address(bucket, ""), &server.settings(), &Http::default()).unwrap()
}

fn get(client: &Client, key: &str) -> Answer {
    client.answer(CALL, Ask::of(Method::GET, key)).unwrap()
}

fn put<'a>(key: &'a str, body: &[u8]) -> Ask<'a> {
    Ask::of(Method::PUT, key).body(body.to_vec())
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

/// The text of each element of this name.
fn elements<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    text.split(&open).skip(1).filter_map(|rest| rest.split(&close).next()).collect()
}

fn ask_list(client: &Client, query: &[(&str, &str)]) -> String {
    let ask = query.iter().fold(Ask::of_bucket(Method::GET).query("list-type", "2"), |ask, (name, value)| {
        ask.query(name, value)
    });
    client.success(CALL, ask).unwrap().text
}

#[test]
fn objects_come_back_under_any_key_with_all_that_belongs_to_them() {
    let server = S3Server::start();
    server.create_bucket("bucket");
    let client = client(&server, "bucket");
    for key in ODD {
        let ask = put(key, key.as_bytes())
            .header("content-type", "text/x-odd")
            .header("cache-control", "max-age=7")
            .header("content-encoding", "br")
            .header("content-disposition", "attachment")
            .header("content-language", "de")
            .header("x-amz-meta-colour", "blue")
            .header("x-amz-tagging", "team=a%26b&stage=one")
            .header("x-amz-storage-class", "STANDARD_IA");
        client.success(CALL, ask).unwrap();
        for method in [Method::GET, Method::HEAD] {
            let answer = client.success(CALL, Ask::of(method.clone(), key)).unwrap();
            let told = |name| answer.header(name);
            assert_eq!(answer.text, if method == Method::GET { key } else { "" });
            assert_eq!(told("content-length"), Some(key.len().to_string().as_str()));
            assert_eq!(told("content-type"), Some("text/x-odd"));
            assert_eq!(told("cache-control"), Some("max-age=7"));
            assert_eq!(told("content-encoding"), Some("br"));
            assert_eq!(told("content-disposition"), Some("attachment"));
            assert_eq!(told("content-language"), Some("de"));
            assert_eq!(told("x-amz-meta-colour"), Some("blue"));
            assert_eq!(told("x-amz-tagging-count"), Some("2"));
            assert_eq!(told("x-amz-storage-class"), Some("STANDARD_IA"));
        }
        let tags = client.success(CALL, Ask::of(Method::GET, key).query("tagging", "")).unwrap().text;
        assert_eq!(elements(&tags, "Value"), ["one", "a&amp;b"]);
    }
    let mut sorted = ODD.to_vec();
    sorted.sort_unstable();
    assert_eq!(server.keys("bucket"), sorted);
    let mut found = Vec::new();
    client
        .objects(CALL, "", &mut |key, object| {
            assert_eq!(object.size, key.len() as u64);
            found.push(key.to_owned());
            Ok(())
        })
        .unwrap();
    assert_eq!(found, sorted);
    let encoded = ask_list(&client, &[("encoding-type", "url"), ("prefix", "plus")]);
    assert_eq!(elements(&encoded, "Key"), ["plus%2Bpercent%252F%26%3D%3F%23"]);
    for key in ODD {
        client.success(CALL, Ask::of(Method::DELETE, key)).unwrap();
        assert_eq!(code(&get(&client, key)), (404, "NoSuchKey".into()));
    }
    assert!(server.keys("bucket").is_empty());
}

#[test]
fn reads_and_writes_may_have_conditions_and_ranges() {
    let server = S3Server::start();
    let etag = server.put("bucket", "key", "0123456789", Attributes::default());
    assert_eq!(etag, "781e5e245d69b566979b86e28d23f2c7");
    let client = client(&server, "bucket");
    let quoted = format!("\"{etag}\"");
    let ranged = |range| client.answer(CALL, Ask::of(Method::GET, "key").header("range", range)).unwrap();
    for (range, content, told) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
    ] {
        let answer = ranged(range);
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (206, content));
        assert_eq!(answer.header("content-range"), Some(told));
    }
    assert_eq!(code(&ranged("bytes=10-")), (416, "InvalidRange".into()));
    let with = |method: Method, name, value: &str| {
        client.answer(CALL, Ask::of(method, "key").header(name, value)).unwrap().status.as_u16()
    };
    assert_eq!(with(Method::GET, "if-match", &quoted), 200);
    assert_eq!(with(Method::GET, "if-match", "\"other\""), 412);
    assert_eq!(with(Method::GET, "if-none-match", &quoted), 304);
    assert_eq!(with(Method::PUT, "if-none-match", "*"), 412);
    assert_eq!(with(Method::PUT, "if-match", "\"other\""), 412);
    assert_eq!(with(Method::PUT, "if-match", &quoted), 200);
    assert_eq!(server.get("bucket", "key").unwrap().bytes.len(), 0);
    let wrong = put("other", b"content").header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    assert_eq!(code(&client.answer(CALL, wrong).unwrap()), (400, "BadDigest".into()));
    assert!(server.get("bucket", "other").is_none());
}

#[test]
fn lists_come_in_pages_and_fold_folders() {
    let server = S3Server::start();
    for key in ["a", "a/1", "a/2", "a0", "b/c/d", "b/e", "c"] {
        server.put("bucket", key, key, Attributes::default());
    }
    let client = client(&server, "bucket");
    let all = ask_list(&client, &[("delimiter", "/")]);
    assert_eq!(elements(&all, "Key"), ["a", "a0", "c"]);
    assert_eq!(elements(&all, "CommonPrefixes"), ["<Prefix>a/</Prefix>", "<Prefix>b/</Prefix>"]);
    assert_eq!(elements(&ask_list(&client, &[("prefix", "b/"), ("delimiter", "/")]), "Key"), ["b/e"]);
    assert_eq!(elements(&ask_list(&client, &[("start-after", "a/2")]), "Key"), ["a0", "b/c/d", "b/e", "c"]);
    for delimiter in ["", "/"] {
        let (mut keys, mut token) = (Vec::new(), None::<String>);
        loop {
            let mut query = vec![("max-keys", "1"), ("delimiter", delimiter)];
            query.extend(token.as_deref().map(|token| ("continuation-token", token)));
            let text = ask_list(&client, &query);
            assert_eq!(elements(&text, "KeyCount"), ["1"]);
            keys.extend(
                elements(&text, "Contents").iter().flat_map(|it| elements(it, "Key")).map(str::to_owned),
            );
            keys.extend(
                elements(&text, "CommonPrefixes")
                    .iter()
                    .flat_map(|it| elements(it, "Prefix"))
                    .map(str::to_owned),
            );
            token = elements(&text, "NextContinuationToken").first().map(|token| (*token).to_owned());
            assert_eq!(elements(&text, "IsTruncated"), [if token.is_some() { "true" } else { "false" }]);
            if token.is_none() {
                break;
            }
        }
        let expected: &[_] = match delimiter {
            "" => &["a", "a/1", "a/2", "a0", "b/c/d", "b/e", "c"],
            _ => &["a", "a/", "a0", "b/", "c"],
        };
        assert_eq!(keys, expected);
    }
}

#[test]
fn a_hundred_thousand_objects_are_cheap() {
    let server = S3Server::start();
    let start = Instant::now();
    for number in 0..100_000 {
        server.put("bucket", &format!("{:02}/{number:06}", number % 100), "x", Attributes::default());
    }
    let mut count = 0;
    client(&server, "bucket")
        .objects(CALL, "", &mut |_, _| {
            count += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(count, 100_000);
    assert_eq!(server.count("ListObjectsV2"), 100);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn versions_are_kept_where_the_bucket_keeps_them() {
    let server = S3Server::start();
    server.create_bucket_of_versions("bucket");
    let client = client(&server, "bucket");
    let versions = ["one", "two"].map(|text| {
        let answer = client.success(CALL, put("key", text.as_bytes())).unwrap();
        answer.header("x-amz-version-id").unwrap().to_owned()
    });
    let deleted = client.success(CALL, Ask::of(Method::DELETE, "key")).unwrap();
    assert_eq!(deleted.header("x-amz-delete-marker"), Some("true"));
    let marker = deleted.header("x-amz-version-id").unwrap().to_owned();
    assert_eq!(code(&get(&client, "key")), (404, "NoSuchKey".into()));
    let of = |method: Method, id: &str| {
        client.answer(CALL, Ask::of(method, "key").query("versionId", id)).unwrap()
    };
    assert_eq!(versions.each_ref().map(|id| of(Method::GET, id).text), ["one", "two"]);
    let list = client.success(CALL, Ask::of_bucket(Method::GET).query("versions", "")).unwrap().text;
    assert_eq!(elements(&list, "DeleteMarker").len(), 1);
    let listed: Vec<_> = elements(&list, "Version").iter().flat_map(|it| elements(it, "VersionId")).collect();
    assert_eq!(listed, [versions[1].as_str(), versions[0].as_str()]);
    assert!(ask_list(&client, &[]).contains("<KeyCount>0</KeyCount>"));
    assert_eq!(of(Method::DELETE, &marker).status, 204);
    assert_eq!(get(&client, "key").text, "two");
    assert_eq!(of(Method::DELETE, &versions[1]).status, 204);
    assert_eq!(get(&client, "key").text, "one");
}

#[test]
fn copies_take_attributes_along_or_replace_them() {
    let server = S3Server::start();
    let metadata = BTreeMap::from([("colour".to_owned(), "blue".to_owned())]);
    let tags = BTreeMap::from([("team".to_owned(), "one".to_owned())]);
    let attributes =
        Attributes { metadata, tags, content_type: Some("text/plain".into()), ..Attributes::default() };
    server.put("bucket", "ü/from", "content", attributes.clone());
    let client = client(&server, "bucket");
    let copy = |to| Ask::of(Method::PUT, to).header("x-amz-copy-source", "bucket/%C3%BC/from");
    client.success(CALL, copy("kept")).unwrap();
    assert_eq!(server.get("bucket", "kept").unwrap().attributes, attributes);
    let replaced = copy("replaced")
        .header("x-amz-metadata-directive", "REPLACE")
        .header("content-type", "text/html")
        .header("x-amz-tagging-directive", "REPLACE");
    client.success(CALL, replaced).unwrap();
    let replaced = server.get("bucket", "replaced").unwrap();
    assert_eq!(replaced.bytes, "content");
    assert_eq!(
        replaced.attributes,
        Attributes { content_type: Some("text/html".into()), ..Attributes::default() }
    );
    assert_eq!(code(&client.answer(CALL, copy("ü/from")).unwrap()).1, "InvalidRequest");
}

#[test]
fn what_is_locked_stays_and_the_request_must_carry_a_checksum() {
    let server = S3Server::start();
    server.create_bucket_of_locks("bucket");
    let client = client(&server, "bucket");
    let day = Duration::from_secs(24 * 60 * 60);
    let (long, longer) = ("2999-01-01T00:00:00Z", "2999-01-02T00:00:00Z");
    let locked = |key, mode| {
        put(key, b"")
            .header("x-amz-object-lock-mode", mode)
            .header("x-amz-object-lock-retain-until-date", long)
    };
    assert_eq!(
        code(&client.answer(CALL, locked("key", "COMPLIANCE")).unwrap()),
        (400, "InvalidRequest".into())
    );
    for mode in ["COMPLIANCE", "GOVERNANCE"] {
        let ask = locked(mode, mode).header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
        let id = client.success(CALL, ask).unwrap().header("x-amz-version-id").unwrap().to_owned();
        let delete = || Ask::of(Method::DELETE, mode).query("versionId", &id);
        assert_eq!(code(&client.answer(CALL, delete()).unwrap()), (403, "AccessDenied".into()));
        let retention = |until: &str| {
            let body = format!(
                "<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"
            );
            let ask = Ask::of(Method::PUT, mode)
                .query("retention", "")
                .query("versionId", &id)
                .body(body.into_bytes());
            client.answer(CALL, ask).unwrap().status.as_u16()
        };
        assert_eq!(retention("2998-01-01T00:00:00Z"), 403);
        assert_eq!(retention(longer), 200);
        let head = client.success(CALL, Ask::of(Method::HEAD, mode)).unwrap();
        assert_eq!(head.header("x-amz-object-lock-mode"), Some(mode));
        assert!(head.header("x-amz-object-lock-retain-until-date").unwrap().starts_with("2999-01-02T"));
        // Without a version the object is hidden, and kept.
        assert_eq!(client.answer(CALL, Ask::of(Method::DELETE, mode)).unwrap().status, 204);
        assert!(server.get("bucket", mode).is_none());
        assert!(server.get_version("bucket", mode, &id).is_some());
        let bypass =
            client.answer(CALL, delete().header("x-amz-bypass-governance-retention", "true")).unwrap();
        assert_eq!(bypass.status, if mode == "GOVERNANCE" { 204 } else { 403 });
    }
    let retention = Some(Retention { mode: "GOVERNANCE".into(), until: SystemTime::now() + day });
    server.put("bucket", "strict", "x", Attributes { retention, ..Attributes::default() });
    server.behave(|behaviour| behaviour.refuses_deletes_of_locked = true);
    assert_eq!(
        code(&client.answer(CALL, Ask::of(Method::DELETE, "strict")).unwrap()),
        (403, "AccessDenied".into())
    );
    server.put("bucket", "held", "x", Attributes { legal_hold: true, ..Attributes::default() });
    assert_eq!(code(&client.answer(CALL, Ask::of(Method::DELETE, "held")).unwrap()).0, 403);
    server.create_bucket("plain");
    let plain = self::client(&server, "plain");
    let ask = locked("key", "GOVERNANCE").header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    assert_eq!(code(&plain.answer(CALL, ask).unwrap()), (400, "InvalidRequest".into()));
}

#[test]
fn cold_objects_are_read_only_after_they_were_asked_for_and_waited_for() {
    let server = S3Server::start();
    server.behave(|behaviour| behaviour.thaw_time = Duration::from_secs(600));
    for class in ["GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"] {
        let attributes = Attributes { storage_class: Some(class.into()), ..Attributes::default() };
        server.put("bucket", class, class, attributes);
    }
    let client = client(&server, "bucket");
    let restore = |key, tier: &str| {
        let tier = format!("<GlacierJobParameters><Tier>{tier}</Tier></GlacierJobParameters>");
        let body = format!("<RestoreRequest><Days>3</Days>{tier}</RestoreRequest>");
        let ask = Ask::of(Method::POST, key).query("restore", "").body(body.into_bytes());
        code(&client.answer(CALL, ask).unwrap())
    };
    let header = |key| {
        let head = client.success(CALL, Ask::of(Method::HEAD, key)).unwrap();
        head.header("x-amz-restore").map(str::to_owned)
    };
    let listed = || {
        let mut listed = BTreeMap::new();
        let each = &mut |key: &str, object: &backstay_net::s3::listing::Object| {
            listed.insert(key.to_owned(), object.restore_status.as_ref().map(|it| it.is_restore_in_progress));
            Ok(())
        };
        client.objects_with_restores(CALL, "", each).unwrap();
        listed
    };
    assert!(listed().values().all(Option::is_none));
    assert_eq!(get(&client, "GLACIER_IR").text, "GLACIER_IR");
    assert_eq!(restore("GLACIER_IR", "Bulk").1, "InvalidObjectState");
    assert_eq!(restore("DEEP_ARCHIVE", "Expedited").1, "InvalidArgument");
    for key in ["GLACIER", "DEEP_ARCHIVE"] {
        assert_eq!(code(&get(&client, key)), (403, "InvalidObjectState".into()));
        assert_eq!(header(key), None);
        assert_eq!(restore(key, "Standard").0, 202);
        assert_eq!(restore(key, "Standard"), (409, "RestoreAlreadyInProgress".into()));
        assert_eq!(header(key).as_deref(), Some("ongoing-request=\"true\""));
        assert_eq!(code(&get(&client, key)).1, "InvalidObjectState");
        assert_eq!(listed()[key], Some(true));
        server.thaw();
        assert_eq!(listed()[key], Some(false));
        assert_eq!(get(&client, key).text, key);
        assert!(header(key).unwrap().starts_with("ongoing-request=\"false\", expiry-date=\""));
        assert_eq!(restore(key, "Standard").0, 200);
    }
}

#[test]
fn encryption_is_told_and_a_key_of_the_client_is_needed() {
    let server = S3Server::start();
    server.create_bucket("bucket");
    let client = client(&server, "bucket");
    let told = |key: &str, name: &str| {
        client.success(CALL, Ask::of(Method::HEAD, key)).unwrap().header(name).map(str::to_owned)
    };
    let name = "x-amz-server-side-encryption";
    client.success(CALL, put("aes", b"x").header(name, "AES256")).unwrap();
    assert_eq!(told("aes", name).as_deref(), Some("AES256"));
    let kms = put("kms", b"x")
        .header(name, "aws:kms")
        .header("x-amz-server-side-encryption-aws-kms-key-id", "my-key");
    client.success(CALL, kms).unwrap();
    assert_eq!(told("kms", name).as_deref(), Some("aws:kms"));
    assert_eq!(told("kms", "x-amz-server-side-encryption-aws-kms-key-id").as_deref(), Some("my-key"));
    assert_eq!(
        server.get("bucket", "kms").unwrap().attributes.encryption,
        Some(Encryption::Kms(Some("my-key".into())))
    );
    let customer = |ask: Ask<'static>| {
        ask.header("x-amz-server-side-encryption-customer-algorithm", "AES256")
            .header(
                "x-amz-server-side-encryption-customer-key",
                "bXkta2V5LW15LWtleS1teS1rZXktbXkta2V5LTEyMzQ=",
            )
            .header("x-amz-server-side-encryption-customer-key-md5", "JKHQwzZLYQXmrKRnRwRNcw==")
    };
    client.success(CALL, customer(put("own", b"x"))).unwrap();
    assert_eq!(code(&get(&client, "own")), (400, "InvalidRequest".into()));
    assert_eq!(client.success(CALL, customer(Ask::of(Method::GET, "own"))).unwrap().text, "x");
}

#[test]
fn uploads_in_parts_make_one_object() {
    let server = S3Server::start();
    server.create_bucket("bucket");
    server.behave(|behaviour| behaviour.least_part = 3);
    let client = client(&server, "bucket");
    let begin = Ask::of(Method::POST, "key").query("uploads", "").header("x-amz-meta-colour", "blue");
    let begun = client.success(CALL, begin.header("x-amz-checksum-algorithm", "SHA256")).unwrap().text;
    let id = elements(&begun, "UploadId")[0].to_owned();
    let part = |number: &str, body: &[u8]| {
        let ask = put("key", body).query("partNumber", number).query("uploadId", &id);
        client.success(CALL, ask).unwrap().header("etag").unwrap().to_owned()
    };
    let etags = [part("1", b"abc"), part("2", b"d"), part("3", b"e")];
    let listed = client
        .success(CALL, Ask::of(Method::GET, "key").query("uploadId", &id).query("max-parts", "2"))
        .unwrap();
    assert_eq!(elements(&listed.text, "PartNumber"), ["1", "2"]);
    assert_eq!(elements(&listed.text, "IsTruncated"), ["true"]);
    assert_eq!(elements(&listed.text, "ChecksumSHA256").len(), 2);
    let complete = |parts: &[(i32, &str)]| {
        let parts: String = parts
            .iter()
            .map(|(number, etag)| {
                format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
            })
            .collect();
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        client
            .answer(CALL, Ask::of(Method::POST, "key").query("uploadId", &id).body(body.into_bytes()))
            .unwrap()
    };
    let [one, two, three] = etags.each_ref().map(String::as_str);
    assert_eq!(complete(&[(1, two)]).code(), "InvalidPart");
    assert_eq!(complete(&[(2, two), (1, one)]).code(), "InvalidPartOrder");
    assert_eq!(complete(&[(1, one), (2, two), (3, three)]).code(), "EntityTooSmall");
    assert_eq!(server.open_uploads("bucket"), 1);
    assert!(complete(&[(1, one), (2, two)]).status.is_success());
    let object = server.get("bucket", "key").unwrap();
    assert_eq!(object.bytes, "abcd");
    assert_eq!(object.attributes.metadata["colour"], "blue");
    assert!(object.etag.ends_with("-2"), "{}", object.etag);
    assert_eq!(server.open_uploads("bucket"), 0);
    assert_eq!(complete(&[(1, one)]).code(), "NoSuchUpload");
    let begun = client.success(CALL, Ask::of(Method::POST, "other").query("uploads", "")).unwrap().text;
    let id = elements(&begun, "UploadId")[0];
    assert_eq!(
        client.success(CALL, Ask::of(Method::DELETE, "other").query("uploadId", id)).unwrap().status,
        204
    );
    assert_eq!(server.open_uploads("bucket"), 0);
}

#[test]
fn faults_are_as_the_test_wants_them() {
    let server = S3Server::start();
    server.put("bucket", "key", vec![7; 100_000], Attributes::default());
    let client = client(&server, "bucket");
    for (refused, status) in
        [("SlowDown", 503), ("InternalError", 500), ("ExpiredToken", 400), ("AccessDenied", 403)]
    {
        server.refuse(refused, 2);
        assert_eq!(code(&get(&client, "key")), (status, refused.to_owned()));
        assert_eq!(get(&client, "key").status.as_u16(), status);
        assert_eq!(get(&client, "key").status, 200);
    }
    server.refuse_operation("PutObject", "SlowDown", 1);
    assert_eq!(get(&client, "key").status, 200);
    assert_eq!(client.answer(CALL, put("new", b"")).unwrap().status, 503);
    server.behave(|behaviour| behaviour.cut = Some(Cut { after: 70_000, times: 1 }));
    let error = client.answer(CALL, Ask::of(Method::GET, "key")).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Transient, "{error}");
    assert_eq!(get(&client, "key").text.len(), 100_000);
    server.behave(|behaviour| behaviour.latency = Duration::from_millis(150));
    let start = Instant::now();
    client.success(CALL, Ask::of(Method::HEAD, "key")).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(150));
    server.behave(|behaviour| {
        (behaviour.latency, behaviour.bytes_per_second) = (Duration::ZERO, Some(400_000))
    });
    let start = Instant::now();
    assert_eq!(get(&client, "key").text.len(), 100_000);
    assert!(start.elapsed() >= Duration::from_millis(240), "{:?}", start.elapsed());
    server.behave(|behaviour| *behaviour = backstay_net::testing::Behaviour::default());
    server.forget_counts();
    server.hook(|asked, buckets| {
        if asked.operation == "GetObject" && asked.key == "key" {
            buckets.put("bucket", "key", "replaced", Attributes::default());
        }
    });
    assert_eq!(
        client.success(CALL, Ask::of(Method::HEAD, "key")).unwrap().header("content-length"),
        Some("100000")
    );
    assert_eq!(get(&client, "key").text, "replaced");
    assert_eq!(server.counts(), BTreeMap::from([("GetObject".to_owned(), 1), ("HeadObject".to_owned(), 1)]));
}

#[test]
fn nobody_gets_in_without_the_key() {
    let server = S3Server::start();
    server.put("bucket", "key", "x", Attributes::default());
    let open = |settings| Client::open(&server.address("bucket", ""), &settings, &Http::default()).unwrap();
    let anonymous = open(Settings { anonymous: true, ..Settings::default() });
    assert_eq!(code(&get(&anonymous, "key")), (403, "AccessDenied".into()));
    let wrong = Credentials {
        secret_access_key: backstay_net::Secret::new("wrong"),
        ..server.settings().credentials.unwrap()
    };
    let wrong = open(Settings { credentials: Some(wrong), ..Settings::default() });
    assert_eq!(code(&get(&wrong, "key")), (403, "SignatureDoesNotMatch".into()));
}
