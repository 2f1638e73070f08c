//! What a plan does around a backup: when it is done, for how long, and what it means when it fails.

use std::time::{Duration, Instant};

use backstay_model::hook::Hooks;
use backstay_model::{RunKind, RunState};
use backstay_policy::Schedule;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::World;

/// A world whose plan has these hooks.
async fn world(hooks: impl FnOnce(&World) -> Value) -> World {
    let world = World::new(Schedule::default()).await;
    std::fs::write(world.path("source/letter"), "dear all").unwrap();
    let hooks: Hooks = serde_json::from_value(hooks(&world)).unwrap();
    hooks.validate().unwrap();
    world.hub.change(|plan| plan.hooks = hooks.clone());
    world
}

/// A hook that adds a line to the file `told`, with what it knows.
fn tell(world: &World, line: &str) -> Value {
    let script =
        format!("echo \"{line} $BACKSTAY_KIND $BACKSTAY_PLAN $EXTRA\" >> {}", world.path("told").display());
    json!({"command": {"program": "sh", "arguments": ["-c", script], "environment": {"EXTRA": "more"}}})
}

fn sleeps(timeout: &str) -> Value {
    json!({"command": {"program": "sleep", "arguments": ["60"]}, "timeout": timeout})
}

fn told(world: &World) -> Vec<String> {
    let text = std::fs::read_to_string(world.path("told")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_run_before_and_after_in_order_and_know_the_run() {
    let mut world = world(|world| {
        json!({
            "before": [tell(world, "first"), tell(world, "second")],
            "after": [tell(world, "third")],
            "on_failure": [tell(world, "never")],
        })
    })
    .await;
    world.until_state(world.run_plan(RunKind::Backup), RunState::Completed).await;
    let lines = ["first", "second", "third"].map(|line| format!("{line} backup home more"));
    assert_eq!(told(&world), lines);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_fails_before_fails_the_run_and_the_others_are_done() {
    let mut world = world(|world| {
        let fails =
            json!({"command": {"program": "sh", "arguments": ["-c", "echo no such database >&2; exit 3"]}});
        let ignored = json!({"command": {"program": "false"}, "ignore_failure": true});
        json!({
            "before": [ignored, fails, tell(world, "never")],
            "after": [tell(world, "after")],
            "on_failure": [tell(world, "failure")],
        })
    })
    .await;
    let run = world.run_plan(RunKind::Backup);
    let failed = world.until_state(run, RunState::Failed).await;
    let message = failed.error.unwrap().message;
    assert!(message.contains("command sh") && message.contains('3'), "{message}");
    assert_eq!(told(&world), ["after backup home more", "failure backup home more"]);
    assert_eq!(world.count("repository/snapshots"), 0);
    world.stop().await;
    let log = world.log(run).await;
    assert!(log.contains("no such database") && log.contains("which the plan ignores"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_takes_too_long_is_ended() {
    let mut world = world(|_| json!({"before": [sleeps("1s")]})).await;
    let asked = Instant::now();
    let failed = world.until_state(world.run_plan(RunKind::Backup), RunState::Failed).await;
    assert!(asked.elapsed() < Duration::from_secs(45));
    let error = failed.error.unwrap();
    assert!(error.message.contains("longer than 1s") && error.hint.is_some(), "{error:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stopped_before_is_started_after_though_the_run_is_cancelled() {
    let mut world = world(|world| {
        // A service takes its time to start.
        let mut start = tell(world, "start");
        let script = start["command"]["arguments"][1].as_str().unwrap().to_owned();
        start["command"]["arguments"][1] = json!(format!("sleep 0.5; {script}"));
        json!({"before": [tell(world, "stop")], "after": [start]})
    })
    .await;
    world.fill(100);
    world.hub.change(|plan| plan.limits.read = Some(2 << 20));
    let run = world.run_plan(RunKind::Backup);
    world.until(run, "going", |run| run.progress.bytes > 0).await;
    world.ask(backstay_model::command::Ask::Cancel { run });
    world.until_state(run, RunState::Cancelled).await;
    assert_eq!(told(&world), ["stop backup home more", "start backup home more"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_carries_the_run_and_a_silent_receiver_is_given_up() {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.unwrap();
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).contains("\"kind\":\"backup\"") {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).await.unwrap();
            assert_ne!(count, 0, "{}", String::from_utf8_lossy(&heard));
            heard.extend_from_slice(&buffer[..count]);
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
        drop(stream);
        // The next one hears nothing.
        let silent = socket.accept().await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(silent);
    });
    let url = format!("http://{address}/told");
    let mut world = world(|_| {
        json!({
            "before": [{"http": {"url": url, "method": "POST"}, "timeout": "20s"}],
            "after": [{"http": {"url": url}, "timeout": "1s"}],
        })
    })
    .await;
    let failed = world.until_state(world.run_plan(RunKind::Backup), RunState::Failed).await;
    let error = failed.error.unwrap();
    assert!(error.message.contains("127.0.0.1"), "{error:?}");
    assert_eq!(world.count("repository/snapshots"), 1, "the backup itself was done");
    heard.abort();
    world.stop().await;
}
