//! Connections to MongoDB with a password: tried before it is kept, sealed, and sent to no other server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use backstay_model::{Role, RunState};
use backstay_sources::testing::MongoServer;
use backstay_sources::testing::bson::doc;
use serde_json::{Value, json};

use crate::setting::{assert_kept_nowhere, at, destination, folder, plan, until};
use crate::world::World;

const ALL: &str = "/api/v1/connections";
const PASSWORD: &str = "first-password-of-a-test";
const OTHER: &str = "second-password-of-a-test";

/// A server that lets in who has a password.
async fn guarded() -> Option<MongoServer> {
    let make = || {
        let mut server = MongoServer::start_new()?;
        server.insert("shop", "orders", &[doc! { "_id": 1 }]);
        let role = |role: &str| doc! { "role": role, "db": "admin" };
        let reads = ["backup", "clusterMonitor", "readAnyDatabase"].map(role).to_vec();
        let _ = server.run("admin", doc! { "createUser": "backstay", "pwd": PASSWORD, "roles": reads });
        let all = vec![role("root")];
        let _ = server.run("admin", doc! { "createUser": "root", "pwd": PASSWORD, "roles": all });
        server.sign_in("root", PASSWORD);
        server.stop();
        server.with(&["--auth"]);
        server.start();
        Some(server)
    };
    tokio::task::spawn_blocking(make).await.unwrap()
}

async fn end(server: MongoServer) {
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}

