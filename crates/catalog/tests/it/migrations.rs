//! A store keeps what is in it, and is refused when it is not what this program made.

use std::path::Path;

use backstay_catalog::{CatalogError, NodeStore, RunFilter, ServerStore};
use backstay_model::Run;
use sha2::Digest;
use sqlx::any::AnyPoolOptions;

use crate::world::{World, at};

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

/// A store as the first version made it, with a run of a plan in it.
async fn first_form(plain: &str, world: &World, run: &Run) {
    const STEP: &str = include_str!("../../src/server/0001.sql");
    let pool = AnyPoolOptions::new().max_connections(1).connect(plain).await.unwrap();
    sqlx::raw_sql("CREATE TABLE migrations (number BIGINT PRIMARY KEY, hash TEXT NOT NULL)")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::raw_sql(STEP).execute(&pool).await.unwrap();
    let insert = async |text: &'static str, values: &[&str]| {
        let mut query = sqlx::query::<sqlx::Any>(text);
        for value in values {
            query = query.bind((*value).to_owned());
        }
        query.execute(&pool).await.unwrap();
    };
    let hash: String = sha2::Sha256::digest(STEP).iter().map(|byte| format!("{byte:02x}")).collect();
    insert("INSERT INTO migrations (number, hash) VALUES (1, $1)", &[&hash]).await;
    let (project, node) = (world.project.id.to_string(), world.node.id.to_string());
    let doc = serde_json::to_string(&world.project).unwrap();
    let text = "INSERT INTO projects (id, name, created, doc) VALUES ($1, 'Home', 1, $2)";
    insert(text, &[&project, &doc]).await;
    let doc = serde_json::to_string(&world.node).unwrap();
    let text = "INSERT INTO nodes (id, project, name, created, local, doc) VALUES ($1, $2, 'node', 1, 0, $3)";
    insert(text, &[&node, &project, &doc]).await;
    let (id, doc) = (run.id.to_string(), serde_json::to_string(run).unwrap());
    let (plan, source) = (world.plan.id.to_string(), world.source.id.to_string());
    let created = run.created.as_microsecond();
    let text = "INSERT INTO runs (id, project, node, kind, state, plan, source, created, revision, doc) \
                VALUES ($1, $2, $3, 'backup', 'pending', $4, $5, CAST($6 AS BIGINT), 1, $7)";
    insert(text, &[&id, &project, &node, &plan, &source, &created.to_string(), &doc]).await;
    let text = "INSERT INTO run_destinations (destination, run, kind, state, created) \
                VALUES ($1, $2, 'backup', 'pending', CAST($3 AS BIGINT))";
    insert(text, &[&world.destination.id.to_string(), &id, &created.to_string()]).await;
    pool.close().await;
}

async fn is_brought_forward(address: &str, plain: &str) {
    sqlx::any::install_default_drivers();
    let world = World::new();
    let run = world.run(at(0));
    first_form(plain, &world, &run).await;
    // Opened twice: the second time nothing is left to do.
    for _ in 0..2 {
        let store = ServerStore::open(address).await.unwrap();
        assert_eq!(store.node(world.node.id).await.unwrap(), Some(world.node.clone()));
        assert_eq!(store.run(run.id).await.unwrap(), Some(run.clone()));
        let (plan, node) = (Some(world.plan.id), Some(world.node.id));
        for (source, destination) in [
            (Some(world.source.id), None),
            (None, Some(world.destination.id)),
            (Some(world.source.id), Some(world.destination.id)),
        ] {
            let projects = Some(vec![world.project.id]);
            let filter = RunFilter { projects, plan, node, source, destination, ..RunFilter::default() };
            assert_eq!(store.count_runs(&filter).await.unwrap().pending, 1, "{filter:?}");
        }
        let command = crate::commands::command(at(60));
        store.add_command(world.node.id, &command).await.unwrap();
        let taken = store.take_commands(world.node.id, at(1), std::time::Duration::ZERO).await.unwrap();
        assert!(taken.contains(&command), "{taken:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_server_store_of_the_first_form_on_sqlite_is_brought_forward() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.db").display().to_string();
    is_brought_forward(&format!("sqlite:{path}"), &format!("sqlite://{path}?mode=rwc")).await;
}

#[tokio::test]
async fn a_server_store_of_the_first_form_on_postgres_is_brought_forward() {
    let Some(address) = crate::postgres::database() else { return };
    is_brought_forward(&address, &address).await;
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
