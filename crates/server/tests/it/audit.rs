//! Reading the audit.

use backstay_model::Role;
use serde_json::{Value, json};

use crate::world::World;

fn actions(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reads_what_concerns_them() {
    let world = World::new().await;
    let office = world.project("Office").await;
    let owner = world.owner().await;
    let office_owner = world.program(Role::Owner, office).await;
    let admin = world.program(Role::Admin, office).await;
    let path = format!("/api/v1/projects/{office}");
    owner.post("/api/v1/people", json!({"name": "Ada", "email": "ada@example.org"})).await.expect(201);
    for name in ["A", "B", "C"] {
        office_owner.put(&path, json!({"name": name})).await.expect(200);
    }
    owner.put(&format!("/api/v1/projects/{}", world.home), json!({"name": "Home"})).await.expect(200);

    let all = owner.get("/api/v1/audit").await.expect(200);
    let update = "project.update";
    assert_eq!(actions(&all), [update, update, update, update, "person.password_link", "person.create"]);
    assert_eq!(all["items"][1]["before"]["name"], "B");
    assert_eq!(all["items"][1]["after"]["name"], "C");
    assert_eq!(all["items"][1]["address"], "127.0.0.1");
    let theirs = admin.get("/api/v1/audit").await.expect(200);
    assert_eq!(actions(&theirs), [update; 3]);
    assert_eq!(admin.get(&format!("/api/v1/audit?project={office}")).await.expect(200), theirs);
    assert_eq!(admin.get(&format!("/api/v1/audit?project={}", world.home)).await.problem(404), "not_found");
    let office_only = owner.get(&format!("/api/v1/audit?project={office}")).await.expect(200);
    assert_eq!(office_only, theirs);
    let operator = world.program(Role::Operator, office).await;
    assert_eq!(operator.get("/api/v1/audit").await.problem(403), "forbidden");
    assert_eq!(operator.get(&format!("/api/v1/audit?project={office}")).await.problem(403), "forbidden");
    assert_eq!(world.nobody().get("/api/v1/audit").await.problem(401), "unauthenticated");

    assert_eq!(actions(&owner.get("/api/v1/audit?action=person.create").await.expect(200)).len(), 1);
    assert_eq!(actions(&owner.get("/api/v1/audit?actor=nobody").await.expect(200)).len(), 0);
    let first = all["items"][5]["time"].as_str().unwrap();
    assert_eq!(actions(&owner.get(&format!("/api/v1/audit?since={first}")).await.expect(200)).len(), 6);
    assert_eq!(actions(&owner.get(&format!("/api/v1/audit?until={first}")).await.expect(200)).len(), 0);
    for wrong in ["project=x", "since=yesterday", "cursor=x", "limit=-1", "colour=red"] {
        assert_eq!(owner.get(&format!("/api/v1/audit?{wrong}")).await.problem(400), "bad_request", "{wrong}");
    }

    let mut seen = Vec::new();
    let mut next = "/api/v1/audit?limit=4".to_owned();
    for _ in 0..2 {
        let page = owner.get(&next).await.expect(200);
        seen.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_i64() {
            Some(cursor) => next = format!("/api/v1/audit?limit=4&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(Value::Array(seen), all["items"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_verify_the_chain() {
    let world = World::new().await;
    let owner = world.owner().await;
    for name in ["A", "B"] {
        owner.post("/api/v1/projects", json!({"name": name})).await.expect(201);
    }
    let path = "/api/v1/audit/verify";
    assert_eq!(owner.get(path).await.expect(200), json!({"good": 2, "first_bad": null}));
    let admin = world.program(Role::Admin, world.home).await;
    assert_eq!(admin.get(path).await.problem(403), "forbidden");
    world.stop().await;
}
