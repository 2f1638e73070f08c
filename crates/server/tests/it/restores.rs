//! Restores into buckets, and backups that lie in these.

use serde_json::{Value, json};

use crate::s3_server::{KEY, SECRET, Server as S3};
use crate::setting::{destination, folder, plan, source};

use crate::world::{Client, World};

async fn way(owner: &Client, name: &str, service: &S3, bucket: &str) -> Value {
    std::fs::create_dir_all(service.root().join(bucket)).unwrap();
    let settings = json!({
        "type": "s3", "endpoint": service.url, "bucket": bucket, "access_key": KEY, "secret_key": SECRET,
        "allow_private": true,
    });
    owner.post("/api/v1/connections", json!({"name": name, "settings": settings})).await.expect(201)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_into_a_bucket_neither_writes_into_backups_nor_removes_them() {
    let mut world = World::new().await;
    world.start_node().await;
    let owner = world.owner().await;
    let service = tokio::task::spawn_blocking(S3::start).await.unwrap();
    // Two connections to one bucket: that it is another connection does not help.
    let (cloud, same) =
        (way(&owner, "cloud", &service, "bucket").await, way(&owner, "same", &service, "bucket").await);
    let elsewhere = way(&owner, "elsewhere", &service, "other").await;
    let office = destination(&owner, "office", &cloud, "all").await;
    let disk = folder(&owner, "disk", &world.path("backups")).await;
    let here = destination(&owner, "here", &disk, "").await;
    let data = source(&owner, "data", &world.path("data")).await;
    owner.post("/api/v1/plans", plan("nightly", &data, &office)).await.expect(201);
    owner.post("/api/v1/plans", plan("daily", &data, &here)).await.expect(201);
    let repositories = world.store.repositories(here["id"].as_str().unwrap().parse().unwrap()).await.unwrap();
    let repository = repositories[0].id;
    let ask = async |connection: &Value, prefix: &str, delete: bool| {
        let into = json!({"type": "s3", "connection": connection["id"], "prefix": prefix});
        let form = json!({
            "repository": repository, "snapshot": "latest", "target": "/", "delete": delete, "into": into,
        });
        owner.post("/api/v1/restores", form).await
    };
    for (prefix, delete) in [("", true), ("al", true), ("all/", true), ("all/deeper", false)] {
        for connection in [&cloud, &same] {
            let refused = ask(connection, prefix, delete).await;
            if prefix == "all/deeper" {
                // Each node has its own folder there, and this is none of them.
                refused.expect(201);
            } else {
                assert_eq!(refused.body["field"], "into.prefix", "{prefix}: {refused:#?}");
                refused.problem(422);
            }
        }
    }
    let path = world.store.repositories(office["id"].as_str().unwrap().parse().unwrap()).await.unwrap()[0]
        .path
        .clone();
    assert_eq!(ask(&same, &format!("all/{path}/data/"), false).await.problem(422), "invalid");
    ask(&cloud, "restored/", true).await.expect(201);
    ask(&elsewhere, "", true).await.expect(201);
    tokio::task::spawn_blocking(move || drop(service)).await.unwrap();
    world.stop().await;
}
