//! Databases of SQLite as sources, while programs write them, and back in their place.

use std::path::{Path, PathBuf};

use backstay_model::run::{IntoSqlite, RestoreInto, RestoreRequest};
use backstay_model::sqlite::SqliteSpec;
use backstay_model::{Run, RunKind, RunState, SourceSpec};
use backstay_node::local_policy::{LocalPolicy, Mode};
use backstay_policy::Schedule;
use backstay_sources::testing::{Bank, kept};

use crate::archives::{archives, hold, names, plain, request, restore};
use crate::world::World;

/// A node whose plan backs up a database.
struct Till {
    world: World,
    bank: Bank,
}

impl Till {
    async fn new(mode: &str, more: &[&str]) -> Self {
        let mut world = World::new(Schedule::default()).await;
        world.stop().await;
        let file = world.path("policy.toml");
        std::fs::create_dir(world.path("till")).unwrap();
        let below = world.path("");
        let rules = format!("read = [{0:?}, \"/srv\"]\nwrite = [\"/\"]\nrepositories = [{0:?}]\n", below);
        std::fs::write(&file, rules).unwrap();
        world.policy = LocalPolicy::load(&file, Mode::Local).unwrap();
        let bank = Bank::make(&world.path("till/bank.db"), mode);
        let named = std::iter::once("till/bank.db").chain(more.iter().copied());
        let databases = named.map(|name| text(&world.path(name))).collect();
        world.hub.arrange(|configuration| {
            configuration.plans[0].sources[0].spec =
                SourceSpec::Sqlite(SqliteSpec { databases, spool: None });
        });
        world.start().await;
        Self { world, bank }
    }

    async fn back_up(&self, state: RunState) -> Run {
        let run = self.world.run_plan(RunKind::Backup);
        self.world.until_state(run, state).await
    }

    async fn put_back(&self, into: IntoSqlite, dry_run: bool, state: RunState) -> Run {
        let into = Some(RestoreInto::Sqlite(into));
        restore(&self.world, RestoreRequest { into, dry_run, ..request("latest", "/".into()) }, state).await
    }

    fn transfers(&self, numbers: std::ops::RangeInclusive<i64>) {
        let opened = self.bank.open();
        numbers.for_each(|number| self.bank.transfer(&opened, number));
    }

