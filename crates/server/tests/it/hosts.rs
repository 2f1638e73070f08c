//! By which name a server is known.

use std::sync::Arc;
use std::time::Duration;

use backstay_catalog::ServerStore;
use backstay_server::state::{ServerConfig, TlsChoice};
use serde_json::json;

use crate::world::{SystemClock, World};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_listens_everywhere_is_where_its_name_says() {
    let mut world = World::new().await;
    let hosts = vec!["backup.example.org".to_owned()];
    let config =
        ServerConfig { listen: "0.0.0.0:0".parse().unwrap(), hosts, ..World::configuration(&world.folder) };
    let second =
        World::start_server(config, &world.folder, &world.store, Arc::new(SystemClock)).await.unwrap();
    std::mem::replace(&mut world.server, second).stop(Duration::from_secs(5)).await;
    let port = world.server.address().port();
    assert_eq!(world.server.url(), format!("https://backup.example.org:{port}"));
    let link = world.server.setup_link().await.unwrap().unwrap();
    assert!(link.starts_with(&format!("https://backup.example.org:{port}/setup#")), "it is named otherwise");
    world.stop().await;
}
