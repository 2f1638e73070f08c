//! Destinations that hold archives: on disks, in a bucket and on a real receiver.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use backstay_archive::crypt::KeyPair;
use backstay_model::archives::{ArchiveCompression, ArchiveEncryption, Between};
use backstay_model::command::{Answer, Ask, ContentForm, FolderPage};
use backstay_model::connection::ReceiverSettings;
use backstay_model::run::RestoreRequest;
use backstay_model::{ArchiveSettings, ConnectionSettings, Holds, RunKind, RunState, TransferId};
use backstay_node::local_policy::{LocalPolicy, Mode};
use backstay_node::seals;
use backstay_policy::Schedule;
use serde_json::json;

use crate::receiver::Host;
use crate::world::{SystemClock, SystemRandom, World};

pub(crate) fn plain() -> ArchiveSettings {
    ArchiveSettings { encryption: ArchiveEncryption::Plain, ..ArchiveSettings::default() }
}

/// Lets the destination hold archives, at a receiver if one is given.
pub(crate) fn hold(world: &World, settings: ArchiveSettings, host: Option<&Host>) {
    let mut secrets = std::collections::BTreeMap::new();
    KeyPair::generate().with_secret(|key| secrets.insert("password".to_owned(), key.to_owned()));
    let receiver = host.map(|host| host.client("node", None));
    if let Some((_, token)) = &receiver {
        secrets.insert("token".to_owned(), token.clone());
    }
    let key = world.identity().key;
    world.hub.arrange(|configuration| {
        let repository = &mut configuration.repositories[0];
        let of = seals::of_repository(repository.id);
        repository.secrets = seals::seal(key.public(), &of, &secrets, &SystemRandom).unwrap();
        repository.holds = Holds::Archives(settings);
        repository.path = "archives".to_owned();
        if let Some((receiver, _)) = receiver {
            repository.settings = ConnectionSettings::Receiver(receiver);
        }
    });
}

/// Has the destination's archives sent to another client of a receiver.
pub(crate) fn send_to(world: &World, receiver: ReceiverSettings, token: String) {
    let mut secrets: std::collections::BTreeMap<String, String> = [("token".to_owned(), token)].into();
    KeyPair::generate().with_secret(|key| secrets.insert("password".to_owned(), key.to_owned()));
    let key = world.identity().key;
    world.hub.arrange(|configuration| {
        let repository = &mut configuration.repositories[0];
        let of = seals::of_repository(repository.id);
        repository.secrets = seals::seal(key.public(), &of, &secrets, &SystemRandom).unwrap();
        repository.settings = ConnectionSettings::Receiver(receiver);
    });
}

/// A world that may reach a receiver on this host.
pub(crate) async fn world() -> World {
    let mut world = World::new(Schedule::default()).await;
    world.stop().await;
    let file = world.path("policy.toml");
    std::fs::write(&file, "private_addresses = true\nwrite = [\"/\"]\n").unwrap();
    world.policy = LocalPolicy::load(&file, Mode::Local).unwrap();
    world.start().await;
    world
}

