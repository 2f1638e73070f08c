//! Restores and checks over connections that are cut: they come to their end, and nothing wrong is restored.

use backstay_archive::crypt::KeyPair;
use backstay_core::Random;
use backstay_model::{ConnectionSettings, Holds, RunKind, RunState};
use backstay_net::testing::{Cut, S3Server};
use backstay_node::local_policy::{LocalPolicy, Mode};
use backstay_node::seals;
use backstay_policy::Schedule;
use serde_json::json;

use crate::archives::{plain, request, restore};
use crate::world::{SystemRandom, World};

/// A world whose destination lies in the bucket `backups`, with a backup of a long file and of small ones.
async fn world(server: &S3Server, holds: Holds) -> World {
    let mut world = World::new(Schedule::default()).await;
    world.stop().await;
    let file = world.path("policy.toml");
    std::fs::write(&file, "private_addresses = true\nwrite = [\"/\"]\n").unwrap();
    world.policy = LocalPolicy::load(&file, Mode::Local).unwrap();
    let credentials = server.settings().credentials.unwrap();
    let mut secrets =
        [("secret_key".to_owned(), credentials.secret_access_key.expose().to_owned())].into_iter().collect();
    let password = |secrets: &mut std::collections::BTreeMap<String, String>, password: &str| {
        secrets.insert("password".to_owned(), password.to_owned());
    };
    match &holds {
        Holds::Repository => password(&mut secrets, "open sesame"),
        Holds::Archives(_) => KeyPair::generate().with_secret(|key| password(&mut secrets, key)),
    }
    let settings = json!({
        "endpoint": server.url, "bucket": "backups", "access_key": credentials.access_key_id, "allow_private": true,
    });
    let key = world.identity().key;
    world.hub.arrange(|configuration| {
        let repository = &mut configuration.repositories[0];
        let record = seals::of_repository(repository.id);
        repository.settings = ConnectionSettings::S3(serde_json::from_value(settings).unwrap());
        repository.secrets = seals::seal(key.public(), &record, &secrets, &SystemRandom).unwrap();
        repository.holds = holds;
    });
    world.hub.change(|plan| plan.verification.read_percent = 100.0);
    world.start().await;
    world.fill(3);
    let mut long = vec![0; 6 << 20];
    SystemRandom.fill(&mut long);
    std::fs::write(world.path("source/long"), long).unwrap();
    let run = world.run_plan(RunKind::Backup);
    world.until_state(run, RunState::Completed).await;
    world
}

/// What was restored is what is there.
fn same(world: &World, target: &str) {
    let source = world.path("source");
    let places = [world.path(target), world.path(target).join(source.strip_prefix("/").unwrap())];
    let place = places.into_iter().find(|place| place.join("long").exists()).unwrap();
    for name in ["0", "1", "2", "long"] {
        let (there, here) = (std::fs::read(place.join(name)), std::fs::read(source.join(name)));
        assert!(there.unwrap() == here.unwrap(), "{name}");
    }
}

async fn start() -> S3Server {
    let server = S3Server::start();
    server.create_bucket("backups");
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_and_a_check_over_a_connection_that_breaks_go_on_where_it_broke() {
    for holds in [Holds::Repository, Holds::Archives(plain())] {
        let server = start().await;
        let mut world = world(&server, holds).await;
        // No answer with more than this comes whole.
        server.behave(|behaviour| behaviour.cut = Some(Cut { after: 400_000, times: u32::MAX }));
        restore(&world, request("latest", world.path("back")), RunState::Completed).await;
        same(&world, "back");
        let run = world.run_plan(RunKind::Verify);
        let done = world.until_state(run, RunState::Completed).await;
        assert_eq!(done.outcome.unwrap().errors, 0);
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_of_an_archive_that_cannot_be_read_any_more_waits_and_has_written_nothing() {
    let server = start().await;
    let mut world = world(&server, Holds::Archives(plain())).await;
    server.behave(|behaviour| behaviour.cut = Some(Cut { after: 0, times: u32::MAX }));
    let run = world.run_id();
    let (project, repository) = (world.project, world.repository());
    let request = Box::new(request("latest", world.path("back")));
    world.ask(backstay_model::command::Ask::Restore { run, project, repository, request, connection: None });
    let waits = world.until(run, "waiting", |run| run.waiting.is_some()).await;
    assert_eq!((waits.state, waits.error), (RunState::Pending, None));
    let reason = waits.waiting.unwrap().reason;
    assert!(reason.contains("tried again by itself") || reason.contains("read"), "{reason}");
    assert!(!world.path("back").exists() || crate::archives::names(world.path("back")).is_empty());
    server.behave(|behaviour| behaviour.cut = None);
    world.until_state(run, RunState::Completed).await;
    same(&world, "back");
    world.stop().await;
}
