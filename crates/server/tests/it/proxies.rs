//! Those who come through a proxy.

use std::sync::Arc;
use std::time::Duration;

use backstay_server::state::ServerConfig;

use crate::visitor::sign_in;
use crate::world::{SystemClock, World};

const ADA: &str = "ada@example.org";

/// The address that a session of somebody is written down with, who says to come from elsewhere.
async fn noted(trusted: &[&str]) -> String {
    let mut world = World::new().await;
    let trusted_proxies = trusted.iter().map(|proxy| proxy.parse().unwrap()).collect();
    let config = ServerConfig { trusted_proxies, ..World::configuration(&world.folder) };
    let server =
        World::start_server(config, &world.folder, &world.store, Arc::new(SystemClock)).await.unwrap();
    std::mem::replace(&mut world.server, server).stop(Duration::from_secs(10)).await;
    world.person(ADA, &[]).await;
    let form = serde_json::json!({"email": ADA, "password": crate::world::PASSWORD});
    let proxied = world.nobody().header("x-forwarded-for", "198.51.100.1, 203.0.113.5");
    proxied.post("/api/v1/sign-in", form).await.expect(200);
    let sessions = sign_in(&world, ADA).await.client.get("/api/v1/me/sessions").await.expect(200);
    world.stop().await;
    let addresses = sessions["items"].as_array().unwrap().iter();
    let mut addresses: Vec<_> = addresses.map(|session| session["address"].as_str().unwrap()).collect();
    addresses.sort_unstable();
    addresses.join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_and_nobody_else_says_who_asks() {
    assert_eq!(noted(&["127.0.0.0/8"]).await, "127.0.0.1 203.0.113.5");
    assert_eq!(noted(&["10.0.0.7"]).await, "127.0.0.1 127.0.0.1");
    assert_eq!(noted(&[]).await, "127.0.0.1 127.0.0.1");
}
