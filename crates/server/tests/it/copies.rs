//! Copy plans: made, refused, run and followed up by the API.

use backstay_model::{Role, RunKind, RunState, Time};
use serde_json::{Value, json};

use crate::records_in_store::silent_node;
use crate::setting::{Setting, at, destination, until};
use crate::world::{Client, World};

const ALL: &str = "/api/v1/plans";

fn copies(name: &str, from: &Value, to: &[&Value]) -> Value {
    let to: Vec<&Value> = to.iter().map(|destination| &destination["id"]).collect();
    json!({"name": name, "sources": [], "copy": {"from": from["id"]}, "destinations": to})
}

async fn refused(client: &Client, form: Value, field: &str) -> String {
    let refused = client.post(ALL, form).await;
    assert_eq!(refused.body["field"], field, "{refused:#?}");
    refused.body["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_is_copied_to_another_by_a_plan_and_stands_in_the_overview() {
    let mut world = World::new().await;
    let node = world.start_node().await;
    let admin = world.program(Role::Admin, world.home).await;
    let operator = world.program(Role::Operator, world.home).await;
    let setting = Setting::new(&world, &admin).await;
    let site = destination(&admin, "site", &setting.connection, "site").await;
    assert_eq!(
        operator.post(ALL, copies("no", &setting.destination, &[&site])).await.problem(403),
        "forbidden"
    );
    let plan = admin.post(ALL, copies("off site", &setting.destination, &[&site])).await.expect(201);
    assert_eq!((&plan["copy"]["mirror"], plan["copy"].get("node")), (&json!(false), None));
    // The repository that it copies to is known with it.
    assert_eq!(admin.get("/api/v1/repositories").await.expect(200)["items"].as_array().unwrap().len(), 2);
    let copy_now = at("plans", &plan, "/run");
    let refused = operator.post(&copy_now, json!({"kind": "backup"})).await;
    assert_eq!((&refused.body["field"], refused.status.as_u16()), (&json!("kind"), 422));

    let queued = operator.post(&at("plans", &setting.plan, "/run"), json!({})).await.expect(201);
    until(&world, &queued["runs"][0], "done", |run| run.state == RunState::Completed).await;
    let queued = operator.post(&copy_now, json!({})).await.expect(201);
    let run = until(&world, &queued["runs"][0], "done", |run| run.state == RunState::Completed).await;
    assert_eq!((run.kind, run.node, run.destinations[0].copied), (RunKind::Copy, node, 1));
    assert_eq!(run.from.as_ref().unwrap().name, "office");
    // It is found by either of its ends.
    for place in [&setting.destination, &site] {
        let id = place["id"].as_str().unwrap();
        let found = admin.get(&format!("/api/v1/runs?kind=copy&destination={id}")).await.expect(200);
        assert_eq!(found["items"][0]["id"], json!(run.id));
    }
    let repository = run.destinations[0].repository;
    let snapshots = operator.get(&format!("/api/v1/repositories/{repository}/snapshots")).await.expect(200);
    let tags = snapshots["items"][0]["tags"].as_array().unwrap();
    assert!(tags.contains(&json!(format!("plan:{}", setting.plan["id"].as_str().unwrap()))), "{snapshots:#}");

    let overview = admin.get("/api/v1/overview").await.expect(200);
    let plans = overview["plans"].as_array().unwrap();
    let standing = plans.iter().find(|standing| standing["plan"]["id"] == plan["id"]).unwrap();
    assert_eq!((&standing["kind"], &standing["sources"][0]["run"]), (&json!("copy"), &json!(run.id)));
    assert_eq!(overview["protected_bytes"], 7, "copies are no further data");
    assert_eq!(standing["days"].as_array().unwrap().last().unwrap()["completed"], 1);
    let audit = world.store.audit(&backstay_catalog::AuditFilter::default(), 100).await.unwrap();
    assert!(audit.iter().any(|entry| entry.action == "plan.run" && entry.subject.contains("off site")));

    // What it copies from and to is in use.
    for place in [&setting.destination, &site] {
        assert_eq!(admin.delete(&at("destinations", place, "")).await.problem(409), "in_use");
    }
    // Its tags are nobody else's to give.
    let snapshot = snapshots["items"][0]["id"].as_str().unwrap();
    let path = format!("/api/v1/repositories/{repository}/snapshots/{snapshot}/tags");
    let wrong = operator.post(&path, json!({"add": ["copy:x"]})).await;
    assert_eq!((&wrong.body["field"], wrong.status.as_u16()), (&json!("add[0]"), 422));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_as_a_copy_is_refused() {
    let mut world = World::new().await;
    world.start_node().await;
    let admin = world.program(Role::Admin, world.home).await;
    let Setting { connection, source, destination: office, plan } = Setting::new(&world, &admin).await;
    let site = destination(&admin, "site", &connection, "site").await;
    let archives =
        json!({"name": "zip", "connection": connection["id"], "path": "zip", "holds": {"type": "archives"}});
    let archives = admin.post("/api/v1/destinations", archives).await.expect(201);
    let form = copies("copies", &office, &[&site]);
    let with = |name: &str, value: Value| {
        let mut form = form.clone();
        form[name] = value;
        form
    };
    refused(&admin, copies("self", &office, &[&site, &office]), "destinations[1]").await;
    let told = refused(&admin, copies("zip", &office, &[&archives]), "destinations[0]").await;
    assert!(told.contains("zip holds archives"), "{told}");
    refused(&admin, copies("zip", &archives, &[&site]), "copy.from").await;
    refused(&admin, with("copy", json!({"from": plan["id"]})), "copy.from").await;
    refused(&admin, with("sources", json!([source["id"]])), "sources").await;
    refused(&admin, with("tags", json!(["a"])), "tags").await;
    refused(&admin, with("copy", json!({"from": office["id"], "hosts": [" "]})), "copy.hosts[0]").await;
    let mut mirror = with("copy", json!({"from": office["id"], "mirror": true}));
    mirror["retention"] = json!({"last": 3});
    assert!(refused(&admin, mirror, "retention").await.contains("a mirror keeps"));
    // A plan stays what it is.
    let mut changed = form.clone();
    changed["revision"] = json!(1);
    let answer = admin.put(&at("plans", &plan, ""), changed).await;
    assert_eq!((&answer.body["field"], answer.status.as_u16()), (&json!("copy"), 422));
    // A folder of one node is no place for the copies of another.
    let elsewhere = silent_node(&world.store, world.home, "elsewhere").await;
    refused(&admin, with("copy", json!({"from": office["id"], "node": elsewhere})), "copy.from").await;
    // Copies in a ring end by themselves.
    let there = admin.post(ALL, form).await.expect(201);
    let mut back = copies("back", &site, &[&office]);
    back["enabled"] = json!(false);
    let back = admin.post(ALL, back).await.expect(201);
    for (plan, snapshots) in [(&plan, 0), (&there, 1), (&back, 0), (&there, 0)] {
        let queued = admin.post(&at("plans", plan, "/run"), json!({})).await.expect(201);
        let run = until(&world, &queued["runs"][0], "done", |run| run.state == RunState::Completed).await;
        assert_eq!(run.outcome.unwrap().snapshots_copied, snapshots);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_node_copies_its_own_and_one_copies_what_all_share() {
    let mut world = World::new().await;
    let node = world.start_node().await;
    let admin = world.program(Role::Admin, world.home).await;
    let other = silent_node(&world.store, world.home, "nas").await;
    // Nobody answers there, which is all the same for this.
    let connection = bucket(&world, node).await;
    let place = |name: &'static str, layout: &'static str| {
        let form = json!({"name": name, "connection": connection["id"], "path": name, "layout": layout});
        let admin = admin.clone();
        async move { admin.post("/api/v1/destinations", form).await.expect(201) }
    };
    let (own, site, shared) =
        (place("own", "per_node").await, place("site", "per_node").await, place("shared", "shared").await);
    let each = admin.post(ALL, copies("each", &own, &[&site])).await.expect(201);
    let id = each["id"].as_str().unwrap().parse().unwrap();
    assert!(world.store.nodes_of_plan(id).await.unwrap().is_empty());
    assert_eq!(admin.post(&at("plans", &each, "/run"), json!({})).await.problem(409), "conflict");
    // A node that begins to back up there copies from then on, and has a place for the copies.
    for (name, on) in [("one", node), ("two", other)] {
        let spec = json!({"type": "files", "paths": ["/srv"]});
        let source = json!({"name": name, "node": on, "spec": spec});
        let source = admin.post("/api/v1/sources", source).await.expect(201);
        let form =
            json!({"name": name, "sources": [source["id"]], "destinations": [own["id"]], "enabled": false});
        admin.post(ALL, form).await.expect(201);
    }
    let mut nodes = [node, other];
    nodes.sort_unstable();
    assert_eq!(world.store.nodes_of_plan(id).await.unwrap(), nodes);
    let site_id = site["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.store.repositories(site_id).await.unwrap().len(), 2);
    assert!(world.store.plans_of_node(other).await.unwrap().iter().any(|plan| plan.id == id));
    // Of what all share one node makes the copies: the server's own unless another is named.
    let one = admin.post(ALL, copies("one", &shared, &[&site])).await;
    assert_eq!(one.problem(409), "name_taken");
    let one = admin.post(ALL, copies("shared", &shared, &[&site])).await.expect(201);
    assert_eq!(one["copy"]["node"], json!(node));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_of_what_each_node_has_in_one_place_needs_one_node() {
    let mut world = World::new().await;
    let node = world.start_node().await;
    let admin = world.program(Role::Admin, world.home).await;
    let connection = bucket(&world, node).await;
    let form = |name: &str, layout: &str| json!({"name": name, "connection": connection["id"], "path": name, "layout": layout});
    let make = |form: Value| {
        let admin = admin.clone();
        async move { admin.post("/api/v1/destinations", form).await.expect(201) }
    };
    let (own, apart, shared) = (
        make(form("own", "per_node")).await,
        make(form("apart", "per_node")).await,
        make(form("shared", "shared")).await,
    );
    let mirror = |name: &str, to: &Value, node: Option<backstay_model::NodeId>| {
        let mut form = copies(name, &own, &[to]);
        form["copy"]["mirror"] = json!(true);
        if let Some(node) = node {
            form["copy"]["node"] = json!(node);
        }
        form
    };
    // The clean-up of each node would remove the copies of all others.
    let told = refused(&admin, mirror("all", &shared, None), "copy.node").await;
    assert!(told.contains("shared"), "{told}");
    admin.post(ALL, mirror("one", &shared, Some(node))).await.expect(201);
    admin.post(ALL, copies("no mirror", &own, &[&shared])).await.expect(201);
    admin.post(ALL, mirror("apart", &apart, None)).await.expect(201);
    // Nor does a destination become shared that such a plan goes to.
    let mut changed = form("apart", "shared");
    changed["revision"] = apart["revision"].clone();
    changed["holds"] = apart["holds"].clone();
    let answer = admin.put(&at("destinations", &apart, ""), changed).await;
    assert_eq!((&answer.body["field"], answer.status.as_u16()), (&json!("layout"), 422), "{answer:#?}");
    assert!(answer.body["detail"].as_str().unwrap().contains("plan apart"), "{answer:#?}");
    world.stop().await;
}

/// A connection to a service that need not answer.
async fn bucket(world: &World, node: backstay_model::NodeId) -> Value {
    let now = Time::now();
    let record = json!({
        "id": "01900000-0000-7000-8000-00000000c0de", "project": world.home, "name": "bucket", "node": node,
        "settings": {"type": "s3", "endpoint": "https://s3.example.org", "bucket": "b", "access_key": "a"},
        "status": {"health": "unchecked"}, "created": now, "changed": now, "revision": 1,
    });
    let connection: backstay_model::Connection = serde_json::from_value(record.clone()).unwrap();
    world.store.create_connection(&connection, None).await.unwrap();
    record
}
