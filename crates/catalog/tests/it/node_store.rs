//! What a node remembers.

use backstay_catalog::{Agreement, CatalogError, Clash, Handled, NewLine, NewRun, NodeStore, OutboxLimits};
use backstay_model::link::{News, NodeConfiguration, OutboxEntry};
use backstay_model::run::Progress;
use backstay_model::*;
use serde_json::{Value, json};

use crate::world::{ENOUGH, World, at, clashes, id, then};

async fn store() -> (tempfile::TempDir, NodeStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = NodeStore::open(&folder.path().join("data/node.db")).await.unwrap();
    (folder, store)
}

fn line(text: &str, seconds: i64) -> NewLine {
    NewLine { time: at(seconds), level: Level::Info, step: "read".into(), text: text.into() }
}

fn numbers(entries: &[OutboxEntry]) -> Vec<i64> {
    entries.iter().map(|entry| entry.number).collect()
}

/// An entry in short: a run by its revision, lines by how many.
fn short(entry: &OutboxEntry) -> String {
    match &entry.news {
        News::Run { run } => format!("run {}", run.revision),
        News::Log { lines } => format!("{} lines", lines.len()),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn its_files_are_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, store) = store().await;
    store.meta_set("key", "value").await.unwrap();
    let mode = |path: &str| std::fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("data"), 0o700);
    for file in ["data/node.db", "data/node.db-wal", "data/node.db-shm"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}

#[tokio::test]
async fn configuration_and_small_values_are_kept() {
    let (_folder, store) = store().await;
    assert_eq!(store.configuration().await.unwrap(), NodeConfiguration::default());
    let configuration = NodeConfiguration { version: 7, ..NodeConfiguration::default() };
    store.set_configuration(&configuration).await.unwrap();
    assert_eq!(store.configuration().await.unwrap(), configuration);
    assert_eq!(store.meta_get("key").await.unwrap(), None);
    store.meta_set("key", "one").await.unwrap();
    store.meta_set("key", "two").await.unwrap();
    assert_eq!(store.meta_get("key").await.unwrap().as_deref(), Some("two"));
}

#[tokio::test]
async fn a_run_is_changed_only_from_the_state_that_was_seen() {
    let (_folder, store) = store().await;
    let run = World::new().run(at(0));
    let private = json!({ "repository": "sealed" });
    store.insert_run(&run, &private).await.unwrap();
    assert!(clashes(store.insert_run(&run, &private).await, Clash::Name));
    assert_eq!(store.run(run.id).await.unwrap(), Some((run.clone(), private.clone())));
    let running = then(&run, RunState::Running);
    let paused = then(&run, RunState::Paused);
    let (one, other) = tokio::join!(store.update_run(&running, 1), store.update_run(&paused, 1));
    assert!(one.is_ok() ^ other.is_ok());
    assert!(clashes(if one.is_ok() { other } else { one }, Clash::Revision));
    let (now, _) = store.run(run.id).await.unwrap().unwrap();
    assert!(store.update_run(&now, now.revision).await.is_err(), "a change has a new revision");
    store.set_private(run.id, &json!(1)).await.unwrap();
    assert_eq!(store.open_runs().await.unwrap(), [(now.clone(), json!(1))]);
    store.update_run(&then(&now, RunState::Cancelled), now.revision).await.unwrap();
    assert_eq!(store.open_runs().await.unwrap(), []);
    let unknown = World::new().run(at(0));
    let result = store.update_run(&then(&unknown, RunState::Running), 1).await;
    assert!(matches!(result, Err(CatalogError::NotFound { .. })), "{result:?}");
    // What was refused is not told.
    let told = store.outbox(0, ENOUGH).await.unwrap();
    assert_eq!(numbers(&told), [1, 2, 3]);
}

#[tokio::test]
async fn progress_is_stored_and_told_when_asked() {
    let (_folder, store) = store().await;
    let run = World::new().run(at(0));
    store.insert_run(&run, &Value::Null).await.unwrap();
    let progress = Progress { files: 5, ..Progress::default() };
    store.update_progress(run.id, &progress, false).await.unwrap();
    assert_eq!(store.outbox_range().await.unwrap(), (0, 1));
    store.update_progress(run.id, &progress, true).await.unwrap();
    assert_eq!(store.outbox_range().await.unwrap(), (0, 2));
    let (stored, _) = store.run(run.id).await.unwrap().unwrap();
    assert_eq!((stored.progress.files, stored.revision), (5, 1));
    let ended = then(&stored, RunState::Completed);
    store.update_run(&ended, 1).await.unwrap();
    store.update_progress(run.id, &Progress::default(), true).await.unwrap();
    assert_eq!(store.run(run.id).await.unwrap().unwrap().0, ended, "what comes late changes nothing");
}

