//! The key that secrets are sealed with is exchanged, and everything goes on.

use std::sync::Arc;
use std::time::Duration;

use backstay_catalog::ServerStore;
use backstay_core::{Clock, Random, Timestamp};
use backstay_model::{Role, Time};
use backstay_server::rotation::{self, GRACE, RotationError};
use backstay_vault::{MasterKey, Sealed, Vault, VaultError};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::s3_server::{KEY, SECRET, Server as S3};
use crate::setting::at;
use crate::visitor::sign_in;
use crate::world::{PASSWORD, SystemRandom, World};

const VAULT: &str = "/api/v1/vault";
const ADA: &str = "ada@example.org";

/// The vault of the world's server, as another process opens it.
fn vault(world: &World) -> Arc<Vault> {
    let master = MasterKey::from_file(&world.path("master.key")).unwrap();
    Arc::new(Vault::open_or_make(&world.path("vault.json"), master, &SystemRandom).unwrap())
}

/// The ids of the keys that anything in the catalog is sealed with.
async fn keys_in_use(store: &ServerStore) -> Vec<String> {
    let values = store.sealed_values().await.unwrap();
    let id = |sealed: &str| Sealed::from_text(sealed).unwrap().key_id().unwrap().to_string();
    let mut ids: Vec<_> = values.iter().map(|value| id(&value.sealed)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// A server with something sealed of every kind, and the connection among it.
async fn filled() -> (World, S3, Value, Secret) {
    let mut world = World::new().await;
    world.start_node().await;
    let owner = world.owner().await;
    let service = tokio::task::spawn_blocking(S3::start).await.unwrap();
    std::fs::create_dir_all(service.root().join("bucket")).unwrap();
    let settings = json!({
        "type": "s3", "endpoint": service.url, "bucket": "bucket", "access_key": KEY, "secret_key": SECRET,
        "allow_private": true,
    });
    let connection =
        owner.post("/api/v1/connections", json!({"name": "cloud", "settings": settings})).await.expect(201);
    let destination = json!({"name": "office", "connection": connection["id"], "path": "all"});
    let destination = owner.post("/api/v1/destinations", destination).await.expect(201);
    let source = crate::setting::source(&owner, "data", &world.path("data")).await;
    let plan = crate::setting::plan("nightly", &source, &destination);
    // A plan makes its repository, with a password.
    owner.post("/api/v1/plans", plan).await.expect(201);

    world.person(ADA, &[]).await;
    let ada = sign_in(&world, ADA).await;
    let begun = ada.client.post("/api/v1/me/totp", json!({})).await.expect(201);
    let secret = Secret::try_from_base32(begun["secret"].as_str().unwrap()).unwrap();
    let code = code_of(&secret, 0);
    ada.client.post("/api/v1/me/totp/confirm", json!({"code": code})).await.expect(200);
    world.person("bob@example.org", &[]).await;
    let bob = sign_in(&world, "bob@example.org").await;
    // It waits for its first code.
    bob.client.post("/api/v1/me/totp", json!({})).await.expect(201);

    let smtp = json!({
        "host": "mail.example.org", "port": 587, "tls": "starttls", "user": "backup", "password": "s3cret",
        "from": "backup@example.org",
    });
    owner.put("/api/v1/settings/smtp", smtp).await.expect(200);
    let channel = json!({"type": "webhook", "url": "https://example.org/hook", "secret": "0123456789abcdef"});
    owner
        .post("/api/v1/notifiers", json!({"name": "hook", "on": ["failed"], "channel": channel}))
        .await
        .expect(201);
    assert_eq!(keys_in_use(&world.store).await.len(), 1);
    assert_eq!(world.store.sealed_values().await.unwrap().len(), 7, "a kind is missing");
    (world, service, connection, secret)
}

fn code_of(secret: &Secret, later: u64) -> String {
    let totp = Builder::new().with_secret(secret.clone()).with_account_name(ADA).build().unwrap();
    totp.generate(u64::try_from(Time::now().as_second()).unwrap() + later).to_string()
}

async fn end(world: World, service: S3) {
    tokio::task::spawn_blocking(move || drop(service)).await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_sealed_anew_and_still_works() {
    let (world, service, connection, secret) = filled().await;
    let owner = world.owner().await;
    let before = owner.get(VAULT).await.expect(200)["items"].clone();
    assert_eq!(before.as_array().unwrap().len(), 1, "{before}");
    assert_eq!((&before[0]["state"], &before[0]["values"]), (&json!("primary"), &json!(7)));

    let rotated = owner.post("/api/v1/vault/rotate", json!({})).await.expect(200);
    assert_eq!((&rotated["resealed"], &rotated["failed"]), (&json!(7), &json!([])), "{rotated}");
    assert_eq!((&rotated["continued"], &rotated["older"]), (&json!(false), &json!([before[0]["id"]])));
    assert_eq!(keys_in_use(&world.store).await, [rotated["primary"].as_str().unwrap()]);
    let after = owner.get(VAULT).await.expect(200)["items"].clone();
    let told = json!([
        {"id": rotated["primary"], "state": "primary", "values": 7},
        {"id": before[0]["id"], "state": "older", "values": 0},
    ]);
    assert_eq!(after, told);

    let checked = owner.post(&at("connections", &connection, "/check"), json!({})).await.expect(200);
    assert_eq!(checked["status"]["health"], "valid", "{checked:#}");
    let form = json!({"email": ADA, "password": PASSWORD, "code": code_of(&secret, 30)});
    world.nobody().post("/api/v1/sign-in", form).await.expect(200);
    // The records themselves are what they were: another key is nobody's change.
    assert_eq!(owner.get(&at("connections", &connection, "")).await.expect(200)["revision"], 1);
    assert_eq!(owner.get("/api/v1/settings/smtp").await.expect(200)["password_set"], true);

    let audit = owner.get("/api/v1/audit?limit=9").await.expect(200).to_string();
    assert!(
        audit.contains("vault.rotate") && audit.contains(rotated["primary"].as_str().unwrap()),
        "{audit}"
    );
    // Once more: a further key, and nothing is lost.
    let again = owner.post("/api/v1/vault/rotate", json!({})).await.expect(200);
    assert_eq!((&again["resealed"], &again["continued"]), (&json!(7), &json!(false)));
    assert_ne!(again["primary"], rotated["primary"]);
    end(world, service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_cut_off_is_gone_on_with() {
    let (world, service, connection, _) = filled().await;
    let owner = world.owner().await;
    // Another process made a key, said so, sealed one value anew, and was killed.
    let vault = vault(&world);
    let old = vault.primary();
    let new = vault.rotate(&SystemRandom).unwrap();
    let progress = json!({"primary": new.to_string(), "done": null});
    world.store.set_setting("vault_rotation", &progress, None).await.unwrap();
    let id = connection["id"].as_str().unwrap();
    let record = backstay_vault::RecordId::new("connection", id, "secrets");
    let sealed = world.store.connection_sealed(id.parse().unwrap()).await.unwrap().unwrap();
    let anew = vault.reseal(&record, &Sealed::from_text(&sealed).unwrap(), &SystemRandom).unwrap();
    world.store.reseal_connection(id.parse().unwrap(), &sealed, &anew.to_text()).await.unwrap();
    assert_eq!(keys_in_use(&world.store).await.len(), 2);
    // Everything opens in between, by the server that has not heard of it.
    let checked = owner.post(&at("connections", &connection, "/check"), json!({})).await.expect(200);
    assert_eq!(checked["status"]["health"], "valid", "{checked:#}");

    let rotated = owner.post("/api/v1/vault/rotate", json!({})).await.expect(200);
    assert_eq!((&rotated["continued"], &rotated["resealed"]), (&json!(true), &json!(6)), "{rotated}");
    assert_eq!(rotated["primary"], new.to_string());
    assert_eq!(rotated["older"], json!([old.to_string()]));
    assert_eq!(keys_in_use(&world.store).await, [new.to_string()]);
    end(world, service).await;
}

/// A clock that tests set.
#[derive(Default)]
struct SetClock(std::sync::atomic::AtomicI64);

impl SetClock {
    fn set(&self, seconds: u64) {
        self.0.store(i64::try_from(seconds).unwrap(), std::sync::atomic::Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp { seconds: self.0.load(std::sync::atomic::Ordering::Relaxed), ..Timestamp::default() }
    }

    fn sleep(&self, _: Duration) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_key_goes_when_nobody_can_be_sealing_with_it_any_more() {
    let world = World::new().await;
    let owner = world.owner().await;
    let (vault, clock, random): (_, _, Arc<dyn Random>) =
        (vault(&world), SetClock::default(), Arc::new(SystemRandom));
    let smtp = json!({
        "host": "mail.example.org", "port": 587, "tls": "starttls", "user": "backup", "password": "s3cret",
        "from": "backup@example.org",
    });
    owner.put("/api/v1/settings/smtp", smtp).await.expect(200);
    let (old, stale) = (vault.primary(), self::vault(&world));
    let tidy = async || rotation::tidy(&world.store, &vault, &clock, &random).await.unwrap();
    rotation::rotate(&world.store, &vault, &clock, &random).await.unwrap();
    assert_eq!(vault.older(), [old]);
    // Another server has not heard of the new key and goes on with the old one.
    let value = world.store.setting("smtp").await.unwrap().unwrap();
    let record = backstay_vault::RecordId::new("setting", "smtp", "secrets");
    let sealed = stale.seal(&record, br#"{"password": "later"}"#, &SystemRandom).unwrap().to_text();
    world.store.set_setting("smtp", &value, Some(&sealed)).await.unwrap();

    // The server tidies at its start too, so the exchange may have come to its end by the server's clock.
    let progress = world.store.setting("vault_rotation").await.unwrap().unwrap();
    let done: Time = progress["done"].as_str().unwrap().parse().unwrap();
    let grace_ends = GRACE.as_secs() + u64::try_from(done.as_second()).unwrap();
    clock.set(grace_ends - 1);
    tidy().await;
    assert_eq!(vault.older(), [old], "it went too early");
    assert_eq!(keys_in_use(&world.store).await, [vault.primary().to_string()], "a straggler stays");
    clock.set(grace_ends);
    tidy().await;
    assert_eq!(vault.older(), []);
    // The server meets the new key and goes on.
    assert_eq!(owner.get("/api/v1/settings/smtp").await.expect(200)["password_set"], true);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sealed_anew_is_told_and_its_key_is_kept() {
    let world = World::new().await;
    let owner = world.owner().await;
    let (vault, clock, random): (_, _, Arc<dyn Random>) =
        (vault(&world), SetClock::default(), Arc::new(SystemRandom));
    // Sealed for another record: as if somebody had moved it.
    let record = backstay_vault::RecordId::new("connection", "1", "secrets");
    let moved = vault.seal(&record, b"{}", &SystemRandom).unwrap().to_text();
    world.store.set_setting("smtp", &json!({}), Some(&moved)).await.unwrap();
    let old = vault.primary();
    let rotated = owner.post("/api/v1/vault/rotate", json!({})).await.expect(200);
    // The authority of agents is sealed anew, by this call or by the server's own tidying at its start.
    let mut both = [old.to_string(), rotated["primary"].as_str().unwrap().to_owned()];
    both.sort_unstable();
    assert_eq!(keys_in_use(&world.store).await, both, "{rotated}");
    assert_eq!(rotated["failed"].as_array().unwrap().len(), 1, "{rotated}");
    assert!(rotated["failed"][0].as_str().unwrap().contains("secrets of setting smtp"), "{rotated}");
    clock.set(GRACE.as_secs() + u64::try_from(Time::now().as_second()).unwrap());
    rotation::tidy(&world.store, &vault, &clock, &random).await.unwrap();
    assert_eq!(vault.older(), [old]);
    assert!(keys_in_use(&world.store).await.contains(&old.to_string()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_master_key_nothing_is_exchanged_and_the_reason_is_told() {
    let world = World::new().await;
    let owner = world.owner().await;
    let other = MasterKey::from_file_or_new(&world.path("other.key"), &SystemRandom).unwrap();
    let wrong = Vault::open_or_make(&world.path("vault.json"), other.clone(), &SystemRandom).unwrap_err();
    assert!(matches!(wrong, VaultError::WrongMaster { .. }), "{wrong}");

    // Somebody changes the master key under a server that runs.
    let clock = SetClock::default();
    let (stale, random): (_, Arc<dyn Random>) = (vault(&world), Arc::new(SystemRandom));
    vault(&world).change_master(other, &SystemRandom).unwrap();
    let refused = owner.post("/api/v1/vault/rotate", json!({})).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("is sealed with master key"), "{refused:#?}");
    assert_eq!(refused.problem(409), "wrong_master_key");
    let refused = rotation::rotate(&world.store, &stale, &clock, &random).await.unwrap_err();
    assert!(matches!(refused, RotationError::Vault(VaultError::WrongMaster { .. })), "{refused}");
    assert_eq!(world.store.setting("vault_rotation").await.unwrap(), None);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_owners_of_the_server_exchange_keys() {
    let world = World::new().await;
    let elsewhere = world.project("elsewhere").await;
    for client in [world.program(Role::Admin, world.home).await, world.program(Role::Owner, elsewhere).await]
    {
        assert_eq!(client.get(VAULT).await.problem(403), "forbidden");
        assert_eq!(client.post("/api/v1/vault/rotate", json!({})).await.problem(403), "forbidden");
    }
    assert_eq!(world.nobody().post("/api/v1/vault/rotate", json!({})).await.problem(401), "unauthenticated");
    world.stop().await;
}
