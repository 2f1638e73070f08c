//! A destination out of reach: the run waits, says why and until when, and goes on by itself.

use std::time::Duration;

use backstay_model::command::Ask;
use backstay_model::run::{OverwriteMode, RestoreRequest};
use backstay_model::{ConnectionSettings, RunKind, RunState};
use backstay_net::testing::{S3Server, SECRET as KEY_SECRET};
use backstay_node::seals;
use backstay_policy::Schedule;
use tokio::net::{TcpListener, TcpStream};

use crate::probes::s3;
use crate::s3_server::{SECRET, Server};
use crate::world::{SystemRandom, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_its_storage_and_goes_on_when_it_is_back() {
    let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    std::fs::create_dir(server.root().join("bucket")).unwrap();
    let mut world = World::new(Schedule::default()).await;
    std::fs::write(world.path("source/letter"), "dear all").unwrap();
    // A door to the server that is closed at first.
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let identity = world.identity();
    world.hub.arrange(|configuration| {
        for repository in &mut configuration.repositories {
            let open = [("password", "open sesame"), ("secret_key", SECRET)];
            let open = open.map(|(name, secret)| (name.to_owned(), secret.to_owned())).into();
            let record = seals::of_repository(repository.id);
            repository.settings = s3(&format!("http://{door}"));
            repository.secrets = seals::seal(identity.key.public(), &record, &open, &SystemRandom).unwrap();
        }
    });
    let run = world.run_plan(RunKind::Backup);
    let waits = world
        .until(run, "waiting", |run| run.waiting.as_ref().is_some_and(|waiting| waiting.next_try.is_some()))
        .await;
    assert_eq!(waits.state, RunState::Pending);
    let waiting = waits.waiting.unwrap();
    let reason = waiting.reason;
    assert!(reason.starts_with("disk: ") && reason.contains("Connection refused"), "{reason}");
    assert!(waiting.next_try.unwrap() > waits.started.unwrap());

    let open = TcpListener::bind(door).await.unwrap();
    let address = server.url.trim_start_matches("http://").to_owned();
    let relay = tokio::spawn(async move {
        loop {
            let (mut near, _) = open.accept().await.unwrap();
            let mut far = TcpStream::connect(&address).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    let done = world.until_state(run, RunState::Completed).await;
    assert!(done.attempt >= 2, "{done:?}");
    assert_eq!((done.waiting, done.error), (None, None));
    world.stop().await;
    relay.abort();
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_has_packs_brought_back_and_waits_while_others_run() {
    let server = tokio::task::spawn_blocking(S3Server::start).await.unwrap();
    server.create_bucket("bucket");
    server.behave(|behaviour| behaviour.thaw_time = Duration::from_secs(3600));
    let mut world = World::new(Schedule::default()).await;
    std::fs::write(world.path("source/letter"), "dear all").unwrap();
    let identity = world.identity();
    world.hub.arrange(|configuration| {
        for repository in &mut configuration.repositories {
            let open = [("password", "open sesame"), ("secret_key", KEY_SECRET)];
            let open = open.map(|(name, secret)| (name.to_owned(), secret.to_owned())).into();
            let record = seals::of_repository(repository.id);
            let ConnectionSettings::S3(mut settings) = s3(&server.url) else { panic!("no bucket") };
            settings.storage_class = Some("DEEP_ARCHIVE".to_owned());
            repository.settings = ConnectionSettings::S3(settings);
            repository.secrets = seals::seal(identity.key.public(), &record, &open, &SystemRandom).unwrap();
        }
    });
    let run = world.run_plan(RunKind::Backup);
    let done = world.until_state(run, RunState::Completed).await;
    let snapshot = done.destinations.first().unwrap().snapshot.clone().unwrap();
    let (restore, target) = (world.run_id(), world.path("target"));
    world.ask(Ask::Restore {
        run: restore,
        project: world.project,
        repository: world.repository(),
        connection: None,
        request: Box::new(RestoreRequest {
            snapshot,
            paths: Vec::new(),
            target: target.display().to_string(),
            overwrite: OverwriteMode::Always,
            delete: false,
            dry_run: false,
            instance: None,
            into: None,
        }),
    });
    let waits = world.until(restore, "waiting", |run| run.waiting.is_some()).await;
    assert_eq!(waits.state, RunState::Pending);
    let waiting = waits.waiting.unwrap();
    let reason = waiting.reason;
    assert!(reason.contains("were asked for; all can be read within about 12 h"), "{reason}");
    assert!(waiting.next_try.is_some());
    assert_eq!(std::fs::read_dir(&target).map_or(0, Iterator::count), 0, "nothing is half restored");
    // Nothing else waits for it.
    std::fs::write(world.path("source/more"), "and more").unwrap();
    let other = world.run_plan(RunKind::Backup);
    world.until_state(other, RunState::Completed).await;
    server.thaw();
    world.until_state(restore, RunState::Completed).await;
    let back = target.join(world.path("source/letter").strip_prefix("/").unwrap());
    assert_eq!(std::fs::read_to_string(back).unwrap(), "dear all");
    world.stop().await;
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_a_disk_whether_its_repository_was_made_or_adopted() {
    for adopted in [false, true] {
        let mut world = World::new(Schedule::default()).await;
        std::fs::write(world.path("source/letter"), "dear all").unwrap();
        let first = world.run_plan(RunKind::Backup);
        world.until_state(first, RunState::Completed).await;
        if adopted {
            world.hub.arrange(|configuration| {
                configuration.repositories.iter_mut().for_each(|repository| repository.may_create = false);
            });
        }
        std::fs::rename(world.path("repository"), world.path("unmounted")).unwrap();
        let run = world.run_plan(RunKind::Backup);
        let waits = world.until(run, "waiting", |run| run.waiting.is_some()).await;
        let reason = waits.waiting.unwrap().reason;
        assert!(reason.contains("is not there any more"), "{reason}");
        assert!(!world.path("repository").exists(), "an empty one was put in its place");
        std::fs::rename(world.path("unmounted"), world.path("repository")).unwrap();
        world.until_state(run, RunState::Completed).await;
        world.stop().await;
    }
}
