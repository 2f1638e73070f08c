//! How a server is reached and where it keeps what it knows: certificates, PostgreSQL, help for who cannot sign in.

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::postgres_server;
use crate::session::{plan, wait_for_local_repository};
use crate::up::{EMAIL, PASSWORD, Up, http};
use crate::world::World;

#[test]
fn a_certificate_of_ones_own_is_shown() {
    let world = World::without_settings();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    world.file("chain.pem", made.cert.pem()).file("key.pem", made.signing_key.serialize_pem());
    let (chain, key) = (world.at("chain.pem"), world.at("key.pem"));
    let listen = ["--listen", "127.0.0.1:0"];
    let alone = world.run(["up", "--tls-cert", &chain, "--data-dir", &world.at("data")]).ends_with(1);
    assert!(alone.stderr.contains("--tls-key"), "{}", alone.stderr);
    let swapped = ["up", "--tls-cert", &key, "--tls-key", &chain, "--data-dir", &world.at("data")];
    let refused = world.run(swapped.iter().chain(&listen)).ends_with(1);
    assert!(refused.stderr.contains("key.pem"), "{}", refused.stderr);

    let up = Up::by_itself(&world, &[&listen[..], &["--tls-cert", &chain, "--tls-key", &key]].concat());
    assert!(up.url.starts_with("https://"), "{}", up.url);
    let digest = Sha256::digest(made.cert.der());
    let fingerprint: Vec<_> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    up.set_up();
    // What the program believes is this certificate, and no other.
    let fingerprint = fingerprint.join(":");
    let log_in = |fingerprint: &str| {
        let arguments = ["login", &up.url, "--email", EMAIL, "--server-fingerprint", fingerprint];
        world.run_with_input(arguments, format!("{PASSWORD}\n").as_bytes())
    };
    log_in(&"AB".repeat(32)).ends_with(1);
    log_in(&fingerprint).succeeds();
    world.run(["plans", "list"]).succeeds();
    up.stop();
}

#[test]
fn tls_is_spoken_by_itself_where_others_can_listen_in() {
    let world = World::without_settings();
    let up = Up::by_itself(&world, &["--listen", "127.0.0.1:0"]);
    assert!(up.url.starts_with("http://") && up.certificate.is_none(), "{}", up.url);
    up.set_up();
    up.log_in(&world);
    world.run(["plans", "list"]).succeeds();
    up.stop();

    let mut up = Up::by_itself(&world, &["--listen", "0.0.0.0:0"]);
    let certificate = up.certificate.clone().unwrap();
    let port = up.url.rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    assert!(up.url.starts_with("https://"), "{}", up.url);
    up.url = format!("https://127.0.0.1:{port}");
    // In the clear nothing is told.
    let plain = http().get(format!("http://127.0.0.1:{port}/healthz")).send();
    assert!(plain.is_err_and(|error| !error.is_timeout()));
    up.log_in(&world);
    world.run(["plans", "list"]).succeeds();
    up.stop();
    let again = Up::by_itself(&world, &["--listen", "0.0.0.0:0"]);
    assert_eq!(again.certificate, Some(certificate), "it is the same certificate as long as it holds");
    again.stop();
}

#[test]
fn a_server_keeps_what_it_knows_in_postgresql() {
    let Some(database) = postgres_server::database() else { return };
    let world = World::without_settings();
    let listen = ["--listen", "127.0.0.1:0", "--database", &database];
    let up = Up::by_itself(&world, &listen);
    up.set_up();
    up.log_in(&world);
    wait_for_local_repository(&world);
    world.some_files();
    plan(&world, "nightly", "Local repository", json!({}));
    world.run(["plans", "run", "nightly", "--wait"]).succeeds();
    let report = world.ask(&["report"]);
    assert_eq!(report["total"]["completed"], 1);
    let address = up.address();
    up.stop();
    assert!(!world.path("data/server.db").exists());
    let up = Up::by_itself(&world, &["--listen", &address, "--database", &database]);
    let runs = world.ask(&["runs", "list", "--plan", "nightly"]);
    assert_eq!(runs["items"][0]["state"], "completed");
    up.stop();
    let nowhere = "postgres://nobody:hunter2@localhost/none?host=/nowhere/at/all";
    let mut command = world.command(["up", "--listen", "127.0.0.1:0", "--data-dir", &world.at("data")]);
    command.env("BACKSTAY_DATABASE", nowhere);
    let refused = crate::world::finish(command).ends_with(1).complains("catalog");
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
}

#[test]
fn who_has_the_host_helps_who_forgot_the_password() {
    let world = World::without_settings();
    let up = Up::start(&world);
    up.set_up();
    up.log_in(&world);
    let reset = |email: &str| {
        world.run(["user", "reset-password", email, "--public-url", &up.url, "--data-dir", &world.at("data")])
    };
    reset("nobody@example.org").ends_with(1).complains("nobody may sign in");
    let elsewhere = world.at("elsewhere");
    let refused =
        world.run(["user", "reset-password", EMAIL, "--public-url", &up.url, "--data-dir", &elsewhere]);
    refused.ends_with(1).complains("there is no server in");
    assert!(!world.path("elsewhere/server.db").exists(), "a catalog was made");
    // Also while the server runs.
    let told = reset(EMAIL).succeeds();
    let link = told.stdout.lines().last().unwrap().to_owned();
    assert!(link.starts_with(&format!("{}/reset#", up.url)), "{link}");
    assert_eq!(up.choose(&link, "short"), 422);
    assert_eq!(up.choose(&link, "an entirely new password"), 204);
    assert!(up.choose(&link, "a second new password") >= 400, "it works once");
    up.log_in_as(&world, EMAIL, PASSWORD).ends_with(1);
    up.log_in_as(&world, EMAIL, "an entirely new password").succeeds();
    world.run(["plans", "list"]).succeeds();
}