pub(crate) async fn archives(world: &World) -> Vec<backstay_model::command::SnapshotInfo> {
    let repository = world.repository();
    match world.answer(Ask::Snapshots { repository }).await.unwrap() {
        Answer::Snapshots { snapshots } => snapshots,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn request(snapshot: &str, target: PathBuf) -> RestoreRequest {
    RestoreRequest {
        snapshot: snapshot.to_owned(),
        paths: Vec::new(),
        target: target.display().to_string(),
        overwrite: Default::default(),
        delete: false,
        dry_run: false,
        instance: None,
        into: None,
    }
}

pub(crate) async fn restore(world: &World, request: RestoreRequest, state: RunState) -> backstay_model::Run {
    let run = world.run_id();
    let (project, repository) = (world.project, world.repository());
    world.ask(Ask::Restore { run, project, repository, request: Box::new(request), connection: None });
    world.until_state(run, state).await
}

async fn run(world: &World, kind: RunKind, state: RunState) -> backstay_model::Run {
    let run = world.run_plan(kind);
    world.until_state(run, state).await
}

pub(crate) fn names(folder: PathBuf) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn files_become_archives_that_lean_on_one_another_and_come_back() {
    let mut world = world().await;
    world.fill(5);
    hold(&world, ArchiveSettings { full_every: 3, name: "{source}-{type}-{n}".to_owned(), ..plain() }, None);
    for number in 0..4 {
        std::fs::write(world.path(&format!("source/new{number}")), vec![number; 3000]).unwrap();
        let run = run(&world, RunKind::Backup, RunState::Completed).await;
        let done = run.outcome.unwrap();
        let expected = if number % 3 == 0 { (6 + u64::from(number), 0) } else { (1, 5 + u64::from(number)) };
        assert_eq!((done.files_new, done.files_unmodified), expected, "{number}");
    }
    let folder = world.path("archives/home");
    let zips: Vec<_> = names(folder.clone()).into_iter().filter(|name| name.ends_with(".zip")).collect();
    assert_eq!(
        zips,
        ["source-full-1.zip", "source-full-2.zip", "source-incremental-1.zip", "source-incremental-2.zip"]
    );
    let list = archives(&world).await;
    assert_eq!(list.len(), 4);
    assert_eq!(list[1].name.as_deref(), Some("home/source-incremental-2.zip"));
    let third = list[1].id.clone();

    let (repository, snapshot) = (world.repository(), third.clone());
    let path = world.path("source").display().to_string();
    let page = FolderPage::default();
    let Ok(Answer::Folder { items, total }) =
        world.answer(Ask::Browse { repository, snapshot, path, page }).await
    else {
        panic!()
    };
    assert_eq!((items.len(), total), (8, 8));
    let repository = world.repository();
    let found = world.answer(Ask::Find { repository, name: "new1".to_owned(), limit: 100 }).await.unwrap();
    let Answer::Found { hits, truncated: false } = found else { panic!("{found:?}") };
    assert_eq!(hits.len(), 3);
    let (repository, from, to) = (world.repository(), list[2].id.clone(), third.clone());
    let found = world.answer(Ask::Compare { repository, from, to, limit: 10 }).await.unwrap();
    let Answer::Compared { comparison } = found else { panic!("{found:?}") };
    assert_eq!((comparison.added.items, comparison.changes.len()), (1, 1));

    let target = world.path("back");
    let done = restore(&world, request(&third, target.clone()), RunState::Completed).await.outcome.unwrap();
    assert_eq!((done.more["verified"].as_str(), done.restored_plan), ("8", Some(world.plan)));
    let source = world.path("source");
    for name in ["0", "4", "new0", "new2"] {
        let back = target.join(source.strip_prefix("/").unwrap()).join(name);
        assert_eq!(std::fs::read(back).unwrap(), std::fs::read(source.join(name)).unwrap(), "{name}");
    }
    run(&world, RunKind::Verify, RunState::Completed).await;
    // One file of it, and nothing is done to the folders around it.
    let (target, wanted) = (world.path("one"), world.path("source/new2"));
    let one = RestoreRequest { paths: vec![wanted.display().to_string()], ..request(&third, target.clone()) };
    let done = restore(&world, one, RunState::Completed).await;
    assert_eq!(done.outcome.unwrap().more["verified"], "1");
    assert_eq!(names(target.join(source.strip_prefix("/").unwrap())), ["new2"]);

    // Damage that only reading finds; nothing of the target is touched, and the newest archive that is whole is told.
    let damage = |name: &str| {
        let mut bytes = std::fs::read(folder.join(name)).unwrap();
        bytes[5000] ^= 1;
        std::fs::write(folder.join(name), bytes).unwrap();
    };
    let untouched = world.path("untouched");
    damage("source-full-2.zip");
    let failed = restore(&world, request("latest", untouched.clone()), RunState::Failed).await;
    let hint = failed.error.unwrap().hint.unwrap();
    assert!(hint.contains("home/source-incremental-2.zip"), "{hint}");
    damage("source-full-2.zip");
    damage("source-full-1.zip");
    let failed = restore(&world, request(&third, untouched.clone()), RunState::Failed).await.error.unwrap();
    assert!(failed.message.contains("source-full-1.zip"));
    assert!(failed.hint.unwrap().contains("no older archive"));
    assert_eq!(names(untouched), [""; 0]);
    // The newest needs none of it.
    restore(&world, request("latest", world.path("newest")), RunState::Completed).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_breaks_no_chain_and_a_needed_archive_is_not_forgotten() {
    let mut world = world().await;
    world.fill(2);
    hold(&world, ArchiveSettings { full_every: 2, between: Between::Differential, ..plain() }, None);
    for _ in 0..4 {
        std::fs::write(world.path("source/changing"), world.now().to_string()).unwrap();
        run(&world, RunKind::Backup, RunState::Completed).await;
    }
    let list = archives(&world).await;
    let repository = world.repository();
    let refused = world.answer(Ask::Forget { repository, snapshot: list[3].id.clone() }).await.unwrap_err();
    assert!(refused.message.contains("is needed by"), "{refused:?}");
    world.hub.arrange(|configuration| {
        let retention = json!({"last": 1, "keep_at_least": 1});
        let retention = serde_json::from_value(retention).unwrap();
        configuration.plans[0].spec.retention = retention;
    });
    let pruned = run(&world, RunKind::Prune, RunState::Completed).await;
    assert_eq!(pruned.outcome.unwrap().snapshots_forgotten, 2);
    let left: Vec<_> = archives(&world).await.into_iter().map(|archive| archive.id).collect();
    assert_eq!(left, [list[0].id.clone(), list[1].id.clone()]);
    restore(&world, request("latest", world.path("back")), RunState::Completed).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leans_on_an_archive_that_was_found_damaged() {
    let mut world = world().await;
    world.fill(5);
    hold(&world, ArchiveSettings { full_every: 9, name: "{type}-{n}".to_owned(), ..plain() }, None);
    world.hub.change(|plan| plan.verification.read_percent = 100.0);
    let back_up = async |number: u8| {
        std::fs::write(world.path(&format!("source/new{number}")), vec![number; 3000]).unwrap();
        run(&world, RunKind::Backup, RunState::Completed).await
    };
    back_up(0).await;
    back_up(1).await;
    let file = world.path("archives/home/full-1.zip");
    let whole = std::fs::read(&file).unwrap();
    let mut bytes = whole.clone();
    bytes[5000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    run(&world, RunKind::Verify, RunState::Failed).await;
    let full = back_up(2).await;
    let log = world.log(full.id).await;
    assert!(log.contains("found damaged: so a full archive is made"), "{log}");
    restore(&world, request("latest", world.path("back")), RunState::Completed).await;
    // Once it is brought back from a copy, and read again, it is leant on as before.
    std::fs::write(&file, whole).unwrap();
    run(&world, RunKind::Verify, RunState::Completed).await;
    assert!(!world.path("node/damaged-archives").read_dir().unwrap().any(|_| true));
    back_up(3).await;
    let zips: Vec<_> =
        names(world.path("archives/home")).into_iter().filter(|name| name.ends_with(".zip")).collect();
    assert_eq!(zips, ["full-1.zip", "full-2.zip", "incremental-1.zip", "incremental-2.zip"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newest_archive_that_is_cut_short_or_gone_is_told_and_not_passed_over() {
    let mut world = world().await;
    world.fill(3);
    hold(&world, ArchiveSettings { name: "{source}-{n}".to_owned(), ..plain() }, None);
    for _ in 0..2 {
        world.pass(60);
        run(&world, RunKind::Backup, RunState::Completed).await;
    }
    let listed = archives(&world).await;
    let (newest, older) = (listed[0].clone(), &listed[1].id);
    let file = world.path("archives").join(newest.name.unwrap());
    let whole = std::fs::read(&file).unwrap();
    let target = world.path("target");
    for (damaged, what) in [(Some(&whole[..whole.len() - 1]), "length"), (None, "not there")] {
        match damaged {
            Some(bytes) => std::fs::write(&file, bytes).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let troubles: Vec<_> = archives(&world).await.into_iter().map(|one| one.damaged).collect();
        assert!(
            troubles.len() == 2
                && troubles[0].as_ref().is_some_and(|told| told.contains(what))
                && troubles[1].is_none(),
            "{troubles:?}"
        );
        for name in ["latest", &newest.id] {
            let failed = restore(&world, request(name, target.clone()), RunState::Failed).await;
            let error = failed.error.unwrap();
            assert!(error.message.contains(what), "{error:?}");
            let hint = error.hint.unwrap();
            assert!(
                hint.contains("source-1.zip of ") && hint.ends_with("is whole: restore that one"),
                "{hint}"
            );
            assert_eq!(error.instead.as_ref(), Some(older));
            assert!(!target.exists());
        }
    }
    // What is left of it can be removed.
    let (repository, snapshot) = (world.repository(), newest.id);
    world.answer(Ask::Forget { repository, snapshot }).await.unwrap();
    let done = restore(&world, request("latest", target.clone()), RunState::Completed).await;
    assert_eq!(done.outcome.unwrap().more["verified"], "3");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_go_encrypted_to_a_receiver_and_their_files_come_back_one_by_one() {
    let mut world = world().await;
    world.fill(3);
    let host = Host::start().await;
    hold(&world, ArchiveSettings::default(), Some(&host));
    run(&world, RunKind::Backup, RunState::Completed).await;
    let files = host.files();
    assert_eq!(files.len(), 2, "{files:?}");
    let archive = files.iter().find(|file| file.to_string_lossy().ends_with(".zip.age")).unwrap();
    assert!(archive.parent().unwrap().ends_with("node/archives/home"), "{archive:?}");
    assert!(std::fs::read(archive).unwrap().starts_with(b"age-encryption.org/v1"));
    assert_eq!(names(world.path("node/archives")).len(), 1);
    let waiting = world.path("node/archives").join(&names(world.path("node/archives"))[0]);
    assert_eq!(names(waiting), [""; 0], "the archive is removed here once it is there");
    assert_eq!(host.uploads(), 0);

    let list = archives(&world).await;
    let content = world
        .answer(Ask::Send {
            repository: world.repository(),
            snapshot: list[0].id.clone(),
            paths: vec![world.path("source/1").display().to_string()],
            form: ContentForm::File,
            transfer: TransferId::new(&SystemClock, &SystemRandom),
        })
        .await;
    assert!(matches!(content, Ok(Answer::Sending { length: Some(200_000), .. })), "{content:?}");
    run(&world, RunKind::Verify, RunState::Completed).await;
    restore(&world, request("latest", world.path("back")), RunState::Completed).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_goes_on_where_it_was_cut_and_waits_while_nobody_is_there() {
    let mut world = world().await;
    world.fill(20);
    let host = Host::start().await;
    let compression = Some(ArchiveCompression::Store);
    hold(&world, ArchiveSettings { split_over: Some(300_000), compression, ..plain() }, Some(&host));
    host.way.cut_after.store(500_000, Ordering::SeqCst);
    run(&world, RunKind::Backup, RunState::Completed).await;
    assert!(host.way.cuts.load(Ordering::SeqCst) > 0, "nothing was cut");
    assert_eq!(host.uploads(), 0);
    let sent = host.files()[0].metadata().unwrap().len();
    let (passed, cuts) = (host.way.passed.load(Ordering::SeqCst), host.way.cuts.load(Ordering::SeqCst));
    assert!(passed < sent + cuts * 300_000 + 200_000, "{passed} bytes for {sent} with {cuts} cuts");
    run(&world, RunKind::Verify, RunState::Completed).await;

    // While it is away the archive is kept, and is not made again.
    host.way.cut_after.store(0, Ordering::SeqCst);
    host.way.closed.store(true, Ordering::SeqCst);
    let run = world.run_plan(RunKind::Backup);
    world.until(run, "waiting", |run| run.waiting.is_some()).await;
    host.way.closed.store(false, Ordering::SeqCst);
    world.pass(3600);
    world.until_state(run, RunState::Completed).await;
    assert_eq!(host.files().len(), 4);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_go_into_a_bucket_and_come_back() {
    let start = || crate::multipart::start(crate::multipart::Kind::default());
    let (server, uploads) = tokio::task::spawn_blocking(start).await.unwrap();
    std::fs::create_dir(server.root().join("bucket")).unwrap();
    let mut world = world().await;
    world.fill(3);
    hold(&world, ArchiveSettings { full_every: 5, ..ArchiveSettings::default() }, None);
    let key = world.identity().key;
    world.hub.arrange(|configuration| {
        let repository = &mut configuration.repositories[0];
        let mut secrets = std::collections::BTreeMap::new();
        KeyPair::generate().with_secret(|key| secrets.insert("password".to_owned(), key.to_owned()));
        secrets.insert("secret_key".to_owned(), crate::s3_server::SECRET.to_owned());
        let of = seals::of_repository(repository.id);
        repository.secrets = seals::seal(key.public(), &of, &secrets, &SystemRandom).unwrap();
        repository.settings = crate::probes::s3(&server.url);
    });
    run(&world, RunKind::Backup, RunState::Completed).await;
    std::fs::write(world.path("source/new"), "news").unwrap();
    let second = run(&world, RunKind::Backup, RunState::Completed).await;
    assert_eq!(second.outcome.unwrap().files_unmodified, 3);
    let list = archives(&world).await;
    assert_eq!(list.len(), 2);
    run(&world, RunKind::Verify, RunState::Completed).await;
    let done = restore(&world, request("latest", world.path("back")), RunState::Completed).await;
    assert_eq!(done.outcome.unwrap().more["verified"], "4");
    assert!(uploads.lock().unwrap().is_empty(), "an upload is left");
    let (repository, snapshot) = (world.repository(), list[0].id.clone());
    world.answer(Ask::Forget { repository, snapshot }).await.unwrap();
    assert_eq!(archives(&world).await.len(), 1);
    world.stop().await;
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}