fn settings(server: &MongoServer, password: Option<&str>) -> Value {
    let mut settings =
        json!({"type": "mongodb", "uri": server.uri(), "user": "backstay", "allow_private": true});
    if let Some(password) = password {
        settings["password"] = password.into();
    }
    settings
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_of_a_server_is_used_and_never_told() {
    let Some(server) = guarded().await else { return };
    let mut world = World::new().await;
    world.start_node().await;
    let owner = world.owner().await;

    let wrong = json!({"name": "db", "settings": settings(&server, Some("wrong-password-of-a-test"))});
    let refused = owner.post(ALL, wrong).await;
    let told = refused.body.to_string();
    assert!(told.contains("see that user, password and authentication database are right"), "{told}");
    assert!(!told.contains("wrong-password"), "{told}");
    assert_eq!(refused.problem(422), "connection_failed");
    let missing = owner.post(ALL, json!({"name": "db", "settings": settings(&server, None)})).await;
    assert_eq!(missing.body["field"], "settings.password");
    assert_eq!(missing.problem(422), "invalid");
    let mut nobody = settings(&server, None);
    nobody.as_object_mut().unwrap().remove("user");
    let refused = owner.post(ALL, json!({"name": "db", "settings": nobody})).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("wants a user and a password"), "{refused:#?}");
    assert_eq!(refused.problem(422), "connection_failed");
    assert_eq!(owner.get(ALL).await.expect(200)["items"], json!([]), "something was saved");

    let form = json!({"name": "db", "settings": settings(&server, Some(PASSWORD))});
    let made = owner.post(ALL, form).await.expect(201);
    assert_eq!(made["status"]["health"], "valid");
    let spec = json!({"type": "mongodb", "connection": made["id"]});
    let source = owner.post("/api/v1/sources", json!({"name": "shop", "spec": spec})).await.expect(201);
    let disk = folder(&owner, "disk", &world.path("backups")).await;
    let office = destination(&owner, "office", &disk, "").await;
    let nightly = owner.post("/api/v1/plans", plan("nightly", &source, &office)).await.expect(201);
    let started = owner.post(&at("plans", &nightly, "/run"), json!({})).await.expect(201);
    let run = &started["runs"][0];
    let ended = until(&world, run, "its end", |run| run.state.is_final()).await;
    assert_eq!(ended.state, RunState::Completed, "{:?}", ended.error);
    let log = owner.get(&format!("/api/v1/runs/{}/log", run.as_str().unwrap())).await.expect(200);
    assert!(log.to_string().contains("127.0.0.1"), "{log:#}");

    let check = at("connections", &made, "/check");
    let viewer = world.program(Role::Viewer, world.home).await.get(ALL).await.expect(200);
    let checked = owner.post(&check, json!({})).await.expect(200);
    assert_eq!(checked["status"]["health"], "valid", "the stored password does not work: {checked:#}");
    end(server).await;
    let failing = owner.post(&check, json!({})).await.expect(200);
    assert_eq!(failing["status"]["health"], "failing");
    for told in [&made, &viewer, &log, &checked, &failing, &owner.get(ALL).await.expect(200)] {
        assert!(!told.to_string().contains(PASSWORD), "{told:#}");
    }
    assert_kept_nowhere(&world, PASSWORD).await;
    assert_kept_nowhere(&world, "wrong-password-of-a-test").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_is_tried_before_it_takes_the_place_of_the_one_that_works() {
    let Some(server) = guarded().await else { return };
    let mut world = World::new().await;
    world.start_node().await;
    let owner = world.owner().await;
    let form = json!({"name": "db", "settings": settings(&server, Some(PASSWORD))});
    let made = owner.post(ALL, form).await.expect(201);
    let (path, check) = (at("connections", &made, ""), at("connections", &made, "/check"));
    let with =
        |password: &str| json!({"name": "db", "settings": settings(&server, Some(password)), "revision": 1});
    let health = async || owner.post(&check, json!({})).await.expect(200)["status"].clone();

    assert_eq!(owner.put(&path, with(OTHER)).await.problem(422), "connection_failed");
    assert_eq!(owner.get(&path).await.expect(200)["revision"], 1);
    assert_eq!(health().await["health"], "valid");

    let changed = doc! { "updateUser": "backstay", "pwd": OTHER };
    let _ = tokio::task::block_in_place(|| server.run("admin", changed));
    let refused = health().await;
    assert_eq!(refused["health"], "failing");
    assert!(refused["reason"].as_str().unwrap().contains("password"), "{refused:#}");
    assert_eq!(owner.put(&path, with(PASSWORD)).await.problem(422), "connection_failed");
    let kept = owner.put(&path, with(OTHER)).await.expect(200);
    assert_eq!((&kept["status"]["health"], &kept["revision"]), (&json!("valid"), &json!(2)));
    assert_eq!(health().await["health"], "valid");
    for password in [PASSWORD, OTHER] {
        assert_kept_nowhere(&world, password).await;
    }
    end(server).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_password_goes_to_no_other_server() {
    let Some(server) = guarded().await else { return };
    let mut world = World::new().await;
    world.start_node().await;
    let owner = world.owner().await;
    let form = json!({"name": "db", "settings": settings(&server, Some(PASSWORD))});
    let made = owner.post(ALL, form).await.expect(201);
    let path = at("connections", &made, "");

    let thief = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("mongodb://{}/", thief.local_addr().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let listening = tokio::spawn(async move {
        while thief.accept().await.is_ok() {
            let _ = count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let other = |field: &str, value: &str| {
        let mut settings = settings(&server, None);
        settings[field] = value.into();
        settings
    };
    let with_it = elsewhere.trim_start_matches("mongodb://");
    let both = server.uri().replacen("/?", &format!(",{with_it}?"), 1);
    // The mechanism PLAIN would tell the password as it is.
    let plain = format!("{}&authMechanism=PLAIN&authSource=$external", server.uri());
    for settings in [
        other("uri", &elsewhere),
        other("uri", &both),
        other("uri", &plain),
        other("user", "root"),
        other("auth_database", "shop"),
    ] {
        let form = json!({"name": "db", "settings": settings, "revision": 1});
        let refused = owner.put(&path, form).await;
        assert_eq!(refused.body["field"], "settings.password", "{refused:#?}");
        assert_eq!(refused.problem(422), "invalid");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0, "the other server was called");
    let renamed = json!({"name": "database", "settings": settings(&server, None), "revision": 1});
    let renamed = owner.put(&path, renamed).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["status"]["health"]), (&json!("database"), &json!("valid")));

    // Whoever knows the password may take it elsewhere.
    let second = guarded().await.unwrap();
    let form = json!({"name": "db", "settings": settings(&second, Some(PASSWORD)), "revision": 2});
    let moved = owner.put(&path, form).await.expect(200);
    assert_eq!(moved["settings"]["uri"], second.uri());
    listening.abort();
    end(server).await;
    end(second).await;
    world.stop().await;
}
