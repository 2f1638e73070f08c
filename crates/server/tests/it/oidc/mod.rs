//! Signing in at a provider of OpenID Connect: a real one, in a process of its own.

mod browser;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use backstay_model::Role;
use serde_json::{Value, json};

use crate::setting::assert_kept_nowhere;
use crate::visitor::wear_out;
use crate::world::{Client, World};
use browser::{Browser, Landing};

const SETTINGS: &str = "/api/v1/settings/oidc";
const SECRET: &str = "the secret of the client";
const ADA: &str = "ada@example.org";

/// The provider's process. It is killed when dropped.
struct Provider {
    child: Child,
    issuer: String,
}

impl Provider {
    /// Starts one for this server; `None` where the peer is not installed.
    async fn start(world: &World) -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os("BACKSTAY_PEER_OIDC")?);
        let redirect = format!("{}/api/v1/oidc/callback", world.server.url());
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/oidc/provider.mjs");
        let start = move || {
            let mut node = Command::new("node");
            node.arg(program).arg(folder).arg(redirect).stdin(Stdio::null());
            let mut child = node.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
            let issuer = lines.find(|line| line.starts_with("http://")).expect("an issuer");
            // What it says later has to go somewhere.
            std::thread::spawn(move || lines.for_each(drop));
            Self { child, issuer }
        };
        Some(tokio::task::spawn_blocking(start).await.unwrap())
    }

    fn form(&self) -> Value {
        json!({"issuer": self.issuer, "client_id": "backstay", "client_secret": SECRET, "name": "Office"})
    }

    /// Has the server ask it, with these further settings.
    async fn set(&self, owner: &Client, more: Value) {
        let mut form = self.form();
        form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        owner.put(SETTINGS, form).await.expect(200);
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Signs in at the provider as this account, and lands here again.
async fn enter(world: &World, account: &str) -> Landing {
    Browser::new(world).sign_in("/api/v1/oidc/start?next=/runs", account).await
}

#[tokio::test(flavor = "multi_thread")]
async fn people_come_by_a_verified_address_once_and_by_their_subject_from_then_on() {
    let world = World::new().await;
    let Some(provider) = Provider::start(&world).await else { return };
    let owner = world.owner().await;
    assert_eq!(world.nobody().get("/api/v1/oidc").await.expect(200), json!({}));
    assert_eq!(enter(&world, "ada").await.refused(), "oidc_off");
    provider.set(&owner, json!({})).await;
    assert_eq!(world.nobody().get("/api/v1/oidc").await.expect(200), json!({"name": "Office"}));
    let page = world.nobody().get("/sign-in?next=/runs").await.expect(200);
    let button = r#"<a class="button" href="/api/v1/oidc/start?next=/runs">Sign in with Office</a>"#;
    assert!(page.as_str().unwrap().contains(button), "{page}");

    let person = world.person(ADA, &[(world.home, Role::Operator)]).await;
    // Passwords that were guessed at do not stand in the way.
    wear_out(&world, "sign_in", ADA).await;
    let landing = enter(&world, "ada").await;
    assert_eq!(landing.location, "/runs");
    let me = landing.signed_in(&world).get("/api/v1/me").await.expect(200);
    assert_eq!(me["person"]["id"], person.id.to_string());
    assert_eq!(me["person"]["grants"][0]["role"], "operator");

    // The address goes on to somebody else, there or here: the person stays the same.
    assert_eq!(enter(&world, "successor").await.refused(), "oidc_linked");
    let mut moved = world.store.person(person.id).await.unwrap().unwrap();
    moved.email = "countess@example.org".to_owned();
    world.store.update_person(&moved).await.unwrap();
    let me = enter(&world, "ada").await.signed_in(&world).get("/api/v1/me").await.expect(200);
    assert_eq!(me["person"]["id"], person.id.to_string());
    assert_eq!(enter(&world, "successor").await.refused(), "oidc_unknown");

    moved.disabled = true;
    world.store.update_person(&moved).await.unwrap();
    assert_eq!(enter(&world, "ada").await.refused(), "oidc_disabled");
    // An owner may undo the link; then the address counts again.
    let link = format!("/api/v1/people/{}/oidc", person.id);
    assert_eq!(world.program(Role::Admin, world.home).await.delete(&link).await.problem(403), "forbidden");
    owner.delete(&link).await.expect(204);
    assert_eq!(owner.delete(&link).await.problem(404), "not_found");
    assert_eq!(enter(&world, "ada").await.refused(), "oidc_unknown");
    let audit = owner.get("/api/v1/audit?limit=100").await.expect(200).to_string();
    for deed in ["session.sign_in", "person.link", "person.unlink", &provider.issuer] {
        assert!(audit.contains(deed), "{deed} is not in {audit}");
    }
    assert_kept_nowhere(&world, SECRET).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_counts_once_and_in_the_browser_that_left() {
    let world = World::new().await;
    let Some(provider) = Provider::start(&world).await else { return };
    provider.set(&world.owner().await, json!({})).await;
    world.person(ADA, &[]).await;

    let mut ada = Browser::new(&world);
    let away = ada.leave("/api/v1/oidc/start").await;
    let back = ada.at_provider(&away, "ada").await;
    // Another browser, with a sign-in of its own or with none.
    let mut eve = Browser::new(&world);
    assert_eq!(eve.land(&back).await.refused(), "oidc_expired");
    let back = ada.again("/api/v1/oidc/start", "ada").await;
    eve.leave("/api/v1/oidc/start").await;
    assert_eq!(eve.land(&back).await.refused(), "oidc_expired");
    assert_eq!(ada.land(&back).await.refused(), "oidc_expired", "it was used by the other browser");

    // State or code of another sign-in, and the same twice.
    let back = ada.again("/api/v1/oidc/start", "ada").await;
    let changed = replace(&back, "state", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(ada.land(&changed).await.refused(), "oidc_expired");
    let kept = back;
    let back = ada.again("/api/v1/oidc/start", "ada").await;
    let mixed = replace(&back, "code", &value(&kept, "code"));
    assert_eq!(ada.land(&mixed).await.refused(), "oidc_failed");
    let back = ada.again("/api/v1/oidc/start", "ada").await;
    let cookies = ada.clone();
    assert_eq!(ada.land(&back).await.location, "/");
    assert_eq!(cookies.clone().land(&back).await.refused(), "oidc_expired");
    let mut late = cookies;
    let state = value(&late.leave("/api/v1/oidc/start").await, "state");
    let replayed = replace(&back, "state", &state);
    assert_eq!(late.land(&replayed).await.refused(), "oidc_failed", "a code works twice");

    // Another nonce or challenge than this browser's, and another issuer.
    for field in ["nonce", "code_challenge"] {
        let away = ada.leave("/api/v1/oidc/start").await;
        let other = replace(&away, field, "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB");
        let back = ada.at_provider(&other, "ada").await;
        assert_eq!(ada.land(&back).await.refused(), "oidc_failed", "{field}");
    }
    let back = ada.again("/api/v1/oidc/start", "ada").await;
    let elsewhere = replace(&back, "iss", "https%3A%2F%2Fevil.example");
    assert_eq!(ada.land(&elsewhere).await.refused(), "oidc_failed");
    let away = ada.leave("/api/v1/oidc/start").await;
    let refused = format!("/api/v1/oidc/callback?error=access_denied&state={}", value(&away, "state"));
    assert_eq!(ada.land(&refused).await.refused(), "oidc_refused");
    assert_eq!(ada.land("/api/v1/oidc/callback").await.refused(), "oidc_expired");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_proven_lets_nobody_in() {
    let world = World::new().await;
    let Some(provider) = Provider::start(&world).await else { return };
    provider.set(&world.owner().await, json!({"create_people": true})).await;
    let before = world.store.people().await.unwrap();
    for lie in ["audience", "issuer", "nonce", "time", "signature", "none"] {
        assert_eq!(enter(&world, &format!("lie-{lie}")).await.refused(), "oidc_failed", "{lie}");
    }
    assert_eq!(world.store.people().await.unwrap(), before);
    // The same account without a lie comes in: it is the lie that is refused.
    assert_eq!(enter(&world, "ada").await.location, "/runs");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_vouched_for_or_not_known_stays_outside() {
    let world = World::new().await;
    let Some(provider) = Provider::start(&world).await else { return };
    let owner = world.owner().await;
    provider.set(&owner, json!({})).await;
    let mut ada = world.person(ADA, &[]).await;
    assert_eq!(enter(&world, "unproven").await.refused(), "oidc_unverified");
    assert_eq!(enter(&world, "silent").await.refused(), "oidc_unverified");
    assert_eq!(enter(&world, "grace").await.refused(), "oidc_unknown");
    ada.disabled = true;
    world.store.update_person(&ada).await.unwrap();
    assert_eq!(enter(&world, "ada").await.refused(), "oidc_disabled");
    provider.set(&owner, json!({"email_domains": ["example.org"], "create_people": true})).await;
    assert_eq!(enter(&world, "eve").await.refused(), "oidc_domain");
    assert_eq!(enter(&world, "grace").await.location, "/runs");
    // The page says why, in words of its own.
    let page = world.nobody().get("/sign-in?problem=oidc_unknown").await.expect(200);
    assert!(page.as_str().unwrap().contains("There is no account for you here yet."), "{page}");
    let page = world.nobody().get("/sign-in?problem=Call+0123+now").await.expect(200);
    assert!(!page.as_str().unwrap().contains("0123"), "{page}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_in_the_home_project_follow_a_claim() {
    let world = World::new().await;
    let Some(provider) = Provider::start(&world).await else { return };
    let owner = world.owner().await;
    let values = json!({"staff": "viewer", "backup-admins": "admin"});
    let roles = json!({"roles": {"claim": "groups", "values": values}});
    let mut more = json!({"create_people": true, "scopes": ["groups"]});
    more.as_object_mut().unwrap().extend(roles.as_object().unwrap().clone());
    provider.set(&owner, more.clone()).await;
    let role = async |account: &str| {
        let me = enter(&world, account).await.signed_in(&world).get("/api/v1/me").await.expect(200);
        me["person"]["grants"].clone()
    };
    let elsewhere = world.project("elsewhere").await;
    let ada = world.person(ADA, &[(world.home, Role::Admin), (elsewhere, Role::Operator)]).await;
    assert_eq!(role("grace").await, json!([{"project": world.home, "role": "admin"}]));
    let told = json!([
        {"project": elsewhere, "role": "operator"},
        {"project": world.home, "role": "viewer"},
    ]);
    assert_eq!(role("ada").await, told);
    assert_eq!(role("eve").await, json!([]));

    // Nobody else would own the server.
    let mut last = world.store.person(ada.id).await.unwrap().unwrap();
    last.grants = vec![backstay_model::Grant { project: world.home, role: Role::Owner }];
    world.store.update_person(&last).await.unwrap();
    for person in world.store.people().await.unwrap() {
        if person.id != ada.id {
            let person = backstay_model::Person { grants: Vec::new(), ..person };
            world.store.update_person(&person).await.unwrap();
        }
    }
    assert_eq!(role("ada").await, json!([{"project": world.home, "role": "owner"}]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_on_to_another_site() {
    let world = World::new().await;
    let Some(provider) = Provider::start(&world).await else { return };
    provider.set(&world.owner().await, json!({})).await;
    world.person(ADA, &[]).await;
    for next in ["//evil.example", "https://evil.example", "/%5Cevil.example", "javascript:alert(1)"] {
        let start = format!("/api/v1/oidc/start?next={next}");
        assert_eq!(Browser::new(&world).sign_in(&start, "ada").await.location, "/", "{next}");
    }
    // Another site's page begins no sign-in here.
    let foreign = world.nobody().header("sec-fetch-site", "cross-site");
    assert_eq!(foreign.get("/api/v1/oidc/start").await.problem(403), "csrf");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_tried_before_it_is_saved_and_its_secret_is_kept() {
    let world = World::new().await;
    let Some(provider) = Provider::start(&world).await else { return };
    let (owner, admin) = (world.owner().await, world.program(Role::Admin, world.home).await);
    assert_eq!(owner.get(SETTINGS).await.problem(404), "not_found");
    for reply in
        [admin.get(SETTINGS).await, admin.put(SETTINGS, provider.form()).await, admin.delete(SETTINGS).await]
    {
        assert_eq!(reply.problem(403), "forbidden");
    }
    let mut wrong = provider.form();
    wrong["issuer"] = format!("{}/", provider.issuer).into();
    assert_eq!(owner.put(SETTINGS, wrong.clone()).await.problem(422), "oidc_failed");
    wrong["issuer"] = "http://login.example.org".into();
    assert_eq!(owner.put(SETTINGS, wrong).await.problem(422), "invalid");
    assert_eq!(owner.get(SETTINGS).await.problem(404), "not_found");

    let set = owner.put(SETTINGS, provider.form()).await.expect(200);
    assert_eq!((&set["client_secret_set"], &set["client_secret"]), (&json!(true), &Value::Null));
    assert_eq!(set["callback"], format!("{}/api/v1/oidc/callback", world.server.url()));
    let mut kept = provider.form();
    kept.as_object_mut().unwrap().remove("client_secret");
    kept["name"] = "Harbour".into();
    assert_eq!(owner.put(SETTINGS, kept.clone()).await.expect(200)["client_secret_set"], true);
    world.person(ADA, &[]).await;
    assert_eq!(enter(&world, "ada").await.location, "/runs", "the secret is not the one before");
    // It goes with another key, and to no other client.
    owner.post("/api/v1/vault/rotate", json!({})).await.expect(200);
    assert_eq!(enter(&world, "ada").await.location, "/runs");
    kept["client_id"] = "another".into();
    assert_eq!(owner.put(SETTINGS, kept).await.expect(200)["client_secret_set"], false);
    owner.delete(SETTINGS).await.expect(204);
    assert_eq!(owner.delete(SETTINGS).await.problem(404), "not_found");
    assert_eq!(enter(&world, "ada").await.refused(), "oidc_off");
    assert_kept_nowhere(&world, SECRET).await;
    world.stop().await;
}

/// The value of a parameter, as it is written.
fn value(url: &str, name: &str) -> String {
    let query = url.split_once('?').unwrap().1;
    let of = |pair: &str| pair.strip_prefix(&format!("{name}=")).map(str::to_owned);
    query.split('&').find_map(of).unwrap_or_else(|| panic!("no {name} in {url}"))
}

/// The same with another value.
fn replace(url: &str, name: &str, other: &str) -> String {
    let before = value(url, name);
    url.replacen(&format!("{name}={before}"), &format!("{name}={other}"), 1)
}
