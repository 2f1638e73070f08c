//! Services and containers that are stopped for a backup, with service managers that take down what they are asked.

use std::os::unix::fs::PermissionsExt;

use backstay_model::{RunKind, RunState};
use backstay_node::local_policy::{LocalPolicy, Mode};
use backstay_policy::Schedule;
use serde_json::json;

use crate::world::World;

/// A world whose host has these programs, and a policy with these lines.
async fn world(programs: &[(&str, &str)], policy: &str) -> World {
    let mut world = World::new(Schedule::default()).await;
    std::fs::write(world.path("source/letter"), "dear all").unwrap();
    world.stop().await;
    std::fs::create_dir(world.path("bin")).unwrap();
    for (name, script) in programs {
        let file = world.path("bin").join(name);
        let calls = world.path("calls");
        let script = format!("#!/bin/sh\necho \"{name} $*\" >> {}\n{script}\n", calls.display());
        std::fs::write(&file, script).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let file = world.path("policy.toml");
    std::fs::write(&file, format!("programs = [{:?}, \"/usr/bin\", \"/bin\"]\n{policy}", world.path("bin")))
        .unwrap();
    world.policy = LocalPolicy::load(&file, Mode::Local).unwrap();
    world.start().await;
    world
}

fn calls(world: &World) -> Vec<String> {
    let text = std::fs::read_to_string(world.path("calls")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn arrange(world: &World) {
    world.hub.change(|plan| {
        plan.hooks = serde_json::from_value(json!({
            "before": [{"stop_service": "db.service"}, {"stop_container": "web"}],
            "after": [{"start_container": "web"}, {"start_service": "db.service"}],
        }))
        .unwrap();
    });
}

const ALL: &str = "services = [\"*\"]\ncontainers = [\"*\"]\ncommands = [\"*\"]\n";

#[tokio::test(flavor = "multi_thread")]
async fn services_and_containers_are_stopped_and_started_in_order() {
    let mut world = world(&[("systemctl", ""), ("docker", "")], ALL).await;
    arrange(&world);
    std::fs::write(world.path("source/letter"), "dear all\n".repeat((1 << 20) / 9)).unwrap();
    let run = world.run_plan(RunKind::Backup);
    world.until_state(run, RunState::Completed).await;
    let expected = [
        "systemctl stop -- db.service",
        "docker stop -- web",
        "docker start -- web",
        "systemctl start -- db.service",
    ];
    assert_eq!(calls(&world), expected);
    let log = world.log(run).await;
    let compressed = log.lines().find(|line| line.contains("info compress: ")).unwrap();
    assert!(compressed.contains("1.0 MiB of new data were compressed to "), "{compressed}");
    assert!(!compressed.contains("compressed to 1.0 MiB"), "{compressed}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn podman_stands_in_where_there_is_no_docker() {
    let mut world = world(&[("systemctl", ""), ("podman", "")], ALL).await;
    // Where the host that runs the tests has a docker of its own, it is the one that is taken.
    if ["/usr/bin/docker", "/bin/docker"].iter().any(|path| std::path::Path::new(path).exists()) {
        return world.stop().await;
    }
    arrange(&world);
    world.until_state(world.run_plan(RunKind::Backup), RunState::Completed).await;
    assert!(calls(&world).contains(&"podman stop -- web".to_owned()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_run_that_failed_has_the_state_of_the_system_as_it_was_then() {
    let systemctl = "[ $1 != is-active ] || { echo inactive; exit 3; }";
    let docker = "case $1 in stop) echo no such container >&2; exit 1;; inspect) echo exited;; esac";
    let mut world = world(&[("systemctl", systemctl), ("docker", docker)], ALL).await;
    arrange(&world);
    let run = world.run_plan(RunKind::Backup);
    let failed = world.until_state(run, RunState::Failed).await;
    let message = failed.error.unwrap().message;
    assert!(message.contains("stop container web") && message.contains("exit status: 1"), "{message}");
    let expected = [
        "systemctl stop -- db.service",
        "docker stop -- web",
        "systemctl is-active -- db.service",
        "docker inspect --format {{.State.Status}} -- web",
        "docker start -- web",
        "systemctl start -- db.service",
    ];
    assert_eq!(calls(&world), expected);
    let log = world.log(run).await;
    for line in [
        "service db.service: inactive",
        "container web: exited",
        "memory: ",
        "load: ",
        &format!("disk of the source, {}: ", world.path("source").display()),
        &format!("disk of destination disk, {}: ", world.path("repository").display()),
    ] {
        assert!(log.contains(&format!("info system: {line}")), "{line:?} in\n{log}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_the_owner_of_the_host_does_not_name_is_left_alone() {
    let policy = "services = [\"other.service\"]\n";
    let mut world = world(&[("systemctl", ""), ("docker", "")], policy).await;
    arrange(&world);
    let run = world.run_plan(RunKind::Backup);
    let failed = world.until_state(run, RunState::Failed).await;
    let error = failed.error.unwrap();
    assert!(error.message.contains("db.service") && error.message.contains("policy"), "{error:?}");
    assert_eq!(calls(&world), Vec::<String>::new());
    let text = world.until_told("left in trouble").await;
    assert!(text.contains("start container web"), "{text}");
    world.stop().await;
}
