//! A destination out of reach: the run waits, says why and until when, and goes on by itself.

use backstay_model::{RunKind, RunState};
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
