//! Cold backups of a real MariaDB: it is stopped and started again, whatever fails, and what comes back is what was there.

use backstay_model::command::Ask;
use backstay_model::connection::MysqlSettings;
use backstay_model::link::SealedConnection;
use backstay_model::mysql::MysqlSpec;
use backstay_model::run::RestoreRequest;
use backstay_model::{
    ConnectionId, ConnectionSettings, Run, RunId, RunKind, RunState, SecretText, SourceSpec,
};
use backstay_node::local_policy::{LocalPolicy, Mode};
use backstay_node::seals;
use backstay_policy::Schedule;
use backstay_sources::testing::Instance;
use serde_json::{Value, json};

use crate::world::{SystemClock, SystemRandom, World};

/// A world with an instance to back up.
pub(crate) struct Cold {
    pub(crate) world: World,
    pub(crate) instance: Instance,
    pub(crate) before: Vec<String>,
}

impl Cold {
    /// One whose source says this of its method; `None` where there is no MariaDB and need be none.
    pub(crate) async fn new(method: Value) -> Option<Self> {
        let instance = Instance::start_new()?;
        instance.fill(2000);
        let mut world = World::new(Schedule::default()).await;
        world.stop().await;
        let file = world.path("policy.toml");
        let policy = format!(
            "programs = [{:?}, \"/usr/bin\", \"/bin\"]\nservices = [\"mariadb-test\"]\ncommands = [\"*\"]\nwrite = [\"/\"]\n\
             private_addresses = true\n",
            instance.manager()
        );
        std::fs::write(&file, policy).unwrap();
        world.policy = LocalPolicy::load(&file, Mode::Local).unwrap();
        let id = ConnectionId::new(&SystemClock, &SystemRandom);
        let mut whole = json!({"type": "cold", "service": {"service": instance.service()}});
        whole.as_object_mut().unwrap().extend(method.as_object().unwrap().clone());
        let spec: MysqlSpec = serde_json::from_value(json!({"connection": id, "method": whole})).unwrap();
        let (user, password) = instance.credentials();
        let settings = MysqlSettings {
            socket: None,
            host: "127.0.0.1".to_owned(),
            port: instance.port(),
            user: user.to_owned(),
            password: SecretText::default(),
        };
        let secrets = [("password".to_owned(), password.to_owned())].into();
        let key = world.identity().key;
        let secrets = seals::seal(key.public(), &seals::of_connection(id), &secrets, &SystemRandom).unwrap();
        world.hub.arrange(|configuration| {
            let source = &mut configuration.plans[0].sources[0];
            source.spec = SourceSpec::Mysql(spec);
            source.connection =
                Some(SealedConnection { id, settings: ConnectionSettings::Mysql(settings), secrets });
        });
        world.start().await;
        let before = instance.checksum();
        assert_eq!(before.len(), 10, "{before:?}");
        Some(Self { world, instance, before })
    }

    /// Changes what the source says of its method.
    pub(crate) fn edit(&self, edit: impl FnOnce(&mut Value)) {
        self.world.hub.arrange(|configuration| {
            let SourceSpec::Mysql(spec) = &mut configuration.plans[0].sources[0].spec else { panic!() };
            let mut method = serde_json::to_value(&spec.method).unwrap();
            edit(&mut method);
            spec.method = serde_json::from_value(method).unwrap();
        });
    }

    /// Has the instance stopped by a script that does something more.
    fn stop_and(&self, more: &str) {
        let manager = self.instance.manager();
        let script = format!("PATH={}:$PATH; systemctl stop -- mariadb-test && {more}", manager.display());
        let stop = json!({"program": "/bin/sh", "arguments": ["-c", script]});
        let start =
            json!({"program": manager.join("systemctl"), "arguments": ["start", "--", "mariadb-test"]});
        self.edit(|method| method["service"] = json!({"commands": {"stop": stop, "start": start}}));
    }

    pub(crate) async fn back_up(&self, state: RunState) -> Run {
        let run = self.world.run_plan(RunKind::Backup);
        self.ended(run, state).await
    }

    /// Waits for the end of a run, with which the instance has to run.
    pub(crate) async fn ended(&self, run: RunId, state: RunState) -> Run {
        let run = self.world.until_state(run, state).await;
        assert!(self.instance.is_running(), "{}", self.world.log(run.id).await);
        run
    }

