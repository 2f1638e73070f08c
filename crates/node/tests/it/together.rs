//! Plans with several destinations: the source is read once, each destination succeeds by itself, and who comes late is caught up.

use backstay_archive::crypt::KeyPair;
use backstay_model::command::{Answer, Ask, SnapshotInfo};
use backstay_model::link::SealedRepository;
use backstay_model::run::Named;
use backstay_model::{ArchiveSettings, DestinationId, Holds, RepositoryId, Run, RunKind, RunState};
use backstay_node::seals;
use backstay_policy::Schedule;
use serde_json::json;

use crate::archives::{names, plain, request};
use crate::cold::Cold;
use crate::world::{SystemClock, SystemRandom, World};

/// Gives the plan one more destination on this host, in a folder of this name.
fn add(world: &World, name: &str, archives: Option<ArchiveSettings>) -> RepositoryId {
    let (id, destination) =
        (RepositoryId::new(&SystemClock, &SystemRandom), DestinationId::new(&SystemClock, &SystemRandom));
    let mut password = "open sesame".to_owned();
    if archives.is_some() {
        KeyPair::generate().with_secret(|key| key.clone_into(&mut password));
    }
    let key = world.identity().key;
    world.hub.arrange(|configuration| {
        let secrets = [("password".to_owned(), password)].into();
        let secrets = seals::seal(key.public(), &seals::of_repository(id), &secrets, &SystemRandom).unwrap();
        let repository = SealedRepository {
            id,
            destination: Named { id: destination, name: name.to_owned() },
            path: name.to_owned(),
            holds: archives.map_or(Holds::Repository, Holds::Archives),
            secrets,
            ..configuration.repositories[0].clone()
        };
        configuration.repositories.push(repository);
        let plan = &mut configuration.plans[0];
        plan.repositories.push(id);
        plan.spec.destinations.push(destination);
    });
    id
}

fn sealed(world: &World, id: RepositoryId) -> SealedRepository {
    let configuration = world.hub.configuration.lock();
    configuration.repositories.iter().find(|repository| repository.id == id).unwrap().clone()
}

/// Has the plan use these only.
fn only(world: &World, ids: &[RepositoryId]) {
    world.hub.arrange(|configuration| {
        let of = |id: &RepositoryId| {
            let found = configuration.repositories.iter().find(|repository| repository.id == *id);
            found.unwrap().destination.id
        };
        let destinations = ids.iter().map(of).collect();
        let plan = &mut configuration.plans[0];
        plan.repositories = ids.to_vec();
        plan.spec.destinations = destinations;
    });
}

async fn back_up(world: &World, state: RunState) -> Run {
    let run = world.run_plan(RunKind::Backup);
    world.until_state(run, state).await
}

async fn snapshots(world: &World, id: RepositoryId) -> Vec<SnapshotInfo> {
    match world.answer(Ask::Snapshots { repository: sealed(world, id) }).await.unwrap() {
        Answer::Snapshots { snapshots } => snapshots,
        other => panic!("{other:?}"),
    }
}

/// Restores the newest snapshot of a repository; gives the folder that it is in.
async fn restored(world: &World, id: RepositoryId, name: &str) -> std::path::PathBuf {
    let run = world.run_id();
    let target = world.path(name);
    let request = request("latest", target.clone());
    world.ask(Ask::Restore {
        run,
        project: world.project,
        repository: sealed(world, id),
        request: Box::new(request),
        connection: None,
    });
    world.until_state(run, RunState::Completed).await;
    target.join(world.path("source").strip_prefix("/").unwrap())
}

fn same(one: &std::path::Path, other: &std::path::Path) {
    let (ours, theirs) = (names(one.to_owned()), names(other.to_owned()));
    assert_eq!(ours, theirs);
    for name in ours {
        let read = |folder: &std::path::Path| std::fs::read(folder.join(&name)).unwrap();
        assert!(read(one) == read(other), "{name}");
    }
}

fn state(run: &Run, id: RepositoryId) -> RunState {
    run.destinations.iter().find(|destination| destination.repository == id).unwrap().state
}

