//! Who watches is told, in this process and in others.

use std::time::Duration;

use backstay_catalog::{Change, ServerStore};
use backstay_model::RunState;
use tokio::sync::broadcast::Receiver;

use crate::world::{World, at, entries, on_both, then};

on_both!(what_is_stored_is_told, what_is_refused_is_not);

/// What was told so far.
fn told(changes: &mut Receiver<Change>) -> Vec<Change> {
    std::iter::from_fn(|| changes.try_recv().ok()).collect()
}

async fn what_is_stored_is_told(store: ServerStore) {
    let world = World::stored(&store).await;
    let mut changes = store.subscribe();
    let run = world.run(at(0));
    store
        .ingest(world.node.id, 1, &entries(1, &[run.clone(), then(&run, RunState::Completed)]))
        .await
        .unwrap();
    let project = world.project.id;
    assert_eq!(told(&mut changes), [Change::RunChanged { project, run: run.id }, Change::EventsWaiting]);
    store.update_plan(&world.plan, 1, "Ada").await.unwrap();
    let expected = [
        Change::RecordChanged { project, kind: "plan".into(), id: world.plan.id.to_string() },
        Change::ConfigurationChanged { node: world.node.id },
    ];
    assert_eq!(told(&mut changes), expected);
}

async fn what_is_refused_is_not(store: ServerStore) {
    let world = World::stored(&store).await;
    let mut changes = store.subscribe();
    store.update_plan(&world.plan, 9, "Ada").await.unwrap_err();
    assert_eq!(told(&mut changes), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_over_one_database_see_each_other() {
    let Some(address) = crate::postgres::database() else { return };
    let one = ServerStore::open(&address).await.unwrap();
    let other = ServerStore::open(&address).await.unwrap();
    let world = World::stored(&one).await;
    let mut changes = other.subscribe();
    let mut own = one.subscribe();
    let run = world.run(at(0));
    one.ingest(world.node.id, 1, &entries(1, std::slice::from_ref(&run))).await.unwrap();
    let expected = Change::RunChanged { project: world.project.id, run: run.id };
    // What came before may arrive late.
    let seen = async { while changes.recv().await.unwrap() != expected {} };
    tokio::time::timeout(Duration::from_secs(60), seen).await.unwrap();
    assert_eq!(other.run(run.id).await.unwrap(), Some(run), "what is told is stored");
    // A mark from the other side has come after whatever could have come back.
    other.judge_node(world.node.id, "mark", Some("mark")).await.unwrap();
    let mark = Change::NodeChanged { project: world.project.id, node: world.node.id };
    let mut back = Vec::new();
    let seen = async {
        while back.last() != Some(&mark) {
            back.push(own.recv().await.unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(60), seen).await.unwrap();
    assert_eq!(back, [expected, mark], "a server is told of its own changes once");
}
