//! Connections: tried before they are saved, and their secrets kept.

use std::path::Path;

use backstay_model::{ConnectionStatus, Health, HostState, Role, Time};
use serde_json::{Value, json};

use crate::receiver::{Receiver, SECRET as HOOK_SECRET};
use crate::records_in_store::{Setup, silent_node};
use crate::s3_server::{KEY, SECRET, Server as S3};
use crate::setting::{Setting, assert_kept_nowhere, at, folder};
use crate::world::World;

const ALL: &str = "/api/v1/connections";

/// The service begins and ends on a thread where it may block.
async fn s3() -> S3 {
    let server = tokio::task::spawn_blocking(S3::start).await.unwrap();
    std::fs::create_dir_all(server.root().join("bucket")).unwrap();
    server
}

async fn end(server: S3) {
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}

fn bucket(endpoint: &str, secret: Option<&str>) -> Value {
    let mut settings = json!({
        "type": "s3", "endpoint": endpoint, "bucket": "bucket", "access_key": KEY, "allow_private": true,
    });
    if let Some(secret) = secret {
        settings["secret_key"] = secret.into();
    }
    settings
}

/// An address of this host where nobody listens.
async fn closed() -> String {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", socket.local_addr().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_tried_by_its_node_before_it_is_saved() {
    let mut world = World::new().await;
    let node = world.start_node().await;
    let admin = world.program(Role::Admin, world.home).await;

    let made = folder(&admin, "disk", &world.path("backups")).await;
    assert_eq!(made["status"]["health"], "valid");
    assert!(made["status"]["checked"].is_string());
    assert_eq!((&made["node"], &made["revision"]), (&json!(node), &json!(1)));
    assert!(world.path("backups").is_dir(), "the node has not tried it");

    std::fs::write(world.path("file"), "in the way").unwrap();
    let impossible = json!({"type": "local", "path": world.path("file/within")});
    let refused = admin.post(ALL, json!({"name": "other", "settings": impossible})).await;
    assert_eq!(refused.body["field"], Value::Null);
    assert!(refused.body["detail"].as_str().unwrap().contains("cannot be"), "{refused:#?}");
    assert_eq!(refused.problem(422), "connection_failed");
    let path = at("connections", &made, "");
    let changed = admin.put(&path, json!({"name": "disk", "settings": impossible, "revision": 1})).await;
    assert_eq!(changed.problem(422), "connection_failed");
    assert_eq!(admin.get(ALL).await.expect(200)["items"], json!([made]), "something was saved");

    let relative = json!({"name": "other", "settings": {"type": "local", "path": "backups"}});
    let refused = admin.post(ALL, relative).await;
    assert_eq!(refused.body["field"], "settings.path");
    assert_eq!(refused.problem(422), "invalid");
    let unknown = json!({"name": "x", "settings": {"type": "local", "path": "/tmp", "mode": 1}});
    assert_eq!(admin.post(ALL, unknown).await.problem(422), "invalid");

    let renamed = json!({"name": "shelf", "settings": made["settings"], "revision": 1});
    let after = admin.put(&path, renamed.clone()).await.expect(200);
    assert_eq!((&after["name"], &after["revision"]), (&json!("shelf"), &json!(2)));
    assert_eq!(admin.put(&path, renamed).await.problem(409), "changed_meanwhile");
    admin.delete(&path).await.expect(204);
    assert_eq!(admin.get(&path).await.problem(404), "not_found");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_of_the_project_make_and_change_connections() {
    let mut world = World::new().await;
    let node = world.start_node().await;
    let admin = world.program(Role::Admin, world.home).await;
    let made = folder(&admin, "disk", &world.path("backups")).await;
    let path = at("connections", &made, "");
    let update = json!({"name": "mine", "settings": made["settings"], "revision": 1});
    let create = json!({"name": "mine", "settings": made["settings"]});

    for role in [Role::Viewer, Role::Operator] {
        let client = world.program(role, world.home).await;
        client.get(&path).await.expect(200);
        assert_eq!(client.post(ALL, create.clone()).await.problem(403), "forbidden");
        assert_eq!(client.put(&path, update.clone()).await.problem(403), "forbidden");
        assert_eq!(client.delete(&path).await.problem(403), "forbidden");
    }
    let viewer = world.program(Role::Viewer, world.home).await;
    assert_eq!(viewer.post(&at("connections", &made, "/check"), json!({})).await.problem(403), "forbidden");

    let elsewhere = world.project("elsewhere").await;
    let stranger = world.program(Role::Owner, elsewhere).await;
    assert_eq!(stranger.get(ALL).await.expect(200)["items"], json!([]));
    assert_eq!(stranger.get(&path).await.problem(404), "not_found");
    assert_eq!(stranger.put(&path, update).await.problem(404), "not_found");
    assert_eq!(stranger.delete(&path).await.problem(404), "not_found");
    assert_eq!(stranger.post(&at("connections", &made, "/check"), json!({})).await.problem(404), "not_found");
    let foreign = json!({"name": "mine", "node": node, "settings": made["settings"]});
    let refused = stranger.post(ALL, foreign).await;
    assert_eq!(refused.body["field"], "node");
    assert_eq!(refused.problem(422), "invalid");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_a_bucket_is_used_and_never_told() {
    let mut world = World::new().await;
    world.start_node().await;
    let (owner, service) = (world.owner().await, s3().await);

    let wrong = bucket(&service.url, Some("not-the-secret"));
    let refused = owner.post(ALL, json!({"name": "cloud", "settings": wrong})).await;
    assert!(!refused.body.to_string().contains("not-the-secret"), "{refused:#?}");
    assert_eq!(refused.problem(422), "connection_failed");
    assert_eq!(owner.get(ALL).await.expect(200)["items"], json!([]));
    let missing = bucket(&service.url, None);
    let refused = owner.post(ALL, json!({"name": "cloud", "settings": missing})).await;
    assert_eq!(refused.body["field"], "settings.secret_key");
    assert_eq!(refused.problem(422), "invalid");

    let right = bucket(&service.url, Some(SECRET));
    let made = owner.post(ALL, json!({"name": "cloud", "settings": right})).await.expect(201);
    assert_eq!(made["status"]["health"], "valid");
    let path = at("connections", &made, "");
    let kept = json!({"name": "bucket", "settings": bucket(&service.url, None), "revision": 1});
    let kept = owner.put(&path, kept).await.expect(200);
    assert_eq!((&kept["status"]["health"], &kept["revision"]), (&json!("valid"), &json!(2)));
    let checked = owner.post(&at("connections", &made, "/check"), json!({})).await.expect(200);
    assert_eq!(checked["status"]["health"], "valid", "the stored secret does not work: {checked:#}");
    for told in [&made, &kept, &checked, &owner.get(ALL).await.expect(200)] {
        assert!(!told.to_string().contains(SECRET), "{told:#}");
    }
    assert_kept_nowhere(&world, SECRET).await;
    // The service keeps objects as files; a folder that is left empty is no object.
    assert_eq!(files_below(&service.root().join("bucket")), Vec::<std::path::PathBuf>::new());
    end(service).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_secret_goes_nowhere_else_than_before() {
    let mut world = World::new().await;
    world.start_node().await;
    let (owner, service, thief) = (world.owner().await, s3().await, closed().await);
    let right = bucket(&service.url, Some(SECRET));
    let made = owner.post(ALL, json!({"name": "cloud", "settings": right})).await.expect(201);
    let path = at("connections", &made, "");

    let mut other_key = bucket(&service.url, None);
    other_key["access_key"] = "another".into();
    let mut other_bucket = bucket(&service.url, None);
    other_bucket["bucket"] = "another".into();
    let mut other_region = bucket(&service.url, None);
    other_region["region"] = "another".into();
    for settings in [bucket(&thief, None), other_key, other_bucket, other_region] {
        let form = json!({"name": "cloud", "settings": settings, "revision": 1});
        let refused = owner.put(&path, form).await;
        assert_eq!(refused.body["field"], "settings.secret_key", "{refused:#?}");
        assert_eq!(refused.problem(422), "invalid");
    }
    // With the secret it is tried, and here nobody listens.
    let form = json!({"name": "cloud", "settings": bucket(&thief, Some(SECRET)), "revision": 1});
    assert_eq!(owner.put(&path, form).await.problem(422), "connection_failed");
    let second = s3().await;
    let form = json!({"name": "cloud", "settings": bucket(&second.url, Some(SECRET)), "revision": 1});
    let moved = owner.put(&path, form).await.expect(200);
    assert_eq!(moved["settings"]["endpoint"], second.url);
    end(service).await;
    let checked = owner.post(&at("connections", &made, "/check"), json!({})).await.expect(200);
    assert_eq!(checked["status"]["health"], "valid");
    end(second).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_for_owners_and_metadata_is_for_nobody() {
    let mut world = World::new().await;
    world.start_node().await;
    let (owner, admin, service) =
        (world.owner().await, world.program(Role::Admin, world.home).await, s3().await);

    let allowed = json!({"name": "cloud", "settings": bucket(&service.url, Some(SECRET))});
    assert_eq!(admin.post(ALL, allowed.clone()).await.problem(403), "forbidden");
    let mut public = bucket(&service.url, Some(SECRET));
    public["allow_private"] = false.into();
    let refused = admin.post(ALL, json!({"name": "cloud", "settings": public})).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("not allowed"), "{refused:#?}");
    assert_eq!(refused.problem(422), "connection_failed");
    let metadata = bucket("http://169.254.169.254", Some(SECRET));
    let refused = owner.post(ALL, json!({"name": "cloud", "settings": metadata})).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("metadata"), "{refused:#?}");
    assert_eq!(refused.problem(422), "connection_failed");
    let nobody = bucket(&closed().await, Some(SECRET));
    let refused = owner.post(ALL, json!({"name": "cloud", "settings": nobody})).await;
    assert_eq!(refused.problem(422), "connection_failed");

    let made = owner.post(ALL, allowed).await.expect(201);
    let path = at("connections", &made, "");
    let renamed = json!({"name": "bucket", "settings": bucket(&service.url, None), "revision": 1});
    admin.put(&path, renamed).await.expect(200);
    let elsewhere = bucket("http://127.0.0.1:1", Some(SECRET));
    let form = json!({"name": "bucket", "settings": elsewhere, "revision": 2});
    assert_eq!(admin.put(&path, form).await.problem(403), "forbidden");
    end(service).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_no_longer_works_says_so_and_is_told_once() {
    let mut world = World::new().await;
    world.start_node().await;
    let operator = world.program(Role::Operator, world.home).await;
    let admin = world.program(Role::Admin, world.home).await;
    let made = folder(&admin, "disk", &world.path("backups")).await;
    let check = at("connections", &made, "/check");
    let receiver = told_of_trouble(&world).await;
    block(&world.path("backups"));
    for _ in 0..2 {
        let failing = operator.post(&check, json!({})).await.expect(200);
        assert_eq!(failing["status"]["health"], "failing");
        assert!(failing["status"]["reason"].as_str().unwrap().contains("backups"), "{failing:#}");
    }
    let told = receiver.until(1).await;
    assert!(told[0].notice().to_string().contains("disk"), "{told:#?}");
    assert_eq!(admin.get(ALL).await.expect(200)["items"][0]["status"]["health"], "failing");
    std::fs::remove_file(world.path("backups")).unwrap();
    assert_eq!(operator.post(&check, json!({})).await.expect(200)["status"]["health"], "valid");
    assert_eq!(receiver.got().len(), 1);
    world.stop().await;
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Hears of each trouble in the home project.
async fn told_of_trouble(world: &World) -> Receiver {
    let receiver = Receiver::new(0).await;
    let channel = json!({
        "type": "webhook", "url": format!("{}/hook", receiver.url), "secret": HOOK_SECRET, "allow_private": true,
    });
    let form = json!({"project": world.home, "name": "hook", "on": ["trouble"], "channel": channel});
    world.owner().await.post("/api/v1/notifiers", form).await.expect(201);
    receiver
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_tried_again_by_themselves() {
    let mut world = World::new().await;
    world.start_node().await;
    let owner = world.owner().await;
    let old = folder(&owner, "old", &world.path("old")).await;
    let fresh = folder(&owner, "fresh", &world.path("fresh")).await;
    block(&world.path("old"));
    block(&world.path("fresh"));
    let id = old["id"].as_str().unwrap().parse().unwrap();
    let long_ago = Time::now().checked_sub(jiff::SignedDuration::from_hours(7)).unwrap();
    let status = ConnectionStatus { health: Health::Valid, checked: Some(long_ago), reason: None };
    world.store.set_connection_status(id, &status).await.unwrap();

    let receiver = told_of_trouble(&world).await;
    // Each server begins with a round.
    let second = World::serve(&world.folder, &world.store, Default::default()).await;
    let found =
        owner.until(&at("connections", &old, ""), "failing", |it| it["status"]["health"] == "failing").await;
    assert!(found["status"]["reason"].is_string());
    assert_eq!(found["revision"], 1);
    let unchecked = owner.get(&at("connections", &fresh, "")).await.expect(200);
    assert_eq!(unchecked, fresh, "one that is not due was tried");
    let told = receiver.until(1).await;
    assert_eq!(told[0].notice()["kind"], "trouble", "{told:#?}");
    second.stop(std::time::Duration::from_secs(5)).await;
    let settings = "/api/v1/settings/connection-checks";
    assert_eq!(owner.get(settings).await.expect(200)["every"], "6h");
    owner.put(settings, json!({"every": "1h"})).await.expect(200);
    assert_eq!(owner.get(settings).await.expect(200)["every"], "1h");
    assert_eq!(owner.put(settings, json!({"every": "1s"})).await.problem(422), "invalid");
    let admin = world.program(Role::Admin, world.home).await;
    assert_eq!(admin.get(settings).await.problem(403), "forbidden");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_node_is_away_is_not_said_to_work() {
    let world = World::new().await;
    let node = silent_node(&world.store, world.home, "nas").await;
    Setup::new(&world, node, |_| {}).await;
    let id = world.store.connections(None).await.unwrap()[0].id;
    let ago = |hours| Time::now().checked_sub(jiff::SignedDuration::from_hours(hours)).unwrap();
    world.store.node_seen(node, 1, &HostState::default(), ago(8)).await.unwrap();
    let tried = async |checked| {
        let status = ConnectionStatus { health: Health::Valid, checked: Some(checked), reason: None };
        world.store.set_connection_status(id, &status).await.unwrap();
        // Each server begins with a round.
        let second = World::serve(&world.folder, &world.store, Default::default()).await;
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        second.stop(std::time::Duration::from_secs(5)).await;
        world.store.connection(id).await.unwrap().unwrap().status
    };
    assert_eq!(tried(ago(1)).await.health, Health::Valid, "it is not due yet");
    let seven = ago(7);
    let status = tried(seven).await;
    assert_eq!(status.health, Health::Unchecked);
    assert_eq!(status.checked.map(|checked| checked.as_second()), Some(seven.as_second()));
    assert!(status.reason.as_ref().unwrap().contains("nas was last heard of"), "{status:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_in_use_is_not_removed() {
    let mut world = World::new().await;
    world.start_node().await;
    let owner = world.owner().await;
    let setting = Setting::new(&world, &owner).await;
    let refused = owner.delete(&at("connections", &setting.connection, "")).await;
    let detail = refused.body["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("destination office") && detail.contains("plan nightly"), "{detail}");
    assert_eq!(refused.problem(409), "in_use");
    world.stop().await;
}

/// Puts a file where a folder was.
fn block(folder: &Path) {
    std::fs::remove_dir_all(folder).unwrap();
    std::fs::write(folder, "in the way").unwrap();
}
