//! What nobody may get away with.

use std::os::unix::fs::symlink;

use axum::body::Body;
use backstay_receiver::NewClient;

use crate::world::{World, checksum, hex, metadata, noise};

fn limited(name: &str, quota: u64) -> NewClient {
    NewClient { name: name.to_owned(), quota: Some(quota), ..NewClient::default() }
}

#[tokio::test]
async fn names_lead_nowhere_else() {
    let world = World::new();
    let client = world.client("db1");
    for name in
        ["../evil", "/etc/evil", "a/../../evil", ".receiver/x", "a/.b", "", "a//b", "a\0b", "a\nb", "x\\y"]
    {
        let answer = client.create(name, 3, &[]).await.is(400);
        assert_eq!(answer.kind(), "bad_name", "{name:?}");
    }
    for path in [
        "/archives/%2e%2e/.receiver/clients.json",
        "/archives/..%2f..%2fx",
        "/archives/.receiver/x",
        "/archives/a%00",
    ] {
        client.get(path).await.is(400);
        client.ask("DELETE", path, &[], Body::empty()).await.is(400);
    }
    client.get("/archives/%ff").await.is(400);
    client.get("/repo/%2e%2e/%2e%2e/.receiver/config").await.is(400);
    assert!(world.files("archives").is_empty());
}

