//! Checks and clean-ups that nobody asks for.

use backstay_model::run::Trigger;
use backstay_model::{Run, RunKind, RunState};
use backstay_policy::Schedule;
use serde_json::json;

use crate::world::World;

const HOUR: i64 = 3600;

fn by_itself(kind: RunKind) -> impl Fn(&Run) -> bool {
    move |run| run.kind == kind && run.trigger == Trigger::Maintenance
}

async fn back_up(world: &World, text: &str) {
    std::fs::write(world.path("source/letter"), text).unwrap();
    world.until_state(world.run_plan(RunKind::Backup), RunState::Completed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_are_cleaned_up_and_checked_by_themselves() {
    let mut world = World::new(Schedule::default()).await;
    world.hub.change(|plan| {
        plan.retention = serde_json::from_value(json!({"last": 1})).unwrap();
        plan.verification = serde_json::from_value(json!({"every": "30h", "read_percent": 100.0})).unwrap();
    });
    back_up(&world, "dear all").await;
    back_up(&world, "dear everybody").await;
    world.pass(23 * HOUR);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(world.count("repository/snapshots"), 2);
    world.pass(2 * HOUR);
    let prune = by_itself(RunKind::Prune);
    let done = world.until_any("clean-up", |run| prune(run) && run.state == RunState::Completed).await;
    assert_eq!(done.outcome.unwrap().snapshots_forgotten, 1);
    assert_eq!(world.count("repository/snapshots"), 1);
    let log = world.log(done.id).await;
    let first = log.lines().next().unwrap();
    assert!(first.ends_with("queued: the plan's repositories are due for it every 1d"), "{first}");
    let verify = by_itself(RunKind::Verify);
    let runs = world.store.list_runs(&Default::default(), None, 100).await.unwrap().items;
    assert!(!runs.iter().any(&verify), "it is not due yet");
    world.pass(6 * HOUR);
    world.until_any("check", |run| verify(run) && run.state == RunState::Completed).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upkeep_waits_for_the_windows_of_the_plan() {
    let now = jiff::Timestamp::now();
    let clock = |hours: i64| (now + jiff::SignedDuration::from_hours(hours)).strftime("%H:%M").to_string();
    // By its time the day after, the clean-up is due an hour before the window opens.
    let window = json!([{"from": clock(2), "until": clock(4)}]);
    let schedule = json!({"when": "manual", "windows": window});
    let mut world = World::new(serde_json::from_value(schedule).unwrap()).await;
    world.hub.change(|plan| plan.retention = serde_json::from_value(json!({"last": 1})).unwrap());
    back_up(&world, "asked for by hand, it does not wait").await;
    world.pass(25 * HOUR);
    let prune = by_itself(RunKind::Prune);
    let waits = world.until_any("clean-up that waits", |run| prune(run) && run.waiting.is_some()).await;
    let waiting = waits.waiting.unwrap();
    assert!(waiting.reason.contains("windows of the plan"), "{waiting:?}");
    let opens = waiting.next_try.unwrap().duration_since(world.now()).as_secs();
    assert!((55 * 60..=60 * 60).contains(&opens), "{opens}");
    world.pass(HOUR + 60);
    world.until_state(waits.id, RunState::Completed).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upkeep_waits_for_a_host_that_is_busy() {
    // A host that runs tests has a higher load than that, sooner or later.
    let schedule = json!({"when": "manual", "conditions": {"max_load": 0.000001}});
    let mut world = World::new(serde_json::from_value(schedule).unwrap()).await;
    world.hub.change(|plan| plan.verification = serde_json::from_value(json!({"every": "1h"})).unwrap());
    back_up(&world, "dear all").await;
    world.pass(2 * HOUR);
    let verify = by_itself(RunKind::Verify);
    let waits = world.until_any("check that waits", |run| verify(run) && run.waiting.is_some()).await;
    assert!(waits.waiting.unwrap().reason.contains("load"));
    world.stop().await;
}
