//! Instances that are brought back in place: the old files come back whenever the new ones are not proven.

use backstay_model::command::Ask;
use backstay_model::run::RestoreRequest;
use backstay_model::{Run, RunKind, RunState};
use serde_json::json;

use crate::buckets::packs;
use crate::cold::Cold;

impl Cold {
    fn bring_back(&self, dry_run: bool) -> backstay_model::RunId {
        let run = self.world.run_id();
        let source = self.world.hub.configuration.lock().plans[0].sources[0].named.id;
        let request = RestoreRequest {
            snapshot: "latest".to_owned(),
            paths: Vec::new(),
            target: "/".to_owned(),
            overwrite: Default::default(),
            delete: false,
            dry_run,
            instance: Some(source),
            into: None,
        };
        let (project, repository) = (self.world.project, self.world.repository());
        self.world.ask(Ask::Restore {
            run,
            project,
            repository,
            request: Box::new(request),
            connection: None,
        });
        run
    }

    async fn brought_back(&self, state: RunState) -> Run {
        let run = self.bring_back(false);
        self.ended(run, state).await
    }

    /// Nothing waits or is kept beside what is used.
    fn assert_tidy(&self) {
        for folder in ["", "data", "redo", "undo", "binlog", "outside/shop"] {
            let entries = std::fs::read_dir(self.instance.folder().join(folder)).unwrap();
            for entry in entries {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(!name.contains("backstay-restore") && !name.contains(".before-"), "{folder}/{name}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_comes_back_in_place_with_all_that_lies_outside() {
    let Some(cold) = Cold::new(json!({})).await else { return };
    cold.back_up(RunState::Completed).await;
    let _ = cold.instance.sql("DROP DATABASE shop; CREATE DATABASE later; CREATE TABLE later.t (id INT)");

    let run = cold.bring_back(true);
    let run = cold.ended(run, RunState::Completed).await;
    assert!(run.outcome.unwrap().bytes > 1_000_000);
    let log = cold.world.log(run.id).await;
    assert!(log.contains("replace ") && log.contains("redo/ib_logfile0"), "{log}");
    assert_eq!(cold.instance.calls(), ["start", "stop", "start"], "a dry run stops nothing");
    assert_eq!(cold.instance.sql("SHOW DATABASES LIKE 'later'"), ["later"]);

    let run = cold.brought_back(RunState::Completed).await;
    let outcome = run.outcome.unwrap();
    assert!(outcome.more["tables_checked"].parse::<u64>().unwrap() > 10, "{outcome:?}");
    assert!(outcome.more.contains_key("downtime_ms"));
    assert_eq!(cold.instance.checksum(), cold.before);
    assert!(cold.instance.sql("SHOW DATABASES LIKE 'later'").is_empty());
    cold.assert_tidy();

    // Stopped it comes back too, and stays stopped; the source has to say where it is.
    let data_dir = cold.instance.data_dir();
    cold.edit(|method| method["data_dir"] = data_dir.display().to_string().into());
    let _ = cold.instance.sql("DROP DATABASE shop");
    cold.instance.manage("stop");
    let run = cold.bring_back(false);
    cold.world.until_state(run, RunState::Completed).await;
    assert!(!cold.instance.is_running());
    cold.instance.manage("start");
    assert_eq!(cold.instance.checksum(), cold.before);
    cold.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_leaves_the_instance_as_it_was() {
    let Some(cold) = Cold::new(json!({})).await else { return };
    let first = cold.back_up(RunState::Completed).await.destinations[0].snapshot.clone().unwrap();
    let before = packs(&cold.world);
    let _ = cold.instance.sql("INSERT INTO shop.orders VALUES (999999, 'newer')");
    cold.back_up(RunState::Completed).await;
    let new = packs(&cold.world).into_iter().filter(|pack| !before.contains(pack));
    let largest = new.max_by_key(|pack| pack.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&largest).unwrap();
    (0..bytes.len() - 4000).step_by(5000).for_each(|at| bytes[at] ^= 1);
    std::fs::set_permissions(&largest, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(&largest, bytes).unwrap();
    let _ = cold.instance.sql("INSERT INTO shop.orders VALUES (1000000, 'new')");
    let (now, calls) = (cold.instance.checksum(), cold.instance.calls());
    let error = cold.brought_back(RunState::Failed).await.error.unwrap();
    let hint = error.hint.unwrap();
    assert!(hint.contains("nothing that is in use was touched"), "{}", error.message);
    assert!(hint.contains(&first[..8]) && hint.ends_with("restore that one"), "{hint}");
    assert_eq!((cold.instance.checksum(), cold.instance.calls()), (now, calls));
    cold.assert_tidy();
    cold.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_files_come_back_when_the_new_ones_do_not_prove_themselves() {
    let Some(cold) = Cold::new(json!({"start_timeout": "10s"})).await else { return };
    // A backup of a table that was torn already.
    cold.instance.manage("stop");
    let table = cold.instance.data_dir().join("shop/myisam.MYD");
    let whole = std::fs::read(&table).unwrap();
    std::fs::write(&table, &whole[..whole.len() / 2]).unwrap();
    cold.instance.manage("start");
    cold.back_up(RunState::Completed).await;
    cold.instance.manage("stop");
    std::fs::write(&table, &whole).unwrap();
    cold.instance.manage("start");
    let _ = cold.instance.sql("CHECK TABLE shop.myisam; INSERT INTO shop.orders VALUES (1000000, 'new')");
    let now = cold.instance.checksum();
    let error = cold.brought_back(RunState::Failed).await.error.unwrap();
    assert!(error.message.contains("shop.myisam"), "{error:?}");
    assert_eq!(cold.instance.checksum(), now);
    cold.assert_tidy();

    // It does not start at all, on no files.
    cold.instance.set("refuse-start", true);
    let run = cold.bring_back(false);
    cold.world.until_state(run, RunState::Failed).await;
    assert!(!cold.instance.is_running());
    let told = cold.world.until_told("does not start again").await;
    assert!(told.contains("systemctl start mariadb-test"), "{told}");
    cold.instance.set("refuse-start", false);
    cold.instance.manage("start");
    assert_eq!(cold.instance.checksum(), now);
    cold.assert_tidy();
    cold.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_in_mid_exchange_leaves_the_old_files() {
    let Some(mut cold) = Cold::new(json!({})).await else { return };
    cold.back_up(RunState::Completed).await;
    let _ = cold.instance.sql("INSERT INTO shop.orders VALUES (1000000, 'new')");
    let now = cold.instance.checksum();
    // It hangs where the new files are in place and the instance is to start.
    cold.instance.set("hang-start", true);
    let run = cold.bring_back(false);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !cold.world.log(run).await.contains("the files of the backup are in place") {
        assert!(std::time::Instant::now() < end, "{}", cold.world.log(run).await);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // What the killed process would still do is done by the next one once more.
    let hang = cold.instance.folder().join("hang-start");
    let release = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_secs(2));
        std::fs::remove_file(hang).unwrap();
    });
    cold.world.kill().await;
    release.join().unwrap();
    cold.world.start().await;
    cold.world.ask(Ask::Cancel { run });
    cold.ended(run, RunState::Cancelled).await;
    assert_eq!(cold.instance.checksum(), now);
    cold.assert_tidy();
    let again = cold.world.run_plan(RunKind::Backup);
    cold.ended(again, RunState::Completed).await;
    cold.end().await;
}
