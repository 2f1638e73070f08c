//! Plans that go to a receiver: repositories and archives at one, described by one file.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Receiver, add};
use crate::session::{begin, wait_for_local_repository};
use crate::world::World;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn a_plan_goes_to_a_receiver_as_a_repository_and_as_archives() {
    let host = World::without_settings();
    let receiver = Receiver::start(&host, &[]);
    let token = add(&host, "office", &[]);
    let world = World::without_settings();
    let _up = begin(&world);
    wait_for_local_repository(&world);
    world.some_files();
    world.file("token", format!("{token}\n"));
    let port: u16 = receiver.address().rsplit_once(':').unwrap().1.parse().unwrap();
    let vault = json!({
        "type": "receiver", "host": "127.0.0.1", "port": port, "token": {"file": world.at("token")},
        "fingerprint": receiver.fingerprint, "allow_private": true,
    });
    let holds =
        json!({"type": "archives", "encryption": "plain", "name": "{plan}-{type}", "folder": "{host}"});
    let wanted = |vault: &serde_json::Value| {
        json!({
            "connections": [{"name": "vault", "settings": vault}],
            "sources": [{"name": "files", "spec": {"type": "files", "paths": [world.at("src")]}}],
            "destinations": [
                {"name": "deduplicated", "connection": "vault", "path": "main"},
                {"name": "zips", "connection": "vault", "path": "zips", "layout": "shared", "holds": holds},
            ],
            "plans": [{"name": "nightly", "sources": ["files"], "destinations": ["deduplicated", "zips"],
                "schedule": {"when": {"every": "6h"}}}],
        })
        .to_string()
    };
    // Nobody else is trusted, and nothing is kept of what was refused.
    let mut other = vault.clone();
    other["fingerprint"] = json!("ab".repeat(32));
    world.file("wrong.yaml", wanted(&other));
    let refused = world.run(["apply", "-f", &world.at("wrong.yaml"), "--yes"]).ends_with(1);
    refused.complains("certificate");
    world.file("wanted.yaml", wanted(&vault));
    world.run(["apply", "-f", &world.at("wanted.yaml"), "--yes"]).succeeds();
    world.run(["plans", "run", "nightly", "--wait"]).succeeds();

    let sent = files(&host.path("srv/archives/office"));
    let zip =
        sent.iter().find(|file| file.ends_with("nightly-full.zip")).unwrap_or_else(|| panic!("{sent:?}"));
    assert!(zip.starts_with(host.path("srv/archives/office/zips")), "{zip:?}");
    world.run(["archive", "verify", zip.to_str().unwrap()]).succeeds();
    world.run(["archive", "extract", zip.to_str().unwrap(), "--target", "back"]).succeeds();
    let back = world.path("back").join(world.path("src").strip_prefix("/").unwrap());
    assert!(!files(&back).is_empty());
    assert_eq!(files(&back).len(), files(&world.path("src")).len());
    assert!(files(&host.path("srv/repo/office/main")).iter().any(|file| file.ends_with("config")));

    let exported = world.run(["export"]).succeeds().stdout;
    assert!(exported.contains("{plan}-{type}") && exported.contains("VAULT_TOKEN"), "{exported}");
    assert!(!exported.contains(&token));
    // What is at the receiver is looked after as anything else is.
    world.run(["plans", "run", "nightly", "--kind", "verify", "--wait"]).succeeds();
}
