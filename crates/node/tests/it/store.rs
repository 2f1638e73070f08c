//! A node whose store fails for a while.

use std::time::Duration;

use backstay_model::command::Ask;
use backstay_model::{RunKind, RunState};
use backstay_policy::Schedule;

use crate::world::World;

/// From now on no change of state can be stored.
async fn refuse(world: &World) {
    let when = "BEFORE INSERT ON log_lines WHEN new.step = 'state'";
    world.sql(&format!("CREATE TRIGGER refuse {when} BEGIN SELECT RAISE(ABORT, 'no room'); END")).await;
}

async fn relent(world: &World) {
    world.sql("DROP TRIGGER refuse").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_for_a_while_leaves_no_run_behind() {
    let mut world = World::new(Schedule::default()).await;
    world.fill(20);
    world.hub.change(|plan| plan.limits.read = Some(1 << 20));
    refuse(&world).await;
    let run = world.run_plan(RunKind::Backup);
    let text = world.until_told("the node's store fails").await;
    assert!(text.contains("no room"), "{text}");
    let waits = world.until(run, "known", |_| true).await;
    assert_eq!((waits.state, waits.attempt), (RunState::Pending, 0));
    relent(&world).await;
    world.until(run, "going", |run| run.progress.bytes > 0).await;
    refuse(&world).await;
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while world.count("repository/snapshots") == 0 {
        assert!(std::time::Instant::now() < end);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.store.run(run).await.unwrap().unwrap().state, RunState::Running);
    relent(&world).await;
    let done = world.until_state(run, RunState::Completed).await;
    assert_eq!(done.attempt, 1);
    world.stop().await;
    let log = world.log(run).await;
    assert_eq!(log.matches("state: completed").count(), 1, "{log}");
    assert!(world.meta(&format!("backed-up:{}", world.plan)).await.is_some(), "what follows it is noted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cancelled_run_left_is_removed_though_the_store_failed_at_its_end() {
    let mut world = World::new(Schedule::default()).await;
    world.fill(60);
    world.hub.change(|plan| plan.limits.read = Some(2 << 20));
    let run = world.run_plan(RunKind::Backup);
    world.until(run, "going", |run| run.progress.bytes > 0).await;
    world.answer(Ask::Cancel { run }).await.unwrap();
    refuse(&world).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    relent(&world).await;
    world.until_state(run, RunState::Cancelled).await;
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while world.count("node/journals") > 0 {
        assert!(std::time::Instant::now() < end, "its journal stays");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_nobody_executes_though_it_is_running_is_taken_up() {
    let mut world = World::new(Schedule::default()).await;
    world.fill(60);
    world.hub.change(|plan| plan.limits.read = Some(2 << 20));
    let run = world.run_plan(RunKind::Backup);
    world.until(run, "going", |run| run.progress.bytes > 0).await;
    world.answer(Ask::Pause { run }).await.unwrap();
    world.until_state(run, RunState::Paused).await;
    world.hub.change(|plan| plan.limits.read = None);
    world.sql("UPDATE runs SET doc = json_set(doc, '$.state', 'running')").await;
    world.until_state(run, RunState::Completed).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_line_of_each_run_says_who_asked_for_it() {
    let mut world = World::new(Schedule::default()).await;
    std::fs::write(world.path("source/letter"), "dear all").unwrap();
    world.hub.change(|plan| plan.retention = serde_json::from_str(r#"{"last": 1}"#).unwrap());
    for kind in [RunKind::Backup, RunKind::Verify, RunKind::Prune] {
        let run = world.run_plan(kind);
        world.until_state(run, RunState::Completed).await;
        let log = world.log(run).await;
        let first = log.lines().next().unwrap();
        assert!(first.ends_with("queue: queued: asked for by anna"), "{log}");
    }
    let run = world.run_id();
    let ask = Ask::RunPlan { plan: world.plan, kind: RunKind::Backup, guard: true, runs: vec![run] };
    world.answer(ask).await.unwrap();
    world.until_state(run, RunState::Completed).await;
    let log = world.log(run).await;
    assert!(log.lines().next().unwrap().ends_with("asked for by anna, before a critical operation"), "{log}");
    world.stop().await;
}
