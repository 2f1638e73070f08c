//! A receiver that is killed goes on where it was.

use std::io::Write;

use axum::body::Body;

use crate::world::{World, checksum, hex, metadata, noise};

fn data_of(upload: &str) -> String {
    format!(".receiver/uploads/{}/data", upload.rsplit('/').next().unwrap())
}

#[tokio::test]
async fn what_counted_counts_and_the_rest_does_not() {
    let world = World::new();
    let client = world.client("db1");
    let token = client.token.clone();
    let content = noise(200_000, 1);
    let upload = client.begin("a", content.len()).await;
    client.patch(&upload, 0, &[], content[..100_000].to_vec()).await.is(204);
    let data = data_of(&upload);
    // The process was killed in the middle of a piece: bytes lie there that were never counted, and a state half written.
    let world = world.restart(|folder| {
        let mut file = std::fs::OpenOptions::new().append(true).open(folder.join(&data)).unwrap();
        file.write_all(b"rubbish that did not count").unwrap();
        std::fs::write(folder.join(&data).with_file_name(".state.json.new"), "{\"off").unwrap();
        std::fs::create_dir(folder.join(".receiver/uploads/.0123.new")).unwrap();
        std::fs::write(folder.join(".receiver/incoming/left"), "over").unwrap();
    });
    assert!(world.files(".receiver/incoming").is_empty());
    let client = world.known(&token);
    assert_eq!(client.offset(&upload).await, 100_000);
    client.create("a", 5, &[]).await.is(409);
    let rest = &content[100_000..];
    client.patch(&upload, 100_000, &[("upload-checksum", &checksum(rest))], rest.to_vec()).await.is(204);
    assert!(client.get("/archives/a").await.is(200).body == content);
    assert_eq!(
        world.files(".receiver/uploads").len(),
        2,
        "record and state of what is finished, and no data"
    );
}

#[tokio::test]
async fn a_file_that_has_all_its_bytes_is_finished_by_the_next_question() {
    let world = World::new();
    let client = world.client("db1");
    let token = client.token.clone();
    let upload =
        client.create("a", 4, &[("backstay-finish", "asked")]).await.is(201).header("location").to_owned();
    client.patch(&upload, 0, &[], "0123").await.is(204);
    let record = data_of(&upload).replace("/data", "/record.json");
    // As if it had been killed between the last byte and the name.
    let world = world.restart(|folder| {
        let text = std::fs::read_to_string(folder.join(&record)).unwrap();
        std::fs::write(folder.join(&record), text.replace("\"held\":true", "\"held\":false")).unwrap();
    });
    assert_eq!(world.known(&token).offset(&upload).await, 4);
    assert_eq!(world.files("archives"), ["db1/a"]);
}

#[tokio::test]
async fn a_name_that_was_given_and_not_noted_is_found_out() {
    let world = World::new();
    let client = world.client("db1");
    let token = client.token.clone();
    let upload = client.begin("a", 4).await;
    client.patch(&upload, 0, &[], "0123").await.is(204);
    let state = data_of(&upload).replace("/data", "/state.json");
    let world = world.restart(|folder| {
        let text = std::fs::read_to_string(folder.join(&state)).unwrap();
        let finished = format!("\"finished\":\"{}\"", hex(b"0123"));
        assert!(text.contains(&finished), "{text}");
        std::fs::write(folder.join(&state), text.replace(&finished, "\"finished\":null")).unwrap();
    });
    let client = world.known(&token);
    assert_eq!(client.offset(&upload).await, 4);
    assert_eq!(client.get(&upload).await.is(200).json()["finished"], true);
    assert_eq!(client.get("/archives/a").await.is(200).body, b"0123");
}

#[tokio::test]
async fn a_finished_file_is_known_after_a_restart_and_its_quota_too() {
    let world = World::new();
    let client = world.client_with(backstay_receiver::NewClient {
        name: "db1".to_owned(),
        quota: Some(10),
        ..backstay_receiver::NewClient::default()
    });
    let token = client.token.clone();
    client.put("a", b"0123").await;
    let open = client.begin("b", 5).await;
    let world = world.restart(|_| ());
    let client = world.known(&token);
    assert_eq!(client.get("/archives/").await.json()["files"][0]["sha256"], hex(b"0123"));
    assert_eq!(client.create("c", 2, &[]).await.is(507).kind(), "quota");
    client.begin("c", 1).await;
    client.ask("DELETE", &open, &[], Body::empty()).await.is(204);
    client.begin("d", 5).await;
}

#[tokio::test]
async fn a_file_changed_by_hand_has_no_sum_any_more() {
    let world = World::new();
    let client = world.client("db1");
    client.put("a", b"0123").await;
    std::fs::write(world.path("archives/db1/a"), "other bytes").unwrap();
    assert_eq!(client.get("/archives/").await.json()["files"][0]["sha256"], serde_json::Value::Null);
}

#[tokio::test]
async fn two_receivers_never_share_a_folder() {
    let world = World::new();
    let settings = backstay_receiver::Settings::new(world.folder.path());
    struct Never;
    impl backstay_core::Clock for Never {
        fn now(&self) -> backstay_core::Timestamp {
            backstay_core::Timestamp::utc(0, 0)
        }
        fn sleep(&self, _: std::time::Duration) {}
    }
    impl backstay_core::Random for Never {
        fn fill(&self, _: &mut [u8]) {}
    }
    let second =
        backstay_receiver::Receiver::open(settings, std::sync::Arc::new(Never), std::sync::Arc::new(Never));
    assert!(matches!(second, Err(backstay_receiver::CannotOpen::InUse(_))));
}

#[tokio::test]
async fn a_request_that_comes_later_takes_over_from_one_that_hangs() {
    let world = World::new();
    let client = world.client("db1");
    let metadata = metadata("a", None);
    let headers = [("upload-length", "8"), ("upload-metadata", metadata.as_str())];
    let upload = client.ask("POST", "/archives/", &headers, Body::empty()).await.is(201);
    let upload = upload.header("location").to_owned();
    /// Sends four bytes and then nothing, for ever.
    struct Hanging(bool);
    impl http_body::Body for Hanging {
        type Data = bytes::Bytes;
        type Error = std::io::Error;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, std::io::Error>>> {
            if std::mem::replace(&mut self.0, true) {
                return std::task::Poll::Pending;
            }
            std::task::Poll::Ready(Some(Ok(http_body::Frame::data(bytes::Bytes::from_static(b"0123")))))
        }
    }
    let hanging = client.patch(&upload, 0, &[], Body::new(Hanging(false)));
    let going_on = async {
        // The hanging one has the turn once it shows what arrives.
        while client.get(&upload).await.json()["arriving"] != 4 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let offset = client.offset(&upload).await;
        client.patch(&upload, usize::try_from(offset).unwrap(), &[], "4567").await.is(204);
        offset
    };
    let (hung, offset) = tokio::join!(hanging, going_on);
    assert_eq!((hung.status.as_u16(), offset), (503, 4));
    assert_eq!(client.get("/archives/a").await.is(200).body, b"01234567");
}
