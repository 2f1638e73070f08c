//! The first start.

use serde_json::json;

use crate::visitor::{cookie_of, visitor};
use crate::world::{PASSWORD, World};

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_the_link_becomes_the_first_owner_once() {
    let world = World::new().await;
    let nobody = world.nobody();
    assert_eq!(nobody.get("/api/v1/setup").await.expect(200), json!({"open": true}));
    let first = world.server.setup_link().await.unwrap().unwrap();
    let link = world.server.setup_link().await.unwrap().unwrap();
    let token = |link: &str| link.split_once("/setup#").unwrap().1.to_owned();
    let form = |token: &str, password: &str| json!({"token": token, "name": "Ada", "email": "Ada@example.org", "password": password});

    let post = async |token: &str, password: &str| nobody.post("/api/v1/setup", form(token, password)).await;
    assert_eq!(post("guessed", PASSWORD).await.problem(410), "link_used_up");
    assert_eq!(post(&token(&first), PASSWORD).await.problem(410), "link_used_up");
    // A password that is refused costs nobody the link.
    assert_eq!(post(&token(&link), "short").await.problem(422), "invalid");
    let elsewhere = nobody.clone().header("origin", "https://evil.example");
    assert_eq!(elsewhere.post("/api/v1/setup", form(&token(&link), PASSWORD)).await.problem(403), "csrf");

    let reply = post(&token(&link), PASSWORD).await;
    assert_eq!(reply.status, 201, "{reply:#?}");
    let cookie = cookie_of(&reply);
    for part in ["backstay=", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let ada = visitor(&world, reply);
    let me = ada.client.get("/api/v1/me").await.expect(200);
    assert_eq!(me["person"]["email"], "Ada@example.org");
    assert_eq!(me["roles"], json!([{"project": world.home, "name": "Default", "role": "owner"}]));
    assert_eq!(me["owns_server"], true);
    assert_eq!(me["csrf"], ada.body["csrf"]);

    assert_eq!(nobody.get("/api/v1/setup").await.expect(200), json!({"open": false}));
    assert_eq!(post(&token(&link), PASSWORD).await.problem(409), "conflict");
    assert!(world.server.setup_link().await.unwrap().is_none());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_use_the_link_at_once_one_gets_in() {
    let world = World::new().await;
    let link = world.server.setup_link().await.unwrap().unwrap();
    let token = link.split_once('#').unwrap().1;
    let tries = (0..6).map(|number| {
        let client = world.nobody();
        let email = format!("ada{number}@example.org");
        let form = json!({"token": token, "name": "Ada", "email": email, "password": PASSWORD});
        tokio::spawn(async move { client.post("/api/v1/setup", form).await.status.as_u16() })
    });
    let mut statuses = Vec::new();
    for one in tries.collect::<Vec<_>>() {
        statuses.push(one.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 201 | 409 | 410)), "{statuses:?}");
    assert_eq!(world.store.people().await.unwrap().len(), 1);
    world.stop().await;
}
