//! tus 1.0.0, as a client uses it.

use axum::body::Body;

use crate::world::{World, checksum, cut, hex, metadata, noise};

#[tokio::test]
async fn a_file_comes_in_pieces_and_is_there_when_it_is_whole() {
    let world = World::new();
    let client = world.client("db1");
    let content = noise(300_000, 1);
    let upload = client.begin("daily/Data 1.zip", content.len()).await;
    assert!(upload.starts_with("/archives/.uploads/"), "{upload}");
    assert_eq!(client.offset(&upload).await, 0);
    let first = client.patch(&upload, 0, &[], content[..100_000].to_vec()).await.is(204);
    assert_eq!(first.header("upload-offset"), "100000");
    assert_eq!(first.header("tus-resumable"), "1.0.0");
    assert!(first.header("upload-expires").ends_with("GMT"));
    assert_eq!(client.offset(&upload).await, 100_000);
    assert!(world.files("archives").is_empty(), "nothing half-written is visible");
    client.get("/archives/daily/Data%201.zip").await.is(404);
    client
        .patch(
            &upload,
            100_000,
            &[("upload-checksum", &checksum(&content[100_000..]))],
            content[100_000..].to_vec(),
        )
        .await
        .is(204);
    assert_eq!(world.files("archives"), ["db1/daily/Data 1.zip"]);
    // A client that did not hear the last answer finds out that all is there.
    assert_eq!(client.offset(&upload).await, content.len() as u64);

    let file = client.get("/archives/daily/Data%201.zip").await.is(200);
    assert!(file.body == content);
    assert_eq!(file.header("backstay-sha256"), hex(&content));
    let part = client
        .ask("GET", "/archives/daily/Data%201.zip", &[("range", "bytes=5-9")], Body::empty())
        .await
        .is(206);
    assert_eq!(part.body, &content[5..10]);
    assert_eq!(part.header("content-range"), "bytes 5-9/300000");
    let head = client.ask("HEAD", "/archives/daily/Data%201.zip", &[], Body::empty()).await.is(200);
    assert_eq!((head.header("content-length"), head.body.len()), ("300000", 0));
    let list = client.get("/archives/").await.is(200).json();
    assert_eq!(list["files"][0]["name"], "daily/Data 1.zip");
    assert_eq!(list["files"][0]["sha256"], hex(&content));

    client.ask("DELETE", "/archives/daily/Data%201.zip", &[], Body::empty()).await.is(204);
    assert!(world.files("archives").is_empty() && !world.path("archives/db1/daily").exists());
    assert_eq!(client.get("/archives/").await.json()["files"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn an_empty_file_and_one_that_comes_with_its_creation() {
    let world = World::new();
    let client = world.client("db1");
    client.create("empty", 0, &[]).await.is(201);
    assert_eq!(client.get("/archives/empty").await.is(200).body, b"");
    let metadata = metadata("one", Some(&hex(b"content")));
    let headers = [("upload-length", "7"), ("upload-metadata", metadata.as_str()), crate::world::STREAM];
    let answer = client.ask("POST", "/archives/", &headers, "content").await.is(201);
    assert_eq!(answer.header("upload-offset"), "7");
    assert_eq!(client.get("/archives/one").await.is(200).body, b"content");
}

#[tokio::test]
async fn what_the_server_can_do_is_told_to_anybody() {
    let world = World::new();
    let request = axum::http::Request::options("/archives/").body(Body::empty()).unwrap();
    let answer = world.ask(request).await.is(204);
    assert_eq!(answer.header("tus-version"), "1.0.0");
    for extension in
        ["creation", "creation-with-upload", "checksum", "expiration", "concatenation", "termination"]
    {
        assert!(answer.header("tus-extension").split(',').any(|known| known == extension), "{extension}");
    }
    assert_eq!(answer.header("tus-checksum-algorithm"), "sha256,sha1");
}

#[tokio::test]
async fn a_garbled_piece_leaves_the_offset_as_it_was() {
    let world = World::new();
    let client = world.client("db1");
    let upload = client.begin("a", 10).await;
    client.patch(&upload, 0, &[], "01234").await.is(204);
    let wrong = [("upload-checksum", checksum(b"56789"))].map(|(name, value)| (name, value.leak() as &str));
    let answer = client.patch(&upload, 5, &wrong, "5678x").await.is(460);
    assert_eq!(answer.kind(), "checksum_mismatch");
    assert_eq!(client.offset(&upload).await, 5);
    client.patch(&upload, 5, &wrong, "56789").await.is(204);
    assert_eq!(client.get("/archives/a").await.is(200).body, b"0123456789");
    let upload = client.begin("b", 3).await;
    // SHA-1 of "abc".
    client
        .patch(&upload, 0, &[("upload-checksum", "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=")], "abc")
        .await
        .is(204);
    let upload = client.begin("c", 3).await;
    client.patch(&upload, 0, &[("upload-checksum", "md5 kAFQmDzST7DWlj99KOF/cg==")], "abc").await.is(400);
}

#[tokio::test]
async fn a_piece_that_is_cut_keeps_what_came_unless_it_has_a_checksum() {
    let world = World::new();
    let client = world.client("db1");
    let upload = client.begin("a", 10).await;
    client.patch(&upload, 0, &[], cut(b"0123")).await.is(400);
    assert_eq!(client.offset(&upload).await, 4);
    let sum = checksum(b"456789");
    client.patch(&upload, 4, &[("upload-checksum", &sum)], cut(b"456")).await.is(400);
    assert_eq!(client.offset(&upload).await, 4);
    client.patch(&upload, 4, &[("upload-checksum", &sum)], "456789").await.is(204);
    assert_eq!(client.get("/archives/a").await.is(200).body, b"0123456789");
}

#[tokio::test]
async fn a_whole_file_that_is_not_what_was_announced_gets_no_name_and_can_be_mended() {
    let world = World::new();
    let client = world.client("db1");
    let content = noise(50_000, 3);
    let metadata = metadata("a", Some(&hex(&content)));
    let headers = [("upload-length", "50000"), ("upload-metadata", metadata.as_str())];
    let upload = client.ask("POST", "/archives/", &headers, Body::empty()).await.is(201);
    let upload = upload.header("location").to_owned();
    let mut wrong = content.clone();
    wrong[20_001] ^= 1;
    client.patch(&upload, 0, &[], wrong).await.is(460);
    client.ask("HEAD", &upload, &[], Body::empty()).await.is(460);
    assert!(world.files("archives").is_empty());
    // Each chunk is told as it lies on the disk, so that the client finds the bad one and replaces it.
    let chunks = client.get(&format!("{upload}/chunks?size=20000")).await.is(200);
    let lines: Vec<serde_json::Value> = String::from_utf8(chunks.body)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let bad: Vec<u64> = (0..3_usize)
        .filter(|index| {
            let end = (index * 20_000 + 20_000).min(50_000);
            lines[*index]["sha256"] != hex(&content[index * 20_000..end])
        })
        .map(|index| index as u64)
        .collect();
    assert_eq!((bad, lines[3]["end"] == true), (vec![1], true));
    client.patch(&upload, 20_000, &[], content[20_000..40_000].to_vec()).await.is(409);
    client
        .patch(&upload, 20_000, &[("backstay-replace", "true")], content[20_000..40_000].to_vec())
        .await
        .is(204);
    assert!(client.get("/archives/a").await.is(200).body == content);
}

#[tokio::test]
async fn a_file_may_wait_until_it_is_asked_to_be_finished() {
    let world = World::new();
    let client = world.client("db1");
    let upload = client.create("a", 4, &[("backstay-finish", "asked")]).await.is(201);
    let upload = upload.header("location").to_owned();
    client.patch(&upload, 0, &[], "0123").await.is(204);
    assert_eq!(client.offset(&upload).await, 4);
    assert!(world.files("archives").is_empty());
    client.patch(&upload, 4, &[("content-length", "0")], Body::empty()).await.is(204);
    client.patch(&upload, 4, &[("content-length", "0")], Body::empty()).await.is(204);
    assert_eq!(world.files("archives"), ["db1/a"]);
}

#[tokio::test]
async fn an_upload_that_is_ended_leaves_nothing() {
    let world = World::new();
    let client = world.client("db1");
    let upload = client.begin("a", 10).await;
    client.patch(&upload, 0, &[], "0123").await.is(204);
    client.ask("DELETE", &upload, &[], Body::empty()).await.is(204);
    client.ask("HEAD", &upload, &[], Body::empty()).await.is(404);
    client.ask("DELETE", &upload, &[], Body::empty()).await.is(404);
    assert!(world.files(".receiver/uploads").is_empty());
    client.begin("a", 10).await;
}

#[tokio::test]
async fn methods_may_come_in_a_header_and_versions_are_checked() {
    let world = World::new();
    let client = world.client("db1");
    let upload = client.begin("a", 3).await;
    let headers = [("x-http-method-override", "PATCH"), ("upload-offset", "0"), crate::world::STREAM];
    client.ask("POST", &upload, &headers, "abc").await.is(204);
    let request = axum::http::Request::head(&upload)
        .header("authorization", format!("Bearer {}", client.token))
        .header("tus-resumable", "0.2.2");
    let answer = world.ask(request.body(Body::empty()).unwrap()).await.is(412);
    assert_eq!(answer.header("tus-version"), "1.0.0");
    client.ask("PUT", "/archives/a", &[], Body::empty()).await.is(405);
}