    /// Loses all data, and brings it back as files.
    async fn restore(&self) {
        let instance = &self.instance;
        let _ = instance.sql("DROP DATABASE shop");
        instance.manage("stop");
        for folder in ["data", "redo", "undo", "binlog", "outside"] {
            std::fs::remove_dir_all(instance.folder().join(folder)).unwrap();
        }
        let run = self.world.run_id();
        let request = RestoreRequest {
            snapshot: "latest".to_owned(),
            paths: vec![instance.folder().display().to_string()],
            target: "/".to_owned(),
            overwrite: Default::default(),
            delete: false,
            dry_run: false,
            instance: None,
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
        self.world.until_state(run, RunState::Completed).await;
        instance.manage("start");
        assert_eq!(instance.checksum(), self.before);
    }

    pub(crate) async fn end(mut self) {
        let copies = self.world.path("node/spool");
        assert!(!copies.exists() || self.world.count("node/spool") == 0, "a copy is left");
        self.world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_copied_started_and_then_stored() {
    let Some(cold) = Cold::new(json!({"sequence": "copy_first"})).await else { return };
    let run = cold.back_up(RunState::Completed).await;
    assert_eq!(cold.instance.calls(), ["start", "stop", "start"]);
    let downtime: u64 = run.outcome.unwrap().more["downtime_ms"].parse().unwrap();
    assert!(downtime > 0);
    let log = cold.world.log(run.id).await;
    let steps = [
        "inspect: MariaDB 10.11.",
        "hook: stop service mariadb-test",
        "stop: the instance is stopped",
        "copy: ",
        "hook: start service mariadb-test",
        "start: the instance answers (10.11.",
        "save: saved snapshot",
        "clean-up: the copy on this host is removed",
    ];
    let mut rest = log.as_str();
    for step in steps {
        let at = rest.find(step).unwrap_or_else(|| panic!("{step:?} does not come in its turn:\n{log}"));
        rest = &rest[at..];
    }
    assert!(!log.contains("not a secret"), "{log}");

    // What did not change is not read again, though a copy has other inodes.
    let again = cold.back_up(RunState::Completed).await.outcome.unwrap();
    assert!(again.files_unmodified > again.files_changed, "{again:?}");
    cold.restore().await;
    cold.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_stored_while_it_is_stopped() {
    let Some(cold) = Cold::new(json!({"sequence": "send_first"})).await else { return };
    let run = cold.back_up(RunState::Completed).await;
    assert_eq!(cold.instance.calls(), ["start", "stop", "start"]);
    assert!(run.outcome.unwrap().more.contains_key("downtime_ms"));
    let log = cold.world.log(run.id).await;
    let (saved, started) = (log.find("saved snapshot").unwrap(), log.find("the instance answers").unwrap());
    assert!(saved < started, "{log}");
    cold.restore().await;
    cold.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_does_not_stop_is_not_backed_up_and_runs_on() {
    let Some(cold) = Cold::new(json!({"stop_timeout": "2s"})).await else { return };
    for fault in ["refuse-stop", "hang-stop"] {
        cold.instance.set(fault, true);
        let run = cold.back_up(RunState::Failed).await;
        cold.instance.set(fault, false);
        let error = run.error.unwrap();
        assert!(error.message.contains("stop service mariadb-test"), "{fault}: {error:?}");
        assert!(run.destinations[0].snapshot.is_none());
        assert_eq!(cold.instance.checksum(), cold.before);
    }
    // A command that says it has stopped something, and has not.
    let nothing = json!({"program": "/bin/true"});
    cold.edit(|method| method["service"] = json!({"commands": {"stop": nothing, "start": nothing}}));
    let error = cold.back_up(RunState::Failed).await.error.unwrap();
    assert!(error.message.contains("does not stop: process "), "{error:?}");
    cold.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_what_to_do_when_an_instance_does_not_start() {
    for sequence in ["copy_first", "send_first"] {
        let Some(cold) = Cold::new(json!({"sequence": sequence, "start_timeout": "5s"})).await else {
            return;
        };
        cold.instance.set("refuse-start", true);
        let run = cold.world.run_plan(RunKind::Backup);
        let run = cold.world.until_state(run, RunState::Failed).await;
        assert!(!cold.instance.is_running());
        let told = cold.world.until_told("does not start again").await;
        let data_dir = cold.instance.data_dir().canonicalize().unwrap();
        for part in [
            "systemctl start mariadb-test",
            "journalctl -u mariadb-test",
            data_dir.to_str().unwrap(),
            "error.log",
            "Shutdown complete",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        // What was copied was stored all the same.
        assert!(run.destinations[0].snapshot.is_some(), "{sequence}");
        cold.instance.set("refuse-start", false);
        cold.instance.manage("start");
        assert_eq!(cold.instance.checksum(), cold.before);
        cold.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_started_when_what_it_goes_to_fails() {
    let Some(cold) = Cold::new(json!({"sequence": "send_first"})).await else { return };
    cold.back_up(RunState::Completed).await;
    let _ = cold.instance.sql("INSERT INTO shop.orders VALUES (1000000, 'new')");
    // The repository cannot be written to once the instance is stopped.
    let packs = cold.world.path("repository/data");
    cold.stop_and(&format!("rm -rf {0} && touch {0}", packs.display()));
    let run = cold.back_up(RunState::Failed).await;
    assert!(run.error.is_some());
    cold.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_takes_too_long_or_finds_no_room_leaves_the_instance_running() {
    let Some(cold) = Cold::new(json!({"sequence": "send_first", "copy_timeout": "1s"})).await else { return };
    cold.world.hub.change(|plan| plan.limits.read = Some(1 << 20));
    let error = cold.back_up(RunState::Failed).await.error.unwrap();
    assert!(error.message.contains("the copy took longer than 1s"), "{error:?}");
    cold.end().await;

    let Some(cold) = Cold::new(json!({"sequence": "copy_first", "spool": "/proc/nowhere"})).await else {
        return;
    };
    let error = cold.back_up(RunState::Failed).await.error.unwrap();
    assert!(error.message.contains("no copy can be made in /proc/nowhere"), "{error:?}");
    assert_eq!(cold.instance.calls(), ["start"], "nothing is stopped for a copy that cannot be made");
    cold.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_pauses_cancels_or_ends_the_process_finds_the_instance_running() {
    let Some(mut cold) = Cold::new(json!({"sequence": "send_first"})).await else { return };
    cold.world.hub.change(|plan| plan.limits.read = Some(4 << 20));
    let is_stopped = async |cold: &Cold, run| {
        cold.world.until_state(run, RunState::Running).await;
        let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while cold.instance.is_running() {
            assert!(std::time::Instant::now() < end, "{}", cold.world.log(run).await);
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let run = cold.world.run_plan(RunKind::Backup);
    is_stopped(&cold, run).await;
    cold.world.ask(Ask::Pause { run });
    cold.ended(run, RunState::Paused).await;
    cold.world.ask(Ask::Cancel { run });
    cold.ended(run, RunState::Cancelled).await;

    let run = cold.world.run_plan(RunKind::Backup);
    is_stopped(&cold, run).await;
    cold.world.ask(Ask::Cancel { run });
    cold.ended(run, RunState::Cancelled).await;

    // The process is killed; the instance with it, as when the power fails.
    let run = cold.world.run_plan(RunKind::Backup);
    is_stopped(&cold, run).await;
    cold.world.kill().await;
    cold.instance.manage("stop");
    cold.world.hub.change(|plan| plan.limits.read = None);
    cold.world.start().await;
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !cold.instance.is_running() {
        assert!(std::time::Instant::now() < end, "{}", cold.world.log(run).await);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    cold.world.ask(Ask::Cancel { run });
    cold.world.until(run, "its end", |run| run.state.is_final()).await;
    assert_eq!(cold.instance.checksum(), cold.before);
    cold.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_outlives_a_destination_that_is_away() {
    let Some(mut cold) = Cold::new(json!({"sequence": "copy_first"})).await else { return };
    cold.back_up(RunState::Completed).await;
    // The repository is gone once the instance is stopped, as a disk that was pulled out.
    let (here, away) = (cold.world.path("repository"), cold.world.path("away"));
    cold.stop_and(&format!("mv {} {}", here.display(), away.display()));
    let run = cold.world.run_plan(RunKind::Backup);
    let waits = |run: &Run| {
        run.state == RunState::Pending && run.waiting.as_ref().is_some_and(|it| it.next_try.is_some())
    };
    cold.world.until(run, "to wait", waits).await;
    assert!(cold.instance.is_running());
    assert_eq!(cold.world.count("node/spool"), 1);
    // A restart in between, and another state of the instance, change nothing of the copy.
    cold.world.stop().await;
    cold.world.start().await;
    let _ = cold.instance.sql("DROP TABLE shop.orders");
    std::fs::rename(&away, &here).unwrap();
    cold.world.pass(3600);
    cold.ended(run, RunState::Completed).await;
    assert_eq!(cold.instance.calls().iter().filter(|call| *call == "stop").count(), 2);
    let log = cold.world.log(run).await;
    assert!(log.contains("going on with the copy that was made at"), "{log}");
    cold.restore().await;
    cold.end().await;
}
