//! How fast a run may be, and what becomes of what it has in hand when it is told to stop.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use backstay_core::Random;
use backstay_model::command::Ask;
use backstay_model::run::Intent;
use backstay_model::{Run, RunId, RunKind, RunState};
use backstay_policy::Schedule;
use rustix::fs::inotify;
use serde_json::json;

use crate::world::{SystemRandom, World};

const MIB: u64 = 1 << 20;

/// Bytes that nothing makes smaller.
fn noise(bytes: u64) -> Vec<u8> {
    let mut content = vec![0; usize::try_from(bytes).unwrap()];
    SystemRandom.fill(&mut content);
    content
}

fn seconds(run: &Run) -> f64 {
    run.ended.unwrap().duration_since(run.started.unwrap()).as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_keep_to_their_rates() {
    let mut world = World::new(Schedule::default()).await;
    world.hub.change(|plan| plan.verification.read_percent = 100.0);
    // A second's worth goes at once.
    for (upload, least) in [(None, 0.0), (Some(2 * MIB), 2.0)] {
        std::fs::write(world.path("source/noise"), noise(6 * MIB)).unwrap();
        world.hub.change(|plan| plan.limits.upload = upload);
        let done = world.until_state(world.run_plan(RunKind::Backup), RunState::Completed).await;
        assert!(seconds(&done) >= least, "{upload:?}: {}", seconds(&done));
    }
    let mut took = Vec::new();
    for download in [None, Some(4 * MIB)] {
        world.hub.change(|plan| plan.limits.download = download);
        took.push(seconds(&world.until_state(world.run_plan(RunKind::Verify), RunState::Completed).await));
    }
    assert!(took[1] >= 2.0, "twelve at four a second: {took:?}");
    assert!(took[0] < took[1], "{took:?}");
    world.stop().await;
}

/// Says which files below some folders were opened, since the last time it was asked.
struct Opened(OwnedFd);

impl Opened {
    fn of(folders: impl Iterator<Item = std::path::PathBuf>) -> Self {
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
        for folder in folders {
            inotify::add_watch(&watch, folder, inotify::WatchFlags::OPEN).unwrap();
        }
        Self(watch)
    }

    fn names(&self) -> BTreeSet<String> {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.0, &mut buffer);
        let mut names = BTreeSet::new();
        while let Ok(event) = events.next() {
            if let Some(name) =
                event.file_name().filter(|_| !event.events().contains(inotify::ReadFlags::ISDIR))
            {
                names.insert(name.to_string_lossy().into_owned());
            }
        }
        names
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_several_chunks_that_a_paused_run_has_stored_are_not_read_again() {
    let mut world = World::new(Schedule::default()).await;
    let all: BTreeSet<String> = (0..20).map(|number| format!("file{number}")).collect();
    for name in &all {
        std::fs::write(world.path("source").join(name), noise(4 * MIB)).unwrap();
    }
    let opened = Opened::of([world.path("source")].into_iter());
    world.hub.change(|plan| {
        plan.limits.read = Some(12 * MIB);
        plan.limits.concurrency = Some(1);
    });
    let run = world.run_plan(RunKind::Backup);
    world.until(run, "going", |run| run.progress.bytes > 48 * MIB).await;
    world.answer(Ask::Pause { run }).await.unwrap();
    world.until_state(run, RunState::Paused).await;
    let first = opened.names();
    assert!((12..20).contains(&first.len()), "{}", first.len());
    world.stop().await;
    world.start().await;
    world.answer(Ask::Resume { run }).await.unwrap();
    let done = world.until_state(run, RunState::Completed).await;
    let second = opened.names();
    let twice: Vec<_> = first.intersection(&second).collect();
    // What lay in a pack of 16 MiB that was not full yet, and what was in hand, is not stored.
    assert!(twice.len() <= 6, "read again: {twice:?}\n{}", world.log(run).await);
    assert_eq!(first.union(&second).cloned().collect::<BTreeSet<_>>(), all);
    assert_eq!(done.outcome.unwrap().bytes, 80 * MIB);
    let log = world.log(run).await;
    assert!(log.contains("going on with an interrupted backup"), "{log}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_and_a_cancellation_are_acknowledged_at_once_whatever_the_run_does() {
    let mut world = World::new(Schedule::default()).await;
    std::fs::write(world.path("source/noise"), noise(20 * MIB)).unwrap();
    let hook = |name: &str| {
        let script = format!("trap '' TERM; touch {}; sleep 4", world.path(name).display());
        json!({"command": {"program": "sh", "arguments": ["-c", script]}})
    };
    let hooks = json!({"before": [hook("before")], "after": [hook("after")]});
    for with_hooks in [false, true] {
        world.hub.change(|plan| {
            plan.limits.read = Some(MIB);
            plan.hooks =
                if with_hooks { serde_json::from_value(hooks.clone()).unwrap() } else { Default::default() };
        });
        let run = world.run_plan(RunKind::Backup);
        match with_hooks {
            false => drop(world.until(run, "going", |run| run.progress.bytes > 0).await),
            true => until_there(&world.path("before")).await,
        }
        for (ask, intent) in
            [(Ask::Pause { run }, Intent::Pausing), (Ask::Cancel { run }, Intent::Cancelling)]
        {
            let asked = Instant::now();
            let is_pause = matches!(ask, Ask::Pause { .. });
            let answer = world.answer(ask).await;
            assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
            let shown = world
                .until(run, "shown", |run| run.intent == Some(intent) || run.state != RunState::Running)
                .await;
            assert!(asked.elapsed() < Duration::from_secs(2), "{:?}: {shown:?}", asked.elapsed());
            assert!(answer.is_ok(), "{answer:?} {is_pause}");
        }
        world.until_state(run, RunState::Cancelled).await;
    }
    world.stop().await;
}

async fn until_there(path: &Path) {
    let end = Instant::now() + Duration::from_secs(30);
    while !path.exists() {
        assert!(Instant::now() < end);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Starts a run of some kind that takes its time, pauses it when it is so far, and lets it go on at full speed.
async fn interrupted(world: &mut World, kind: RunKind, is_so_far: impl Fn(&Run) -> bool) -> (RunId, Run) {
    world.hub.change(|plan| plan.limits.download = Some(4 * MIB));
    let run = world.run_plan(kind);
    world.until(run, "so far", is_so_far).await;
    world.answer(Ask::Pause { run }).await.unwrap();
    let paused = world.until_state(run, RunState::Paused).await;
    world.stop().await;
    world.hub.change(|plan| plan.limits.download = None);
    world.start().await;
    (run, paused)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_paused_check_has_read_is_not_read_again() {
    let mut world = World::new(Schedule::default()).await;
    world.hub.change(|plan| plan.verification.read_percent = 100.0);
    // Several packs.
    std::fs::write(world.path("source/noise"), noise(80 * MIB)).unwrap();
    world.until_state(world.run_plan(RunKind::Backup), RunState::Completed).await;
    let packs = |run: &Run| (run.progress.step == "packs").then_some(run.progress.files);
    let (run, paused) = interrupted(&mut world, RunKind::Verify, |run| packs(run) >= Some(2)).await;
    let before = packs(&paused).unwrap();
    assert!(before < paused.progress.total_files, "{paused:?}");
    world.ask(Ask::Resume { run });
    world.until_state(run, RunState::Completed).await;
    let log = world.log(run).await;
    let told = log.split_once("read the rest of the data: ").expect(&log).1;
    let skipped: u64 = told.split_once(' ').unwrap().0.parse().unwrap();
    assert!(skipped >= before, "{log}");
    assert_eq!(world.count("node/journals"), 0);

    // What is told to end leaves nothing to go on with.
    let (run, _) = interrupted(&mut world, RunKind::Verify, |run| packs(run) >= Some(1)).await;
    assert_eq!(world.count("node/journals"), 1);
    world.answer(Ask::Cancel { run }).await.unwrap();
    world.until_state(run, RunState::Cancelled).await;
    let end = Instant::now() + Duration::from_secs(20);
    while world.count("node/journals") > 0 {
        assert!(Instant::now() < end, "its notes stay");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_paused_clean_up_has_forgotten_counts_when_it_goes_on() {
    let mut world = World::new(Schedule::default()).await;
    world.hub.change(|plan| plan.retention = serde_json::from_value(json!({"last": 1})).unwrap());
    // Each pack is needed in part: of the files that lie side by side in it every second one stays.
    let name = |world: &World, number: usize| world.path(&format!("source/{number}"));
    for number in 0..160 {
        std::fs::write(name(&world, number), noise(MIB / 2)).unwrap();
    }
    world.until_state(world.run_plan(RunKind::Backup), RunState::Completed).await;
    for number in (0..160).step_by(2) {
        std::fs::remove_file(name(&world, number)).unwrap();
    }
    world.until_state(world.run_plan(RunKind::Backup), RunState::Completed).await;
    let is_so_far = |run: &Run| run.progress.step == "packs repacked" && run.progress.files >= 1;
    let (run, paused) = interrupted(&mut world, RunKind::Prune, is_so_far).await;
    assert_eq!(paused.outcome.unwrap().snapshots_forgotten, 1);
    world.ask(Ask::Resume { run });
    let done = world.until_state(run, RunState::Completed).await;
    let outcome = done.outcome.unwrap();
    assert_eq!(outcome.snapshots_forgotten, 1);
    assert!(outcome.bytes_freed >= 35 * MIB, "{outcome:?}");
    world.until_state(world.run_plan(RunKind::Verify), RunState::Completed).await;
    world.stop().await;
}
