//! restic's REST protocol, as a client uses it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use backstay_receiver::NewClient;

use crate::world::{One, World, counted, cut, hex, noise};

const V2: &str = "application/vnd.x.restic.rest.v2";

async fn save(client: &One<'_>, place: &str, kind: &str, content: &[u8]) -> (String, u16) {
    let path = format!("{place}{kind}/{}", hex(content));
    let answer = client.ask("POST", &path, &[], content.to_vec()).await;
    (path, answer.status.as_u16())
}

#[tokio::test]
async fn a_repository_is_made_filled_listed_and_read() {
    let world = World::new();
    let client = world.client("db1");
    for place in ["/repo/", "/repo/second/one/"] {
        client.ask("HEAD", &format!("{place}config"), &[], Body::empty()).await.is(404);
        client.ask("POST", place, &[], Body::empty()).await.is(400);
        client.ask("POST", &format!("{place}?create=true"), &[], Body::empty()).await.is(200);
        client.ask("POST", &format!("{place}?create=true"), &[], Body::empty()).await.is(200);
        client.ask("POST", &format!("{place}config"), &[], "any content").await.is(200);
        assert_eq!(client.get(&format!("{place}config")).await.is(200).body, b"any content");
        let content = noise(100_000, 1);
        for kind in ["data", "index", "keys", "locks", "snapshots"] {
            let empty = client.get(&format!("{place}{kind}/")).await.is(200);
            assert_eq!(empty.body, b"[]", "{kind}");
            let (path, status) = save(&client, place, kind, &content).await;
            assert_eq!(status, 200);
            let list = client.get(&format!("{place}{kind}/")).await.is(200);
            assert_eq!(list.json(), serde_json::json!([hex(&content)]));
            let list =
                client.ask("GET", &format!("{place}{kind}/"), &[("accept", V2)], Body::empty()).await.is(200);
            assert_eq!(list.header("content-type"), V2);
            assert_eq!(list.json(), serde_json::json!([{"name": hex(&content), "size": 100_000}]));
            let head = client.ask("HEAD", &path, &[], Body::empty()).await.is(200);
            assert_eq!(head.header("content-length"), "100000");
            let part = client.ask("GET", &path, &[("range", "bytes=7-16")], Body::empty()).await.is(206);
            assert_eq!(part.body, &content[7..17]);
            client.ask("GET", &path, &[("range", "bytes=100000-")], Body::empty()).await.is(416);
            client.ask("DELETE", &path, &[], Body::empty()).await.is(200);
            client.ask("DELETE", &path, &[], Body::empty()).await.is(404);
        }
    }
    assert_eq!(world.files("repo"), ["db1/config", "db1/second/one/config"]);
    client.ask("DELETE", "/repo/", &[], Body::empty()).await.is(501);
    world.client("db2").get("/repo/config").await.is(404);
}

#[tokio::test]
async fn what_is_not_what_its_name_says_is_never_there() {
    let world = World::new();
    let client = world.client("db1");
    client.ask("POST", "/repo/?create=true", &[], Body::empty()).await.is(200);
    let content = noise(50_000, 1);
    let path = format!("/repo/data/{}", hex(&content));
    let mut garbled = content.clone();
    garbled[49_999] ^= 1;
    client.ask("POST", &path, &[], garbled).await.is(400);
    client.ask("POST", &path, &[], cut(&content[..1000])).await.is(400);
    assert!(world.files("repo").is_empty() && world.files(".receiver/incoming").is_empty());
    client.ask("POST", &path, &[], content.clone()).await.is(200);
    // Once more is fine, as a client may not have heard the answer; unless it asks not to.
    client.ask("POST", &path, &[], content.clone()).await.is(200);
    client.ask("POST", &path, &[("if-none-match", "*")], content.clone()).await.is(412);
    // A damaged file in its place is told.
    let file = world.path(&format!("repo/db1/data/{}/{}", &hex(&content)[..2], hex(&content)));
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, "short").unwrap();
    client.ask("POST", &path, &[], content).await.is(403);
    client.ask("POST", "/repo/config", &[], "one").await.is(200);
    client.ask("POST", "/repo/config", &[], "two").await.is(403);
    assert_eq!(client.get("/repo/config").await.body, b"one");
}

#[tokio::test]
async fn a_client_that_may_only_append_removes_locks_alone() {
    let world = World::new();
    let client =
        world.client_with(NewClient { append_only: true, name: "db1".to_owned(), ..NewClient::default() });
    client.ask("POST", "/repo/?create=true", &[], Body::empty()).await.is(200);
    client.ask("POST", "/repo/config", &[], "config").await.is(200);
    for kind in ["data", "index", "keys", "snapshots"] {
        let (path, _) = save(&client, "/repo/", kind, b"content").await;
        client.ask("DELETE", &path, &[], Body::empty()).await.is(403);
        client.get(&path).await.is(200);
    }
    client.ask("DELETE", "/repo/config", &[], Body::empty()).await.is(403);
    let (path, _) = save(&client, "/repo/", "locks", b"content").await;
    client.ask("DELETE", &path, &[], Body::empty()).await.is(200);
}

#[tokio::test]
async fn only_files_of_a_repository_are_there() {
    let world = World::new();
    let client = world.client("db1");
    client.ask("POST", "/repo/?create=true", &[], Body::empty()).await.is(200);
    std::fs::write(world.path("repo/db1/index/README"), "x").unwrap();
    std::fs::write(world.path(&format!("repo/db1/data/00/{}", "ab".repeat(32))), "x").unwrap();
    assert_eq!(client.get("/repo/index/").await.is(200).body, b"[]");
    assert_eq!(client.get("/repo/data/").await.is(200).body, b"[]");
    client.get("/repo/index/README").await.is(400);
    client.ask("POST", "/repo/index/x", &[], "x").await.is(400);
    client.ask("POST", "/repo/nowhere/config", &[], "x").await.is(404);
    client.ask("PATCH", "/repo/config", &[], "x").await.is(405);
}

/// A refusal that comes while the client still sends would be lost with the connection.
#[tokio::test]
async fn a_refusal_waits_until_its_client_has_sent_all() {
    let world = World::new();
    let client = world.client("db1");
    client.ask("POST", "/repo/?create=true", &[], Body::empty()).await.is(200);
    let content = noise(300_000, 1);
    let path = format!("/repo/data/{}", hex(&content));
    client.ask("POST", &path, &[], content.clone()).await.is(200);
    let send_again = async |headers: &[(&str, &str)]| {
        let sent = Arc::new(AtomicUsize::new(0));
        client.ask("POST", &path, headers, counted(&content, &sent)).await.is(412);
        sent.load(Ordering::SeqCst)
    };
    assert_eq!(send_again(&[("if-none-match", "*")]).await, content.len());
    // Who asks before it sends has not sent anything, and need not.
    assert_eq!(send_again(&[("if-none-match", "*"), ("expect", "100-continue")]).await, 0);
}
