//! Roles through the program: what viewers and operators may do, and what they are refused.

use serde_json::json;

use crate::session::{begin, plan, wait_for_local_repository};
use crate::up::PASSWORD;
use crate::world::{Run, World, finish};

/// The program with a token of a role.
struct As<'a> {
    world: &'a World,
    token: String,
}

impl As<'_> {
    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = self.world.command(arguments);
        command.env("BACKSTAY_TOKEN", &self.token);
        finish(command)
    }

    #[track_caller]
    fn may(&self, arguments: &[&str]) -> Run {
        self.run(arguments).succeeds()
    }

    #[track_caller]
    fn may_not(&self, arguments: &[&str]) {
        let refused = self.run(arguments).ends_with(1);
        let told = ["role does not allow", "only owners", "no token may"];
        assert!(told.iter().any(|told| refused.stderr.contains(told)), "{arguments:?}: {}", refused.stderr);
    }
}

fn role<'a>(world: &'a World, role: &str) -> As<'a> {
    world.file("password", PASSWORD);
    let made =
        world.ask(&["tokens", "create", role, "--role", role, "--password-file", &world.at("password")]);
    As { world, token: made["key"].as_str().unwrap().to_owned() }
}

#[test]
fn roles_are_refused_and_allowed() {
    let world = World::without_settings();
    let _up = begin(&world);
    wait_for_local_repository(&world);
    world.some_files();
    plan(&world, "nightly", "Local repository", json!({}));
    let (viewer, operator, admin) = (role(&world, "viewer"), role(&world, "operator"), role(&world, "admin"));
    world.file(
        "source.yaml",
        json!({"name": "more", "spec": {"type": "files", "paths": [world.at("src")]}}).to_string(),
    );
    world.file("project.yaml", json!({"name": "Office"}).to_string());
    let (source, project, out) = (world.at("source.yaml"), world.at("project.yaml"), world.at("out"));
    let restore = ["repositories", "restore", "Local repository", "latest", "--target", &out, "--wait"];

    // Names and states are for everybody who has a role.
    for listing in [
        &["plans", "list"][..],
        &["runs", "list"],
        &["nodes", "list"],
        &["report"],
        &["repositories", "list"],
    ] {
        viewer.may(listing);
    }
    viewer.may_not(&["plans", "run", "nightly"]);
    operator.may(&["plans", "run", "nightly", "--wait"]);
    let runs = world.ask(&["runs", "list", "--plan", "nightly"]);
    let run = runs["items"][0]["id"].as_str().unwrap();
    viewer.may(&["runs", "show", run]);
    // What is in backups is for operators.
    for content in [
        &["runs", "log", run][..],
        &["repositories", "snapshots", "Local repository"],
        &["repositories", "ls", "Local repository", "latest"],
        &restore,
    ] {
        viewer.may_not(content);
        operator.may(content);
    }
    assert!(!world.contents("out").is_empty());
    viewer.may_not(&["runs", "cancel", run]);
    assert!(
        operator.run(&["runs", "cancel", run]).ends_with(1).stderr.contains("ended"),
        "the run has ended"
    );
    // What is set up is for admins.
    for change in
        [&["sources", "create", "--file", &source][..], &["plans", "disable", "nightly"], &["audit", "list"]]
    {
        viewer.may_not(change);
        operator.may_not(change);
        admin.may(change);
    }
    // What opens everything is for owners, and accounts are for no token.
    for last in [
        &["repositories", "reveal-key", "Local repository"][..],
        &["people", "list"],
        &["projects", "create", "--file", &project],
        &["vault", "rotate"],
        &["api", "GET", "/me/tokens"],
    ] {
        viewer.may_not(last);
        operator.may_not(last);
        admin.may_not(last);
    }
    world.run(["repositories", "reveal-key", "Local repository"]).succeeds();
}
