//! Destinations that hold archives, from the form to what comes back, and the key that opens them without the server.

use std::path::{Path, PathBuf};

use backstay_archive::Archive;
use backstay_archive::crypt::Identities;
use backstay_archive::read::FileInput;
use backstay_model::RunState;
use serde_json::{Value, json};

use crate::setting::{assert_kept_nowhere, at, folder, plan, source, until};
use crate::world::World;

const DESTINATIONS: &str = "/api/v1/destinations";

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_are_encrypted_for_a_key_that_the_recovery_kit_has() {
    let mut world = World::new().await;
    world.start_node().await;
    let owner = world.owner().await;
    let data = world.path("data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("letter"), "dear all").unwrap();
    let disk = folder(&owner, "disk", &world.path("backups")).await;
    let source = source(&owner, "letters", &data).await;

    let form =
        |holds: Value| json!({"name": "zips", "connection": disk["id"], "path": "zips", "holds": holds});
    for (odd, field) in [
        (json!({"type": "archives", "name": "a/b"}), "holds.name"),
        (json!({"type": "archives", "folder": "../up"}), "holds.folder"),
        (json!({"type": "archives", "full_every": 0}), "holds.full_every"),
        (json!({"type": "archives", "format": "tar.zst", "compression": "store"}), "holds.compression"),
    ] {
        let refused = owner.post(DESTINATIONS, form(odd)).await;
        assert_eq!(refused.body["field"], field, "{refused:?}");
        assert_eq!(refused.problem(422), "invalid");
    }
    let holds = json!({"type": "archives", "name": "{plan}-{source}-{type}", "folder": "{host}/{date:%Y}"});
    let made = owner.post(DESTINATIONS, form(holds)).await.expect(201);
    assert_eq!(made["holds"]["encryption"], "age");
    let made_plan = owner.post("/api/v1/plans", plan("nightly", &source, &made)).await.expect(201);
    let started = owner.post(&at("plans", &made_plan, "/run"), json!({})).await.expect(201);
    let run = until(&world, &started["runs"][0], "its end", |run| run.state.is_final()).await;
    assert_eq!(run.state, RunState::Completed, "{:?}", run.error);
    let all = files(&world.path("backups/zips"));
    let archive = all.iter().find(|file| file.ends_with("nightly-letters-full.zip.age")).unwrap();
    assert_eq!(
        archive.metadata().map(|meta| std::os::unix::fs::MetadataExt::mode(&meta) & 0o777).unwrap(),
        0o600
    );

    // The kit has the key, and that alone opens it.
    let kit = owner.post("/api/v1/recovery-kit", json!({})).await.expect(200);
    let kit = kit["page"].as_str().map_or_else(|| kit.to_string(), ToOwned::to_owned);
    let begin = kit.find("AGE-SECRET-KEY-1").unwrap_or_else(|| panic!("no key in {kit}"));
    let key: String = kit[begin..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let open = |identities: &Identities| {
        let input = FileInput::new(std::fs::File::open(archive).unwrap()).unwrap();
        Archive::open(std::sync::Arc::new(input), "archive", identities)
    };
    assert!(open(&Identities::none()).is_err());
    assert!(open(&Identities::parse(&key).unwrap()).unwrap().has_manifest());
    assert_kept_nowhere(&world, &key).await;

    // Its name stands in the list; what it holds stays as it is.
    let repositories =
        owner.get(&format!("/api/v1/repositories?destination={}", made["id"].as_str().unwrap())).await;
    let repository = repositories.expect(200)["items"][0].clone();
    let list = owner.get(&at("repositories", &repository, "/snapshots")).await.expect(200);
    let name = list["items"][0]["name"].as_str().unwrap().to_owned();
    assert!(name.ends_with("/nightly-letters-full.zip.age"), "{name}");
    let update = json!({"name": "zips", "connection": disk["id"], "path": "zips", "layout": "per_node",
        "holds": {"type": "repository"}, "revision": made["revision"]});
    let refused = owner.put(&at("destinations", &made, ""), update.clone()).await;
    assert_eq!(refused.problem(409), "holds_repositories");
    let mut update = update;
    update["holds"] = json!({"type": "archives", "encryption": "plain"});
    let changed = owner.put(&at("destinations", &made, ""), update).await.expect(200);
    assert_eq!(changed["holds"]["encryption"], "plain");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_is_reached_before_it_is_saved_and_its_token_is_told_nowhere() {
    let mut world = World::new().await;
    world.start_node().await;
    let owner = world.owner().await;
    let token = "token-of-a-test-that-nobody-knows";
    let settings = |more: Value| {
        let mut settings = json!({"type": "receiver", "host": "127.0.0.1", "port": 1, "token": token, "allow_private": true});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"name": "vault", "settings": settings})
    };
    for (odd, field) in [
        (json!({"host": "https://vault"}), "settings.host"),
        (json!({"port": 0}), "settings.port"),
        (json!({"fingerprint": "ab"}), "settings.fingerprint"),
        (json!({"authority": "no certificate"}), "settings.authority"),
    ] {
        let refused = owner.post("/api/v1/connections", settings(odd)).await;
        assert_eq!(refused.body["field"], field, "{refused:?}");
        assert_eq!(refused.problem(422), "invalid");
    }
    let refused = owner.post("/api/v1/connections", settings(json!({}))).await;
    assert!(!refused.body.to_string().contains(token));
    assert_eq!(refused.problem(422), "connection_failed");
    folder(&owner, "disk", &world.path("backups")).await;
    assert_kept_nowhere(&world, token).await;
    world.stop().await;
}