fn snapshot(run: &Run, id: RepositoryId) -> String {
    let found = run.destinations.iter().find(|destination| destination.repository == id).unwrap();
    found.snapshot.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_repositories_and_an_archive_are_filled_by_reading_once() {
    let mut world = World::new(Schedule::default()).await;
    world.fill(20);
    std::fs::write(world.path("source/big"), vec![7; 5 << 20]).unwrap();
    let first = world.repository().id;
    let second = add(&world, "second", None);
    let third = add(&world, "archives", Some(plain()));
    let run = back_up(&world, RunState::Completed).await;
    let log = world.log(run.id).await;
    assert_eq!(log.matches("reading /").count(), 1, "{log}");
    assert!(!log.contains("cut apart"), "{log}");
    for id in [first, second, third] {
        assert_eq!(state(&run, id), RunState::Completed);
        assert_eq!(snapshots(&world, id).await.len(), 1);
        same(&world.path("source"), &restored(&world, id, &format!("target {id}")).await);
    }
    assert_eq!(run.outcome.unwrap().files_new, 21);
    // What changed is read for all, and nothing else.
    std::fs::write(world.path("source/new"), "new").unwrap();
    let run = back_up(&world, RunState::Completed).await;
    for id in [first, second] {
        let added = run.destinations.iter().find(|it| it.repository == id).unwrap().bytes_added;
        assert!(added < 100_000, "{added}");
        same(&world.path("source"), &restored(&world, id, &format!("later {id}")).await);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_used_fails_alone() {
    let mut world = World::new(Schedule::default()).await;
    world.fill(5);
    let first = world.repository().id;
    let second = add(&world, "second", None);
    let third = add(&world, "archives", Some(plain()));
    back_up(&world, RunState::Completed).await;
    std::fs::write(world.path("second/config"), "this is none").unwrap();
    std::fs::write(world.path("source/new"), "new").unwrap();
    let run = back_up(&world, RunState::Failed).await;
    assert_eq!(
        [first, second, third].map(|id| state(&run, id)),
        [RunState::Completed, RunState::Failed, RunState::Completed]
    );
    let message = run.error.unwrap().message;
    assert!(message.starts_with("1 of 3 destinations failed: "), "{message}");
    same(&world.path("source"), &restored(&world, first, "target").await);
    let log = world.log(run.id).await;
    assert!(log.contains("second is left aside: "), "{log}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_away_is_caught_up_by_a_copy() {
    let mut world = World::new(Schedule::default()).await;
    world.fill(5);
    let first = world.repository().id;
    let second = add(&world, "second", None);
    back_up(&world, RunState::Completed).await;
    std::fs::rename(world.path("second"), world.path("unplugged")).unwrap();
    std::fs::write(world.path("source/new"), "as it was then").unwrap();
    let run = world.run_plan(RunKind::Backup);
    let waits = world.until(run, "waiting", |run| run.waiting.is_some()).await;
    assert_eq!((state(&waits, first), waits.state), (RunState::Completed, RunState::Pending));
    assert!(waits.waiting.unwrap().reason.contains("second"));
    let before = restored(&world, first, "target").await;

    // What the source has by now is not what the snapshot has.
    std::fs::write(world.path("source/new"), "as it is now").unwrap();
    std::fs::rename(world.path("unplugged"), world.path("second")).unwrap();
    let done = world.until_state(run, RunState::Completed).await;
    let log = world.log(run).await;
    assert!(log.contains("from disk; the source is not read again"), "{log}");
    let added = done.destinations.iter().find(|it| it.repository == second).unwrap().bytes_added;
    assert!(added > 0 && added < 100_000, "{added}");
    assert_ne!(snapshot(&done, first), snapshot(&done, second));
    same(&before, &restored(&world, second, "other").await);
    assert_eq!(std::fs::read_to_string(before.join("new")).unwrap(), "as it was then");

    // The next backup compares with the copy.
    let next = back_up(&world, RunState::Completed).await;
    assert_eq!(next.outcome.unwrap().files_unmodified, 5);
    same(&world.path("source"), &restored(&world, second, "next").await);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_repositories_are_cut_apart_and_the_run_says_so() {
    let mut world = World::new(Schedule::default()).await;
    std::fs::write(
        world.path("source/big"),
        (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>(),
    )
    .unwrap();
    let first = world.repository().id;
    let second = add(&world, "second", None);
    for alone in [first, second] {
        only(&world, &[alone]);
        back_up(&world, RunState::Completed).await;
    }
    only(&world, &[first, second]);
    std::fs::write(world.path("source/other"), vec![3; 3 << 20]).unwrap();
    let run = back_up(&world, RunState::Completed).await;
    let log = world.log(run.id).await;
    assert!(log.contains("second cuts files elsewhere than disk does"), "{log}");
    assert_eq!(log.matches("reading /").count(), 1, "{log}");
    let apart = run.destinations.iter().map(|one| (one.repository, one.cut_apart_from.as_deref()));
    assert_eq!(apart.collect::<Vec<_>>(), [(first, None), (second, Some("disk"))]);
    for id in [first, second] {
        same(&world.path("source"), &restored(&world, id, &format!("target {id}")).await);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_stopped_and_read_once_for_a_repository_and_an_archive() {
    let Some(cold) = Cold::new(json!({"sequence": "send_first"})).await else { return };
    let third = add(&cold.world, "archives", Some(plain()));
    let second = add(&cold.world, "second", None);
    let run = cold.back_up(RunState::Completed).await;
    assert_eq!(cold.instance.calls(), ["start", "stop", "start"]);
    let log = cold.world.log(run.id).await;
    assert_eq!(log.matches("reading /").count(), 1, "{log}");
    for id in [cold.world.repository().id, second, third] {
        assert_eq!(state(&run, id), RunState::Completed, "{log}");
        assert_eq!(snapshots(&cold.world, id).await.len(), 1);
    }
    cold.end().await;
}
