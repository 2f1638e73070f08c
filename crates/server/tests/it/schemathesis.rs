//! schemathesis: requests made up from the document, good ones and bad ones. What is answered has to be what the document says,
//! and nothing may make the server fail.
//!
//! `BACKSTAY_PEER_SCHEMATHESIS` names the program. Without it this is passed over, except where `CI` is set.

use std::path::PathBuf;
use std::process::Command;

use backstay_model::Role;

use crate::walk::Ground;
use crate::world::World;

const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// A stream that does not end, and what would have the server look for other servers with made-up names.
const LEFT_OUT: [&str; 5] =
    ["events_stream", "notifiers_test", "settings_set_oidc", "settings_set_smtp", "settings_test_smtp"];

/// The program; `None` when it is not there, which it has to be on a CI machine.
fn program() -> Option<PathBuf> {
    let named = std::env::var_os("BACKSTAY_PEER_SCHEMATHESIS").map(PathBuf::from);
    if named.is_none() {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "BACKSTAY_PEER_SCHEMATHESIS must name schemathesis"
        );
        eprintln!("passed over: BACKSTAY_PEER_SCHEMATHESIS names no schemathesis");
    }
    named
}

/// Runs it against the server, with a key or without one.
async fn run(world: &World, ground: Option<&Ground>, key: Option<&str>, phases: &str, examples: u32) {
    let Some(program) = program() else { return };
    let folder = world.path("schemathesis");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("schemathesis.toml"), ground.map(settings).unwrap_or_default()).unwrap();
    let mut command = Command::new(program);
    command.current_dir(&folder).env("NO_COLOR", "1").arg("run");
    command.arg(format!("{}/api/v1/openapi.json", world.server.url()));
    command.args(["--checks", CHECKS, "--phases", phases, "--seed", "8420", "--workers", "1"]);
    command.args(["--max-examples", &examples.to_string(), "--request-timeout", "20"]);
    command.args(["--suppress-health-check", "all", "--continue-on-failure"]);
    for id in LEFT_OUT {
        command.args(["--exclude-operation-id", id]);
    }
    if let Some(key) = key {
        command.args(["--header", &format!("Authorization: {key}")]);
    }
    let told = tokio::task::spawn_blocking(move || told(&mut command)).await.unwrap();
    let cases = told.split(" generated, ").next().and_then(|before| before.rsplit(' ').next());
    let cases = cases.and_then(|number| number.parse().ok()).unwrap_or(0);
    assert!(cases > 200, "it has not looked at enough: {told}");
}

/// Runs it, and gives what it says when it has found nothing.
fn told(command: &mut Command) -> String {
    for attempt in 0.. {
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return told;
        }
        // It runs out of Python's stack by itself now and then. That says nothing of the server.
        let itself = told.contains("Runtime Error") && !told.contains("= FAILURES =");
        let failed = String::from_utf8_lossy(&output.stderr);
        assert!(itself && attempt < 2, "{told}\n{failed}");
    }
    String::new()
}

/// Has it ask for records that are there, except where they would be gone then.
fn settings(ground: &Ground) -> String {
    let mut text = String::new();
    for operation in crate::openapi::operations() {
        if operation.path.contains("{id}") && operation.method != "DELETE" {
            let path = ground.path(&operation, "");
            let id = path.trim_start_matches("/api/v1/").split('/').nth(1).unwrap();
            let id = if ["tokens", "sessions"].contains(&id) { path.split('/').nth(5).unwrap() } else { id };
            text += &format!(
                "[[operations]]\ninclude-operation-id = \"{}\"\nparameters = {{ \"path.id\" = \"{id}\" }}\n\n",
                operation.id
            );
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_with_a_token_of_the_servers_owner() {
    if program().is_none() {
        return;
    }
    let world = World::new().await;
    let owner = world.program(Role::Owner, world.home).await;
    let ground = Ground::new(&world, world.home, &owner).await;
    run(&world, Some(&ground), Some(&owner.header_of("authorization")), "coverage,fuzzing", 6).await;
    owner.get("/api/v1/me").await.expect(200);
    let audit = world.store.verify_audit().await.unwrap();
    assert_eq!(audit.first_bad, None);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_without_a_token() {
    if program().is_none() {
        return;
    }
    let world = World::new().await;
    world.owner().await;
    run(&world, None, None, "fuzzing", 3).await;
    world.stop().await;
}
