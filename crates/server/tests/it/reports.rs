//! What plans did over some days.

use backstay_model::link::News;
use backstay_model::run::Outcome;
use backstay_model::{Role, RunKind, RunState, Time};
use serde_json::json;

use crate::records_in_store::{Setup, silent_node};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_tells_what_each_plan_did_and_all_together() {
    let world = World::new().await;
    let other = world.project("Other").await;
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    let idle = Setup::new(&world, silent_node(&world.store, world.home, "idle").await, |_| {}).await;
    let hidden = Setup::new(&world, silent_node(&world.store, other, "vault").await, |_| {}).await;
    let now = Time::now();
    let tell = async |setup: &Setup, state, kind, days: i64, seconds: i64, outcome: Outcome| {
        let ended = now.checked_sub(jiff::SignedDuration::from_hours(24 * days)).unwrap();
        let mut run = setup.run(state, ended.checked_sub(jiff::SignedDuration::from_secs(seconds)).unwrap());
        (run.kind, run.started, run.ended, run.outcome) =
            (kind, Some(run.created), Some(ended), Some(outcome));
        setup.tell(&world.store, News::Run { run: Box::new(run) }).await;
        ended
    };
    let of = |bytes, errors| Outcome { bytes, bytes_added: bytes / 4, errors, ..Outcome::default() };
    let well = tell(&setup, RunState::Completed, RunKind::Backup, 1, 30, of(4000, 0)).await;
    tell(&setup, RunState::Completed, RunKind::Backup, 0, 10, of(8000, 3)).await;
    tell(&setup, RunState::Failed, RunKind::Backup, 0, 500, of(0, 0)).await;
    tell(&setup, RunState::Cancelled, RunKind::Backup, 0, 1, of(0, 0)).await;
    tell(&setup, RunState::Completed, RunKind::Backup, 40, 100, of(77, 0)).await;
    let verified = tell(&setup, RunState::Completed, RunKind::Verify, 50, 100, of(77, 0)).await;
    tell(&hidden, RunState::Completed, RunKind::Backup, 0, 1000, of(9999, 0)).await;
    let missed = News::Missed { plan: setup.plan.id, due: now, more: 2, reason: "it was off".to_owned() };
    setup.tell(&world.store, missed).await;

    let viewer = world.program(Role::Viewer, world.home).await;
    let path = "/api/v1/reports/summary";
    let report = viewer.get(path).await.expect(200);
    let expected = json!({
        "completed": 1, "with_errors": 1, "failed": 1, "cancelled": 1, "missed": 3, "bytes_read": 12000, "bytes_added": 3000,
        "mean_seconds": 20.0, "longest_seconds": 30.0, "bytes_per_second": 300,
    });
    assert_eq!(report["total"], expected);
    let plans = report["plans"].as_array().unwrap();
    assert_eq!(plans.len(), 2);
    let find =
        |setup: &Setup| plans.iter().find(|plan| plan["plan"]["id"] == json!(setup.plan.id)).unwrap().clone();
    let told = find(&setup);
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&told[name], value, "{name}");
    }
    assert_eq!(told["plan"]["name"], json!(setup.plan.spec.name));
    let moment = |field: &str| told[field].as_str().unwrap().parse::<Time>().unwrap().as_second();
    assert_eq!((moment("last_success"), moment("last_verify")), (well.as_second(), verified.as_second()));
    assert_eq!((&find(&idle)["completed"], &find(&idle)["last_success"]), (&json!(0), &json!(null)));

    // A period of one's own, in whole days.
    let ago = |days: i64| now.checked_sub(jiff::SignedDuration::from_hours(24 * days)).unwrap();
    let long = viewer.get(&format!("{path}?from={}&to={}", ago(60), ago(20))).await.expect(200);
    assert_eq!((&long["total"]["completed"], &long["total"]["missed"]), (&json!(1), &json!(0)));
    assert!(long["from"].as_str().unwrap().ends_with("T00:00:00Z"), "{long}");
    let all = world.owner().await.get(&format!("{path}?project={}", world.home)).await.expect(200);
    assert_eq!(all["total"], expected);
    assert_eq!(viewer.get(&format!("{path}?project={other}")).await.problem(404), "not_found");
    for wrong in [
        format!("from={}", ago(-1)),
        format!("from={}&to={}", ago(1), ago(2)),
        "to=1960-01-01T00:00:00Z".to_owned(),
    ] {
        assert_eq!(viewer.get(&format!("{path}?{wrong}")).await.problem(422), "invalid", "{wrong}");
    }
    world.stop().await;
}
