//! Plans: made, changed, taken back, switched off, and run.

use std::time::Duration;

use backstay_model::command::Ask;
use backstay_model::{HostState, Role, RunKind, RunState, Time};
use serde_json::{Value, json};

use crate::records_in_store::silent_node;
use crate::setting::{Setting, at, destination, folder, plan, source, until};
use crate::world::World;

const ALL: &str = "/api/v1/plans";

fn with(mut value: Value, changes: Value) -> Value {
    for (name, change) in changes.as_object().unwrap() {
        value[name] = change.clone();
    }
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_that_can_be_gone_back_to_are_told_of_each_plan() {
    let mut world = World::new().await;
    world.start_node().await;
    let admin = world.program(Role::Admin, world.home).await;
    let setting = Setting::new(&world, &admin).await;
    let path = at("plans", &setting.plan, "/moments");
    assert_eq!(admin.get(&path).await.expect(200)["items"], json!([]));
    let named = |value: &Value| json!({"id": value["id"], "name": value["name"]});
    let log = |plan: &Value| {
        json!({
            "plan": plan, "source": named(&setting.source), "destination": named(&setting.destination),
            "moments": [{"from": "2026-11-26T03:00:00Z", "until": "2026-11-26T14:03:27Z"}], "trouble": "the network is down",
        })
    };
    let own = log(&setting.plan["id"]);
    let logs = json!([log(&setting.source["id"]), own]);
    let host = HostState { logs: serde_json::from_value(logs).unwrap(), ..HostState::default() };
    let node = silent_node(&world.store, world.home, "nas").await;
    world.store.node_seen(node, 1, &host, Time::now()).await.unwrap();
    assert_eq!(admin.get(&path).await.expect(200)["items"], json!([own]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_made_changed_taken_back_cloned_and_removed() {
    let mut world = World::new().await;
    world.start_node().await;
    let admin = world.program(Role::Admin, world.home).await;
    let setting = Setting::new(&world, &admin).await;
    let path = at("plans", &setting.plan, "");
    let repositories = admin.get("/api/v1/repositories").await.expect(200);
    assert_eq!(repositories["items"].as_array().unwrap().len(), 1, "the plan's repository is not known");

    let form = plan("nightly", &setting.source, &setting.destination);
    let schedule = json!({"when": {"daily": {"at": "03:00"}}, "zone": "Europe/Berlin"});
    let changed = with(form.clone(), json!({"schedule": schedule, "tags": ["office"], "revision": 1}));
    let after = admin.put(&path, changed.clone()).await.expect(200);
    assert_eq!((&after["revision"], &after["tags"]), (&json!(2), &json!(["office"])));
    assert_eq!(admin.put(&path, changed).await.problem(409), "changed_meanwhile");
    assert_eq!(admin.post(ALL, form.clone()).await.problem(409), "name_taken");
    for (wrong, field) in [
        (json!({"schedule": {"when": {"cron": "nonsense"}}}), json!("schedule")),
        (json!({"sources": []}), json!("sources")),
        (json!({"tags": ["a,b"]}), json!("tags[0]")),
        (json!({"sources": [setting.source["id"], setting.source["id"]]}), json!("sources[1]")),
        (json!({"continuous": {"every": "0s"}}), json!("continuous.every")),
        (json!({"continuous": {"keep": "1m"}}), json!("continuous.keep")),
        // Files have no log that could be followed.
        (json!({"continuous": {}}), json!("continuous")),
        (json!({"wheel": 1}), Value::Null),
    ] {
        let refused = admin.post(ALL, with(with(form.clone(), json!({"name": "other"})), wrong)).await;
        assert_eq!(refused.body.get("field").cloned().unwrap_or_default(), field, "{refused:#?}");
        assert_eq!(refused.problem(422), "invalid");
    }

    let next = admin.get(&at("plans", &setting.plan, "/next?count=3")).await.expect(200);
    assert_eq!(next["next"].as_array().unwrap().len(), 3);
    assert!(next["description"].as_str().unwrap().contains("03:00 Europe/Berlin"), "{next:#}");
    assert_eq!(admin.get(&at("plans", &setting.plan, "/next?count=0")).await.problem(422), "invalid");
    let preview = format!("{ALL}/preview");
    let would = admin.post(&preview, json!({"schedule": {"when": {"every": "6h"}}})).await.expect(200);
    assert_eq!((would["next"].as_array().unwrap().len(), &would["description"]), (5, &json!("every 6h")));
    let nonsense = json!({"schedule": {"when": {"cron": "61 * * * *"}}});
    assert_eq!(admin.post(&preview, nonsense).await.problem(422), "invalid");

    // What is never done is told from what is done by default.
    assert_eq!(after["verification"], json!({"every": "7d", "read_percent": 5.0}));
    let never = json!({"name": "unproved", "verification": {"every": null, "read_percent": 5.0}});
    let unproved = admin.post(ALL, with(form.clone(), never.clone())).await.expect(201);
    let kept = admin.get(&at("plans", &unproved, "")).await.expect(200);
    assert_eq!(kept["verification"], never["verification"]);
    admin.delete(&at("plans", &unproved, "")).await.expect(204);

    let off = admin.post(&at("plans", &setting.plan, "/disable"), json!({})).await.expect(200);
    assert_eq!((&off["enabled"], &off["revision"]), (&json!(false), &json!(3)));
    assert_eq!(admin.get(&at("plans", &setting.plan, "/next")).await.expect(200)["next"], json!([]));
    let same = admin.post(&at("plans", &setting.plan, "/disable"), json!({})).await.expect(200);
    assert_eq!(same["revision"], 3);
    let on = admin.post(&at("plans", &setting.plan, "/enable"), json!({})).await.expect(200);
    assert_eq!((&on["enabled"], &on["revision"]), (&json!(true), &json!(4)));

    let revisions = admin.get(&at("plans", &setting.plan, "/revisions")).await.expect(200);
    let numbers: Vec<_> =
        revisions["items"].as_array().unwrap().iter().map(|it| it["revision"].clone()).collect();
    assert_eq!(numbers, [4, 3, 2, 1]);
    assert!(revisions["items"][0]["changed_by"].as_str().unwrap().contains("token test of"));
    let revert = at("plans", &setting.plan, "/revert");
    let back = admin.post(&revert, json!({"revision": 1})).await.expect(200);
    assert_eq!((&back["revision"], &back["schedule"]), (&json!(5), &setting.plan["schedule"]));
    assert_eq!(back.get("tags"), None);
    assert_eq!(admin.post(&revert, json!({"revision": 77})).await.problem(422), "invalid");
    let late = json!({"revision": 2, "expected": 1});
    assert_eq!(admin.post(&revert, late).await.problem(409), "changed_meanwhile");

    let clone = at("plans", &setting.plan, "/clone");
    let cloned = admin.post(&clone, json!({"name": "weekly"})).await.expect(201);
    assert_eq!((&cloned["enabled"], &cloned["revision"]), (&json!(false), &json!(1)));
    assert_eq!(cloned["sources"], setting.plan["sources"]);
    assert_ne!(cloned["id"], setting.plan["id"]);
    assert_eq!(admin.post(&clone, json!({"name": "weekly"})).await.problem(409), "name_taken");

    for kind in ["sources", "destinations"] {
        let record = if kind == "sources" { &setting.source } else { &setting.destination };
        let refused = admin.delete(&at(kind, record, "")).await;
        let detail = refused.body["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("plan nightly") && detail.contains("plan weekly"), "{detail}");
        assert_eq!(refused.problem(409), "in_use");
    }
    admin.delete(&path).await.expect(204);
    admin.delete(&at("plans", &cloned, "")).await.expect(204);
    assert_eq!(admin.get(&path).await.problem(404), "not_found");
    assert_eq!(world.store.verify_audit().await.unwrap().first_bad, None);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_around_a_backup_is_for_owners_to_decide() {
    let mut world = World::new().await;
    world.start_node().await;
    let (owner, admin) = (world.owner().await, world.program(Role::Admin, world.home).await);
    let setting = Setting::new(&world, &admin).await;
    let hooks = json!({"before": [{"command": {"program": "/bin/true"}}]});
    let form = with(plan("hooked", &setting.source, &setting.destination), json!({"hooks": hooks}));
    assert_eq!(admin.post(ALL, form.clone()).await.problem(403), "forbidden");
    let update = with(form.clone(), json!({"name": "nightly", "revision": 1}));
    assert_eq!(admin.put(&at("plans", &setting.plan, ""), update).await.problem(403), "forbidden");

    let made = owner.post(ALL, form.clone()).await.expect(201);
    let path = at("plans", &made, "");
    // What is not about hooks an admin changes still.
    let same = admin.put(&path, with(form.clone(), json!({"tags": ["x"], "revision": 1}))).await.expect(200);
    assert_eq!(same["hooks"], made["hooks"]);
    admin.post(&at("plans", &made, "/disable"), json!({})).await.expect(200);
    let without = with(plan("hooked", &setting.source, &setting.destination), json!({"revision": 3}));
    assert_eq!(admin.put(&path, without.clone()).await.problem(403), "forbidden");
    assert_eq!(
        admin.post(&at("plans", &made, "/clone"), json!({"name": "mine"})).await.problem(403),
        "forbidden"
    );
    owner.put(&path, without).await.expect(200);
    assert_eq!(
        admin.post(&at("plans", &made, "/revert"), json!({"revision": 2})).await.problem(403),
        "forbidden"
    );
    owner.post(&at("plans", &made, "/revert"), json!({"revision": 2})).await.expect(200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_another_project_are_none() {
    let mut world = World::new().await;
    world.start_node().await;
    let admin = world.program(Role::Admin, world.home).await;
    let setting = Setting::new(&world, &admin).await;
    let elsewhere = world.project("elsewhere").await;
    let stranger = world.program(Role::Owner, elsewhere).await;

    let refused = stranger.post(ALL, plan("mine", &setting.source, &setting.destination)).await;
    assert_eq!(refused.body["field"], "sources[0]");
    assert_eq!(refused.problem(422), "invalid");
    let form = json!({"name": "mine", "connection": setting.connection["id"]});
    let refused = stranger.post("/api/v1/destinations", form).await;
    assert_eq!(refused.body["field"], "connection");
    assert_eq!(refused.problem(422), "invalid");
    let form = json!({"destination": setting.destination["id"], "password": "x"});
    assert_eq!(stranger.post("/api/v1/repositories/adopt", form).await.problem(404), "not_found");
    let path = |behind: &str| at("plans", &setting.plan, behind);
    for behind in ["", "/revisions", "/next"] {
        assert_eq!(stranger.get(&path(behind)).await.problem(404), "not_found");
    }
    for (behind, body) in [
        ("/run", json!({})),
        ("/enable", json!({})),
        ("/disable", json!({})),
        ("/clone", json!({"name": "mine"})),
        ("/revert", json!({"revision": 1})),
    ] {
        assert_eq!(stranger.post(&path(behind), body).await.problem(404), "not_found", "{behind}");
    }
    assert_eq!(stranger.delete(&path("")).await.problem(404), "not_found");
    for kind in ["plans", "sources", "destinations", "repositories", "nodes"] {
        assert_eq!(stranger.get(&format!("/api/v1/{kind}")).await.expect(200)["items"], json!([]), "{kind}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_runs_at_once_and_its_runs_have_the_ids_that_were_told() {
    let mut world = World::new().await;
    world.start_node().await;
    let (admin, operator) =
        (world.program(Role::Admin, world.home).await, world.program(Role::Operator, world.home).await);
    let setting = Setting::new(&world, &admin).await;
    let more = source(&admin, "more", &world.path("data")).await;
    let form = json!({
        "name": "both", "sources": [more["id"], setting.source["id"]], "destinations": [setting.destination["id"]],
    });
    let both = admin.post(ALL, form).await.expect(201);
    let run = at("plans", &both, "/run");
    let queued = operator.post(&run, json!({})).await.expect(201);
    let runs = queued["runs"].as_array().unwrap();
    assert_eq!((runs.len(), queued.get("refused")), (2, None));
    let mut names = Vec::new();
    for id in runs {
        let ended = until(&world, id, "completed", |run| run.state == RunState::Completed).await;
        assert!(ended.requested_by.unwrap().contains("token test of"));
        names.push(ended.source.unwrap().name);
    }
    names.sort();
    assert_eq!(names, ["data", "more"]);

    for kind in [RunKind::Verify, RunKind::Prune] {
        let queued = operator.post(&run, json!({"kind": kind.name()})).await.expect(201);
        let runs = queued["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 1);
        let ended = until(&world, &runs[0], "completed", |run| run.state.is_final()).await;
        assert_eq!((ended.kind, ended.state), (kind, RunState::Completed), "{:?}", ended.error);
    }
    assert_eq!(operator.post(&run, json!({"kind": "restore"})).await.problem(422), "invalid");
    assert_eq!(operator.post(&run, json!({"kind": "prune", "guard": true})).await.problem(422), "invalid");
    let viewer = world.program(Role::Viewer, world.home).await;
    assert_eq!(viewer.post(&run, json!({})).await.problem(403), "forbidden");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_removed_from_beneath_a_run() {
    let mut world = World::new().await;
    let node = world.start_node().await;
    let admin = world.program(Role::Admin, world.home).await;
    let setting = Setting::new(&world, &admin).await;
    std::fs::write(world.path("data/large"), vec![7; 4 << 20]).unwrap();
    let form = plan("nightly", &setting.source, &setting.destination);
    let slow = with(form, json!({"limits": {"read": 100_000}, "revision": 1}));
    admin.put(&at("plans", &setting.plan, ""), slow).await.expect(200);
    let queued = admin.post(&at("plans", &setting.plan, "/run"), json!({})).await.expect(201);
    let id = &queued["runs"][0];
    let run = until(&world, id, "running", |run| run.state == RunState::Running).await;
    for (kind, record) in [
        ("plans", &setting.plan),
        ("sources", &setting.source),
        ("destinations", &setting.destination),
        ("connections", &setting.connection),
    ] {
        let refused = admin.delete(&at(kind, record, "")).await;
        let detail = refused.body["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(&format!("backup run {} (running)", run.id)), "{kind}: {detail}");
        assert_eq!(refused.problem(409), "in_use");
    }
    let hub = world.server.hub();
    hub.ask(node, "test", Ask::Cancel { run: run.id }, Duration::from_secs(10)).await.unwrap();
    until(&world, id, "cancelled", |run| run.state == RunState::Cancelled).await;
    admin.delete(&at("plans", &setting.plan, "")).await.expect(204);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_needs_no_place_that_only_another_node_has() {
    let mut world = World::new().await;
    world.start_node().await;
    let admin = world.program(Role::Admin, world.home).await;
    let setting = Setting::new(&world, &admin).await;
    let far = crate::nodes::away(&world, "far", world.home).await;
    let spec = json!({"type": "files", "paths": ["/srv"]});
    let form = json!({"name": "far files", "node": far, "spec": spec});
    let there = admin.post("/api/v1/sources", form).await.expect(201);
    let refused = admin.post(ALL, plan("across", &there, &setting.destination)).await;
    assert_eq!(refused.body["field"], "destinations[0]");
    assert!(refused.body["detail"].as_str().unwrap().contains("another node"), "{refused:#?}");
    assert_eq!(refused.problem(422), "invalid");
    // Nor does a source of a plan move away from its destination.
    let moved = json!({"name": "data", "node": far, "spec": setting.source["spec"], "revision": 1});
    assert_eq!(admin.put(&at("sources", &setting.source, ""), moved).await.problem(422), "invalid");
    // And a destination that a plan goes to stays within reach.
    let other = folder(&admin, "second", &world.path("second")).await;
    let second = destination(&admin, "second", &other, "").await;
    admin.post(ALL, plan("second", &setting.source, &second)).await.expect(201);
    world.stop().await;
}
