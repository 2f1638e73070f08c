//! Runs, from the question to the restored file.

use std::time::Duration;

use backstay_model::command::Ask;
use backstay_model::link::News;
use backstay_model::{Level, Role, RunId, RunKind, RunState, Time};
use serde_json::{Value, json};

use crate::records_in_store::{Setup, silent_node};
use crate::world::{SystemClock, SystemRandom, World};

/// Starts a backup by the plan, as soon as the node knows it.
async fn back_up(world: &World, setup: &Setup) -> RunId {
    let run = RunId::new(&SystemClock, &SystemRandom);
    let end = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        let ask = Ask::RunPlan { plan: setup.plan.id, kind: RunKind::Backup, guard: false, runs: vec![run] };
        match world.server.hub().ask(setup.node, "test", ask, Duration::from_secs(10)).await {
            Ok(_) => return run,
            Err(error) => assert!(std::time::Instant::now() < end, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn has_state(state: &'static str) -> impl Fn(&Value) -> bool {
    move |run| run["state"] == state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_seen_browsed_and_restored() {
    let mut world = World::new().await;
    let node = world.start_node().await;
    std::fs::create_dir_all(world.path("data/folder")).unwrap();
    std::fs::write(world.path("data/folder/file"), "content").unwrap();
    let setup = Setup::new(&world, node, |_| {}).await;
    let operator = world.program(Role::Operator, world.home).await;
    let viewer = world.program(Role::Viewer, world.home).await;
    let other = world.project("Other").await;
    let stranger = world.program(Role::Owner, other).await;

    let run = back_up(&world, &setup).await;
    let path = format!("/api/v1/runs/{run}");
    let done = viewer.until(&path, "done", has_state("completed")).await;
    let snapshot = done["destinations"][0]["snapshot"].as_str().unwrap().to_owned();
    assert_eq!(stranger.get(&path).await.problem(404), "not_found");
    assert_eq!(viewer.get(&format!("{path}/log")).await.problem(403), "forbidden");
    assert_eq!(stranger.get(&format!("{path}/log")).await.problem(404), "not_found");
    let log = operator.get(&format!("{path}/log")).await.expect(200);
    assert!(log["items"].as_array().unwrap().len() > 2, "{log:#}");
    let rest = operator.get(&format!("{path}/log?after={}", log["next"])).await.expect(200);
    assert_eq!((&rest["items"], &rest["next"]), (&json!([]), &log["next"]));

    let snapshots = format!("/api/v1/repositories/{}/snapshots", setup.repository);
    assert_eq!(viewer.get(&snapshots).await.problem(403), "forbidden");
    assert_eq!(stranger.get(&snapshots).await.problem(404), "not_found");
    let listed = operator.get(&snapshots).await.expect(200);
    assert_eq!(listed["items"][0]["id"].as_str().unwrap(), snapshot);
    let data = world.path("data/folder").display().to_string();
    let folder = format!("{snapshots}/{snapshot}/folder?path={data}");
    assert_eq!(viewer.get(&folder).await.problem(403), "forbidden");
    assert_eq!(operator.get(&folder).await.expect(200)["items"][0]["name"], "file");
    assert_eq!(operator.get(&format!("{snapshots}/latest/folder?path=data")).await.problem(422), "invalid");

    let target = world.path("restored").display().to_string();
    let form = json!({"repository": setup.repository, "snapshot": "latest", "target": target});
    assert_eq!(viewer.post("/api/v1/restores", form.clone()).await.problem(403), "forbidden");
    assert_eq!(stranger.post("/api/v1/restores", form.clone()).await.problem(404), "not_found");
    let mut odd = form.clone();
    odd["target"] = json!("relative");
    let refused = operator.post("/api/v1/restores", odd).await;
    assert_eq!(refused.body["field"], "target");
    assert_eq!(refused.problem(422), "invalid");
    let elsewhere = silent_node(&world.store, other, "elsewhere").await;
    let mut odd = form.clone();
    odd["node"] = json!(elsewhere);
    assert_eq!(operator.post("/api/v1/restores", odd.clone()).await.problem(404), "not_found");
    // Another node's host would hold the key then.
    odd["node"] = json!(silent_node(&world.store, world.home, "replacement").await);
    assert_eq!(operator.post("/api/v1/restores", odd).await.problem(403), "forbidden");
    let queued = operator.post("/api/v1/restores", form).await.expect(201);
    let path = format!("/api/v1/runs/{}", queued["run"].as_str().unwrap());
    operator.until(&path, "restored", has_state("completed")).await;
    assert_eq!(std::fs::read_to_string(format!("{target}{data}/file")).unwrap(), "content");

    let entries = world.store.audit(&backstay_catalog::AuditFilter::default(), 100).await.unwrap();
    let deeds: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    // Two looks at the log are one entry.
    assert_eq!(deeds, ["restore.create", "snapshot.browse", "snapshot.list", "run.read_log"]);
    assert_eq!(entries[1].after.as_ref().unwrap()["path"], data);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_paused_resumed_and_cancelled() {
    let mut world = World::new().await;
    let node = world.start_node().await;
    std::fs::create_dir_all(world.path("data")).unwrap();
    for number in 0..300_u32 {
        let mut content = vec![0; 100_000];
        getrandom::fill(&mut content).unwrap();
        std::fs::write(world.path(&format!("data/{number}")), content).unwrap();
    }
    let setup = Setup::new(&world, node, |plan| plan.spec.limits.read = Some(1 << 20)).await;
    let operator = world.program(Role::Operator, world.home).await;
    let viewer = world.program(Role::Viewer, world.home).await;
    let run = back_up(&world, &setup).await;
    let path = format!("/api/v1/runs/{run}");
    operator.until(&path, "going", |run| run["progress"]["bytes"].as_u64().unwrap() > 0).await;
    let post = |what: &str| {
        let (operator, path) = (operator.clone(), format!("{path}/{what}"));
        async move { operator.post(&path, json!({})).await }
    };
    assert_eq!(viewer.post(&format!("{path}/pause"), json!({})).await.problem(403), "forbidden");
    assert_eq!(post("resume").await.problem(409), "conflict");
    let told = post("pause").await.expect(202);
    assert!(told["intent"] == "pausing" || told["state"] == "paused", "{told:#}");
    operator.until(&path, "paused", has_state("paused")).await;
    let told = post("resume").await.expect(202);
    assert!(told["state"] == "pending" || told["state"] == "running", "{told:#}");
    operator.until(&path, "going on", has_state("running")).await;
    let told = post("cancel").await.expect(202);
    assert!(told["intent"] == "cancelling" || told["state"] == "cancelled", "{told:#}");
    operator.until(&path, "cancelled", has_state("cancelled")).await;
    assert_eq!(post("pause").await.problem(409), "conflict");
    let audit = world.store.audit(&backstay_catalog::AuditFilter::default(), 100).await.unwrap();
    let deeds: Vec<_> = audit.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(deeds, ["run.cancel", "run.resume", "run.pause"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_answer_is_said_to_be_silent() {
    let world = World::new().await;
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    let run = setup.ran(&world.store, RunState::Running, 0).await;
    let owner = world.owner().await;
    let reply = owner.post(&format!("/api/v1/runs/{}/cancel", run.id), json!({})).await;
    assert_eq!(reply.problem(504), "node_silent");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_filtered_paged_and_counted() {
    let world = World::new().await;
    let other = world.project("Other").await;
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    let hidden = Setup::new(&world, silent_node(&world.store, other, "vault").await, |_| {}).await;
    let mut ids = Vec::new();
    for (age, state) in [
        (50, RunState::Completed),
        (40, RunState::Completed),
        (30, RunState::Failed),
        (20, RunState::Cancelled),
        (10, RunState::Running),
    ] {
        ids.push(setup.ran(&world.store, state, age).await.id.to_string());
        hidden.ran(&world.store, state, age).await;
    }
    ids.reverse();
    let viewer = world.program(Role::Viewer, world.home).await;
    let ids_of = |reply: Value| {
        let items = reply["items"].as_array().unwrap().clone();
        items.iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let list = "/api/v1/runs";
    assert_eq!(ids_of(viewer.get(list).await.expect(200)), ids);
    let ended = viewer.get(&format!("{list}?state=failed&state=cancelled,completed")).await.expect(200);
    assert_eq!(ids_of(ended), ids[1..]);
    let plan = setup.plan.id;
    for same in [
        format!("plan={plan}"),
        format!("source={}", setup.source.id),
        format!("node={}&kind=backup", setup.node),
        format!("project={}", world.home),
    ] {
        assert_eq!(ids_of(viewer.get(&format!("{list}?{same}")).await.expect(200)), ids, "{same}");
    }
    for nothing in [
        format!("plan={}", hidden.plan.id),
        format!("destination={}", setup.destination.id),
        "kind=verify".to_owned(),
        "until=2020-01-01T00:00:00Z".to_owned(),
        "since=2100-01-01T00:00:00Z".to_owned(),
    ] {
        assert_eq!(ids_of(viewer.get(&format!("{list}?{nothing}")).await.expect(200)), [""; 0], "{nothing}");
    }
    let first = viewer.get(&format!("{list}?limit=2")).await.expect(200);
    let next = first["next"].as_str().unwrap();
    let second = viewer.get(&format!("{list}?limit=3&cursor={next}")).await.expect(200);
    assert_eq!(second.get("next"), None);
    assert_eq!([ids_of(first.clone()), ids_of(second)].concat(), ids);

    let counts = viewer.get(&format!("{list}/counts?plan={plan}")).await.expect(200);
    let expected = json!({"successful": 2, "failed": 1, "running": 1, "pending": 0, "paused": 0, "cancelled": 1, "total": 5});
    assert_eq!(counts, expected);
    assert_eq!(viewer.get(&format!("{list}/counts")).await.expect(200), expected);

    assert_eq!(viewer.get(&format!("{list}?project={other}")).await.problem(404), "not_found");
    for (odd, status, kind) in [
        ("state=odd", 422, "invalid"),
        ("limit=0", 422, "invalid"),
        ("limit=501", 422, "invalid"),
        ("cursor=odd", 422, "invalid"),
        ("plan=odd", 400, "bad_request"),
        ("kind=odd", 400, "bad_request"),
        ("colour=red", 400, "bad_request"),
    ] {
        assert_eq!(viewer.get(&format!("{list}?{odd}")).await.problem(status), kind, "{odd}");
    }
    assert_eq!(viewer.get(&format!("{list}/odd")).await.problem(404), "not_found");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_searched_by_those_who_may_see_content() {
    let world = World::new().await;
    let other = world.project("Other").await;
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    let hidden = Setup::new(&world, silent_node(&world.store, other, "vault").await, |_| {}).await;
    let run = setup.ran(&world.store, RunState::Running, 0).await;
    let lines = [
        (Level::Debug, "opening"),
        (Level::Info, "Reading"),
        (Level::Error, "reading failed"),
        (Level::Info, "done"),
    ];
    setup.logged(&world.store, run.id, &lines).await;
    let unseen = hidden.ran(&world.store, RunState::Running, 0).await;
    hidden.logged(&world.store, unseen.id, &[(Level::Info, "reading secrets")]).await;
    let operator = world.program(Role::Operator, world.home).await;
    let viewer = world.program(Role::Viewer, world.home).await;

    let numbers = |reply: Value| {
        let items = reply["items"].as_array().unwrap().clone();
        items.iter().map(|line| line["number"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    let log = format!("/api/v1/runs/{}/log", run.id);
    assert_eq!(numbers(operator.get(&log).await.expect(200)), [1, 2, 3, 4]);
    assert_eq!(numbers(operator.get(&format!("{log}?level=error")).await.expect(200)), [3]);
    let part = operator.get(&format!("{log}?after=1&limit=2&level=info")).await.expect(200);
    assert_eq!((numbers(part.clone()), &part["next"]), (vec![2, 3], &json!(3)));
    let one = operator.get(&format!("{log}?limit=1&level=error")).await.expect(200);
    assert_eq!((numbers(one.clone()), &one["next"]), (vec![3], &json!(3)));
    assert_eq!(operator.get(&format!("{log}?limit=5001")).await.problem(422), "invalid");

    let search = "/api/v1/log";
    assert_eq!(numbers(operator.get(&format!("{search}?q=READING")).await.expect(200)), [3, 2]);
    let plan = setup.plan.id;
    assert_eq!(
        numbers(operator.get(&format!("{search}?q=ing&plan={plan}&level=error")).await.expect(200)),
        [3]
    );
    assert_eq!(numbers(operator.get(&format!("{search}?run={}", unseen.id)).await.expect(200)), [0_i64; 0]);
    let first = operator.get(&format!("{search}?limit=3")).await.expect(200);
    let next = first["next"].as_str().unwrap();
    assert_eq!(numbers(operator.get(&format!("{search}?cursor={next}")).await.expect(200)), [1]);
    assert_eq!(viewer.get(search).await.problem(403), "forbidden");
    assert_eq!(operator.get(&format!("{search}?project={other}")).await.problem(404), "not_found");

    // What was read out is written down: each search once, however many pages of it, and the log once for each who read it.
    let another = world.program(Role::Operator, world.home).await;
    another.get(&log).await.expect(200);
    let entries = world.store.audit(&backstay_catalog::AuditFilter::default(), 100).await.unwrap();
    let of = |action: &str| entries.iter().filter(|entry| entry.action == action).collect::<Vec<_>>();
    let (reads, searches) = (of("run.read_log"), of("run.search_log"));
    assert_eq!((reads.len(), searches.len()), (2, 4), "{entries:#?}");
    assert_ne!(reads[0].actor, reads[1].actor);
    assert!(
        reads
            .iter()
            .all(|entry| entry.project == Some(world.home) && entry.subject.contains(&run.id.to_string()))
    );
    assert_eq!(searches[3].after.as_ref().unwrap()["text"], "READING");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_is_seen_as_the_node_told_it() {
    let world = World::new().await;
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    let run = setup.run(RunState::Failed, Time::now());
    setup.tell(&world.store, News::Run { run: Box::new(run.clone()) }).await;
    let seen = world.owner().await.get(&format!("/api/v1/runs/{}", run.id)).await.expect(200);
    assert_eq!(seen, serde_json::to_value(&run).unwrap());
    world.stop().await;
}
