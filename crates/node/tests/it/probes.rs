//! Connections are tried for real, and what is wrong with them is told in words.

use std::time::{Duration, Instant, SystemTime};

use backstay_model::command::{Answer, Ask};
use backstay_model::connection::{BucketStyle, LocalSettings, LockMode, ObjectLock, S3Settings};
use backstay_model::{ConnectionSettings, Health, SecretText};
use backstay_net::testing::S3Server;
use backstay_node::seals;
use backstay_policy::Schedule;

use crate::s3_server::{KEY, SECRET, Server};
use crate::world::{SystemRandom, World};

pub(crate) fn s3(endpoint: &str) -> ConnectionSettings {
    ConnectionSettings::S3(S3Settings {
        endpoint: Some(endpoint.to_owned()),
        region: None,
        bucket: "bucket".to_owned(),
        access_key: KEY.to_owned(),
        secret_key: SecretText::default(),
        style: BucketStyle::Path,
        allow_private: true,
        storage_class: None,
        lock: None,
        encryption: None,
        thaw: None,
    })
}

/// Whether a connection works, and what is wrong with it otherwise.
async fn probe(world: &World, settings: ConnectionSettings, secret: &str) -> Option<String> {
    let identity = world.identity();
    let open = [("secret_key".to_owned(), secret.to_owned())].into();
    let record = seals::of_probe(identity.id);
    let secrets = seals::seal(identity.key.public(), &record, &open, &SystemRandom).unwrap();
    match world.answer(Ask::Probe { settings, secrets }).await {
        Ok(Answer::Probed { health: Health::Valid, reason: None }) => None,
        Ok(Answer::Probed { health: Health::Failing, reason: Some(reason) }) => {
            assert!(secret.is_empty() || !reason.contains(secret), "{reason}");
            Some(reason)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_made_and_written_to_or_told_of() {
    let mut world = World::new(Schedule::default()).await;
    let local = |name: &str| {
        ConnectionSettings::Local(LocalSettings { path: world.path(name).display().to_string() })
    };
    assert_eq!(probe(&world, local("new/folder"), "").await, None);
    assert_eq!(world.count("new/folder"), 0, "nothing is left of the probe");
    std::fs::write(world.path("file"), "").unwrap();
    let reason = probe(&world, local("file/folder"), "").await.unwrap();
    assert!(reason.contains("file/folder") && reason.contains("mounted"), "{reason}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_used_or_what_is_wrong_is_told() {
    let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    std::fs::create_dir(server.root().join("bucket")).unwrap();
    let mut world = World::new(Schedule::default()).await;
    assert_eq!(probe(&world, s3(&server.url), SECRET).await, None);
    let reason = probe(&world, s3(&server.url), "another-secret").await.unwrap();
    assert!(reason.contains("key"), "{reason}");
    std::fs::remove_dir_all(server.root().join("bucket")).unwrap();
    let reason = probe(&world, s3(&server.url), SECRET).await.unwrap();
    assert!(reason.contains("bucket"), "{reason}");
    world.stop().await;
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_freezes_and_locks_is_tried_with_what_it_is_to_do() {
    let server = tokio::task::spawn_blocking(S3Server::start).await.unwrap();
    server.create_bucket_of_locks("bucket");
    let mut world = World::new(Schedule::default()).await;
    let keeping = |class: Option<&str>, days: Option<u32>| {
        let ConnectionSettings::S3(mut settings) = s3(&server.url) else { panic!("no bucket") };
        settings.storage_class = class.map(str::to_owned);
        settings.lock = days.map(|days| ObjectLock { mode: LockMode::Compliance, days });
        ConnectionSettings::S3(settings)
    };
    for refuses in [false, true] {
        server.behave(|behaviour| behaviour.refuses_deletes_of_locked = refuses);
        assert_eq!(probe(&world, keeping(Some("DEEP_ARCHIVE"), None), SECRET).await, None);
        assert_eq!(server.keys("bucket"), [""; 0]);
    }
    assert_eq!(probe(&world, keeping(None, Some(3000)), SECRET).await, None);
    // What cannot be removed is there for a day, not for years.
    let left = server.keys("bucket");
    assert_eq!(left.len(), 1, "{left:?}");
    let until = server.get("bucket", &left[0]).unwrap().attributes.retention.unwrap().until;
    assert!(until < SystemTime::now() + Duration::from_secs(25 * 60 * 60));
    // Which a bucket can do is found out now, not by the first backup.
    server.create_bucket("bucket");
    let reason = probe(&world, keeping(None, Some(30)), SECRET).await.unwrap();
    assert!(reason.contains("Object Lock"), "{reason}");
    assert_eq!(server.keys("bucket"), [""; 0]);
    world.stop().await;
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_there_or_says_nothing_is_told_of_in_time() {
    let mut world = World::new(Schedule::default()).await;
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", socket.local_addr().unwrap());
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            held.push(socket.accept().await.unwrap());
        }
    });
    let asked = Instant::now();
    let reason = probe(&world, s3(&address), SECRET).await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(80));
    assert!(reason.contains("network"), "{reason}");
    silent.abort();
    let _ = silent.await;
    let reason = probe(&world, s3(&address), SECRET).await.unwrap();
    assert!(reason.contains("nothing listens there"), "{reason}");
    world.stop().await;
}
