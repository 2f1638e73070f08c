//! Which snapshots a clean-up of a real repository takes away: the plan's own, as its rules say, and never one under a hold.

use backstay_model::command::{Answer, Ask, SnapshotInfo};
use backstay_model::run::Named;
use backstay_model::{PlanId, RunKind, RunState, SourceId, SourceSpec};
use backstay_policy::Schedule;
use serde_json::json;

use crate::world::{SystemClock, SystemRandom, World};

async fn snapshots(world: &World) -> Vec<SnapshotInfo> {
    match world.answer(Ask::Snapshots { repository: world.repository() }).await {
        Ok(Answer::Snapshots { snapshots }) => snapshots,
        other => panic!("{other:?}"),
    }
}

async fn run(world: &World, plan: PlanId, kind: RunKind) {
    let run = world.run_id();
    world.ask(Ask::RunPlan { plan, kind, guard: false, runs: vec![run] });
    world.until_state(run, RunState::Completed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_plans_own_snapshots_go_and_none_under_a_hold() {
    let mut world = World::new(Schedule::default()).await;
    let other = PlanId::new(&SystemClock, &SystemRandom);
    world.hub.arrange(|configuration| {
        let mut second = configuration.plans.first().unwrap().clone();
        second.id = other;
        second.spec.name = "work".to_owned();
        let folder = world.path("second");
        std::fs::create_dir(&folder).unwrap();
        let source = second.sources.first_mut().unwrap();
        source.named = Named { id: SourceId::new(&SystemClock, &SystemRandom), name: "second".to_owned() };
        let SourceSpec::Files(files) = &mut source.spec else { panic!() };
        files.paths = vec![folder.display().to_string()];
        configuration.plans.push(second);
    });
    let own = world.plan;
    for (number, tags) in
        [vec!["hold".to_owned()], Vec::new(), Vec::new(), Vec::new()].into_iter().enumerate()
    {
        world.hub.change(|plan| plan.tags = tags.clone());
        for (folder, plan) in [("source", own), ("second", other)] {
            std::fs::write(world.path(folder).join("letter"), number.to_string()).unwrap();
            run(&world, plan, RunKind::Backup).await;
        }
    }
    world.hub.change(|plan| plan.retention = serde_json::from_value(json!({"last": 1})).unwrap());
    assert_eq!(snapshots(&world).await.len(), 8);
    run(&world, own, RunKind::Prune).await;
    let left = snapshots(&world).await;
    let of = |plan: PlanId| left.iter().filter(|snapshot| snapshot.tags.contains(&plan.tag())).count();
    let held = left.iter().filter(|snapshot| snapshot.tags.iter().any(|tag| tag == "hold")).count();
    assert_eq!((of(own), of(other), held), (2, 4, 2), "{left:#?}");
    // What is left can be read whole.
    world.hub.change(|plan| plan.verification.read_percent = 100.0);
    run(&world, own, RunKind::Verify).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_go_until_the_rest_fits_into_the_total_size() {
    let mut world = World::new(Schedule::default()).await;
    world.hub.change(|plan| {
        plan.retention = serde_json::from_value(json!({"max_total_bytes": 2_500_000})).unwrap();
    });
    for number in 0..5_u8 {
        std::fs::write(world.path("source/file"), vec![number; 1_000_000]).unwrap();
        run(&world, world.plan, RunKind::Backup).await;
    }
    let before = snapshots(&world).await;
    run(&world, world.plan, RunKind::Prune).await;
    let left = snapshots(&world).await;
    assert_eq!(left, before[..2], "the two newest");
    // However little fits, the newest stays.
    world.hub.change(|plan| plan.retention.max_total_bytes = Some(1));
    run(&world, world.plan, RunKind::Prune).await;
    assert_eq!(snapshots(&world).await, before[..1]);
    world.stop().await;
}
