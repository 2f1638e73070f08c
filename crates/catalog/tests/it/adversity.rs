//! Files that are damaged, locked, read-only or on a full disk, and databases that are away.

use std::os::unix::fs::FileExt;
use std::path::Path;

use backstay_catalog::{CatalogError, NewLine, NodeStore, ServerStore};
use backstay_core::testing::run_again_with_mounts;
use backstay_model::{Level, RunId};
use serde_json::Value;
use sqlx::any::AnyPoolOptions;

use crate::world::{World, at};

async fn filled(path: &Path) -> RunId {
    let store = NodeStore::open(path).await.unwrap();
    let run = World::new().run(at(0));
    store.insert_run(&run, &Value::Null).await.unwrap();
    let line = NewLine { time: at(0), level: Level::Info, step: "read".into(), text: "x".repeat(500) };
    store.append_log(run.id, &vec![line; 200]).await.unwrap();
    store.close().await;
    run.id
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.db");
    std::fs::write(&path, "this is a text, and a long one, so that it is no empty file either. ".repeat(99))
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = NodeStore::open(&path).await.unwrap_err();
    assert!(matches!(refused, CatalogError::Corrupt { .. }), "{refused:?}");
    assert!(refused.to_string().contains("node.db"), "{refused}");
    assert!(refused.hint().unwrap().contains("restore"));
    assert_eq!(std::fs::read(&path).unwrap(), before, "it is left as it is");
}

#[tokio::test]
async fn damage_within_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.db");
    let run = filled(&path).await;
    // The first page says that there is a database; all others are overwritten.
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    file.write_all_at(&vec![0xa5; usize::try_from(length).unwrap() - 4096], 4096).unwrap();
    let found = match NodeStore::open(&path).await {
        Ok(store) => store.log(run, 0, 1000).await.map(drop),
        Err(error) => Err(error),
    };
    assert!(matches!(found, Err(CatalogError::Corrupt { .. })), "{found:?}");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.db");
    let run = filled(&path).await;
    let pool = AnyPoolOptions::new().connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::raw_sql("UPDATE runs SET doc = '{\"id\":'").execute(&pool).await.unwrap();
    pool.close().await;
    let found = NodeStore::open(&path).await.unwrap().run(run).await;
    assert!(matches!(found, Err(CatalogError::Corrupt { .. })), "{found:?}");
}