#[tokio::test]
async fn lines_are_numbered_without_gaps_by_many_writers() {
    let (_folder, store) = store().await;
    let run = World::new().run(at(0));
    store.insert_run(&run, &Value::Null).await.unwrap();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (store, run) = (store.clone(), run.id);
            tokio::spawn(async move {
                for number in 0..10 {
                    let lines = [line(&format!("{writer} {number}"), 0), line("second", 0)];
                    let written = store.append_log(run, &lines).await.unwrap();
                    assert_eq!(written[0].number + 1, written[1].number);
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let log = store.log(run.id, 0, 1000).await.unwrap();
    assert_eq!(log.iter().map(|line| line.number).collect::<Vec<_>>(), (1..=80).collect::<Vec<_>>());
    assert_eq!(store.log(run.id, 78, 1).await.unwrap(), log[78..79]);
    let told = store.outbox(0, ENOUGH).await.unwrap();
    assert_eq!(numbers(&told), (1..=41).collect::<Vec<_>>());
    let lines: Vec<LogLine> = told
        .into_iter()
        .filter_map(|entry| match entry.news {
            News::Log { lines } => Some(lines),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(lines, log);
    assert!(store.append_log(RunId(id()), &[line("lost", 0)]).await.is_err());
}

#[tokio::test]
async fn of_many_entries_about_one_run_the_first_and_the_last_tell() {
    let (_folder, store) = store().await;
    let mut run = World::new().run(at(0));
    store.insert_run(&run, &Value::Null).await.unwrap();
    store.append_log(run.id, &[line("begun", 0)]).await.unwrap();
    for _ in 0..4 {
        run = then(&run, RunState::Running);
        store.update_run(&run, run.revision - 1).await.unwrap();
    }
    let told = store.outbox(0, ENOUGH).await.unwrap();
    assert_eq!(numbers(&told), [1, 2, 3, 4, 5, 6]);
    assert_eq!(
        told.iter().map(short).collect::<Vec<_>>(),
        ["run 5", "1 lines", "0 lines", "0 lines", "0 lines", "run 5"]
    );
    // Whatever the server has already, the rest tells how the run is now.
    for after in 0..6 {
        let rest = store.outbox(after, ENOUGH).await.unwrap();
        assert_eq!(short(rest.last().unwrap()), "run 5");
    }
}

#[tokio::test]
async fn the_outbox_is_read_in_parts_and_emptied() {
    let (_folder, store) = store().await;
    let world = World::new();
    for number in 0..5 {
        store.insert_run(&world.run(at(number)), &Value::Null).await.unwrap();
    }
    let few = OutboxLimits { entries: 2, bytes: usize::MAX };
    assert_eq!(numbers(&store.outbox(1, few).await.unwrap()), [2, 3]);
    let small = OutboxLimits { entries: 100, bytes: 1 };
    assert_eq!(numbers(&store.outbox(0, small).await.unwrap()), [1], "one is read whatever its size");
    assert_eq!(store.acknowledge(3).await.unwrap(), Agreement::Agreed);
    assert_eq!(store.acknowledge(3).await.unwrap(), Agreement::Agreed);
    assert_eq!(store.outbox_range().await.unwrap(), (3, 5));
    assert_eq!(numbers(&store.outbox(0, ENOUGH).await.unwrap()), [4, 5]);
    assert_eq!(store.acknowledge(5).await.unwrap(), Agreement::Agreed);
    store.tell(&News::Trouble { text: "look".into() }).await.unwrap();
    assert_eq!(numbers(&store.outbox(0, ENOUGH).await.unwrap()), [6], "numbers never come twice");
}

#[tokio::test]
async fn everything_is_told_again_after_a_set_back() {
    let (_folder, store) = store().await;
    let world = World::new();
    let runs = [world.run(at(0)), then(&world.run(at(1)), RunState::Completed)];
    for run in &runs {
        store.insert_run(run, &Value::Null).await.unwrap();
        let lines: Vec<NewLine> = (0..300).map(|number| line("text", number)).collect();
        store.append_log(run.id, &lines).await.unwrap();
    }
    let (_, last) = store.outbox_range().await.unwrap();
    assert_eq!(store.acknowledge(last).await.unwrap(), Agreement::Agreed);
    store.tell(&News::Trouble { text: "look".into() }).await.unwrap();
    // The server was set back; or this node was, and the server has more than it ever told.
    for server_has in [1, last + 100] {
        assert_eq!(store.acknowledge(server_has).await.unwrap(), Agreement::Disagreed);
        store.retell_everything(server_has).await.unwrap();
        let told = store.outbox(server_has, ENOUGH).await.unwrap();
        assert_eq!(numbers(&told), (server_has + 1..=server_has + 7).collect::<Vec<_>>());
        let kinds: Vec<String> = told.iter().map(short).collect();
        let expected = ["run 1", "256 lines", "44 lines", "run 2", "256 lines", "44 lines"];
        assert_eq!(kinds[..6], expected);
        assert!(kinds[6].contains("look"), "{kinds:?}");
    }
}

#[tokio::test]
async fn a_slot_is_queued_once_or_not_at_all() {
    let (_folder, store) = store().await;
    let world = World::new();
    let plan = world.plan.id;
    assert_eq!(store.last_due(plan).await.unwrap(), None);
    store.set_last_due(plan, at(10)).await.unwrap();
    let new = |second, private| NewRun {
        run: world.run(at(second)),
        private: json!(private),
        lines: vec![line("queued", second)],
    };
    let runs = [new(20, 1), new(20, 2)];
    let queued = runs.clone().map(|new| (new.run, new.private));
    store.queue(&runs, Handled::Due(plan, at(20))).await.unwrap();
    assert_eq!(store.last_due(plan).await.unwrap(), Some(at(20)));
    assert_eq!(store.open_runs().await.unwrap(), queued);
    for (run, _) in &queued {
        assert_eq!(store.log(run.id, 0, 9).await.unwrap()[0].text, "queued");
    }
    // A slot with a run that is there already changes nothing at all.
    let again = [new(30, 3), runs[0].clone()];
    assert!(store.queue(&again, Handled::Due(plan, at(30))).await.is_err());
    assert!(store.queue(&again, Handled::Meta("upkeep", "30")).await.is_err());
    assert_eq!(store.last_due(plan).await.unwrap(), Some(at(20)));
    assert_eq!(store.meta_get("upkeep").await.unwrap(), None);
    assert_eq!(store.open_runs().await.unwrap(), queued);
    assert_eq!(store.outbox_range().await.unwrap(), (0, 4));
    store.queue(&again[..1], Handled::Meta("upkeep", "30")).await.unwrap();
    assert_eq!(store.meta_get("upkeep").await.unwrap().as_deref(), Some("30"));
}

#[tokio::test]
async fn a_change_of_state_and_its_line_are_stored_together_or_not_at_all() {
    let (folder, store) = store().await;
    let run = World::new().run(at(0));
    store.insert_run(&run, &json!(1)).await.unwrap();
    let path = folder.path().join("data/node.db");
    let pool =
        sqlx::any::AnyPoolOptions::new().connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON log_lines BEGIN SELECT RAISE(ABORT, 'no room'); END";
    sqlx::raw_sql(refuse).execute(&pool).await.unwrap();
    let running = then(&run, RunState::Running);
    let lines = [line("started", 1)];
    assert!(store.change_run(&running, 1, &lines, Some(&json!(2))).await.is_err());
    assert_eq!(store.run(run.id).await.unwrap(), Some((run.clone(), json!(1))));
    assert_eq!(store.outbox_range().await.unwrap(), (0, 1));
    sqlx::raw_sql("DROP TRIGGER refuse").execute(&pool).await.unwrap();
    store.change_run(&running, 1, &lines, Some(&json!(2))).await.unwrap();
    assert_eq!(store.run(run.id).await.unwrap(), Some((running, json!(2))));
    assert_eq!(store.log(run.id, 0, 9).await.unwrap().len(), 1);
    pool.close().await;
}

#[tokio::test]
async fn a_command_is_executed_once() {
    let (_folder, store) = store().await;
    let command = CommandId(id());
    let (one, other) = tokio::join!(store.begin_command(command, at(0)), store.begin_command(command, at(0)));
    assert!(one.unwrap() ^ other.unwrap());
    assert_eq!(store.prune_commands(at(0)).await.unwrap(), 0);
    assert!(!store.begin_command(command, at(1)).await.unwrap());
    assert_eq!(store.prune_commands(at(1)).await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_old_is_forgotten_once_it_was_told() {
    let (_folder, store) = store().await;
    let world = World::new();
    let open = world.run(at(0));
    let ended = then(&world.run(at(0)), RunState::Completed);
    for run in [&open, &ended] {
        store.insert_run(run, &Value::Null).await.unwrap();
    }
    let lines: Vec<NewLine> = (0..10).map(|number| line("text", number)).collect();
    store.append_log(ended.id, &lines).await.unwrap();
    assert_eq!(store.prune_logs(at(2), 5).await.unwrap(), 5);
    let left: Vec<i64> = store.log(ended.id, 0, 99).await.unwrap().iter().map(|line| line.number).collect();
    assert_eq!(left, [6, 7, 8, 9, 10]);
    let told = store.outbox(0, ENOUGH).await.unwrap();
    assert_eq!(short(&told[2]), "5 lines", "what is gone is told no more, and its number stays");
    assert_eq!(store.prune_runs(at(61)).await.unwrap(), 0, "the server does not have it yet");
    assert_eq!(store.acknowledge(3).await.unwrap(), Agreement::Agreed);
    assert_eq!(store.prune_runs(at(60)).await.unwrap(), 0, "it ended then");
    assert_eq!(store.prune_runs(at(61)).await.unwrap(), 1);
    assert_eq!(store.run(ended.id).await.unwrap(), None);
    assert_eq!(store.log(ended.id, 0, 99).await.unwrap(), []);
    assert!(store.run(open.id).await.unwrap().is_some());
}
