//! The receiver that a server hosts, through the server's API.

use backstay_catalog::AuditFilter;
use backstay_model::Role;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::setting::assert_kept_nowhere;
use crate::world::{Client, World};

const CLIENTS: &str = "/api/v1/receiver/clients";

/// A client of the receiver that shows its token.
fn shows(world: &World, token: &str) -> Client {
    world.nobody().header("authorization", &format!("Bearer {token}")).header("tus-resumable", "1.0.0")
}

/// Begins an upload and sends its first bytes; gives the status.
async fn upload(client: &Client, name: &str, length: usize, begin: &[u8]) -> u16 {
    let client = client
        .clone()
        .header("upload-length", &length.to_string())
        .header("upload-metadata", &format!("filename {}", STANDARD.encode(name)));
    let sent = client.bytes(Method::POST, "/archives", "application/offset+octet-stream", begin.to_vec());
    sent.await.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_made_changed_and_turned_away_and_tokens_are_told_once() {
    let world = World::with_receiver(0).await;
    let owner = world.owner().await;
    let form =
        json!({"name": "db1", "folder": "berlin/{name}", "quota": 1000, "retention": {"max_count": 3}});
    let made = owner.post(CLIENTS, form.clone()).await.expect(201);
    let token = made["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("bsr_"), "{token}");
    assert_eq!((&made["folder"], &made["revision"]), (&json!("berlin/db1"), &json!(1)));
    assert_eq!(owner.post(CLIENTS, form).await.problem(409), "name_taken");
    let within = json!({"name": "x", "folder": "berlin"});
    assert_eq!(owner.post(CLIENTS, within).await.problem(409), "folder_taken");
    for bad in [
        json!({"name": "../x"}),
        json!({"name": "x", "folder": "/etc"}),
        json!({"name": "x", "certificate_sha256": "ab"}),
        json!({"name": "x", "without_token": true}),
        json!({"name": "x", "expires": "2001-01-01T00:00:00Z"}),
        json!({"name": "x", "token": "mine"}),
    ] {
        assert_eq!(owner.post(CLIENTS, bad.clone()).await.problem(422), "invalid", "{bad}");
    }

    let client = shows(&world, &token);
    assert_eq!(upload(&client, "a.zip", 10, b"0123456789").await, 201);
    let path = format!("{CLIENTS}/db1");
    let known = owner.get(&path).await.expect(200);
    assert_eq!((&known["stored"], &known["has_token"]), (&json!(10), &json!(true)));

    let change = json!({"revision": 1, "quota": 15, "append_only": true});
    let changed = owner.put(&path, change.clone()).await.expect(200);
    assert_eq!(
        (&changed["revision"], &changed["quota"], &changed["retention"]),
        (&json!(2), &json!(15), &json!({}))
    );
    assert_eq!(owner.put(&path, change).await.problem(409), "changed_meanwhile");
    assert_eq!(upload(&client, "b.zip", 10, b"0123456789").await, 507, "the new quota holds at once");
    assert_eq!(client.delete("/archives/a.zip").await.status, 403, "it may only add");

    let renewed = owner.post(&format!("{path}/token"), json!(null)).await.expect(200);
    let new = renewed["token"].as_str().unwrap().to_owned();
    assert_eq!(client.get("/archives/").await.status, 401, "the token before opens nothing");
    let client = shows(&world, &new);
    assert_eq!(client.get("/archives/").await.expect(200)["files"][0]["name"], "a.zip");

    owner.delete(&path).await.expect(204);
    assert_eq!(client.get("/archives/").await.status, 401);
    assert_eq!(owner.get(&path).await.problem(404), "not_found");
    assert_eq!(owner.delete(&path).await.problem(404), "not_found");
    assert_eq!(owner.get(CLIENTS).await.expect(200)["items"], json!([]));
    assert!(world.path("receiver/archives/berlin/db1/a.zip").exists(), "what it stored stays");

    let audit = world.store.audit(&AuditFilter::default(), 1000).await.unwrap();
    let deeds: Vec<_> = audit.iter().map(|entry| entry.action.as_str()).collect();
    for deed in ["create", "update", "renew_token", "delete"] {
        assert!(deeds.contains(&format!("receiver_client.{deed}").as_str()), "{deed}: {deeds:?}");
    }
    for secret in [&token, &new] {
        assert_kept_nowhere(&world, secret).await;
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_in_pages_and_uploads_tell_how_far_they_are() {
    let world = World::with_receiver(0).await;
    let owner = world.owner().await;
    let mut clients = Vec::new();
    for name in ["db1", "db2"] {
        let made = owner.post(CLIENTS, json!({"name": name})).await.expect(201);
        clients.push(shows(&world, made["token"].as_str().unwrap()));
    }
    for name in ["c.zip", "a.zip", "x/b.zip", "ü & co.zip", "x/b.zip.manifest.json"] {
        assert_eq!(upload(&clients[0], name, 3, b"abc").await, 201, "{name}");
    }
    assert_eq!(upload(&clients[0], "d.zip", 100, b"0123456789").await, 201);
    assert_eq!(upload(&clients[1], "e.zip", 50, b"01234").await, 201);

    let (mut names, mut next) = (Vec::new(), String::new());
    for _ in 0..3 {
        let page = owner.get(&format!("/api/v1/receiver/files?client=db1&limit=2{next}")).await.expect(200);
        for file in page["items"].as_array().unwrap() {
            assert_eq!((&file["size"], file["sha256"].as_str().unwrap().len()), (&json!(3), 64));
            names.push(file["name"].as_str().unwrap().to_owned());
        }
        let Some(cursor) = page["next"].as_str() else { break };
        let cursor: String = cursor.bytes().map(|byte| format!("%{byte:02X}")).collect();
        next = format!("&cursor={cursor}");
    }
    assert_eq!(
        names,
        ["a.zip", "c.zip", "x/b.zip", "x/b.zip.manifest.json", "ü & co.zip"],
        "whole ones only"
    );
    let none = owner.get("/api/v1/receiver/files?client=db2").await.expect(200);
    assert_eq!(none, json!({"items": []}));
    assert_eq!(owner.get("/api/v1/receiver/files?client=db3").await.problem(404), "not_found");
    assert_eq!(owner.get("/api/v1/receiver/files?client=db1&limit=0").await.problem(422), "invalid");

    let told = |upload: &Value| {
        let number = |name: &str| upload[name].as_u64().unwrap();
        (upload["client"].as_str().unwrap().to_owned(), number("sent"), number("size"))
    };
    let all = owner.get("/api/v1/receiver/uploads").await.expect(200);
    let all: Vec<_> = all["items"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(all, [("db1".to_owned(), 10, 100), ("db2".to_owned(), 5, 50)]);
    let one = owner.get("/api/v1/receiver/uploads?client=db2").await.expect(200);
    assert_eq!((one["items"].as_array().unwrap().len(), &one["items"][0]["name"]), (1, &json!("e.zip")));
    assert!(!one.to_string().contains(".uploads"), "an upload's address is its client's");
    assert_eq!(owner.get("/api/v1/receiver/uploads?client=db3").await.problem(404), "not_found");

    let answer = owner.get("/api/v1/receiver").await.expect(200);
    let about = &answer["state"];
    assert_eq!(about["url"], world.server.url());
    assert_eq!(about["port"], world.server.address().port());
    assert_eq!(about["folder"], world.path("receiver").display().to_string());
    let numbers = ["clients", "uploads", "stored", "promised"].map(|name| about[name].as_u64().unwrap());
    assert_eq!(numbers, [2, 2, 15, 135]);
    assert_eq!((&answer["hosted"], &about["low_space"]), (&json!(true), &json!(false)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_without_room_says_so() {
    let world = World::with_receiver(u64::MAX).await;
    let about = world.owner().await.get("/api/v1/receiver").await.expect(200)["state"].clone();
    assert_eq!((&about["low_space"], &about["room"]), (&json!(true), &json!(0)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_receiver_says_so_and_others_learn_nothing() {
    let world = World::new().await;
    let owner = world.owner().await;
    assert_eq!(owner.get("/api/v1/receiver").await.expect(200), json!({"hosted": false}));
    let admin = world.program(Role::Admin, world.home).await;
    for path in ["/clients", "/clients/db1", "/files?client=db1", "/uploads"] {
        let reply = owner.get(&format!("/api/v1/receiver{path}")).await;
        assert!(reply.body["hint"].as_str().unwrap().contains("--receiver"), "{path}");
        assert_eq!(reply.problem(409), "no_receiver", "{path}");
        assert_eq!(admin.get(&format!("/api/v1/receiver{path}")).await.problem(403), "forbidden", "{path}");
    }
    assert_eq!(owner.post(CLIENTS, json!({"name": "x"})).await.problem(409), "no_receiver");
    world.stop().await;
}
