//! The recovery kit: who gets it, what it opens, and when it is stale.

use backstay_model::Role;
use serde_json::json;

use crate::records_in_store::{Setup, silent_node};
use crate::world::World;

const PATH: &str = "/api/v1/recovery-kit";

#[tokio::test(flavor = "multi_thread")]
async fn a_kit_opens_what_there_is_and_is_stale_when_there_is_more() {
    let world = World::new().await;
    let owner = world.program(Role::Owner, world.home).await;
    let admin = world.program(Role::Admin, world.home).await;
    let state = async || owner.get(PATH).await.expect(200)["items"][0].clone();
    let none = state().await;
    assert_eq!((&none["repositories"], &none["stale"], none.get("issued")), (&json!(0), &json!(false), None));

    let setup = Setup::new(&world, silent_node(&world.store, world.home, "<nas>").await, |_| {}).await;
    assert_eq!(state().await["stale"], true);
    // Names of projects are seen by more people than keys are.
    assert_eq!(admin.get(PATH).await.expect(200)["items"], json!([]));
    assert_eq!(admin.post(PATH, json!({"project": world.home})).await.problem(403), "forbidden");

    let answer = owner.bytes(reqwest::Method::POST, PATH, "application/json", b"{}".to_vec()).await;
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("sandbox"), "{policy}");
    let page = answer.text().await.unwrap();
    let location = format!("{}/{}", world.path("disk").display(), setup.node);
    for text in ["open sesame", &location, "&lt;nas&gt;", "restic -r LOCATION restore ID"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("<nas>"));
    let issued = state().await;
    assert_eq!((&issued["stale"], &issued["repositories"]), (&json!(false), &json!(1)));
    assert!(issued["issued"].is_string());

    Setup::new(&world, silent_node(&world.store, world.home, "second").await, |_| {}).await;
    assert_eq!(state().await["stale"], true);
    // A body says nothing more where there is one project.
    owner.send(reqwest::Method::POST, PATH, None).await.expect(200);
    owner.post(PATH, json!(null)).await.expect(200);
    assert_eq!(owner.post(PATH, json!([])).await.problem(422), "invalid");
    assert_eq!(state().await["stale"], false);
    let bare = owner.send(reqwest::Method::POST, "/api/v1/projects", None).await;
    assert!(bare.body["hint"].as_str().unwrap().contains("Content-Type"), "{}", bare.body);
    assert_eq!(bare.problem(415), "unsupported_media_type");
    let entries = world.store.audit(&backstay_catalog::AuditFilter::default(), 1).await.unwrap();
    assert_eq!(entries[0].action, "recovery_kit.issue");
    assert!(!format!("{entries:?}").contains("open sesame"));
    world.stop().await;
}
