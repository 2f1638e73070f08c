//! By which name a server is known.

use std::time::Duration;

use backstay_catalog::ServerStore;
use backstay_server::state::TlsChoice;
use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn agents_are_told_the_address_by_which_the_server_was_asked() {
    let mut world = World::new().await;
    let address = format!("sqlite:{}", world.folder.path().join("server.db").display());
    let store = ServerStore::open(&address).await.unwrap();
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let second = World::serve_at(everywhere, &world.folder, &store, TlsChoice::SelfSigned).await;
    let first = std::mem::replace(&mut world.server, second);
    let owner = world.owner().await;
    let port = world.server.address().port();
    for (host, told) in [
        (format!("192.0.2.7:{port}"), format!("https://192.0.2.7:{port}")),
        ("localhost".to_owned(), "https://localhost".to_owned()),
    ] {
        let made =
            owner.clone().header("host", &host).post("/api/v1/nodes/tokens", json!({})).await.expect(201);
        let command = made["command"].as_str().unwrap();
        assert!(command.contains(&format!(" {told} ")), "{command}");
    }
    // Nobody is sent to where a stranger says.
    let elsewhere = owner.header("host", "evil.example").post("/api/v1/nodes/tokens", json!({})).await;
    assert_eq!(elsewhere.problem(421), "unknown_host");
    first.stop(Duration::from_secs(5)).await;
    world.stop().await;
    store.close().await;
}
