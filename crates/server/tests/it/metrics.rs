//! Numbers for Prometheus.

use std::collections::BTreeMap;

use backstay_model::link::News;
use backstay_model::run::RunDestination;
use backstay_model::{HostState, Role, RunState, Time};

use crate::records_in_store::{Setup, silent_node};
use crate::world::World;

/// All samples, by name and labels. Fails where the text is none that Prometheus reads.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut metric = String::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("# TYPE ") {
            let (name, kind) = head.split_once(' ').unwrap();
            assert_eq!(kind, if name.ends_with("_total") { "counter" } else { "gauge" });
            assert!(
                !samples.keys().any(|key: &String| key.split('{').next() == Some(name)),
                "{name} comes twice"
            );
            metric = name.to_owned();
        } else if !line.starts_with("# HELP ") {
            let (key, value) = line.rsplit_once(' ').unwrap();
            assert_eq!(key.split('{').next(), Some(metric.as_str()), "{line}");
            assert!(samples.insert(key.to_owned(), value.parse().unwrap()).is_none(), "{line}");
        }
    }
    samples
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_of_what_a_token_may_see() {
    let world = World::new().await;
    let other = world.project("Other \"quoted\\\" one").await;
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    let hidden = Setup::new(&world, silent_node(&world.store, other, "vault").await, |_| {}).await;
    let host = HostState {
        version: "1.2.3".to_owned(),
        cpu_percent: 12.5,
        memory_total: 8 << 30,
        disk_free: 5,
        runs_pending: 4,
        load: 0.25,
        ..HostState::default()
    };
    world.store.node_seen(setup.node, 1, &host, Time::now()).await.unwrap();
    for state in [RunState::Failed, RunState::Failed, RunState::Completed] {
        setup.ran(&world.store, state, 0).await;
        hidden.ran(&world.store, state, 0).await;
    }
    for (bytes, snapshot) in [(700, Some("5ca1ab1e")), (11, None)] {
        for setup in [&setup, &hidden] {
            let mut run = setup.run(RunState::Completed, Time::UNIX_EPOCH);
            run.ended = Some(Time::from_second(1_790_000_000).unwrap());
            run.destinations = vec![RunDestination {
                id: setup.destination.id,
                name: setup.destination.name.clone(),
                repository: setup.repository,
                state: RunState::Completed,
                snapshot: snapshot.map(str::to_owned),
                copied: 0,
                bytes_added: bytes,
                stored: None,
                free: None,
                cut_apart_from: None,
                error: None,
            }];
            setup.tell(&world.store, News::Run { run: Box::new(run) }).await;
        }
    }
    assert_eq!(world.nobody().get("/metrics").await.problem(401), "unauthenticated");
    let viewer = world.program(Role::Viewer, world.home).await;
    let reply = viewer.get("/metrics").await;
    assert_eq!(reply.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = reply.expect(200).as_str().unwrap().to_owned();
    assert!(!text.contains("vault") && !text.contains("Other"), "{text}");
    let found = samples(&text);
    let nas = |name: &str| found.get(&format!("{name}{{project=\"Default\",node=\"nas\"}}")).copied();
    assert_eq!(nas("backstay_node_up"), Some(1.0));
    assert_eq!(nas("backstay_node_cpu_percent"), Some(12.5));
    assert_eq!(nas("backstay_node_memory_total_bytes"), Some(8_589_934_592.0));
    assert_eq!(nas("backstay_node_disk_free_bytes"), Some(5.0));
    assert_eq!(nas("backstay_node_runs_pending"), Some(4.0));
    assert_eq!(nas("backstay_node_load"), Some(0.25));
    assert!(
        (nas("backstay_node_last_seen_timestamp_seconds").unwrap() - Time::now().as_second() as f64).abs()
            < 60.0
    );
    let runs = |state: &str| {
        found[&format!("backstay_runs{{project=\"Default\",node=\"nas\",kind=\"backup\",state=\"{state}\"}}")]
    };
    assert_eq!((runs("failed"), runs("completed")), (2.0, 3.0));
    let storage = |name: &str| {
        let (name, destination, repository) =
            (format!("backstay_repository_{name}"), &setup.destination.name, setup.repository);
        let labels = format!(
            "project=\"Default\",destination=\"{destination}\",repository=\"{repository}\",node=\"nas\""
        );
        found[&format!("{name}{{{labels}}}")]
    };
    assert_eq!((storage("bytes_added_total"), storage("snapshots_made_total")), (711.0, 1.0));
    assert_eq!(storage("last_snapshot_timestamp_seconds"), 1_790_000_000.0);
    assert_eq!(found["backstay_connections{project=\"Default\",health=\"unchecked\"}"], 1.0);
    assert_eq!(found["backstay_agents{project=\"Default\"}"], 1.0);
    assert!(found["process_resident_memory_bytes"] > 1e6);
    assert!(found.keys().any(|key| key.starts_with("backstay_build_info{version=")));

    let of_other = world.program(Role::Viewer, other).await.get("/metrics").await.expect(200);
    let found = samples(of_other.as_str().unwrap());
    assert_eq!(found["backstay_node_up{project=\"Other \\\"quoted\\\\\\\" one\",node=\"vault\"}"], 0.0);
    world.stop().await;
}
