//! How everything stands, in one answer.

use backstay_model::link::News;
use backstay_model::plan::PlanSpec;
use backstay_model::run::{Outcome, RunDestination, RunError};
use backstay_model::{Plan, PlanId, Role, Run, RunKind, RunState, Time};
use serde_json::{Value, json};

use crate::records_in_store::{Setup, silent_node};
use crate::world::World;

const PATH: &str = "/api/v1/overview";

/// A run that ended so many days ago.
fn ended(setup: &Setup, kind: RunKind, state: RunState, days: i64, outcome: Outcome) -> Run {
    let ended = Time::now().checked_sub(jiff::SignedDuration::from_hours(24 * days)).unwrap();
    let mut run = setup.run(state, ended.checked_sub(jiff::SignedDuration::from_secs(60)).unwrap());
    (run.kind, run.ended, run.outcome) = (kind, Some(ended), Some(outcome));
    run.destinations = vec![RunDestination {
        id: setup.destination.id,
        name: setup.destination.name.clone(),
        repository: setup.repository,
        state,
        snapshot: None,
        copied: 0,
        bytes_added: 100,
        stored: None,
        free: Some(5000),
        cut_apart_from: None,
        error: None,
    }];
    run
}

/// A run that failed at its destination, for such a reason.
fn failed(setup: &Setup, kind: RunKind, days: i64, (reason, damaged): (&str, bool)) -> Run {
    let mut run = ended(setup, kind, RunState::Failed, days, of(0, 0));
    run.destinations[0].error = Some(reason.to_owned());
    run.error = Some(RunError { message: reason.to_owned(), damaged, ..RunError::default() });
    if kind == RunKind::Restore {
        (run.plan, run.source) = (None, None);
    }
    run
}

async fn tell(world: &World, setup: &Setup, run: Run) -> Run {
    setup.tell(&world.store, News::Run { run: Box::new(run.clone()) }).await;
    run
}

fn of(bytes: u64, errors: u64) -> Outcome {
    Outcome { bytes, errors, ..Outcome::default() }
}

