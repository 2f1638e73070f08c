//! Sources, destinations, and the repositories at them.

use backstay_model::{Role, RunState};
use serde_json::{Value, json};

use crate::setting::{Setting, assert_kept_nowhere, at, destination, folder, source, until};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_made_changed_and_removed() {
    let mut world = World::new().await;
    let node = world.start_node().await;
    let admin = world.program(Role::Admin, world.home).await;
    let made = source(&admin, " home ", &world.path("home")).await;
    assert_eq!((&made["name"], &made["node"], &made["revision"]), (&json!("home"), &json!(node), &json!(1)));
    let path = at("sources", &made, "");
    let form = |revision: i64, paths: Value| json!({"name": "home", "spec": {"type": "files", "paths": paths}, "revision": revision});
    let after = admin.put(&path, form(1, json!(["/srv"]))).await.expect(200);
    assert_eq!((&after["spec"]["paths"], &after["revision"]), (&json!(["/srv"]), &json!(2)));
    assert_eq!(admin.put(&path, form(1, json!(["/srv"]))).await.problem(409), "changed_meanwhile");
    for wrong in [json!([]), json!(["relative"]), json!(["/srv/../etc"]), json!(["/srv\u{0}"])] {
        let refused = admin.put(&path, form(2, wrong)).await;
        assert!(refused.body["field"].as_str().unwrap().starts_with("spec.paths"), "{refused:#?}");
        assert_eq!(refused.problem(422), "invalid");
    }
    let twin = json!({"name": "home", "spec": {"type": "files", "paths": ["/srv"]}});
    assert_eq!(admin.post("/api/v1/sources", twin.clone()).await.problem(409), "name_taken");
    let operator = world.program(Role::Operator, world.home).await;
    assert_eq!(operator.post("/api/v1/sources", twin).await.problem(403), "forbidden");
    assert_eq!(operator.delete(&path).await.problem(403), "forbidden");
    assert_eq!(operator.get("/api/v1/sources").await.expect(200)["items"], json!([after]));
    admin.delete(&path).await.expect(204);
    assert_eq!(admin.delete(&path).await.problem(404), "not_found");
    assert_eq!(admin.get("/api/v1/sources/nonsense").await.problem(404), "not_found");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_stays_where_something_was_stored() {
    let mut world = World::new().await;
    world.start_node().await;
    let owner = world.owner().await;
    let setting = Setting::new(&world, &owner).await;
    let path = at("destinations", &setting.destination, "");
    let form = |place: &str, revision: i64| {
        let connection = &setting.connection["id"];
        let holds = json!({"type": "repository"});
        json!({"name": "office", "connection": connection, "path": place, "layout": "per_node", "holds": holds,
            "revision": revision})
    };
    for wrong in ["/absolute", "up/../there", "a//b", "a\\b"] {
        let refused = owner.put(&path, form(wrong, 1)).await;
        assert_eq!(refused.body["field"], "path");
        assert_eq!(refused.problem(422), "invalid");
    }
    let twin = json!({"name": "twin", "connection": setting.connection["id"], "path": "all"});
    let refused = owner.post("/api/v1/destinations", twin).await;
    assert_eq!(refused.body["field"], "path");
    assert_eq!(refused.problem(422), "invalid");
    // Nothing was stored yet.
    owner.put(&path, form("moved", 1)).await.expect(200);

    let queued = owner.post(&at("plans", &setting.plan, "/run"), json!({})).await.expect(201);
    until(&world, &queued["runs"][0], "completed", |run| run.state == RunState::Completed).await;
    assert!(world.path("backups/moved").is_dir());
    assert_eq!(owner.put(&path, form("elsewhere", 2)).await.problem(409), "holds_repositories");
    let mut shared = form("moved", 2);
    shared["layout"] = "shared".into();
    assert_eq!(owner.put(&path, shared).await.problem(409), "holds_repositories");
    let mut renamed = form("moved", 2);
    renamed["name"] = "vault".into();
    assert_eq!(owner.put(&path, renamed).await.expect(200)["name"], "vault");

    // Its key does not go by accident.
    owner.delete(&at("plans", &setting.plan, "")).await.expect(204);
    let refused = owner.delete(&path).await;
    assert!(refused.body["hint"].as_str().unwrap().contains("reveal-key"), "{refused:#?}");
    assert_eq!(refused.problem(409), "in_use");
    let repositories = owner.get("/api/v1/repositories").await.expect(200);
    let repository = at("repositories", &repositories["items"][0], "");
    let admin = world.program(Role::Admin, world.home).await;
    assert_eq!(admin.delete(&repository).await.problem(403), "forbidden");
    owner.delete(&repository).await.expect(204);
    admin.delete(&path).await.expect(204);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_revealed_to_owners_and_opens_the_repository_elsewhere() {
    let mut world = World::new().await;
    let node = world.start_node().await;
    let (owner, admin) = (world.owner().await, world.program(Role::Admin, world.home).await);
    let setting = Setting::new(&world, &admin).await;
    let queued = admin.post(&at("plans", &setting.plan, "/run"), json!({})).await.expect(201);
    until(&world, &queued["runs"][0], "completed", |run| run.state == RunState::Completed).await;

    let of = format!("/api/v1/repositories?destination={}", setting.destination["id"].as_str().unwrap());
    let repositories = admin.get(&of).await.expect(200);
    let repository = repositories["items"][0].clone();
    assert_eq!((&repository["node"], &repository["adopted"]), (&json!(node), &json!(false)));
    let reveal = at("repositories", &repository, "/reveal-key");
    assert_eq!(admin.post(&reveal, json!({})).await.problem(403), "forbidden");
    assert_eq!(admin.delete(&at("repositories", &repository, "")).await.problem(403), "forbidden");
    let refused = owner.delete(&at("repositories", &repository, "")).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("plan nightly"), "{refused:#?}");
    assert_eq!(refused.problem(409), "in_use");
    let key = owner.post(&reveal, json!({})).await.expect(200);
    let password = key["password"].as_str().unwrap().to_owned();

    // The same repository by another way: as one that somebody else has made.
    let other = folder(&admin, "other way", &world.path("backups/all")).await;
    let found = destination(&admin, "found", &other, "").await;
    let adopt = "/api/v1/repositories/adopt";
    let form =
        |password: &str, path: &str| json!({"destination": found["id"], "path": path, "password": password});
    let folder = node.to_string();
    let refused = admin.post(adopt, form("wrong", &folder)).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("password"), "{refused:#?}");
    assert_eq!(refused.problem(422), "failed_on_node");
    assert_eq!(admin.post(adopt, form(&password, "nowhere")).await.problem(404), "not_found");
    assert_eq!(admin.post(adopt, form(&password, "../all")).await.problem(422), "invalid");
    assert_eq!(admin.post(adopt, form("", &folder)).await.problem(422), "invalid");
    let adopted = admin.post(adopt, form(&password, &folder)).await.expect(201);
    assert_eq!((&adopted["snapshots"], &adopted["repository"]["adopted"]), (&json!(1), &json!(true)));
    assert!(!adopted.to_string().contains(&password));
    assert_eq!(admin.post(adopt, form(&password, &folder)).await.problem(409), "conflict");

    // A plan to it goes on with what is there.
    let form = crate::setting::plan("goes on", &setting.source, &found);
    let plan = admin.post("/api/v1/plans", form).await.expect(201);
    let queued = admin.post(&at("plans", &plan, "/run"), json!({})).await.expect(201);
    until(&world, &queued["runs"][0], "completed", |run| run.state == RunState::Completed).await;
    let again =
        owner.post(&at("repositories", &adopted["repository"], "/reveal-key"), json!({})).await.expect(200);
    assert_eq!(again["password"], password.as_str());

    for list in ["repositories", "destinations", "plans", "connections"] {
        let told = owner.get(&format!("/api/v1/{list}")).await.expect(200);
        assert!(!told.to_string().contains(&password), "{list}");
    }
    assert_kept_nowhere(&world, &password).await;
    let audit = world.store.audit(&Default::default(), 100).await.unwrap();
    let revealed = audit.iter().filter(|entry| entry.action == "repository.reveal_key").count();
    assert_eq!(revealed, 2);
    world.stop().await;
}
