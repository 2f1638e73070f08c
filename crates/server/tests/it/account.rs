//! One's own password, sessions and tokens.

use std::time::Duration;

use backstay_model::people::ApiToken;
use backstay_model::{Role, Time, TokenId};
use serde_json::json;

use crate::visitor::{program, sign_in, try_to_sign_in, wear_out};
use crate::world::{PASSWORD, SystemClock, SystemRandom, World, sha256};

const ADA: &str = "ada@example.org";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_other_sessions() {
    let world = World::new().await;
    let person = world.person(ADA, &[]).await;
    let here = sign_in(&world, ADA).await;
    let there = sign_in(&world, ADA).await;
    let change = async |current: &str, new: &str| {
        here.client.post("/api/v1/me/password", json!({"current": current, "new": new})).await
    };
    assert_eq!(change("wrong", "another long password").await.problem(422), "invalid");
    assert_eq!(change(PASSWORD, "short").await.problem(422), "invalid");
    change(PASSWORD, "another long password").await.expect(204);
    here.client.get("/api/v1/me").await.expect(200);
    assert_eq!(there.client.get("/api/v1/me").await.problem(401), "unauthenticated");
    assert_eq!(try_to_sign_in(&world, ADA).await.problem(401), "sign_in_failed");
    // A session that somebody else holds does not find the password out.
    for _ in 0..5 {
        change("guess", "yet another password").await.expect(422);
    }
    assert_eq!(wear_out(&world, "password", &person.id.to_string()).await, 5);
    assert_eq!(
        change("another long password", "yet another password").await.problem(429),
        "too_many_attempts"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_and_end_their_own_sessions() {
    let world = World::new().await;
    world.person(ADA, &[]).await;
    world.person("bob@example.org", &[]).await;
    let here = sign_in(&world, ADA).await;
    let there = sign_in(&world, ADA).await;
    let bob = sign_in(&world, "bob@example.org").await;
    let list = here.client.get("/api/v1/me/sessions").await.expect(200)["items"].clone();
    let items = list.as_array().unwrap();
    assert_eq!(items.len(), 2);
    let other = items.iter().find(|session| session["current"] == false).unwrap();
    let path = format!("/api/v1/me/sessions/{}", other["id"].as_str().unwrap());
    assert_eq!(bob.client.delete(&path).await.problem(404), "not_found");
    for odd in ["x", "%00", &"0".repeat(64)] {
        assert_eq!(here.client.delete(&format!("/api/v1/me/sessions/{odd}")).await.problem(404), "not_found");
    }
    // The id of a session is no key to it.
    let forged = format!("backstay={}", other["id"].as_str().unwrap());
    assert_eq!(world.nobody().header("cookie", &forged).get("/api/v1/me").await.status, 401);
    here.client.delete(&path).await.expect(204);
    assert_eq!(there.client.get("/api/v1/me").await.status, 401);

    let there = sign_in(&world, ADA).await;
    here.client.delete("/api/v1/me/sessions").await.expect(204);
    assert_eq!(there.client.get("/api/v1/me").await.status, 401);
    here.client.get("/api/v1/me").await.expect(200);
    bob.client.get("/api/v1/me").await.expect(200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_limited_by_role_project_and_time() {
    let world = World::new().await;
    let office = world.project("Office").await;
    let foreign = world.project("Foreign").await;
    world.person(ADA, &[(world.home, Role::Owner), (office, Role::Admin)]).await;
    let ada = sign_in(&world, ADA).await;
    let create = async |form| ada.client.post("/api/v1/me/tokens", form).await;
    for wrong in [
        json!({"name": "", "role": "viewer"}),
        json!({"name": "x", "role": "king"}),
        json!({"name": "x", "role": "viewer", "expires": "2020-01-01T00:00:00Z"}),
    ] {
        assert_eq!(create(wrong).await.problem(422), "invalid");
    }
    assert_eq!(
        create(json!({"name": "x", "role": "viewer", "project": foreign})).await.problem(404),
        "not_found"
    );

    let wide = create(json!({"name": "wide", "role": "owner"})).await.expect(201);
    let program_wide = program(&world, &wide);
    program_wide.get("/api/v1/people").await.expect(200);
    let roles = program_wide.get("/api/v1/me").await.expect(200)["roles"].clone();
    assert_eq!(roles.as_array().unwrap().len(), 2);
    assert_eq!(roles[1]["role"], "admin", "not more than its person");
    for (method, path) in
        [("GET", "/api/v1/me/tokens"), ("GET", "/api/v1/me/sessions"), ("POST", "/api/v1/sign-out")]
    {
        let method = method.parse().unwrap();
        assert_eq!(program_wide.send(method, path, None).await.problem(403), "session_needed", "{path}");
    }
    let form = json!({"current": PASSWORD, "new": "another long password"});
    assert_eq!(program_wide.post("/api/v1/me/password", form).await.problem(403), "session_needed");

    let viewer = program(&world, &create(json!({"name": "viewer", "role": "viewer"})).await.expect(201));
    assert_eq!(viewer.get("/api/v1/people").await.problem(403), "forbidden");
    let narrow = create(json!({"name": "narrow", "role": "owner", "project": office})).await.expect(201);
    let narrow = program(&world, &narrow);
    let projects = narrow.get("/api/v1/projects").await.expect(200);
    assert_eq!(projects["items"].as_array().unwrap().len(), 1);
    assert_eq!(narrow.get("/api/v1/people").await.problem(403), "forbidden");
    assert_eq!(narrow.get(&format!("/api/v1/projects/{}", world.home)).await.problem(404), "not_found");

    let later = (Time::now() + Duration::from_secs(3600)).to_string();
    let brief = create(json!({"name": "brief", "role": "viewer", "expires": later})).await.expect(201);
    program(&world, &brief).get("/api/v1/me").await.expect(200);
    let mut over: ApiToken = serde_json::from_value(brief).unwrap();
    over.id = TokenId::new(&SystemClock, &SystemRandom);
    over.expires = Some(Time::now() - Duration::from_secs(1));
    world.store.create_token(&over, &sha256("bst_over")).await.unwrap();
    let over = world.nobody().header("authorization", "Bearer bst_over");
    assert_eq!(over.get("/api/v1/me").await.problem(401), "unauthenticated");

    let list = ada.client.get("/api/v1/me/tokens").await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 5);
    assert!(!list.to_string().contains("bst_"), "{list}");
    let path = format!("/api/v1/me/tokens/{}", wide["id"].as_str().unwrap());
    ada.client.delete(&path).await.expect(204);
    assert_eq!(program_wide.get("/api/v1/me").await.problem(401), "unauthenticated");
    assert_eq!(ada.client.delete(&path).await.problem(404), "not_found");
    let audit = world.store.audit(&Default::default(), 100).await.unwrap();
    assert!(!serde_json::to_string(&audit).unwrap().contains("bst_"));
    world.stop().await;
}
