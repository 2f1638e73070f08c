//! The second factor.

use backstay_model::Role;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

use crate::visitor::{sign_in, wear_out};
use crate::world::{PASSWORD, Reply, World};

const ADA: &str = "ada@example.org";

fn authenticator(secret: &str) -> Totp {
    let secret = Secret::try_from_base32(secret).unwrap();
    Builder::new().with_secret(secret).with_account_name(ADA).build().unwrap()
}

fn code(totp: &Totp, later: u64) -> String {
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
    totp.generate(now + later).to_string()
}

async fn enter(world: &World, code: Option<&str>) -> Reply {
    let form = json!({"email": ADA, "password": PASSWORD, "code": code});
    world.nobody().post("/api/v1/sign-in", form).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_asked_for_and_works_once() {
    let world = World::new().await;
    let person = world.person(ADA, &[]).await;
    let ada = sign_in(&world, ADA).await;
    let confirm = async |code: &str| ada.client.post("/api/v1/me/totp/confirm", json!({"code": code})).await;
    assert_eq!(confirm("123456").await.problem(409), "conflict");
    let begun = ada.client.post("/api/v1/me/totp", json!({})).await.expect(201);
    let secret = begun["secret"].as_str().unwrap();
    assert!(begun["uri"].as_str().unwrap().contains(&format!("secret={secret}")), "{begun}");
    let totp = authenticator(secret);
    // It does not count before a code of it was seen.
    assert_eq!(enter(&world, None).await.status, 200);
    assert_eq!(confirm("").await.problem(422), "invalid");
    let first = code(&totp, 0);
    let codes = confirm(&first).await.expect(200)["recovery_codes"].clone();
    let codes: Vec<String> = serde_json::from_value(codes).unwrap();
    assert_eq!(codes.len(), 10);
    assert_eq!(ada.client.post("/api/v1/me/totp", json!({})).await.problem(409), "conflict");

    assert_eq!(enter(&world, None).await.problem(401), "code_needed");
    assert_eq!(enter(&world, Some(&first)).await.problem(401), "sign_in_failed");
    let next = code(&totp, 30);
    assert_eq!(enter(&world, Some(&format!("{} {}", &next[..3], &next[3..]))).await.status, 200);
    assert_eq!(enter(&world, Some(&next)).await.problem(401), "sign_in_failed");

    assert_eq!(enter(&world, Some(&codes[3].to_uppercase())).await.status, 200);
    assert_eq!(enter(&world, Some(&codes[3])).await.problem(401), "sign_in_failed");
    assert_eq!(enter(&world, Some(&codes[4])).await.status, 200);
    assert_eq!(ada.client.get("/api/v1/me").await.expect(200)["recovery_codes"], 8);

    // Neither the secret nor a recovery code is stored in the clear.
    let kept = world.store.credentials(person.id).await.unwrap();
    assert!(!kept.totp_sealed.unwrap().contains(secret));
    assert!(codes.iter().all(|code| !kept.recovery_codes.contains(code)));

    let remove = async |password: &str| {
        ada.client.send(reqwest::Method::DELETE, "/api/v1/me/totp", Some(json!({"password": password}))).await
    };
    assert_eq!(remove("wrong").await.problem(422), "invalid");
    remove(PASSWORD).await.expect(204);
    assert_eq!(enter(&world, None).await.status, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_cannot_be_guessed_at_will() {
    let world = World::new().await;
    world.person(ADA, &[]).await;
    let ada = sign_in(&world, ADA).await;
    let begun = ada.client.post("/api/v1/me/totp", json!({})).await.expect(201);
    let totp = authenticator(begun["secret"].as_str().unwrap());
    ada.client.post("/api/v1/me/totp/confirm", json!({"code": code(&totp, 0)})).await.expect(200);
    // That the password was right takes nothing back.
    for guess in [None, Some("000000"), None, Some("nonsense"), None] {
        enter(&world, guess).await.expect(401);
    }
    assert_eq!(wear_out(&world, "sign_in", ADA).await, 5);
    assert_eq!(enter(&world, Some(&code(&totp, 30))).await.problem(429), "too_many_attempts");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_takes_the_factor_of_somebody_who_lost_it_away() {
    let world = World::new().await;
    let person = world.person(ADA, &[]).await;
    world.person("olga@example.org", &[(world.home, Role::Owner)]).await;
    let ada = sign_in(&world, ADA).await;
    let begun = ada.client.post("/api/v1/me/totp", json!({})).await.expect(201);
    let totp = authenticator(begun["secret"].as_str().unwrap());
    ada.client.post("/api/v1/me/totp/confirm", json!({"code": code(&totp, 0)})).await.expect(200);
    let path = format!("/api/v1/people/{}/totp", person.id);
    assert_eq!(ada.client.delete(&path).await.problem(403), "forbidden");
    assert_eq!(world.owner().await.delete(&path).await.problem(403), "session_needed", "a token");
    let olga = sign_in(&world, "olga@example.org").await;
    olga.client.delete(&path).await.expect(204);
    assert_eq!(ada.client.get("/api/v1/me").await.problem(401), "unauthenticated");
    let body: Value = enter(&world, None).await.expect(200);
    assert_eq!(body["person"]["totp"], false);
    world.stop().await;
}
