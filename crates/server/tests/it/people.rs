//! Accounts, and the people of projects.

use backstay_model::Role;
use serde_json::{Value, json};

use crate::visitor::{program, sign_in, try_to_sign_in};
use crate::world::{PASSWORD, World};

const OLGA: &str = "olga@example.org";

fn form(person: &Value, key: &str, value: Value) -> Value {
    let mut form = json!({});
    for key in ["name", "email", "grants", "disabled"] {
        form[key] = person[key].clone();
    }
    form[key] = value;
    form
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_of_the_server_make_change_and_delete_accounts() {
    let world = World::new().await;
    world.person(OLGA, &[(world.home, Role::Owner)]).await;
    let olga = sign_in(&world, OLGA).await.client;
    let admin = world.program(Role::Admin, world.home).await;
    let office = world.project("Office").await;
    let elsewhere = world.program(Role::Owner, office).await;
    for client in [&admin, &elsewhere] {
        assert_eq!(client.get("/api/v1/people").await.problem(403), "forbidden");
        let new = json!({"name": "Ada", "email": "ada@example.org"});
        assert_eq!(client.post("/api/v1/people", new).await.problem(403), "forbidden");
    }
    let grants = json!([{"project": office, "role": "operator"}]);
    let new = json!({"name": "Ada", "email": "ada@example.org", "password": PASSWORD, "grants": grants});
    let made = olga.post("/api/v1/people", new.clone()).await.expect(201);
    assert!(made.get("link").is_none() && made.get("password").is_none(), "{made}");
    assert_eq!(made["grants"], grants);
    assert_eq!(olga.post("/api/v1/people", new).await.problem(409), "name_taken");
    let twice = json!([{"project": office, "role": "viewer"}, {"project": office, "role": "owner"}]);
    let nowhere = json!([{"project": "00000000-0000-7000-8000-000000000000", "role": "viewer"}]);
    for (key, value) in [
        ("email", json!("nobody")),
        ("email", json!("a@example.org\r\nBcc: b@example.org")),
        ("name", json!("")),
        ("password", json!("short")),
        ("grants", twice),
        ("grants", nowhere),
        ("totp", json!(true)),
    ] {
        let mut wrong = json!({"name": "B", "email": "b@example.org", "password": PASSWORD});
        wrong[key] = value;
        assert_eq!(olga.post("/api/v1/people", wrong).await.problem(422), "invalid", "{key}");
    }

    let path = format!("/api/v1/people/{}", made["id"].as_str().unwrap());
    let ada = sign_in(&world, "ada@example.org").await.client;
    let token = json!({"name": "x", "role": "operator"});
    let token = program(&world, &ada.post("/api/v1/me/tokens", token).await.expect(201));
    assert_eq!(ada.get(&path).await.problem(403), "forbidden");
    let changed = olga.put(&path, form(&made, "name", json!("Ada L."))).await.expect(200);
    assert_eq!(changed["name"], "Ada L.");
    ada.get("/api/v1/me").await.expect(200);

    let barred = olga.put(&path, form(&made, "disabled", json!(true))).await.expect(200);
    assert_eq!(barred["disabled"], true);
    assert_eq!(ada.get("/api/v1/me").await.problem(401), "unauthenticated");
    assert_eq!(token.get("/api/v1/me").await.problem(401), "unauthenticated");
    assert_eq!(try_to_sign_in(&world, "ada@example.org").await.problem(401), "sign_in_failed");
    assert_eq!(olga.post(&format!("{path}/password-link"), json!({})).await.problem(409), "conflict");

    olga.put(&path, form(&made, "disabled", json!(false))).await.expect(200);
    // Sessions that were ended stay so.
    assert_eq!(ada.get("/api/v1/me").await.problem(401), "unauthenticated");
    let ada = sign_in(&world, "ada@example.org").await.client;
    olga.delete(&path).await.expect(204);
    assert_eq!(ada.get("/api/v1/me").await.problem(401), "unauthenticated");
    assert_eq!(token.get("/api/v1/me").await.problem(401), "unauthenticated");
    assert_eq!(olga.get(&path).await.problem(404), "not_found");
    assert_eq!(olga.delete(&path).await.problem(404), "not_found");
    let audit = serde_json::to_string(&world.store.audit(&Default::default(), 100).await.unwrap()).unwrap();
    assert!(!audit.contains(PASSWORD) && audit.contains("person.delete"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_always_owns_the_server() {
    let world = World::new().await;
    let person = world.person(OLGA, &[(world.home, Role::Owner)]).await;
    let olga = sign_in(&world, OLGA).await.client;
    let path = format!("/api/v1/people/{}", person.id);
    let member = format!("/api/v1/projects/{}/people/{}", world.home, person.id);
    let known = olga.get(&path).await.expect(200);
    let demoted = json!([{"project": world.home, "role": "admin"}]);
    let refused = async || {
        vec![
            olga.delete(&path).await,
            olga.delete(&member).await,
            olga.put(&member, json!({"role": "admin"})).await,
            olga.put(&path, form(&known, "disabled", json!(true))).await,
            olga.put(&path, form(&known, "grants", json!([]))).await,
            olga.put(&path, form(&known, "grants", demoted.clone())).await,
        ]
    };
    for reply in refused().await {
        assert_eq!(reply.problem(409), "last_owner");
    }
    // An owner who cannot sign in does not count.
    let mut barred = world.person("bob@example.org", &[(world.home, Role::Owner)]).await;
    barred.disabled = true;
    world.store.update_person(&barred).await.unwrap();
    for reply in refused().await {
        assert_eq!(reply.problem(409), "last_owner");
    }
    olga.put(&member, json!({"role": "owner"})).await.expect(200);

    // Of two who remove each other at once, one stays.
    let second = world.person("nina@example.org", &[(world.home, Role::Owner)]).await;
    let nina = sign_in(&world, "nina@example.org").await.client;
    let other = format!("/api/v1/projects/{}/people/{}", world.home, second.id);
    let (one, two) = tokio::join!(olga.delete(&other), nina.delete(&member));
    let owners = world.store.people().await.unwrap();
    let owners = owners.iter().filter(|person| !person.disabled && !person.grants.is_empty()).count();
    assert_eq!(owners, 1, "{one:?} {two:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_of_a_project_give_and_take_roles_in_it() {
    let world = World::new().await;
    let office = world.project("Office").await;
    let owner = world.program(Role::Owner, office).await;
    let admin = world.program(Role::Admin, office).await;
    let stranger = world.program(Role::Owner, world.project("Foreign").await).await;
    let ada = world.person("ada@example.org", &[(world.home, Role::Viewer)]).await;
    let list = format!("/api/v1/projects/{office}/people");
    let path = format!("{list}/{}", ada.id);
    assert_eq!(admin.get(&list).await.problem(403), "forbidden");
    assert_eq!(admin.put(&path, json!({"role": "owner"})).await.problem(403), "forbidden");
    assert_eq!(stranger.get(&list).await.problem(404), "not_found");
    assert_eq!(stranger.put(&path, json!({"role": "owner"})).await.problem(404), "not_found");
    assert_eq!(stranger.delete(&path).await.problem(404), "not_found");

    assert_eq!(owner.delete(&path).await.problem(404), "not_found");
    let nobody = format!("{list}/00000000-0000-7000-8000-000000000000");
    assert_eq!(owner.put(&nobody, json!({"role": "owner"})).await.problem(404), "not_found");
    let member = owner.put(&path, json!({"role": "operator"})).await.expect(200);
    assert_eq!((&member["email"], &member["role"]), (&json!("ada@example.org"), &json!("operator")));
    assert!(member.get("grants").is_none(), "roles elsewhere are not told: {member}");
    owner.put(&path, json!({"role": "viewer"})).await.expect(200);
    assert_eq!(owner.get(&list).await.expect(200)["items"].as_array().unwrap().len(), 3);
    let visitor = sign_in(&world, "ada@example.org").await.client;
    assert_eq!(visitor.get("/api/v1/me").await.expect(200)["roles"].as_array().unwrap().len(), 2);
    owner.delete(&path).await.expect(204);
    assert_eq!(visitor.get("/api/v1/me").await.expect(200)["roles"].as_array().unwrap().len(), 1);
    let entries = world.store.audit(&Default::default(), 3).await.unwrap();
    assert!(entries.iter().any(|entry| entry.action == "member.remove" && entry.project == Some(office)));
    world.stop().await;
}
