//! Records that most tests begin with, made by the API, and a look for secrets where none may be.

use std::path::Path;
use std::time::{Duration, Instant};

use backstay_catalog::AuditFilter;
use backstay_model::{Run, RunId};
use serde_json::{Value, json};

use crate::world::{Client, World};

/// Makes a connection to a folder of the node.
pub(crate) async fn folder(client: &Client, name: &str, path: &Path) -> Value {
    let settings = json!({"type": "local", "path": path});
    client.post("/api/v1/connections", json!({"name": name, "settings": settings})).await.expect(201)
}

/// Makes a source of a folder.
pub(crate) async fn source(client: &Client, name: &str, path: &Path) -> Value {
    let spec = json!({"type": "files", "paths": [path]});
    client.post("/api/v1/sources", json!({"name": name, "spec": spec})).await.expect(201)
}

/// Makes a destination over a connection.
pub(crate) async fn destination(client: &Client, name: &str, connection: &Value, path: &str) -> Value {
    let form = json!({"name": name, "connection": connection["id"], "path": path});
    client.post("/api/v1/destinations", form).await.expect(201)
}

/// What a plan from here to there is told as.
pub(crate) fn plan(name: &str, source: &Value, destination: &Value) -> Value {
    json!({"name": name, "sources": [source["id"]], "destinations": [destination["id"]]})
}

/// A plan, with all it needs.
pub(crate) struct Setting {
    pub(crate) connection: Value,
    pub(crate) source: Value,
    pub(crate) destination: Value,
    pub(crate) plan: Value,
}

impl Setting {
    /// A folder with one file in it, and a plan for it.
    pub(crate) async fn new(world: &World, client: &Client) -> Self {
        let data = world.path("data");
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(data.join("file"), "content").unwrap();
        let connection = folder(client, "disk", &world.path("backups")).await;
        let source = source(client, "data", &data).await;
        let destination = destination(client, "office", &connection, "all").await;
        let plan = client.post("/api/v1/plans", plan("nightly", &source, &destination)).await.expect(201);
        Self { connection, source, destination, plan }
    }
}

/// The path of a record, and something behind it.
pub(crate) fn at(kind: &str, record: &Value, behind: &str) -> String {
    format!("/api/v1/{kind}/{}{behind}", record["id"].as_str().unwrap())
}

/// Waits for a run to be as it should.
pub(crate) async fn until(world: &World, run: &Value, what: &str, is_so: impl Fn(&Run) -> bool) -> Run {
    let id: RunId = run.as_str().unwrap().parse().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let run = world.store.run(id).await.unwrap();
        match run {
            Some(run) if is_so(&run) => return run,
            other => assert!(Instant::now() < end, "run {id} does not get {what}: {other:#?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Nothing that is kept or told of may hold a secret in the clear.
pub(crate) async fn assert_kept_nowhere(world: &World, secret: &str) {
    let audit = world.store.audit(&AuditFilter::default(), 1000).await.unwrap();
    assert!(!audit.is_empty());
    assert!(!serde_json::to_string(&audit).unwrap().contains(secret), "the audit holds a secret");
    let mut folders = vec![world.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let (entry, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
            if kind.is_dir() {
                folders.push(entry);
            } else if kind.is_file() {
                // What is only there for a moment may be gone by now.
                let bytes = std::fs::read(&entry).unwrap_or_default();
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{} holds a secret", entry.display());
            }
        }
    }
}
