//! What only a person may do who signs in, through the program: tokens, sessions, the second factor.

use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::session::begin;
use crate::up::{EMAIL, PASSWORD};
use crate::world::{Run, World, finish};

/// Runs a command that signs in; the password comes on standard input, and after it what else is asked for.
fn signing_in(world: &World, more: &str, arguments: &[&str]) -> Run {
    world.run_with_input(arguments, format!("{PASSWORD}\n{more}").as_bytes())
}

fn with_token(world: &World, token: &str, arguments: &[&str]) -> Run {
    let mut command = world.command(arguments);
    command.env("BACKSTAY_TOKEN", token);
    finish(command)
}

fn sessions(world: &World, more: &str) -> Vec<Value> {
    let list = signing_in(world, more, &["api", "--sign-in", "GET", "/me/sessions", "--json"]).succeeds();
    list.json().pop().unwrap()["items"].as_array().unwrap().clone()
}

#[test]
fn tokens_are_made_listed_used_and_taken_back() {
    let world = World::without_settings();
    let _up = begin(&world);
    let at_first = sessions(&world, "").len();
    // The token at hand is no way to more tokens.
    let refused = world.run(["api", "GET", "/me/tokens"]).ends_with(1).complains("--sign-in");
    assert!(refused.stderr.contains("no token may touch it"), "{}", refused.stderr);
    let wrong = world.run_with_input(["tokens", "list"], b"wrong password\n").ends_with(1);
    assert!(!wrong.stderr.contains("one-time code: "), "{}", wrong.stderr);

    let create = ["tokens", "create", "for the monitor", "--role", "viewer", "--json"];
    let made = signing_in(&world, "", &create).succeeds().json().pop().unwrap();
    let (key, role) = (made["key"].as_str().unwrap(), &made["role"]);
    assert_eq!(role, "viewer");
    with_token(&world, key, &["plans", "list"]).succeeds();
    with_token(&world, key, &["api", "POST", "/projects", "--file", "/dev/null"]).ends_with(1);

    world.file("password", format!("{PASSWORD}\n"));
    let list = world.run(["tokens", "list", "--password-file", &world.at("password")]).succeeds();
    assert!(list.stdout.contains("for the monitor") && !list.stdout.contains(key), "{}", list.stdout);
    // A repository's password is not sent to a server.
    let mut other = world.command(["tokens", "list"]);
    other.env("BACKSTAY_PASSWORD", PASSWORD);
    finish(other).ends_with(1);
    let mut delete = world.command(["tokens", "delete", "for the monitor", "--email", EMAIL]);
    delete.env("BACKSTAY_ACCOUNT_PASSWORD", PASSWORD);
    finish(delete).succeeds();
    with_token(&world, key, &["plans", "list"]).ends_with(1).complains("backstay login");
    world.run(["plans", "list"]).succeeds();
    // No session stays behind but the one that looks.
    assert_eq!(sessions(&world, "").len(), at_first);
}

#[test]
fn a_second_factor_is_turned_on_and_asked_for() {
    let world = World::without_settings();
    let _up = begin(&world);
    let api = |more: &str, rest: &[&str]| {
        let arguments: Vec<&str> = ["api", "--sign-in", "--json"].iter().chain(rest).copied().collect();
        signing_in(&world, more, &arguments)
    };
    let begun = api("", &["POST", "/me/totp"]).succeeds().json().pop().unwrap();
    let secret = Secret::try_from_base32(begun["secret"].as_str().unwrap()).unwrap();
    let totp = Builder::new().with_secret(secret).with_account_name(EMAIL).build().unwrap();
    let now = jiff::Timestamp::now().as_second().unsigned_abs();
    world.file("code.json", json!({"code": totp.generate(now).to_string()}).to_string());
    let confirmed =
        api("", &["POST", "/me/totp/confirm", "--file", &world.at("code.json")]).succeeds().json().pop();
    let codes = confirmed.unwrap()["recovery_codes"].clone();
    let code = |number: usize| format!("{}\n", codes[number].as_str().unwrap());

    let missing = api("", &["GET", "/me/sessions"]).ends_with(1);
    assert!(missing.stderr.contains("one-time code"), "{}", missing.stderr);
    assert!(!sessions(&world, &code(0)).is_empty());
    // Each works once.
    signing_in(&world, &code(0), &["tokens", "list"]).ends_with(1);
    signing_in(&world, &code(1), &["tokens", "list"]).succeeds();
}
