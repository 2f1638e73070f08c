//! Nodes, and the tokens by which hosts join.

use std::time::Duration;

use backstay_catalog::OneTimeKind;
use backstay_model::{HostState, Node, NodeId, ProjectId, Role, Time};
use backstay_server::state::TlsChoice;
use serde_json::json;

use crate::setting::{at, source};
use crate::world::{SystemClock, SystemRandom, World};

const ALL: &str = "/api/v1/nodes";
const TOKENS: &str = "/api/v1/nodes/tokens";

/// A node that joined once and is not there.
pub(crate) async fn away(world: &World, name: &str, project: ProjectId) -> NodeId {
    let node = Node {
        id: NodeId::new(&SystemClock, &SystemRandom),
        project,
        name: name.to_owned(),
        local: false,
        public_key: String::new(),
        last_seen: None,
        host: HostState::default(),
        revoked: false,
        trouble: None,
        created: Time::now(),
    };
    world.store.create_node(&node, None).await.unwrap();
    node.id
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_renamed_shut_out_and_removed() {
    let mut world = World::new().await;
    let here = world.start_node().await;
    let admin = world.program(Role::Admin, world.home).await;
    let elsewhere = world.project("elsewhere").await;
    let (far, foreign) = (away(&world, "far", world.home).await, away(&world, "foreign", elsewhere).await);

    let nodes = admin.get(ALL).await.expect(200);
    let names: Vec<_> = nodes["items"].as_array().unwrap().iter().map(|node| node["name"].clone()).collect();
    assert_eq!(names, ["far", "here"]);
    assert_eq!(admin.get(&format!("{ALL}?project={elsewhere}")).await.problem(404), "not_found");
    assert_eq!(admin.get(&format!("{ALL}/{foreign}")).await.problem(404), "not_found");
    assert_eq!(admin.delete(&format!("{ALL}/{foreign}")).await.problem(404), "not_found");

    let path = format!("{ALL}/{far}");
    assert_eq!(admin.put(&path, json!({"name": "attic"})).await.expect(200)["name"], "attic");
    assert_eq!(admin.put(&path, json!({"name": "here"})).await.problem(409), "name_taken");
    let operator = world.program(Role::Operator, world.home).await;
    assert_eq!(operator.put(&path, json!({"name": "mine"})).await.problem(403), "forbidden");
    assert_eq!(operator.post(&format!("{path}/revoke"), json!({})).await.problem(403), "forbidden");

    let local = format!("{ALL}/{here}");
    assert_eq!(admin.delete(&local).await.problem(409), "conflict");
    assert_eq!(admin.post(&format!("{local}/revoke"), json!({})).await.problem(409), "conflict");

    let spec = json!({"type": "files", "paths": ["/srv"]});
    let form = json!({"name": "attic files", "node": far, "spec": spec});
    let on_it = admin.post("/api/v1/sources", form.clone()).await.expect(201);
    let refused = admin.delete(&path).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("source attic files"), "{refused:#?}");
    assert_eq!(refused.problem(409), "in_use");

    assert_eq!(admin.post(&format!("{path}/revoke"), json!({})).await.expect(200)["revoked"], true);
    assert_eq!(admin.get(&format!("{path}/folder")).await.problem(409), "conflict");
    assert_eq!(admin.post("/api/v1/sources", form).await.problem(422), "invalid");
    admin.delete(&at("sources", &on_it, "")).await.expect(204);
    admin.delete(&path).await.expect(204);
    assert_eq!(admin.get(&path).await.problem(404), "not_found");
    assert_eq!(world.store.verify_audit().await.unwrap().first_bad, None);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_of_a_host_are_shown_to_those_who_may_see_content() {
    let mut world = World::new().await;
    let node = world.start_node().await;
    let operator = world.program(Role::Operator, world.home).await;
    std::fs::create_dir(world.path("shown")).unwrap();
    std::fs::write(world.path("shown/letter.txt"), "12345").unwrap();
    let path = format!("{ALL}/{node}/folder?path={}", world.path("shown").display());
    let items = operator.get(&path).await.expect(200);
    let item = &items["items"][0];
    assert_eq!(
        (&item["name"], &item["kind"], &item["size"]),
        (&json!("letter.txt"), &json!("file"), &json!(5))
    );
    let missing = format!("{ALL}/{node}/folder?path={}", world.path("missing").display());
    assert_eq!(operator.get(&missing).await.problem(422), "failed_on_node");
    let viewer = world.program(Role::Viewer, world.home).await;
    assert_eq!(viewer.get(&path).await.problem(403), "forbidden");
    let audit = world.store.audit(&Default::default(), 10).await.unwrap();
    let browsed: Vec<_> = audit.iter().filter(|entry| entry.action == "node.browse").collect();
    assert_eq!(browsed.len(), 1);
    assert!(browsed[0].subject.ends_with("/shown"), "{}", browsed[0].subject);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_no_token_is_made() {
    let world = World::new().await;
    let refused = world.owner().await.post(TOKENS, json!({})).await;
    assert!(refused.body["hint"].as_str().unwrap().contains("--tls-cert"), "{refused:#?}");
    assert_eq!(refused.problem(409), "conflict");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_listed_by_name_and_taken_back() {
    let mut world = World::new().await;
    let tls = World::serve(&world.folder, &world.store, TlsChoice::SelfSigned).await;
    std::mem::replace(&mut world.server, tls).stop(Duration::from_secs(5)).await;
    let admin = world.program(Role::Admin, world.home).await;
    let far = away(&world, "far", world.home).await;
    let elsewhere = world.project("elsewhere").await;
    let foreign = away(&world, "foreign", elsewhere).await;

    let made = admin.post(TOKENS, json!({"name": "attic", "expires_in": "2h"})).await.expect(201);
    let (token, id) = (made["token"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert!(token.starts_with("bsj_") && id.len() == 12);
    let command = made["command"].as_str().unwrap();
    assert!(command.contains(world.server.url()) && !command.contains(token), "{command}");
    assert!(
        command.starts_with("backstay agent join https://") && command.ends_with(" --join-token-file FILE"),
        "{command}"
    );
    let kept = world.store.one_times(OneTimeKind::AgentJoin, Time::now()).await.unwrap();
    let lasts = kept[0].expires.as_second() - kept[0].created.as_second();
    assert_eq!((lasts, kept[0].hash.starts_with(id)), (2 * 3600, true));

    let again = admin.post(TOKENS, json!({"rejoin": far})).await.expect(201);
    let listed = admin.get(TOKENS).await.expect(200);
    assert!(!listed.to_string().contains(token));
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert_eq!(listed["items"][0]["rejoin"], json!(far));
    assert_eq!(admin.post(TOKENS, json!({"rejoin": foreign})).await.problem(422), "invalid");
    assert_eq!(admin.post(TOKENS, json!({"expires_in": "8d"})).await.problem(422), "invalid");
    assert_eq!(admin.post(TOKENS, json!({"expires_in": "0s"})).await.problem(422), "invalid");
    assert_eq!(admin.post(TOKENS, json!({"project": elsewhere})).await.problem(404), "not_found");
    let operator = world.program(Role::Operator, world.home).await;
    assert_eq!(operator.post(TOKENS, json!({})).await.problem(403), "forbidden");
    assert_eq!(operator.get(TOKENS).await.expect(200)["items"], json!([]));
    assert_eq!(operator.delete(&format!("{TOKENS}/{id}")).await.problem(403), "forbidden");
    let stranger = world.program(Role::Owner, elsewhere).await;
    assert_eq!(stranger.delete(&format!("{TOKENS}/{id}")).await.problem(404), "not_found");

    admin.delete(&format!("{TOKENS}/{id}")).await.expect(204);
    assert_eq!(admin.delete(&format!("{TOKENS}/{id}")).await.problem(404), "not_found");
    let left = admin.get(TOKENS).await.expect(200);
    assert_eq!(left["items"][0]["id"], again["id"]);
    let audit = world.store.audit(&Default::default(), 10).await.unwrap();
    assert!(!serde_json::to_string(&audit).unwrap().contains(&token[4..]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_project_has_several_nodes_one_has_to_be_named() {
    let world = World::new().await;
    let admin = world.program(Role::Admin, world.home).await;
    let spec = json!({"type": "files", "paths": ["/srv"]});
    let form = json!({"name": "one", "spec": spec});
    assert_eq!(admin.post("/api/v1/sources", form.clone()).await.problem(422), "invalid");
    let first = away(&world, "first", world.home).await;
    assert_eq!(source(&admin, "zero", std::path::Path::new("/srv")).await["node"], json!(first));
    away(&world, "second", world.home).await;
    let refused = admin.post("/api/v1/sources", form).await;
    assert_eq!(refused.body["field"], "node");
    assert_eq!(refused.problem(422), "invalid");
    world.stop().await;
}
