//! New passwords by link.

use std::time::Duration;

use backstay_catalog::{OneTimeKind, OneTimeToken};
use backstay_model::{Role, Time};
use backstay_server::access::reset::link_for;
use serde_json::json;

use crate::smtp::Smtp;
use crate::visitor::{sign_in, try_to_sign_in, wear_out};
use crate::world::{Client, PASSWORD, Reply, SystemClock, SystemRandom, World, sha256};

const ADA: &str = "ada@example.org";
const NEW: &str = "another long password";

async fn confirm(client: &Client, token: &str, password: &str) -> Reply {
    client.post("/api/v1/password-reset/confirm", json!({"token": token, "password": password})).await
}

async fn enter(client: &Client, password: &str) -> u16 {
    client.post("/api/v1/sign-in", json!({"email": ADA, "password": password})).await.status.as_u16()
}

fn token_in(text: &str) -> String {
    let rest = text.split_once("/reset#").unwrap().1;
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_forgot_a_password_gets_a_link_by_mail() {
    let world = World::new().await;
    let smtp = Smtp::start().await;
    let owner = world.owner().await;
    owner.put("/api/v1/settings/smtp", smtp.settings()).await.expect(200);
    world.person(ADA, &[]).await;
    let nobody = world.nobody();
    let ada = sign_in(&world, ADA).await;
    let ask = async |email: &str| nobody.post("/api/v1/password-reset", json!({"email": email})).await;
    let unknown = ask("nobody@example.org").await;
    let known = ask("ADA@example.org").await;
    assert_eq!((unknown.status, &unknown.body), (known.status, &known.body));
    assert_eq!(known.status, 202);
    let mail = smtp.mail(0).await;
    assert_eq!(mail.to, [ADA]);
    let link = format!("{}/reset#", world.server.url());
    assert!(mail.content.contains(&link), "{}", mail.content);
    let token = token_in(&mail.content);

    assert_eq!(confirm(&nobody, "guessed", NEW).await.problem(410), "link_used_up");
    assert_eq!(confirm(&nobody, &token, "short").await.problem(422), "invalid");
    confirm(&nobody, &token, NEW).await.expect(204);
    assert_eq!(confirm(&nobody, &token, NEW).await.problem(410), "link_used_up");
    assert_eq!(ada.client.get("/api/v1/me").await.problem(401), "unauthenticated");
    assert_eq!((enter(&nobody, PASSWORD).await, enter(&nobody, NEW).await), (401, 200));
    let entries = serde_json::to_string(&world.store.audit(&Default::default(), 50).await.unwrap()).unwrap();
    assert!(entries.contains("person.password_reset") && !entries.contains(&token) && !entries.contains(NEW));

    // Nobody's mailbox is flooded.
    for _ in 0..4 {
        assert_eq!(ask(ADA).await.status, 202);
    }
    assert_eq!(wear_out(&world, "password_reset", ADA).await, 5);
    assert_eq!(ask(ADA).await.problem(429), "too_many_attempts");
    assert_eq!(smtp.mail(4).await.to, [ADA]);
    assert!(smtp.mails().iter().all(|mail| mail.to == [ADA]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_run_out_and_those_of_the_old_password_end_with_it() {
    let world = World::new().await;
    let person = world.person(ADA, &[]).await;
    let nobody = world.nobody();
    let now = Time::now();
    let token = OneTimeToken {
        hash: sha256("old key"),
        kind: OneTimeKind::PasswordReset,
        about: json!({"person": person.id}),
        created: now - Duration::from_secs(3601),
        expires: now - Duration::from_secs(1),
    };
    world.store.create_one_time(&token).await.unwrap();
    assert_eq!(confirm(&nobody, "old key", NEW).await.problem(410), "link_used_up");

    let link = async |email: &str| {
        link_for(&world.store, &SystemClock, &SystemRandom, "https://b.example/", email).await.unwrap()
    };
    assert_eq!(link("nobody@example.org").await, None);
    let (first, second) = (link(ADA).await.unwrap(), link(ADA).await.unwrap());
    assert!(first.starts_with("https://b.example/reset#"), "{first}");
    confirm(&nobody, &token_in(&first), NEW).await.expect(204);
    assert_eq!(confirm(&nobody, &token_in(&second), PASSWORD).await.problem(410), "link_used_up");
    assert_eq!(enter(&nobody, NEW).await, 200);

    let waiting = link(ADA).await.unwrap();
    let mut barred = world.store.person(person.id).await.unwrap().unwrap();
    barred.disabled = true;
    world.store.update_person(&barred).await.unwrap();
    assert_eq!(confirm(&nobody, &token_in(&waiting), PASSWORD).await.problem(410), "link_used_up");
    assert_eq!(link(ADA).await, None);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_invited_by_link() {
    let world = World::new().await;
    let smtp = Smtp::start().await;
    world.person("olga@example.org", &[(world.home, Role::Owner)]).await;
    let olga = sign_in(&world, "olga@example.org").await.client;
    let nobody = world.nobody();
    let made = olga.post("/api/v1/people", json!({"name": "Ada", "email": ADA})).await.expect(201);
    assert_eq!(made["mailed"], false);
    assert_eq!(try_to_sign_in(&world, ADA).await.problem(401), "sign_in_failed");
    let lasts = world.store.one_times(OneTimeKind::PasswordReset, Time::now()).await.unwrap();
    let hours = lasts[0].expires.duration_since(lasts[0].created).as_hours();
    assert_eq!(hours, 7 * 24);

    // A new link takes the place of the one before; programs cannot make one.
    let path = format!("/api/v1/people/{}/password-link", made["id"].as_str().unwrap());
    assert_eq!(world.owner().await.post(&path, json!({})).await.problem(403), "session_needed");
    olga.put("/api/v1/settings/smtp", smtp.settings()).await.expect(200);
    let again = olga.post(&path, json!({})).await.expect(201);
    assert_eq!(again["mailed"], true);
    let old = token_in(made["link"].as_str().unwrap());
    let new = token_in(again["link"].as_str().unwrap());
    assert_eq!(token_in(&smtp.mail(0).await.content), new);
    assert_eq!(confirm(&nobody, &old, PASSWORD).await.problem(410), "link_used_up");
    confirm(&nobody, &new, PASSWORD).await.expect(204);
    sign_in(&world, ADA).await;

    // To an address that is no longer the person's no link leads in.
    let waiting = olga.post(&path, json!({})).await.expect(201);
    let form = json!({"name": "Ada", "email": "ada@example.net", "grants": [], "disabled": false});
    olga.put(path.trim_end_matches("/password-link"), form).await.expect(200);
    let token = token_in(waiting["link"].as_str().unwrap());
    assert_eq!(confirm(&nobody, &token, NEW).await.problem(410), "link_used_up");
    world.stop().await;
}
