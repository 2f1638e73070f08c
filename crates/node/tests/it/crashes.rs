//! Whatever is asked of a run, in whatever order and with the node stopped, killed and started in between: it comes to an end that
//! the state machine knows, leaves the repository whole, and leaves nothing stopped that its hooks stopped.

use std::time::Duration;

use backstay_model::command::Ask;
use backstay_model::{Run, RunKind, RunState};
use backstay_policy::Schedule;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::world::World;

#[derive(Debug, Clone, Copy)]
enum Step {
    Pause,
    Resume,
    Cancel,
    Restart,
    Kill,
}

/// Some steps, each after some milliseconds.
fn steps() -> impl Strategy<Value = Vec<(Step, u64)>> {
    let step = prop_oneof![
        4 => Just(Step::Pause),
        4 => Just(Step::Resume),
        1 => Just(Step::Cancel),
        2 => Just(Step::Restart),
        4 => Just(Step::Kill),
    ];
    proptest::collection::vec((step, 0..400_u64), 1..7)
}

fn is_settled(run: &Run) -> bool {
    run.state.is_final() || run.state == RunState::Paused
}

/// Puts a run through these steps. Where it ends, it stays.
async fn put_through(world: &mut World, steps: &[(Step, u64)]) -> RunState {
    let run = world.run_plan(RunKind::Backup);
    world.until(run, "known", |_| true).await;
    for (step, pause) in steps {
        tokio::time::sleep(Duration::from_millis(*pause)).await;
        match step {
            Step::Pause => drop(world.answer(Ask::Pause { run }).await),
            Step::Resume => drop(world.answer(Ask::Resume { run }).await),
            Step::Cancel => drop(world.answer(Ask::Cancel { run }).await),
            Step::Restart => {
                world.stop().await;
                world.start().await;
            }
            Step::Kill => {
                let was_stopped = world.kill().await;
                // What the old process still did to its service does not count.
                let service = if was_stopped { "stopped" } else { "running" };
                std::fs::write(world.path("service"), service).unwrap();
                world.start().await;
            }
        }
    }
    let settled = world.until(run, "settled", is_settled).await;
    assert_eq!(settled.intent, None);
    match settled.state {
        RunState::Cancelled => assert_eq!(world.count("node/journals"), 0, "{}", world.log(run).await),
        RunState::Paused => {
            // Its place is kept for nobody: the next one begins with an empty table.
            world.answer(Ask::Cancel { run }).await.unwrap();
            world.until_state(run, RunState::Cancelled).await;
            assert_eq!(world.count("node/journals"), 0);
        }
        RunState::Completed => {}
        // So often the process may not end.
        RunState::Failed
            if settled.error.as_ref().is_some_and(|error| error.message.contains("ended 5 times")) => {}
        other => panic!("{other:?}: {}", world.log(run).await),
    }
    let service = std::fs::read_to_string(world.path("service")).unwrap_or_default();
    assert_ne!(service.trim(), "stopped", "{}", world.log(run).await);
    assert_eq!(world.count("repository/locks"), 0, "{}", world.log(run).await);
    settled.state
}

#[test]
fn runs_that_are_interfered_with_end_well() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let world = runtime.block_on(async {
        let world = World::new(Schedule::default()).await;
        let hook = |state: &str| {
            let script = format!("echo {state} > {}", world.path("service").display());
            serde_json::json!({"command": {"program": "sh", "arguments": ["-c", script]}})
        };
        let hooks = serde_json::json!({"before": [hook("stopped")], "after": [hook("running")]});
        world.hub.change(|plan| {
            plan.hooks = serde_json::from_value(hooks.clone()).unwrap();
            plan.limits.read = Some(3 << 20);
            plan.verification.read_percent = 100.0;
        });
        parking_lot::Mutex::new(world)
    });
    let (completed, round) = (std::cell::Cell::new(0), std::cell::Cell::new(0_usize));
    let config = Config { cases: 12, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&steps(), |steps| {
        let mut world = world.lock();
        // Each run has something new to read.
        round.set(round.get() + 1);
        std::fs::remove_dir_all(world.path("source")).unwrap();
        std::fs::create_dir(world.path("source")).unwrap();
        world.fill(8);
        std::fs::write(world.path("source/round"), round.get().to_string()).unwrap();
        let state = runtime.block_on(put_through(&mut world, &steps));
        if state == RunState::Completed {
            completed.set(completed.get() + 1);
        }
        Ok(())
    });
    outcome.unwrap();
    let mut world = world.into_inner();
    // A process that was killed may have saved a snapshot that it did not write down any more.
    assert!(world.count("repository/snapshots") >= completed.get());
    runtime.block_on(async {
        std::fs::write(world.path("source/last"), "dear all").unwrap();
        world.until_state(world.run_plan(RunKind::Backup), RunState::Completed).await;
        world.until_state(world.run_plan(RunKind::Verify), RunState::Completed).await;
        world.stop().await;
    });
    assert_eq!((world.count("repository/locks"), world.count("node/journals")), (0, 0));
}
