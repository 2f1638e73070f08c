//! Sources that are instances of MySQL or MariaDB: how they are set up, by whom, and a cold backup of one.

use backstay_model::{Role, RunState};
use backstay_sources::testing::Instance;
use serde_json::{Value, json};

use crate::setting::{assert_kept_nowhere, at, destination, folder, plan, until};
use crate::world::World;

const CONNECTIONS: &str = "/api/v1/connections";
const SOURCES: &str = "/api/v1/sources";

fn settings(instance: &Instance, password: &str) -> Value {
    json!({"type": "mysql", "port": instance.port(), "user": instance.credentials().0, "password": password})
}

fn spec(instance: &Instance, connection: &Value) -> Value {
    let manager = instance.manager().join("systemctl");
    let command = |verb: &str| json!({"program": manager, "arguments": [verb, "--", instance.service()]});
    let service = json!({"commands": {"stop": command("stop"), "start": command("start")}});
    json!({"type": "mysql", "connection": connection["id"], "method": {"type": "cold", "service": service}})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_reached_before_it_is_saved_and_backed_up_cold() {
    let Some(instance) = tokio::task::spawn_blocking(Instance::start_new).await.unwrap() else { return };
    let mut world = World::new().await;
    world.start_node().await;
    let owner = world.owner().await;

    let wrong = json!({"name": "db", "settings": settings(&instance, "wrong-password-of-a-test")});
    let refused = owner.post(CONNECTIONS, wrong).await;
    let told = refused.body.to_string();
    assert!(told.contains("SHOW GRANTS") && !told.contains("wrong-password"), "{told}");
    assert_eq!(refused.problem(422), "connection_failed");
    let away = json!({"type": "mysql", "host": "db.example.org", "user": "backup", "password": "x"});
    let refused = owner.post(CONNECTIONS, json!({"name": "db", "settings": away})).await;
    assert_eq!(refused.body["field"], "settings.host");
    assert_eq!(refused.problem(422), "invalid");
    let password = instance.credentials().1;
    let form = json!({"name": "db", "settings": settings(&instance, password)});
    let connection = owner.post(CONNECTIONS, form).await.expect(201);
    assert_eq!(connection["status"]["health"], "valid");
    assert!(!connection.to_string().contains(password));

    let form = json!({"name": "shop", "spec": spec(&instance, &connection)});
    let source = owner.post(SOURCES, form).await.expect(201);
    assert_eq!(source["spec"]["method"]["sequence"], "auto");
    let refused = owner.delete(&at("connections", &connection, "")).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("source shop"), "{refused:#?}");
    assert_eq!(refused.problem(409), "in_use");

    let disk = folder(&owner, "disk", &world.path("backups")).await;
    let office = destination(&owner, "office", &disk, "").await;
    let form = plan("nightly", &source, &office);
    let made = owner.post("/api/v1/plans", form).await.expect(201);
    let started = owner.post(&at("plans", &made, "/run"), json!({})).await.expect(201);
    let run = until(&world, &started["runs"][0], "its end", |run| run.state.is_final()).await;
    assert_eq!(run.state, RunState::Completed, "{:?}", run.error);
    assert!(run.outcome.unwrap().more.contains_key("downtime_ms"));
    assert_eq!(instance.calls(), ["start", "stop", "start"]);

    // Stored again without its password, it keeps it.
    let mut same = settings(&instance, "");
    same.as_object_mut().unwrap().remove("password");
    let update = json!({"name": "database", "settings": same, "revision": connection["revision"]});
    owner.put(&at("connections", &connection, ""), update).await.expect(200);
    assert_kept_nowhere(&world, password).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stopped_for_a_backup_is_for_an_owner_to_decide() {
    let Some(instance) = tokio::task::spawn_blocking(Instance::start_new).await.unwrap() else { return };
    let mut world = World::new().await;
    world.start_node().await;
    let (owner, admin) = (world.owner().await, world.program(Role::Admin, world.home).await);
    let form = json!({"name": "db", "settings": settings(&instance, instance.credentials().1)});
    assert_eq!(admin.post(CONNECTIONS, form.clone()).await.problem(403), "forbidden");
    let connection = owner.post(CONNECTIONS, form).await.expect(201);
    let wanted = spec(&instance, &connection);
    let form = json!({"name": "shop", "spec": wanted});
    assert_eq!(admin.post(SOURCES, form.clone()).await.problem(403), "forbidden");
    let source = owner.post(SOURCES, form).await.expect(201);

    // Its name is an admin's to change, what it stops is not.
    let path = at("sources", &source, "");
    let renamed = json!({"name": "store", "spec": source["spec"], "revision": 1});
    admin.put(&path, renamed).await.expect(200);
    let mut other = source["spec"].clone();
    other["method"]["service"] = json!({"service": "sshd"});
    let update = json!({"name": "store", "spec": other, "revision": 2});
    assert_eq!(admin.put(&path, update.clone()).await.problem(403), "forbidden");
    owner.put(&path, update).await.expect(200);

    // What a connection is for.
    let disk = folder(&owner, "disk", &world.path("backups")).await;
    let refused = owner.post(SOURCES, json!({"name": "x", "spec": spec(&instance, &disk)})).await;
    assert_eq!(refused.body["field"], "spec.connection");
    assert_eq!(refused.problem(422), "invalid");
    let form = json!({"name": "x", "connection": connection["id"], "path": ""});
    let refused = owner.post("/api/v1/destinations", form).await;
    assert_eq!(refused.body["field"], "connection");
    assert_eq!(refused.problem(422), "invalid");
    let mut odd = wanted.clone();
    odd["method"]["service"] = json!({"service": "--now"});
    let refused = owner.post(SOURCES, json!({"name": "x", "spec": odd})).await;
    assert_eq!(refused.body["field"], "spec.method.service");
    assert_eq!(refused.problem(422), "invalid");
    world.stop().await;
}
