//! Destinations in Google Drive: repositories and archives, an account that is signed out, and tokens that Google replaces.

use std::collections::BTreeMap;

use backstay_archive::crypt::KeyPair;
use backstay_core::Random;
use backstay_model::command::{Answer, Ask};
use backstay_model::connection::GoogleDriveSettings;
use backstay_model::{ConnectionSettings, Health, Holds, RunKind, RunState, SecretText};
use backstay_node::seals;
use backstay_policy::Schedule;

use crate::archives::{archives, plain, request, restore};
use crate::drive_server::{CLIENT, Failure, REFRESH, SECRET, Server};
use crate::world::{SystemRandom, World};

/// The service begins and ends on a thread where it may block.
async fn start() -> Server {
    tokio::task::spawn_blocking(Server::start).await.unwrap()
}

async fn end(server: Server) {
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}

fn settings(server: &Server) -> GoogleDriveSettings {
    GoogleDriveSettings {
        client_id: CLIENT.to_owned(),
        client_secret: SecretText::default(),
        refresh_token: SecretText::default(),
        folder: "Backstay".to_owned(),
        endpoint: Some(server.url.clone()),
        allow_private: true,
    }
}

fn secrets(refresh: &str) -> BTreeMap<String, String> {
    [("client_secret", SECRET), ("refresh_token", refresh)]
        .map(|(name, secret)| (name.to_owned(), secret.to_owned()))
        .into()
}

/// Lets the plan's destination lie in Google Drive.
fn move_to(world: &World, server: &Server, refresh: &str, holds: Holds) {
    let key = world.identity().key;
    world.hub.arrange(|configuration| {
        let repository = &mut configuration.repositories[0];
        let mut open = secrets(refresh);
        if holds.is_archives() {
            KeyPair::generate().with_secret(|key| open.insert("password".to_owned(), key.to_owned()));
        } else {
            open.insert("password".to_owned(), "open sesame".to_owned());
        }
        let record = seals::of_repository(repository.id);
        repository.settings = ConnectionSettings::GoogleDrive(settings(server));
        repository.secrets = seals::seal(key.public(), &record, &open, &SystemRandom).unwrap();
        repository.path = "db1".to_owned();
        repository.holds = holds;
    });
}

