//! What is managed on a server, through the program: plans and their versions, people, projects, notifiers, repositories.

use serde_json::{Value, json};

use crate::session::{begin, plan, wait_for_local_repository};
use crate::up::EMAIL;
use crate::world::World;

/// The values of a field of all items.
fn all(list: &Value, field: &str) -> Vec<String> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item[field].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn plans_are_cloned_switched_and_taken_back_to_what_they_were() {
    let world = World::without_settings();
    let _up = begin(&world);
    wait_for_local_repository(&world);
    world.some_files();
    plan(&world, "nightly", "Local repository", json!({"schedule": {"when": {"every": "6h"}}}));
    let next = world.ask(&["plans", "next", "nightly", "--count", "3"]);
    let times: Vec<jiff::Timestamp> =
        next["next"].as_array().unwrap().iter().map(|time| time.as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(times.len(), 3);
    assert!(times.windows(2).all(|pair| pair[1].duration_since(pair[0]).as_hours() == 6), "{times:?}");
    world.run(["plans", "disable", "nightly"]).succeeds();
    assert_eq!(world.ask(&["plans", "next", "nightly"])["next"], json!([]));
    world.run(["plans", "enable", "nightly"]).succeeds();

    let clone = world.ask(&["plans", "clone", "nightly", "weekly"]);
    assert_eq!((&clone["name"], &clone["enabled"]), (&json!("weekly"), &json!(false)));
    world.run(["plans", "clone", "nightly", "weekly"]).ends_with(1).complains("weekly");

    let mut form = world.ask(&["plans", "show", "nightly"]);
    let first = form["revision"].as_i64().unwrap();
    for name in ["id", "project", "created", "changed", "revision"] {
        form.as_object_mut().unwrap().remove(name);
    }
    form["schedule"]["when"]["every"] = json!("2h");
    world.file("changed.yaml", form.to_string());
    let changed = world.ask(&["plans", "update", "nightly", "--file", &world.at("changed.yaml")]);
    assert_eq!(
        (&changed["schedule"]["when"]["every"], &changed["revision"]),
        (&json!("2h"), &json!(first + 1))
    );
    // Somebody who has an older version in hand overwrites nothing.
    form["revision"] = json!(first);
    world.file("stale.yaml", form.to_string());
    world.run(["plans", "update", "nightly", "--file", &world.at("stale.yaml")]).ends_with(1);
    let revisions = world.ask(&["plans", "revisions", "nightly"]);
    assert!(revisions["items"].as_array().unwrap().len() >= 2, "{revisions}");
    let reverted = world.ask(&["plans", "revert", "nightly", &first.to_string()]);
    assert_eq!(reverted["schedule"]["when"]["every"], "6h");
    assert_eq!(reverted["revision"], json!(first + 2));
    world.run(["plans", "revert", "nightly", "99"]).ends_with(1);
    world.run(["plans", "delete", "weekly"]).succeeds();
    assert_eq!(all(&world.ask(&["plans", "list"]), "name"), ["nightly"]);
}

#[test]
fn people_projects_and_notifiers_are_managed_and_the_audit_tells_who_did_it() {
    let world = World::without_settings();
    let up = begin(&world);
    world.make("projects", &json!({"name": "Office"}));
    let made = world.make("people", &json!({"name": "Bob", "email": "bob@example.org"}));
    let link = made["link"].as_str().unwrap().to_owned();
    assert_eq!(up.choose(&link, "bob's own password"), 204);
    world.run(["projects", "grant", "Office", "bob@example.org", "operator"]).succeeds();
    let people = world.ask(&["projects", "people", "Office"]);
    assert!(people.to_string().contains("bob@example.org"), "{people}");

    // Bob sees the one project that he has a role in.
    let bob = World::without_settings();
    up.log_in_as(&bob, "bob@example.org", "bob's own password").succeeds();
    assert_eq!(all(&bob.ask(&["projects", "list"]), "name"), ["Office"]);
    bob.run(["people", "list"]).ends_with(1);
    bob.run(["audit", "list"]).ends_with(1);
    world.run(["projects", "revoke", "Office", "bob@example.org"]).succeeds();
    assert_eq!(bob.ask(&["projects", "list"])["items"], json!([]));
    world.run(["people", "show", "bob@example.org"]).succeeds().says("Bob");
    world.run(["people", "delete", "bob@example.org"]).succeeds();
    bob.run(["projects", "list"]).ends_with(1).complains("backstay login");

    let office = world.ask(&["projects", "show", "Office"])["id"].clone();
    let notifier = json!({
        "project": office, "name": "on call", "on": ["failed", "summary"], "summary": "weekly",
        "channel": {"type": "email", "to": ["ops@example.org"]},
    });
    world.make("notifiers", &notifier);
    assert_eq!(world.ask(&["notifiers", "show", "on call"])["summary"], "weekly");
    let changed =
        json!({"name": "on call", "on": ["failed"], "channel": {"type": "email", "to": ["ops@example.org"]}});
    world.file("notifier.yaml", changed.to_string());
    let changed = world.ask(&["notifiers", "update", "on call", "--file", &world.at("notifier.yaml")]);
    assert_eq!((&changed["on"], &changed["summary"]), (&json!(["failed"]), &Value::Null));
    world.run(["notifiers", "delete", "on call"]).succeeds();
    world.run(["projects", "delete", "Office"]).succeeds();

    let audit = world.ask(&["audit", "list", "--limit", "100"]);
    let actions = all(&audit, "action");
    for action in [
        "project.create",
        "person.create",
        "notifier.create",
        "notifier.update",
        "person.delete",
        "project.delete",
    ] {
        assert!(actions.iter().any(|done| done == action), "{action}: {actions:?}");
    }
    assert!(all(&audit, "actor").iter().any(|actor| actor.contains(EMAIL)));
    assert_eq!(world.ask(&["audit", "verify"])["first_bad"], Value::Null);
}

#[test]
fn connections_are_tried_and_keys_are_revealed_when_asked_for() {
    let world = World::without_settings();
    let _up = begin(&world);
    wait_for_local_repository(&world);
    let disk = json!({"name": "disk", "settings": {"type": "local", "path": world.at("disk")}});
    world.make("connections", &disk);
    assert_eq!(world.ask(&["connections", "check", "disk"])["status"]["health"], "valid");
    std::fs::remove_dir_all(world.path("disk")).unwrap();
    world.file("disk", "in the way");
    let failing = world.ask(&["connections", "check", "disk"])["status"].clone();
    assert_eq!(failing["health"], "failing");
    assert!(failing["reason"].is_string(), "{failing}");
    world.run(["connections", "list"]).succeeds().says("failing");

    let revealed = world.run(["repositories", "reveal-key", "Local repository"]).succeeds();
    let kept = std::fs::read_to_string(world.path("data/repository.key")).unwrap();
    assert_eq!(revealed.stdout.trim(), kept.trim());
    let audit = world.ask(&["audit", "list"]);
    assert!(all(&audit, "action").iter().any(|action| action.contains("reveal")), "{audit}");
    assert!(!audit.to_string().contains(kept.trim()));
}

#[test]
fn what_restic_has_made_is_taken_over_listed_and_restored() {
    let Some(restic) = crate::compat::restic() else { return };
    let world = World::without_settings();
    let _up = begin(&world);
    wait_for_local_repository(&world);
    let mut theirs = World::with(restic);
    theirs.some_files();
    theirs.set_repository(&world.at("theirs/old"));
    theirs.set_password("restic's own");
    std::fs::create_dir(world.path("theirs")).unwrap();
    theirs.run(["init"]).succeeds();
    theirs.run(["backup", "src", "--tag", "first"]).succeeds();
    theirs.file("src/two.txt", "changed");
    theirs.run(["backup", "src"]).succeeds();

    let connection = world.make(
        "connections",
        &json!({"name": "theirs", "settings": {"type": "local", "path": world.at("theirs")}}),
    );
    let destination = world.make("destinations", &json!({"name": "theirs", "connection": connection["id"]}));
    let form = |password: &str| {
        json!({"destination": destination["id"], "path": "old", "password": password}).to_string()
    };
    world.file("adopt.yaml", form("not it"));
    let adopt = ["repositories", "adopt", "--file", &world.at("adopt.yaml"), "--json"].map(str::to_owned);
    let refused = world.run(&adopt).ends_with(1);
    assert!(!refused.stderr.contains("not it"), "{}", refused.stderr);
    world.file("adopt.yaml", form("restic's own"));
    let adopted = world.run(&adopt).succeeds().json().pop().unwrap();
    assert_eq!(adopted["snapshots"], 2);

    let snapshots = world.ask(&["repositories", "snapshots", "theirs"]);
    assert_eq!(snapshots["items"].as_array().unwrap().len(), 2);
    assert_eq!(snapshots["items"][1]["tags"], json!(["first"]));
    let oldest = snapshots["items"][1]["id"].as_str().unwrap();
    // A relative path lies at the snapshot's top.
    let folder = world.ask(&["repositories", "ls", "theirs", oldest, "/src"]);
    assert!(all(&folder, "name").contains(&"one.txt".to_owned()), "{folder}");
    // Content comes as it is: to standard output, or into a file that gets its name when it is whole.
    let content = |what: &str| {
        let repository = adopted["repository"]["id"].as_str().unwrap();
        format!("/repositories/{repository}/snapshots/latest/{what}?path=/src/two.txt")
    };
    assert_eq!(world.run(["api", "GET", &content("file")]).succeeds().stdout, "changed");
    let zip = world.at("some.zip");
    world.run(["api", "GET", &content("zip"), "--output", &zip]).succeeds();
    assert!(std::fs::read(&zip).unwrap().starts_with(b"PK"));
    world.run(["api", "GET", &content("nothing"), "--output", &world.at("none")]).ends_with(1);
    assert!(!world.path("none").exists() && !world.path("none.part").exists());
    world
        .run(["repositories", "restore", "theirs", "latest", "--target", &world.at("out"), "--wait"])
        .succeeds();
    assert_eq!(world.contents("out/src"), theirs.contents("src"));
    // restic goes on with it beside the server, and sees what it has made.
    world.file("src/ours", "ours");
    plan(&world, "into theirs", "theirs", json!({}));
    world.run(["plans", "run", "into theirs", "--wait"]).succeeds();
    theirs.run(["check", "--read-data"]).succeeds();
    let seen = theirs.run(["snapshots", "--json"]).succeeds();
    assert_eq!(seen.json()[0].as_array().unwrap().len(), 3);
}

#[test]
fn what_a_call_lacks_is_said() {
    let world = World::without_settings();
    let _up = begin(&world);
    wait_for_local_repository(&world);
    world.some_files();
    plan(&world, "nightly", "Local repository", json!({}));
    let id = world.ask(&["plans", "show", "nightly"])["id"].as_str().unwrap().to_owned();
    // What may be left out altogether needs no body.
    let queued = world.ask(&["api", "POST", &format!("/plans/{id}/run")]);
    assert_eq!(queued["runs"].as_array().unwrap().len(), 1);
    world.run(["api", "POST", "/projects"]).ends_with(1).complains("has to be JSON").complains("-f FILE");
    let empty = world.run_with_input(["api", "POST", "/projects", "-f", "-"], b"").ends_with(1);
    empty.complains("standard input holds nothing").complains("`{}`");
    world
        .run_with_input(["api", "POST", "/projects", "-f", "-"], b"{}")
        .ends_with(1)
        .complains("openapi.json");
    world
        .run_with_input(["api", "POST", "/projects", "-f", "-"], b"[]")
        .ends_with(1)
        .complains("openapi.json");
    world
        .run(["api", "GET", "/nothing"])
        .ends_with(1)
        .complains("nothing at this address")
        .complains("openapi.json");
    let connections = world.ask(&["connections", "list"]);
    let local = connections["items"][0]["name"].as_str().unwrap();
    let refused = world.run(["connections", "sign-in", local]).ends_with(1);
    refused.complains("none to Google Drive").complains("hint: ");
}
