//! The server sees by its own clock what nobody tells of.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use backstay_catalog::ServerStore;
use backstay_core::{Clock, Timestamp};
use backstay_model::link::News;
use backstay_model::run::Waiting;
use backstay_model::{HostState, RunState, Time};
use backstay_policy::Schedule;
use backstay_server::Server;
use serde_json::json;
use tempfile::TempDir;

use crate::receiver::{Receiver, SECRET};
use crate::records_in_store::{Setup, silent_node};
use crate::world::{SystemClock, World};

/// A clock that can be set ahead.
#[derive(Debug, Default)]
pub(crate) struct Ahead(AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now();
        Timestamp { seconds: now.seconds + self.0.load(Ordering::SeqCst), ..now }
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

impl Ahead {
    /// Lets minutes pass, no more at once than a server that is there all the time would see.
    pub(crate) async fn pass(&self, minutes: i64) {
        for _ in 0..minutes.div_euclid(4) {
            self.0.fetch_add(240, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(1300)).await;
        }
    }

    pub(crate) fn time(&self) -> Time {
        Time::from_second(self.now().seconds).unwrap()
    }
}

async fn serve(folder: &TempDir, store: &ServerStore, clock: &Arc<Ahead>) -> Server {
    let clock: Arc<dyn Clock> = Arc::<Ahead>::clone(clock);
    World::start_server(World::configuration(folder), folder, store, clock).await.unwrap()
}

/// A world with a server whose clock can be set ahead, and a receiver of all its notices of a kind.
async fn world(on: &str) -> (World, Arc<Ahead>, Receiver) {
    let mut world = World::new().await;
    let receiver = Receiver::new(0).await;
    let form = json!({"name": "hook", "on": [on], "channel": {
        "type": "webhook", "url": format!("{}/hook", receiver.url), "secret": SECRET, "allow_private": true}});
    world.owner().await.post("/api/v1/notifiers", form).await.expect(201);
    let clock = Arc::new(Ahead::default());
    start_again(&mut world, &clock).await;
    (world, clock, receiver)
}

/// Puts a new server in the place of the one there is, and waits until it has taken the work over.
pub(crate) async fn start_again(world: &mut World, clock: &Arc<Ahead>) {
    let next = serve(&world.folder, &world.store, clock).await;
    std::mem::replace(&mut world.server, next).stop(Duration::from_secs(5)).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
}

fn reason(receiver: &Receiver, place: usize) -> String {
    let body: serde_json::Value = serde_json::from_str(&receiver.got()[place].text).unwrap();
    body["notice"]["reason"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_falls_silent_is_told_of_once_until_it_is_back() {
    let (mut world, clock, receiver) = world("trouble").await;
    let node = silent_node(&world.store, world.home, "nas").await;
    Setup::new(&world, node, |_| {}).await;
    // Nobody misses a node without plans.
    silent_node(&world.store, world.home, "idle").await;
    world.store.node_seen(node, 1, &HostState::default(), clock.time()).await.unwrap();
    clock.pass(12).await;
    assert_eq!(receiver.got().len(), 0, "it is not silent for long enough");
    clock.pass(12).await;
    receiver.until(1).await;
    assert!(reason(&receiver, 0).contains("nas") && reason(&receiver, 0).contains("1 plans"));

    // A server that was started again has it in mind.
    start_again(&mut world, &clock).await;
    clock.pass(24).await;
    assert_eq!(receiver.got().len(), 1);

    world.store.node_seen(node, 1, &HostState::default(), clock.time()).await.unwrap();
    clock.pass(24).await;
    receiver.until(2).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_away_itself_does_not_take_nodes_for_silent() {
    let (world, clock, receiver) = world("trouble").await;
    let node = silent_node(&world.store, world.home, "nas").await;
    Setup::new(&world, node, |_| {}).await;
    world.store.node_seen(node, 1, &HostState::default(), clock.time()).await.unwrap();
    // The host sleeps for hours, and wakes up.
    clock.0.fetch_add(6 * 3600, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.store.node_seen(node, 1, &HostState::default(), clock.time()).await.unwrap();
    clock.pass(12).await;
    assert_eq!(receiver.got().len(), 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_has_waited_for_a_day_does_not_stand_for_later_ones() {
    let (world, clock, receiver) = world("missed").await;
    let two_days_ago = Time::from_second(Time::now().as_second() - 2 * 24 * 3600).unwrap();
    let schedule: Schedule = serde_json::from_value(json!({"when": {"every": "12h"}})).unwrap();
    for (name, state, hours) in [
        ("stuck", RunState::Pending, 40),
        ("busy", RunState::Running, 40),
        ("patient", RunState::Pending, 20),
    ] {
        let node = silent_node(&world.store, world.home, name).await;
        let setup = Setup::new(&world, node, |plan| {
            plan.spec.schedule = schedule.clone();
            plan.changed = two_days_ago;
        })
        .await;
        let created = Time::from_second(Time::now().as_second() - hours * 3600).unwrap();
        let mut run = setup.run(state, created);
        let reason = "disk: connection refused".to_owned();
        run.waiting = Some(Waiting { reason, next_try: Some(Time::now()) });
        setup.tell(&world.store, News::Run { run: Box::new(run) }).await;
    }
    clock.pass(20).await;
    receiver.until(1).await;
    let reason = reason(&receiver, 0);
    assert!(reason.contains("node stuck is still pending: disk: connection refused"), "{reason}");
    clock.pass(8).await;
    assert_eq!(receiver.got().len(), 1, "the others are at work, or wait for less than a day");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_does_not_run_is_told_of_once_for_each_slot() {
    let (world, clock, receiver) = world("missed").await;
    let (dead, alive) = (
        silent_node(&world.store, world.home, "dead").await,
        silent_node(&world.store, world.home, "alive").await,
    );
    let two_days_ago = Time::from_second(Time::now().as_second() - 2 * 24 * 3600).unwrap();
    let schedule: Schedule = serde_json::from_value(json!({"when": {"every": "12h"}})).unwrap();
    let edit = |plan: &mut backstay_model::Plan| {
        plan.spec.schedule = schedule.clone();
        plan.changed = two_days_ago;
    };
    Setup::new(&world, dead, edit).await;
    let good = Setup::new(&world, alive, edit).await;
    good.ran(&world.store, backstay_model::RunState::Completed, 0).await;
    clock.pass(20).await;
    receiver.until(1).await;
    assert!(reason(&receiver, 0).contains("dead"), "{}", reason(&receiver, 0));
    clock.pass(8).await;
    assert_eq!(receiver.got().len(), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_of_each_day_is_told_once_to_who_wants_it() {
    let (mut world, clock, receiver) = world("failed").await;
    let owner = world.owner().await;
    let channel = |to: &str| json!({"type": "webhook", "url": format!("{}{to}", receiver.url), "secret": SECRET, "allow_private": true});
    let form = |on: &str, summary: &str| json!({"name": "numbers", "on": [on], "summary": summary, "channel": channel("/hook")});
    for wrong in [
        form("failed", "daily"),
        form("summary", "hourly"),
        json!({"name": "x", "on": ["summary"], "channel": channel("/hook")}),
    ] {
        assert_eq!(owner.post("/api/v1/notifiers", wrong).await.problem(422), "invalid");
    }
    owner.post("/api/v1/notifiers", form("summary", "daily")).await.expect(201);
    // Another one wants to hear of months.
    owner.post("/api/v1/notifiers", form("summary", "monthly")).await.expect(201);
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    setup.ran(&world.store, backstay_model::RunState::Completed, 0).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(receiver.got().len(), 0, "the day is not over");

    // On the first of a month both would come; the test does not depend on the day it runs.
    let before = clock.time();
    let months =
        || u8::from(before.strftime("%Y-%m").to_string() != clock.time().strftime("%Y-%m").to_string());
    clock.0.fetch_add(24 * 3600, Ordering::SeqCst);
    receiver.until(1 + usize::from(months())).await;
    let daily = |received: &crate::receiver::Received| {
        let body: serde_json::Value = serde_json::from_str(&received.text).unwrap();
        let days = ["from", "to"]
            .map(|end| body["notice"]["summary"][end].as_str().unwrap().parse::<Time>().unwrap());
        (days[1].duration_since(days[0]).as_hours() == 24).then_some(body["notice"].clone())
    };
    let notice = receiver.got().iter().find_map(daily).unwrap();
    assert_eq!(notice["kind"], "summary");
    assert_eq!(
        (&notice["summary"]["total"]["completed"], &notice["summary"]["plans"][0]["completed"]),
        (&json!(1), &json!(1))
    );
    // A server that was started again has it in mind.
    start_again(&mut world, &clock).await;
    assert_eq!(receiver.got().iter().filter_map(daily).count(), 1);
    clock.0.fetch_add(24 * 3600, Ordering::SeqCst);
    receiver.until(2 + usize::from(months())).await;
    world.stop().await;
}
