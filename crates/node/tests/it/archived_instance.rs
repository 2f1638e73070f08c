//! A real MariaDB into archives at a real receiver, in the literal order: it runs again whatever fails, and no archive that was made
//! is lost.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use backstay_model::archives::ArchiveCompression;
use backstay_model::command::Ask;
use backstay_model::run::RestoreRequest;
use backstay_model::{ArchiveSettings, Run, RunId, RunKind, RunState};
use serde_json::json;

use crate::archives::{archives, hold, names, plain, request, restore};
use crate::cold::Cold;
use crate::receiver::Host;

/// Small chunks of what is not compressed, so that a transfer takes its time.
fn many_chunks() -> ArchiveSettings {
    ArchiveSettings { split_over: Some(1 << 20), compression: Some(ArchiveCompression::Store), ..plain() }
}

/// What waits on this host to be sent.
fn waiting(cold: &Cold) -> Vec<PathBuf> {
    let base = cold.world.path("node/archives");
    let places = names(base.clone()).into_iter().map(|name| base.join(name));
    places.flat_map(|place| names(place.clone()).into_iter().map(move |run| place.join(run))).collect()
}

async fn within(cold: &Cold, run: RunId, what: &str, is_so: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so().await {
        assert!(Instant::now() < end, "no {what}\n{}", cold.world.log(run).await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Begins a backup whose transfer breaks off in the middle, with nobody there any more.
async fn cut_off(cold: &Cold, host: &Host) -> RunId {
    let before = host.way.cuts.load(Ordering::SeqCst);
    host.way.cut_after.store(5 << 20, Ordering::SeqCst);
    let run = cold.world.run_plan(RunKind::Backup);
    within(cold, run, "cut", async || host.way.cuts.load(Ordering::SeqCst) > before).await;
    host.way.closed.store(true, Ordering::SeqCst);
    host.way.cut_after.store(0, Ordering::SeqCst);
    run
}

/// Lets the node give up a transfer for now, and waits until its run does.
async fn until_waiting(cold: &Cold, run: RunId) {
    let waits = async || {
        cold.world.pass(30);
        let found = cold.world.store.run(run).await.unwrap();
        found.is_some_and(|run| run.waiting.is_some_and(|waiting| waiting.next_try.is_some()))
    };
    within(cold, run, "waiting", waits).await;
    assert!(cold.instance.is_running(), "{}", cold.world.log(run).await);
}

fn stops(cold: &Cold) -> usize {
    cold.instance.calls().iter().filter(|call| *call == "stop").count()
}

async fn completed(cold: &Cold, run: RunId) -> Run {
    cold.world.pass(3600);
    cold.ended(run, RunState::Completed).await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_stopped_archived_sent_started_and_proven_in_this_order() {
    let Some(cold) = Cold::new(json!({"sequence": "send_first"})).await else { return };
    let host = Host::start().await;
    let name = "{server}-{database}-{type}-{date:%Y%m%d}".to_owned();
    hold(&cold.world, ArchiveSettings { name, ..plain() }, Some(&host));
    let run = cold.back_up(RunState::Completed).await;
    let log = cold.world.log(run.id).await;
    let steps = [
        "the instance is stopped",
        "archiving ",
        "made ",
        "sending ",
        "arrived whole",
        "the instance answers",
        "is removed from this host",
    ];
    let place = |step: &&str| log.find(step).unwrap_or_else(|| panic!("no {step:?} in\n{log}"));
    let places: Vec<_> = steps.iter().map(place).collect();
    assert!(places.is_sorted(), "{places:?}\n{log}");
    assert_eq!(cold.instance.calls(), ["start", "stop", "start"]);
    let name = host.files()[0].file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("here-all-full-"), "{name}");

    let _ = cold.instance.sql("DROP DATABASE shop");
    let source = cold.world.hub.configuration.lock().plans[0].sources[0].named.id;
    let request = RestoreRequest { instance: Some(source), ..request("latest", PathBuf::from("/")) };
    let dry = RestoreRequest { dry_run: true, ..request.clone() };
    restore(&cold.world, dry, RunState::Completed).await;
    assert_eq!(stops(&cold), 1, "a dry run stops nothing");
    let back = restore(&cold.world, request.clone(), RunState::Completed).await;
    assert!(back.outcome.unwrap().more.contains_key("tables_checked"));
    assert_eq!(cold.instance.checksum(), cold.before);

    // A damaged archive leaves the instance as it is: it is not even stopped.
    let before = stops(&cold);
    let archive =
        host.files().into_iter().find(|file| file.extension().is_some_and(|it| it == "zip")).unwrap();
    let mut bytes = std::fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&archive, bytes).unwrap();
    restore(&cold.world, request, RunState::Failed).await;
    assert_eq!((stops(&cold), cold.instance.checksum()), (before, cold.before.clone()));
    cold.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_while_its_archive_waits_to_be_sent_also_after_a_restart_and_a_crash() {
    let Some(mut cold) = Cold::new(json!({"sequence": "send_first"})).await else { return };
    let host = Host::start().await;
    hold(&cold.world, many_chunks(), Some(&host));
    let run = cut_off(&cold, &host).await;
    until_waiting(&cold, run).await;
    assert_eq!((stops(&cold), waiting(&cold).len()), (1, 1));
    cold.world.stop().await;
    cold.world.start().await;
    host.way.closed.store(false, Ordering::SeqCst);
    completed(&cold, run).await;
    assert_eq!(stops(&cold), 1, "it is not stopped again");
    assert_eq!((host.files().len(), host.uploads(), waiting(&cold).len()), (2, 0, 0));
    let log = cold.world.log(run).await;
    assert!(log.contains("are there already, and right"), "{log}");

    // The process is killed while it sends; the instance with it, as when the power fails.
    let run = cut_off(&cold, &host).await;
    cold.world.kill().await;
    cold.instance.manage("stop");
    cold.world.start().await;
    within(&cold, run, "instance", async || cold.instance.is_running()).await;
    host.way.closed.store(false, Ordering::SeqCst);
    completed(&cold, run).await;
    assert_eq!((host.files().len(), host.uploads(), waiting(&cold).len()), (4, 0, 0));
    assert_eq!(stops(&cold), 3, "twice for a backup, once by the power");
    assert_eq!(archives(&cold.world).await.len(), 2);
    cold.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_whatever_becomes_of_its_archive() {
    let Some(cold) = Cold::new(json!({"sequence": "send_first", "start_timeout": "5s"})).await else {
        return;
    };
    let host = Host::start().await;

    // There is no room to make it.
    hold(&cold.world, many_chunks(), Some(&host));
    let spool = tempfile::tempdir().unwrap();
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(spool.path())
        .status();
    assert!(mount.unwrap().success());
    cold.edit(|method| method["spool"] = json!(spool.path()));
    let error = cold.back_up(RunState::Failed).await.error.unwrap();
    assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("free some space")), "{error:?}");
    let left: Vec<_> = names(spool.path().join("backstay-archives"));
    assert!(left.iter().all(|place| names(spool.path().join("backstay-archives").join(place)).is_empty()));
    assert!(std::process::Command::new("umount").arg(spool.path()).status().unwrap().success());
    cold.edit(|method| method["spool"] = json!(null));

    // The receiver has no room for it: it stays, and the next run sends it with its own.
    let (small, token) = host.client("small", Some(100_000));
    crate::archives::send_to(&cold.world, small, token);
    let error = cold.back_up(RunState::Failed).await.error.unwrap();
    assert!(error.message.contains("there is no room"), "{}", error.message);
    assert_eq!(waiting(&cold).len(), 1);
    let (large, token) = host.client("large", None);
    crate::archives::send_to(&cold.world, large, token);
    // Meanwhile somebody has taken its name.
    let name = names(waiting(&cold)[0].clone()).into_iter().find(|name| name.ends_with(".zip")).unwrap();
    let folder = host.folder("large/archives/home");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(&name), "somebody else's").unwrap();
    cold.back_up(RunState::Completed).await;
    assert_eq!(std::fs::read(folder.join(&name)).unwrap(), b"somebody else's");
    assert!(folder.join(name.replace(".zip", "-2.zip")).exists(), "{:?}", host.files());
    assert_eq!((waiting(&cold).len(), archives(&cold.world).await.len()), (0, 2));

    // Who pauses or cancels a transfer finds the instance running; a cancelled one leaves nothing behind.
    let run = cut_off(&cold, &host).await;
    cold.world.ask(Ask::Pause { run });
    cold.ended(run, RunState::Paused).await;
    assert_eq!(waiting(&cold).len(), 1);
    let before = stops(&cold);
    host.way.closed.store(false, Ordering::SeqCst);
    cold.world.ask(Ask::Resume { run });
    cold.ended(run, RunState::Completed).await;
    assert_eq!(stops(&cold), before, "the archive was made already");
    let run = cut_off(&cold, &host).await;
    assert_eq!(host.uploads(), 1);
    // It is between two tries now.
    host.way.closed.store(false, Ordering::SeqCst);
    cold.world.ask(Ask::Cancel { run });
    cold.ended(run, RunState::Cancelled).await;
    within(&cold, run, "clean-up", async || waiting(&cold).is_empty() && host.uploads() == 0).await;

    // It does not start after the transfer: people are told, and the archive stays on this host until it runs.
    cold.instance.set("refuse-start", true);
    let run = cold.world.run_plan(RunKind::Backup);
    let run = cold.world.until_state(run, RunState::Failed).await;
    assert!(!cold.instance.is_running());
    cold.world.until_told("does not start again").await;
    assert!(run.destinations[0].snapshot.is_some());
    assert_eq!(waiting(&cold).len(), 1);
    cold.instance.set("refuse-start", false);
    cold.instance.manage("start");
    cold.back_up(RunState::Completed).await;
    assert_eq!(waiting(&cold).len(), 0);
    assert_eq!(cold.instance.checksum(), cold.before);
    cold.end().await;
}
