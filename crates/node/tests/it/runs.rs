//! Runs from the asking to the end: backup, restore, pause, cancel, a restart in between, a server that is away.

use std::time::{Duration, Instant};

use backstay_catalog::RunFilter;
use backstay_model::command::Ask;
use backstay_model::run::{OverwriteMode, RestoreRequest, Trigger};
use backstay_model::{RunId, RunKind, RunState};
use backstay_policy::Schedule;

use crate::world::World;

async fn world() -> World {
    World::new(Schedule::default()).await
}

fn back_up(world: &World) -> RunId {
    world.run_plan(RunKind::Backup)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_taken_and_comes_back_and_the_log_tells_of_it() {
    let mut world = world().await;
    std::fs::write(world.path("source/letter"), "dear all").unwrap();
    let run = back_up(&world);
    let done = world.until_state(run, RunState::Completed).await;
    assert_eq!(done.trigger, Trigger::Manual);
    assert_eq!(done.requested_by.as_deref(), Some("anna"));
    assert_eq!(done.outcome.as_ref().unwrap().files_new, 1);
    let snapshot = done.destinations.first().unwrap().snapshot.clone().unwrap();

    let restore = world.run_id();
    let target = world.path("target");
    world.ask(Ask::Restore {
        run: restore,
        project: world.project,
        repository: world.repository(),
        request: Box::new(RestoreRequest {
            snapshot,
            paths: Vec::new(),
            target: target.display().to_string(),
            overwrite: OverwriteMode::Always,
            delete: false,
            dry_run: false,
            instance: None,
            into: None,
        }),
        connection: None,
    });
    let restored = world.until_state(restore, RunState::Completed).await;
    assert_eq!(restored.outcome.unwrap().restored_plan, Some(world.plan));
    let back = target.join(world.path("source/letter").strip_prefix("/").unwrap());
    assert_eq!(std::fs::read_to_string(back).unwrap(), "dear all");

    world.stop().await;
    let log = world.store.log(run, 0, 1000).await.unwrap();
    let has = |step: &str| log.iter().any(|line| line.step == step);
    assert!(has("state") && has("connect"), "{log:#?}");
    assert!(log.iter().all(|line| !line.text.contains("open sesame")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_keeps_its_place_over_a_restart_and_goes_on() {
    let mut world = world().await;
    world.fill(300);
    limit(&world, 10 << 20);
    let run = back_up(&world);
    world.until(run, "going", |run| run.progress.bytes > 0).await;
    let asked = Instant::now();
    world.ask(Ask::Pause { run });
    world.until(run, "told to pause", |run| run.intent.is_some() || run.state == RunState::Paused).await;
    assert!(asked.elapsed() < Duration::from_secs(10));
    world.until_state(run, RunState::Paused).await;
    world.stop().await;
    world.start().await;
    assert_eq!(world.store.run(run).await.unwrap().unwrap().state, RunState::Paused);
    world.ask(Ask::Resume { run });
    let done = world.until_state(run, RunState::Completed).await;
    assert_eq!(done.attempt, 2, "{}", world.log(run).await);
    let outcome = done.outcome.unwrap();
    assert_eq!(outcome.files_new + outcome.files_changed + outcome.files_unmodified, 300);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_ends_and_leaves_no_journal_and_no_lock() {
    let mut world = world().await;
    world.fill(300);
    limit(&world, 10 << 20);
    let run = back_up(&world);
    world.until(run, "going", |run| run.progress.bytes > 0).await;
    world.ask(Ask::Cancel { run });
    world.until_state(run, RunState::Cancelled).await;
    world.stop().await;
    let left = |folder: &str| std::fs::read_dir(world.path(folder)).map_or(0, |entries| entries.count());
    assert_eq!((left("repository/locks"), left("repository/snapshots"), left("node/journals")), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_under_way_when_the_node_stopped_is_taken_up_by_itself() {
    let mut world = world().await;
    world.fill(300);
    limit(&world, 10 << 20);
    let run = back_up(&world);
    world.until(run, "going", |run| run.progress.bytes > 0).await;
    world.stop().await;
    world.start().await;
    let done = world.until_state(run, RunState::Completed).await;
    assert_eq!(done.attempt, 2, "{}", world.log(run).await);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_runs_on_time_without_its_server_which_hears_of_it_later() {
    let schedule: Schedule = serde_json::from_str(r#"{"when": {"every": "2s"}}"#).unwrap();
    let mut world = World::new(schedule).await;
    std::fs::write(world.path("source/letter"), "dear all").unwrap();
    let filter =
        RunFilter { plan: Some(world.plan), states: vec![RunState::Completed], ..RunFilter::default() };
    let completed = || async { world.store.list_runs(&filter, None, 100).await.unwrap().items };
    let end = Instant::now() + Duration::from_secs(60);
    while completed().await.is_empty() {
        assert!(Instant::now() < end, "no run was taken");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    *world.hub.away.lock() = true;
    let before = completed().await.len();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(completed().await.len() <= before + 1);
    *world.hub.away.lock() = false;
    let end = Instant::now() + Duration::from_secs(60);
    while completed().await.len() < before + 2 {
        assert!(Instant::now() < end, "what ran meanwhile is not told");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let first = completed().await.into_iter().next().unwrap();
    assert_eq!(first.trigger, Trigger::Schedule);
    assert!(first.due.is_some());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_is_followed_and_a_flipped_bit_is_found() {
    let mut world = world().await;
    world.hub.change(|plan| {
        plan.retention = serde_json::from_str(r#"{"last": 1}"#).unwrap();
        plan.verification.read_percent = 100.0;
    });
    for text in ["dear all", "dear everybody"] {
        std::fs::write(world.path("source/letter"), text).unwrap();
        world.until_state(back_up(&world), RunState::Completed).await;
    }
    let files = |folder: &str| -> Vec<std::path::PathBuf> {
        std::fs::read_dir(world.path(folder)).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    assert_eq!(files("repository/snapshots").len(), 2);
    let pruned = world.until_state(world.run_plan(RunKind::Prune), RunState::Completed).await;
    assert_eq!(pruned.outcome.unwrap().snapshots_forgotten, 1);
    assert_eq!(files("repository/snapshots").len(), 1);
    world.until_state(world.run_plan(RunKind::Verify), RunState::Completed).await;

    let folders = files("repository/data");
    let packs = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let pack = packs.map(|entry| entry.unwrap().path()).next().unwrap();
    let mut content = std::fs::read(&pack).unwrap();
    content[10] ^= 1;
    std::fs::remove_file(&pack).unwrap();
    std::fs::write(&pack, content).unwrap();
    let failed = world.until_state(world.run_plan(RunKind::Verify), RunState::Failed).await;
    let error = failed.error.unwrap();
    assert!(error.message.contains("errors"), "{error:?}");
    assert!(error.hint.is_some());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_set_back_hears_everything_again() {
    let mut world = world().await;
    std::fs::write(world.path("source/letter"), "dear all").unwrap();
    let first = back_up(&world);
    world.until_state(first, RunState::Completed).await;
    world.stop().await;
    // An older copy of the server's store: it knows the node, and none of its runs.
    world.set_server_back().await;
    assert!(world.store.run(first).await.unwrap().is_none());
    world.start().await;
    let told = world.until_state(first, RunState::Completed).await;
    assert_eq!(told.outcome.unwrap().files_new, 1);
    assert!(!world.store.log(first, 0, 100).await.unwrap().is_empty());
    world.until_state(back_up(&world), RunState::Completed).await;
    world.stop().await;
}

/// Slows reading down, so that runs last long enough to be interfered with.
fn limit(world: &World, bytes_per_second: u64) {
    world.hub.change(|plan| plan.limits.read = Some(bytes_per_second));
}
