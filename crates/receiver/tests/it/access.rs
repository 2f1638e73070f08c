//! Who is let in.

use axum::body::Body;
use axum::http::Request;
use backstay_receiver::{NewClient, Peer};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::world::World;

fn named(name: &str) -> NewClient {
    NewClient { name: name.to_owned(), ..NewClient::default() }
}

async fn with(world: &World, path: &str, authorization: Option<&str>, certificate: Option<&str>) -> u16 {
    let certificate = certificate.map(str::to_owned);
    let mut request =
        Request::get(path).extension(Peer { address: "192.0.2.9".parse().unwrap(), certificate });
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    world.ask(request.body(Body::empty()).unwrap()).await.status.as_u16()
}

#[tokio::test]
async fn a_token_opens_both_sides_in_both_forms_until_it_is_taken_back() {
    let world = World::new();
    let client = world.client("db1");
    let bearer = format!("Bearer {}", client.token);
    let basic = |user: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{}", client.token)));
    for path in ["/archives/", "/repo/config"] {
        let known = if path == "/archives/" { 200 } else { 404 };
        assert_eq!(with(&world, path, Some(&bearer), None).await, known);
        assert_eq!(with(&world, path, Some(&basic("db1")), None).await, known);
        assert_eq!(with(&world, path, Some(&basic("db2")), None).await, 401, "the user has to be the client");
        assert_eq!(with(&world, path, Some("Bearer bsr_wrong"), None).await, 401);
        assert_eq!(with(&world, path, None, None).await, 401);
    }
    world.receiver.clients().remove("db1").unwrap();
    assert_eq!(with(&world, "/archives/", Some(&bearer), None).await, 401);
}

#[tokio::test]
async fn a_client_that_has_expired_is_turned_away() {
    let world = World::new();
    let expires = Some(jiff::Timestamp::from_second(world.now() + 100).unwrap());
    let client = world.client_with(NewClient { expires, ..named("db1") });
    client.get("/archives/").await.is(200);
    world.later(100);
    client.get("/archives/").await.is(401);
}

#[tokio::test]
async fn a_certificate_alone_or_with_a_token() {
    let world = World::new();
    let (one, two) = ("ab".repeat(32), "cd".repeat(32));
    let now = jiff::Timestamp::UNIX_EPOCH;
    struct Zero;
    impl backstay_core::Random for Zero {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }
    let clients = world.receiver.clients();
    let alone = NewClient { certificate_sha256: Some(one.clone()), without_token: true, ..named("a") };
    assert_eq!(clients.add(alone, now, &Zero).unwrap().1, None);
    let both = NewClient { certificate_sha256: Some(two.to_uppercase()), ..named("b") };
    let token = clients.add(both, now, &Zero).unwrap().1.unwrap();
    let bearer = format!("Bearer {token}");
    assert_eq!(with(&world, "/archives/", None, Some(&one)).await, 200);
    assert_eq!(with(&world, "/archives/", None, Some(&two)).await, 401);
    assert_eq!(
        with(&world, "/archives/", Some(&bearer), None).await,
        401,
        "the token is stolen, the key is not"
    );
    assert_eq!(with(&world, "/archives/", Some(&bearer), Some(&two)).await, 200);
    assert_eq!(with(&world, "/archives/", None, Some(&"ef".repeat(32))).await, 401);
}

#[tokio::test]
async fn guessing_is_slowed_down_and_keeps_nobody_else_out() {
    let world = World::new();
    let client = world.client("db1");
    let mut answers = Vec::new();
    for number in 0..30 {
        answers.push(with(&world, "/archives/", Some(&format!("Bearer bsr_{number}")), None).await);
    }
    assert_eq!(answers[..20], [401; 20]);
    assert_eq!(answers[20..], [429; 10]);
    assert_eq!(with(&world, "/archives/", Some(&format!("Bearer {}", client.token)), None).await, 200);
}

#[tokio::test]
async fn no_token_is_kept_and_what_is_kept_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let client = world.client("db1");
    client.put("a", b"content").await;
    let text = std::fs::read_to_string(world.path(".receiver/clients.json")).unwrap();
    assert!(!text.contains(&client.token), "{text}");
    for (path, mode) in [
        (".receiver", 0o700),
        (".receiver/uploads", 0o700),
        (".receiver/clients.json", 0o600),
        ("archives/db1", 0o700),
        ("archives/db1/a", 0o600),
    ] {
        let found = std::fs::metadata(world.path(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(found, mode, "{path}");
    }
}