#[tokio::test]
async fn a_store_that_another_holds_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.db");
    filled(&path).await;
    let pool = AnyPoolOptions::new()
        .max_connections(1)
        .connect(&format!("sqlite://{}", path.display()))
        .await
        .unwrap();
    let mut holder = pool.acquire().await.unwrap();
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut *holder).await.unwrap();
    let refused = NodeStore::open(&path).await.unwrap_err();
    assert!(matches!(refused, CatalogError::Locked { .. }), "{refused:?}");
    assert!(refused.hint().unwrap().contains("another process"));
    sqlx::raw_sql("ROLLBACK").execute(&mut *holder).await.unwrap();
    NodeStore::open(&path).await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_away_is_told_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let away = format!("postgres://backstay:open-sesame@localhost/none?host={}", folder.path().display());
    let refused = ServerStore::open(&away).await.unwrap_err();
    assert!(matches!(refused, CatalogError::Unavailable { .. }), "{refused:?}");
    assert!(!format!("{refused} {refused:?}").contains("sesame"));
    let odd = ServerStore::open("postgres://backstay:open-sesame@[nonsense/none").await.unwrap_err();
    assert!(!format!("{odd} {odd:?}").contains("sesame"));
    assert!(ServerStore::open("mysql://x").await.is_err());
    if let Some(address) = crate::postgres::database() {
        let refused = ServerStore::open(&address.replace("/test", "/none")).await.unwrap_err();
        assert!(matches!(refused, CatalogError::Unavailable { .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_costs_nothing() {
    let Some(folder) = std::env::var_os("FOLDER") else {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("small")).unwrap();
        let mounts = "mount -t tmpfs -o size=2m none small";
        return run_again_with_mounts(
            folder.path(),
            mounts,
            "adversity::a_full_disk_is_told_and_costs_nothing",
        );
    };
    let (path, filler) = (Path::new(&folder).join("small/node.db"), Path::new(&folder).join("small/filler"));
    std::fs::write(&filler, vec![0; 512 << 10]).unwrap();
    let store = NodeStore::open(&path).await.unwrap();
    let run = World::new().run(at(0));
    store.insert_run(&run, &Value::Null).await.unwrap();
    let line = NewLine { time: at(0), level: Level::Info, step: "read".into(), text: "x".repeat(1000) };
    let mut written = 0;
    let refused = loop {
        match store.append_log(run.id, &vec![line.clone(); 100]).await {
            Ok(lines) => written += lines.len(),
            Err(error) => break error,
        }
        assert!(written < 1_000_000);
    };
    assert!(matches!(refused, CatalogError::Full { .. }), "{refused:?}");
    assert_eq!(refused.hint(), Some("free some space"));
    assert_eq!(
        store.log(run.id, 0, 100_000).await.unwrap().len(),
        written,
        "all that was stored, and no more"
    );
    // With room again the same store goes on.
    std::fs::remove_file(filler).unwrap();
    written += store.append_log(run.id, &vec![line; 100]).await.unwrap().len();
    store.close().await;
    // Nothing of it is lost when it is opened anew.
    let store = NodeStore::open(&path).await.unwrap();
    assert_eq!(store.log(run.id, 0, 100_000).await.unwrap().len(), written);
}

/// What a server's store says when it is opened at a file.
async fn refusal(path: &Path) -> CatalogError {
    let refused = ServerStore::open(&format!("sqlite:{}", path.display())).await.unwrap_err();
    assert!(refused.to_string().contains("server.db"), "{refused}");
    refused
}

async fn server_store(path: &Path) -> ServerStore {
    ServerStore::open(&format!("sqlite:{}", path.display())).await.unwrap()
}

#[tokio::test]
async fn a_server_store_that_is_damaged_or_held_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.db");
    let store = server_store(&path).await;
    World::stored(&store).await;
    store.close().await;
    let plain = format!("sqlite://{}", path.display());
    let pool = AnyPoolOptions::new().max_connections(1).connect(&plain).await.unwrap();
    let mut holder = pool.acquire().await.unwrap();
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut *holder).await.unwrap();
    let refused = refusal(&path).await;
    assert!(matches!(refused, CatalogError::Locked { .. }), "{refused:?}");
    assert!(refused.hint().unwrap().contains("another process"));
    sqlx::raw_sql("ROLLBACK").execute(&mut *holder).await.unwrap();
    drop(holder);
    pool.close().await;
    server_store(&path).await.close().await;

    // The first page is kept: it says that this is a database.
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    file.write_all_at(&vec![0xa5; usize::try_from(length).unwrap() - 4096], 4096).unwrap();
    let refused = refusal(&path).await;
    assert!(matches!(refused, CatalogError::Corrupt { .. }), "{refused:?}");
    assert!(refused.hint().unwrap().contains("restore"));
}

#[tokio::test]
async fn a_server_store_on_a_full_or_read_only_disk_is_told() {
    let Some(folder) = std::env::var_os("FOLDER") else {
        let folder = tempfile::tempdir().unwrap();
        for name in ["small", "fixed"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        server_store(&folder.path().join("fixed/server.db")).await.close().await;
        let mounts = "mount -t tmpfs -o size=64k none small && \
                      mount --bind fixed fixed && mount -o remount,bind,ro fixed fixed";
        return run_again_with_mounts(
            folder.path(),
            mounts,
            "adversity::a_server_store_on_a_full_or_read_only_disk_is_told",
        );
    };
    let refused = refusal(&Path::new(&folder).join("small/server.db")).await;
    assert!(matches!(refused, CatalogError::Full { .. }), "{refused:?}");
    assert_eq!(refused.hint(), Some("free some space"));
    let refused = refusal(&Path::new(&folder).join("fixed/server.db")).await;
    assert!(matches!(refused, CatalogError::ReadOnly { .. }), "{refused:?}");
    assert!(refused.hint().unwrap().contains("can be written"));
}

#[tokio::test]
async fn a_read_only_disk_is_told() {
    let Some(folder) = std::env::var_os("FOLDER") else {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("fixed")).unwrap();
        filled(&folder.path().join("fixed/node.db")).await;
        let mounts = "mount --bind fixed fixed && mount -o remount,bind,ro fixed fixed";
        return run_again_with_mounts(folder.path(), mounts, "adversity::a_read_only_disk_is_told");
    };
    for path in ["fixed/node.db", "fixed/other.db", "fixed/deeper/node.db"] {
        let refused = NodeStore::open(&Path::new(&folder).join(path)).await.unwrap_err();
        assert!(matches!(refused, CatalogError::ReadOnly { .. }), "{path}: {refused:?}");
        assert!(refused.hint().unwrap().contains("can be written"));
    }
}
