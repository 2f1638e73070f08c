//! What runs beside what, and what waits for what.

use backstay_model::command::Ask;
use backstay_model::run::{Named, Trigger};
use backstay_model::{RunKind, RunState, SourceId, SourceSpec};
use backstay_policy::Schedule;

use crate::world::{SystemClock, SystemRandom, World};

#[tokio::test(flavor = "multi_thread")]
async fn checks_and_clean_ups_wait_for_the_backup_of_their_repository() {
    let mut world = World::new(Schedule::default()).await;
    world.fill(100);
    world.hub.change(|plan| {
        plan.limits.read = Some(4 << 20);
        plan.retention = serde_json::from_str(r#"{"last": 1}"#).unwrap();
    });
    let backup = world.run_plan(RunKind::Backup);
    world.until_state(backup, RunState::Running).await;
    let upkeep = [RunKind::Verify, RunKind::Prune].map(|kind| world.run_plan(kind));
    for run in upkeep {
        let waits = world.until(run, "waiting", |run| run.waiting.is_some()).await;
        assert_eq!(waits.state, RunState::Pending);
        let reason = waits.waiting.unwrap().reason;
        assert!(reason.contains("in use by another run"), "{reason}");
    }
    for run in [backup].into_iter().chain(upkeep) {
        let done = world.until_state(run, RunState::Completed).await;
        assert_eq!(done.attempt, 1);
    }
    // Nobody found the repository locked by another; a run is out of the way once it has given its lock back.
    let saved = world.store.log(backup, 0, 1000).await.unwrap();
    let saved = saved.iter().find(|line| line.step == "save").unwrap().time;
    for run in upkeep {
        assert!(world.store.run(run).await.unwrap().unwrap().started.unwrap() >= saved);
        let log = world.log(run).await;
        assert!(!log.contains(" lock: "), "{log}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_backups_use_one_repository_at_once_and_no_more_than_the_pool_run() {
    let mut world = World::new(Schedule::default()).await;
    world.fill(100);
    world.hub.change(|plan| plan.limits.read = Some(4 << 20));
    world.hub.arrange(|configuration| {
        let plan = configuration.plans.first_mut().unwrap();
        let first = plan.sources.first().unwrap().clone();
        for name in ["second", "third"] {
            let folder = world.path(name);
            std::fs::create_dir(&folder).unwrap();
            for number in 0..50_u8 {
                let content: Vec<u8> =
                    name.bytes().cycle().take(200_000).map(|byte| byte.wrapping_add(number)).collect();
                std::fs::write(folder.join(number.to_string()), content).unwrap();
            }
            let mut source = first.clone();
            source.named = Named { id: SourceId::new(&SystemClock, &SystemRandom), name: name.to_owned() };
            let SourceSpec::Files(files) = &mut source.spec else { panic!() };
            files.paths = vec![folder.display().to_string()];
            plan.sources.push(source);
        }
    });
    let runs = vec![world.run_id(), world.run_id(), world.run_id()];
    world.ask(Ask::RunPlan { plan: world.plan, kind: RunKind::Backup, guard: false, runs: runs.clone() });
    let waits = world.until(runs[2], "waiting", |run| run.waiting.is_some()).await;
    assert_eq!(waits.waiting.unwrap().reason, "2 runs are executed at once at most");
    let mut done = Vec::new();
    for run in &runs {
        done.push(world.until_state(*run, RunState::Completed).await);
    }
    assert!(done[1].started < done[0].ended && done[0].started < done[1].ended, "{done:#?}");
    assert!(done[2].started >= done[0].ended.min(done[1].ended), "{done:#?}");
    assert_eq!(world.count("repository/snapshots"), 3);
    world.hub.change(|plan| plan.verification.read_percent = 100.0);
    world.until_state(world.run_plan(RunKind::Verify), RunState::Completed).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_host_holds_what_is_scheduled_and_not_what_is_asked_for() {
    // A host that runs tests has a higher load than that, sooner or later.
    let schedule = r#"{"when": {"every": "2s"}, "conditions": {"max_load": 0.000001}}"#;
    let mut world = World::new(serde_json::from_str(schedule).unwrap()).await;
    std::fs::write(world.path("source/letter"), "dear all").unwrap();
    world.until_state(world.run_plan(RunKind::Backup), RunState::Completed).await;
    let scheduled = || async {
        let all = world.store.list_runs(&Default::default(), None, 100).await.unwrap().items;
        all.into_iter().find(|run| run.trigger == Trigger::Schedule && run.waiting.is_some())
    };
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let held = loop {
        if let Some(run) = scheduled().await {
            break run;
        }
        assert!(std::time::Instant::now() < end, "nothing is scheduled");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!((held.state, held.attempt), (RunState::Pending, 0));
    let waiting = held.waiting.unwrap();
    assert!(waiting.reason.contains("load") && waiting.next_try.is_some(), "{waiting:?}");
    world.stop().await;
}