    /// Names in the folder of the database, but for what SQLite keeps beside it.
    fn there(&self) -> Vec<String> {
        let mut names = names(self.world.path("till"));
        names.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
        names
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn all() -> IntoSqlite {
    IntoSqlite::default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_backed_up_while_it_is_written_and_goes_back_into_its_place() {
    for (mode, form) in [("WAL", None), ("DELETE", None), ("WAL", Some(plain()))] {
        let mut till = Till::new(mode, &[]).await;
        if let Some(settings) = form {
            hold(&till.world, settings, None);
        }
        let writer = till.bank.write(1);
        while writer.written() < 20 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let run = till.back_up(RunState::Completed).await;
        let log = till.world.log(run.id).await;
        assert!(log.contains("till/bank.db is whole: "), "{log}");
        let there = writer.written();
        while writer.written() < there + 20 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let written = writer.end();
        assert!(till.world.path("node/spool").is_dir(), "copies are not made there");
        assert_eq!(names(till.world.path("node/spool")), [""; 0], "a copy was left");

        till.put_back(all(), true, RunState::Completed).await;
        assert_eq!(kept(till.bank.path()), written, "a dry run wrote");
        assert_eq!(till.there(), ["bank.db"]);
        let done = till.put_back(all(), false, RunState::Completed).await.outcome.unwrap();
        let back = kept(till.bank.path());
        assert!((20..=written - 20).contains(&back), "{back} of {written}");
        let aside = PathBuf::from(&done.more["kept"]);
        assert_eq!(kept(&aside), written, "what was there is not what is kept");
        assert_eq!(done.more["databases"], "1");
        assert!(done.more["rows"].parse::<i64>().unwrap() >= 200 + back);
        assert_eq!(till.there(), ["bank.db", aside.file_name().unwrap().to_str().unwrap()]);

        // Under another name, beside it.
        let copy = till.world.path("till/copy.db");
        let into = IntoSqlite { to: Some(text(&copy)), ..all() };
        let done = till.put_back(into, false, RunState::Completed).await.outcome.unwrap();
        assert_eq!((kept(&copy), done.more.get("kept")), (back, None));
        till.world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_backup_adds_what_changed_also_where_only_the_log_has_it() {
    let mut till = Till::new("WAL", &[]).await;
    let first = till.back_up(RunState::Completed).await.outcome.unwrap();
    let (before, opened) = (std::fs::metadata(till.bank.path()).unwrap(), till.bank.open());
    opened.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    till.bank.transfer(&opened, 1);
    let after = std::fs::metadata(till.bank.path()).unwrap();
    assert_eq!((before.modified().unwrap(), before.len()), (after.modified().unwrap(), after.len()));
    let second = till.back_up(RunState::Completed).await.outcome.unwrap();
    assert!(second.bytes_added * 5 < first.bytes_added, "{} after {}", second.bytes_added, first.bytes_added);
    drop(opened);
    till.put_back(all(), false, RunState::Completed).await;
    assert_eq!(kept(till.bank.path()), 1);
    till.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_in_a_program_is_not_replaced() {
    let mut till = Till::new("WAL", &[]).await;
    till.back_up(RunState::Completed).await;
    till.transfers(1..=3);
    let mut holder = std::process::Command::new("sleep")
        .arg("60")
        .stdin(std::fs::File::open(till.bank.path()).unwrap())
        .spawn()
        .unwrap();
    let failed = till.put_back(all(), false, RunState::Failed).await.error.unwrap();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(failed.message.contains("it is open in sleep"), "{failed:?}");
    assert!(failed.hint.unwrap().contains("stop that program"));
    assert_eq!((kept(till.bank.path()), till.there()), (3, vec!["bank.db".to_owned()]));
    till.put_back(all(), false, RunState::Completed).await;
    assert_eq!(kept(till.bank.path()), 0);
    till.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_not_written_over_a_database_in_use() {
    for form in [None, Some(plain())] {
        let mut till = Till::new("WAL", &[]).await;
        if let Some(settings) = form {
            hold(&till.world, settings, None);
        }
        till.back_up(RunState::Completed).await;
        let opened = till.bank.open();
        till.bank.transfer(&opened, 1);
        let failed =
            restore(&till.world, request("latest", "/".into()), RunState::Failed).await.error.unwrap();
        assert!(failed.message.contains("bank.db-wal belongs to it"), "{failed:?}");
        assert!(failed.hint.unwrap().contains("into its place as a database"));
        assert_eq!(kept(till.bank.path()), 1);
        // To another folder it is a file like others.
        let folder = till.world.path("elsewhere");
        restore(&till.world, request("latest", folder.clone()), RunState::Completed).await;
        assert_eq!(kept(&folder.join(till.bank.path().strip_prefix("/").unwrap())), 0);
        till.world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_told_kept_and_put_into_no_place() {
    let mut till = Till::new("DELETE", &[]).await;
    let first = till.back_up(RunState::Completed).await;
    let mut bytes = std::fs::read(till.bank.path()).unwrap();
    bytes[4096 * 3..4096 * 4].fill(0xaa);
    std::fs::write(till.bank.path(), &bytes).unwrap();
    let run = till.back_up(RunState::Completed).await;
    assert_eq!(run.outcome.unwrap().errors, 1);
    let log = till.world.log(run.id).await;
    assert!(log.contains("till/bank.db is damaged: "), "{log}");
    let failed = till.put_back(all(), false, RunState::Failed).await.error.unwrap();
    assert!(failed.message.contains("was damaged already when it was backed up"), "{failed:?}");
    assert_eq!(std::fs::read(till.bank.path()).unwrap(), bytes, "it was touched");
    assert_eq!(till.there(), ["bank.db"]);
    let snapshot = first.destinations[0].snapshot.clone().unwrap();
    let into = Some(RestoreInto::Sqlite(all()));
    let older = RestoreRequest { into, ..request(&snapshot, "/".into()) };
    restore(&till.world, older, RunState::Completed).await;
    assert_eq!(kept(till.bank.path()), 0);
    till.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_missing_or_forbidden_does_not_keep_the_others() {
    let mut till = Till::new("WAL", &["till/gone.db", "till/leads-out.db", "till/noise.db"]).await;
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::os::unix::fs::symlink(outside.path(), till.world.path("till/leads-out.db")).unwrap();
    std::fs::write(till.world.path("till/noise.db"), [7; 10_000]).unwrap();
    let run = till.back_up(RunState::Completed).await;
    assert_eq!(run.outcome.unwrap().errors, 3);
    let log = till.world.log(run.id).await;
    for part in ["gone.db cannot be read", "policy", "file is not a database"] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert_eq!(archives(&till.world).await.len(), 1);
    let wrong = IntoSqlite { databases: vec!["/srv/other.db".to_owned()], to: None };
    let failed = till.put_back(wrong, false, RunState::Failed).await.error.unwrap();
    assert!(failed.hint.unwrap().contains("till/bank.db"), "what it has is not told");
    till.put_back(all(), false, RunState::Completed).await;
    std::fs::remove_file(till.bank.path()).unwrap();
    let run = till.back_up(RunState::Failed).await;
    assert!(run.error.unwrap().message.contains("bank.db cannot be read"));
    till.world.stop().await;
}
