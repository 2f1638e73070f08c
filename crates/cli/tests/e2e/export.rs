//! What one server has set up is carried over to another by a file, with the secrets apart from it.

use serde_json::json;

use crate::s3_server::{KEY, SECRET, Server as S3};
use crate::session::{begin, wait_for_local_repository};
use crate::world::{Run, World, finish};

const SIGNED_WITH: &str = "a secret of sixteen and more";

fn with_secrets(world: &World, arguments: &[&str]) -> Run {
    let mut command = world.command(arguments);
    command.env("BUCKET_SECRET_KEY", SECRET).env("ON_CALL_SECRET", SIGNED_WITH);
    finish(command)
}

#[test]
fn what_a_server_exports_another_takes_and_exports_again() {
    let s3 = S3::start();
    std::fs::create_dir(s3.root().join("bucket")).unwrap();
    let world = World::without_settings();
    let up = begin(&world);
    wait_for_local_repository(&world);
    world.some_files();
    world.file("secret", format!("{SECRET}\n"));
    let bucket = json!({
        "type": "s3", "endpoint": s3.url, "bucket": "bucket", "access_key": KEY, "secret_key": {"file": world.at("secret")},
        "style": "path", "allow_private": true,
    });
    let hook = json!({"type": "webhook", "url": "http://127.0.0.1:9/hook", "secret": {"env": "ON_CALL_SECRET"}, "allow_private": true});
    let wanted = json!({
        "connections": [{"name": "bucket", "settings": bucket}],
        "sources": [{"name": "files", "spec": {"type": "files", "paths": [world.at("src")]}}],
        "destinations": [{"name": "offsite", "connection": "bucket", "path": "backups"}],
        "plans": [{"name": "nightly", "sources": ["files"], "destinations": ["offsite", "Local repository"],
            "schedule": {"when": {"every": "6h"}}}],
        "notifiers": [{"name": "on call", "on": ["failed", "trouble"], "channel": hook},
            {"name": "mail", "on": ["failed"], "channel": {"type": "email", "to": ["ada@example.org"]}}],
        "people": [{"email": "bob@example.org", "name": "Bob", "role": "operator"}],
    });
    world.file("wanted.yaml", wanted.to_string());
    let wanted = world.at("wanted.yaml");
    let missing = world.run(["apply", "-f", &wanted, "--yes"]).ends_with(1);
    missing.complains("ON_CALL_SECRET");
    let applied = with_secrets(&world, &["apply", "-f", &wanted, "--yes"]).succeeds().stdout;
    let link = applied.lines().find_map(|line| line.strip_prefix("bob@example.org chooses a password at "));
    assert_eq!(up.choose(link.unwrap(), "bob's own password"), 204);
    world.run(["plans", "run", "nightly", "--wait"]).succeeds();

    let exported = world.run(["export"]).succeeds().stdout;
    for variable in ["env: BUCKET_SECRET_KEY", "env: ON_CALL_SECRET"] {
        assert!(exported.contains(variable), "{exported}");
    }
    assert!(!exported.contains(SECRET) && !exported.contains(SIGNED_WITH), "{exported}");
    world.file("exported.yaml", &exported);
    let file = world.at("exported.yaml");
    world.run(["apply", "-f", &file, "--dry-run"]).succeeds().says("nothing differs");
    // Secrets cannot be compared; they are sent again when that is asked for.
    let again = with_secrets(&world, &["apply", "-f", &file, "--dry-run", "--secrets"]).ends_with(2);
    assert!(again.stdout.contains("change connection bucket"), "{}", again.stdout);
    assert!(again.stdout.contains("change notifier on call"), "{}", again.stdout);
    with_secrets(&world, &["apply", "-f", &file, "--yes", "--secrets"]).succeeds();
    up.stop();

    // The host is lost, and another takes its place.
    std::fs::rename(world.path("data"), world.path("lost")).unwrap();
    let _up = begin(&world);
    wait_for_local_repository(&world);
    world.run(["apply", "-f", &file, "--yes"]).ends_with(1).complains("BUCKET_SECRET_KEY");
    with_secrets(&world, &["apply", "-f", &file, "--yes"]).succeeds();
    assert_eq!(world.run(["export"]).succeeds().stdout, exported);
    world.run(["plans", "run", "nightly", "--wait"]).succeeds();

    // What the file has no more goes, with all that it needs to go first; people stay.
    let mut less = world.ask(&["export"]);
    for list in ["plans", "notifiers"] {
        assert!(less.as_object_mut().unwrap().remove(list).is_some(), "{list}");
    }
    world.file("less.yaml", less.to_string());
    let less = world.run(["apply", "-f", &world.at("less.yaml"), "--prune", "--yes"]).succeeds();
    for gone in ["remove plan nightly", "remove notifier on call", "remove notifier mail"] {
        assert!(less.stdout.contains(gone), "{gone}: {}", less.stdout);
    }
    assert_eq!(world.ask(&["plans", "list"])["items"], json!([]));
    assert_eq!(world.ask(&["notifiers", "list"])["items"], json!([]));
    assert!(world.run(["people", "list"]).succeeds().stdout.contains("bob@example.org"));
    world.run(["connections", "show", "bucket"]).succeeds();
    world
        .run(["apply", "-f", &world.at("less.yaml"), "--prune", "--dry-run"])
        .succeeds()
        .says("nothing differs");
}
