//! Files that are put together from parts.

use axum::body::Body;

use crate::world::{One, World, hex, metadata, noise};

async fn part(client: &One<'_>, content: &[u8]) -> String {
    let length = content.len().to_string();
    let headers = [("upload-length", length.as_str()), ("upload-concat", "partial")];
    let upload = client.ask("POST", "/archives/", &headers, Body::empty()).await.is(201);
    let upload = upload.header("location").to_owned();
    client.patch(&upload, 0, &[], content.to_vec()).await.is(204);
    upload
}

async fn join(client: &One<'_>, name: &str, parts: &[&str], sha256: Option<&str>) -> crate::world::Answer {
    let (concat, metadata) = (format!("final;{}", parts.join(" ")), metadata(name, sha256));
    let headers = [("upload-concat", concat.as_str()), ("upload-metadata", metadata.as_str())];
    client.ask("POST", "/archives/", &headers, Body::empty()).await
}

#[tokio::test]
async fn parts_are_put_together_in_the_order_that_is_asked_for() {
    let world = World::new();
    let client = world.client("db1");
    let content = noise(300_000, 5);
    let last = part(&client, &content[100_000..]).await;
    let first = part(&client, &content[..100_000]).await;
    assert!(world.files("archives").is_empty());
    let head = client.ask("HEAD", &first, &[], Body::empty()).await.is(200);
    assert_eq!(head.header("upload-concat"), "partial");
    let whole = join(&client, "a/Data.zip", &[&first, &last], Some(&hex(&content))).await.is(201);
    let whole = whole.header("location").to_owned();
    assert!(client.get("/archives/a/Data.zip").await.is(200).body == content);
    // The parts are gone; a client that asks again because it did not hear the answer gets the same one.
    client.ask("HEAD", &first, &[], Body::empty()).await.is(404);
    let again = join(&client, "a/Data.zip", &[&first, &last], Some(&hex(&content))).await.is(201);
    assert_eq!(again.header("location"), whole);
    let head = client.ask("HEAD", &whole, &[], Body::empty()).await.is(200);
    assert_eq!(head.header("upload-concat"), format!("final;{first} {last}"));
    assert_eq!(head.header("upload-offset"), "300000");
    client.patch(&whole, 300_000, &[], "x").await.is(403);
}

#[tokio::test]
async fn only_ones_own_complete_parts_are_put_together() {
    let world = World::new();
    let (owner, thief) = (world.client("owner"), world.client("thief"));
    let (a, b) = (part(&owner, b"aaa").await, part(&owner, b"bbb").await);
    join(&thief, "x", &[&a, &b], None).await.is(404);
    join(&thief, "x", &[&part(&thief, b"ccc").await, &b], None).await.is(404);
    join(&owner, "x", &[&a, &a], None).await.is(400);
    join(&owner, "x", &[], None).await.is(400);
    join(&owner, "../x", &[&a, &b], None).await.is(400);
    let whole = owner.begin("whole", 3).await;
    join(&owner, "x", &[&a, &whole], None).await.is(403);
    let headers = [("upload-length", "5"), ("upload-concat", "partial")];
    let open = owner.ask("POST", "/archives/", &headers, Body::empty()).await.is(201);
    join(&owner, "x", &[&a, open.header("location")], None).await.is(409);
    let wrong = hex(b"something else");
    join(&owner, "x", &[&a, &b], Some(&wrong)).await.is(460);
    assert!(world.files("archives").is_empty());
    // After all that the parts are still good.
    join(&owner, "x", &[&b, &a], Some(&hex(b"bbbaaa"))).await.is(201);
    assert_eq!(owner.get("/archives/x").await.is(200).body, b"bbbaaa");
    assert_eq!(join(&owner, "x", &[&part(&owner, b"c").await], None).await.is(409).kind(), "exists");
}

#[tokio::test]
async fn parts_count_against_the_quota_once() {
    let world = World::new();
    let client = world.client_with(backstay_receiver::NewClient {
        name: "db1".to_owned(),
        quota: Some(100),
        ..backstay_receiver::NewClient::default()
    });
    let (a, b) = (part(&client, &[1; 50]).await, part(&client, &[2; 50]).await);
    join(&client, "x", &[&a, &b], None).await.is(201);
    let one = world.receiver.clients().all().unwrap()[0].clone();
    assert_eq!(world.receiver.used(&one).unwrap(), (100, 0));
    assert_eq!(client.create("y", 1, &[]).await.is(507).kind(), "quota");
}
