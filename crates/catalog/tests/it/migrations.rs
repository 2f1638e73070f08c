//! A store keeps what is in it, and is refused when it is not what this program made.

use std::path::Path;

use backstay_catalog::{CatalogError, NodeStore, ServerStore};
use sqlx::any::AnyPoolOptions;

use crate::world::World;

/// Changes a database behind the store's back.
async fn meddle(address: &str, statement: &'static str) {
    let pool = AnyPoolOptions::new().max_connections(1).connect(address).await.unwrap();
    sqlx::raw_sql(statement).execute(&pool).await.unwrap();
    pool.close().await;
}

async fn is_kept_and_guarded(address: &str, plain: &str) {
    let store = ServerStore::open(address).await.unwrap();
    let world = World::stored(&store).await;
    store.close().await;
    let store = ServerStore::open(address).await.unwrap();
    assert_eq!(store.plan(world.plan.id).await.unwrap(), Some(world.plan.clone()));
    store.close().await;

    meddle(plain, "UPDATE migrations SET hash = 'other' WHERE number = 1").await;
    let refused = ServerStore::open(address).await.unwrap_err();
    assert!(matches!(refused, CatalogError::Altered { number: 1 }), "{refused:?}");

    meddle(plain, "INSERT INTO migrations (number, hash) VALUES (999, 'x')").await;
    let refused = ServerStore::open(address).await.unwrap_err();
    assert!(matches!(refused, CatalogError::TooNew { found: 999, .. }), "{refused:?}");
    assert!(refused.hint().unwrap().contains("newer version"));
}

#[tokio::test]
async fn a_server_store_on_sqlite_is_kept_and_guarded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("100% odd?#name/server.db");
    let escaped = path.display().to_string().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    is_kept_and_guarded(&format!("sqlite:{}", path.display()), &format!("sqlite://{escaped}")).await;
}

#[tokio::test]
async fn a_server_store_on_postgres_is_kept_and_guarded() {
    let Some(address) = crate::postgres::database() else { return };
    is_kept_and_guarded(&address, &address).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_start_at_once_make_one_store() {
    let Some(address) = crate::postgres::database() else { return };
    let starts: Vec<_> = (0..4)
        .map(|_| {
            let address = address.clone();
            tokio::spawn(async move { ServerStore::open(&address).await.unwrap() })
        })
        .collect();
    for start in starts {
        start.await.unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_node_store_is_kept_and_guarded() {
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = &folder.path().join("node.db");
    let store = NodeStore::open(path).await.unwrap();
    store.meta_set("key", "value").await.unwrap();
    store.close().await;
    let store = NodeStore::open(path).await.unwrap();
    assert_eq!(store.meta_get("key").await.unwrap().as_deref(), Some("value"));
    store.close().await;
    meddle(&format!("sqlite://{}", path.display()), "UPDATE migrations SET hash = 'other'").await;
    let refused = NodeStore::open(path).await.unwrap_err();
    assert!(matches!(refused, CatalogError::Altered { .. }), "{refused:?}");
}