#[tokio::test]
async fn links_are_not_followed() {
    let world = World::new();
    let client = world.client("db1");
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    std::fs::create_dir_all(world.path("archives/db1")).unwrap();
    symlink(outside.path(), world.path("archives/db1/out")).unwrap();
    symlink(outside.path().join("secret"), world.path("archives/db1/file")).unwrap();
    for path in ["/archives/out/secret", "/archives/file"] {
        let status = client.get(path).await.status.as_u16();
        assert!(matches!(status, 404 | 409), "{path}: {status}");
        let status = client.ask("DELETE", path, &[], Body::empty()).await.status.as_u16();
        assert!(matches!(status, 404 | 409), "{path}: {status}");
    }
    let answer = client.create("out/new", 3, &[]).await;
    assert_eq!(answer.status.as_u16(), 409);
    client.create("file", 3, &[]).await.is(409);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(client.get("/archives/").await.json()["files"].as_array().unwrap().len(), 0);
    // One that is put there while an upload runs is met at its end.
    let upload = client.begin("late/new", 3).await;
    symlink(outside.path(), world.path("archives/db1/late")).unwrap();
    client.patch(&upload, 0, &[], "abc").await.is(409);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_upload_is_its_clients_alone() {
    let world = World::new();
    let (owner, thief) = (world.client("owner"), world.client("thief"));
    let upload = owner.begin("a", 10).await;
    owner.patch(&upload, 0, &[], "0123").await.is(204);
    thief.ask("HEAD", &upload, &[], Body::empty()).await.is(404);
    thief.get(&upload).await.is(404);
    thief.get(&format!("{upload}/chunks?size=2")).await.is(404);
    thief.patch(&upload, 4, &[], "456789").await.is(404);
    thief.ask("DELETE", &upload, &[], Body::empty()).await.is(404);
    assert_eq!(owner.offset(&upload).await, 4);
    owner.patch(&upload, 4, &[], "456789").await.is(204);
    thief.get("/archives/a").await.is(404);
    // A client that is made anew under an old name with another folder has nothing of the old one's.
    let upload = owner.begin("b", 10).await;
    world.receiver.clients().remove("owner").unwrap();
    let again =
        NewClient { name: "owner".to_owned(), folder: Some("other".to_owned()), ..NewClient::default() };
    world.client_with(again).ask("HEAD", &upload, &[], Body::empty()).await.is(404);
}

#[tokio::test]
async fn lies_about_offset_and_length_are_refused() {
    let world = World::new();
    let client = world.client("db1");
    let upload = client.begin("a", 10).await;
    client.patch(&upload, 0, &[], "0123").await.is(204);
    for offset in [0, 3, 5, 10, 11] {
        let answer = client.patch(&upload, offset, &[], "x").await.is(409);
        assert_eq!(answer.header("upload-offset"), "4");
    }
    // More than there is room for, told beforehand and not.
    client.patch(&upload, 4, &[("content-length", "7")], "4567890").await.is(413);
    client.patch(&upload, 4, &[], "4567890").await.is(413);
    client.patch(&upload, 4, &[("upload-checksum", &checksum(b"4567890"))], "4567890").await.is(413);
    client.patch(&upload, 11, &[("backstay-replace", "true")], "x").await.is(409);
    assert_eq!(client.offset(&upload).await, 4);
    client.patch(&upload, 4, &[], "456789").await.is(204);
    client.patch(&upload, 10, &[], "x").await.is(403);
    client.patch(&upload, 0, &[("backstay-replace", "true")], "x").await.is(403);
    assert_eq!(client.get("/archives/a").await.is(200).body, b"0123456789");
    for length in ["-1", "x", "18446744073709551616", "18446744073709551615", ""] {
        client.create("b", 0, &[("upload-length", length)]).await;
        let headers = [("upload-length", length), ("upload-metadata", "filename Yg==")];
        client.ask("POST", "/archives/", &headers, Body::empty()).await.is(400);
    }
    client.ask("POST", "/archives/", &[("upload-metadata", "filename Yg==")], Body::empty()).await.is(400);
    client.ask("POST", "/archives/", &[("upload-defer-length", "1")], Body::empty()).await.is(400);
    let answer = client.ask("PATCH", &upload, &[("upload-offset", "10")], "x").await;
    answer.is(415);
}

#[tokio::test]
async fn a_name_is_taken_once_and_each_client_has_its_own() {
    let world = World::new();
    let (one, two) = (world.client("one"), world.client("two"));
    let first = one.begin("Data.zip", 3).await;
    let answer = one.create("Data.zip", 3, &[]).await.is(409);
    assert_eq!(answer.kind(), "exists");
    assert!(answer.headers.get("location").is_none());
    let second = two.begin("Data.zip", 3).await;
    one.patch(&first, 0, &[], "one").await.is(204);
    two.patch(&second, 0, &[], "two").await.is(204);
    assert_eq!(one.get("/archives/Data.zip").await.body, b"one");
    assert_eq!(two.get("/archives/Data.zip").await.body, b"two");
    assert_eq!(one.create("Data.zip", 3, &[]).await.is(409).kind(), "exists");
    // Whoever begins the very same file again is told where it is.
    let metadata = metadata("same", Some(&hex(b"abc")));
    let headers = [("upload-length", "3"), ("upload-metadata", metadata.as_str())];
    let begun = one.ask("POST", "/archives/", &headers, Body::empty()).await.is(201);
    let again = one.ask("POST", "/archives/", &headers, Body::empty()).await.is(409);
    assert_eq!(again.header("location"), begun.header("location"));
}

#[tokio::test]
async fn a_file_that_appears_meanwhile_is_not_overwritten() {
    let world = World::new();
    let client = world.client("db1");
    let upload = client.begin("a", 3).await;
    std::fs::create_dir_all(world.path("archives/db1")).unwrap();
    std::fs::write(world.path("archives/db1/a"), "by hand").unwrap();
    client.patch(&upload, 0, &[], "abc").await.is(409);
    assert_eq!(std::fs::read(world.path("archives/db1/a")).unwrap(), b"by hand");
    // In the place of a folder on the way, too.
    let upload = client.begin("x/y", 3).await;
    std::fs::write(world.path("archives/db1/x"), "by hand").unwrap();
    client.patch(&upload, 0, &[], "abc").await.is(409);
}

#[tokio::test]
async fn quotas_are_taken_at_the_start_and_given_back() {
    let world = World::new();
    let client = world.client_with(limited("db1", 100));
    let first = client.begin("a", 60).await;
    assert_eq!(client.create("b", 41, &[]).await.is(507).kind(), "quota");
    let second = client.begin("b", 40).await;
    client.ask("DELETE", &second, &[], Body::empty()).await.is(204);
    client.patch(&first, 0, &[], vec![1; 60]).await.is(204);
    assert_eq!(client.create("c", 41, &[]).await.is(507).kind(), "quota");
    client.begin("c", 40).await;
    client.ask("DELETE", "/archives/a", &[], Body::empty()).await.is(204);
    client.begin("d", 60).await;
    // Repositories count too.
    let other = world.client_with(limited("db2", 100));
    other.ask("POST", "/repo/?create=true", &[], Body::empty()).await.is(200);
    let content = noise(101, 1);
    let path = format!("/repo/data/{}", hex(&content));
    let length = [("content-length", "101")];
    assert_eq!(other.ask("POST", &path, &length, content).await.is(507).kind(), "quota");
    assert!(world.files("repo").is_empty() && world.files(".receiver/incoming").is_empty());
}

#[tokio::test]
async fn the_disk_is_never_filled_to_the_brim() {
    let world = World::with(|settings| settings.min_free = 1 << 60);
    let client = world.client("db1");
    assert_eq!(client.create("a", 1, &[]).await.is(507).kind(), "low_space");
    client.ask("POST", "/repo/?create=true", &[], Body::empty()).await.is(200);
    let path = format!("/repo/data/{}", hex(b"x"));
    assert_eq!(client.ask("POST", &path, &[("content-length", "1")], "x").await.is(507).kind(), "low_space");
    // What was refused has taken no name.
    assert!(world.files(".receiver/uploads").is_empty());
}

#[tokio::test]
async fn uploads_of_a_client_are_counted() {
    let world = World::with(|settings| settings.max_uploads = 2);
    let client = world.client("db1");
    let first = client.begin("a", 1).await;
    client.begin("b", 1).await;
    client.create("c", 1, &[]).await.is(429);
    world.client("db2").begin("c", 1).await;
    client.patch(&first, 0, &[], "x").await.is(204);
    client.begin("c", 1).await;
}

#[tokio::test]
async fn thirty_two_at_once_come_out_whole() {
    let world = std::sync::Arc::new(World::new());
    let tokens: Vec<String> = (0..32).map(|number| world.client(&format!("db{number}")).token).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for (number, token) in tokens.into_iter().enumerate() {
        let world = std::sync::Arc::clone(&world);
        tasks.spawn(async move {
            let client = world.known(&token);
            let content = noise(400_000 + number, number as u32 + 1);
            let upload = client.begin("Data.zip", content.len()).await;
            for (index, piece) in content.chunks(90_000).enumerate() {
                let sum = checksum(piece);
                client
                    .patch(&upload, index * 90_000, &[("upload-checksum", &sum)], piece.to_vec())
                    .await
                    .is(204);
            }
            assert!(client.get("/archives/Data.zip").await.is(200).body == content, "{number}");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(world.files("archives").len(), 32);
}

#[tokio::test]
async fn a_client_that_may_only_add_removes_nothing() {
    let world = World::new();
    let client =
        world.client_with(NewClient { append_only: true, name: "db1".to_owned(), ..NewClient::default() });
    client.put("a", b"content").await;
    client.ask("DELETE", "/archives/a", &[], Body::empty()).await.is(403);
    assert_eq!(client.get("/archives/a").await.is(200).body, b"content");
    // What is not whole yet may be given up.
    let upload = client.begin("b", 3).await;
    client.ask("DELETE", &upload, &[], Body::empty()).await.is(204);
    let world = World::with(|settings| settings.append_only = true);
    let client = world.client("db1");
    client.put("a", b"content").await;
    client.ask("DELETE", "/archives/a", &[], Body::empty()).await.is(403);
}
