//! Work that gets nowhere does not hold a run for ever.

use std::time::Duration;

use backstay_model::{RunKind, RunState};
use backstay_node::seals;
use backstay_policy::Schedule;
use tokio::net::TcpListener;

use crate::probes::s3;
use crate::s3_server::SECRET;
use crate::world::{SystemRandom, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_progress_fails_and_says_so() {
    let mut world = World::new(Schedule::default()).await;
    let told = world.path("told");
    world.hub.change(|plan| {
        plan.limits.no_progress = Duration::from_secs(1);
        plan.hooks = serde_json::from_value(serde_json::json!({
            "before": [{"command": {"program": "sleep", "arguments": ["60"]}}],
            "on_failure": [{"command": {"program": "touch", "arguments": [told]}}],
        }))
        .unwrap();
    });
    let failed = world.until_state(world.run_plan(RunKind::Backup), RunState::Failed).await;
    let error = failed.error.unwrap();
    assert!(error.message.contains("nothing got on for 1s") && error.hint.is_some(), "{error:?}");
    assert!(told.exists(), "the hook for failures was run");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_takes_too_long_fails_and_keeps_its_place() {
    let mut world = World::new(Schedule::default()).await;
    world.fill(100);
    world.hub.change(|plan| {
        plan.limits.time = Duration::from_secs(4);
        plan.limits.read = Some(1 << 20);
    });
    let failed = world.until_state(world.run_plan(RunKind::Backup), RunState::Failed).await;
    let error = failed.error.unwrap();
    assert!(error.message.contains("time limit of 4s"), "{error:?}");
    assert_eq!(world.count("repository/locks"), 0);
    world.hub.change(|plan| plan.limits = Default::default());
    world.until_state(world.run_plan(RunKind::Backup), RunState::Completed).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_falls_silent_does_not_hold_a_run() {
    let mut world = World::new(Schedule::default()).await;
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", socket.local_addr().unwrap());
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            held.push(socket.accept().await.unwrap());
        }
    });
    let identity = world.identity();
    world.hub.arrange(|configuration| {
        for repository in &mut configuration.repositories {
            let open = [("password", "open sesame"), ("secret_key", SECRET)];
            let open = open.map(|(name, secret)| (name.to_owned(), secret.to_owned())).into();
            let record = seals::of_repository(repository.id);
            repository.settings = s3(&address);
            repository.secrets = seals::seal(identity.key.public(), &record, &open, &SystemRandom).unwrap();
        }
        for plan in &mut configuration.plans {
            plan.spec.limits.no_progress = Duration::from_secs(2);
        }
    });
    let failed = world.until_state(world.run_plan(RunKind::Backup), RunState::Failed).await;
    let error = failed.error.unwrap();
    assert!(error.message.contains("nothing got on for 2s"), "{error:?}");
    let took = failed.ended.unwrap().duration_since(failed.started.unwrap());
    assert!(took.as_secs() < 25, "{took}: a single call may wait for 30 s");
    silent.abort();
    world.stop().await;
}
