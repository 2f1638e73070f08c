//! People in front of a browser: they sign in, and keep the cookie and the CSRF token.

use std::time::Duration;

use backstay_model::Time;
use backstay_model::people::ApiToken;
use serde_json::{Value, json};

use crate::world::{Client, PASSWORD, Reply, World, sha256};

/// Somebody who signed in, with what the browser keeps.
pub(crate) struct Visitor {
    /// Sends the cookie and the CSRF token.
    pub(crate) client: Client,
    /// Sends the cookie alone.
    pub(crate) cookie_only: Client,
    pub(crate) body: Value,
}

/// Tries to sign in with an address and the password of everybody.
pub(crate) async fn try_to_sign_in(world: &World, email: &str) -> Reply {
    world.nobody().post("/api/v1/sign-in", json!({"email": email, "password": PASSWORD})).await
}

/// Signs somebody in.
pub(crate) async fn sign_in(world: &World, email: &str) -> Visitor {
    let reply = try_to_sign_in(world, email).await;
    assert_eq!(reply.status, 200, "{reply:#?}");
    visitor(world, reply)
}

/// Keeps what an answer to a sign-in gives.
pub(crate) fn visitor(world: &World, reply: Reply) -> Visitor {
    let cookie = cookie_of(&reply);
    let cookie_only = world.nobody().header("cookie", cookie.split(';').next().unwrap());
    let csrf = reply.body["csrf"].as_str().unwrap().to_owned();
    let client = cookie_only.clone().header("x-backstay-csrf", &csrf);
    Visitor { client, cookie_only, body: reply.body }
}

/// The cookie that an answer sets, with its attributes.
pub(crate) fn cookie_of(reply: &Reply) -> String {
    reply.headers.get("set-cookie").unwrap().to_str().unwrap().to_owned()
}

/// Counts attempts that nobody made on an account, so that the next one has to wait for longer than a test takes. Gives how many
/// there were before.
pub(crate) async fn wear_out(world: &World, what: &str, account: &str) -> i64 {
    let subject = format!("{what}:account:{}", sha256(&account.to_lowercase()));
    let before = world.store.failures(&subject).await.unwrap().map_or(0, |seen| seen.failures);
    for _ in 0..10 {
        world.store.count_failure(&subject, Time::now(), Duration::from_secs(3600)).await.unwrap();
    }
    before
}

/// A program with a token that was just made.
pub(crate) fn program(world: &World, made: &Value) -> Client {
    let token: ApiToken = serde_json::from_value(made.clone()).unwrap();
    assert_eq!(token.last_used, None);
    world.nobody().header("authorization", &format!("Bearer {}", made["key"].as_str().unwrap()))
}
