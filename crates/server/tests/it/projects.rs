//! Projects, and who sees them.

use backstay_model::Role;
use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn projects_are_made_by_the_servers_owners_and_seen_by_their_people() {
    let world = World::new().await;
    let owner = world.owner().await;
    let made = owner.post("/api/v1/projects", json!({"name": " Office "})).await.expect(201);
    assert_eq!(made["name"], "Office");
    let path = format!("/api/v1/projects/{}", made["id"].as_str().unwrap());
    assert_eq!(owner.get("/api/v1/projects").await.expect(200)["items"].as_array().unwrap().len(), 2);
    assert_eq!(owner.post("/api/v1/projects", json!({"name": "Office"})).await.problem(409), "name_taken");
    assert_eq!(owner.post("/api/v1/projects", json!({"name": ""})).await.problem(422), "invalid");
    assert_eq!(owner.post("/api/v1/projects", json!({"nam": "x"})).await.problem(422), "invalid");

    let stranger = world.program(Role::Admin, world.home).await;
    assert_eq!(stranger.get(&path).await.problem(404), "not_found");
    assert_eq!(stranger.post("/api/v1/projects", json!({"name": "Mine"})).await.problem(403), "forbidden");
    assert_eq!(world.nobody().get("/api/v1/projects").await.problem(401), "unauthenticated");
    assert_eq!(world.nobody().get("/nowhere").await.problem(404), "not_found");

    owner.put(&path, json!({"name": "Workshop"})).await.expect(200);
    owner.delete(&path).await.expect(204);
    assert_eq!(owner.delete(&format!("/api/v1/projects/{}", world.home)).await.problem(409), "conflict");
    let audit = world.store.verify_audit().await.unwrap();
    assert_eq!((audit.good, audit.first_bad), (3, None));
    world.stop().await;
}
