//! Buckets under trouble: keys that are taken back, pauses and kills in the middle, a full target, an archive class.

use std::time::Duration;

use backstay_core::Random;
use backstay_model::command::Ask;
use backstay_model::{ConnectionSettings, Run, RunId, RunKind, RunState};
use backstay_net::testing::Attributes;
use backstay_node::seals;
use serde_json::json;

use crate::archives::{archives, hold, names, plain};
use crate::buckets::{Shelf, all, packs};
use crate::world::{SystemRandom, World};

/// Objects of 1 MiB that do not get smaller, so that packs fill up.
const LONG: usize = 40;

/// A shelf of long objects.
async fn long() -> Shelf {
    let shelf = Shelf::new(0).await;
    for at in 0..LONG {
        let mut content = vec![0; 1 << 20];
        SystemRandom.fill(&mut content);
        shelf.server.put("photos", &format!("long{at:02}"), content, Attributes::default());
    }
    shelf
}

/// A backup in its midst: so much is read slowly.
async fn begin(shelf: &Shelf, objects: u64) -> RunId {
    shelf.server.behave(|behaviour| behaviour.bytes_per_second = Some(1 << 20));
    let run = shelf.world.run_plan(RunKind::Backup);
    until(|| shelf.server.count("GetObject") >= objects).await;
    run
}

async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..3000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it does not come to that");
}

/// Lets the service be as fast as it can, and counts from here on.
fn hurry(shelf: &Shelf) {
    shelf.server.behave(|behaviour| behaviour.bytes_per_second = None);
    shelf.server.forget_counts();
}

/// Pauses the run and stops the node, or kills it; then has it go on, as fast as it can.
async fn restart(shelf: &mut Shelf, run: RunId, kills: bool) {
    if kills {
        shelf.world.kill().await;
    } else {
        shelf.world.ask(Ask::Pause { run });
        shelf.world.until_state(run, RunState::Paused).await;
        shelf.world.stop().await;
    }
    hurry(shelf);
    shelf.world.start().await;
    if !kills {
        shelf.world.ask(Ask::Resume { run });
    }
}

