//! Which moments one can go back to, as the program shows them, with a real server of MongoDB's protocol.

use std::time::{Duration, Instant};

use backstay_sources::testing::MongoServer;
use backstay_sources::testing::bson::doc;
use serde_json::{Value, json};

use crate::session::{begin, plan, wait_for_local_repository};
use crate::world::World;

/// The moments of a plan, once they are as they should be.
fn until(world: &World, what: &str, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let end = Instant::now() + Duration::from_secs(90);
    loop {
        let told = world.ask(&["plans", "moments", "shop"]);
        let items = told["items"].as_array().unwrap().clone();
        if is_so(&items) {
            return items;
        }
        assert!(Instant::now() < end, "no {what}: {told}\n{}", world.ask(&["runs", "list"]));
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn time(value: &Value) -> jiff::Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn the_moments_that_a_plan_keeps_are_shown_and_grow_with_what_is_written() {
    let Some(server) = MongoServer::start_new() else { return };
    server.insert("shop", "orders", &[doc! { "_id": 1 }]);
    let world = World::without_settings();
    let _up = begin(&world);
    wait_for_local_repository(&world);
    world.some_files();
    plan(&world, "nightly", "Local repository", json!({}));
    assert_eq!(world.ask(&["plans", "moments", "nightly"])["items"], json!([]), "it keeps no log");
    world.run(["plans", "moments", "unknown"]).ends_with(1).complains("unknown");

    let settings = json!({"type": "mongodb", "uri": server.uri(), "allow_private": true});
    let connection = world.make("connections", &json!({"name": "shop", "settings": settings}));
    let node = world.ask(&["sources", "show", "files"])["node"].clone();
    let spec = json!({"type": "mongodb", "connection": connection["id"]});
    let source = world.make("sources", &json!({"name": "shop", "node": node, "spec": spec}));
    let destination = world.ask(&["destinations", "show", "Local repository"]);
    let made = world.make(
        "plans",
        &json!({
            "name": "shop", "sources": [source["id"]], "destinations": [destination["id"]],
            "continuous": {"every": "1s", "keep": "7d"},
        }),
    );

    let has_moments =
        |items: &[Value]| items.iter().any(|item| !item["moments"].as_array().unwrap().is_empty());
    let first = until(&world, "moments", has_moments);
    assert_eq!((first.len(), &first[0]["plan"]), (1, &made["id"]));
    assert_eq!(first[0]["source"], json!({"id": source["id"], "name": "shop"}));
    assert_eq!(first[0]["destination"]["name"], "Local repository");
    let window = first[0]["moments"][0].clone();
    assert!(time(&window["from"]) <= time(&window["until"]), "{window}");

    // In another second than what is told already.
    std::thread::sleep(Duration::from_secs(1));
    let written = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap();
    assert!(written > time(&window["until"]), "{window}");
    server.insert("shop", "orders", &[doc! { "_id": 2 }]);
    let grown = until(&world, "later moment", |items| {
        items.iter().any(|item| time(&item["moments"][0]["until"]) >= written)
    });
    assert_eq!(grown[0]["moments"].as_array().unwrap().len(), 1, "there is no gap: {grown:?}");
    assert_eq!(grown[0]["moments"][0]["from"], window["from"]);
    // For people it is the same, as text.
    let shown = world.run(["plans", "moments", "shop"]).succeeds();
    shown.says("moments:").says(window["from"].as_str().unwrap()).says("name: Local repository");
}
