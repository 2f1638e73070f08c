//! A server whose catalog has no room left.

use std::path::Path;

use backstay_catalog::{AuditFilter, CatalogError, RunFilter, ServerStore};
use backstay_core::testing::{fill_disk, run_again_with_mounts};
use backstay_model::link::{News, OutboxEntry};
use backstay_model::{Level, LogLine, RunState, Time};
use backstay_server::state::TlsChoice;
use serde_json::json;

use crate::records_in_store::{Setup, silent_node};
use crate::world::World;

/// Runs a test of this module again with a disk of 48 MiB at `$FOLDER/small`.
fn on_a_small_disk(folder: &Path, test: &str) {
    std::fs::create_dir(folder.join("small")).unwrap();
    run_again_with_mounts(folder, "mount -t tmpfs -o size=48m none small", &format!("faults::{test}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_catalog_is_told_and_nothing_is_half_done() {
    let Some(folder) = std::env::var_os("FOLDER") else {
        let folder = tempfile::tempdir().unwrap();
        return on_a_small_disk(folder.path(), "a_full_catalog_is_told_and_nothing_is_half_done");
    };
    let disk = Path::new(&folder).join("small");
    let store = ServerStore::open(&format!("sqlite:{}", disk.join("server.db").display())).await.unwrap();
    let own = tempfile::tempdir().unwrap();
    let server = World::serve(&own, &store, TlsChoice::Automatic).await;
    let home = store.projects().await.unwrap().first().unwrap().id;
    let world = World { folder: own, store: store.clone(), server, home, node: None };
    let owner = world.owner().await;
    owner.post("/api/v1/projects", json!({"name": "Office"})).await.expect(201);
    let setup = Setup::new(&world, silent_node(&store, home, "nas").await, |_| {}).await;
    let run = setup.ran(&store, RunState::Running, 0).await;
    let written = async || store.audit(&AuditFilter::default(), 100).await.unwrap().len();
    let before = written().await;

    // Hardly any room: nothing is begun that may not be finished.
    let filler = disk.join("filler");
    fill_disk(&filler, 4 << 20);
    for _ in 0..2 {
        let refused = owner.post("/api/v1/projects", json!({"name": "Attic"})).await;
        assert!(refused.body["hint"].as_str().unwrap().contains("space"), "{refused:#?}");
        assert_eq!(refused.problem(507), "full");
    }
    let setting = "/api/v1/settings/retention";
    let kept = owner.get(setting).await.expect(200);
    assert_eq!(owner.put(setting, json!({"logs": "2d", "runs": "30d"})).await.problem(507), "full");
    assert_eq!(owner.get(setting).await.expect(200), kept);
    assert_eq!(owner.get("/api/v1/projects").await.expect(200)["items"].as_array().unwrap().len(), 2);
    assert_eq!(written().await, before);

    // No room at all: a node's word is taken in whole or not at all, and what reads goes on.
    fill_disk(&filler, 0);
    let lines = |number: i64| -> Vec<OutboxEntry> {
        let lines = (1..=2000).map(|line| LogLine {
            run: run.id,
            number: (number - 2) * 2000 + line,
            time: Time::now(),
            level: Level::Info,
            step: "read".to_owned(),
            text: "x".repeat(1000),
        });
        vec![OutboxEntry { number, news: News::Log { lines: lines.collect() } }]
    };
    let (refused, first) = {
        let mut number = 2;
        loop {
            match store.ingest(setup.node, 1, &lines(number)).await {
                Ok(_) => number += 1,
                Err(error) => break (error, number),
            }
            assert!(number < 100);
        }
    };
    assert!(matches!(refused, CatalogError::Full { .. }), "{refused:?}");
    let stored = usize::try_from((first - 2) * 2000).unwrap();
    assert_eq!(store.log(run.id, 0, 1_000_000).await.unwrap().len(), stored);
    assert_eq!(store.node_link(setup.node).await.unwrap().acknowledged, first - 1);
    assert_eq!(owner.get(&format!("/api/v1/runs/{}", run.id)).await.expect(200)["id"], run.id.to_string());

    // With room again all goes on as if nothing had been.
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(store.ingest(setup.node, 1, &lines(first)).await.unwrap().acknowledged, first);
    owner.post("/api/v1/projects", json!({"name": "Attic"})).await.expect(201);
    assert_eq!(store.count_runs(&RunFilter::default()).await.unwrap().running, 1);
    assert_eq!(written().await, before + 1);
    assert_eq!(store.verify_audit().await.unwrap().first_bad, None);
    world.stop().await;
}