/// The files in a folder of the node, and in those below it.
pub(crate) fn left(world: &World, folder: &str) -> Vec<String> {
    let (mut folders, mut files) = (vec![world.path("node").join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for name in names(folder.clone()) {
            let path = folder.join(&name);
            if path.is_dir() { folders.push(path) } else { files.push(name) }
        }
    }
    files
}

/// All of the bucket comes back in another one.
async fn comes_back(shelf: Shelf) {
    shelf.server.create_bucket("other");
    shelf.restore("other", all(), RunState::Completed).await;
    shelf.same("photos", "other");
    shelf.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_or_a_kill_in_the_middle_of_a_bucket_goes_on_where_it_was() {
    for kills in [false, true] {
        let mut shelf = long().await;
        let run = begin(&shelf, 30).await;
        until(|| packs(&shelf.world).len() >= 2).await;
        restart(&mut shelf, run, kills).await;
        let done = shelf.world.until_state(run, RunState::Completed).await;
        assert_eq!((done.outcome.unwrap().errors, done.attempt), (0, 2));
        assert!(shelf.world.log(run).await.contains("going on with an interrupted backup"));
        let again = shelf.server.count("GetObject");
        assert!(again < LONG as u64, "{again} of {LONG} objects were read again");
        comes_back(shelf).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_of_a_bucket_that_was_paused_or_killed_is_made_anew_and_nothing_is_left_of_the_first() {
    for kills in [false, true] {
        let mut shelf = long().await;
        hold(&shelf.world, plain(), None);
        let run = begin(&shelf, 10).await;
        restart(&mut shelf, run, kills).await;
        shelf.world.until_state(run, RunState::Completed).await;
        assert_eq!(archives(&shelf.world).await.len(), 1);
        assert_eq!(left(&shelf.world, "archives"), [""; 0]);
        comes_back(shelf).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_backup_of_a_bucket_leaves_nothing_behind() {
    for is_archive in [false, true] {
        let shelf = long().await;
        if is_archive {
            hold(&shelf.world, plain(), None);
        }
        let run = begin(&shelf, 10).await;
        shelf.world.ask(Ask::Cancel { run });
        shelf.world.until_state(run, RunState::Cancelled).await;
        for folder in ["journals", "archives", "restores"] {
            assert_eq!(left(&shelf.world, folder), [""; 0], "{folder}");
        }
        hurry(&shelf);
        shelf.back_up(RunState::Completed).await;
        comes_back(shelf).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_taken_back_ends_the_run_and_keeps_nothing_that_is_not_all() {
    for is_archive in [false, true] {
        for code in ["InvalidAccessKeyId", "ExpiredToken", "SignatureDoesNotMatch"] {
            let shelf = Shelf::new(60).await;
            if is_archive {
                hold(&shelf.world, plain(), None);
            }
            shelf.server.hook(move |asked, buckets| {
                if asked.operation == "GetObject" && buckets.count("GetObject") == 20 {
                    buckets.refuse(code, 1_000_000);
                }
            });
            let run = shelf.back_up(RunState::Failed).await;
            let error = run.error.unwrap();
            // The listing may be under way still, and hears it first.
            assert!(error.message.contains(code), "{error:?}");
            let hint = error.hint.unwrap_or_default();
            assert!(hint.contains(" key") || hint.contains("credentials"), "{code}: {hint}");
            assert_eq!(archives(&shelf.world).await.len(), 0, "what is not all was kept");
            shelf.server.hook(|_, _| ());
            shelf.server.accept();
            shelf.back_up(RunState::Completed).await;
            assert_eq!(archives(&shelf.world).await.len(), 1);
            comes_back(shelf).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_not_known_fail_the_run_at_once_and_say_what_to_do() {
    let shelf = Shelf::new(3).await;
    shelf.server.refuse("InvalidAccessKeyId", 1000);
    let run = shelf.back_up(RunState::Failed).await;
    let error = run.error.unwrap();
    assert!(error.message.contains("InvalidAccessKeyId") && error.hint.is_some(), "{error:?}");
    shelf.server.accept();
    shelf.server.refuse("SlowDown", 3);
    shelf.back_up(RunState::Completed).await;
    shelf.end().await;
}

/// A target that has other objects under some of the keys.
fn occupy(shelf: &Shelf) {
    shelf.server.create_bucket("other");
    for key in shelf.server.keys("photos").iter().step_by(2) {
        shelf.server.put("other", key, b"what was there before".to_vec(), Attributes::default());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_into_a_bucket_that_was_paused_or_killed_comes_to_its_end() {
    for (is_archive, kills) in [(false, false), (false, true), (true, true)] {
        let mut shelf = Shelf::new(60).await;
        if is_archive {
            hold(&shelf.world, plain(), None);
        }
        shelf.back_up(RunState::Completed).await;
        occupy(&shelf);
        shelf.server.forget_counts();
        shelf.server.behave(|behaviour| behaviour.latency = Duration::from_millis(300));
        let run = shelf.restore_from("other", shelf.world.repository(), all()).await;
        until(|| shelf.server.count("PutObject") >= 10).await;
        if kills {
            shelf.world.kill().await;
        } else {
            shelf.world.ask(Ask::Pause { run });
            shelf.world.until_state(run, RunState::Paused).await;
        }
        assert_ne!(shelf.server.keys("other"), shelf.server.keys("photos"), "it was over already");
        shelf.server.behave(|behaviour| behaviour.latency = Duration::ZERO);
        if kills {
            shelf.world.start().await;
        } else {
            shelf.world.ask(Ask::Resume { run });
        }
        let done = shelf.world.until_state(run, RunState::Completed).await;
        assert_eq!(&*done.outcome.unwrap().more["verified"], "61");
        shelf.same("photos", "other");
        assert_eq!(left(&shelf.world, "restores"), [""; 0]);
        shelf.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_full_ends_the_restore_and_what_it_would_replace_is_kept() {
    for is_archive in [false, true] {
        let shelf = Shelf::new(60).await;
        if is_archive {
            hold(&shelf.world, plain(), None);
        }
        shelf.back_up(RunState::Completed).await;
        occupy(&shelf);
        shelf.server.forget_counts();
        shelf.server.hook(|asked, buckets| {
            if asked.operation == "PutObject" && buckets.count("PutObject") == 20 {
                buckets.refuse_operation("PutObject", "QuotaExceeded", 1_000_000);
            }
        });
        let run = shelf.restore("other", all(), RunState::Failed).await;
        let error = run.error.unwrap();
        assert!(error.message.contains("QuotaExceeded"), "{error:?}");
        assert!(error.hint.unwrap().contains("make room"));
        // What was there is there, in its place or where it was put aside.
        let keys = shelf.server.keys("other");
        for key in shelf.server.keys("photos").iter().step_by(2) {
            let kept = keys.iter().filter(|kept| kept.ends_with(key.as_str()));
            let is_old =
                |key: &String| shelf.server.get("other", key).unwrap().bytes == b"what was there before"[..];
            assert!(kept.clone().any(is_old), "{key} is lost: {keys:?}");
        }
        shelf.server.hook(|_, _| ());
        shelf.server.accept();
        shelf.restore("other", all(), RunState::Completed).await;
        for key in shelf.server.keys("photos") {
            assert!(
                shelf.server.get("other", &key).unwrap().bytes
                    == shelf.server.get("photos", &key).unwrap().bytes
            );
        }
        shelf.end().await;
    }
}

/// Has the plan's repository lie in the service too, in an archive class.
pub(crate) fn freeze(world: &World, settings: impl Fn() -> ConnectionSettings, secret: &str) {
    let identity = world.identity();
    world.hub.arrange(|configuration| {
        for repository in &mut configuration.repositories {
            let open = [("password", "open sesame"), ("secret_key", secret)];
            let open = open.map(|(name, secret)| (name.to_owned(), secret.to_owned())).into();
            let record = seals::of_repository(repository.id);
            repository.settings = settings();
            repository.secrets = seals::seal(identity.key.public(), &record, &open, &SystemRandom).unwrap();
        }
    });
}

/// A restore waits with the reason, and nothing else does.
pub(crate) async fn until_frozen(world: &World, run: RunId) -> Run {
    let waits = world.until(run, "waiting", |run| run.waiting.is_some()).await;
    let reason = waits.waiting.clone().unwrap().reason;
    assert!(reason.contains("were asked for; all can be read within about 12 h"), "{reason}");
    waits
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_comes_back_from_an_archive_class_once_that_has_thawed() {
    let shelf = Shelf::new(9).await;
    shelf.server.create_bucket("cold");
    shelf.server.behave(|behaviour| behaviour.thaw_time = Duration::from_secs(3600));
    let credentials = shelf.server.settings().credentials.unwrap();
    let settings = || {
        let settings = json!({
            "endpoint": shelf.server.url, "bucket": "cold", "access_key": credentials.access_key_id,
            "allow_private": true, "storage_class": "DEEP_ARCHIVE",
        });
        ConnectionSettings::S3(serde_json::from_value(settings).unwrap())
    };
    freeze(&shelf.world, settings, credentials.secret_access_key.expose());
    shelf.back_up(RunState::Completed).await;
    shelf.server.create_bucket("other");
    let run = shelf.restore_from("other", shelf.world.repository(), all()).await;
    until_frozen(&shelf.world, run).await;
    assert_eq!(shelf.server.keys("other"), [""; 0], "nothing is half restored");
    shelf.server.thaw();
    shelf.world.until_state(run, RunState::Completed).await;
    shelf.same("photos", "other");
    shelf.end().await;
}
