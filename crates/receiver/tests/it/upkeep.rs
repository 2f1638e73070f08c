//! What is done without being asked for.

use axum::body::Body;
use backstay_receiver::{NewClient, Retention};

use crate::world::World;

const DAY: i64 = 86_400;

#[tokio::test]
async fn an_upload_that_nobody_goes_on_with_is_removed_and_its_name_is_free() {
    let world = World::new();
    let client = world.client("db1");
    let upload = client.begin("a", 10).await;
    world.later(6 * DAY);
    client.patch(&upload, 0, &[], "0123").await.is(204);
    world.later(6 * DAY);
    world.receiver.do_upkeep(true);
    assert_eq!(client.offset(&upload).await, 4, "each piece prolongs its time");
    world.later(2 * DAY);
    client.ask("HEAD", &upload, &[], Body::empty()).await.is(410);
    client.patch(&upload, 4, &[], "456789").await.is(410);
    world.receiver.do_upkeep(true);
    client.ask("HEAD", &upload, &[], Body::empty()).await.is(404);
    assert!(world.files(".receiver/uploads").is_empty());
    client.begin("a", 10).await;
}

#[tokio::test]
async fn what_is_finished_stays_when_its_upload_is_forgotten() {
    let world = World::new();
    let client = world.client("db1");
    client.put("a", b"content").await;
    world.later(30 * DAY);
    world.receiver.do_upkeep(true);
    assert!(world.files(".receiver/uploads").is_empty());
    let list = client.get("/archives/").await.is(200).json();
    assert!(list["files"][0]["sha256"].is_string(), "{list}");
    client.ask("DELETE", "/archives/a", &[], Body::empty()).await.is(204);
    world.receiver.do_upkeep(true);
    assert!(world.files(".receiver/sums").is_empty());
}

#[tokio::test]
async fn old_archives_go_with_what_lies_beside_them_and_the_minimum_stays() {
    let world = World::new();
    let retention = Retention { max_count: Some(2), keep_at_least: Some(1), ..Retention::default() };
    let client = world.client_with(NewClient { name: "db1".to_owned(), retention, ..NewClient::default() });
    for (number, name) in ["x/1.zip", "x/2.zip", "x/3.zip"].into_iter().enumerate() {
        client.put(name, b"content").await;
        client.put(&format!("{name}.manifest.json"), b"{}").await;
        for file in [name.to_owned(), format!("{name}.manifest.json")] {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1000 + number as u64);
            let file = std::fs::File::options()
                .write(true)
                .open(world.path(&format!("archives/db1/{file}")))
                .unwrap();
            file.set_modified(time).unwrap();
        }
    }
    world.receiver.do_upkeep(false);
    assert_eq!(
        world.files("archives/db1"),
        ["x/2.zip", "x/2.zip.manifest.json", "x/3.zip", "x/3.zip.manifest.json"]
    );
    let one = world.receiver.clients().all().unwrap()[0].clone();
    assert_eq!(world.receiver.used(&one).unwrap(), (18, 0));
}

#[tokio::test]
async fn what_was_removed_by_hand_is_noticed() {
    let world = World::new();
    let client =
        world.client_with(NewClient { name: "db1".to_owned(), quota: Some(10), ..NewClient::default() });
    client.put("a", &[1; 10]).await;
    client.create("b", 1, &[]).await.is(507);
    std::fs::remove_file(world.path("archives/db1/a")).unwrap();
    world.receiver.do_upkeep(true);
    client.begin("b", 10).await;
}
