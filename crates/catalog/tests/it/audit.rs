//! The audit: a chain that shows what was changed, taken out or put in.

use backstay_catalog::{AuditFilter, AuditVerdict, NewAuditEntry, ServerStore};
use backstay_model::ProjectId;
use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;

use crate::world::{at, id, on_both};

on_both!(entries_are_found, entries_written_at_once_make_one_chain);

fn entry(action: &str, project: Option<ProjectId>, seconds: i64) -> NewAuditEntry {
    NewAuditEntry {
        time: at(seconds),
        project,
        actor: "Ada".into(),
        action: action.into(),
        subject: "plan nightly".into(),
        before: Some(serde_json::json!({ "z": 1, "a": [null, 0.5, "\u{e9}\0\n"] })),
        after: None,
        address: Some("192.0.2.1".into()),
    }
}

async fn entries_are_found(store: ServerStore) {
    let project = ProjectId(id());
    let mut written = Vec::new();
    for number in 0..6 {
        let project = (number % 2 == 0).then_some(project);
        let action = if number < 3 { "plan.create" } else { "plan.update" };
        written.push(store.append_audit(entry(action, project, number)).await.unwrap());
    }
    assert_eq!(written.iter().map(|entry| entry.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let numbers = async |filter: AuditFilter, limit| {
        let entries = store.audit(&filter, limit).await.unwrap();
        entries.into_iter().map(|entry| entry.number).collect::<Vec<_>>()
    };
    let all = AuditFilter::default();
    assert_eq!(store.audit(&all, 2).await.unwrap(), [written[5].clone(), written[4].clone()]);
    assert_eq!(numbers(AuditFilter { below: Some(5), ..all.clone() }, 2).await, [4, 3]);
    assert_eq!(numbers(AuditFilter { projects: Some(vec![project]), ..all.clone() }, 9).await, [5, 3, 1]);
    assert_eq!(numbers(AuditFilter { projects: Some(Vec::new()), ..all.clone() }, 9).await, [0_i64; 0]);
    assert_eq!(
        numbers(AuditFilter { action: Some("plan.create".into()), ..all.clone() }, 9).await,
        [3, 2, 1]
    );
    assert_eq!(numbers(AuditFilter { actor: Some("Eve".into()), ..all.clone() }, 9).await, [0_i64; 0]);
    let span = AuditFilter { since: Some(at(1)), until: Some(at(3)), ..all };
    assert_eq!(numbers(span, 9).await, [3, 2]);
    assert_eq!(store.verify_audit().await.unwrap(), AuditVerdict { good: 6, first_bad: None });
}

async fn entries_written_at_once_make_one_chain(store: ServerStore) {
    assert_eq!(store.verify_audit().await.unwrap(), AuditVerdict { good: 0, first_bad: None });
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0..10 {
                    store.append_audit(entry("plan.update", None, number)).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(store.verify_audit().await.unwrap(), AuditVerdict { good: 80, first_bad: None });
}

/// Tampers by a statement with a chain of six, and says what is found.
async fn tampered(statement: &'static str) -> AuditVerdict {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.db");
    let address = format!("sqlite:{}", path.display());
    let store = ServerStore::open(&address).await.unwrap();
    for number in 0..6 {
        store.append_audit(entry("plan.update", None, number)).await.unwrap();
    }
    let pool: AnyPool = AnyPoolOptions::new()
        .max_connections(1)
        .connect(&format!("sqlite://{}", path.display()))
        .await
        .unwrap();
    sqlx::raw_sql(statement).execute(&pool).await.unwrap();
    pool.close().await;
    store.verify_audit().await.unwrap()
}

#[tokio::test]
async fn tampering_is_found_at_its_place() {
    let cases = [
        ("UPDATE audit SET doc = REPLACE(doc, 'Ada', 'Eve'), actor = 'Eve' WHERE number = 3", 3),
        ("UPDATE audit SET actor = 'Eve' WHERE number = 2", 2),
        ("UPDATE audit SET time = time + 1 WHERE number = 5", 5),
        ("UPDATE audit SET doc = 'nonsense' WHERE number = 4", 4),
        ("DELETE FROM audit WHERE number = 1", 1),
        ("DELETE FROM audit WHERE number = 4", 4),
        ("DELETE FROM audit WHERE number = 6", 6),
        ("DELETE FROM audit WHERE number > 3; UPDATE counters SET last = 3 WHERE name = 'audit'", 4),
        (
            "INSERT INTO audit SELECT 7, time, project, actor, action, hash, doc FROM audit WHERE number = 6",
            7,
        ),
        (
            "UPDATE audit SET number = 100 WHERE number = 2; UPDATE audit SET number = 2 WHERE number = 3;
          UPDATE audit SET number = 3 WHERE number = 100",
            2,
        ),
    ];
    for (statement, place) in cases {
        let verdict = tampered(statement).await;
        assert_eq!(verdict, AuditVerdict { good: place - 1, first_bad: Some(place) }, "{statement}");
    }
}
