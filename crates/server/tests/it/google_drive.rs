//! Signing in to Google for a connection, and what is told of it.

use std::time::Duration;

use backstay_model::Role;
use serde_json::{Value, json};

use crate::drive_server::sign_in::Entered;
use crate::drive_server::{CLIENT, Failure, SECRET, Server};
use crate::setting::{assert_kept_nowhere, at, folder};
use crate::world::{Client, World};

const START: &str = "/api/v1/connections/google/device";
const POLL: &str = "/api/v1/connections/google/device/poll";

/// The service begins and ends on a thread where it may block.
async fn start() -> Server {
    let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    server.state().sign_in.interval = 1;
    server
}

async fn end(server: Server) {
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}

fn settings(server: &Server) -> Value {
    json!({"client_id": CLIENT, "client_secret": SECRET, "folder": "Backups", "endpoint": server.url, "allow_private": true})
}

fn form(server: &Server, name: &str) -> Value {
    json!({"name": name, "settings": settings(server)})
}

/// Asks what came of a sign-in once Google may be asked.
async fn poll(client: &Client, sign_in: &Value) -> Value {
    tokio::time::sleep(Duration::from_millis(1050)).await;
    client.post(POLL, json!({"sign_in": sign_in})).await.expect(200)
}

fn assert_untold(text: &str, server: &Server) {
    let tokens: Vec<String> = server.state().sign_in.refresh.iter().cloned().collect();
    for secret in tokens.iter().map(String::as_str).chain([SECRET, "AH-1"]) {
        assert!(!text.contains(secret), "{secret} is told: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_comes_of_a_sign_in_and_its_tokens_are_never_told() {
    let mut world = World::new().await;
    world.start_node().await;
    let (owner, server) = (world.owner().await, start().await);
    let started = owner.post(START, form(&server, "drive")).await.expect(200);
    assert_untold(&started.to_string(), &server);
    assert_eq!(started["verification_url"], format!("{}/device", server.url));
    assert_eq!(started["interval"], 1);
    let waiting = owner.post(POLL, json!({"sign_in": started["sign_in"]})).await.expect(200);
    assert_eq!((&waiting["state"], &waiting["interval"]), (&json!("pending"), &json!(1)));
    // Who asks too often is slowed down.
    let slower = owner.post(POLL, json!({"sign_in": waiting["sign_in"]})).await.expect(200);
    assert_eq!((&slower["state"], &slower["interval"]), (&json!("pending"), &json!(6)));
    assert_eq!(owner.get("/api/v1/connections").await.expect(200)["items"], json!([]));

    server.state().sign_in.enter(started["user_code"].as_str().unwrap(), Entered::Allowed);
    let done = poll(&owner, &slower["sign_in"]).await;
    assert_eq!(done["state"], "done", "{done:#}");
    assert_untold(&done.to_string(), &server);
    let made = &done["connection"];
    assert_eq!((&made["name"], &made["status"]["health"]), (&json!("drive"), &json!("valid")));
    assert_eq!(made["settings"]["folder"], "Backups");
    assert_eq!(owner.get("/api/v1/connections").await.expect(200)["items"], json!([made]));
    let checked = owner.post(&at("connections", made, "/check"), json!({})).await.expect(200);
    assert_eq!(checked["status"]["health"], "valid", "{checked:#}");
    assert_untold(&owner.get("/api/v1/audit").await.expect(200).to_string(), &server);
    let tokens: Vec<String> = server.state().sign_in.refresh.iter().cloned().collect();
    for secret in tokens.iter().map(String::as_str).chain([SECRET]) {
        assert_kept_nowhere(&world, secret).await;
    }
    world.stop().await;
    end(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_signed_out_signs_in_again_at_its_connection() {
    let mut world = World::new().await;
    world.start_node().await;
    let (owner, server) = (world.owner().await, start().await);
    let started = owner.post(START, form(&server, "drive")).await.expect(200);
    server.state().sign_in.enter(started["user_code"].as_str().unwrap(), Entered::Allowed);
    let made = poll(&owner, &started["sign_in"]).await["connection"].clone();

    server.state().sign_in.revoke();
    let checked = owner.post(&at("connections", &made, "/check"), json!({})).await.expect(200);
    assert_eq!(checked["status"]["health"], "failing");
    let reason = checked["status"]["reason"].as_str().unwrap();
    assert!(reason.contains("sign in again"), "{reason}");

    let again = at("connections", &made, "/google/device");
    let started = owner.post(&again, json!({})).await.expect(200);
    server.state().sign_in.enter(started["user_code"].as_str().unwrap(), Entered::Allowed);
    let done = poll(&owner, &started["sign_in"]).await;
    assert_eq!(done["state"], "done", "{done:#}");
    let connection = &done["connection"];
    assert_eq!((&connection["id"], &connection["status"]["health"]), (&made["id"], &json!("valid")));
    assert_eq!(connection["revision"], json!(made["revision"].as_i64().unwrap() + 1));
    // The form takes it without secrets too, as long as they go where they went.
    let mut renamed =
        json!({"name": "google", "settings": connection["settings"], "revision": connection["revision"]});
    owner.put(&at("connections", &made, ""), renamed.clone()).await.expect(200);
    renamed["settings"]["endpoint"] = Value::Null;
    renamed["revision"] = json!(connection["revision"].as_i64().unwrap() + 1);
    let refused = owner.put(&at("connections", &made, ""), renamed).await;
    assert_eq!(refused.body["field"], "settings.client_secret");
    let other = folder(&owner, "disk", &world.path("backups")).await;
    let refused = owner.post(&at("connections", &other, "/google/device"), json!({})).await;
    assert_eq!(refused.problem(409), "conflict");
    world.stop().await;
    end(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_allowed_is_not_lost_when_the_connection_cannot_be_saved() {
    let mut world = World::new().await;
    world.start_node().await;
    let (owner, server) = (world.owner().await, start().await);
    let started = owner.post(START, form(&server, "drive")).await.expect(200);
    server.state().sign_in.enter(started["user_code"].as_str().unwrap(), Entered::Allowed);
    server.fail("GET /drive/v3/about", 1, Failure::Refused(403, "accessNotConfigured", None));
    let failed = poll(&owner, &started["sign_in"]).await;
    assert_eq!(failed["state"], "failed", "{failed:#}");
    assert!(failed["reason"].as_str().unwrap().contains("enable the Google Drive API"), "{failed:#}");
    assert_untold(&failed.to_string(), &server);
    assert_eq!(owner.get("/api/v1/connections").await.expect(200)["items"], json!([]));
    let done = owner.post(POLL, json!({"sign_in": failed["sign_in"]})).await.expect(200);
    assert_eq!(done["state"], "done", "{done:#}");
    world.stop().await;
    end(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_that_come_to_nothing_are_told_and_belong_to_who_began_them() {
    let mut world = World::new().await;
    world.start_node().await;
    let (owner, server) = (world.owner().await, start().await);
    for (entered, kind) in [(Entered::Denied, "sign_in_denied"), (Entered::Expired, "sign_in_over")] {
        let started = owner.post(START, form(&server, "drive")).await.expect(200);
        server.state().sign_in.enter(started["user_code"].as_str().unwrap(), entered);
        let over = owner.post(POLL, json!({"sign_in": started["sign_in"]})).await;
        assert_eq!(over.problem(409), kind);
    }
    let started = owner.post(START, form(&server, "drive")).await.expect(200);
    let other = world.program(Role::Owner, world.home).await;
    for sign_in in [started["sign_in"].as_str().unwrap(), "made up", ""] {
        assert_eq!(other.post(POLL, json!({"sign_in": sign_in})).await.problem(409), "sign_in_over");
    }
    let mut unknown = form(&server, "drive");
    unknown["settings"]["client_id"] = "another".into();
    let refused = owner.post(START, unknown).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("invalid_client"), "{refused:#?}");
    assert_eq!(refused.problem(422), "sign_in_failed");
    // Addresses of the private network need an owner's word, for the server as for the node.
    let admin = world.program(Role::Admin, world.home).await;
    assert_eq!(admin.post(START, form(&server, "x")).await.problem(403), "forbidden");
    let mut public = form(&server, "x");
    public["settings"]["allow_private"] = false.into();
    let refused = admin.post(START, public).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("not allowed"), "{refused:#?}");
    assert_eq!(refused.problem(422), "sign_in_failed");
    world.stop().await;
    end(server).await;
}