fn moment(value: &Value) -> i64 {
    value.as_str().unwrap().parse::<Time>().unwrap().as_second()
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_and_storage_are_told_as_they_stand() {
    let world = World::new().await;
    let other = world.project("Other").await;
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    let hidden = Setup::new(&world, silent_node(&world.store, other, "vault").await, |_| {}).await;
    tell(&world, &hidden, ended(&hidden, RunKind::Backup, RunState::Completed, 0, of(77_000, 0))).await;
    let viewer = world.program(Role::Viewer, world.home).await;

    let before = viewer.get(PATH).await.expect(200);
    assert_eq!((&before["protected_bytes"], &before["last_backup"]), (&json!(0), &Value::Null));
    assert_eq!(before["plans"][0]["sources"][0]["run"], Value::Null);

    let good =
        tell(&world, &setup, ended(&setup, RunKind::Backup, RunState::Completed, 2, of(4000, 3))).await;
    let failed = tell(&world, &setup, ended(&setup, RunKind::Backup, RunState::Failed, 1, of(10, 0))).await;
    let mut verify = ended(&setup, RunKind::Verify, RunState::Completed, 9, of(0, 0));
    verify.destinations[0].stored = Some(1000);
    let verify = tell(&world, &setup, verify).await;
    let mut prune = ended(&setup, RunKind::Prune, RunState::Completed, 0, of(0, 0));
    prune.destinations[0].stored = Some(1900);
    tell(&world, &setup, prune).await;

    let told = viewer.get(PATH).await.expect(200);
    assert_eq!(told["protected_bytes"], json!(4000));
    assert_eq!(moment(&told["last_backup"]), good.ended.unwrap().as_second());
    let days = told["days"].as_array().unwrap();
    assert_eq!(days.len(), 30);
    let plans = told["plans"].as_array().unwrap();
    let [plan] = plans.as_slice() else { panic!("{told}") };
    assert_eq!(plan["plan"], json!({"id": setup.plan.id, "name": setup.plan.spec.name}));
    let source = &plan["sources"][0];
    assert_eq!((&source["run"], &source["failed"]), (&json!(failed.id), &json!(true)));
    assert_eq!(moment(&source["last_good"]), good.ended.unwrap().as_second());
    assert_eq!(moment(&plan["verified"]), verify.ended.unwrap().as_second());
    assert_eq!(plan["restored"], Value::Null);
    let strip = plan["days"].as_array().unwrap();
    assert_eq!(strip.len(), 30);
    assert_eq!(
        (&strip[27]["with_errors"], &strip[28]["failed"], &strip[29]["failed"]),
        (&json!(1), &json!(1), &json!(0))
    );

    let storage = told["storage"].as_array().unwrap();
    let [storage] = storage.as_slice() else { panic!("{told}") };
    assert_eq!((&storage["stored"], &storage["free"]), (&json!(1900), &json!(5000)));
    assert_eq!(
        (&storage["days"][20], &storage["days"][25], &storage["days"][29]),
        (&json!(1000), &json!(null), &json!(1900))
    );
    // 900 in nine days: fifty more days.
    let full = (moment(&storage["full"]) - Time::now().as_second()) / 86_400;
    assert!((48..=50).contains(&full), "{storage}");

    let week = viewer.get(&format!("{PATH}?days=7")).await.expect(200);
    assert_eq!(week["plans"][0]["days"].as_array().unwrap().len(), 7);
    let elsewhere = world.program(Role::Viewer, other).await.get(PATH).await.expect(200);
    assert_eq!(
        (&elsewhere["protected_bytes"], &elsewhere["plans"][0]["plan"]["id"]),
        (&json!(77_000), &json!(hidden.plan.id))
    );
    assert_eq!(viewer.get(&format!("{PATH}?project={other}")).await.problem(404), "not_found");
    for days in ["0", "367", "-1", "x"] {
        let answer = viewer.get(&format!("{PATH}?days={days}")).await;
        assert!([400, 422].contains(&answer.status.as_u16()), "{days}: {}", answer.status);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_whose_time_has_passed_is_overdue_until_it_runs() {
    let world = World::new().await;
    let node = silent_node(&world.store, world.home, "nas").await;
    let hours = |hours: i64| Time::now().checked_sub(jiff::SignedDuration::from_hours(hours)).unwrap();
    let setup = Setup::new(&world, node, |plan| {
        plan.spec.schedule = serde_json::from_value(json!({"when": {"every": "2h"}})).unwrap();
        plan.created = hours(48);
        plan.changed = hours(48);
    })
    .await;
    let viewer = world.program(Role::Viewer, world.home).await;
    let plan = async || viewer.get(PATH).await.expect(200)["plans"][0].clone();
    let overdue = plan().await;
    let since = moment(&overdue["overdue_since"]);
    assert!((hours(3).as_second()..=hours(1).as_second()).contains(&since), "{overdue}");
    assert!(moment(&overdue["next"]) > Time::now().as_second());

    // One that is under way is not late, however long it takes.
    let run = setup.run(RunState::Running, hours(1));
    setup.tell(&world.store, News::Run { run: Box::new(run.clone()) }).await;
    assert_eq!(plan().await["overdue_since"], Value::Null);
    let failed = Run { state: RunState::Failed, ended: Some(hours(0)), revision: run.revision + 1, ..run };
    setup.tell(&world.store, News::Run { run: Box::new(failed) }).await;
    assert_eq!(plan().await["overdue_since"], Value::Null);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_whose_backups_are_damaged_is_in_danger_until_they_are_verified() {
    let world = World::new().await;
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    let other = Setup::new(&world, silent_node(&world.store, world.home, "vault").await, |_| {}).await;
    // Where each node has its own, what is wrong with another's says nothing about this plan's.
    let theirs = Setup::repository(&world, other.node, &setup.destination).await;
    let viewer = world.program(Role::Viewer, world.home).await;
    let faults = async |setup: &Setup| {
        let told = viewer.get(PATH).await.expect(200);
        let mut plans = told["plans"].as_array().unwrap().iter();
        let plan = plans.find(|plan| plan["plan"]["id"] == json!(setup.plan.id)).unwrap();
        plan["faults"].clone()
    };
    tell(&world, &setup, ended(&setup, RunKind::Verify, RunState::Completed, 9, of(0, 0))).await;
    assert_eq!(faults(&setup).await, json!([]));

    let reason = ("the check found 2 errors", true);
    let verify = tell(&world, &setup, failed(&setup, RunKind::Verify, 5, reason)).await;
    tell(&world, &setup, ended(&setup, RunKind::Backup, RunState::Completed, 4, of(4000, 0))).await;
    let fault = json!({
        "repository": setup.repository, "kind": "verify", "run": verify.id, "reason": reason.0,
        "destination": {"id": setup.destination.id, "name": setup.destination.name},
    });
    let mut told = faults(&setup).await;
    let at = told[0].as_object_mut().unwrap().remove("at").unwrap();
    assert_eq!(moment(&at), verify.ended.unwrap().as_second());
    assert_eq!(told, json!([fault]));
    let mut elsewhere = failed(&other, RunKind::Verify, 4, reason);
    elsewhere.destinations[0].repository = theirs;
    tell(&world, &other, elsewhere).await;
    assert_eq!(faults(&other).await, json!([]));
    tell(&world, &setup, ended(&setup, RunKind::Verify, RunState::Completed, 3, of(0, 0))).await;
    assert_eq!(faults(&setup).await, json!([]));

    tell(&world, &setup, failed(&setup, RunKind::Restore, 2, ("the disk is full", false))).await;
    assert_eq!(faults(&setup).await, json!([]));
    let restore =
        tell(&world, &setup, failed(&setup, RunKind::Restore, 2, ("a pack is missing", true))).await;
    let told = faults(&setup).await;
    assert_eq!((&told[0]["kind"], &told[0]["run"]), (&json!("restore"), &json!(restore.id)));
    tell(&world, &setup, ended(&setup, RunKind::Verify, RunState::Completed, 1, of(0, 0))).await;
    assert_eq!(faults(&setup).await, json!([]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_proves_the_plan_whose_snapshot_it_was() {
    let world = World::new().await;
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    // Another plan that stores to the same repository.
    let twin = Plan {
        id: PlanId(setup.source.id.0),
        spec: PlanSpec { name: "twin".to_owned(), ..setup.plan.spec.clone() },
        ..setup.plan.clone()
    };
    world.store.create_plan(&twin, "test").await.unwrap();
    let viewer = world.program(Role::Viewer, world.home).await;
    let restored = async || {
        let told = viewer.get(PATH).await.expect(200);
        let of = |id: PlanId| {
            let mut plans = told["plans"].as_array().unwrap().iter();
            plans.find(|plan| plan["plan"]["id"] == json!(id)).unwrap()["restored"].clone()
        };
        (of(setup.plan.id), of(twin.id))
    };
    let restore = |days: i64, plan: Option<PlanId>| {
        let outcome = Outcome { restored_plan: plan, ..Outcome::default() };
        Run {
            plan: None,
            source: None,
            ..ended(&setup, RunKind::Restore, RunState::Completed, days, outcome)
        }
    };
    tell(&world, &setup, restore(2, None)).await;
    assert_eq!(restored().await, (Value::Null, Value::Null), "nobody knows of what plan it was");
    let last = tell(&world, &setup, restore(1, Some(twin.id))).await;
    let (own, twins) = restored().await;
    assert_eq!((own, moment(&twins)), (Value::Null, last.ended.unwrap().as_second()));
    world.stop().await;
}
