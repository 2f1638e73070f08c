//! Plans and clocks: runs that last longer than their period, nodes that were off, clocks that are set.

use std::time::Duration;

use backstay_catalog::Happening;
use backstay_model::run::Trigger;
use backstay_model::{RunKind, RunState};
use backstay_node::seals;
use backstay_policy::Schedule;
use serde_json::{Value, json};

use crate::probes::s3;
use crate::s3_server::SECRET;
use crate::world::{SystemRandom, World};

const MINUTE: i64 = 60;

async fn world(schedule: Value) -> World {
    let world = World::new(serde_json::from_value::<Schedule>(schedule).unwrap()).await;
    std::fs::write(world.path("source/letter"), "dear all").unwrap();
    world
}

/// Seconds until a plan of every ten minutes is due.
fn until_slot(world: &World) -> i64 {
    10 * MINUTE - world.now().as_second() % (10 * MINUTE)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_lasts_longer_than_its_period_stands_for_the_next_ones_too() {
    let mut world = world(json!({"when": "manual"})).await;
    world.fill(60);
    world.hub.arrange(|configuration| {
        let plan = configuration.plans.first_mut().unwrap();
        plan.revision += 1;
        plan.spec.schedule = serde_json::from_value(json!({"when": {"every": "1s"}})).unwrap();
        plan.spec.limits.read = Some(3 << 20);
    });
    let first = world.until_any("run that is going", |run| run.progress.bytes > 0).await;
    let done = world.until_state(first.id, RunState::Completed).await;
    let log = world.log(done.id).await;
    assert!(log.contains("the plan was due again at"), "{log}");
    let next = world.until_any("next run", |run| run.id != done.id && run.state == RunState::Completed).await;
    assert!(next.started.unwrap() >= done.ended.unwrap(), "one at a time");
    assert!(next.due.unwrap() > done.due.unwrap());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_while_the_node_was_off_is_made_up_for_once() {
    let mut world = world(json!({"when": {"every": "10m"}})).await;
    world.pass(until_slot(&world) + 5);
    world.until_any("first run", |run| run.state == RunState::Completed).await;
    world.stop().await;
    // Of the seven slots or so, the last is late by more than the grace.
    world.pass(60 * MINUTE + until_slot(&world) + 400);
    world.start().await;
    let made_up = world.until_any("run that makes up for it", |run| run.trigger == Trigger::CatchUp).await;
    world.until_state(made_up.id, RunState::Completed).await;
    let log = world.log(made_up.id).await;
    assert!(log.contains("earlier times were missed, and this run stands for them"), "{log}");
    let runs = world.store.list_runs(&Default::default(), None, 100).await.unwrap().items;
    assert_eq!(runs.len(), 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_does_not_catch_up_tells_what_was_missed() {
    let mut world = world(json!({"when": {"every": "10m"}, "catch_up": false})).await;
    world.pass(until_slot(&world) + 5);
    world.until_any("first run", |run| run.state == RunState::Completed).await;
    world.stop().await;
    world.pass(60 * MINUTE + until_slot(&world) + 400);
    world.start().await;
    let end = std::time::Instant::now() + Duration::from_secs(30);
    let missed = loop {
        let events = world.store.events(100).await.unwrap();
        let missed = events.into_iter().find_map(|event| match event.happening {
            Happening::Missed { plan, more, reason, .. } => Some((plan, more, reason)),
            _ => None,
        });
        if let Some(missed) = missed {
            break missed;
        }
        assert!(std::time::Instant::now() < end, "nobody hears of it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(missed.0, world.plan);
    assert!(missed.1 >= 5 && missed.2.contains("not running"), "{missed:?}");
    let runs = world.store.list_runs(&Default::default(), None, 100).await.unwrap().items;
    assert_eq!(runs.len(), 1, "it is not run");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_does_not_keep_plans_from_running() {
    let mut world = world(json!({"when": {"every": "10m"}})).await;
    world.pass(2 * 24 * 60 * MINUTE);
    let first = world.until_any("first run", |run| run.state == RunState::Completed).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.pass(-24 * 60 * MINUTE);
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.pass(until_slot(&world) + 5);
    let next = world.until_any("run by the right clock", |run| run.id != first.id).await;
    assert!(next.due.unwrap() < first.due.unwrap());
    world.until_state(next.id, RunState::Completed).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_hear_once_of_a_run_that_waits_for_days() {
    let mut world = world(json!({"when": "manual"})).await;
    let identity = world.identity();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.hub.arrange(|configuration| {
        for repository in &mut configuration.repositories {
            let open = [("password", "open sesame"), ("secret_key", SECRET)];
            let open = open.map(|(name, secret)| (name.to_owned(), secret.to_owned())).into();
            let record = seals::of_repository(repository.id);
            repository.settings = s3(&format!("http://{closed}"));
            repository.secrets = seals::seal(identity.key.public(), &record, &open, &SystemRandom).unwrap();
        }
    });
    let run = world.run_plan(RunKind::Backup);
    for attempt in 1..4 {
        let waits = world.until(run, "waiting", |run| run.attempt == attempt && run.waiting.is_some()).await;
        assert_eq!(waits.state, RunState::Pending);
        assert_eq!(world.troubles().await.len(), usize::from(attempt > 1));
        world.pass(25 * 3600);
    }
    let text = world.until_told("has waited since").await;
    assert!(text.contains("the backup by plan home") && text.contains("Connection refused"), "{text}");
    assert!(text.contains("tried again at"), "{text}");
    world.stop().await;
}
