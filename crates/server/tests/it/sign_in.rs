//! Signing in and out, and what bars the way.

use std::time::Duration;

use backstay_catalog::Session;
use backstay_model::{Role, Time};
use serde_json::json;

use crate::visitor::{cookie_of, sign_in, try_to_sign_in, wear_out};
use crate::world::{PASSWORD, World, sha256};

const ADA: &str = "ada@example.org";

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_and_out() {
    let world = World::new().await;
    world.person(ADA, &[(world.home, Role::Viewer)]).await;
    assert_eq!(world.nobody().get("/api/v1/me").await.problem(401), "unauthenticated");
    let ada = sign_in(&world, "ADA@example.org ").await;
    assert_eq!(ada.body["person"]["email"], ADA);
    assert!(ada.body["person"]["last_sign_in"].is_string(), "{}", ada.body);
    let me = ada.client.get("/api/v1/me").await.expect(200);
    assert_eq!((&me["owns_server"], &me["roles"][0]["role"]), (&json!(false), &json!("viewer")));
    let renamed = ada.client.put("/api/v1/me", json!({"name": " Ada L. "})).await.expect(200);
    assert_eq!(renamed["name"], "Ada L.");

    let reply = ada.client.post("/api/v1/sign-out", json!({})).await;
    assert_eq!(reply.status, 204);
    assert!(cookie_of(&reply).contains("Max-Age=0"), "{reply:?}");
    assert_eq!(ada.client.get("/api/v1/me").await.problem(401), "unauthenticated");
    let actions: Vec<_> =
        world.store.audit(&Default::default(), 10).await.unwrap().into_iter().map(|e| e.action).collect();
    assert_eq!(actions, ["session.sign_out", "person.update", "session.sign_in"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_not_told_apart() {
    let world = World::new().await;
    let ada = world.person(ADA, &[(world.home, Role::Owner)]).await;
    let mut barred = world.person("bob@example.org", &[]).await;
    barred.disabled = true;
    world.store.update_person(&barred).await.unwrap();
    let mut answers = Vec::new();
    for (email, password) in [
        (ADA, "wrong"),
        ("nobody@example.org", PASSWORD),
        ("bob@example.org", PASSWORD),
        ("", ""),
        ("\0", "\0"),
    ] {
        let form = json!({"email": email, "password": password});
        let mut body = world.nobody().post("/api/v1/sign-in", form).await.expect(401);
        body.as_object_mut().unwrap().remove("request");
        answers.push(body);
    }
    assert_eq!(answers[0]["type"], "urn:backstay:problem:sign_in_failed");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    // Who was never given a password has none that fits.
    world.store.set_password(ada.id, None).await.unwrap();
    assert_eq!(try_to_sign_in(&world, ADA).await.problem(401), "sign_in_failed");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_down() {
    let world = World::new().await;
    world.person(ADA, &[]).await;
    world.person("bob@example.org", &[]).await;
    for number in 0..5 {
        let form = json!({"email": ADA, "password": format!("guess {number}")});
        assert_eq!(world.nobody().post("/api/v1/sign-in", form).await.problem(401), "sign_in_failed");
    }
    assert_eq!(wear_out(&world, "sign_in", ADA).await, 5);
    // The right password does not help any more, and the account in other letters is the same.
    let reply = try_to_sign_in(&world, " Ada@Example.org").await;
    let wait: u64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=300).contains(&wait), "{wait}");
    assert_eq!(reply.problem(429), "too_many_attempts");
    // Attempts that were not let through do not count.
    assert_eq!(wear_out(&world, "sign_in", ADA).await, 15);
    assert_eq!(try_to_sign_in(&world, "bob@example.org").await.status, 200);
    // After one that went well the count begins anew.
    assert_eq!(wear_out(&world, "sign_in", "bob@example.org").await, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_does_not_try_many_accounts() {
    let world = World::new().await;
    world.person(ADA, &[]).await;
    for number in 0..3 {
        assert_eq!(try_to_sign_in(&world, &format!("guess{number}@example.org")).await.status, 401);
    }
    // One that goes well does not take back what its address did before.
    assert_eq!(try_to_sign_in(&world, ADA).await.status, 200);
    let subject = "sign_in:address:127.0.0.1";
    assert_eq!(world.store.failures(subject).await.unwrap().unwrap().failures, 4);
    for _ in 0..40 {
        world.store.count_failure(subject, Time::now(), Duration::from_secs(3600)).await.unwrap();
    }
    assert_eq!(try_to_sign_in(&world, ADA).await.problem(429), "too_many_attempts");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_cannot_use_a_session_or_begin_one() {
    let world = World::new().await;
    world.person(ADA, &[]).await;
    let ada = sign_in(&world, ADA).await;
    let rename = async |client: crate::world::Client| client.put("/api/v1/me", json!({"name": "x"})).await;
    let bare = ada.cookie_only.clone();
    assert_eq!(rename(bare.clone()).await.problem(403), "csrf");
    assert_eq!(rename(bare.clone().header("x-backstay-csrf", "guess")).await.problem(403), "csrf");
    assert_eq!(rename(bare.clone().header("origin", "https://evil.example")).await.problem(403), "csrf");
    assert_eq!(rename(bare.clone().header("sec-fetch-site", "same-site")).await.problem(403), "csrf");
    let own = format!("http://{}", world.server.address());
    rename(bare.clone().header("origin", &own)).await.expect(200);
    rename(bare.clone().header("sec-fetch-site", "same-origin")).await.expect(200);
    rename(ada.client.clone()).await.expect(200);
    bare.get("/api/v1/me").await.expect(200);

    let form = json!({"email": ADA, "password": PASSWORD});
    for path in
        ["/api/v1/sign-in", "/api/v1/setup", "/api/v1/password-reset", "/api/v1/password-reset/confirm"]
    {
        for (name, value) in
            [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("origin", "null")]
        {
            let elsewhere = world.nobody().header(name, value);
            assert_eq!(elsewhere.post(path, form.clone()).await.problem(403), "csrf", "{path} {value}");
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_when_they_are_idle() {
    let world = World::new().await;
    let person = world.person(ADA, &[(world.home, Role::Owner)]).await;
    let ada = sign_in(&world, ADA).await;
    let path = "/api/v1/settings/sign-in";
    assert_eq!(ada.client.get(path).await.expect(200)["idle_timeout"], "12h");
    assert_eq!(ada.client.put(path, json!({"idle_timeout": "10s"})).await.problem(422), "invalid");
    ada.client.put(path, json!({"idle_timeout": "60s"})).await.expect(200);

    let begin = async |key: &str, idle: i64, left: i64| {
        let now = Time::now();
        let at = |seconds| now + jiff::SignedDuration::from_secs(seconds);
        let session = Session {
            hash: sha256(key),
            person: person.id,
            created: at(-3600),
            last_used: at(-idle),
            expires: at(left),
            user_agent: String::new(),
            address: String::new(),
        };
        world.store.create_session(&session).await.unwrap();
        world.nobody().header("cookie", &format!("backstay={key}")).get("/api/v1/me").await.status.as_u16()
    };
    assert_eq!(begin("in use", 50, 3600).await, 200);
    assert_eq!(begin("idle", 61, 3600).await, 401);
    assert_eq!(begin("old", 1, -1).await, 401);
    let sessions = ada.client.get("/api/v1/me/sessions").await.expect(200);
    assert_eq!(sessions["items"].as_array().unwrap().len(), 2, "{sessions:#}");
    ada.client.put(path, json!({"idle_timeout": "10m"})).await.expect(200);
    // What a page asks by itself does not keep its session alive.
    let used = async |key: &str, background: bool| {
        let before = world.store.session(&sha256(key), Time::now()).await.unwrap().unwrap().last_used;
        let client = world.nobody().header("cookie", &format!("backstay={key}"));
        let client = if background { client.header("x-backstay-background", "1") } else { client };
        assert_eq!(client.get("/api/v1/me").await.expect(200)["idle_timeout_seconds"], 600);
        world.store.session(&sha256(key), Time::now()).await.unwrap().unwrap().last_used != before
    };
    let now = Time::now();
    let waiting = Session {
        hash: sha256("waiting"),
        person: person.id,
        created: now,
        last_used: now - jiff::SignedDuration::from_secs(120),
        expires: now + jiff::SignedDuration::from_secs(3600),
        user_agent: String::new(),
        address: String::new(),
    };
    world.store.create_session(&waiting).await.unwrap();
    assert!(!used("waiting", true).await);
    assert!(used("waiting", false).await);
    world.stop().await;
}