/// Whether a connection works, and what is wrong with it otherwise.
async fn probe(
    world: &World,
    settings: GoogleDriveSettings,
    open: BTreeMap<String, String>,
) -> Option<String> {
    let identity = world.identity();
    let record = seals::of_probe(identity.id);
    let secrets = seals::seal(identity.key.public(), &record, &open, &SystemRandom).unwrap();
    let settings = ConnectionSettings::GoogleDrive(settings);
    match world.answer(Ask::Probe { settings, secrets }).await {
        Ok(Answer::Probed { health: Health::Valid, reason: None }) => None,
        Ok(Answer::Probed { health: Health::Failing, reason: Some(reason) }) => {
            assert!(open.values().all(|secret| !reason.contains(secret)), "{reason}");
            Some(reason)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drive_is_tried_or_what_is_wrong_is_told() {
    let server = start().await;
    let mut world = World::new(Schedule::default()).await;
    assert_eq!(probe(&world, settings(&server), secrets(REFRESH)).await, None);
    assert!(server.paths().is_empty(), "nothing is left of the probe");
    let left = server.state().items.values().filter(|item| item.name.contains("probe")).count();
    assert_eq!(left, 0);

    let reason = probe(&world, settings(&server), secrets("1//another")).await.unwrap();
    assert!(reason.contains("sign in again"), "{reason}");
    let mut unknown = secrets(REFRESH);
    unknown.insert("client_secret".to_owned(), "wrong".to_owned());
    let reason = probe(&world, settings(&server), unknown).await.unwrap();
    assert!(reason.contains("OAuth client"), "{reason}");
    server.fail("GET /drive/v3/about", 1, Failure::Refused(403, "accessNotConfigured", None));
    let reason = probe(&world, settings(&server), secrets(REFRESH)).await.unwrap();
    assert!(reason.contains("enable the Google Drive API"), "{reason}");
    server.state().quota = Some(10);
    let reason = probe(&world, settings(&server), secrets(REFRESH)).await.unwrap();
    assert!(reason.contains("storageQuotaExceeded") && reason.contains("free some space"), "{reason}");
    let public = GoogleDriveSettings { allow_private: false, ..settings(&server) };
    let reason = probe(&world, public, secrets(REFRESH)).await.unwrap();
    assert!(reason.contains("not allowed"), "{reason}");
    world.stop().await;
    end(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_to_google_drive_and_come_back() {
    for holds in [Holds::Repository, Holds::Archives(plain())] {
        let server = start().await;
        let mut world = World::new(Schedule::default()).await;
        world.fill(5);
        move_to(&world, &server, REFRESH, holds);
        for number in 0..2 {
            std::fs::write(world.path("source/letter"), format!("dear all, {number}")).unwrap();
            let run = world.run_plan(RunKind::Backup);
            world.until_state(run, RunState::Completed).await;
        }
        assert!(server.paths().iter().all(|path| path.starts_with("Backstay/db1/")), "{:?}", server.paths());
        let newest = archives(&world).await[0].id.clone();
        restore(&world, request(&newest, world.path("back")), RunState::Completed).await;
        let source = world.path("source");
        let place = [world.path("back"), world.path("back").join(source.strip_prefix("/").unwrap())];
        let place = place.into_iter().find(|place| place.join("letter").exists()).unwrap();
        for name in ["letter", "0", "4"] {
            let (there, here) = (std::fs::read(place.join(name)), std::fs::read(source.join(name)));
            assert!(there.unwrap() == here.unwrap(), "{name}");
        }
        let run = world.run_plan(RunKind::Verify);
        world.until_state(run, RunState::Completed).await;
        world.stop().await;
        end(server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_account_is_signed_out_waits_and_goes_on_at_once_when_it_is_signed_in_again() {
    for holds in [Holds::Repository, Holds::Archives(plain())] {
        let server = start().await;
        let mut world = World::new(Schedule::default()).await;
        world.fill(5);
        move_to(&world, &server, REFRESH, holds.clone());
        // In the middle of the first backup.
        server.state().revoked_after = Some(3);
        let run = world.run_plan(RunKind::Backup);
        let waits = |run: &backstay_model::Run| {
            run.waiting.as_ref().is_some_and(|waiting| waiting.next_try.is_some())
        };
        let waiting = world.until(run, "waiting", waits).await;
        assert!(server.state().revoked_after.is_some_and(|left| left == 0), "it had not begun");
        assert_eq!((waiting.state, waiting.error), (RunState::Pending, None));
        let waiting = waiting.waiting.unwrap();
        assert!(waiting.reason.contains("sign in again at the connection"), "{}", waiting.reason);
        let (next_try, signed_in) = (waiting.next_try.unwrap(), world.now());
        server.state().revoked_after = None;
        server.state().sign_in.refresh.insert("1//the-next".to_owned());
        move_to(&world, &server, "1//the-next", holds);
        let done = world.until_state(run, RunState::Completed).await;
        assert_eq!((&done.waiting, &done.error), (&None, &None));
        assert!(done.ended.unwrap() < next_try, "it waited from {signed_in} until {next_try}: {done:?}");
        world.stop().await;
        end(server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_drive_fails_the_run_and_the_next_one_completes_once_there_is_room() {
    for holds in [Holds::Repository, Holds::Archives(plain())] {
        let server = start().await;
        let mut world = World::new(Schedule::default()).await;
        world.fill(3);
        move_to(&world, &server, REFRESH, holds.clone());
        let run = world.run_plan(RunKind::Backup);
        let first = world.until_state(run, RunState::Completed).await.destinations[0].snapshot.clone();

        let mut long = vec![0; 6 << 20];
        SystemRandom.fill(&mut long);
        std::fs::write(world.path("source/long"), &long).unwrap();
        let used: usize = server.state().items.values().map(|item| item.content.len()).sum();
        server.state().quota = Some(used as u64 + (1 << 20));
        let run = world.run_plan(RunKind::Backup);
        let failed = world.until_state(run, RunState::Failed).await;
        let error = failed.error.unwrap();
        assert!(error.message.contains("storageQuotaExceeded"), "{error:?}");
        assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("free some space")), "{error:?}");
        let there = &failed.destinations[0];
        assert_eq!((there.state, &there.snapshot), (RunState::Failed, &None));
        let listed: Vec<_> = archives(&world).await.into_iter().map(|archive| Some(archive.id)).collect();
        assert_eq!(listed, [first], "what is not all is listed");

        server.state().quota = None;
        let run = world.run_plan(RunKind::Backup);
        let done = world.until_state(run, RunState::Completed).await;
        let newest = done.destinations[0].snapshot.clone().unwrap();
        assert_eq!(archives(&world).await[0].id, newest);
        restore(&world, request(&newest, world.path("back")), RunState::Completed).await;
        let source = world.path("source");
        let place = [world.path("back"), world.path("back").join(source.strip_prefix("/").unwrap())];
        let place = place.into_iter().find(|place| place.join("long").exists()).unwrap();
        assert!(std::fs::read(place.join("long")).unwrap() == long);
        let run = world.run_plan(RunKind::Verify);
        world.until_state(run, RunState::Completed).await;
        world.stop().await;
        end(server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_google_replaces_survives_a_restart() {
    let server = start().await;
    let mut world = World::new(Schedule::default()).await;
    world.fill(2);
    move_to(&world, &server, REFRESH, Holds::Repository);
    server.state().sign_in.rotates = true;
    for number in 0..3 {
        std::fs::write(world.path("source/letter"), format!("dear all, {number}")).unwrap();
        let run = world.run_plan(RunKind::Backup);
        world.until_state(run, RunState::Completed).await;
        assert!(!server.state().sign_in.refresh.contains(REFRESH), "it was good for one use");
        world.stop().await;
        server.state().sign_in.expire();
        world.start().await;
    }
    for entry in std::fs::read_dir(world.path("node/google")).unwrap() {
        let content = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!content.contains("refresh-token"));
    }
    world.stop().await;
    end(server).await;
}
