//! What a backup stopped is started again, whatever ends the run or its process; and people hear of it when that fails.

use std::time::{Duration, Instant};

use backstay_model::command::Ask;
use backstay_model::run::Intent;
use backstay_model::{RunId, RunKind, RunState};
use backstay_policy::Schedule;
use serde_json::{Value, json};

use crate::world::World;

/// A hook that runs a script in the world's folder.
fn script(world: &World, script: &str) -> Value {
    let script = format!("cd {} && {script}", world.folder.path().display());
    json!({"command": {"program": "sh", "arguments": ["-c", script]}, "timeout": "30s"})
}

/// A world whose plan stops something before its backups, which take a while, and starts it again in so many seconds.
async fn world(takes: &str) -> World {
    let world = World::new(Schedule::default()).await;
    world.fill(60);
    let hooks = json!({
        "before": [script(&world, "echo stop >> told")],
        "after": [script(&world, &format!("sleep {takes}; echo start >> told"))],
        "on_failure": [script(&world, "echo failure >> told")],
    });
    world.hub.change(|plan| {
        plan.limits.read = Some(2 << 20);
        plan.hooks = serde_json::from_value(hooks.clone()).unwrap();
    });
    world
}

fn told(world: &World) -> String {
    std::fs::read_to_string(world.path("told"))
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

async fn going(world: &World) -> RunId {
    let run = world.run_plan(RunKind::Backup);
    world.until(run, "going", |run| run.progress.bytes > 0).await;
    run
}

/// Kills the node, and forgets what its last process had still time for.
async fn kill(world: &mut World) {
    world.kill().await;
    std::fs::write(world.path("told"), "").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_left_stopped_is_started_before_the_run_waits_or_goes_on() {
    let mut world = world("0").await;
    let run = going(&world).await;
    kill(&mut world).await;
    world.hub.change(|plan| plan.limits.read = None);
    world.start().await;
    let done = world.until_state(run, RunState::Completed).await;
    assert_eq!(done.attempt, 2);
    assert_eq!(told(&world), "start stop start");
    world.stop().await;
    let log = world.log(run).await;
    assert!(log.contains("interrupted; what it has stopped is started first"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_that_was_killed_while_it_cancelled_left_stopped_is_started() {
    let mut world = world("1").await;
    let run = going(&world).await;
    world.ask(Ask::Cancel { run });
    world.until(run, "cancelling", |run| run.intent == Some(Intent::Cancelling)).await;
    kill(&mut world).await;
    world.start().await;
    world.until_state(run, RunState::Cancelled).await;
    assert_eq!(told(&world), "start");
    assert_eq!(world.count("node/journals"), 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_paused_right_after_a_crash_leaves_nothing_stopped() {
    let mut world = world("3").await;
    let run = going(&world).await;
    kill(&mut world).await;
    world.start().await;
    world.answer(Ask::Pause { run }).await.unwrap();
    let paused = world.until_state(run, RunState::Paused).await;
    assert_eq!((paused.attempt, told(&world).as_str()), (1, "start"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fifth_crash_fails_the_run_starts_what_was_stopped_and_runs_the_hooks_for_failures() {
    let mut world = world("0").await;
    let run = going(&world).await;
    for crash in 1..5 {
        kill(&mut world).await;
        world.start().await;
        world.until(run, "going again", |run| run.attempt == crash + 1).await;
        let end = Instant::now() + Duration::from_secs(20);
        while told(&world) != "start stop" {
            assert!(Instant::now() < end, "{:?}", told(&world));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    kill(&mut world).await;
    world.start().await;
    let failed = world.until_state(run, RunState::Failed).await;
    assert!(failed.error.unwrap().message.contains("the process ended 5 times"));
    assert_eq!(told(&world), "start failure");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_leaves_the_hooks_their_time() {
    let mut world = world("3").await;
    let run = going(&world).await;
    let asked = Instant::now();
    world.stop_within(Duration::from_secs(1)).await;
    assert!(asked.elapsed() > Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(told(&world), "stop start");
    world.hub.change(|plan| plan.limits.read = None);
    world.start().await;
    world.until_state(run, RunState::Completed).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_hear_of_it_when_nothing_starts_what_a_cancelled_run_stopped() {
    let mut world = world("0").await;
    let broken = script(&world, "echo no such service >&2; exit 7");
    world.hub.change(|plan| plan.hooks.after.insert(0, serde_json::from_value(broken.clone()).unwrap()));
    let run = going(&world).await;
    world.ask(Ask::Cancel { run });
    world.until_state(run, RunState::Cancelled).await;
    let text = world.until_told("left in trouble").await;
    assert!(text.contains("command sh") && text.contains("exit status: 7"), "{text}");
    assert!(text.contains("plan home") && text.contains(&run.to_string()), "{text}");
    assert_eq!(told(&world), "stop start", "the other hooks are run all the same");
    world.stop().await;
}
